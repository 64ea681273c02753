//! `in-toto-run`: runs the command of a step and records it.

use std::time::Duration;

use unbroken_model::json::{Object, Value};
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::name::StepName;
use unbroken_record::{CommandRun, ExitOutcome, HashOptions, ProcessOutcome, Streams, run_command};

use super::argparse::{Flag, HELP, Parsed, Syntax, Takes, VERBOSITY, VERSION, Words};
use super::failure::Failure;
use super::log::{Log, print};
use super::recording::{
    COMMON, MATERIALS, METADATA_DIRECTORY, PRODUCTS, STEP_NAME, check_key_options, envelope_kind,
    envelope_name, hash, key_id, link_path, signed, signing_key, signing_line, step_name,
    step_options, write,
};
use super::{finish, misuse, parse, python, settings};

/// How much of what a command prints is kept: as good as all of it.
pub(super) const OUTPUT_BYTES: usize = 64 << 20;

const FLAGS: &[Flag] = &[
    STEP_NAME,
    MATERIALS,
    PRODUCTS,
    Flag::new(
        &["-s", "--record-streams"],
        "record_streams",
        Takes::Nothing,
        "show what the command prints, and record it in the link",
    ),
    Flag::new(&["-x", "--no-command"], "no_command", Takes::Nothing, "record without a command"),
];
const LIMITS: &[Flag] = &[
    METADATA_DIRECTORY,
    Flag::new(
        &["--run-timeout"],
        "run_timeout",
        Takes::One("<seconds>"),
        "end the command after so many seconds; by default it may take as long as it takes",
    ),
];

const SYNTAX: Syntax = Syntax {
    program: "in-toto-run",
    usage: "in-toto-run <named arguments> [options] \\\n\t -- <command> [args]",
    about: "Runs the command of a supply chain step, and writes a signed link of what it used and made.",
    flags: &[&[HELP], FLAGS, COMMON, LIMITS, VERBOSITY, &[VERSION]],
    words: Words::Any,
};

pub(super) fn main(arguments: &[String]) -> u8 {
    let parsed = match parse(&SYNTAX, arguments) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let limit = match seconds(&parsed, "run_timeout", "--run-timeout") {
        Ok(limit) => limit,
        Err(message) => return misuse(&SYNTAX, &message),
    };
    let log = Log::of(&parsed);
    let checked = check_key_options(&parsed).and_then(|()| {
        if parsed.has("no_command") || !parsed.words.is_empty() {
            return Ok(());
        }
        Err("No command specified. Please specify (or use the --no-command option)".to_owned())
    });
    if let Err(message) = checked {
        print(&format!("usage: {}\n", SYNTAX.usage));
        return misuse(&SYNTAX, &message);
    }
    settings::tell_of_files(log);
    finish(SYNTAX.program, log, record(&parsed, limit, log))
}

/// Reads a number of seconds.
pub(super) fn seconds(
    parsed: &Parsed,
    key: &str,
    option: &str,
) -> Result<Option<Duration>, String> {
    let Some(text) = parsed.one(key) else { return Ok(None) };
    let seconds: i64 = text
        .trim()
        .parse()
        .map_err(|_| format!("argument {option}: invalid int value: {}", python::text(text)))?;
    Ok(Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default())))
}

fn record(parsed: &Parsed, limit: Option<Duration>, log: Log) -> Result<u8, Failure> {
    let key = signing_key(parsed)?;
    let name = step_name(parsed.one("step_name").unwrap_or_default())?;
    let command = if parsed.has("no_command") { &[] } else { parsed.words.as_slice() };
    let limit = match limit {
        None if !command.is_empty() => settings::time_limit()?,
        given => given,
    };
    let step = Step {
        name,
        materials: parsed.many("materials"),
        products: parsed.many("products"),
        command,
        record_streams: parsed.has("record_streams"),
        limit,
    };
    let link = step.record(&step_options(parsed), log)?;
    let kind = envelope_kind(parsed);
    log.info(&format!("Generating link metadata using {}...", envelope_name(kind)));
    log.info(signing_line(parsed));
    let bytes = signed(&link, kind, &*key)?;
    let path = link_path(parsed, &link.name, &key_id(&*key))?;
    log.info(&format!("Storing link metadata to '{path}'..."));
    write(&path, &bytes)?;
    Ok(exit_code(&link))
}

/// Passes the command's own code on; of a signal's number, the reference shows the last byte.
fn exit_code(link: &Link) -> u8 {
    let value = link.byproducts.get("return-value").and_then(Value::as_integer);
    u8::try_from(value.unwrap_or_default().rem_euclid(256)).unwrap_or(u8::MAX)
}

/// A step to record.
pub(super) struct Step<'a> {
    pub(super) name: StepName,
    pub(super) materials: &'a [String],
    pub(super) products: &'a [String],
    pub(super) command: &'a [String],
    pub(super) record_streams: bool,
    pub(super) limit: Option<Duration>,
}

impl Step<'_> {
    /// Runs the step and says so on the way.
    pub(super) fn record(&self, options: &HashOptions<'_>, log: Log) -> Result<Link, Failure> {
        log.info(&format!("Running '{}'...", self.name));
        if !self.materials.is_empty() {
            log.info(&format!("Recording materials '{}'...", self.materials.join(", ")));
        }
        let materials = hash(self.materials, options, log)?;
        let byproducts = if self.command.is_empty() { Object::new() } else { self.execute(log)? };
        if !self.products.is_empty() {
            log.info(&format!("Recording products '{}'...", self.products.join(", ")));
        }
        let products = hash(self.products, options, log)?;
        log.info("Creating link metadata...");
        Ok(Link {
            form: LinkForm::default(),
            name: self.name.clone(),
            command: self.command.to_vec(),
            materials,
            products,
            byproducts,
            environment: Object::new(),
            extra: Object::new(),
        })
    }

    fn execute(&self, log: Log) -> Result<Object<'static>, Failure> {
        log.info(&format!("Running command '{}'...", self.command.join(" ")));
        let outcome = run_command(&CommandRun {
            // The reference shows nothing of a command whose output it does not record.
            streams: if self.record_streams { Streams::Record } else { Streams::Capture },
            tail_bytes: if self.record_streams { OUTPUT_BYTES } else { 0 },
            time_limit: self.limit,
            ..CommandRun::new(self.command)
        })
        .map_err(|error| Failure::record(&error, None))?;
        if outcome.exit == ExitOutcome::TimedOut {
            let command = python::list(self.command);
            let seconds = self.limit.unwrap_or_default().as_secs_f64();
            let message = format!("Command '{command}' timed out after {seconds} seconds");
            return Err(Failure::new("TimeoutExpired", message));
        }
        Ok(byproducts(outcome, self.record_streams))
    }
}

/// Writes byproducts as the reference does: no digests of the streams, line ends as LF. Only where
/// the text is not all that was printed, what else we know of it stays.
fn byproducts(mut outcome: ProcessOutcome, recorded: bool) -> Object<'static> {
    if !recorded {
        (outcome.stdout, outcome.stderr) = (None, None);
    }
    let mut byproducts = outcome.byproducts();
    for (name, stream) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let Some(stream) = stream else { continue };
        let (text, exact) = stream.text();
        if exact && !stream.is_cut() {
            byproducts.insert(name, text.replace("\r\n", "\n").replace('\r', "\n"));
            byproducts.remove(&format!("{name}-length"));
            byproducts.remove(&format!("{name}-sha256"));
        }
    }
    byproducts
}
