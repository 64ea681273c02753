//! Starts a process, passes signals to it, drains its pipes, and waits for its end.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use super::signals::{ENDING, Heard, Listener};
use super::{ExitOutcome, ProcessOutcome};
use crate::error::RecordError;
use crate::streams::{CapturedStream, Streams, drain};

/// How long a command has to end by itself once its time is over.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How often a command under a time limit is looked at, once it runs for a while.
const LOOK: Duration = Duration::from_millis(10);

/// How a process stands to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// It shares our process group and hears the signals that are sent to us.
    Foreground,
    /// It leads a group of its own, which is killed with it; a signal that would end us ends it.
    Group,
}

/// How a process is run.
pub(crate) struct Supervision<'a> {
    pub(crate) program: &'a str,
    pub(crate) care: Care,
    pub(crate) streams: Streams,
    pub(crate) tail_bytes: usize,
    pub(crate) time_limit: Option<Duration>,
}

/// The process that signals go to. Its number is used only before it is waited for: afterwards it
/// may be somebody else's.
#[derive(Default)]
struct Target {
    pid: Option<Pid>,
    ended: bool,
    /// What came before the process was there.
    early: Vec<Signal>,
    /// The signal that ended the work.
    interrupted: Option<i32>,
}

struct Guarded(Mutex<Target>);

impl Guarded {
    fn lock(&self) -> MutexGuard<'_, Target> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, heard: Heard, care: Care) {
        let mut target = self.lock();
        if target.ended {
            return;
        }
        let mut signal = heard.signal;
        if care == Care::Group {
            if !ENDING.contains(&signal.as_raw()) {
                return;
            }
            target.interrupted = Some(signal.as_raw());
            signal = Signal::KILL;
        } else if heard.by_terminal {
            return;
        }
        match target.pid {
            Some(pid) => send(pid, signal, care),
            None => target.early.push(signal),
        }
    }
}

/// Sends a signal; a process that has gone already needs none.
fn send(pid: Pid, signal: Signal, care: Care) {
    let _gone = match care {
        Care::Foreground => kill_process(pid, signal),
        Care::Group => kill_process_group(pid, signal),
    };
}

/// Runs `command` to its end.
pub(crate) fn supervise(
    mut command: Command,
    run: &Supervision<'_>,
) -> Result<ProcessOutcome, RecordError> {
    let wait_failed = |source| RecordError::Wait { program: run.program.to_owned(), source };
    if run.streams != Streams::Inherit {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    if run.care == Care::Group {
        command.process_group(0).stdin(Stdio::null());
    }
    let sinks = match run.streams {
        Streams::Record => [sink(&io::stdout()), sink(&io::stderr())],
        _ => [Ok(None), Ok(None)],
    };
    let [out_sink, err_sink] = sinks;
    let (out_sink, err_sink) = (out_sink.map_err(wait_failed)?, err_sink.map_err(wait_failed)?);
    let listener = Listener::begin().map_err(wait_failed)?;
    let closing = listener.handle();
    let target = Guarded(Mutex::default());
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| listener.listen(|heard| target.hear(heard, run.care)));
        let outcome = start(&mut command, run, &target).and_then(|mut child| {
            let pipes = (child.stdout.take(), child.stderr.take());
            let capture = |pipe: Option<OwnedFd>, sink| {
                let (most, ended) = (run.tail_bytes, &ended);
                pipe.map(|pipe| scope.spawn(move || drain(pipe, sink, most, ended)))
            };
            let stdout = capture(pipes.0.map(OwnedFd::from), out_sink);
            let stderr = capture(pipes.1.map(OwnedFd::from), err_sink);
            let exit = wait(&mut child, run, &target).map_err(wait_failed);
            ended.store(true, Ordering::Release);
            let (stdout, stderr) = (joined(stdout), joined(stderr));
            Ok(ProcessOutcome { exit: exit?, stdout, stderr })
        });
        closing.close();
        match target.lock().interrupted {
            Some(signal) => Err(RecordError::Interrupted { signal }),
            None => outcome,
        }
    })
}

/// Takes a second handle of a stream of ours, without the buffer of the standard library: what the
/// command prints is passed on at once.
fn sink(stream: &impl AsFd) -> io::Result<Option<File>> {
    Ok(Some(stream.as_fd().try_clone_to_owned()?.into()))
}

fn joined(thread: Option<thread::ScopedJoinHandle<'_, CapturedStream>>) -> Option<CapturedStream> {
    match thread?.join() {
        Ok(captured) => Some(captured),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn start(
    command: &mut Command,
    run: &Supervision<'_>,
    target: &Guarded,
) -> Result<Child, RecordError> {
    let child = command.spawn().map_err(|source| {
        let program = run.program.to_owned();
        RecordError::Spawn { program, source }
    })?;
    let mut target = target.lock();
    target.pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = target.pid {
        for signal in std::mem::take(&mut target.early) {
            send(pid, signal, run.care);
        }
    }
    Ok(child)
}

/// Waits for the end of the process. It stays a zombie until nobody can signal it any more.
fn wait(child: &mut Child, run: &Supervision<'_>, target: &Guarded) -> io::Result<ExitOutcome> {
    let pid = target.lock().pid;
    let mut timed_out = false;
    if let Some(pid) = pid {
        if let Some(limit) = run.time_limit {
            // No time at all is over at once, however quick the process is.
            timed_out = limit.is_zero() || !ends_within(pid, limit)?;
        }
        if timed_out {
            if run.care == Care::Foreground {
                send(pid, Signal::TERM, run.care);
                ends_within(pid, LAST_WORDS)?;
            }
            send(pid, Signal::KILL, run.care);
        }
        while !has_ended(pid, WaitIdOptions::empty())? {}
        target.lock().ended = true;
        if run.care == Care::Group {
            // What the process left behind in its group goes with it.
            send(pid, Signal::KILL, run.care);
        }
    }
    let status = child.wait()?;
    Ok(if timed_out { ExitOutcome::TimedOut } else { ExitOutcome::of(status) })
}

/// Waits for the end of a process, but not longer than `limit`.
fn ends_within(pid: Pid, limit: Duration) -> io::Result<bool> {
    let begin = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if has_ended(pid, WaitIdOptions::NOHANG)? {
            return Ok(true);
        }
        let Some(left) = limit.checked_sub(begin.elapsed()).filter(|left| !left.is_zero()) else {
            return Ok(false);
        };
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LOOK);
    }
}

/// Tells whether a process has ended, without taking its status; a signal may cut the wait short.
fn has_ended(pid: Pid, how: WaitIdOptions) -> io::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | how;
    match waitid(WaitId::Pid(pid), options) {
        Ok(status) => Ok(status.is_some()),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}
