//! `in-toto-sign`: signs a layout or a link, or verifies its signatures.

use std::error::Error;

use unbroken_crypto::{
    Functionary, KeyIdStyle, KeySet, PublicKey, SignatureBudget, authenticate, sign,
};
use unbroken_model::envelope::{Envelope, PayloadType, StepEvidence};
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_model::timestamp::Timestamp;
use unbroken_record::link_file_name;

use super::argparse::{Flag, HELP, Parsed, Syntax, Takes, VERBOSITY, VERSION, Words};
use super::failure::{Failure, reasons};
use super::gpg::{self, GPG_HOME};
use super::log::{Log, print};
use super::recording::{check_key_types, signing_failure, write};
use super::signing_key::{Generation, read_signing_key};
use super::{USAGE, misuse, parse, password};
use crate::commands::verify::clock;

const FLAGS: &[Flag] = &[
    Flag::new(&["-f", "--file"], "file", Takes::One("<path>"), "the layout or link").required(),
    Flag::new(
        &["-k", "--key"],
        "key",
        Takes::Some("<path>"),
        "private keys to sign with, or public keys to verify with",
    ),
    Flag::new(
        &["-t", "--key-type"],
        "key_type",
        Takes::Some("<type>"),
        "as in 1.x; the key files tell their types themselves",
    )
    .other(),
    Flag::new(&["-p", "--prompt"], "prompt", Takes::Nothing, "ask for the password of the keys"),
    Flag::new(
        &["-g", "--gpg"],
        "gpg",
        Takes::Any("<id>"),
        "GPG keys to sign or to verify with; without an id, the default key signs",
    ),
    GPG_HOME,
    Flag::new(
        &["-o", "--output"],
        "output",
        Takes::One("<path>"),
        "where to write; by default layouts replace the file, links go to '<name>.<keyid prefix>.link'",
    ),
    Flag::new(
        &["-a", "--append"],
        "append",
        Takes::Nothing,
        "keep the signatures that are there (layouts only)",
    ),
    Flag::new(&["--verify"], "verify", Takes::Nothing, "verify a signature of each of the keys"),
];

const SYNTAX: Syntax = Syntax {
    program: "in-toto-sign",
    usage: "in-toto-sign [-h] -f <path> [-k <path> [<path> ...]] [-p]
                    [-g [<id> ...]] [--gpg-home <path>] [-o <path>] [-a]
                    [--verify] [-v | -q] [--version]",
    about: "Signs a layout or a link, or verifies its signatures.",
    flags: &[&[HELP], FLAGS, VERBOSITY, &[VERSION]],
    words: Words::None,
};

const ONE_FUNCTIONARY: &str = "link metadata is associated with a single functionary and is \
    usually namespaced accordingly: '<name>.<keyid prefix>.link'.";

pub(super) fn main(arguments: &[String]) -> u8 {
    let parsed = match parse(&SYNTAX, arguments) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    if let Err(message) = check(&parsed) {
        return refuse(&message);
    }
    let log = Log::of(&parsed);
    act(&parsed, log).unwrap_or_else(|ended| match ended {
        Ended::Misuse(message) => refuse(&message),
        Ended::Failed(message) => {
            log.error(&message);
            USAGE
        }
    })
}

/// Prints the help, then the error, as the reference does.
fn refuse(message: &str) -> u8 {
    print(&SYNTAX.help());
    misuse(&SYNTAX, message)
}

fn check(parsed: &Parsed) -> Result<(), String> {
    check_key_types(parsed.many("key_type"), "-t/--key-type")?;
    let message = if parsed.has("verify") && (parsed.has("append") || parsed.has("output")) {
        "conflicting arguments: don't specify any of 'append' or 'output' when verifying signatures"
    } else if parsed.has("key") == parsed.has("gpg") {
        "wrong arguments: specify either '--key PATH [PATH ...]' or '--gpg [KEYID [KEYID ...]]'"
    } else if parsed.has("verify") && parsed.has("gpg") && parsed.many("gpg").is_empty() {
        "missing arguments: specify at least one keyid for GPG signature verification ('--gpg KEYID ...')"
    } else {
        return Ok(());
    };
    Err(message.to_owned())
}

/// How it ends early: both with code 2.
enum Ended {
    Misuse(String),
    Failed(String),
}

