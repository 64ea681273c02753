//! `in-toto-record`: records a step that is no single command.

use std::path::Path;

use unbroken_crypto::{Functionary, KeySet, SignatureBudget, Signer, authenticate};
use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_record::{read_unfinished, record_start, remove_unfinished, unfinished_file_name};

use super::argparse::{HELP, Parsed, Syntax, VERBOSITY, VERSION, Words};
use super::failure::{Failure, reasons};
use super::log::{Log, print};
use super::recording::{
    COMMON, MATERIALS, METADATA_DIRECTORY, PRODUCTS, STEP_NAME, check_key_options, envelope_kind,
    envelope_name, hash, key_id, link_path, signed, signing_key, signing_line, step_name,
    step_options, write,
};
use super::{USAGE, finish, misuse, parse, parse_within, python, settings};

const USAGE_TEXT: &str = "in-toto-record [-h] [--version] {start,stop} ...";

/// Before the subcommand there are no options of its own.
const SYNTAX: Syntax = Syntax {
    program: "in-toto-record",
    usage: USAGE_TEXT,
    about: "Records a supply chain step that is no single command: 'start' before it, 'stop' after it.",
    flags: &[&[HELP, VERSION]],
    words: Words::Some("command"),
};

const START: Syntax = Syntax {
    program: "in-toto-record start",
    usage: "in-toto-record start [-h] -n <name> [-P [<password>]] [-g [<id>]]
                            [--gpg-home <path>] [--signing-key <path>]
                            [--exclude <pattern> [<pattern> ...]]
                            [--base-path <path>]
                            [--lstrip-paths <path> [<path> ...]] [--use-dsse]
                            [-v | -q] [-m <path> [<path> ...]]",
    about: "Records the materials, signed, in '.<name>.<keyid prefix>.link-unfinished'.",
    flags: &[&[HELP], &[STEP_NAME], COMMON, VERBOSITY, &[MATERIALS]],
    words: Words::None,
};

const STOP: Syntax = Syntax {
    program: "in-toto-record stop",
    usage: "in-toto-record stop [-h] -n <name> [-P [<password>]] [-g [<id>]]
                           [--gpg-home <path>] [--signing-key <path>]
                           [--exclude <pattern> [<pattern> ...]]
                           [--base-path <path>]
                           [--lstrip-paths <path> [<path> ...]] [--use-dsse]
                           [-v | -q] [-p <path> [<path> ...]] [-d <directory>]",
    about: "Records the products, and writes the signed link.",
    flags: &[&[HELP], &[STEP_NAME], COMMON, VERBOSITY, &[PRODUCTS, METADATA_DIRECTORY]],
    words: Words::None,
};

pub(super) fn main(arguments: &[String]) -> u8 {
    let options = arguments.iter().take_while(|argument| argument.starts_with('-')).count();
    let (before, rest) = arguments.split_at_checked(options).unwrap_or_default();
    match rest.split_first() {
        Some((command, rest)) if before.is_empty() => match command.as_str() {
            "start" => subcommand(&START, start, rest),
            "stop" => subcommand(&STOP, stop, rest),
            other => {
                let message = format!(
                    "argument command: invalid choice: {} (choose from 'start', 'stop')",
                    python::text(other)
                );
                misuse(&SYNTAX, &message)
            }
        },
        _ => match parse(&SYNTAX, arguments) {
            Ok(_) => USAGE,
            Err(code) => code,
        },
    }
}

fn subcommand(
    syntax: &Syntax,
    act: fn(&Parsed, Log) -> Result<(), Failure>,
    arguments: &[String],
) -> u8 {
    let parsed = match parse_within(&SYNTAX, syntax, arguments) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    if let Err(message) = check_key_options(&parsed) {
        print(&format!("usage: {USAGE_TEXT}\n"));
        return misuse(&SYNTAX, &message);
    }
    let log = Log::of(&parsed);
    settings::tell_of_files(log);
    finish(syntax.program, log, act(&parsed, log).map(|()| 0))
}

