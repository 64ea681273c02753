//! The demo's pipeline: its layout, and the steps as their functionaries do them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use unbroken_crypto::{KeyAlgorithm, KeyIdStyle, SigningKey, sign};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::json::Object;
use unbroken_model::layout::{Inspection, Layout, LayoutKey, Step};
use unbroken_model::link::Link;
use unbroken_model::rule::ArtifactRule;
use unbroken_model::timestamp::Timestamp;
use unbroken_record::atomic::Overwrite;
use unbroken_record::{HashOptions, StepRun, Streams, link_file_name, run_step};

use super::builder::Builder;
use super::scanner;
use crate::commands::recording::record_error;
use crate::error::{CliError, Result};
use crate::files;

/// Half a year, in seconds.
const VALIDITY: i64 = 182 * 24 * 60 * 60;
/// What the inspection runs: it fails when the scan report names a critical vulnerability.
const NO_CRITICAL: &str = r#"if grep -n '"Severity": *"CRITICAL"' scan/vulnerability-report.json; then
  echo "a critical vulnerability is reported"; exit 1
fi"#;

/// The keys of the demo: the owner of the project and the two functionaries.
pub(super) struct Keys {
    pub(super) owner: SigningKey,
    pub(super) builder: SigningKey,
    pub(super) scanner: SigningKey,
}

impl Keys {
    /// Makes the keys and writes them.
    pub(super) fn make(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| {
            CliError::undecided(format!("cannot make the folder {}", folder.display()))
                .because(error)
        })?;
        let make = |name: &str| {
            let failed = |error| CliError::undecided("cannot make a key").because(error);
            let key = SigningKey::generate(KeyAlgorithm::Ed25519).map_err(failed)?;
            let private = key.to_pkcs8_pem(None).map_err(failed)?;
            let public = key.public().spki_pem();
            files::write(&folder.join(name), private.as_bytes(), 0o600, Overwrite::Replace)?;
            let file = folder.join(format!("{name}.pub"));
            files::write(&file, public.as_bytes(), 0o644, Overwrite::Replace)?;
            Ok(key)
        };
        Ok(Self { owner: make("owner")?, builder: make("builder")?, scanner: make("scanner")? })
    }
}

/// Makes the layout and signs it with the owner's key.
pub(super) fn signed_layout(keys: &Keys, now: Timestamp) -> Result<Envelope<'static>> {
    let failed = |error| CliError::undecided("cannot list a key in the layout").because(error);
    let style = KeyIdStyle::default();
    let builder = keys.builder.public().to_layout_key(style).map_err(failed)?;
    let scanner = keys.scanner.public().to_layout_key(style).map_err(failed)?;
    let made = [
        "MATCH src/* WITH PRODUCTS FROM checkout",
        "MATCH image/* WITH PRODUCTS FROM build",
        "MATCH image-digest.txt WITH PRODUCTS FROM build",
        "MATCH scan/* WITH PRODUCTS FROM scan",
        "DISALLOW *",
    ];
    let layout = Layout {
        expires: Timestamp::from_unix(now.unix() + VALIDITY),
        readme: "checkout -> build -> scan; nothing may change in between, and no critical \
                 vulnerability may be left."
            .to_owned(),
        steps: vec![
            step("checkout", &builder, &["DISALLOW *"], &["CREATE src/*", "DISALLOW *"])?,
            step(
                "build",
                &builder,
                &["MATCH src/* WITH PRODUCTS FROM checkout", "DISALLOW *"],
                &["CREATE image/*", "CREATE image-digest.txt", "DISALLOW *"],
            )?,
            step(
                "scan",
                &scanner,
                &["MATCH image-digest.txt WITH PRODUCTS FROM build", "DISALLOW *"],
                &[
                    "CREATE scan/sbom.cdx.json",
                    "CREATE scan/vulnerability-report.json",
                    "DISALLOW *",
                ],
            )?,
        ],
        inspections: vec![Inspection {
            name: name("no-critical-vulnerabilities")?,
            expected_materials: rules(&made)?,
            expected_products: rules(&made)?,
            run: ["sh", "-c", NO_CRITICAL].map(str::to_owned).to_vec(),
            extra: Object::new(),
        }],
        keys: [builder, scanner].into_iter().map(|key| (key.id.clone(), key)).collect(),
        root_cas: BTreeMap::new(),
        intermediate_cas: BTreeMap::new(),
        extra: Object::new(),
    };
    let mut envelope = Envelope::unsigned(EnvelopeKind::Metablock, layout.to_value().into_owned());
    sign(&mut envelope, &keys.owner, style)
        .map_err(|error| CliError::undecided("cannot sign the layout").because(error))?;
    Ok(envelope)
}

