//! `unbroken key show`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use unbroken_crypto::{Certificate, PublicKey};
use unbroken_model::json::{Object, Value};

use zeroize::Zeroizing;

use crate::commands::inspect::describe_certificate;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::keys::certificates::{find_certificate, unusable};
use crate::keys::{PassphraseSource, StyleOption, load_public_key};
use crate::output::Output;

/// Show a key and every id that it goes by
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// A public key, a private one whose public half is shown, or a certificate whose key is
    file: PathBuf,
    /// What to print: text for people, json, the id alone, the member for a layout's `keys`
    /// (of a certificate, for its `rootcas` or `intermediatecas`), or the public key as PEM
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    #[command(flatten)]
    passphrase: PassphraseSource,
    #[command(flatten)]
    style: StyleOption,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Id,
    Layout,
    Pem,
}

impl Show {
    pub(super) fn run(self, output: &Output) -> Result<Exit> {
        let certificate = self.certificate()?;
        let key = match &certificate {
            Some(certificate) => certificate.public_key().clone(),
            None => load_public_key(&self.file, &self.passphrase)?,
        };
        let style = self.style.key_id_style;
        output.data(&match self.format {
            Format::Text => {
                let holder = certificate.as_ref().map(describe_certificate);
                holder.unwrap_or_default() + &text(&key)
            }
            Format::Json => json(&key),
            Format::Id => format!("{}\n", key.key_id(style)),
            Format::Pem => key.spki_pem(),
            Format::Layout => {
                let listed = match &certificate {
                    Some(certificate) => certificate.to_layout_key(),
                    None => key.to_layout_key(style),
                };
                let listed = listed.map_err(|error| {
                    CliError::usage("the key cannot be listed in a layout").because(error)
                })?;
                let object = Value::from(listed.object).to_compact();
                format!("\"{}\": {object}\n", listed.id)
            }
        });
        Ok(Exit::Success)
    }

    /// Reads the file where it is a certificate.
    fn certificate(&self) -> Result<Option<Certificate>> {
        // A key that is kept elsewhere is no file.
        if !self.file.is_file() {
            return Ok(None);
        }
        let bytes = Zeroizing::new(files::read_key(&self.file)?);
        let found = find_certificate(&bytes).transpose();
        found.map_err(|error| unusable(&self.file, error))
    }
}

fn text(key: &PublicKey) -> String {
    let mut out = format!("{} ({})\n", key.key_type(), key.scheme().name());
    for (style, id) in key.key_ids() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {:<27} {id}", style.name());
    }
    for fingerprint in key.signing_fingerprints() {
        let _ = writeln!(out, "  {:<27} {fingerprint}", "signs as");
    }
    out
}

/// Describes a key for programs.
pub(crate) fn json(key: &PublicKey) -> String {
    let mut ids = Object::new();
    for (style, id) in key.key_ids() {
        ids.insert(style.name(), id);
    }
    let mut object = Object::new();
    object.insert("keytype", key.key_type());
    object.insert("scheme", key.scheme().name());
    object.insert("key_ids", ids);
    object.insert("public", key.spki_pem());
    Value::from(object).to_pretty() + "\n"
}
