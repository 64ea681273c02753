//! Runs inspections on a copy of the product (specification 1.0, section 4.3.2).
//!
//! The command comes out of a layout and runs on the verifier's machine. It sees a copy of the
//! product folder as its working directory, a bare environment, nothing on standard input, and no
//! network and no other processes where the system can take these away. It has a time limit, and
//! what it leaves running ends with it.
//!
//! # Does not protect
//! The command runs as the user of the verifier: files that this user may read or write are within
//! its reach by their absolute paths. A change of the product folder itself is detected.

mod copy;
mod isolation;
mod leftovers;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use unbroken_model::artifact::ArtifactSet;

pub use self::isolation::Isolation;
use crate::error::RecordError;
use crate::exec::{Care, ProcessOutcome, Supervision, supervise};
use crate::options::HashOptions;
use crate::program::{PROGRAM_PATH, find_system_program, is_executable};
use crate::resolve::hash_artifacts;
use crate::streams::Streams;

/// How long an inspection may take unless asked otherwise.
pub const TIME_LIMIT: Duration = Duration::from_mins(1);
/// How many bytes of each output stream are kept unless asked otherwise.
pub const OUTPUT_BYTES: usize = 1 << 20;

/// An inspection to run.
#[derive(Clone, Debug)]
pub struct InspectionRun<'a> {
    /// The program and its arguments; there is no shell.
    pub words: &'a [String],
    /// After how long the inspection is ended.
    pub time_limit: Duration,
    /// How many bytes of each output stream are kept, from the end.
    pub output_bytes: usize,
    /// Patterns of files that are not recorded, in the manner of `.gitignore`.
    pub excludes: Vec<String>,
    /// Whether CRLF and CR are hashed as LF.
    pub normalize_line_endings: bool,
}

impl<'a> InspectionRun<'a> {
    /// Makes a run of `words` with the default limits.
    pub fn new(words: &'a [String]) -> Self {
        Self {
            words,
            time_limit: TIME_LIMIT,
            output_bytes: OUTPUT_BYTES,
            excludes: HashOptions::default().excludes,
            normalize_line_endings: false,
        }
    }
}

/// What running an inspection gave.
#[derive(Clone, Debug)]
pub struct InspectionOutcome {
    /// The files of the copy before the command, but those that are excluded.
    pub materials: ArtifactSet,
    /// The files of the copy after the command.
    pub products: ArtifactSet,
    /// How the command ended and what it printed.
    pub process: ProcessOutcome,
    /// What was taken away from the command.
    pub isolation: Isolation,
    /// How many processes outlived the command and were ended; where processes are isolated they
    /// end uncounted.
    pub left_behind: usize,
}

/// A copy of a product folder, in which the inspections of one verification run one after the
/// other: a later one sees what an earlier one left, such as the files of an unpacked archive. It is
/// gone when it is dropped.
#[derive(Debug)]
pub struct ProductCopy {
    scratch: Scratch,
    product: PathBuf,
    before: copy::TreeState,
}

impl ProductCopy {
    /// Copies a product folder.
    ///
    /// # Errors
    /// [`RecordError::Stat`] and its like when the folder cannot be read or copied.
    pub fn of(product: &Path) -> Result<Self, RecordError> {
        let scratch = Scratch::new()?;
        let product = fs::canonicalize(product)
            .map_err(|source| RecordError::Stat { path: product.to_owned(), source })?;
        let before = copy::state_of(&product)?;
        copy::copy_tree(&product, &scratch.product)?;
        Ok(Self { scratch, product, before })
    }

    /// Records the files as an inspection would before its command.
    ///
    /// # Errors
    /// Those of [`hash_artifacts`] when the product cannot be recorded.
    pub fn artifacts(&self, run: &InspectionRun<'_>) -> Result<ArtifactSet, RecordError> {
        self.scratch.artifacts(run)
    }

