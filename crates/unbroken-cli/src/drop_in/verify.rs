//! `in-toto-verify`: holds links and product against a signed layout.

mod exception;
mod narration;

use std::path::{Path, PathBuf};

use unbroken_crypto::{KeySet, Owner, PublicKey, TimestampAuthorities};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::json::Object;
use unbroken_model::layout::Layout;
use unbroken_model::limits::Limits;
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::name::StepName;
use unbroken_model::timestamp::Timestamp;
use unbroken_record::unsigned_link_file_name;
use unbroken_verify::{
    Budget, InspectionOutcome, InspectionRequest, Options, Session, SublayoutInspections,
    open_layout,
};

use self::narration::Narration;
use super::argparse::{Flag, HELP, Parsed, Syntax, Takes, VERBOSITY, VERSION, Words};
use super::failure::Failure;
use super::gpg::{self, GPG_HOME};
use super::log::{Log, print};
use super::recording::{check_key_types, write};
use super::run::seconds;
use super::sign::read_public_key;
use super::{finish, misuse, parse, python};
use crate::commands::verify::inspections::{InspectionOptions, Recorded};
use crate::commands::verify::{Verdict, clock, facts, report};
use crate::error::CliError;
use crate::evidence::hand_in;
use crate::keys::certificates::load_timestamp_authorities;

/// How long an inspection may take, as the reference has it.
pub(super) const INSPECTION_SECONDS: u64 = 10;
/// The forms of a report.
pub(super) const FORMATS: [&str; 4] = ["text", "json", "sarif", "junit"];

const FLAGS: &[Flag] = &[
    Flag::new(&["-l", "--layout"], "layout", Takes::One("<path>"), "the signed layout").required(),
    Flag::new(
        &["--verification-keys"],
        "keys",
        Takes::Some("<path>"),
        "public keys of the owners; each must have signed the layout",
    ),
    Flag::new(&["-k", "--layout-keys"], "layout_keys", Takes::Some("<path>"), "the same, as in 1.x")
        .other(),
    Flag::new(
        &["-t", "--key-types"],
        "key_types",
        Takes::Some("<type>"),
        "as in 1.x; the key files tell their types themselves",
    )
    .other(),
    Flag::new(&["-g", "--gpg"], "gpg", Takes::Some("<id>"), "GPG keys of the owners; each must have signed the layout"),
    Flag::new(
        &["--link-dir"],
        "link_dir",
        Takes::One("<path>"),
        "folder of the links; the working directory by default",
    ),
    GPG_HOME,
    Flag::new(
        &["--inspection-timeout"],
        "inspection_timeout",
        Takes::One("<seconds>"),
        "end an inspection after so many seconds; 10 by default",
    ),
    Flag::new(
        &["--allow-sublayout-inspections"],
        "allow_sublayout_inspections",
        Takes::Nothing,
        "run the commands of sublayouts too: whoever may sign for a step may then run anything here",
    )
    .other(),
    Flag::new(
        &["--timestamp-authority"],
        "timestamp_authority",
        Takes::Some("<path>"),
        "root certificates of authorities whose time-stamp tokens prove when certificates were used",
    )
    .other(),
    Flag::new(
        &["--at"],
        "at",
        Takes::One("<time>"),
        "verify as if it were this time, YYYY-MM-DDTHH:MM:SSZ, for audits",
    )
    .other(),
    Flag::new(
        &["--format"],
        "format",
        Takes::One("<format>"),
        "print a report on stdout: text, json, sarif or junit",
    )
    .other(),
];

const SYNTAX: Syntax = Syntax {
    program: "in-toto-verify",
    usage: "in-toto-verify <named arguments> [options]",
    about: "Verifies that the steps of a signed layout were carried out as it says.",
    flags: &[&[HELP], FLAGS, VERBOSITY, &[VERSION]],
    words: Words::None,
};

pub(super) fn main(arguments: &[String]) -> u8 {
    let parsed = match parse(&SYNTAX, arguments) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let (limit, at) = match check(&parsed) {
        Ok(checked) => checked,
        Err(message) => return misuse(&SYNTAX, &message),
    };
    if !parsed.has("gpg") && !parsed.has("keys") && !parsed.has("layout_keys") {
        print(&SYNTAX.help());
        return misuse(
            &SYNTAX,
            "wrong arguments: specify at least one layout verification key: \
             '--verification-keys path [path ...]' and/or '--gpg id [id ...]'.",
        );
    }
    let log = Log::of(&parsed);
    let verification = Verification { parsed: &parsed, limit, now: at.unwrap_or_else(clock), log };
    finish(SYNTAX.program, log, verification.run().map(|()| 0))
}

/// Checks the values of options; returns the inspections' time limit in seconds, and the time.
fn check(parsed: &Parsed) -> Result<(u64, Option<Timestamp>), String> {
    check_key_types(parsed.many("key_types"), "-t/--key-types")?;
    let limit = seconds(parsed, "inspection_timeout", "--inspection-timeout")?;
    let limit = limit.map(|limit| limit.as_secs());
    let at = parsed.one("at").map(|text| {
        let fault = || format!("argument --at: invalid time: {}", python::text(text));
        text.parse().map_err(|_| fault())
    });
    if let Some(format) = parsed.one("format").filter(|format| !FORMATS.contains(format)) {
        let (format, choices) = (python::text(format), FORMATS.map(python::text).join(", "));
        return Err(format!("argument --format: invalid choice: {format} (choose from {choices})"));
    }
    Ok((limit.unwrap_or(INSPECTION_SECONDS), at.transpose()?))
}

