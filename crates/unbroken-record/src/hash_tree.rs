//! Hashes files while they are being found, on all cores.
//!
//! The walk and the hashing share the cores: one thread walks and then hashes, the others hash from
//! the first folder on. Each file is claimed alone, so that twenty files of one folder keep all
//! cores busy, whatever their sizes.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::DigestSet;
use unbroken_model::path::ArtifactPath;

use crate::change_clock::LocalDevice;
use crate::error::RecordError;
use crate::hash_file::{FileFault, FileHasher, Hashers};
use crate::naming::Naming;
use crate::options::HashOptions;
use crate::walk::{Entry, Folder, open_steady, special_kind};

/// How often a file that changes is hashed before that is an error.
const TRIES: usize = 3;

/// Files of one folder, and what their names begin with.
pub(crate) struct Batch {
    pub(crate) folder: Arc<Folder>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) scheme: &'static str,
}

impl Batch {
    fn physical(&self, entry: &Entry) -> PathBuf {
        entry.target.clone().unwrap_or_else(|| self.folder.physical.join(&entry.name))
    }
}

/// The files of all arguments so far.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    grown: Condvar,
    failed: AtomicBool,
}

#[derive(Default)]
struct State {
    batches: Vec<Arc<(Batch, AtomicUsize)>>,
    complete: bool,
}

/// An artifact with the place of its file in the queue.
struct Hashed {
    batch: usize,
    entry: usize,
    artifact: Result<(ArtifactPath, DigestSet), RecordError>,
}

impl Queue {
    /// A thread that panicked left nothing half-done here: a push is one step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, batch: Batch) {
        self.lock().batches.push(Arc::new((batch, AtomicUsize::new(0))));
        self.grown.notify_all();
    }

    fn complete(&self) {
        self.lock().complete = true;
        self.grown.notify_all();
    }

    /// Waits for the batch at `index`; there is none when the queue is complete before it.
    fn wait(&self, index: usize) -> Option<Arc<(Batch, AtomicUsize)>> {
        let waits = |state: &mut State| !state.complete && state.batches.len() <= index;
        let state =
            self.grown.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        state.batches.get(index).cloned()
    }
}

/// Takes the files that [`hash_found`] hashes.
pub(crate) type Push<'p> = &'p mut dyn FnMut(Batch) -> Result<(), RecordError>;

