//! What the recording drop-ins have in common: the signing key, the artifacts, the link's file.

use std::path::Path;

use unbroken_crypto::{KeyIdStyle, Passphrase, Signer, SigningError, sign};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_record::atomic::{self, Overwrite};
use unbroken_record::{
    DEFAULT_EXCLUDES, HashOptions, MissingPolicy, RecordError, SymlinkPolicy, hash_artifacts,
    link_file_name,
};

use super::argparse::{Flag, Parsed, Takes};
use super::failure::{Failure, reasons};
use super::log::Log;
use super::signing_key::{Generation, read_signing_key};
use super::{gpg, password, python, settings};

pub(super) const STEP_NAME: Flag = Flag::new(
    &["-n", "--step-name"],
    "step_name",
    Takes::One("<name>"),
    "name of the step, as the layout has it; the link is written to '<name>.<keyid prefix>.link'",
)
.required();
pub(super) const MATERIALS: Flag = Flag::new(
    &["-m", "--materials"],
    "materials",
    Takes::Some("<path>"),
    "files or folders that are recorded before the step",
);
pub(super) const PRODUCTS: Flag = Flag::new(
    &["-p", "--products"],
    "products",
    Takes::Some("<path>"),
    "files or folders that are recorded after the step",
);
pub(super) const METADATA_DIRECTORY: Flag = Flag::new(
    &["-d", "--metadata-directory"],
    "metadata_directory",
    Takes::One("<directory>"),
    "folder that the link is written to; the working directory by default",
);
pub(super) const USE_DSSE: Flag =
    Flag::new(&["--use-dsse"], "use_dsse", Takes::Nothing, "write a DSSE envelope");
pub(super) const LSTRIP_PATHS: Flag = Flag::new(
    &["--lstrip-paths"],
    "lstrip_paths",
    Takes::Some("<path>"),
    "prefixes that are cut off the names of artifacts",
);
/// How artifacts and the key are named, in `in-toto-run` and `in-toto-record`.
pub(super) const COMMON: &[Flag] = &[
    Flag::new(
        &["-P", "--password"],
        "password",
        Takes::Perhaps("<password>"),
        "password of the signing key; without a value it is asked for (do not confuse with '-p')",
    ),
    Flag::new(
        &["-g", "--gpg"],
        "gpg",
        Takes::Perhaps("<id>"),
        "GPG key to sign with; without an id, the default key",
    ),
    gpg::GPG_HOME,
    Flag::new(
        &["--signing-key"],
        "signing_key",
        Takes::One("<path>"),
        "private key to sign with: PEM (PKCS#8, PKCS#1, SEC1) or OpenSSH",
    ),
    Flag::new(
        &["-k", "--key"],
        "old_key",
        Takes::One("<path>"),
        "the same, under the key id that 1.x and 2.x give it",
    )
    .other(),
    Flag::new(
        &["-t", "--key-type"],
        "key_type",
        Takes::One("<type>"),
        "as in 1.x; the key file tells its type itself",
    )
    .other(),
    Flag::new(
        &["--exclude"],
        "exclude",
        Takes::Some("<pattern>"),
        "leave out what matches, in the manner of .gitignore, instead of the default patterns",
    ),
    Flag::new(
        &["--base-path"],
        "base_path",
        Takes::One("<path>"),
        "folder that artifacts are relative to",
    ),
    LSTRIP_PATHS,
    USE_DSSE,
];

/// The types of keys that 1.x names.
const KEY_TYPES: [&str; 3] = ["rsa", "ed25519", "ecdsa"];

/// Checks what argparse checks about the key; the message is its own.
pub(super) fn check_key_options(parsed: &Parsed) -> Result<(), String> {
    check_key_types(parsed.many("key_type"), "-t/--key-type")?;
    let is_given = |key: &&str| parsed.has(key) && parsed.one(key) != Some("");
    let given = ["gpg", "signing_key", "old_key"].into_iter().filter(is_given);
    if given.count() != 1 {
        return Err("Specify either '--signing-key <path>' or '--gpg [<keyid>]'".to_owned());
    }
    Ok(())
}

