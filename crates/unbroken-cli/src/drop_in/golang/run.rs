//! `in-toto run`: runs the command of a step and writes a signed link.

use std::path::Path;

use unbroken_model::json::Object;
use unbroken_model::link::{Link, LinkForm};
use unbroken_record::{
    CommandRun, ExitOutcome, ProcessOutcome, RecordError, Streams, link_file_name, run_command,
};

use super::pflag::{Flag, Parsed, Takes};
use super::recording::{
    COMMON, MATERIALS, PRODUCTS, envelope_kind, folder, hash, key_id, signed, signing_key,
    step_name, system, write,
};
use crate::drop_in::failure::reasons;
use crate::drop_in::run::OUTPUT_BYTES;

pub(super) const FLAGS: &[&[Flag]] = &[
    COMMON,
    &[
        MATERIALS,
        PRODUCTS,
        Flag::new("run-dir", Some('r'), Takes::One, "folder that the command runs in"),
        Flag::new("no-command", Some('x'), Takes::Nothing, "there is no command"),
    ],
];

pub(super) fn act(parsed: &Parsed) -> Result<u8, String> {
    let key = signing_key(parsed)?;
    parsed.require(&["name"])?;
    match (parsed.is_on("no-command"), parsed.words.is_empty()) {
        (true, false) => {
            return Err("command arguments passed with --no-command/-x flag".to_owned());
        }
        (false, true) => {
            let message = "no command arguments passed, please specify or use --no-command option";
            return Err(message.to_owned());
        }
        _ => {}
    }
    let name = step_name(parsed)?;
    let failed = |reason| format!("failed to create link metadata: {reason}");
    let materials = hash(parsed.many("materials"), parsed).map_err(failed)?;
    let byproducts = if parsed.words.is_empty() {
        Object::new()
    } else {
        execute(&parsed.words, parsed.one("run-dir").map(Path::new)).map_err(failed)?
    };
    let products = hash(parsed.many("products"), parsed).map_err(failed)?;
    let link = Link {
        form: LinkForm::default(),
        name,
        command: parsed.words.clone(),
        materials,
        products,
        byproducts,
        environment: Object::new(),
        extra: Object::new(),
    };
    let bytes = signed(&link, envelope_kind(parsed), &*key).map_err(failed)?;
    let file = link_file_name(&link.name, &key_id(&*key)).map_err(|error| reasons(&error))?;
    let path = format!("{}{file}", folder(parsed));
    write(&path, &bytes)
        .map_err(|reason| format!("failed to write link metadata to {path}: {reason}"))?;
    Ok(0)
}

/// Runs the command unseen; its code is recorded and not passed on.
fn execute(words: &[String], directory: Option<&Path>) -> Result<Object<'static>, String> {
    if let Some(directory) = directory
        && let Err(error) = std::fs::read_dir(directory)
    {
        return Err(format!("chdir {}: {}", directory.display(), system(&error)));
    }
    let run = CommandRun {
        directory,
        streams: Streams::Capture,
        tail_bytes: OUTPUT_BYTES,
        ..CommandRun::new(words)
    };
    run_command(&run).map(|outcome| byproducts(&outcome)).map_err(|error| match &error {
        RecordError::Spawn { program, source } if source.kind() == std::io::ErrorKind::NotFound => {
            if program.contains('/') {
                format!("fork/exec {program}: {}", system(source))
            } else {
                format!("exec: {program:?}: executable file not found in $PATH")
            }
        }
        other => reasons(other),
    })
}

/// Only where the text is not all that was printed, what else we know of it is said.
fn byproducts(outcome: &ProcessOutcome) -> Object<'static> {
    let mut byproducts = outcome.byproducts();
    if let ExitOutcome::Signalled(_) = outcome.exit {
        // Go has one value for every signal.
        byproducts.insert("return-value", -1_i64);
    }
    for (name, stream) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        let Some(stream) = stream else { continue };
        if stream.text().1 && !stream.is_cut() {
            byproducts.remove(&format!("{name}-length"));
            byproducts.remove(&format!("{name}-sha256"));
        }
    }
    byproducts
}
