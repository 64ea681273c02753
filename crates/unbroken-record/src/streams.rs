//! What a command prints: passed on unchanged, and captured within bounds.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::digest as aws;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};

/// How often a silent stream is asked whether its command has ended.
const ASK: Duration = Duration::from_millis(50);
/// How long what a command left in a pipe is read after its end, while another process that it left
/// behind keeps the pipe open.
const GRACE: Duration = Duration::from_secs(1);

/// Says where the output of a command goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Streams {
    /// To the terminal, by the command itself.
    #[default]
    Inherit,
    /// To the terminal unchanged, and into the record.
    Record,
    /// Into the record alone.
    Capture,
}

/// What a command printed on one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedStream {
    /// The last bytes, as many as were asked for.
    pub tail: Vec<u8>,
    /// The length of the whole in bytes.
    pub length: u64,
    /// The SHA-256 digest of the whole.
    pub sha256: [u8; 32],
    /// Whether the end was seen: a process that the command left behind may print on.
    pub ended: bool,
}

impl CapturedStream {
    /// Tells whether the beginning is missing in [`Self::tail`].
    pub fn is_cut(&self) -> bool {
        u64::try_from(self.tail.len()).is_ok_and(|kept| kept < self.length)
    }

    /// Returns the tail as text, and whether that is every byte of it: what is not UTF-8 is
    /// replaced. A character that was cut in two at the front is left out.
    pub fn text(&self) -> (Cow<'_, str>, bool) {
        let front = self.tail.iter().take(3).take_while(|&&byte| byte & 0xc0 == 0x80).count();
        let whole = if self.is_cut() { self.tail.get(front..) } else { None };
        let text = String::from_utf8_lossy(whole.unwrap_or(&self.tail));
        let exact = matches!(text, Cow::Borrowed(_));
        (text, exact)
    }
}

/// Keeps the last bytes of a stream, and length and digest of all.
struct Capture {
    tail: Vec<u8>,
    most: usize,
    length: u64,
    digest: aws::Context,
}

impl Capture {
    fn new(most: usize) -> Self {
        let digest = aws::Context::new(&aws::SHA256);
        Self { tail: Vec::new(), most, length: 0, digest }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.digest.update(bytes);
        self.tail.extend_from_slice(bytes);
        // Cutting at twice the size moves every byte once at most.
        if self.tail.len() > self.most.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let surplus = self.tail.len().saturating_sub(self.most);
        self.tail.drain(..surplus);
    }

    fn finish(mut self, ended: bool) -> CapturedStream {
        self.cut();
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        CapturedStream { tail: self.tail, length: self.length, sha256, ended }
    }
}

/// Reads a pipe to its end, passing all on to `sink`.
///
/// When the sink's reader is gone the pipe is closed, so that the command learns of it as it would
/// have without us. `command_ended` bounds the wait for processes that hold the pipe open.
pub(crate) fn drain(
    pipe: OwnedFd,
    sink: Option<File>,
    most: usize,
    command_ended: &AtomicBool,
) -> CapturedStream {
    let captured = drain_open(&pipe, sink, most, command_ended);
    drop(pipe);
    captured
}

fn drain_open(
    pipe: &OwnedFd,
    mut sink: Option<File>,
    most: usize,
    command_ended: &AtomicBool,
) -> CapturedStream {
    let mut capture = Capture::new(most);
    let mut buffer = vec![0; 64 * 1024];
    let mut deadline = None;
    loop {
        if deadline.is_none() && command_ended.load(Ordering::Acquire) {
            deadline = Some(Instant::now() + GRACE);
        }
        let ready = is_readable(pipe, ASK);
        let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if over || (deadline.is_some() && !ready) {
            return capture.finish(false);
        }
        if !ready {
            continue;
        }
        let count = match read(pipe, buffer.as_mut_slice()) {
            Ok(0) => return capture.finish(true),
            Ok(count) => count,
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(_) => return capture.finish(false),
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        capture.take(bytes);
        if let Some(file) = &mut sink
            && pass_on(file, bytes).is_err()
        {
            return capture.finish(false);
        }
    }
}

fn is_readable(pipe: &OwnedFd, patience: Duration) -> bool {
    let timeout = Timespec::try_from(patience).ok();
    let mut fds = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
    poll(&mut fds, timeout.as_ref()).is_ok_and(|ready| ready > 0)
}

fn pass_on(sink: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match sink.write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Somebody has put the terminal into non-blocking mode.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(chunks: &[&[u8]], most: usize) -> CapturedStream {
        let mut capture = Capture::new(most);
        for chunk in chunks {
            capture.take(chunk);
        }
        capture.finish(true)
    }

    #[test]
    fn the_tail_is_kept_and_the_whole_digested() {
        let stream = captured(&[b"0123456789".as_slice(); 100], 15);
        assert_eq!(stream.tail, b"567890123456789");
        assert_eq!(stream.length, 1000);
        let whole = b"0123456789".repeat(100);
        assert_eq!(stream.sha256, aws::digest(&aws::SHA256, &whole).as_ref());
        assert!(stream.is_cut());
    }

    #[test]
    fn text_that_is_not_utf8_is_marked() {
        assert_eq!(captured(&[b"caf\xc3", b"\xa9"], 64).text(), ("caf\u{e9}".into(), true));
        assert_eq!(captured(&[b"\xff\xfe"], 64).text(), ("\u{fffd}\u{fffd}".into(), false));
        // The first byte of the accented letter was cut off.
        assert_eq!(captured(&[b"caf\xc3\xa9!"], 2).text(), ("!".into(), true));
        assert_eq!(captured(&[b"\xa9!"], 2).text(), ("\u{fffd}!".into(), false));
    }
}
