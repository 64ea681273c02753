//! Materials are held against the links of earlier steps before any work begins.
//!
//! Without this a functionary builds what he finds, and his signature turns somebody else's change
//! into his own. Nothing has been run, signed or written when the materials are refused.

mod by_layout;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use unbroken_crypto::{Functionary, KeySet, SignatureBudget, authenticate};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::DigestSet;
use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_model::rule::Side;
use unbroken_record::link_dir::{LinkDirLimits, read_links, steps_of};
use unbroken_verify::{Finding, hold_materials};

use self::by_layout::{LayoutBefore, LayoutOptions};
use super::recording::record_error;
use super::verify::clock;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::keys::{PassphraseSource, load_public_key_at};
use crate::output::{Output, count, escape_line};

/// What the materials are held against before the work begins.
#[derive(Args, Clone, Debug)]
pub(crate) struct EarlierOptions {
    /// Begin only if the materials are what links of earlier steps, or of a folder, tell of
    #[arg(long, value_name = "LINK", help_heading = None)]
    verify_materials: Vec<PathBuf>,
    /// The public key of a functionary of earlier steps; one of these must have signed each of the
    /// links that materials are verified against
    #[arg(long, value_name = "FILE", requires = "verify_materials")]
    #[arg(hide_short_help = true, help_heading = "Artifacts")]
    functionary: Vec<PathBuf>,
    /// Verify materials against links as they are, whoever may have written them
    #[arg(long, requires = "verify_materials", conflicts_with = "functionary")]
    #[arg(hide_short_help = true, help_heading = "Artifacts")]
    dangerously_trust_unsigned_links: bool,
    /// Which side of the links the materials are verified against
    #[arg(long, value_name = "SIDE", default_value = "products")]
    #[arg(hide_short_help = true, help_heading = "Artifacts")]
    verify_materials_against: Against,
    #[command(flatten)]
    layout: LayoutOptions,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Against {
    /// What the earlier steps left
    Products,
    /// What the earlier steps used
    Materials,
}

/// What materials are held against.
pub(crate) enum Earlier {
    /// Links that name them.
    Links(Vec<Link>, Side),
    /// The rules of a layout.
    Layout(Box<LayoutBefore>),
}

/// Who may have signed the links.
enum Signers {
    Functionaries(KeySet<Functionary>),
    Anybody,
}

impl EarlierOptions {
    /// Reads the links and checks their signatures; there is nothing to check where none is named.
    pub(crate) fn load(&self, step: &StepName, materials: &[String]) -> Result<Option<Earlier>> {
        if self.verify_materials.is_empty() {
            return Ok(None);
        }
        if materials.is_empty() {
            return Err(CliError::usage("--verify-materials has no materials to verify")
                .remedy("name what the step uses with --materials"));
        }
        if let Some(layout) = self.layout.load(step, &self.verify_materials)? {
            return Ok(Some(Earlier::Layout(Box::new(layout))));
        }
        let signers = self.signers()?;
        let mut links = Vec::new();
        for path in &self.verify_materials {
            if path.is_dir() {
                links.extend(links_in(path, step, &signers)?);
            } else {
                links.push(open(path, &files::read(path)?, &signers)?);
            }
        }
        let side = match self.verify_materials_against {
            Against::Products => Side::Products,
            Against::Materials => Side::Materials,
        };
        Ok(Some(Earlier::Links(links, side)))
    }

