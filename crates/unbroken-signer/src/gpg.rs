//! Keys in a GnuPG keyring: the gpg program signs, and what it gives back is checked in process.
//!
//! Which of the keys signs, gpg alone knows: its settings name the default key, and of a key with
//! subkeys the newest one signs whose secret half is there. So it is asked for a trial signature,
//! before any work is done, and from then on for signatures by the very key that made it.

mod call;
mod name;
mod program;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use unbroken_crypto::{
    KeyIdStyle, OpenPgpSignature, PublicKey, SignatureEntry, Signer, SigningError,
};
use unbroken_model::envelope::{EnvelopeKind, Signature};
use unbroken_model::timestamp::Timestamp;

pub use self::name::{GpgKeyId, GpgUri};
use self::program::Program;
pub use self::program::ProgramSearch;
use crate::error::SignerError;

/// No metadata: whoever gets hold of a trial signature has nothing.
const TRIAL: &[u8] = b"unbroken asks which key signs\n";
/// The largest certificate that is read.
const LONGEST_CERTIFICATE: usize = 1 << 20;
/// The largest signature packet that is read: one of RSA with 16384 bits has some 2,200 bytes.
const LONGEST_SIGNATURE: usize = 1 << 16;

/// The gpg program with a folder of keys.
#[derive(Clone, Debug)]
pub struct Gpg {
    program: Program,
    home: Option<PathBuf>,
}

impl Gpg {
    /// Finds the program; `home` is the folder of its keys, where it is not the usual one.
    ///
    /// # Errors
    /// [`SignerError::GpgMissing`].
    pub fn find(search: &ProgramSearch<'_>, home: Option<PathBuf>) -> Result<Self, SignerError> {
        Ok(Self { program: Program::find(search)?, home })
    }

    /// Reads the certificate of a key as it is at a time, with all keys that sign in its name.
    ///
    /// # Errors
    /// [`SignerError::NoKey`], or [`SignerError::Unusable`] for keys that are not in force then.
    pub fn public_key(&self, id: &GpgKeyId, now: Timestamp) -> Result<PublicKey, SignerError> {
        read(&self.export(id)?, id, now)
    }

    /// Finds the key that signs; the default key where none is named.
    ///
    /// # Errors
    /// [`SignerError`] when there is none, when it is not in force, and when gpg does not sign by it.
    pub fn key(
        self,
        id: Option<&GpgKeyId>,
        clock: fn() -> Timestamp,
    ) -> Result<GpgKey, SignerError> {
        // What is wrong with the key is said before somebody is asked for its passphrase.
        if let Some(id) = id {
            self.public_key(id, clock())?;
        }
        let trial = self.sign(id.map(GpgKeyId::as_str), TRIAL)?;
        let signs = GpgKeyId::parse(&trial.fingerprint)?;
        let certificate = self.export(&signs)?;
        let public = read(&certificate, &signs, clock())?;
        if let Some(id) = id.filter(|id| !id.is_of(&public)) {
            return Err(SignerError::NoKey { found: vec![format!("{signs}, and not {id}")] });
        }
        let key = GpgKey { gpg: self, signs, certificate, public, clock };
        key.checked(TRIAL, trial)?;
        Ok(key)
    }

    fn export(&self, id: &GpgKeyId) -> Result<Vec<u8>, SignerError> {
        let arguments = ["--export".into(), "--".into(), id.as_str().into()];
        let bytes = self.call(&arguments, b"", LONGEST_CERTIFICATE, "export a certificate")?;
        if bytes.is_empty() { Err(SignerError::NoKey { found: Vec::new() }) } else { Ok(bytes) }
    }

    fn sign(&self, by: Option<&str>, message: &[u8]) -> Result<OpenPgpSignature, SignerError> {
        let mut arguments: Vec<OsString> =
            ["--no-textmode", "--digest-algo", "SHA256"].map(OsString::from).into();
        if let Some(by) = by {
            arguments.extend(["--local-user".into(), by.into()]);
        }
        arguments.push("--detach-sign".into());
        let made = self.call(&arguments, message, LONGEST_SIGNATURE, "sign")?;
        OpenPgpSignature::read(&made).map_err(|source| SignerError::GpgSignature { source })
    }

    fn call(
        &self,
        arguments: &[OsString],
        input: &[u8],
        limit: usize,
        action: &'static str,
    ) -> Result<Vec<u8>, SignerError> {
        let mut command = self.program.command();
        // What is not data must not come where data is due, whatever the settings say.
        command.args(["--batch", "--no-armor"]);
        if let Some(home) = &self.home {
            command.args([OsStr::new("--homedir"), home.as_os_str()]);
        }
        command.args(arguments);
        call::call(command, input, limit, action)
    }
}

/// A key in a GnuPG keyring.
#[derive(Debug)]
pub struct GpgKey {
    gpg: Gpg,
    /// The key or subkey that signs.
    signs: GpgKeyId,
    certificate: Vec<u8>,
    /// The key as it was when it was found.
    public: PublicKey,
    clock: fn() -> Timestamp,
}

impl GpgKey {
    /// Checks a signature before it is used, at the time of now: the key was found earlier, and may
    /// have ended since.
    fn checked(
        &self,
        message: &[u8],
        made: OpenPgpSignature,
    ) -> Result<SignatureEntry, SignerError> {
        let key = read(&self.certificate, &self.signs, (self.clock)())?;
        let extra = made.extra();
        let key_id = Some(made.fingerprint);
        let signature = Signature { key_id, bytes: made.bytes, extra };
        key.verify_entry(message, &signature)
            .map_err(|source| SignerError::GpgSignature { source })?;
        Ok(SignatureEntry { bytes: signature.bytes, extra: signature.extra })
    }
}

impl Signer for GpgKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Returns the fingerprint of the key or subkey that signs.
    fn key_id(&self, _: KeyIdStyle) -> String {
        self.signs.as_str().to_owned()
    }

    fn sign_entry(
        &self,
        message: &[u8],
        kind: EnvelopeKind,
    ) -> Result<SignatureEntry, SigningError> {
        self.check_kind(kind)?;
        let by = format!("{}!", self.signs);
        let made = self.gpg.sign(Some(&by), message);
        made.and_then(|made| self.checked(message, made)).map_err(|source| {
            SigningError::Elsewhere { key: self.public.describe(), source: source.into() }
        })
    }

    fn check_kind(&self, kind: EnvelopeKind) -> Result<(), SigningError> {
        match kind {
            EnvelopeKind::Metablock => Ok(()),
            EnvelopeKind::Dsse => Err(SigningError::Kind { key: self.public.describe() }),
        }
    }

    /// Signatures are checked where they are made, by the time of that.
    fn is_remote(&self) -> bool {
        false
    }
}

/// Reads a certificate that must be of this key.
fn read(certificate: &[u8], id: &GpgKeyId, now: Timestamp) -> Result<PublicKey, SignerError> {
    let key = PublicKey::read_at(certificate, now)
        .map_err(|source| SignerError::Unusable { key: id.to_string(), source })?;
    // Programs take ids for names too, and what fits a name may be another's.
    if id.is_of(&key) {
        Ok(key)
    } else {
        Err(SignerError::NoKey { found: key.signing_fingerprints() })
    }
}
