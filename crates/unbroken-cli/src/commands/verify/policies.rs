//! `unbroken verify --policy`: decides on an image as admission would, by the same policies.

mod drawing;

use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::evidence::Scope;
use unbroken_oci::location::Location;
use unbroken_oci::reference::{Reference, Selector};
use unbroken_oci::registry::Client;
use unbroken_policy::code::AdmissionCode;
use unbroken_policy::pattern::is_namespace;
use unbroken_policy::{
    ChainPolicy, Cover, Mode, Policy, PolicyFault, PolicySet, Refusal, Tags, Unmatched,
};
use unbroken_report::{Facts, Report};
use unbroken_verify::NamedEvidence;

use super::options::VerdictOptions;
use super::subject_of;
use crate::commands::image::{FoundImage, find_image, gather};
use crate::error::{CliError, Result};
use crate::evidence::named;
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, escape_line, input_name};
use crate::registries::RegistryOptions;

/// What the policies say themselves.
const SAID_BY_POLICIES: [&str; 21] = [
    "layout",
    "trust",
    "platform",
    "evidence",
    "link_dir",
    "intermediates",
    "timestamp_authority",
    "subject",
    "up_to",
    "product",
    "inspection_timeout",
    "allow_sublayout_inspections",
    "no_run_inspections",
    "inspector",
    "sign_inspections",
    "state",
    "min_layout_version",
    "require_binding",
    "parameter",
    "enforce_commands",
    "pattern_dialect",
];

/// Under which policies an image is judged.
#[derive(Args, Debug)]
pub(crate) struct PolicyOptions {
    /// Decide by the policies in a file, as admission would
    ///
    /// They name layouts and keys. The file is that of `unbroken-webhook`, or has the custom resources of a cluster. All policies that are for
    /// the image have to pass. 0: it would be admitted. 1: denied. 3: undecided.
    #[arg(long, value_name = "FILE", requires = "image", conflicts_with_all = SAID_BY_POLICIES)]
    policy: Option<PathBuf>,
    /// The namespace that the image would run in
    #[arg(long, value_name = "NAME", default_value = "default", requires = "policy")]
    #[arg(value_parser = parse_namespace)]
    #[arg(hide_short_help = true)]
    namespace: String,
}

fn parse_namespace(text: &str) -> std::result::Result<String, &'static str> {
    let fault = "a namespace has lower-case letters, digits and -";
    if is_namespace(text) { Ok(text.to_owned()) } else { Err(fault) }
}

/// What became of an image under all policies.
struct Decision {
    /// The image, with its digest where it was looked up.
    image: String,
    namespace: String,
    now: Timestamp,
    judgements: Vec<Judgement>,
    /// What the user is told beside that.
    warnings: Vec<String>,
}

/// What became of it under one policy; under none, if it is that there is none.
struct Judgement {
    policy: Option<String>,
    mode: Mode,
    outcome: Outcome,
}

enum Outcome {
    /// The chain was judged.
    Report(Box<Report>),
    /// It was not.
    Refused(Refused),
}

/// Why a policy let nothing in before a chain was judged.
struct Refused {
    code: AdmissionCode,
    message: String,
    remedy: String,
    undecided: bool,
}

impl PolicyOptions {
    /// Returns the file, if policies are to decide.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.policy.as_deref()
    }

    /// Decides on an image, and says so.
    pub(crate) fn decide(
        &self,
        file: &Path,
        image: &Location,
        verdict: &VerdictOptions,
        registries: &RegistryOptions,
        output: &Output,
    ) -> Result<Exit> {
        let Location::Registry(image) = image else {
            let refused = format!("{image} is no image of a registry, which policies are for");
            return Err(
                CliError::usage(refused).remedy("name it as registry/repository@sha256:...")
            );
        };
        let now = verdict.now();
        let set = read(file, now)?;
        let course = Course { file, set: &set, image, namespace: &self.namespace, now };
        let decision = course.run(&registries.client()?, output);
        drawing::print(&decision, verdict.format(), output);
        Ok(decision.exit())
    }
}

impl Decision {
    /// Says how the program ends: as for admission, a denial outweighs what is undecided.
    fn exit(&self) -> Exit {
        let refusing = self.judgements.iter().filter(|judgement| judgement.denies());
        let exit = |judgement: &Judgement| match &judgement.outcome {
            Outcome::Refused(refused) if refused.undecided => Exit::Undecided,
            Outcome::Refused(_) | Outcome::Report(_) => Exit::Rejected,
        };
        let exits: Vec<Exit> = refusing.map(exit).collect();
        match exits.as_slice() {
            [] => Exit::Success,
            all if all.contains(&Exit::Rejected) => Exit::Rejected,
            _ => Exit::Undecided,
        }
    }
}

impl Judgement {
    fn passed(&self) -> bool {
        matches!(&self.outcome, Outcome::Report(report) if report.is_verified())
    }

    fn denies(&self) -> bool {
        self.mode == Mode::Enforce && !self.passed()
    }
}

impl Refused {
    fn new(code: AdmissionCode, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: remedy.into(), undecided: false }
    }

    fn undecided(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { undecided: true, ..Self::new(AdmissionCode::Undecided, message, remedy) }
    }

    fn of_fault(fault: &PolicyFault) -> Self {
        if fault.undecided {
            let message = format!("what the policy names cannot be read: {fault}");
            return Self::undecided(message, "look at the place that the policy names");
        }
        let message = format!("the policy cannot be used: {fault}");
        Self::new(AdmissionCode::PolicyInvalid, message, "correct the policy")
    }

    fn of_error(error: &CliError) -> Self {
        let remedy = error.hint().unwrap_or("try again later; look at the registry");
        Self::undecided(error.to_string(), remedy)
    }
}

