//! Records a step whose commands the caller runs: materials at the start, products at the stop.
//!
//! In between, the signed materials wait in a file. The caller signs and checks signatures; here the
//! file is written, read and removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::json::Object;
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::name::StepName;

use crate::atomic::{self, Overwrite};
use crate::error::RecordError;
use crate::link_dir::{OpenFault, read_regular};
use crate::link_file::unfinished_file_name;
use crate::options::HashOptions;
use crate::resolve::hash_artifacts;

/// The largest unfinished link that is read: that of a link.
const LARGEST: u64 = crate::link_dir::LARGEST_LINK;

/// Makes a link that holds the materials of a step and nothing else yet.
///
/// # Errors
/// As [`hash_artifacts`].
pub fn record_start(
    name: &StepName,
    materials: &[String],
    options: &HashOptions<'_>,
) -> Result<Link, RecordError> {
    Ok(Link {
        form: LinkForm::default(),
        name: name.clone(),
        command: Vec::new(),
        materials: hash_artifacts(materials, options)?,
        products: ArtifactSet::default(),
        byproducts: Object::new(),
        environment: options.environment(),
        extra: Object::new(),
    })
}

/// Completes a link with the products of its step.
///
/// # Errors
/// As [`hash_artifacts`].
pub fn record_stop(
    started: Link,
    products: &[String],
    options: &HashOptions<'_>,
) -> Result<Link, RecordError> {
    let products = hash_artifacts(products, options)?;
    let environment = options.tell(started.environment);
    Ok(Link { products, environment, ..started })
}

/// Writes the signed start of a recording into `folder` and returns its path.
///
/// # Errors
/// [`RecordError::Exists`] when a recording of this step and key has begun already, unless
/// `overwrite` lets it be replaced: two of them at once would mix their materials.
pub fn write_unfinished(
    folder: &Path,
    step: &StepName,
    key_id: &str,
    bytes: &[u8],
    overwrite: Overwrite,
) -> Result<PathBuf, RecordError> {
    let path = folder.join(unfinished_file_name(step, key_id)?);
    atomic::write(&path, bytes, 0o644, overwrite)?;
    Ok(path)
}

/// Reads the signed start of a recording; its signature is still to be checked.
///
/// # Errors
/// [`RecordError::Read`] when there is none, [`RecordError::Special`] for anything but a plain file,
/// [`RecordError::TooLarge`].
pub fn read_unfinished(
    folder: &Path,
    step: &StepName,
    key_id: &str,
) -> Result<Vec<u8>, RecordError> {
    let path = folder.join(unfinished_file_name(step, key_id)?);
    read_regular(&path, LARGEST).map_err(|fault| match fault {
        OpenFault::Special(kind) => RecordError::Special { path, kind },
        OpenFault::TooLarge => RecordError::TooLarge { path, limit: LARGEST },
        OpenFault::Io(source) => RecordError::Read { path, source },
    })
}

/// Removes the start of a recording that is complete.
///
/// # Errors
/// [`RecordError::Remove`] when it is not there or cannot be removed.
pub fn remove_unfinished(folder: &Path, step: &StepName, key_id: &str) -> Result<(), RecordError> {
    let path = folder.join(unfinished_file_name(step, key_id)?);
    fs::remove_file(&path).map_err(|source: io::Error| RecordError::Remove { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use unbroken_model::json::Value;

    #[test]
    fn a_recording_that_has_begun_is_not_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let step: StepName = "edit".parse().unwrap();
        let (folder, id) = (folder.path(), "0123456789abcdef");
        let path = write_unfinished(folder, &step, id, b"one", Overwrite::Refuse).unwrap();
        assert_eq!(path, folder.join(".edit.01234567.link-unfinished"));
        let again = write_unfinished(folder, &step, id, b"two", Overwrite::Refuse);
        assert!(again.unwrap_err().is_exists());
        assert_eq!(read_unfinished(folder, &step, id).unwrap(), b"one");
        remove_unfinished(folder, &step, id).unwrap();
        assert!(matches!(read_unfinished(folder, &step, id), Err(RecordError::Read { .. })));
        assert!(matches!(remove_unfinished(folder, &step, id), Err(RecordError::Remove { .. })));
    }

    #[test]
    fn a_link_says_that_line_endings_were_normalised() {
        let options = HashOptions { normalize_line_endings: true, ..HashOptions::default() };
        let link = record_start(&"edit".parse().unwrap(), &[], &options).unwrap();
        assert_eq!(link.environment.get("line_endings").unwrap().as_str(), Some("normalized"));
    }

    #[test]
    fn a_link_says_what_was_left_out_at_its_start_and_at_its_end() {
        let told = |patterns: &[&str]| {
            let told_excludes = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            HashOptions { told_excludes, ..HashOptions::default() }
        };
        let step = "edit".parse().unwrap();
        let excludes = |link: &Link| {
            link.environment.get("excludes").and_then(Value::as_str).map(str::to_owned)
        };
        let start = |patterns: &[&str]| record_start(&step, &[], &told(patterns)).unwrap();
        assert_eq!(excludes(&start(&[])), None);
        assert_eq!(excludes(&start(&["*.o"])).as_deref(), Some("*.o"));
        let link = record_stop(start(&["*.o", "tmp/"]), &[], &told(&["*.log", "*.o"])).unwrap();
        assert_eq!(excludes(&link).as_deref(), Some("*.o\ntmp/\n*.log"));
        let normal = HashOptions { normalize_line_endings: true, ..HashOptions::default() };
        let link = record_stop(start(&[]), &[], &normal).unwrap();
        assert!(link.environment.get("line_endings").is_some() && excludes(&link).is_none());
    }

    #[test]
    fn a_start_that_is_no_plain_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let step: StepName = "edit".parse().unwrap();
        let (folder, id) = (folder.path(), "0123456789abcdef");
        fs::write(folder.join("other"), "x").unwrap();
        let name = folder.join(".edit.01234567.link-unfinished");
        std::os::unix::fs::symlink("other", name).unwrap();
        let error = read_unfinished(folder, &step, id).unwrap_err();
        assert!(matches!(error, RecordError::Special { kind: "symbolic link", .. }));
    }

    #[test]
    fn start_and_stop_make_one_link() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        let options =
            HashOptions { base_path: Some(folder.path().to_owned()), ..HashOptions::default() };
        let specs = ["a".to_owned()];
        fs::write(&file, "before").unwrap();
        let started = record_start(&"edit".parse().unwrap(), &specs, &options).unwrap();
        fs::write(&file, "after").unwrap();
        let link = record_stop(started, &specs, &options).unwrap();
        assert_ne!(link.materials.get("a").unwrap(), link.products.get("a").unwrap());
        assert!(link.command.is_empty() && link.byproducts.is_empty());
    }
}
