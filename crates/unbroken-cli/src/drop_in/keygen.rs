//! `in-toto-keygen`, which the reference had up to 2.1: makes a key pair in the formats of that time.

use std::ffi::OsString;
use std::path::Path;

use unbroken_crypto::{KeyAlgorithm, KeyIdStyle, Passphrase, SigningKey};
use unbroken_record::atomic::{self, Overwrite};
use zeroize::Zeroizing;

use super::argparse::{Flag, HELP, Parsed, Syntax, Takes, VERSION, Words};
use super::failure::{Failure, reasons};
use super::log::Log;
use super::recording::check_key_types;
use super::{finish, misuse, parse, password, python};

const SYNTAX: Syntax = Syntax {
    program: "in-toto-keygen",
    usage: "in-toto-keygen [-h] [-p] [-t {rsa,ed25519,ecdsa}] [-b <bits>]
                      [--version]
                      <filename>",
    about:
        "Makes a key pair: '<filename>' (private) and '<filename>.pub' (public), in the formats that
python in-toto 1.x reads. 'unbroken key generate' makes keys in the formats of today.",
    flags: &[&[
        HELP,
        Flag::new(
            &["-p", "--prompt"],
            "prompt",
            Takes::Nothing,
            "ask for a password to encrypt the private key with",
        ),
        Flag::new(
            &["-t", "--type"],
            "type",
            Takes::One("{rsa,ed25519,ecdsa}"),
            "type of the key: rsa is written as PEM, the others as JSON; rsa by default",
        ),
        Flag::new(
            &["-b", "--bits"],
            "bits",
            Takes::One("<bits>"),
            "size of an RSA key: 2048, 3072 (default), 4096 or 8192",
        ),
        VERSION,
    ]],
    words: Words::One("<filename>"),
};

/// What RSA keys have where nothing else is asked for.
const DEFAULT_BITS: i64 = 3072;
/// What RSA keys have at the least.
const LEAST_BITS: i64 = 2048;

const NOTE: &str = "note: this is a key in the old format of in-toto 1.x; 'unbroken key generate' makes \
     keys that every tool of today reads, 'unbroken key convert' makes them of old ones";

pub(super) fn main(arguments: &[String]) -> u8 {
    let parsed = match parse(&SYNTAX, arguments) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let checked = check_key_types(parsed.many("type"), "-t/--type").and_then(|()| bits(&parsed));
    let log = Log::Normal;
    match checked {
        Ok(bits) => finish(SYNTAX.program, log, generate(&parsed, bits, log).map(|()| 0)),
        Err(message) => misuse(&SYNTAX, &message),
    }
}

fn bits(parsed: &Parsed) -> Result<i64, String> {
    let Some(text) = parsed.one("bits") else { return Ok(DEFAULT_BITS) };
    let invalid = |_| format!("argument -b/--bits: invalid int value: {}", python::text(text));
    text.trim().parse().map_err(invalid)
}

fn generate(parsed: &Parsed, bits: i64, log: Log) -> Result<(), Failure> {
    let failed = |error| Failure::new("CryptoError", reasons(&error));
    let kind = parsed.one("type").unwrap_or("rsa");
    let key = match kind {
        "ed25519" => SigningKey::generate(KeyAlgorithm::Ed25519),
        "ecdsa" => SigningKey::generate(KeyAlgorithm::EcdsaP256),
        _ if bits < LEAST_BITS => {
            let message = format!("{bits} not in range [{LEAST_BITS}, {}].", i32::MAX);
            return Err(Failure::new("FormatError", message));
        }
        _ => SigningKey::generate_rsa(u32::try_from(bits).unwrap_or(u32::MAX)),
    };
    let key = key.map_err(failed)?;
    let named = parsed.words.first().filter(|name| !name.is_empty());
    let name = named.cloned().unwrap_or_else(|| key.public().key_id(KeyIdStyle::Legacy));
    let password = if parsed.has("prompt") {
        password::ask_new(&format!(
            "enter password to encrypt private key file '{name}' (leave empty if key should not be encrypted): "
        ))?
    } else {
        None
    };
    let (private, public) = texts(&key, kind, password.as_ref()).map_err(failed)?;
    write(Path::new(&name), &private, &public)?;
    log.warning(NOTE);
    Ok(())
}

/// Writes both halves as the reference did: PEM without its last line end, or JSON.
fn texts(
    key: &SigningKey,
    kind: &str,
    password: Option<&Passphrase>,
) -> Result<(Zeroizing<String>, String), unbroken_crypto::KeyError> {
    if kind != "rsa" {
        let public = key.public().to_securesystemslib_json();
        return Ok((key.to_securesystemslib_json(password)?, public));
    }
    let mut private = key.to_pkcs1_pem(password)?;
    let end = private.trim_end().len();
    private.truncate(end);
    Ok((private, key.public().spki_pem().trim_end().to_owned()))
}

/// Writes the files, and the folders above them. What is there is replaced.
fn write(private: &Path, secret: &str, public: &str) -> Result<(), Failure> {
    let refused =
        |path: &Path| Failure::new("StorageError", format!("Can't write file {}", path.display()));
    let mut file = OsString::from(private);
    file.push(".pub");
    let beside = Path::new(&file);
    // The rename that replaces a file would put a key where a device or a folder was.
    let is_no_file = |path: &&Path| path.metadata().is_ok_and(|found| !found.is_file());
    let ends_with_slash = file.to_string_lossy().ends_with("/.pub");
    if let Some(path) = [private, beside].into_iter().find(is_no_file) {
        return Err(refused(path));
    }
    if ends_with_slash {
        return Err(refused(private));
    }
    if let Some(folder) = private.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|_| refused(private))?;
    }
    for (path, text, mode) in [(beside, public, 0o644), (private, secret, 0o600)] {
        atomic::write(path, text.as_bytes(), mode, Overwrite::Replace)
            .map_err(|error| Failure::record(&error, path.to_str()))?;
    }
    Ok(())
}
