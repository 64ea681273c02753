//! `unbroken inspect`: says what a file is.

mod certificate;
mod foreign;
mod metadata;

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use unbroken_crypto::{
    Functionary, KeyError, KeySet, PublicKey, SignatureBudget, SignatureOutcome, SignatureReport,
    check_signatures,
};
use unbroken_model::envelope::{
    Envelope, EnvelopeError, EnvelopeKind, Payload, PayloadType, StepEvidence,
};
use unbroken_model::json::Value;
use unbroken_model::limits::Limits;
use unbroken_model::statement::Statement;

pub(crate) use self::certificate::describe_certificate;
pub(crate) use self::foreign::recognise;

use crate::commands::verify::clock;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::keys::certificates::find_certificate;
use crate::keys::{PassphraseSource, load_public_key};
use crate::output::{Output, escape_line, input_name};

/// Say what a file is and what stands in it
///
/// Nothing of it is verified, unless keys are given: then every one of them must have signed the
/// file, or the exit code is 1. Nothing else is looked at even so: `unbroken verify` does that.
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// A layout, a link, a statement, a key, a certificate or any signed envelope
    file: PathBuf,
    /// A public key to check the signatures with; may be repeated
    #[arg(short, long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// What to print: text for people, or the payload or public key as json
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Inspect {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let bytes = files::read(&self.file)?;
        let limits = Limits::default();
        let envelope = match Envelope::parse(&bytes, &limits) {
            Ok(envelope) => envelope,
            Err(error) if self.key.is_empty() => {
                output.data(&self.no_envelope(&bytes, error)?);
                return Ok(Exit::Success);
            }
            Err(error) => {
                let path = input_name(&self.file);
                return Err(CliError::usage(format!("{path} is no envelope")).because(error));
            }
        };
        let checked = self.checked(&envelope)?;
        let holds = checked.as_ref().is_none_or(Checked::holds);
        if matches!(self.format, Format::Json) {
            output.talk(if checked.is_some() && holds {
                "every key given has signed this payload"
            } else {
                "UNVERIFIED: anybody can have written this payload"
            });
        }
        output.data(&self.envelope(envelope, checked.as_ref(), &limits)?);
        Ok(if holds { Exit::Success } else { Exit::Rejected })
    }

    /// Checks the signatures with the keys, where some were given.
    fn checked(&self, envelope: &Envelope<'_>) -> Result<Option<Checked>> {
        if self.key.is_empty() {
            return Ok(None);
        }
        let passphrase = PassphraseSource::default();
        let keys = self.key.iter().map(|path| load_public_key(path, &passphrase));
        let keys: Vec<PublicKey> = keys.collect::<Result<_>>()?;
        let set = KeySet::<Functionary>::new(keys.iter().cloned());
        let reports = check_signatures(envelope, &set, &mut SignatureBudget::default());
        let reports = reports.map_err(|error| {
            CliError::undecided("the signatures were not checked").because(error)
        })?;
        Ok(Some(Checked { keys, reports }))
    }

    /// Describes a key, or a document of others, or says why the file is no envelope.
    fn no_envelope(&self, bytes: &[u8], error: EnvelopeError) -> Result<String> {
        let path = input_name(&self.file);
        if let Some(found) = find_certificate(bytes) {
            let unusable =
                |error| CliError::usage(format!("{path} is no certificate")).because(error);
            let certificate = found.map_err(unusable)?;
            return Ok(match self.format {
                Format::Text => describe_certificate(&certificate),
                Format::Json => super::key::show::json(certificate.public_key()),
            });
        }
        match (PublicKey::read_at(bytes, clock()), self.format) {
            (Ok(key), Format::Text) => Ok(format!("public key\n{}\n", key.describe())),
            (Ok(key), Format::Json) => Ok(super::key::show::json(&key)),
            (Err(KeyError::PrivateHalfGiven { what }), Format::Text) => {
                Ok(format!("private key ({what})\n`unbroken key show` shows its public half\n"))
            }
            (Err(KeyError::PrivateHalfGiven { .. }), Format::Json) => {
                Err(CliError::usage(format!("{path} is a private key"))
                    .remedy("`unbroken key show --format json` shows its public half"))
            }
            // It is an OpenPGP key beyond doubt, and not in force.
            (
                Err(
                    fault @ (KeyError::Expired { .. }
                    | KeyError::NotYetValid { .. }
                    | KeyError::Revoked { .. }
                    | KeyError::Certificate { .. }
                    | KeyError::NoSigningKey { .. }),
                ),
                Format::Text,
            ) => Ok(format!("OpenPGP certificate, which cannot be used\n{fault}\n")),
            (Err(_), format) => match foreign::recognise_bare(bytes) {
                Some(found) if matches!(format, Format::Text) => Ok(found.describe()),
                _ => {
                    Err(CliError::usage(format!("{path} is no envelope and no key")).because(error))
                }
            },
        }
    }

    fn envelope(
        &self,
        envelope: Envelope<'_>,
        checked: Option<&Checked>,
        limits: &Limits,
    ) -> Result<String> {
        let mut out = String::new();
        let kind = match envelope.kind() {
            EnvelopeKind::Metablock => "Metablock",
            EnvelopeKind::Dsse => "DSSE envelope",
        };
        let _ = match checked {
            None => writeln!(out, "UNVERIFIED {kind}: anybody can have written what follows"),
            Some(checked) if checked.holds() => {
                writeln!(out, "{kind}, signed by every key given; nothing else was checked")
            }
            Some(_) => writeln!(out, "UNVERIFIED {kind}: not every key given has signed it"),
        };
        for (index, signature) in envelope.signatures().iter().enumerate() {
            let id = signature.key_id.as_deref().unwrap_or("(none)");
            let size = signature.bytes.len();
            let said = checked.map_or_else(String::new, |checked| checked.say(index));
            let _ = writeln!(out, "  signature  key id {}, {size} bytes{said}", escape_line(id));
            certificate::describe_claims(&mut out, signature, limits);
        }
        if envelope.signatures().is_empty() {
            let _ = writeln!(out, "  no signature");
        }
        let payload = envelope.into_unverified_payload();
        if let Some(payload_type) = payload.dsse_payload_type() {
            let _ = writeln!(out, "  payload type  {}", escape_line(payload_type));
        }
        let unreadable = |error| {
            CliError::usage(format!("the payload of {} is not JSON", input_name(&self.file)))
                .because(error)
        };
        if matches!(self.format, Format::Json) {
            return Ok(payload.value(limits).map_err(unreadable)?.to_pretty() + "\n");
        }
        let kind = payload.peek_type(limits).map_err(unreadable)?;
        if let PayloadType::Other(other) = &kind {
            let value = payload.value(limits).map_err(unreadable)?.into_owned().into_owned();
            describe_other(&mut out, other, value);
            return Ok(out);
        }
        match payload.decode::<StepEvidence>(limits) {
            Ok(StepEvidence::Link(link)) => metadata::describe_link(&mut out, &link),
            Ok(StepEvidence::Sublayout(layout)) => metadata::describe_layout(&mut out, &layout),
            Err(error) => {
                let _ = match kind {
                    PayloadType::Layout => writeln!(out, "a layout with a fault"),
                    PayloadType::Link => writeln!(out, "a link with a fault"),
                    _ => Ok(()),
                };
                let _ = writeln!(out, "  {}", escape_line(&error.to_string()));
            }
        }
        Ok(out)
    }
}

