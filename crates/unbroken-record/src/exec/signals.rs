//! Listens for signals while a command runs.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustix::process::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::flag::register_conditional_default;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::{Cause, Origin};

/// The signals that a command is told of.
const PASSED_ON: [i32; 7] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH];
/// The signals that end the work.
pub(super) const ENDING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

/// How many commands run. While none does, a signal has its default effect: the handlers cannot be
/// taken away again, and Ctrl-C must end the hashing that follows a command.
static RUNNING: Mutex<usize> = Mutex::new(0);
static IDLE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));
/// The signals that were not ignored when this process started; their defaults are in place.
static HEARD: LazyLock<Vec<i32>> = LazyLock::new(|| {
    let ignored = ignored_signals();
    let heard = PASSED_ON.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    heard
        .filter(|&signal| register_conditional_default(signal, Arc::clone(&IDLE)).is_ok())
        .collect()
});

/// Hears the signals of this process as long as it lives.
pub(super) struct Listener {
    signals: SignalsInfo<WithOrigin>,
    /// Dropped last: the default effects come back when nobody listens any more.
    _running: Running,
}

struct Running;

impl Running {
    fn begin() -> Self {
        count(|running| running.saturating_add(1));
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        count(|running| running.saturating_sub(1));
    }
}

fn count(change: impl FnOnce(usize) -> usize) {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    *running = change(*running);
    IDLE.store(*running == 0, Ordering::SeqCst);
}

impl Listener {
    pub(super) fn begin() -> io::Result<Self> {
        let heard = HEARD.as_slice();
        let running = Running::begin();
        Ok(Self { signals: SignalsInfo::new(heard)?, _running: running })
    }

    pub(super) fn handle(&self) -> Handle {
        self.signals.handle()
    }

    /// Hands every signal to `hear` until the handle is closed.
    pub(super) fn listen(mut self, hear: impl Fn(Heard)) {
        for origin in &mut self.signals.forever() {
            if let Some(heard) = Heard::of(&origin) {
                hear(heard);
            }
        }
    }
}

/// A signal that came.
#[derive(Clone, Copy)]
pub(super) struct Heard {
    pub(super) signal: Signal,
    /// Whether the terminal sent it, to every process of the group.
    pub(super) by_terminal: bool,
}

impl Heard {
    fn of(origin: &Origin) -> Option<Self> {
        let signal = Signal::from_named_raw(origin.signal)?;
        Some(Self { signal, by_terminal: matches!(origin.cause, Cause::Kernel) })
    }
}

/// Reads which signals this process ignores; where the system does not say, none.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
