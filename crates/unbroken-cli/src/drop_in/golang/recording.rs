//! What `run` and `record` have in common: the key, the artifacts, the link's file.

use std::io;
use std::path::Path;

use unbroken_crypto::{Certificate, CertificateError, CertifiedSigner, Signer};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::envelope::{EnvelopeKind, Payload};
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_record::atomic::{self, Overwrite};
use unbroken_record::{HashOptions, SymlinkPolicy, hash_artifacts};
use unbroken_signer::WorkloadIdentity;

use super::files;
use super::pflag::{Flag, Parsed, Takes};
use crate::commands::verify::clock;
use crate::drop_in::failure::reasons;
use crate::drop_in::signing_key::{Generation, read_signing_key};
use crate::keys::elsewhere::workload_identity;

pub(super) const MATERIALS: Flag = Flag::new(
    "materials",
    Some('m'),
    Takes::Each,
    "files or folders that are recorded before the step",
);
pub(super) const PRODUCTS: Flag = Flag::new(
    "products",
    Some('p'),
    Takes::Each,
    "files or folders that are recorded after the step",
);
pub(super) const EXCLUDE: Flag = Flag::new(
    "exclude",
    Some('e'),
    Takes::Each,
    "leave out what matches, in the manner of .gitignore; nothing is left out by default",
);
pub(super) const COMMON: &[Flag] = &[
    Flag::new("name", Some('n'), Takes::One, "name of the step, as the layout has it"),
    Flag::new("key", Some('k'), Takes::One, "private key in PEM to sign with"),
    Flag::new("cert", Some('c'), Takes::One, "certificate in PEM of that key"),
    Flag::new("spiffe-workload-api-path", None, Takes::One, "socket of a SPIFFE Workload API"),
    Flag::new("metadata-directory", Some('d'), Takes::One, "folder that metadata is written to"),
    Flag::new(
        "lstrip-paths",
        Some('l'),
        Takes::Each,
        "prefixes that are cut off the names of artifacts",
    ),
    EXCLUDE,
    Flag::new("normalize-line-endings", None, Takes::Nothing, "hash CRLF and CR as LF"),
    Flag::new("follow-symlink-dirs", None, Takes::Nothing, "follow links to folders as well"),
    Flag::new("use-dsse", None, Takes::Nothing, "write a DSSE envelope"),
];

/// Reads the key that signs, before anything else is looked at, as the original does.
pub(super) fn signing_key(parsed: &Parsed) -> Result<Box<dyn Signer>, String> {
    if let Some(socket) = parsed.one("spiffe-workload-api-path") {
        return issued(socket, parsed);
    }
    let certificate = parsed.one("cert");
    let absent =
        if certificate.is_some() { "unsupported key type" } else { "key or cert must be provided" };
    let path = parsed.one("key").ok_or(absent)?;
    if let Err(error) = std::fs::metadata(path) {
        return Err(format!("key not found at {path}: stat {path}: {}", system(&error)));
    }
    let key = private_key(path)?;
    match certificate {
        Some(path) => certified(key, path),
        None => Ok(key),
    }
}

/// Fetches the key that a SPIFFE agent issues for this process, with its certificate. Those between it
/// and the root become files beside the link, for `verify -i`: the original puts none into links.
fn issued(socket: &str, parsed: &Parsed) -> Result<Box<dyn Signer>, String> {
    let identity = workload_identity(socket).map_err(|error| error.to_string())?;
    let WorkloadIdentity { key, certificate, intermediates } = identity;
    let signer = CertifiedSigner::new(Box::new(key), &certificate, &[], clock())
        .map_err(|error| format!("invalid cert of {socket}: {}", reasons(&error)))?;
    let name = step_name(parsed)?;
    for (at, one) in intermediates.iter().enumerate() {
        let pem = one.to_pem().map_err(|error| reasons(&error))?;
        let path = format!("{}{name}-intermediate-{at}.cert.pem", folder(parsed));
        write(&path, pem.as_bytes())?;
    }
    Ok(Box::new(signer))
}

/// Puts a key and its certificate together. The original takes any two.
fn certified(key: Box<dyn Signer>, path: &str) -> Result<Box<dyn Signer>, String> {
    let bytes = std::fs::read(path)
        .map_err(|error| format!("cert not found at {path}: stat {path}: {}", system(&error)))?;
    let invalid = |error: CertificateError| format!("invalid cert at {path}: {}", reasons(&error));
    let certificate = Certificate::read(&bytes).map_err(invalid)?;
    Ok(Box::new(CertifiedSigner::new(key, &certificate, &[], clock()).map_err(invalid)?))
}

/// Reads a private key, which goes by the id that in-toto-golang gives it.
pub(super) fn private_key(path: &str) -> Result<Box<dyn Signer>, String> {
    read_signing_key(path, None, Generation::Golang)
        .map_err(|failure| format!("invalid key at {path}: {}", failure.message))
}

/// Returns the key id that names files.
pub(super) fn key_id(key: &dyn Signer) -> String {
    key.key_id(unbroken_crypto::KeyIdStyle::Legacy)
}

pub(super) fn step_name(parsed: &Parsed) -> Result<StepName, String> {
    let name = parsed.one("name").unwrap_or_default();
    name.parse().map_err(|error| format!("step name {name:?}: {}", reasons(&error)))
}

pub(super) fn envelope_kind(parsed: &Parsed) -> EnvelopeKind {
    if parsed.is_on("use-dsse") { EnvelopeKind::Dsse } else { EnvelopeKind::Metablock }
}

/// Hashes artifacts: links to files are followed, those to folders on request.
pub(super) fn hash(paths: &[String], parsed: &Parsed) -> Result<ArtifactSet, String> {
    let follows = parsed.is_on("follow-symlink-dirs");
    let mut named = Vec::with_capacity(paths.len());
    for path in paths {
        let found = std::fs::symlink_metadata(path)
            .map_err(|error| format!("lstat {path}: {}", system(&error)))?;
        if follows || !found.is_symlink() || !Path::new(path).is_dir() {
            named.push(path.clone());
        }
    }
    let options = HashOptions {
        strip_prefixes: parsed.many("lstrip-paths").to_vec(),
        excludes: parsed.many("exclude").to_vec(),
        normalize_line_endings: parsed.is_on("normalize-line-endings"),
        symlinks: if follows { SymlinkPolicy::FollowAll } else { SymlinkPolicy::FollowFiles },
        ..HashOptions::default()
    };
    hash_artifacts(&named, &options).map_err(|error| reasons(&error))
}

/// Writes a link, signed.
pub(super) fn signed(link: &Link, kind: EnvelopeKind, key: &dyn Signer) -> Result<Vec<u8>, String> {
    files::of_payload(link.to_value(), kind, Some(key))
}

/// Returns the folder that metadata is written to, as it stands before a file's name.
pub(super) fn folder(parsed: &Parsed) -> String {
    match parsed.one("metadata-directory") {
        None | Some("." | "./") => String::new(),
        Some(folder) => format!("{}/", folder.trim_end_matches('/')),
    }
}

/// Writes a file, replacing what is there.
pub(super) fn write(path: &str, bytes: &[u8]) -> Result<(), String> {
    atomic::write(Path::new(path), bytes, 0o644, Overwrite::Replace).map_err(|error| {
        let cause = match &error {
            unbroken_record::RecordError::Write { source, .. } => system(source),
            other => reasons(other),
        };
        format!("open {path}: {cause}")
    })
}

/// Says what the system refused, as Go does.
pub(super) fn system(error: &io::Error) -> String {
    // What writes files whole wraps the system's error: only its kind is left.
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase(),
    }
}
