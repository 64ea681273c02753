//! `unbroken verify`: holds links and product against a signed layout.

pub(crate) mod inspections;
pub(crate) mod options;

use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_crypto::{KeySet, Owner, SignatureBudget, authenticate};
use unbroken_model::digest::{Digest, DigestAlgorithm};
use unbroken_model::envelope::Envelope;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;
use unbroken_report::{Facts, Report, Subject};
use unbroken_verify::{
    Budget, InForce, Rejection, Session, VerifiedSupplyChain, envelope_finding, layout_finding,
};

use self::inspections::InspectionOptions;
use self::options::VerdictOptions;
use crate::commands::inspect::recognise;
use crate::error::{CliError, Result};
use crate::evidence::hand_in;
use crate::exit::Exit;
use crate::files;
use crate::keys::{PassphraseSource, load_public_key_at};
use crate::output::{Output, input_name};

/// Verify that the pipeline of a layout was followed
///
/// Exit code 0: verified. 1: rejected, and the report says why. 2: the arguments are not usable.
/// 3: undecided, since something could not be read or run.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The signed layout
    #[arg(short, long, value_name = "FILE")]
    layout: PathBuf,
    /// The public key of an owner of the layout; may be repeated, and each must have signed
    #[arg(short, long, value_name = "FILE", required = true, num_args = 1..)]
    trust: Vec<PathBuf>,
    /// The folder of the links [default: that of the layout]
    #[arg(short = 'd', long, value_name = "DIR")]
    link_dir: Option<PathBuf>,
    /// The image or file in question: sha256:... must be named by the chain
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    subject: Option<Digest>,
    #[command(flatten)]
    inspections: InspectionOptions,
    #[command(flatten)]
    verdict: VerdictOptions,
}

fn parse_digest(text: &str) -> std::result::Result<Digest, String> {
    let (algorithm, hex) = text.split_once(':').ok_or("it has not the form sha256:...")?;
    Digest::from_hex(DigestAlgorithm::from_name(algorithm), hex).map_err(|error| error.to_string())
}

/// What a verification came to.
pub(crate) type Verdict = std::result::Result<VerifiedSupplyChain, Box<Rejection>>;

impl Verify {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let now = self.verdict.now();
        let verdict = self.verify(now)?;
        let report = self.report(&verdict, now);
        self.verdict.print(&report, output);
        Ok(if report.is_verified() { Exit::Success } else { Exit::Rejected })
    }

    fn verify(&self, now: Timestamp) -> Result<Verdict> {
        let bytes = files::read(&self.layout)?;
        if let Some(other) = recognise(&bytes) {
            let name = input_name(&self.layout);
            let refused = format!("{name} is {}, which this release does not verify", other.what);
            return Err(CliError::usage(refused).remedy(other.remedy));
        }
        let owners = self.owners(now)?;
        let in_force = match open_layout(&bytes, &owners, now) {
            Ok(in_force) => in_force,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let options = self.verdict.options(self.inspections.of_sublayouts());
        let mut session =
            Session::open(in_force, now, options, Limits::default(), Budget::default());
        hand_in(&mut session, &self.link_dir())?;
        let waiting = match session.evaluate() {
            Ok(waiting) => waiting,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let outcomes = self.inspections.run(waiting.requests())?;
        Ok(waiting.conclude(outcomes))
    }

    fn owners(&self, now: Timestamp) -> Result<KeySet<Owner>> {
        let none = PassphraseSource::default();
        self.trust.iter().map(|path| load_public_key_at(path, &none, now)).collect()
    }

    fn link_dir(&self) -> PathBuf {
        let beside = || match self.layout.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => Path::new(".").to_owned(),
        };
        self.link_dir.clone().unwrap_or_else(beside)
    }

    fn report(&self, verdict: &Verdict, now: Timestamp) -> Report {
        let subject = self.subject.as_ref().map(|digest| Subject {
            name: digest.to_string(),
            digest: digest.clone(),
            others: Vec::new(),
        });
        report(verdict, Facts { subject, ..facts(&self.layout, now) })
    }
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

/// Authenticates a layout against every owner key and holds it against the time.
pub(crate) fn open_layout(
    bytes: &[u8],
    owners: &KeySet<Owner>,
    now: Timestamp,
) -> std::result::Result<InForce, Box<Rejection>> {
    let limits = Limits::default();
    let reject = |finding| Box::new(Rejection::of_layout(finding));
    let envelope =
        Envelope::parse(bytes, &limits).map_err(|error| reject(envelope_finding(&error)))?;
    let every = owners.every_key().unwrap_or(std::num::NonZeroU32::MIN);
    let mut budget = SignatureBudget::default();
    let layout = authenticate::<Layout, Owner>(envelope, owners, every, &limits, &mut budget)
        .map_err(|error| reject(layout_finding(&error)))?;
    InForce::at(&layout, now).map_err(|finding| reject(*finding))
}

/// Returns the time of the machine.
pub(crate) fn clock() -> Timestamp {
    Timestamp::from_unix(jiff::Timestamp::now().as_second())
}