fn step(name_of: &str, key: &LayoutKey, materials: &[&str], products: &[&str]) -> Result<Step> {
    Ok(Step {
        name: name(name_of)?,
        expected_materials: rules(materials)?,
        expected_products: rules(products)?,
        pubkeys: vec![key.id.clone()],
        cert_constraints: Vec::new(),
        expected_command: Vec::new(),
        threshold: std::num::NonZeroU32::MIN,
        extra: Object::new(),
    })
}

fn rules(texts: &[&str]) -> Result<Vec<ArtifactRule>> {
    let parsed = texts.iter().map(|text| ArtifactRule::parse_text(text));
    let faulty = |error| CliError::undecided("the demo's own layout is faulty").because(error);
    parsed.collect::<std::result::Result<_, _>>().map_err(faulty)
}

fn name(text: &str) -> Result<unbroken_model::name::StepName> {
    let faulty = |error| CliError::undecided("the demo's own layout is faulty").because(error);
    text.parse().map_err(faulty)
}

/// The folders of one run of the pipeline.
pub(super) struct Workshop {
    /// What is built: the product that is verified.
    pub(super) product: PathBuf,
    /// Where the links go.
    pub(super) links: PathBuf,
}

impl Workshop {
    /// Opens the folders below `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let workshop = Self { product: folder.join("product"), links: folder.join("links") };
        for folder in [&workshop.product, &workshop.links] {
            std::fs::create_dir_all(folder).map_err(|error| {
                CliError::undecided(format!("cannot make the folder {}", folder.display()))
                    .because(error)
            })?;
        }
        Ok(workshop)
    }

    /// Checks the source out of its repository.
    pub(super) fn checkout(&self, repository: &Path, keys: &Keys) -> Result<Link> {
        let clone = ["git", "clone", "--quiet"].map(str::to_owned).to_vec();
        let command = [clone, vec![repository.display().to_string(), "src".to_owned()]].concat();
        self.record("checkout", &[], &["src"], &command, &keys.builder)
    }

    /// Builds the image.
    pub(super) fn build(&self, builder: Builder, keys: &Keys) -> Result<Link> {
        self.record("build", &["src"], builder.products(), &builder.command()?, &keys.builder)
    }

    /// Scans the image; `critical` plants a critical vulnerability in a sample report.
    pub(super) fn scan(&self, critical: bool, keys: &Keys) -> Result<Link> {
        let command = scanner::command(critical)?;
        self.record("scan", &["image-digest.txt"], &["scan"], &command, &keys.scanner)
    }

    fn record(
        &self,
        step: &str,
        materials: &[&str],
        products: &[&str],
        command: &[String],
        key: &SigningKey,
    ) -> Result<Link> {
        let owned = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>();
        let base_path = Some(self.product.clone());
        let recorded = run_step(&StepRun {
            materials: &owned(materials),
            products: &owned(products),
            directory: Some(&self.product),
            streams: Streams::Capture,
            options: HashOptions { base_path, ..HashOptions::default() },
            ..StepRun::new(name(step)?, command)
        })
        .map_err(record_error)?;
        let link = recorded.link;
        if link.return_value() != Some(0) {
            let printed = link.byproducts.get("stderr").and_then(|text| text.as_str());
            return Err(CliError::undecided(format!("the step {step} failed"))
                .because(printed.unwrap_or_default().to_owned()));
        }
        let mut envelope = Envelope::unsigned(EnvelopeKind::Metablock, link.to_value());
        let style = KeyIdStyle::default();
        sign(&mut envelope, key, style)
            .map_err(|error| CliError::undecided("cannot sign the link").because(error))?;
        let id = key.public().key_id(style);
        let file = self.links.join(link_file_name(&link.name, &id).map_err(record_error)?);
        files::write(&file, &envelope.to_bytes(), 0o644, Overwrite::Replace)?;
        Ok(link)
    }
}
