//! `in-toto match-products`: compares files with the products of a link.

use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use super::pflag::{Flag, Parsed, Takes};
use super::recording::{EXCLUDE, hash, system};
use crate::drop_in::failure::reasons;
use crate::drop_in::log::print;
use crate::drop_in::match_products::differences;

pub(super) const FLAGS: &[&[Flag]] = &[&[
    Flag::new("link", Some('l'), Takes::One, "the link"),
    Flag::new("path", Some('p'), Takes::Each, "files or folders; by default the working directory"),
    EXCLUDE,
    Flag::new(
        "lstrip-paths",
        None,
        Takes::Each,
        "prefixes that are cut off the names of artifacts",
    ),
]];

pub(super) fn act(parsed: &Parsed) -> Result<u8, String> {
    parsed.require(&["link"])?;
    let path = parsed.one("link").unwrap_or_default();
    let bytes = std::fs::read(path).map_err(|error| format!("open {path}: {}", system(&error)))?;
    let limits = Limits::default();
    let envelope = Envelope::parse(&bytes, &limits).map_err(|error| reasons(&error))?;
    let link: Link = envelope
        .into_unverified_payload()
        .decode(&limits)
        .map_err(|error| format!("metadata must be link: {}", reasons(&error)))?;
    let everything = [".".to_owned()];
    let paths = Some(parsed.many("path")).filter(|paths| !paths.is_empty());
    let lines = differences(&link, &hash(paths.unwrap_or(&everything), parsed)?);
    for line in &lines {
        print(&format!("{line}\n"));
    }
    Ok(u8::from(!lines.is_empty()))
}
