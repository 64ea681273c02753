//! Defect vectors: a verification as a folder of files that describes itself.
//!
//! ```text
//! expect.toml           what it is, where it was seen, the time, the options, and the verdict due
//! root.layout           the layout
//! owners/0.pub          the keys of the owners, in PEM
//! timestamp-authorities/0.pem  the certificates of those whose time-stamp tokens are believed
//! inspectors/0.pub      those whose signed links stand in for inspections, where it is not the owners
//! links/**.link         the evidence; that of a sublayout in the folder of the sublayout's name
//! inspections.json      what running the inspections gives
//! product/**            the files that are delivered; what the inspections give, they give on these
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use unbroken_crypto::{Certificate, PublicKey, TimestampAuthorities};
use unbroken_model::digest::{Digest, DigestAlgorithm};
use unbroken_model::limits::Limits;
use unbroken_model::pattern::PatternDialect;
use unbroken_verify::{
    BindingDemands, BindingPolicy, Budget, CommandPolicy, FindingCode, Freshness,
    InspectionCommands, Inspectors, LayoutPin, Options, Pinning, SublayoutInspections,
};

use crate::case::Case;
use crate::chain::recorded;
use crate::inspections;

/// A verification with the verdict that is due.
#[derive(Clone, Debug)]
pub struct Vector {
    /// What was changed, in one sentence.
    pub title: String,
    /// Where the defect was seen: an advisory, a bug, or the facts of the format.
    pub reference: String,
    /// The lines of the catalogue of attacks that it holds.
    pub catalogue: Vec<String>,
    /// The codes of the findings that reject, sorted; empty for a chain that is verified.
    pub errors: Vec<String>,
    /// The codes of the findings that warn, sorted.
    pub warnings: Vec<String>,
    /// The verification.
    pub case: Case,
    /// The files that are delivered, by path; none where what the inspections give is made up, or
    /// a program cannot be asked in this way, so that only a verifier within this process can be held
    /// to the vector.
    pub product: Option<BTreeMap<String, String>>,
}

/// The file `expect.toml`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Expect {
    title: String,
    reference: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    catalogue: Vec<String>,
    verdict: String,
    errors: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    now: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commands: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inspections: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sublayout_inspections: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sublayout_depth: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern_dialect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_layout_version: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    in_process: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bindings: Option<Bindings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_layout: Option<SeenLayout>,
}

/// What the links must be bound to beside the layout.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bindings {
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
}

/// The newest layout that the verifier saw before.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SeenLayout {
    version: u64,
    sha256: String,
}

/// Returns the folder of the vectors.
pub fn vectors_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

