//! Hands evidence to a session: that of a folder, and that which lies beside an image.

use std::path::{Path, PathBuf};

use unbroken_model::name::StepName;
use unbroken_oci::evidence::Evidence;
use unbroken_record::link_dir::{LinkDirLimits, LinkFile, LinkFileError, read_links};
use unbroken_verify::{EvidenceRequest, NamedEvidence, Session, Submission};

use crate::error::{CliError, Result};

/// Hands in the links below `root`, where there is one, and those of `beside`, those of sublayouts
/// too, as the session asks for them.
pub(crate) fn hand_in<S>(
    session: &mut Session<S>,
    root: Option<&Path>,
    beside: &[NamedEvidence],
) -> Result<()> {
    let limits = LinkDirLimits::default();
    loop {
        let requests = session.requests();
        if requests.is_empty() {
            return Ok(());
        }
        for request in requests {
            let pieces: Vec<Submission<'_>> =
                beside.iter().filter_map(|piece| piece.for_request(&request)).collect();
            session.submit_all(request.chain, &pieces);
            let Some(root) = root else { continue };
            let Some(folder) = folder_of(root, &request) else { continue };
            let evidence = read_links(&folder, &request.names(), &limits).map_err(|error| {
                CliError::undecided("the links cannot be read")
                    .because(error)
                    .remedy("name the folder of the links with --link-dir")
            })?;
            let files = evidence.links.into_iter().map(|file| read(root, file));
            let files = files.collect::<Result<Vec<_>>>()?;
            let pieces: Vec<Submission<'_>> = files.iter().filter_map(File::piece).collect();
            session.submit_all(request.chain, &pieces);
            for File { step, source, content, .. } in &files {
                if let Err(reason) = content {
                    session.refuse(request.chain, step, source, reason);
                }
            }
        }
    }
}

/// Names a piece from beside an image, where it may be a link.
pub(crate) fn named(piece: Evidence) -> Option<NamedEvidence> {
    let name = piece.link_name()?;
    let source = format!("{name} ({} {})", piece.way, piece.manifest.short());
    NamedEvidence::new(&name, source, piece.bytes)
}

/// A link file as it is handed in.
struct File {
    step: StepName,
    source: String,
    stem: String,
    /// The bytes, or why they are not looked at.
    content: std::result::Result<Vec<u8>, String>,
}

impl File {
    fn piece(&self) -> Option<Submission<'_>> {
        let bytes = self.content.as_ref().ok()?;
        Some(Submission { step: &self.step, source: &self.source, stem: &self.stem, bytes })
    }
}

/// Finds the folder that holds what is asked for; a sublayout may have none.
fn folder_of(root: &Path, request: &EvidenceRequest) -> Option<PathBuf> {
    let mut folder = root.to_owned();
    for names in &request.folders {
        folder = names.iter().map(|name| folder.join(name)).find(|folder| folder.is_dir())?;
    }
    Some(folder)
}

fn read(root: &Path, file: LinkFile) -> Result<File> {
    let LinkFile { step, key_hint, path, content } = file;
    let source = path.strip_prefix(root).unwrap_or(&path).display().to_string();
    let content = match content {
        Ok(bytes) => Ok(bytes),
        // The machine failed: that says nothing about the chain.
        Err(error @ LinkFileError::Read { .. }) => {
            let message = format!("cannot read {}", path.display());
            return Err(CliError::undecided(message).because(error));
        }
        Err(error) => Err(error.to_string()),
    };
    Ok(File { stem: format!("{step}.{key_hint}"), step, source, content })
}