fn act(parsed: &Parsed, log: Log) -> Result<u8, Ended> {
    let path = parsed.one("file").unwrap_or_default();
    let loading = |reason: &str| {
        Ended::Failed(format!(
            "The following error occurred while loading the file '{path}': {reason}"
        ))
    };
    let bytes = std::fs::read(path).map_err(|error| loading(&Failure::os(&error, path).message))?;
    let limits = Limits::default();
    let unreadable = |error: &dyn Error| loading(&reasons(error));
    let open = || Envelope::parse(&bytes, &limits).map_err(|error| unreadable(&error));
    let payload = open()?.into_unverified_payload();
    let kind = payload.peek_type(&limits).map_err(|error| unreadable(&error))?;
    // Nobody should sign what no verifier can read.
    payload.decode::<StepEvidence>(&limits).map_err(|error| unreadable(&error))?;
    let is_link = kind == PayloadType::Link;
    if is_link {
        if parsed.many("key").len() > 1 || parsed.many("gpg").len() > 1 {
            return Err(Ended::Misuse(format!(
                "too many arguments: {ONE_FUNCTIONARY} Hence signing Link metadata with multiple keys is not allowed."
            )));
        }
        if parsed.has("append") {
            return Err(Ended::Misuse(format!(
                "wrong arguments: {ONE_FUNCTIONARY}. Hence adding signatures to existing signatures on link metadata is not allowed."
            )));
        }
    }
    if parsed.has("verify") {
        return verify(parsed, &open, log);
    }
    write_signed(parsed, open()?, is_link.then(open).transpose()?, log).map_err(|failure| {
        Ended::Failed(format!("The following error occurred while signing: {}", failure.message))
    })
}

/// Signs with every key and writes; `link` is the same envelope once more, where it is a link.
fn write_signed(
    parsed: &Parsed,
    mut envelope: Envelope<'_>,
    link: Option<Envelope<'_>>,
    log: Log,
) -> Result<u8, Failure> {
    if !parsed.has("append") {
        envelope.retain_signatures(|_| false);
    }
    let password = if parsed.has("prompt") { Some(password::ask("Password: ")?) } else { None };
    // `-k` is of every generation; `-t` is not of the last.
    let given_as = if parsed.has("key_type") { Generation::First } else { Generation::Third };
    let files = parsed.many("key").iter();
    let files = files.map(|path| read_signing_key(path, password.as_ref(), given_as));
    let ids: Vec<Option<&str>> = match parsed.many("gpg") {
        [] if parsed.has("gpg") => vec![None],
        ids => ids.iter().map(|id| Some(id.as_str())).collect(),
    };
    let mut id = String::new();
    for key in files.chain(ids.into_iter().map(|id| gpg::signer(parsed, id))) {
        let (key, style) = (key?, KeyIdStyle::Securesystemslib);
        sign(&mut envelope, &*key, style).map_err(|error| signing_failure(&error))?;
        id = key.key_id(style);
    }
    let kind = if link.is_some() { "link" } else { "layout" };
    let by_default = match link {
        None => parsed.one("file").unwrap_or_default().to_owned(),
        Some(link) => {
            let link: Link = link
                .into_unverified_payload()
                .decode(&Limits::default())
                .map_err(|error| Failure::new("InvalidMetadata", reasons(&error)))?;
            link_file_name(&link.name, &id).map_err(|error| Failure::record(&error, None))?
        }
    };
    let path = parsed.one("output").filter(|path| !path.is_empty()).unwrap_or(&by_default);
    log.info(&format!("Dumping {kind} to '{path}'..."));
    write(path, &envelope.to_bytes())?;
    Ok(0)
}

/// Verifies that each of the keys has signed.
fn verify<'a>(
    parsed: &Parsed,
    open: &impl Fn() -> Result<Envelope<'a>, Ended>,
    log: Log,
) -> Result<u8, Ended> {
    let failed = |failure: &Failure| {
        Ended::Failed(format!(
            "The following error occurred while verifying signatures: {}",
            failure.message
        ))
    };
    let files: Result<Vec<PublicKey>, Failure> =
        parsed.many("key").iter().map(|path| read_public_key(path, clock())).collect();
    let files = files.map_err(|failure| failed(&failure))?;
    let of_gpg = gpg::public_keys(parsed, clock()).map_err(|failure| failed(&failure))?;
    for key in files.into_iter().chain(of_gpg) {
        let is_old = parsed.has("key_type");
        let id = key.key_id(if is_old { KeyIdStyle::Legacy } else { KeyIdStyle::default() });
        let keys = KeySet::<Functionary>::new([key]);
        let (one, limits) = (std::num::NonZeroU32::MIN, Limits::default());
        let mut budget = SignatureBudget::default();
        let verified = authenticate::<StepEvidence, _>(open()?, &keys, one, &limits, &mut budget);
        if let Err(error) = verified {
            log.error(&format!("Signature verification failed: {}", reasons(&error)));
            return Ok(1);
        }
        log.info(&format!("Signature verification passed for keyid '{id}'"));
    }
    Ok(0)
}

/// Reads a public key, as it is at a time.
pub(super) fn read_public_key(path: &str, now: Timestamp) -> Result<PublicKey, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::os(&error, path))?;
    PublicKey::read_at(&bytes, now).map_err(|error| Failure::key(&error, path))
}