/// Hashes all files that `find` pushes, and names them.
///
/// Two files with one name are an error; one file that was pushed twice is one artifact.
pub(crate) fn hash_found(
    options: &HashOptions<'_>,
    naming: &Naming<'_>,
    hashers: &Hashers,
    find: impl FnOnce(Push<'_>) -> Result<(), RecordError>,
) -> Result<ArtifactSet, RecordError> {
    let queue = Queue::default();
    let worker = || Worker { options, naming, queue: &queue, open: None }.run(hashers);
    let hashed = thread::scope(|scope| {
        let mut others = Vec::new();
        let mut found = 0_usize;
        let walked = find(&mut |batch| {
            found = found.saturating_add(batch.entries.len());
            if found > options.file_limit {
                return Err(RecordError::TooManyFiles { limit: options.file_limit });
            }
            if let Some(progress) = options.progress {
                progress.found(u64::try_from(batch.entries.len()).unwrap_or(u64::MAX));
            }
            queue.push(batch);
            // One file is not worth a thread.
            if others.is_empty() && found > 1 {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                others.extend((1..cores).map(|_| scope.spawn(worker)));
            }
            Ok(())
        });
        if walked.is_err() {
            queue.failed.store(true, Ordering::Relaxed);
        }
        queue.complete();
        walked?;
        let mut hashed = worker();
        for other in others {
            match other.join() {
                Ok(more) => hashed.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(hashed)
    })?;
    let batches = std::mem::take(&mut queue.lock().batches);
    gather(&batches, hashed)
}

struct Worker<'w> {
    options: &'w HashOptions<'w>,
    naming: &'w Naming<'w>,
    queue: &'w Queue,
    /// The folder that the last file lay in: to open the next one in it is the shorter way.
    open: Option<(Arc<Folder>, OwnedFd)>,
}

impl Worker<'_> {
    fn run(mut self, hashers: &Hashers) -> Vec<Hashed> {
        let progress = self.options.progress;
        let mut hasher = FileHasher::new(hashers, self.options.normalize_line_endings, progress);
        let mut hashed = Vec::new();
        let mut index = 0;
        while let Some(batch) = self.queue.wait(index) {
            let (batch, next) = &*batch;
            loop {
                let claimed = next.fetch_add(1, Ordering::Relaxed);
                let Some(entry) = batch.entries.get(claimed) else { break };
                if self.queue.failed.load(Ordering::Relaxed) {
                    return hashed;
                }
                let artifact = self.artifact(batch, entry, &mut hasher);
                if artifact.is_err() {
                    self.queue.failed.store(true, Ordering::Relaxed);
                }
                hashed.push(Hashed { batch: index, entry: claimed, artifact });
                if let Some(progress) = progress {
                    progress.hashed(1, 0);
                }
            }
            index += 1;
        }
        hashed
    }

    fn artifact(
        &mut self,
        batch: &Batch,
        entry: &Entry,
        hasher: &mut FileHasher<'_>,
    ) -> Result<(ArtifactPath, DigestSet), RecordError> {
        let local = [batch.folder.prefix.as_str(), &entry.name].concat();
        let path = self.naming.name(batch.scheme, &local)?;
        if let Some(text) = &entry.fact {
            return Ok((path, hasher.digest_of(text)));
        }
        for _ in 0..TRIES {
            match self.hash(&batch.folder, entry, hasher) {
                Ok(digests) => return Ok((path, digests)),
                Err(FileFault::Changed) => {}
                Err(FileFault::Special(kind)) => {
                    let kind = special_kind(kind).unwrap_or("special file");
                    return Err(RecordError::Special { path: batch.physical(entry), kind });
                }
                Err(FileFault::Read(errno)) => {
                    let source = io::Error::from(errno);
                    return Err(RecordError::Read { path: batch.physical(entry), source });
                }
            }
        }
        Err(RecordError::Changed { path: batch.physical(entry) })
    }

    /// Opens what was seen as a regular file. When something else was put in its place since then,
    /// a link is not followed and a FIFO is not waited for.
    fn hash(
        &mut self,
        folder: &Arc<Folder>,
        entry: &Entry,
        hasher: &mut FileHasher<'_>,
    ) -> Result<DigestSet, FileFault> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        // The clock is read before the file is opened.
        let mut since = None;
        let opened = if let Some(target) = &entry.target {
            open_steady(target, flags)
        } else {
            since = folder.device.map(LocalDevice::now);
            self.folder(folder).and_then(|folder| openat(folder, &entry.name, flags, Mode::empty()))
        };
        match opened {
            Ok(file) => hasher.hash(&file, since.as_ref()),
            Err(Errno::LOOP) => Err(FileFault::Changed),
            Err(errno) => Err(FileFault::Read(errno)),
        }
    }

    fn folder(&mut self, folder: &Arc<Folder>) -> Result<&OwnedFd, Errno> {
        let open = if let Some(open) = self.open.take_if(|(open, _)| Arc::ptr_eq(open, folder)) {
            open
        } else {
            (Arc::clone(folder), open_steady(&folder.physical, OFlags::DIRECTORY)?)
        };
        Ok(&self.open.insert(open).1)
    }
}

/// Puts the artifacts in order. The first fault in that order is the one that is told, so that two
/// runs tell the same.
fn gather(
    batches: &[Arc<(Batch, AtomicUsize)>],
    mut hashed: Vec<Hashed>,
) -> Result<ArtifactSet, RecordError> {
    // Each thread's artifacts are in order already: a stable sort only merges them.
    hashed.sort_by_key(|one| (one.batch, one.entry));
    let mut places = Vec::with_capacity(hashed.len());
    let mut entries = Vec::with_capacity(hashed.len());
    for one in hashed {
        entries.push(one.artifact?);
        places.push((one.batch, one.entry));
    }
    if !entries.is_sorted_by(|(one, _), (other, _)| one < other) {
        let physical = |&(batch, entry): &(usize, usize)| {
            let (batch, _) = &**batches.get(batch)?;
            batch.entries.get(entry).map(|entry| batch.physical(entry))
        };
        let mut placed: Vec<_> = entries.into_iter().zip(&places).collect();
        placed.sort_by(|((one, _), _), ((other, _), _)| one.cmp(other));
        for [((one, _), first), ((other, _), second)] in placed.array_windows() {
            let (first, second) = (physical(first), physical(second));
            if one == other && first != second {
                let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
                return Err(RecordError::Collision { name: one.to_string(), first, second });
            }
        }
        placed.dedup_by(|((one, _), _), ((other, _), _)| one == other);
        entries = placed.into_iter().map(|(entry, _)| entry).collect();
    }
    ArtifactSet::from_entries(entries).map_err(|source| RecordError::Duplicate { source })
}
