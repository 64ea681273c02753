//! Keys and passphrases as users name them.

pub(crate) mod certificates;
pub(crate) mod elsewhere;
pub(crate) mod gpg;

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use unbroken_crypto::{KeyError, KeyIdStyle, Passphrase, PublicKey, Signer, SigningKey, hash};
use unbroken_model::digest::{Digest, DigestAlgorithm};
use unbroken_model::link::Link;
use unbroken_model::timestamp::Timestamp;
use zeroize::Zeroizing;

use self::certificates::CertificateOptions;
use crate::commands::verify::clock;
use crate::error::{CliError, Result};
use crate::files;
use crate::output::{Output, escape_line};

/// Where the passphrase of a key comes from. It is never an argument: arguments can be seen by
/// everybody on the machine.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PassphraseSource {
    /// Read the passphrase from the first line of a file
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    passphrase_file: Option<PathBuf>,
    /// Read the passphrase from this environment variable
    #[arg(long, value_name = "NAME", conflicts_with = "passphrase_file", help_heading = "Keys")]
    passphrase_env: Option<String>,
}

impl PassphraseSource {
    /// Names a file, or a variable.
    pub(crate) fn of(passphrase_file: Option<PathBuf>, passphrase_env: Option<String>) -> Self {
        Self { passphrase_file, passphrase_env }
    }

    /// Returns the passphrase of the file or the variable, where one was named.
    pub(crate) fn given(&self) -> Result<Option<Passphrase>> {
        passphrase_of(self.passphrase_file.as_deref(), self.passphrase_env.as_deref())
    }

    /// Returns the text of the file or the variable, where one was named.
    fn given_text(&self) -> Result<Option<Zeroizing<String>>> {
        text_of(self.passphrase_file.as_deref(), self.passphrase_env.as_deref())
    }

    /// Returns the environment variable that holds the passphrase: no child may see it.
    pub(crate) fn variable(&self) -> Option<&str> {
        self.passphrase_env.as_deref()
    }
}

/// Where the passphrase comes from that a key gets anew.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct NewPassphraseSource {
    /// Protect the new file by the passphrase in the first line of a file
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    new_passphrase_file: Option<PathBuf>,
    /// Protect the new file by the passphrase in this environment variable
    #[arg(long, value_name = "NAME", help_heading = "Keys")]
    #[arg(conflicts_with = "new_passphrase_file")]
    new_passphrase_env: Option<String>,
}

impl NewPassphraseSource {
    /// Returns the passphrase of the file or the variable, where one was named.
    pub(crate) fn given(&self) -> Result<Option<Passphrase>> {
        passphrase_of(self.new_passphrase_file.as_deref(), self.new_passphrase_env.as_deref())
    }
}

fn passphrase_of(file: Option<&Path>, variable: Option<&str>) -> Result<Option<Passphrase>> {
    let text = text_of(file, variable)?;
    Ok(text.map(|mut text| Passphrase::new(std::mem::take(&mut *text))))
}

/// Returns the first line of a file or a variable.
fn text_of(file: Option<&Path>, variable: Option<&str>) -> Result<Option<Zeroizing<String>>> {
    if let Some(path) = file {
        let bytes = Zeroizing::new(files::read_key(path)?);
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            CliError::usage(format!("the passphrase in {} is not UTF-8", path.display()))
        })?;
        return Ok(Some(Zeroizing::new(first_line(text))));
    }
    if let Some(name) = variable {
        let text = std::env::var(name).map(Zeroizing::new).map_err(|_| {
            CliError::usage(format!("the environment variable {name} holds no passphrase"))
        })?;
        return Ok(Some(Zeroizing::new(first_line(&text))));
    }
    Ok(None)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// The key that signs and how it is named.
#[derive(Args, Clone, Debug)]
pub(crate) struct SigningOptions {
    /// The key to sign with: a file, pkcs11:, ssh-agent:, gpg:, spiffe:...
    ///
    /// A file is in PEM or OpenSSH's format; pkcs11:... names a key on a token, ssh-agent:... one in
    /// the agent, gpg:... one in a GnuPG keyring, spiffe:unix:///SOCKET the identity that a SPIFFE
    /// Workload API gives this process, with its certificate.
    #[arg(short, long, value_name = "KEY", help_heading = "Keys")]
    pub(crate) key: String,
    #[command(flatten)]
    certificate: CertificateOptions,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseSource,
    #[command(flatten)]
    pub(crate) style: StyleOption,
}

impl SigningOptions {
    pub(crate) fn load(&self) -> Result<Box<dyn Signer>> {
        self.certificate.certify(load_signer(&self.key, &self.passphrase)?)
    }

    /// Warns of the signing key itself among what was recorded: where it goes along with the artifacts,
    /// whoever gets them can sign for the functionary.
    pub(crate) fn warn_of_key_in(&self, link: &Link, output: &Output) {
        // A key that is kept elsewhere is no file of a tree.
        let Ok(bytes) = files::read_key(Path::new(&self.key)).map(Zeroizing::new) else { return };
        let digest = Digest::new(DigestAlgorithm::Sha256, &hash::sha256(&bytes));
        let artifacts = link.materials.iter().chain(&link.products);
        let mut found: Vec<&str> = artifacts
            .filter(|(_, digests)| digests.iter().any(|one| one == digest))
            .map(|(path, _)| path.as_str())
            .collect();
        found.dedup();
        for path in found {
            output.warning(&escape_line(&format!(
                "the key that signs was recorded as the artifact {path}: keep it outside of the tree, \
                 or leave it out with --exclude"
            )));
        }
    }
}