pub(super) fn check_key_types(types: &[String], option: &str) -> Result<(), String> {
    match types.iter().find(|name| !KEY_TYPES.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let (name, choices) = (python::text(name), KEY_TYPES.map(python::text).join(", "));
            Err(format!("argument {option}: invalid choice: {name} (choose from {choices})"))
        }
    }
}

/// Finds the signing key; asks for its password where `-P` stands alone.
pub(super) fn signing_key(parsed: &Parsed) -> Result<Box<dyn Signer>, Failure> {
    let (path, given_as) = match (parsed.one("old_key"), parsed.one("signing_key")) {
        (Some(path), _) => (path, Generation::First),
        (None, Some(path)) => (path, Generation::Third),
        (None, None) => return gpg::signer(parsed, parsed.one("gpg")),
    };
    let given = match (parsed.has("password"), parsed.one("password")) {
        (true, None) => Some(password::ask("Password: ")?),
        (_, given) => given.map(|text| Passphrase::new(text.to_owned())),
    };
    read_signing_key(path, given.as_ref(), given_as)
}

/// Reads the name of a step.
pub(super) fn step_name(text: &str) -> Result<StepName, Failure> {
    text.parse().map_err(|error| {
        Failure::new("ValueError", format!("step name {}: {}", python::text(text), reasons(&error)))
    })
}

/// Returns how the artifacts of a step are hashed: as the options say, else the variables.
pub(super) fn step_options(parsed: &Parsed) -> HashOptions<'static> {
    let mut options = hash_options(parsed);
    options.base_path = options.base_path.or_else(settings::base_path);
    if parsed.many("exclude").is_empty()
        && let Some(excludes) = settings::excludes()
    {
        options.excludes = excludes;
    }
    options
}

/// Returns how artifacts are hashed.
pub(super) fn hash_options(parsed: &Parsed) -> HashOptions<'static> {
    let given = Some(parsed.many("exclude")).filter(|patterns| !patterns.is_empty());
    let default = || DEFAULT_EXCLUDES.iter().map(|&pattern| pattern.to_owned()).collect();
    HashOptions {
        base_path: parsed.one("base_path").filter(|path| !path.is_empty()).map(Into::into),
        strip_prefixes: parsed.many("lstrip_paths").to_vec(),
        excludes: given.map_or_else(default, <[String]>::to_vec),
        symlinks: SymlinkPolicy::FollowAll,
        missing: MissingPolicy::Skip,
        ..HashOptions::default()
    }
}

/// Hashes artifacts. What is not there, or is no file, is left out, as by the reference, and told.
pub(super) fn hash(
    paths: &[String],
    options: &HashOptions<'_>,
    log: Log,
) -> Result<ArtifactSet, Failure> {
    let (folders, files): (Vec<_>, Vec<_>) =
        paths.iter().cloned().partition(|path| path.starts_with("dir:"));
    for folder in folders.iter().filter_map(|folder| folder.strip_prefix("dir:")) {
        if !Path::new(folder).is_dir() {
            let message = format!("path '{folder}' is not a directory");
            return Err(Failure::new("ValueError", message));
        }
    }
    let found = hash_below(&files, options, log)?;
    if folders.is_empty() {
        return Ok(found);
    }
    // The base folder is not theirs.
    let elsewhere = HashOptions { base_path: None, ..options.clone() };
    let folders = hash_below(&folders, &elsewhere, log)?;
    ArtifactSet::from_entries(found.iter().chain(folders.iter()).cloned().collect())
        .map_err(|error| Failure::new("ValueError", reasons(&error)))
}

