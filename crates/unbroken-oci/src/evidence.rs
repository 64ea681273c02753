//! The evidence that lies beside an image, found in every way that it is kept, and recognised by its content.

mod find;

use std::fmt;

use unbroken_model::digest::Digest;

pub use self::find::{Scope, find, find_others, find_referrers, total};
use crate::classify::{Kind, Recognised};
use crate::descriptor::Descriptor;
use crate::error::OciError;

/// A piece of evidence. Nothing in it has been verified but its digest.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// How it lies beside the image.
    pub way: Way,
    /// The manifest that it is part of.
    pub manifest: Digest,
    /// Media type, digest and size as the manifest has them.
    pub blob: Descriptor,
    /// The file name that it was attached under, if that is a plain one. A hint.
    pub title: Option<String>,
    /// What it says of itself.
    pub recognised: Recognised,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// How evidence lies beside an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Way {
    /// As a referrer: its manifest names the image.
    Referrer,
    /// Under a tag of cosign, which only the registry binds to the image.
    CosignTag,
    /// As a manifest of BuildKit in the index of the image.
    BuildKit,
    /// As a file of a plain folder.
    File,
}

/// Everything that was found beside an image.
#[derive(Debug, Default)]
pub struct Found {
    /// The evidence, in a stable order.
    pub evidence: Vec<Evidence>,
    /// What lies there and is no evidence of this image, with the reason: whoever may push can put
    /// anything there, so it stops nobody.
    pub skipped: Vec<Skipped>,
}

/// Something beside an image that was passed over.
#[derive(Debug)]
pub struct Skipped {
    /// What it is.
    pub what: String,
    /// Why it was passed over.
    pub reason: OciError,
}

impl Evidence {
    /// Returns the name that the piece would have in a folder of links; anything that can be no link
    /// has none. It is a hint: nothing has been verified.
    pub fn link_name(&self) -> Option<String> {
        let is_link = matches!(self.recognised.kind, Kind::Link | Kind::LinkStatement);
        if !is_link && self.recognised.kind != Kind::Layout {
            return None;
        }
        if let Some(title) = self.title.as_deref().filter(|it| it.strip_suffix(".link").is_some()) {
            return Some(title.to_owned());
        }
        // A layout without a name could stand for any step.
        let step = self.recognised.about.as_ref().filter(|_| is_link)?;
        let key: String = self.recognised.signers.first()?.chars().take(8).collect();
        Some(format!("{step}.{key}.link"))
    }
}

impl fmt::Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Referrer => "referrer",
            Self::CosignTag => "cosign tag",
            Self::BuildKit => "BuildKit",
            Self::File => "file",
        })
    }
}

/// Takes a title for the name of a file, if it is a plain one: letters of any script, no way out of a
/// folder, nothing hidden.
pub fn plain_title(title: &str) -> Option<&str> {
    let harmless = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && !segment.chars().any(|letter| letter.is_control() || "\\:*?\"<>|".contains(letter))
    };
    let segments: Vec<&str> = title.split('/').collect();
    (title.len() <= 255 && segments.len() <= 8 && segments.into_iter().all(harmless))
        .then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o18_a_title_that_leads_out_of_a_folder_is_none() {
        for title in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "",
            ".",
            "..",
            "a//b",
            "a/",
            "./a",
            ".ssh/config",
            "C:\\x",
            "a\\b",
            "a\u{0}b",
            "a\nb",
            "CON:",
            &"a".repeat(256),
        ] {
            assert_eq!(plain_title(title), None, "{title:?}");
        }
        for title in ["build.776a00e2.link", "build.776a00e2/clone.c5e52e1b.link", "ü.json"] {
            assert_eq!(plain_title(title), Some(title));
        }
    }
}
