//! `in-toto-match-products`: compares files with the products of a link.

use std::collections::BTreeSet;

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use super::argparse::{Flag, HELP, Parsed, Syntax, Takes, VERBOSE, Words};
use super::failure::{Failure, reasons};
use super::log::{Log, print};
use super::recording::{LSTRIP_PATHS, hash, hash_options};
use super::{finish, parse};
use crate::output::escape_line;

const SYNTAX: Syntax = Syntax {
    program: "in-toto-match-products",
    usage: "in-toto-match-products [-h] -l <path> [-p <path> [<path> ...]]
                              [-e <pattern> [<pattern> ...]]
                              [--lstrip-paths <path> [<path> ...]] [-v]",
    about: "Checks whether local files match the products of a link; the link is not verified.",
    flags: &[
        &[HELP],
        &[
            Flag::new(&["-l", "--link"], "link", Takes::One("<path>"), "the link").required(),
            Flag::new(
                &["-p", "--paths"],
                "paths",
                Takes::Some("<path>"),
                "files or folders; the working directory by default",
            ),
            Flag::new(
                &["-e", "--exclude"],
                "exclude",
                Takes::Some("<pattern>"),
                "leave out what matches, in the manner of .gitignore",
            ),
        ],
        &[LSTRIP_PATHS, VERBOSE],
    ],
    words: Words::None,
};

pub(super) fn main(arguments: &[String]) -> u8 {
    match parse(&SYNTAX, arguments) {
        Ok(parsed) => finish(SYNTAX.program, Log::Normal, compare(&parsed)),
        Err(code) => code,
    }
}

fn compare(parsed: &Parsed) -> Result<u8, Failure> {
    let path = parsed.one("link").unwrap_or_default();
    let bytes = std::fs::read(path).map_err(|error| Failure::os(&error, path))?;
    let limits = Limits::default();
    let invalid = |error: &dyn std::error::Error| {
        Failure::new("InvalidMetadata", format!("{path}: {}", reasons(error)))
    };
    let envelope = Envelope::parse(&bytes, &limits).map_err(|error| invalid(&error))?;
    let link: Link =
        envelope.into_unverified_payload().decode(&limits).map_err(|error| invalid(&error))?;

    let everything = [".".to_owned()];
    let paths = Some(parsed.many("paths")).filter(|paths| !paths.is_empty());
    let found = hash(paths.unwrap_or(&everything), &hash_options(parsed), Log::Normal)?;
    let lines = differences(&link, &found);
    let equal = lines.is_empty();
    if parsed.has("verbose") {
        let verdict = if equal { "match" } else { "don't match" };
        print(&format!("Local artifacts {verdict} products in passed link.\n"));
        for line in &lines {
            print(&format!("{line}\n"));
        }
    }
    Ok(u8::from(!equal))
}

/// Says how files differ from the products of a link.
pub(super) fn differences(link: &Link, found: &ArtifactSet) -> Vec<String> {
    let mut lines = BTreeSet::new();
    for (path, digests) in &link.products {
        let name = escape_line(path.as_str());
        match found.get(path.as_str()) {
            None => _ = lines.insert((0, format!("Only in products: {name}"))),
            Some(other) if other != digests => {
                lines.insert((2, format!("Hashes differ: {name}")));
            }
            Some(_) => {}
        }
    }
    for (path, _) in found.iter().filter(|(path, _)| !link.products.contains(path.as_str())) {
        lines.insert((1, format!("Not in products: {}", escape_line(path.as_str()))));
    }
    lines.into_iter().map(|(_, line)| line).collect()
}