fn read(file: &Path, now: Timestamp) -> Result<PolicySet> {
    let name = input_name(file);
    let unusable = || CliError::usage(format!("the policies in {name} cannot be used"));
    let text = String::from_utf8(files::read_layout(file)?);
    let text = text.map_err(|error| unusable().because(error))?;
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    PolicySet::parse(&text, folder, now).map_err(|error| unusable().because(error))
}

/// The judgement of one image.
struct Course<'a> {
    file: &'a Path,
    set: &'a PolicySet,
    image: &'a Reference,
    namespace: &'a str,
    now: Timestamp,
}

impl Course<'_> {
    fn run(&self, client: &Client, output: &Output) -> Decision {
        let mut decision = Decision {
            image: self.image.to_string(),
            namespace: self.namespace.to_owned(),
            now: self.now,
            judgements: Vec::new(),
            warnings: Vec::new(),
        };
        let (repository, settings) = (self.image.repository(), &self.set.settings);
        if settings.exempt_namespaces.iter().any(|name| name == self.namespace) {
            decision.warnings.push("the settings leave the namespace out".to_owned());
            return decision;
        }
        if let Some(exemption) = self.set.exemption(repository, self.namespace, self.now) {
            let (until, reason) = (exemption.until, &exemption.reason);
            decision.warnings.push(format!("the image is exempt until {until}: {reason}"));
            return decision;
        }
        self.judge_unmatched(&mut decision);
        let by_tag = matches!(self.image.selector(), Selector::Tag(_));
        let refuses_tags = by_tag && settings.tags == Tags::Deny;
        // The image is looked up once, when the first policy asks for it.
        let mut found = None;
        for policy in self.set.matching(repository, self.namespace) {
            let outcome = match &policy.chain {
                Err(fault) => Outcome::Refused(Refused::of_fault(fault)),
                Ok(_) if refuses_tags => Outcome::Refused(Refused::new(
                    AdmissionCode::ImageByTag,
                    "the image is named by a tag, which may name another one when it is pulled",
                    "name it by its digest, which `unbroken image digest` prints",
                )),
                Ok(chain) => {
                    let found = found.get_or_insert_with(|| self.look_up(client));
                    match self.judge(policy, chain, found, client, output) {
                        Ok(report) => Outcome::Report(Box::new(report)),
                        Err(refused) => Outcome::Refused(refused),
                    }
                }
            };
            let (policy, mode) = (Some(policy.name.clone()), policy.mode);
            decision.judgements.push(Judgement { policy, mode, outcome });
        }
        if let Some(Ok(found)) = &found
            && let Some(digests) = found.identified.digests()
        {
            decision.image = format!("{repository}@{}", digests.digest);
            if by_tag {
                let warning = format!("{} is a tag; {} was judged", self.image, digests.digest);
                decision.warnings.push(warning);
            }
        }
        decision
    }

    fn judge_unmatched(&self, decision: &mut Decision) {
        let refused = match self.set.cover(self.image.repository(), self.namespace) {
            Cover::Enough => return,
            Cover::NotKnown => Refused::undecided(
                "whether a policy is for the image is not known: it goes by labels of the namespace",
                "ask admission in the cluster, which knows them",
            ),
            Cover::Nothing => Refused::new(
                AdmissionCode::NoPolicy,
                "no policy is for the image",
                "add its repository to a policy, or take the image from one that has a policy",
            ),
        };
        let mode = match self.set.settings.unmatched {
            Unmatched::Deny => Mode::Enforce,
            Unmatched::Warn => Mode::Warn,
            Unmatched::Admit => Mode::Audit,
        };
        let outcome = Outcome::Refused(refused);
        decision.judgements.push(Judgement { policy: None, mode, outcome });
    }

    fn look_up(&self, client: &Client) -> Result<FoundImage> {
        find_image(&Location::Registry(self.image.clone()), client, None)
    }

    fn judge(
        &self,
        policy: &Policy,
        chain: &ChainPolicy,
        found: &Result<FoundImage>,
        client: &Client,
        output: &Output,
    ) -> std::result::Result<Report, Refused> {
        let found = found.as_ref().map_err(Refused::of_error)?;
        let place = Location::Registry(self.image.clone());
        let beside = gather(found, &place, chain.evidence(), client, Scope::Chain);
        let beside = beside.map_err(|error| Refused::of_error(&error))?;
        for skipped in &beside.skipped {
            output.talk(&escape_line(&format!("passed over {}: {}", skipped.what, skipped.reason)));
        }
        let pieces: Vec<NamedEvidence> = beside.evidence.into_iter().filter_map(named).collect();
        let subject = subject_of(&found.identified, &place);
        let facts = Facts {
            subject: Some(subject.map_err(|error| Refused::of_error(&error))?),
            ..super::facts(
                Path::new(&format!("{}#{}", input_name(self.file), policy.name)),
                self.now,
            )
        };
        let report = match chain.verify(&pieces.iter().collect::<Vec<_>>(), self.now) {
            Ok(chain) => Report::verified(&chain, facts),
            Err(Refusal::Rejected(rejection)) => Report::rejected(&rejection, facts),
            Err(Refusal::Unusable(fault)) => return Err(Refused::of_fault(&fault)),
        };
        Ok(if policy.mode == Mode::Enforce { report } else { report.only_told() })
    }
}
