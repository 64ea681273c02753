//! `unbroken verify`: holds links and product against a signed layout.

pub(crate) mod inspections;
pub(crate) mod options;
mod policies;
mod replay;
mod signed;

use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_crypto::{KeySet, Owner};
use unbroken_model::digest::{Digest, DigestAlgorithm};
use unbroken_model::limits::Limits;
use unbroken_model::name::StepName;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::evidence::Scope;
use unbroken_oci::image::Platform;
use unbroken_oci::location::Location;
use unbroken_oci::{Identified, identify};
use unbroken_report::{Facts, Report, Subject};
use unbroken_verify::{
    Budget, InForce, InspectionOutcome, InspectionRequest, Inspectors, NamedEvidence, Options,
    Rejection, Session, VerifiedSupplyChain, open_layout,
};

use self::inspections::{InspectionOptions, ProductBeside};
use self::options::VerdictOptions;
use self::policies::PolicyOptions;
use self::replay::{BindingRequirements, StateOptions};
use self::signed::InspectionSigning;
use crate::commands::image::{find_image, gather};
use crate::commands::inspect::recognise;
use crate::error::{CliError, Result};
use crate::evidence::{hand_in, named};
use crate::exit::Exit;
use crate::files;
use crate::keys::certificates::{load_intermediates, load_timestamp_authorities};
use crate::keys::{PassphraseSource, load_public_key_at};
use crate::output::{Output, escape_line, input_name};
use crate::registries::{RegistryOptions, oci_error};

/// Verify that the pipeline of a layout was followed
///
/// Exit code 0: verified. 1: rejected, and the report says why. 2: the arguments are not usable.
/// 3: undecided, since something could not be read or run.
#[derive(Args, Debug)]
#[command(
    override_usage = "unbroken verify [OPTIONS] --layout <FILE> --trust <FILE>... [IMAGE]\n       unbroken verify [OPTIONS] --policy <FILE> <IMAGE>"
)]
pub(crate) struct Verify {
    /// The image in question: registry/app:1.4, oci:DIR, ... as `image digest` takes it
    #[arg(conflicts_with = "subject")]
    image: Option<Location>,
    /// Of an index, verify the image of this platform
    #[arg(long, value_name = "PLATFORM", requires = "image", hide_short_help = true)]
    platform: Option<Platform>,
    /// The signed layout
    #[arg(short, long, value_name = "FILE", required_unless_present = "policy")]
    layout: Option<PathBuf>,
    /// The public key of an owner; may be repeated, and each must sign
    #[arg(short, long, value_name = "FILE", required_unless_present = "policy", num_args = 1..)]
    trust: Vec<PathBuf>,
    #[command(flatten)]
    policies: PolicyOptions,
    /// Look for links there too: a repository, oci:DIR or folder:DIR
    #[arg(long, value_name = "STORE", requires = "image")]
    evidence: Vec<Location>,
    /// The folder of the links [default: that of the layout; with an image in a registry, none]
    #[arg(short = 'd', long, value_name = "DIR")]
    link_dir: Option<PathBuf>,
    /// Certificates of authorities between those of functionaries and the roots of the layout, in
    /// PEM; may be repeated
    #[arg(long, value_name = "FILE", num_args = 1.., hide_short_help = true)]
    intermediates: Vec<PathBuf>,
    /// Believe the time-stamp tokens of this authority: certificates that have ended count if they
    /// were used in time
    ///
    /// The root certificate of the authority in PEM, with those below it where tokens do not bring
    /// them; may be repeated. Nobody else's tokens are looked at.
    #[arg(long, value_name = "FILE", num_args = 1.., hide_short_help = true)]
    timestamp_authority: Vec<PathBuf>,
    /// The image or file in question: sha256:... must be named by the chain
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    subject: Option<Digest>,
    /// Judge the steps up to this one alone: never a full verification
    #[arg(long, value_name = "STEP", conflicts_with_all = ["subject", "image"])]
    up_to: Option<StepName>,
    #[command(flatten)]
    inspections: InspectionOptions,
    #[command(flatten)]
    signed: InspectionSigning,
    #[command(flatten)]
    state: StateOptions,
    #[command(flatten)]
    bindings: BindingRequirements,
    #[command(flatten)]
    verdict: VerdictOptions,
    #[command(flatten)]
    registries: RegistryOptions,
}