impl Vector {
    /// Returns the files of the vector by their paths in its folder.
    ///
    /// # Panics
    /// When a value has no form in `expect.toml`.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let expect = toml::to_string(&self.expect()).expect("a flat table has a TOML form");
        files.insert("expect.toml".to_owned(), expect.into_bytes());
        files.insert("root.layout".to_owned(), self.case.layout.clone());
        for (index, owner) in self.case.owners.iter().enumerate() {
            files.insert(format!("owners/{index}.pub"), owner.spki_pem().into_bytes());
        }
        for (index, inspector) in self.inspectors().iter().enumerate() {
            files.insert(format!("inspectors/{index}.pub"), inspector.spki_pem().into_bytes());
        }
        for (index, authority) in self.timestamp_authorities().iter().enumerate() {
            let pem = authority.to_pem().expect("an own certificate is written");
            files.insert(format!("timestamp-authorities/{index}.pem"), pem.into_bytes());
        }
        for (stem, bytes) in &self.case.evidence {
            files.insert(format!("links/{stem}.link"), bytes.clone());
        }
        if !self.case.outcomes.is_empty() {
            files.insert("inspections.json".to_owned(), inspections::write(&self.case.outcomes));
        }
        for (path, text) in self.product.iter().flatten() {
            files.insert(format!("product/{path}"), text.clone().into_bytes());
        }
        files
    }

    /// Returns the keys whose signed links stand in for inspections; none where those of the owners do.
    pub(crate) fn inspectors(&self) -> Vec<PublicKey> {
        match &self.case.options.inspectors {
            Inspectors::AnyOf(keys) => keys.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the certificates of those whose time-stamp tokens are believed.
    pub(crate) fn timestamp_authorities(&self) -> Vec<Certificate> {
        self.case.options.timestamp_authorities.certificates().cloned().collect()
    }

    fn expect(&self) -> Expect {
        let Options {
            parameters,
            commands,
            inspections,
            sublayout_inspections,
            patterns,
            freshness,
            bindings,
            ..
        } = &self.case.options;
        let depth = self.case.budget.depth;
        Expect {
            title: self.title.clone(),
            reference: self.reference.clone(),
            catalogue: self.catalogue.clone(),
            verdict: if self.errors.is_empty() { "verified" } else { "rejected" }.to_owned(),
            errors: self.errors.clone(),
            warnings: self.warnings.clone(),
            now: self.case.now.to_string(),
            subject: self.case.subject.as_ref().map(ToString::to_string),
            commands: (*commands == CommandPolicy::Enforce).then(|| "enforce".to_owned()),
            inspections: (*inspections == InspectionCommands::Never).then(|| "never".to_owned()),
            sublayout_inspections: (*sublayout_inspections == SublayoutInspections::Allow)
                .then(|| "allow".to_owned()),
            pattern_dialect: (*patterns == PatternDialect::Go).then(|| "go".to_owned()),
            sublayout_depth: (depth != Budget::default().depth).then_some(depth),
            min_layout_version: freshness.minimum,
            bindings: match bindings {
                BindingPolicy::Report => None,
                BindingPolicy::Require(BindingDemands { nonce, not_before }) => Some(Bindings {
                    nonce: nonce.clone(),
                    not_before: not_before.as_ref().map(ToString::to_string),
                }),
            },
            in_process: self.product.is_none(),
            parameters: parameters.clone(),
            seen_layout: match freshness.pin {
                Pinning::NotKept | Pinning::FirstSeen => None,
                Pinning::Seen(LayoutPin { version, digest }) => {
                    Some(SeenLayout { version, sha256: HEXLOWER.encode(&digest) })
                }
            },
        }
    }

    /// Reads a vector from its folder.
    ///
    /// # Errors
    /// What keeps the folder from being a vector.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let expect = text(&folder.join("expect.toml"))?;
        let expect: Expect = toml::from_str(&expect).map_err(|error| error.to_string())?;
        for code in expect.errors.iter().chain(&expect.warnings) {
            FindingCode::from_word(code).ok_or_else(|| format!("no finding code: {code:?}"))?;
        }
        let due = if expect.errors.is_empty() { "verified" } else { "rejected" };
        if expect.verdict != due {
            return Err(format!("the verdict {:?} does not fit the errors", expect.verdict));
        }
        let product =
            if expect.in_process { None } else { Some(product(&folder.join("product"))?) };
        let case = Case {
            product: product.as_ref().map(recorded),
            now: expect.now.parse().map_err(|_| format!("no time: {:?}", expect.now))?,
            layout: bytes(&folder.join("root.layout"))?,
            owners: owners(&folder.join("owners"))?,
            evidence: evidence(&folder.join("links"), "")?,
            outcomes: match folder.join("inspections.json") {
                file if file.exists() => inspections::read(&bytes(&file)?)?,
                _ => BTreeMap::new(),
            },
            options: Options {
                parameters: expect.parameters,
                commands: match expect.commands.as_deref() {
                    None => CommandPolicy::Warn,
                    Some("enforce") => CommandPolicy::Enforce,
                    Some(other) => return Err(format!("commands: {other:?}")),
                },
                inspections: match expect.inspections.as_deref() {
                    None => InspectionCommands::Run,
                    Some("never") => InspectionCommands::Never,
                    Some(other) => return Err(format!("inspections: {other:?}")),
                },
                inspectors: match owners(&folder.join("inspectors"))? {
                    keys if keys.is_empty() => Inspectors::Owners,
                    keys => Inspectors::AnyOf(keys.into_iter().collect()),
                },
                sublayout_inspections: match expect.sublayout_inspections.as_deref() {
                    None => SublayoutInspections::Refuse,
                    Some("allow") => SublayoutInspections::Allow,
                    Some(other) => return Err(format!("sublayout-inspections: {other:?}")),
                },
                patterns: match expect.pattern_dialect.as_deref() {
                    None => PatternDialect::Python,
                    Some("go") => PatternDialect::Go,
                    Some(other) => return Err(format!("pattern-dialect: {other:?}")),
                },
                freshness: Freshness {
                    minimum: expect.min_layout_version,
                    pin: expect.seen_layout.as_ref().map(seen).transpose()?.unwrap_or_default(),
                },
                bindings: expect.bindings.map(bindings).transpose()?.unwrap_or_default(),
                timestamp_authorities: authorities(&folder.join("timestamp-authorities"))?,
                ..Options::default()
            },
            limits: Limits::default(),
            budget: Budget {
                depth: expect.sublayout_depth.unwrap_or(Budget::default().depth),
                ..Budget::default()
            },
            subject: expect.subject.as_deref().map(subject).transpose()?,
        };
        let Expect { title, reference, catalogue, errors, warnings, .. } = expect;
        Ok(Self { title, reference, catalogue, errors, warnings, case, product })
    }
}