fn start(parsed: &Parsed, log: Log) -> Result<(), Failure> {
    let key = signing_key(parsed)?;
    let name = step_name(parsed.one("step_name").unwrap_or_default())?;
    log.info(&format!("Start recording '{name}'..."));
    let materials = parsed.many("materials");
    if !materials.is_empty() {
        log.info(&format!("Recording materials '{}'...", materials.join(", ")));
    }
    let options = step_options(parsed);
    let materials = hash(materials, &options, log)?;
    log.info("Creating preliminary link metadata...");
    let link = record_start(&name, &[], &options);
    let link = link.map_err(|error| Failure::record(&error, None))?;
    let link = Link { materials, ..link };
    let kind = envelope_kind(parsed);
    log.info(&format!("Generating link metadata using {}...", envelope_name(kind)));
    log.info(signing_line(parsed));
    let bytes = signed(&link, kind, &*key)?;
    let path = unfinished(&name, &*key)?;
    log.info(&format!("Storing preliminary link metadata to '{path}'..."));
    write(&path, &bytes)
}

fn stop(parsed: &Parsed, log: Log) -> Result<(), Failure> {
    let key = signing_key(parsed)?;
    let name = step_name(parsed.one("step_name").unwrap_or_default())?;
    log.info(&format!("Stop recording '{name}'..."));
    let (id, begun, here) = (key_id(&*key), unfinished(&name, &*key)?, Path::new("."));
    if parsed.has("gpg") && !Path::new(&begun).exists() {
        let message = format!(
            "Could not find a preliminary link for step '{name}' in the current working directory."
        );
        return Err(Failure::new("LinkNotFoundError", message));
    }
    log.info(&format!("Loading preliminary link metadata '{begun}'..."));
    let bytes = read_unfinished(here, &name, &id);
    let bytes = bytes.map_err(|error| Failure::record(&error, Some(&begun)))?;
    let envelope = Envelope::parse(&bytes, &Limits::default())
        .map_err(|error| Failure::new("InvalidMetadata", reasons(&error)))?;
    let kind = envelope.kind();
    log.info(match (parsed.has("gpg"), parsed.one("gpg")) {
        (false, _) => "Verifying preliminary link signature using passed signer...",
        (true, Some(_)) => "Verifying preliminary link signature using passed gpg key...",
        (true, None) => "Verifying preliminary link signature using default gpg key...",
    });
    let started = started(envelope, &*key, &name)?;
    log.info("Extracting Link from metadata...");
    let products = parsed.many("products");
    if !products.is_empty() {
        log.info(&format!("Recording products '{}'...", products.join(", ")));
    }
    let link = Link { products: hash(products, &step_options(parsed), log)?, ..started };
    log.info(&format!("Generating link metadata using {}...", envelope_name(kind)));
    // A subkey that signs for the key that was named does so in that one's name.
    let named = parsed.one("gpg").and_then(|_| key.public().fingerprint());
    let name_id = named.unwrap_or_else(|| id.clone());
    let (prefix, signer) = (
        name_id.get(..8).unwrap_or(&name_id),
        if parsed.has("gpg") { "gpg key" } else { "signer" },
    );
    log.info(&format!("Updating signature with {signer} '{prefix}...'..."));
    let bytes = signed(&link, kind, &*key)?;
    let path = link_path(parsed, &name, &name_id)?;
    log.info(&format!("Storing link metadata to '{path}'..."));
    write(&path, &bytes)?;
    log.info(&format!("Removing unfinished link metadata '{begun}'..."));
    remove_unfinished(here, &name, &id).map_err(|error| Failure::record(&error, Some(&begun)))
}

fn unfinished(name: &StepName, key: &dyn Signer) -> Result<String, Failure> {
    unfinished_file_name(name, &key_id(key)).map_err(|error| Failure::record(&error, None))
}

/// Opens the recording that was begun: somebody may have changed it since.
pub(super) fn started(
    envelope: Envelope<'_>,
    key: &dyn Signer,
    name: &StepName,
) -> Result<Link, Failure> {
    let keys = KeySet::<Functionary>::new([key.public().clone()]);
    let (one, limits) = (std::num::NonZeroU32::MIN, Limits::default());
    let mut budget = SignatureBudget::default();
    let link = authenticate::<Link, _>(envelope, &keys, one, &limits, &mut budget)
        .map_err(|error| Failure::new("SignatureVerificationError", reasons(&error)))?;
    let link = link.get().clone();
    if link.name != *name {
        let message = format!("the recording that was begun is of the step '{}'", link.name);
        return Err(Failure::new("ValueError", message));
    }
    Ok(link)
}