fn parse_digest(text: &str) -> std::result::Result<Digest, String> {
    let (algorithm, hex) = text.split_once(':').ok_or("it has not the form sha256:...")?;
    Digest::from_hex(DigestAlgorithm::from_name(algorithm), hex).map_err(|error| error.to_string())
}

/// What running inspections gave.
type Outcomes = Vec<(InspectionRequest, InspectionOutcome)>;

/// What a verification came to.
pub(crate) type Verdict = std::result::Result<VerifiedSupplyChain, Box<Rejection>>;

impl Verify {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        if let (Some(file), Some(image)) = (self.policies.file(), &self.image) {
            let (verdict, registries) = (&self.verdict, &self.registries);
            return self.policies.decide(file, image, verdict, registries, output);
        }
        let now = self.verdict.now();
        let owners = load_owners(&self.trust, now)?;
        if let Some(step) = &self.up_to {
            let report = self.verify_up_to(step, &owners, now)?;
            self.verdict.print(&report, output);
            let passed = report.verdict() == unbroken_report::Verdict::Partial;
            return Ok(if passed { Exit::Success } else { Exit::Rejected });
        }
        let signer = self.signed.load(clock())?;
        // A tag is looked up once; what follows goes by digests.
        let (subject, beside) = self.subject(output)?;
        let (verdict, outcomes) = self.verify(&owners, now, &beside)?;
        let report = report(&verdict, Facts { subject, ..facts(self.layout()?, now) });
        if report.is_verified()
            && let Ok(chain) = &verdict
        {
            if let Some(signer) = signer {
                let links = self.link_dir().unwrap_or_else(|| ".".into());
                let to = (self.bindings.nonce(), links.as_path());
                self.signed.write(&signer, chain, outcomes, to, output)?;
            }
            self.state.keep(&owners, chain)?;
        }
        self.verdict.print(&report, output);
        Ok(if report.is_verified() { Exit::Success } else { Exit::Rejected })
    }

    fn verify(
        &self,
        owners: &KeySet<Owner>,
        now: Timestamp,
        beside: &[NamedEvidence],
    ) -> Result<(Verdict, Outcomes)> {
        let in_force = match open(self.layout()?, owners, now)? {
            Ok(in_force) => in_force,
            Err(rejection) => return Ok((Err(rejection), Vec::new())),
        };
        let options = self.options(owners, now)?;
        let mut session =
            Session::open(in_force, now, options, Limits::default(), Budget::default());
        hand_in(&mut session, self.link_dir().as_deref(), beside)?;
        let mut waiting = match session.evaluate() {
            Ok(waiting) => waiting,
            Err(rejection) => return Ok((Err(rejection), Vec::new())),
        };
        let product = match self.image {
            None => ProductBeside::WorkingDirectory,
            Some(_) => ProductBeside::Image,
        };
        let outcomes = self.inspections.make(&mut waiting, product)?;
        let kept = if self.signed.is_due() { outcomes.clone() } else { Vec::new() };
        Ok((waiting.conclude(outcomes), kept))
    }

    /// Judges the first steps: what a functionary builds on.
    fn verify_up_to(
        &self,
        step: &StepName,
        owners: &KeySet<Owner>,
        now: Timestamp,
    ) -> Result<Report> {
        let facts = facts(self.layout()?, now);
        let in_force = match open(self.layout()?, owners, now)? {
            Ok(in_force) => in_force,
            Err(rejection) => return Ok(Report::rejected(&rejection, facts)),
        };
        let (options, limits) = (self.options(owners, now)?, Limits::default());
        let session = Session::open_up_to(step, in_force, now, options, limits, Budget::default());
        let mut session = session.ok_or_else(|| {
            CliError::usage(format!("the layout has no step {step}"))
                .remedy("name one of its steps; `unbroken inspect` prints them")
        })?;
        hand_in(&mut session, self.link_dir().as_deref(), &[])?;
        Ok(match session.evaluate() {
            Ok(chain) => Report::partial(&chain, facts),
            Err(rejection) => Report::rejected(&rejection, facts),
        })
    }

    fn layout(&self) -> Result<&Path> {
        let none = || CliError::usage("no layout was named").remedy("name it with --layout");
        self.layout.as_deref().ok_or_else(none)
    }

    fn options(&self, owners: &KeySet<Owner>, now: Timestamp) -> Result<Options> {
        Ok(Options {
            inspections: self.inspections.commands(),
            sublayout_inspections: self.inspections.of_sublayouts(),
            inspectors: if self.signed.is_due() {
                Inspectors::Nobody
            } else {
                self.inspections.inspectors(now)?
            },
            freshness: self.state.freshness(owners)?,
            bindings: self.bindings.policy(now),
            intermediates: load_intermediates(&self.intermediates)?,
            timestamp_authorities: load_timestamp_authorities(&self.timestamp_authority)?,
            ..self.verdict.options()
        })
    }

    fn link_dir(&self) -> Option<PathBuf> {
        let beside = || match self.layout.as_ref()?.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => Some(folder.to_owned()),
            _ => Some(Path::new(".").to_owned()),
        };
        // The links of an image in a registry lie beside the image.
        let in_registry = matches!(self.image, Some(Location::Registry(_)));
        let elsewhere = in_registry || !self.evidence.is_empty();
        self.link_dir.clone().or_else(|| if elsewhere { None } else { beside() })
    }

    /// Finds the digests of what is in question, and what lies beside it.
    fn subject(&self, output: &Output) -> Result<(Option<Subject>, Vec<NamedEvidence>)> {
        let Some(image) = &self.image else {
            let subject = self.subject.as_ref().map(|digest| Subject {
                name: digest.to_string(),
                digest: digest.clone(),
                others: Vec::new(),
            });
            return Ok((subject, Vec::new()));
        };
        let client = self.registries.client()?;
        let keeps_content = matches!(
            image,
            Location::Registry(_) | Location::Layout(..) | Location::OciArchive(..)
        );
        if !keeps_content {
            let identified = identify(image, &client, self.platform.as_ref())
                .map_err(|error| oci_error(&error))?;
            return Ok((Some(subject_of(&identified, image)?), Vec::new()));
        }
        let found = find_image(image, &client, self.platform.as_ref())?;
        let beside = gather(&found, image, &self.evidence, &client, Scope::Chain)?;
        for skipped in &beside.skipped {
            output.talk(&escape_line(&format!("passed over {}: {}", skipped.what, skipped.reason)));
        }
        let named = beside.evidence.into_iter().filter_map(named).collect();
        Ok((Some(subject_of(&found.identified, image)?), named))
    }
}

