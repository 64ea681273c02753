//! `unbroken sign`: signs a layout or a link, or adds a signature.

use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_crypto::sign;
use unbroken_model::envelope::{Envelope, EnvelopeKind, PayloadType, StepEvidence};
use unbroken_model::json::Value;
use unbroken_model::limits::Limits;
use unbroken_record::atomic::Overwrite;

use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::keys::certificates::CertificateOptions;
use crate::keys::{PassphraseSource, StyleOption, load_signer};
use crate::output::{Output, count, escape_line, input_name};

/// Sign a layout or a link, or add a signature to one
///
/// FILE is an envelope of either kind, whose other signatures stay, or a bare layout or link.
#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The file to sign; - is stdin, and what is signed then goes to stdout
    file: PathBuf,
    /// The private keys to sign with: files, pkcs11:..., ssh-agent:... or gpg:...
    #[arg(short, long, value_name = "KEY", required = true)]
    key: Vec<String>,
    /// Write here and leave FILE as it is; - is stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Put a bare layout or link into a DSSE envelope, not a Metablock
    #[arg(long)]
    dsse: bool,
    #[command(flatten)]
    certificate: CertificateOptions,
    #[command(flatten)]
    passphrase: PassphraseSource,
    #[command(flatten)]
    style: StyleOption,
}

impl Sign {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let bytes = files::read(&self.file)?;
        let mut envelope = self.envelope(&bytes)?;
        for name in &self.key {
            let key = self.certificate.certify(load_signer(name, &self.passphrase)?)?;
            sign(&mut envelope, &*key, self.style.key_id_style).map_err(|error| {
                CliError::undecided(format!("cannot sign with {name}")).because(error)
            })?;
        }
        let signed = envelope.to_bytes();
        let target = self.output.as_ref().unwrap_or(&self.file);
        let mut written = target.display().to_string();
        if target.as_os_str() == "-" {
            "stdout".clone_into(&mut written);
            output.bytes(&signed);
        } else if is_no_file(target) {
            std::fs::write(target, &signed).map_err(|error| {
                CliError::undecided(format!("cannot write {written}")).because(error)
            })?;
        } else {
            files::write(target, &signed, 0o644, Overwrite::Replace)?;
        }
        let count = count(envelope.signatures().len(), "signature");
        output.talk(&format!("signed: {written} ({count})"));
        Ok(Exit::Success)
    }

    /// Reads the envelope, or makes one; nobody should sign what no verifier can read.
    fn envelope<'a>(&self, bytes: &'a [u8]) -> Result<Envelope<'a>> {
        let limits = Limits::default();
        let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
            CliError::usage(format!("{} cannot be signed", input_name(&self.file))).because(error)
        };
        let value = Value::parse(bytes, &limits).map_err(|error| unreadable(error.into()))?;
        let bare = value.as_object().is_some_and(|object| object.get("_type").is_some());
        let kind = if self.dsse { EnvelopeKind::Dsse } else { EnvelopeKind::Metablock };
        let make = || {
            if bare {
                Ok(Envelope::unsigned(kind, value.clone()))
            } else {
                Envelope::parse(bytes, &limits)
            }
        };
        let payload = make().map_err(|error| unreadable(error.into()))?.into_unverified_payload();
        let kind = payload.peek_type(&limits).map_err(|error| unreadable(error.into()))?;
        if let PayloadType::Other(other) = kind {
            let other = escape_line(&other);
            return Err(unreadable(format!("neither a layout nor a link but \"{other}\"").into()));
        }
        payload.decode::<StepEvidence>(&limits).map_err(|error| unreadable(error.into()))?;
        make().map_err(|error| unreadable(error.into()))
    }
}

/// Tells devices and pipes, which are written to: the rename that replaces a file would put a file
/// where /dev/null or a link to stdout was.
fn is_no_file(path: &Path) -> bool {
    path.starts_with("/dev")
        || path.starts_with("/proc")
        || path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}
