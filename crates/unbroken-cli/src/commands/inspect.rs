//! `unbroken inspect`: says what a file is.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use unbroken_crypto::{KeyError, PublicKey};
use unbroken_model::envelope::{Envelope, EnvelopeKind, PayloadType, StepEvidence};
use unbroken_model::layout::{KeyId, Layout};
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, escape};

/// Say what a file is and what stands in it; nothing of it is verified
#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// A layout, a link, a key or any signed envelope
    file: PathBuf,
    /// What to print: text for people, or the payload as json
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
            Ok(envelope) => self.envelope(envelope, &limits)?,
            Err(error) => match PublicKey::from_pem_or_other(&bytes) {
                Ok(key) => format!("public key\n{}\n", key.describe()),
                Err(KeyError::PrivateHalfGiven { what }) => {
                    format!("private key ({what})\n`unbroken key show` shows its public half\n")
                }
                Err(_) => {
                    let path = self.file.display();
                    return Err(
                        CliError::usage(format!("{path} is no envelope and no key")).because(error)
                    );
                }
            },
        };
        output.data(&text);
        Ok(Exit::Success)
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
            let _ = writeln!(out, "  signature  key id {}, {size} bytes", escape(id));
        }
        if envelope.signatures().is_empty() {
            let _ = writeln!(out, "  no signature");
        }
        let payload = envelope.into_unverified_payload();
        if let Some(payload_type) = payload.dsse_payload_type() {
            let _ = writeln!(out, "  payload type  {}", escape(payload_type));
        }
        let unreadable = |error| {
            CliError::usage(format!("the payload of {} is not JSON", self.file.display()))
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
                let kind = match kind {
                    PayloadType::Layout => "a layout with a fault".to_owned(),
                    PayloadType::Link => "a link with a fault".to_owned(),
                    PayloadType::Other(other) => format!("{other:?}: not a layout or link"),
                    _ => "unknown".to_owned(),
                };
                let _ = writeln!(out, "payload: {}", escape(&kind));
                let _ = writeln!(out, "  {}", escape(&error.to_string()));
            }
        }
        Ok(out)
    }
}

fn describe_link(out: &mut String, link: &Link) {
    let _ = writeln!(out, "link of the step {}", link.name);
    let _ = writeln!(out, "  command    {}", escape(&link.command.join(" ")));
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
        let _ = writeln!(out, "  key        {id}  {}", escape(&described));
    }
    for step in &layout.steps {
        let ids: Vec<&str> = step.pubkeys.iter().map(KeyId::prefix).collect();
        let _ =
            writeln!(out, "  step       {} by {} of {}", step.name, step.threshold, ids.join(", "));
        for (side, rules) in
            [("materials", &step.expected_materials), ("products", &step.expected_products)]
        {
            for rule in rules {
                let _ = writeln!(out, "    {side:<9}  {}", escape(&rule.to_string()));
            }
        }
    }
    for inspection in &layout.inspections {
        let run = escape(&inspection.run.join(" "));
        let _ = writeln!(out, "  inspection {} runs {run}", inspection.name);
        for (side, rules) in [
            ("materials", &inspection.expected_materials),
            ("products", &inspection.expected_products),
        ] {
            for rule in rules {
                let _ = writeln!(out, "    {side:<9}  {}", escape(&rule.to_string()));
            }
        }
    }
}
