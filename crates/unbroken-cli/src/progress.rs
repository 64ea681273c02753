//! The progress bars of hashing and of transfers.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use unbroken_record::Progress;

use crate::output::Output;

/// Hashing that takes less is not worth a bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// A bar on stderr that appears when hashing takes longer than half a second and somebody watches.
pub(crate) struct HashingBar {
    watched: bool,
    begin: Instant,
    found: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    cut: Mutex<BTreeSet<String>>,
    bar: Mutex<Option<ProgressBar>>,
}

impl HashingBar {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            watched: output.is_watched(),
            begin: Instant::now(),
            found: AtomicU64::new(0),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            cut: Mutex::default(),
            bar: Mutex::new(None),
        }
    }

    /// Tells whether this prefix was cut off the name of an artifact.
    pub(crate) fn has_cut(&self, prefix: &str) -> bool {
        self.cut.lock().is_ok_and(|cut| cut.contains(prefix))
    }
}

impl Progress for HashingBar {
    fn found(&self, files: u64) {
        self.found.fetch_add(files, Ordering::Relaxed);
    }

    fn hashed(&self, files: u64, bytes: u64) {
        let files = self.files.fetch_add(files, Ordering::Relaxed) + files;
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !self.watched || self.begin.elapsed() < PATIENCE {
            return;
        }
        // Whoever finds the bar in another thread's hands goes on hashing.
        if let Ok(mut bar) = self.bar.try_lock() {
            let bar = bar.get_or_insert_with(|| draw(HASHING));
            bar.set_length(self.found.load(Ordering::Relaxed));
            bar.set_position(files);
            bar.set_message(HumanBytes(bytes).to_string());
        }
    }

    fn cut(&self, prefix: &str) {
        if let Ok(mut cut) = self.cut.lock() {
            cut.insert(prefix.to_owned());
        }
    }
}

impl Drop for HashingBar {
    fn drop(&mut self) {
        if let Ok(Some(bar)) = self.bar.get_mut() {
            bar.finish_and_clear();
        }
    }
}

/// A bar on stderr that appears when a transfer takes longer than half a second and somebody watches.
pub(crate) struct TransferBar {
    watched: bool,
    begin: Instant,
    due: AtomicU64,
    moved: AtomicU64,
    bar: Mutex<Option<ProgressBar>>,
}

impl TransferBar {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            watched: output.is_watched(),
            begin: Instant::now(),
            due: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            bar: Mutex::new(None),
        }
    }
}

impl unbroken_oci::copy::Progress for TransferBar {
    fn found(&self, bytes: u64) {
        self.due.fetch_add(bytes, Ordering::Relaxed);
    }

    fn moved(&self, bytes: u64) {
        let moved = self.moved.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if !self.watched || self.begin.elapsed() < PATIENCE {
            return;
        }
        // Whoever finds the bar in another thread's hands goes on copying.
        if let Ok(mut bar) = self.bar.try_lock() {
            let template =
                "copying {bar:30.cyan} {bytes}/{total_bytes}  {bytes_per_sec}  {elapsed}";
            let bar = bar.get_or_insert_with(|| draw(template));
            bar.set_length(self.due.load(Ordering::Relaxed));
            bar.set_position(moved);
        }
    }
}

impl Drop for TransferBar {
    fn drop(&mut self) {
        if let Ok(Some(bar)) = self.bar.get_mut() {
            bar.finish_and_clear();
        }
    }
}

const HASHING: &str = "hashing {bar:30.cyan} {pos}/{len} files  {msg}  {elapsed}";

fn draw(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("█▌ "));
    }
    bar
}