/// Describes what is neither a layout nor a link: a statement, or something of other tools.
fn describe_other(out: &mut String, kind: &str, value: Value<'static>) {
    let fault = match Statement::decode(value) {
        Ok(statement) => return metadata::describe_statement(out, &statement),
        Err(error) => escape_line(&error.to_string()),
    };
    let _ = match foreign::payload(kind) {
        Some(found) => writeln!(out, "{}", found.describe().trim_end()),
        None if kind.starts_with("https://in-toto.io/Statement/") || kind.is_empty() => {
            writeln!(out, "neither a layout nor a link, and no statement: {fault}")
        }
        None => writeln!(out, "neither a layout nor a link but \"{}\"", escape_line(kind)),
    };
}

/// What checking the signatures with the keys of the user gave.
struct Checked {
    keys: Vec<PublicKey>,
    reports: Vec<SignatureReport>,
}

impl Checked {
    /// Tells whether every key has signed.
    fn holds(&self) -> bool {
        self.keys.iter().all(|key| {
            self.reports.iter().any(
                |report| matches!(&report.outcome, SignatureOutcome::Valid(signer) if signer == key),
            )
        })
    }

    /// Says what one signature is.
    fn say(&self, index: usize) -> String {
        match self.reports.get(index).map(|report| &report.outcome) {
            Some(SignatureOutcome::Valid(key)) => format!(": valid, by {}", key.describe()),
            Some(SignatureOutcome::Invalid(key)) => {
                format!(": NOT a signature of {}", key.describe())
            }
            _ => ": by none of the keys given".to_owned(),
        }
    }
}