fn hash_below(
    paths: &[String],
    options: &HashOptions<'_>,
    log: Log,
) -> Result<ArtifactSet, Failure> {
    if paths.is_empty() {
        // Nothing then lies below the base folder, wherever that is.
        return Ok(ArtifactSet::default());
    }
    let base = options.base_path.as_deref().unwrap_or(Path::new("."));
    if let Err(error) = std::fs::read_dir(base) {
        return Err(Failure::os(&error, &base.to_string_lossy()));
    }
    let is_there =
        |path: &Path| std::fs::metadata(path).is_ok_and(|found| found.is_file() || found.is_dir());
    let mut there = Vec::with_capacity(paths.len());
    for path in paths {
        let local = path.strip_prefix("file:").unwrap_or(path);
        // Shells expand patterns; one that comes here matched nothing.
        if is_uri(path) || is_there(&base.join(local)) {
            there.push(path.clone());
        } else {
            log.warning(&format!("{} is not there and is not recorded", python::text(path)));
        }
    }
    let mut options = options.clone();
    let failure = loop {
        let error = match hash_artifacts(&there, &options) {
            Ok(artifacts) => return Ok(artifacts),
            Err(error) => error,
        };
        let (RecordError::SymlinkDangling { path } | RecordError::Special { path, .. }) = &error
        else {
            break error;
        };
        let Some(pattern) = pattern_of(path, base) else { break error };
        if options.excludes.contains(&pattern) {
            break error;
        }
        log.warning(&format!("{} is no file and is not recorded", python::text(&pattern)));
        options.excludes.push(pattern);
    };
    Err(Failure::record(&failure, None))
}

/// Writes the pattern that matches one path below the base folder and nothing else.
fn pattern_of(path: &Path, base: &Path) -> Option<String> {
    let base = base.canonicalize().ok()?;
    let mut pattern = String::from("/");
    for character in path.strip_prefix(base).ok()?.to_str()?.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '!' | '#' | ' ') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    Some(pattern)
}

/// Tells URIs whose resolver finds out itself what is there.
fn is_uri(path: &str) -> bool {
    ["dir:", "ostree:", "git:"].iter().any(|scheme| path.starts_with(scheme))
}

/// Says what signs, as the log does.
pub(super) fn signing_line(parsed: &Parsed) -> &'static str {
    match (parsed.has("gpg"), parsed.one("gpg")) {
        (false, _) => "Signing link metadata using passed signer...",
        (true, Some(_)) => "Signing link metadata using passed GPG keyid...",
        (true, None) => "Signing link metadata using default GPG key ...",
    }
}

/// Names the envelope as the log does.
pub(super) fn envelope_name(kind: EnvelopeKind) -> &'static str {
    match kind {
        EnvelopeKind::Dsse => "DSSE",
        EnvelopeKind::Metablock => "Metablock",
    }
}

/// Returns the kind of envelope that was asked for.
pub(super) fn envelope_kind(parsed: &Parsed) -> EnvelopeKind {
    if parsed.has("use_dsse") { EnvelopeKind::Dsse } else { EnvelopeKind::Metablock }
}

/// Signs a link.
pub(super) fn signed(
    link: &Link,
    kind: EnvelopeKind,
    key: &dyn Signer,
) -> Result<Vec<u8>, Failure> {
    let mut envelope = Envelope::unsigned(kind, link.to_value());
    sign(&mut envelope, key, KeyIdStyle::Securesystemslib)
        .map_err(|error| signing_failure(&error))?;
    Ok(envelope.to_bytes())
}

/// Says why a key did not sign.
pub(super) fn signing_failure(error: &SigningError) -> Failure {
    match error {
        SigningError::Kind { .. } => {
            Failure::new("NotImplementedError", "GPG Signing is not implemented")
        }
        _ => Failure::new("SigningError", reasons(error)),
    }
}

/// Returns the key id that names files.
pub(super) fn key_id(key: &dyn Signer) -> String {
    key.key_id(KeyIdStyle::Securesystemslib)
}

/// Names the file of a link.
pub(super) fn link_path(parsed: &Parsed, name: &StepName, id: &str) -> Result<String, Failure> {
    let file = link_file_name(name, id).map_err(|error| Failure::record(&error, None))?;
    Ok(match parsed.one("metadata_directory") {
        None | Some("") => file,
        Some(folder) if folder.ends_with('/') => format!("{folder}{file}"),
        Some(folder) => format!("{folder}/{file}"),
    })
}

/// Writes a file, replacing what is there.
pub(super) fn write(path: &str, bytes: &[u8]) -> Result<(), Failure> {
    atomic::write(Path::new(path), bytes, 0o644, Overwrite::Replace)
        .map_err(|error| Failure::record(&error, Some(path)))
}
