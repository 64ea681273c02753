//! Hands the evidence of a folder to a session.

use std::path::{Path, PathBuf};

use unbroken_record::link_dir::{LinkDirLimits, LinkFile, LinkFileError, read_links};
use unbroken_verify::{ChainId, EvidenceRequest, Session, Submission};

use crate::error::{CliError, Result};

/// Hands in the links below `root`, those of sublayouts too, as the session asks for them.
pub(crate) fn hand_in(session: &mut Session, root: &Path) -> Result<()> {
    let limits = LinkDirLimits::default();
    loop {
        let requests = session.requests();
        if requests.is_empty() {
            return Ok(());
        }
        for request in requests {
            let Some(folder) = folder_of(root, &request) else { continue };
            let evidence = read_links(&folder, &request.steps, &limits).map_err(|error| {
                CliError::undecided("the links cannot be read")
                    .because(error)
                    .remedy("name the folder of the links with --link-dir")
            })?;
            for file in evidence.links {
                hand_in_file(session, request.chain, root, file)?;
            }
        }
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

fn hand_in_file(session: &mut Session, chain: ChainId, root: &Path, file: LinkFile) -> Result<()> {
    let LinkFile { step, key_hint, path, content } = file;
    let source = path.strip_prefix(root).unwrap_or(&path).display().to_string();
    match content {
        Ok(bytes) => {
            let stem = format!("{step}.{key_hint}");
            let submission =
                Submission { step: &step, source: &source, stem: &stem, bytes: &bytes };
            session.submit(chain, submission);
            Ok(())
        }
        // The machine failed: that says nothing about the chain.
        Err(error @ LinkFileError::Read { .. }) => {
            Err(CliError::undecided(format!("cannot read {}", path.display())).because(error))
        }
        Err(error) => {
            session.refuse(chain, &step, &source, &error.to_string());
            Ok(())
        }
    }
}
