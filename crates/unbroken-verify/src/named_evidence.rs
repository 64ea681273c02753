//! Evidence by the name that it would have in a folder of links, for whoever has no such folder.

use unbroken_model::name::StepName;

use crate::session::{EvidenceRequest, Submission};

/// A piece of evidence with its name. Nothing in it has been verified.
///
/// The name is a hint like that of any file: what counts is who signed the content for which step.
#[derive(Clone, Debug)]
pub struct NamedEvidence {
    /// The folders of sublayouts, then the name of the file.
    path: Vec<String>,
    step: StepName,
    source: String,
    bytes: Vec<u8>,
}

impl NamedEvidence {
    /// Takes a piece by its name, `build.210dcc50.link`, perhaps below folders of sublayouts; nothing
    /// for a name that no link can have. `source` says for people where it came from.
    pub fn new(name: &str, source: String, bytes: Vec<u8>) -> Option<Self> {
        let path: Vec<String> = name.split('/').map(str::to_owned).collect();
        let stem = path.last()?.strip_suffix(".link")?;
        let step = stem.rsplit_once('.')?.0.parse().ok()?;
        Some(Self { path, step, source, bytes })
    }

    /// Returns the piece as it is handed in, where the request is for it.
    pub fn for_request(&self, request: &EvidenceRequest) -> Option<Submission<'_>> {
        let (file, folders) = self.path.split_last()?;
        let lies_there = folders.len() == request.folders.len()
            && folders.iter().zip(&request.folders).all(|(folder, names)| names.contains(folder));
        let stem = file.strip_suffix(".link")?;
        (lies_there && request.names().contains(&self.step)).then_some(Submission {
            step: &self.step,
            source: &self.source,
            stem,
            bytes: &self.bytes,
        })
    }
}