struct Verification<'a> {
    parsed: &'a Parsed,
    limit: u64,
    now: Timestamp,
    log: Log,
}

impl Verification<'_> {
    fn run(&self) -> Result<(), Failure> {
        self.log.info("Loading layout...");
        let path = self.parsed.one("layout").unwrap_or_default();
        let bytes = std::fs::read(path).map_err(|error| Failure::os(&error, path))?;
        if self.parsed.has("gpg") {
            self.log.info("Loading layout gpg key(s)...");
        }
        let of_gpg = gpg::public_keys(self.parsed, self.now)?;
        let keys = ["keys", "layout_keys"].iter().flat_map(|key| self.parsed.many(key));
        let keys: Result<Vec<PublicKey>, Failure> =
            keys.map(|path| read_public_key(path, self.now)).collect();
        let allow = self.parsed.has("allow_sublayout_inspections");
        let sublayout_inspections =
            if allow { SublayoutInspections::Allow } else { SublayoutInspections::Refuse };
        let timestamp_authorities = timestamp_authorities(self.parsed.many("timestamp_authority"))?;
        let judgement = Judgement {
            now: self.now,
            options: Options { sublayout_inspections, timestamp_authorities, ..Options::default() },
            links: Path::new(self.parsed.one("link_dir").unwrap_or(".")),
            limit: self.limit,
            recorded: Recorded::default(),
        };
        let leave = |link: &Link| {
            let envelope = Envelope::unsigned(EnvelopeKind::Metablock, link.to_value());
            write(&unsigned_link_file_name(&link.name), &envelope.to_bytes())
        };
        let keys = KeySet::new(of_gpg.into_iter().chain(keys?));
        let verdict = judgement.of(&bytes, &keys, leave)?;
        if let Some(format) = self.parsed.one("format") {
            print_report(format, &verdict, Path::new(path), self.now);
        }
        let layout = Envelope::parse(&bytes, &Limits::default()).ok().and_then(|envelope| {
            envelope.into_unverified_payload().decode::<Layout>(&Limits::default()).ok()
        });
        Narration { log: self.log, layout, verdict: &verdict, limit: self.limit }.tell()
    }
}

/// Reads the time-stamp authorities of these files.
pub(super) fn timestamp_authorities(paths: &[String]) -> Result<TimestampAuthorities, Failure> {
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    load_timestamp_authorities(&paths)
        .map_err(|error| Failure::new("ValueError", error.to_string()))
}

/// Prints a report of the verdict in one of the forms.
pub(super) fn print_report(format: &str, verdict: &Verdict, layout: &Path, now: Timestamp) {
    let report = report(verdict, facts(layout, now));
    print(&match format {
        "json" => report.to_json(),
        "sarif" => report.to_sarif(),
        "junit" => report.to_junit(),
        _ => report.to_text(&unbroken_report::TextStyle::default()),
    });
}

/// How a chain is judged in the working directory.
pub(super) struct Judgement<'a> {
    pub(super) now: Timestamp,
    pub(super) options: Options,
    pub(super) links: &'a Path,
    /// How long an inspection may take, in seconds.
    pub(super) limit: u64,
    pub(super) recorded: Recorded,
}

impl Judgement<'_> {
    /// Judges a chain; `leave` gets the unsigned links of its inspections.
    pub(super) fn of(
        self,
        layout: &[u8],
        owners: &KeySet<Owner>,
        leave: impl Fn(&Link) -> Result<(), Failure>,
    ) -> Result<Verdict, Failure> {
        let in_force = match open_layout(layout, owners, self.now) {
            Ok(in_force) => in_force,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let allow = self.options.sublayout_inspections == SublayoutInspections::Allow;
        let (limits, budget) = (Limits::default(), Budget::default());
        let mut session = Session::open(in_force, self.now, self.options, limits, budget);
        hand_in(&mut session, Some(self.links), &[]).map_err(|error| undecided(&error))?;
        let waiting = match session.evaluate() {
            Ok(waiting) => waiting,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let outcomes = InspectionOptions::limited_to(self.limit, allow, self.recorded)
            .run(waiting.requests())
            .map_err(|error| undecided(&error))?;
        leave_links(&outcomes, leave)?;
        Ok(waiting.conclude(outcomes))
    }
}

/// What the machine did not do is no verdict; the reference's code for it is that of a rejection.
fn undecided(error: &CliError) -> Failure {
    Failure::new("OSError", error.to_string())
}

/// Leaves the unsigned links of inspections in the working directory, as the reference: up to the
/// first that failed.
fn leave_links(
    outcomes: &[(InspectionRequest, InspectionOutcome)],
    leave: impl Fn(&Link) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for (request, outcome) in outcomes.iter().take_while(|(_, outcome)| outcome.ending.is_success())
    {
        let name: Result<StepName, _> = request.name.parse();
        let name = name.map_err(|error| Failure::new("ValueError", format!("{error}")))?;
        let mut byproducts = Object::new();
        byproducts.insert("return-value", 0_i64);
        byproducts.insert("stdout", "");
        byproducts.insert("stderr", "");
        leave(&Link {
            form: LinkForm::default(),
            name,
            command: request.run.clone(),
            materials: outcome.materials.clone(),
            products: outcome.products.clone(),
            byproducts,
            environment: Object::new(),
            extra: Object::new(),
        })?;
    }
    Ok(())
}
