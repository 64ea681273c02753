//! `unbroken inspect`: says what a file is.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use unbroken_crypto::{KeyError, PublicKey};
use unbroken_model::envelope::{Envelope, EnvelopeError, EnvelopeKind, PayloadType, StepEvidence};
use unbroken_model::layout::{KeyId, Layout};
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, escape_line, input_name};

/// Say what a file is and what stands in it; nothing of it is verified
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// A layout, a link, a key or any signed envelope
    file: PathBuf,
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
        let text = match Envelope::parse(&bytes, &limits) {
            Ok(envelope) => {
                if matches!(self.format, Format::Json) {
                    output.talk("UNVERIFIED: anybody can have written this payload");
                }
                self.envelope(envelope, &limits)?
            }
            Err(error) => self.key(&bytes, error)?,
        };
        output.data(&text);
        Ok(Exit::Success)
    }

    /// Describes a key, or says why the file is no envelope.
    fn key(&self, bytes: &[u8], error: EnvelopeError) -> Result<String> {
        let path = input_name(&self.file);
        match (PublicKey::from_pem_or_other(bytes), self.format) {
            (Ok(key), Format::Text) => Ok(format!("public key\n{}\n", key.describe())),
            (Ok(key), Format::Json) => Ok(super::key::show::json(&key)),
            (Err(KeyError::PrivateHalfGiven { what }), Format::Text) => {
                Ok(format!("private key ({what})\n`unbroken key show` shows its public half\n"))
            }
            (Err(KeyError::PrivateHalfGiven { .. }), Format::Json) => {
                Err(CliError::usage(format!("{path} is a private key"))
                    .remedy("`unbroken key show --format json` shows its public half"))
            }
            (Err(_), _) => {
                Err(CliError::usage(format!("{path} is no envelope and no key")).because(error))
            }
        }
    }

    fn envelope(&self, envelope: Envelope<'_>, limits: &Limits) -> Result<String> {
        let mut out = String::new();
        let kind = match envelope.kind() {
            EnvelopeKind::Metablock => "Metablock",
            EnvelopeKind::Dsse => "DSSE envelope",
        };
        let _ = writeln!(out, "UNVERIFIED {kind}: anybody can have written what follows");
        for signature in envelope.signatures() {
            let id = signature.key_id.as_deref().unwrap_or("(none)");
            let size = signature.bytes.len();
            let _ = writeln!(out, "  signature  key id {}, {size} bytes", escape_line(id));
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
        match payload.decode::<StepEvidence>(limits) {
            Ok(StepEvidence::Link(link)) => describe_link(&mut out, &link),
            Ok(StepEvidence::Sublayout(layout)) => describe_layout(&mut out, &layout),
            Err(error) => {
                let _ = match kind {
                    PayloadType::Layout => writeln!(out, "a layout with a fault"),
                    PayloadType::Link => writeln!(out, "a link with a fault"),
                    PayloadType::Other(other) => {
                        let other = escape_line(&other);
                        let _ = writeln!(out, "neither a layout nor a link but \"{other}\"");
                        return Ok(out);
                    }
                    _ => Ok(()),
                };
                let _ = writeln!(out, "  {}", escape_line(&error.to_string()));
            }
        }
        Ok(out)
    }
}

fn describe_link(out: &mut String, link: &Link) {
    let _ = writeln!(out, "link of the step {}", link.name);
    let _ = writeln!(out, "  command    {}", escape_line(&link.command.join(" ")));
    if let Some(status) = link.return_value() {
        let _ = writeln!(out, "  exit       {status}");
    }
    for (side, artifacts) in [("materials", &link.materials), ("products", &link.products)] {
        let _ = writeln!(out, "  {side:<9}  {}", artifacts.len());
        for (path, digests) in artifacts.iter().take(20) {
            let _ = writeln!(out, "    {path}  {digests}");
        }
        if artifacts.len() > 20 {
            let _ = writeln!(out, "    … and {} more", artifacts.len() - 20);
        }
    }
}

fn describe_layout(out: &mut String, layout: &Layout) {
    let _ = writeln!(out, "layout, expires {}", layout.expires);
    for (id, key) in &layout.keys {
        let described = PublicKey::from_layout_key(key)
            .map_or_else(|error| error.to_string(), |key| key.describe());
        let _ = writeln!(out, "  key        {id}  {}", escape_line(&described));
    }
    for step in &layout.steps {
        let ids: Vec<&str> = step.pubkeys.iter().map(KeyId::prefix).collect();
        let _ =
            writeln!(out, "  step       {} by {} of {}", step.name, step.threshold, ids.join(", "));
        for (side, rules) in
            [("materials", &step.expected_materials), ("products", &step.expected_products)]
        {
            for rule in rules {
                let _ = writeln!(out, "    {side:<9}  {}", escape_line(&rule.to_string()));
            }
        }
    }
    for inspection in &layout.inspections {
        let run = escape_line(&inspection.run.join(" "));
        let _ = writeln!(out, "  inspection {} runs {run}", inspection.name);
        for (side, rules) in [
            ("materials", &inspection.expected_materials),
            ("products", &inspection.expected_products),
        ] {
            for rule in rules {
                let _ = writeln!(out, "    {side:<9}  {}", escape_line(&rule.to_string()));
            }
        }
    }
}