fn bindings(Bindings { nonce, not_before }: Bindings) -> Result<BindingPolicy, String> {
    let time = |text: String| text.parse().map_err(|_| format!("no time: {text:?}"));
    let not_before = not_before.map(time).transpose()?;
    Ok(BindingPolicy::Require(BindingDemands { nonce, not_before }))
}

fn seen(layout: &SeenLayout) -> Result<Pinning, String> {
    let digest = HEXLOWER.decode(layout.sha256.as_bytes()).ok();
    let digest = digest.and_then(|digest| digest.try_into().ok()).ok_or("no digest of a layout")?;
    Ok(Pinning::Seen(LayoutPin { version: layout.version, digest }))
}

fn subject(text: &str) -> Result<Digest, String> {
    let (algorithm, hex) = text.split_once(':').ok_or("a subject is `algorithm:digits`")?;
    Digest::from_hex(DigestAlgorithm::from_name(algorithm), hex).map_err(|error| error.to_string())
}

fn owners(folder: &Path) -> Result<Vec<PublicKey>, String> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let keys = entries(folder)?.into_iter().map(|file| {
        PublicKey::from_pem_or_other(&bytes(&file)?)
            .map_err(|error| format!("{}: {error}", file.display()))
    });
    keys.collect()
}

fn authorities(folder: &Path) -> Result<TimestampAuthorities, String> {
    let files = if folder.exists() { entries(folder)? } else { Vec::new() };
    let read = files.into_iter().map(|file| {
        Certificate::read(&bytes(&file)?).map_err(|error| format!("{}: {error}", file.display()))
    });
    TimestampAuthorities::new(read.collect::<Result<_, _>>()?).map_err(|error| error.to_string())
}

/// Reads the files of a product; the products of vectors have no folders.
fn product(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    if !folder.exists() {
        return Ok(BTreeMap::new());
    }
    let files = entries(folder)?.into_iter().map(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, text(&file)?))
    });
    files.collect()
}

fn evidence(folder: &Path, prefix: &str) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut found = BTreeMap::new();
    if !folder.exists() {
        return Ok(found);
    }
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(evidence(&path, &format!("{prefix}{name}/"))?);
        } else {
            let stem = name.strip_suffix(".link").ok_or_else(|| format!("no link: {name:?}"))?;
            found.insert(format!("{prefix}{stem}"), bytes(&path)?);
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let listed = listed.map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = listed.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn text(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