    /// Runs an inspection.
    ///
    /// # Errors
    /// [`RecordError::ProgramRefused`] and [`RecordError::Spawn`] when the program cannot be run,
    /// [`RecordError::OriginalChanged`] when the product folder changed meanwhile, those of
    /// [`hash_artifacts`] when the product, or what the command made of it, cannot be recorded. A
    /// command that fails is no error.
    pub fn run(&self, run: &InspectionRun<'_>) -> Result<InspectionOutcome, RecordError> {
        let (word, arguments) = run.words.split_first().ok_or(RecordError::NoCommand)?;
        let program = find_program(word, &self.scratch.product)?;
        let materials = self.scratch.artifacts(run)?;

        let (isolation, mut command) = isolation::command(&program, arguments);
        self.scratch.furnish(&mut command);
        let process = supervise(
            command,
            &Supervision {
                program: word,
                care: Care::Group,
                streams: Streams::Capture,
                tail_bytes: run.output_bytes,
                time_limit: Some(run.time_limit),
            },
        );
        let left_behind =
            if isolation.processes { 0 } else { leftovers::end(&self.scratch.home()) };
        let process = process?;

        let products = self.scratch.artifacts(run)?;
        if copy::state_of(&self.product)? != self.before {
            return Err(RecordError::OriginalChanged { path: self.product.clone() });
        }
        Ok(InspectionOutcome { materials, products, process, isolation, left_behind })
    }
}

/// Finds the program of an inspection.
///
/// A name without a slash is looked for in system folders alone, so that a file of the product
/// cannot take its place. `./name` is a file of the product, and must not lead out of it. An absolute
/// path is taken as the layout has it.
fn find_program(word: &str, copy: &Path) -> Result<PathBuf, RecordError> {
    let absent = |source| RecordError::Spawn { program: word.to_owned(), source };
    if !word.contains('/') {
        return find_system_program(word).ok_or_else(|| absent(io::ErrorKind::NotFound.into()));
    }
    let program = fs::canonicalize(copy.join(word)).map_err(absent)?;
    if Path::new(word).is_relative() && !program.starts_with(copy) {
        let reason = "it leads out of the product";
        return Err(RecordError::ProgramRefused { program: word.to_owned(), reason });
    }
    if !is_executable(&program) {
        return Err(absent(io::ErrorKind::PermissionDenied.into()));
    }
    Ok(program)
}

/// The folder that an inspection lives in: the copy of the product, a home, a place for temporary
/// files. It is gone afterwards.
#[derive(Debug)]
struct Scratch {
    folder: TempDir,
    /// The copy, free of symbolic links.
    product: PathBuf,
}

impl Scratch {
    fn new() -> Result<Self, RecordError> {
        let failed = |source| RecordError::Write { path: std::env::temp_dir(), source };
        let folder =
            tempfile::Builder::new().prefix("unbroken-inspection-").tempdir().map_err(failed)?;
        let root = fs::canonicalize(folder.path()).map_err(failed)?;
        for name in ["product", "home", "tmp"] {
            fs::create_dir(root.join(name)).map_err(failed)?;
        }
        Ok(Self { folder, product: root.join("product") })
    }

    fn home(&self) -> PathBuf {
        self.product.with_file_name("home")
    }

    fn furnish(&self, command: &mut Command) {
        command
            .current_dir(&self.product)
            .env_clear()
            .env("PATH", PROGRAM_PATH)
            .env("LANG", "C.UTF-8")
            .env("HOME", self.home())
            .env("TMPDIR", self.product.with_file_name("tmp"));
    }

    fn artifacts(&self, run: &InspectionRun<'_>) -> Result<ArtifactSet, RecordError> {
        let options = HashOptions {
            base_path: Some(self.product.clone()),
            excludes: run.excludes.clone(),
            normalize_line_endings: run.normalize_line_endings,
            ..HashOptions::default()
        };
        hash_artifacts(&[".".to_owned()], &options)
    }
}

impl Drop for Scratch {
    /// Makes folders that the command has locked removable.
    fn drop(&mut self) {
        copy::unlock_folders(self.folder.path());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn programs_come_from_the_system_or_from_the_product() {
        let folder = tempfile::tempdir().unwrap();
        let copy = fs::canonicalize(folder.path()).unwrap();
        let tool = copy.join("sh");
        fs::write(&tool, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(copy.join("data"), "").unwrap();
        std::os::unix::fs::symlink("/bin/sh", copy.join("out")).unwrap();

        assert_ne!(find_program("sh", &copy).unwrap(), tool, "not the product's own");
        assert_eq!(find_program("./sh", &copy).unwrap(), tool);
        for outside in ["./out", "../../bin/sh", "./../../bin/sh"] {
            let found = find_program(outside, &copy);
            assert!(found.is_err(), "{outside}");
        }
        assert!(matches!(find_program("./out", &copy), Err(RecordError::ProgramRefused { .. })));
        for absent in ["no-such-program", "./none", "./data", ""] {
            let error = find_program(absent, &copy).unwrap_err();
            assert!(matches!(error, RecordError::Spawn { .. }), "{absent}");
        }
    }
}
