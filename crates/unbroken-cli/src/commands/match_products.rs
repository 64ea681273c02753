//! `unbroken match-products`: compares a tree with the products of a link.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;

use super::recording::HashingOptions;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, count, escape, input_name};

/// Compare a tree with the products of a link; the link itself is not verified
///
/// Exit code 0: equal. 1: they differ, and the difference is printed.
#[derive(Args, Debug)]
pub(crate) struct MatchProducts {
    /// The link
    link: PathBuf,
    /// What to compare
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<String>,
    #[command(flatten)]
    hashing: HashingOptions,
}

impl MatchProducts {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let bytes = files::read(&self.link)?;
        let limits = Limits::default();
        let unreadable = |error: Box<dyn std::error::Error + Send + Sync>| {
            CliError::usage(format!("{} is no link", input_name(&self.link))).because(error)
        };
        let envelope =
            Envelope::parse(&bytes, &limits).map_err(|error| unreadable(error.into()))?;
        let link: Link = envelope
            .into_unverified_payload()
            .decode(&limits)
            .map_err(|error| unreadable(error.into()))?;
        let tree = self.hashing.hash(&self.paths, output)?;
        let differences = compare(&link.products, &tree);
        if differences.is_empty() {
            let artifacts = count(tree.len(), "artifact");
            output.talk(&format!("equal: {artifacts} (the link is UNVERIFIED)"));
            return Ok(Exit::Success);
        }
        if !output.is_quiet() {
            output.data(&differences);
        }
        output.talk("they differ (the link is UNVERIFIED)");
        Ok(Exit::Rejected)
    }
}

/// Writes one line for each artifact that is not the same on both sides.
fn compare(products: &ArtifactSet, tree: &ArtifactSet) -> String {
    let mut out = String::new();
    for (path, digests) in products {
        let path = path.as_str();
        // Writing to a String cannot fail.
        let _ = match tree.get(path) {
            None => writeln!(out, "- {}  only in the link", escape(path)),
            Some(found) if found != digests => {
                writeln!(out, "≠ {}  link {digests}, tree {found}", escape(path))
            }
            Some(_) => Ok(()),
        };
    }
    for (path, _) in tree.iter().filter(|(path, _)| !products.contains(path.as_str())) {
        let _ = writeln!(out, "+ {}  only in the tree", escape(path.as_str()));
    }
    out
}