/// How key ids are written.
#[derive(Args, Clone, Debug)]
pub(crate) struct StyleOption {
    /// The form of the key ids that are written
    #[arg(long, value_name = "STYLE", default_value = "securesystemslib", help_heading = "Keys")]
    #[arg(value_parser = styles())]
    pub(crate) key_id_style: KeyIdStyle,
}

pub(crate) fn styles() -> impl TypedValueParser<Value = KeyIdStyle> {
    let writable = [KeyIdStyle::Securesystemslib, KeyIdStyle::Legacy];
    PossibleValuesParser::new(writable.map(KeyIdStyle::name)).map(|name| {
        KeyIdStyle::ALL.into_iter().find(|style| style.name() == name).unwrap_or_default()
    })
}

/// Finds the key that a user named to sign with: a file, or one that is kept elsewhere.
pub(crate) fn load_signer(name: &str, source: &PassphraseSource) -> Result<Box<dyn Signer>> {
    if let Some(signer) = elsewhere::find(name, source)? {
        return Ok(signer);
    }
    Ok(Box::new(load_signing_key(Path::new(name), source)?))
}

/// Reads a private key; asks for its passphrase when it has one and none was named.
pub(crate) fn load_signing_key(path: &Path, source: &PassphraseSource) -> Result<SigningKey> {
    open_signing_key(path, source).map(|(key, _)| key)
}

/// Reads a private key, and returns with it the passphrase that opened it.
pub(crate) fn open_signing_key(
    path: &Path,
    source: &PassphraseSource,
) -> Result<(SigningKey, Option<Passphrase>)> {
    let bytes = Zeroizing::new(files::read_key(path)?);
    let given = source.given()?;
    match SigningKey::read(&bytes, given.as_ref()) {
        Err(KeyError::PassphraseMissing) => {
            let prompt = format!("Passphrase of {}: ", path.display());
            let passphrase = ask(&prompt).map_err(|error| {
                CliError::usage(format!("the key {} needs a passphrase", path.display()))
                    .because(error)
                    .remedy("name it with --passphrase-file or --passphrase-env")
            })?;
            let key = SigningKey::read(&bytes, Some(&passphrase));
            Ok((key.map_err(|error| unusable(path, error))?, Some(passphrase)))
        }
        result => Ok((result.map_err(|error| unusable(path, error))?, given)),
    }
}

/// Reads a public key; the private half will do where the user has nothing else at hand, and so does
/// the name of a key that is kept elsewhere.
pub(crate) fn load_public_key(path: &Path, source: &PassphraseSource) -> Result<PublicKey> {
    load_public_key_at(path, source, clock())
}

/// Reads a public key as it is at a time: OpenPGP certificates end, and are revoked.
pub(crate) fn load_public_key_at(
    path: &Path,
    source: &PassphraseSource,
    now: Timestamp,
) -> Result<PublicKey> {
    if let Some(key) = elsewhere::find_public(&path.to_string_lossy(), source, now)? {
        return Ok(key);
    }
    let bytes = Zeroizing::new(files::read_key(path)?);
    match PublicKey::read_at(&bytes, now) {
        Err(KeyError::PrivateHalfGiven { what }) if what != "OpenPGP" => {
            drop(bytes);
            Ok(load_signing_key(path, source)?.public().clone())
        }
        result => result.map_err(|error| unusable(path, error)),
    }
}

fn unusable(path: &Path, error: KeyError) -> CliError {
    let remedy = match &error {
        KeyError::PublicHalfGiven { .. } if path.extension().is_some_and(|end| end == "pub") => {
            Some(format!("sign with {}", path.with_extension("").display()))
        }
        KeyError::PrivateHalfGiven { what: "OpenPGP" } => Some(
            "name the certificate, as `gpg --armor --export` writes it, or gpg:KEYID".to_owned(),
        ),
        KeyError::OpenPgpSigns => {
            Some("import it with `gpg --import`, and name it gpg:FINGERPRINT".to_owned())
        }
        KeyError::PassphraseWrong => Some("try again, with the passphrase of this key".to_owned()),
        KeyError::PassphraseNotNeeded => {
            Some("the key is not encrypted: leave the passphrase out".to_owned())
        }
        _ => None,
    };
    let failed = CliError::usage(format!("cannot use the key {}", path.display())).because(error);
    match remedy {
        Some(remedy) => failed.remedy(remedy),
        None => failed,
    }
}

/// Asks for a passphrase on the terminal, not echoing it.
fn ask(prompt: &str) -> std::io::Result<Passphrase> {
    let mut text = Zeroizing::new(rpassword::prompt_password(prompt)?);
    Ok(Passphrase::new(std::mem::take(&mut *text)))
}

/// Asks twice for a new passphrase.
pub(crate) fn ask_new() -> Result<Passphrase> {
    let failed = |error| CliError::usage("cannot ask for a passphrase").because(error);
    let prompt = |text| rpassword::prompt_password(text).map(Zeroizing::new).map_err(failed);
    let mut first = prompt("New passphrase: ")?;
    let second = prompt("Again: ")?;
    if first.is_empty() || first != second {
        return Err(CliError::usage("the passphrase is empty, or not the same twice"));
    }
    Ok(Passphrase::new(std::mem::take(&mut *first)))
}
