//! Which program a step runs: found before anything else is done, and recorded where that is asked
//! for.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use unbroken_model::digest::DigestAlgorithm;
use unbroken_model::json::Object;

use crate::error::RecordError;
use crate::hash_file::{FileFault, FileHasher, Hashers};
use crate::naming::split_scheme;
use crate::program::{FoundProgram, find_program};
use crate::step_run::{Executable, StepRun};

/// The program of a step.
#[derive(Debug, Default)]
pub(crate) struct StepProgram {
    /// Where it was found by its bare name; a program that is named by its path needs no search.
    pub(crate) found: Option<FoundProgram>,
    /// What the link's environment tells of it.
    pub(crate) facts: Object<'static>,
}

impl StepProgram {
    /// Finds the program of a step, and hashes it if it is to be recorded.
    pub(crate) fn of(step: &StepRun<'_>) -> Result<Self, RecordError> {
        let Some(word) = step.command.first() else { return Ok(Self::default()) };
        let found = if word.contains('/') { None } else { Some(find_program(word, &trees(step))?) };
        let facts = match step.executable {
            Executable::NotRecorded => Object::new(),
            Executable::Recorded => {
                if let Some(suspicion) = found.as_ref().and_then(|found| found.suspicion) {
                    let (program, reason) = (word.clone(), suspicion.reason());
                    return Err(RecordError::ProgramRefused { program, reason });
                }
                let directory = step.directory.unwrap_or(Path::new("."));
                let path = found.as_ref().map_or_else(|| directory.join(word), |f| f.path.clone());
                facts(word, &path)?
            }
        };
        Ok(Self { found, facts })
    }
}

/// The folders that others filled: the one the step works in, and those that it records.
fn trees(step: &StepRun<'_>) -> Vec<PathBuf> {
    let base = step.options.base_path.as_deref().unwrap_or(Path::new("."));
    let here = fs::canonicalize(step.directory.unwrap_or(Path::new(".")));
    let here = here.ok().filter(|here| here.parent().is_some());
    let specs = step.materials.iter().chain(step.products);
    let named = specs.filter_map(|spec| {
        let path = split_scheme(spec).map_or(spec.as_str(), |(_, path)| path);
        let steady = path.split('/').take_while(|part| !part.contains(['*', '?', '[']));
        let folder = fs::canonicalize(base.join(steady.collect::<Vec<_>>().join("/"))).ok()?;
        folder.is_dir().then_some(folder)
    });
    here.into_iter().chain(named).collect()
}

/// Tells where a program really lies, and its digest. Both are texts, because some readers take
/// nothing else in an environment.
fn facts(word: &str, path: &Path) -> Result<Object<'static>, RecordError> {
    let absent = |source| RecordError::Spawn { program: word.to_owned(), source };
    let path = fs::canonicalize(path).map_err(absent)?;
    let unreadable = |source| RecordError::Read { path: path.clone(), source };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file =
        openat(CWD, &path, flags, Mode::empty()).map_err(|errno| unreadable(errno.into()))?;
    let hashers = Hashers::new(&[DigestAlgorithm::Sha256])?;
    let digests =
        FileHasher::new(&hashers, false, None).hash(&file, None).map_err(|fault| match fault {
            FileFault::Changed => RecordError::Changed { path: path.clone() },
            FileFault::Read(errno) => unreadable(errno.into()),
            FileFault::Special(_) => absent(std::io::ErrorKind::PermissionDenied.into()),
        })?;
    let text = path.clone().into_os_string().into_string();
    let text = text.map_err(|path| RecordError::NonUtf8Name { path: path.into() })?;
    let mut facts = Object::new();
    facts.insert("executable", text);
    if let Some(digest) = digests.get(&DigestAlgorithm::Sha256) {
        facts.insert("executable-sha256", digest.hex().to_owned());
    }
    Ok(facts)
}