    fn signers(&self) -> Result<Signers> {
        if self.dangerously_trust_unsigned_links {
            return Ok(Signers::Anybody);
        }
        if self.functionary.is_empty() {
            return Err(CliError::usage(
                "the links of earlier steps prove nothing unless it is known who may sign them",
            )
            .remedy(
                "name the public keys of their functionaries with --functionary, or the layout that does with --layout",
            ));
        }
        let (none, now) = (PassphraseSource::default(), clock());
        let keys = self.functionary.iter().map(|path| load_public_key_at(path, &none, now));
        Ok(Signers::Functionaries(keys.collect::<Result<_>>()?))
    }
}

impl Earlier {
    /// Refuses materials that are not what the links tell of, or not what the layout lets the step use.
    pub(crate) fn hold(
        self,
        step: &StepName,
        materials: &ArtifactSet,
        output: &Output,
    ) -> Result<()> {
        let (links, side) = match self {
            Self::Links(links, side) => (links, side),
            Self::Layout(layout) => return layout.hold(step, materials, output),
        };
        let findings = hold_materials(step, materials, side, &links);
        if findings.is_empty() {
            let links = count(links.len(), "earlier link");
            let materials = count(materials.len(), "material");
            output.talk(&format!("{materials} as told by {links}"));
            return Ok(());
        }
        tell(&findings, output);
        Err(not_begun(step))
    }
}

fn tell(findings: &[Finding], output: &Output) {
    for finding in findings {
        output.talk(&described(finding));
    }
}

fn not_begun(step: &StepName) -> CliError {
    refused(format!("the step {step} was not begun: its materials are not as handed over"))
}

/// Reads the links of all other steps in a folder.
fn links_in(folder: &Path, own: &StepName, signers: &Signers) -> Result<Vec<Link>> {
    let limits = LinkDirLimits::default();
    let mut steps = steps_of(folder, &limits).map_err(record_error)?;
    // An earlier run of this very step is no source of its own materials.
    steps.retain(|step| step != own);
    let found = read_links(folder, &steps, &limits).map_err(record_error)?;
    if found.links.is_empty() {
        let message = format!("there is no link of an earlier step in {}", folder.display());
        return Err(refused(message).remedy("get the links from whoever did the earlier steps"));
    }
    let links = found.links.into_iter().map(|file| {
        let bytes = file.content.map_err(|error| {
            CliError::undecided(format!("cannot read {}", file.path.display())).because(error)
        })?;
        open(&file.path, &bytes, signers)
    });
    links.collect()
}

/// Opens a link, if one of the signers signed it.
fn open(path: &Path, bytes: &[u8], signers: &Signers) -> Result<Link> {
    let limits = Limits::default();
    let no_evidence = |error: Box<dyn std::error::Error + Send + Sync>| {
        refused(format!("{} is no evidence", path.display())).because(error).remedy(
            "get the link again from whoever did the step, and his public key by another way",
        )
    };
    let envelope = Envelope::parse(bytes, &limits).map_err(|error| no_evidence(error.into()))?;
    match signers {
        Signers::Anybody => envelope
            .into_unverified_payload()
            .decode::<Link>(&limits)
            .map_err(|error| no_evidence(error.into())),
        Signers::Functionaries(keys) => {
            let mut budget = SignatureBudget::default();
            let one = std::num::NonZeroU32::MIN;
            let link = authenticate::<Link, _>(envelope, keys, one, &limits, &mut budget)
                .map_err(|error| no_evidence(error.into()))?;
            Ok(link.get().clone())
        }
    }
}

fn refused(message: String) -> CliError {
    CliError::undecided(message).with_exit(Exit::Rejected)
}

/// Writes a finding with whole digests, for nothing else will tell them.
fn described(finding: &Finding) -> String {
    let mut lines = vec![finding.to_string()];
    if let Some(difference) = &finding.difference {
        let sides = [(&*difference.expected_at, &difference.expected), ("here", &difference.found)];
        for (place, digests) in sides {
            let digests = digests.iter().flat_map(DigestSet::iter);
            let digests: Vec<String> = digests.map(|digest| digest.to_string()).collect();
            let digests = if digests.is_empty() { "(absent)".into() } else { digests.join(", ") };
            lines.push(format!("  {place}: {digests}"));
        }
    }
    lines.push(format!("  help: {}", finding.remedy));
    lines.iter().map(|line| escape_line(line)).collect::<Vec<_>>().join("\n")
}