/// Reads the keys of owners.
pub(super) fn load_owners(paths: &[PathBuf], now: Timestamp) -> Result<KeySet<Owner>> {
    let none = PassphraseSource::default();
    paths.iter().map(|path| load_public_key_at(path, &none, now)).collect()
}

/// Reads a layout and opens it.
pub(super) fn open(
    path: &Path,
    owners: &KeySet<Owner>,
    now: Timestamp,
) -> Result<std::result::Result<InForce, Box<Rejection>>> {
    let bytes = files::read_layout(path)?;
    if let Some(other) = recognise(&bytes) {
        let name = input_name(path);
        let refused = format!("{name} is {}, which this release does not verify", other.what);
        return Err(CliError::usage(refused).remedy(other.remedy));
    }
    Ok(open_layout(&bytes, owners, now))
}

fn subject_of(identified: &Identified, image: &Location) -> Result<Subject> {
    let digests = identified
        .digests()
        .ok_or_else(|| CliError::undecided(format!("{image} tells no digest of its image")))?;
    let name = identified.name.as_ref().map_or_else(|| image.to_string(), ToString::to_string);
    let name = format!("{name}@{}", digests.digest);
    Ok(Subject { name, digest: digests.digest, others: digests.others })
}

/// Gathers what a report says of its making.
pub(crate) fn facts(layout: &Path, now: Timestamp) -> Facts {
    Facts {
        layout: layout.display().to_string(),
        now,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        subject: None,
    }
}

/// Reports a verdict.
pub(crate) fn report(verdict: &Verdict, facts: Facts) -> Report {
    match verdict {
        Ok(chain) => Report::verified(chain, facts),
        Err(rejection) => Report::rejected(rejection, facts),
    }
}

/// Returns the time of the machine.
pub(crate) fn clock() -> Timestamp {
    Timestamp::from_unix(jiff::Timestamp::now().as_second())
}
