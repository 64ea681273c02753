//! `unbroken image list`: shows what lies beside an image.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use unbroken_oci::evidence::{Evidence, Found};

use super::Beside;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::{Output, escape_line};

/// Show what lies beside an image
///
/// Everything is shown that referrers, the tags of cosign and the manifests of BuildKit hold. What a
/// piece is, is read from its content; nothing that it says of itself has been verified.
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    beside: Beside,
    /// The form of the answer
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl List {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let (image, found) = self.beside.gather()?;
        let name = format!("{}@{}", image.name, image.fetched.descriptor.digest);
        output.data(&match self.format {
            Format::Text => text(&name, &found),
            Format::Json => format!("{:#}\n", document(&name, &found)),
        });
        Ok(Exit::Success)
    }
}

fn text(name: &str, found: &Found) -> String {
    let mut out = format!("{name}\n");
    let lines = found.evidence.iter().map(line);
    let skipped = found.skipped.iter().map(|skipped| {
        format!(
            "passed over: {}: {}",
            escape_line(&skipped.what),
            escape_line(&skipped.reason.to_string())
        )
    });
    let lines: Vec<String> = lines.chain(skipped).collect();
    let count = lines.len();
    for (index, line) in lines.into_iter().enumerate() {
        let branch = if index + 1 == count { "└─" } else { "├─" };
        for part in [branch, " ", &line, "\n"] {
            out.push_str(part);
        }
    }
    if count == 0 {
        out.push_str("└─ nothing\n");
    } else {
        out.push_str("UNVERIFIED: what these say of themselves\n");
    }
    out
}

fn line(piece: &Evidence) -> String {
    let mut words = vec![piece.recognised.kind.describe().to_owned()];
    words.extend(piece.recognised.about.as_deref().map(escape_line));
    words.extend(piece.title.as_deref().map(escape_line));
    if !piece.recognised.signers.is_empty() {
        let short = |id: &String| escape_line(&id.chars().take(8).collect::<String>());
        let ids: Vec<String> = piece.recognised.signers.iter().map(short).collect();
        words.push(format!("claims {}", ids.join(", ")));
    }
    words.push(format!("{} bytes", piece.blob.size));
    words.push(piece.way.to_string());
    words.push(piece.manifest.to_string());
    words.join(" · ")
}

fn document(name: &str, found: &Found) -> Value {
    let piece = |piece: &Evidence| {
        json!({
            "kind": piece.recognised.kind.describe(),
            "unverified_about": piece.recognised.about,
            "unverified_signers": piece.recognised.signers,
            "title": piece.title,
            "way": piece.way.to_string(),
            "manifest": piece.manifest.to_string(),
            "media_type": piece.blob.media_type,
            "digest": piece.blob.digest.to_string(),
            "size": piece.blob.size,
        })
    };
    let skipped: Vec<Value> = found
        .skipped
        .iter()
        .map(|skipped| json!({ "what": skipped.what, "reason": skipped.reason.to_string() }))
        .collect();
    json!({
        "image": name,
        "evidence": found.evidence.iter().map(piece).collect::<Vec<_>>(),
        "passed_over": skipped,
    })
}
