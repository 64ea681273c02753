//! `in-toto-mock`: records a command without signing, to try things out.

use unbroken_model::envelope::{Envelope, Payload};
use unbroken_record::unsigned_link_file_name;

use super::argparse::{Flag, HELP, Parsed, Syntax, Takes, VERSION, Words};
use super::failure::Failure;
use super::log::Log;
use super::recording::{USE_DSSE, envelope_kind, envelope_name, hash_options, step_name, write};
use super::run::Step;
use super::{finish, parse};

const SYNTAX: Syntax = Syntax {
    program: "in-toto-mock",
    usage: "in-toto-mock [-h] --name <name> -- <command> [args]",
    about: "Runs a command and writes an unsigned link of everything around it to '<name>.link'.",
    flags: &[
        &[HELP],
        &[Flag::new(&["-n", "--name"], "name", Takes::One("<name>"), "name of the step")
            .required()],
        &[USE_DSSE, VERSION],
    ],
    words: Words::Some("<command>"),
};

pub(super) fn main(arguments: &[String]) -> u8 {
    let parsed = match parse(&SYNTAX, arguments) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let log = Log::Verbose;
    finish(SYNTAX.program, log, mock(&parsed, log).map(|()| 0))
}

fn mock(parsed: &Parsed, log: Log) -> Result<(), Failure> {
    let everything = [".".to_owned()];
    let step = Step {
        name: step_name(parsed.one("name").unwrap_or_default())?,
        materials: &everything,
        products: &everything,
        command: &parsed.words,
        record_streams: true,
        limit: None,
    };
    let link = step.record(&hash_options(parsed), log)?;
    let kind = envelope_kind(parsed);
    log.info(&format!("Generating link metadata using {}...", envelope_name(kind)));
    let path = unsigned_link_file_name(&link.name);
    log.info(&format!("Storing unsigned link metadata to '{path}'..."));
    write(&path, &Envelope::unsigned(kind, link.to_value()).to_bytes())
}
