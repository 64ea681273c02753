//! `unbroken image attach`: puts evidence beside an image.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use unbroken_oci::attach::Piece;
use unbroken_oci::cosign::attach_under_tag;
use unbroken_oci::evidence::plain_title;
use unbroken_oci::location::Location;
use unbroken_oci::store::create_store;

use super::Asked;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, escape_line};
use crate::registries::oci_error;

/// How deep the folders of sublayouts lie in each other.
const DEEPEST: usize = 8;

/// Put evidence beside an image: links, layouts, attestations, any file
///
/// What is attached is found by every tool that reads referrers of OCI 1.1; where the registry does not
/// list them, by the tag that the specification has for that. Attaching the same again changes nothing.
#[derive(Args, Debug)]
pub(crate) struct Attach {
    #[command(flatten)]
    asked: Asked,
    /// Files; of a folder, its links and those of the sublayouts below it
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the evidence goes: a repository, oci:FOLDER or folder:FOLDER [default: beside the image]
    #[arg(long, value_name = "STORE")]
    store: Option<Location>,
    /// The media type of the files [default: recognised by content]
    #[arg(long, value_name = "TYPE")]
    media_type: Option<String>,
    /// In which way it is attached
    #[arg(long, value_name = "SCHEME", default_value = "referrer")]
    scheme: Scheme,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scheme {
    /// As referrers
    Referrer,
    /// Under the tag that older releases of cosign read; DSSE envelopes only
    CosignTag,
}

impl Attach {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let mut pieces = Vec::new();
        for file in &self.files {
            self.read(file, &mut pieces)?;
        }
        if pieces.is_empty() {
            return Err(CliError::usage("there is nothing to attach")
                .remedy("name files, or a folder with links in it"));
        }
        let (client, image) = self.asked.find()?;
        let subject = &image.fetched.descriptor;
        let place = self.store.as_ref().unwrap_or(&self.asked.image);
        let attached = match self.scheme {
            Scheme::Referrer => {
                let store = create_store(place, &client).map_err(|error| oci_error(&error))?;
                store.attach(subject, &pieces)
            }
            Scheme::CosignTag => {
                let (content, _) =
                    unbroken_oci::open(place, &client).map_err(|error| oci_error(&error))?;
                attach_under_tag(content.as_ref(), subject, &pieces)
            }
        };
        let attached = attached.map_err(|error| oci_error(&error))?;
        for (piece, attached) in pieces.iter().zip(&attached) {
            let title = escape_line(&piece.title);
            output.data(&format!(
                "{}  {}  {title}\n",
                attached.manifest.digest,
                attached.kind.describe()
            ));
        }
        output.talk(&format!("attached to {}@{}", image.name, subject.digest));
        Ok(Exit::Success)
    }

    fn read(&self, path: &Path, pieces: &mut Vec<Piece>) -> Result<()> {
        if path.is_dir() {
            return self.read_folder(path, "", 0, pieces);
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        self.push(path, name.to_owned(), pieces)
    }

    fn read_folder(
        &self,
        folder: &Path,
        below: &str,
        depth: usize,
        pieces: &mut Vec<Piece>,
    ) -> Result<()> {
        let failed = |error: std::io::Error| {
            CliError::undecided(format!("cannot list {}", folder.display())).because(error)
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            names.extend(entry.file_name().into_string().ok().map(|name| (name, kind)));
        }
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, kind) in names {
            let (path, title) = (folder.join(&name), format!("{below}{name}"));
            if kind.is_file() && name.strip_suffix(".link").is_some() && !name.starts_with('.') {
                self.push(&path, title, pieces)?;
            } else if kind.is_dir() && !name.starts_with('.') && depth < DEEPEST {
                self.read_folder(&path, &format!("{title}/"), depth + 1, pieces)?;
            }
        }
        Ok(())
    }

    fn push(&self, path: &Path, title: String, pieces: &mut Vec<Piece>) -> Result<()> {
        if plain_title(&title).is_none() {
            return Err(CliError::usage(format!(
                "{} has no name to attach it under",
                path.display()
            ))
            .remedy("rename the file: its name goes with it, and has to be a plain one"));
        }
        let media_type = self.media_type.clone();
        pieces.push(Piece { title, media_type, bytes: files::read(path)? });
        Ok(())
    }
}
