//! One call of the gpg program: bounded in time and in what is read.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::SignerError;

/// How long gpg may take: somebody may have to type a passphrase, or to touch a token.
const PATIENCE: Duration = Duration::from_mins(2);
/// How much of what gpg says is kept.
const LONGEST_MESSAGE: usize = 4096;
/// How long to wait between two looks at a program that is about to end.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs the program, and returns what it printed.
pub(super) fn call(
    command: Command,
    input: &[u8],
    limit: usize,
    action: &'static str,
) -> Result<Vec<u8>, SignerError> {
    call_within(PATIENCE, command, input, limit, action)
}

fn call_within(
    patience: Duration,
    mut command: Command,
    input: &[u8],
    limit: usize,
    action: &'static str,
) -> Result<Vec<u8>, SignerError> {
    let until = Instant::now() + patience;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = command.get_program().to_owned();
    let failed = |source| SignerError::GpgRun { program: program.clone().into(), source };
    let mut child = command.spawn().map_err(failed)?;
    let stdout = read(child.stdout.take(), limit);
    let stderr = read(child.stderr.take(), LONGEST_MESSAGE);
    if let Some(mut pipe) = child.stdin.take() {
        let input = input.to_vec();
        // A program that does not read all of it ends with a message that says more than EPIPE.
        thread::spawn(move || drop(pipe.write_all(&input)));
    }
    let left = || until.saturating_duration_since(Instant::now());
    let printed = stdout.recv_timeout(left());
    let said = stderr.recv_timeout(left());
    let status = wait(&mut child, until).map_err(failed)?;
    let (Ok(printed), Ok(said), Some(status)) = (printed, said, status) else {
        return Err(SignerError::GpgSilent { seconds: patience.as_secs() });
    };
    if printed.len() > limit {
        return Err(SignerError::GpgAnswer { limit });
    }
    if status.success() {
        return Ok(printed);
    }
    Err(SignerError::GpgRefused { action, said: message(&said) })
}

/// Reads a pipe to its end, or one byte beyond the limit.
fn read(pipe: Option<impl Read + Send + 'static>, limit: usize) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let (mut bytes, limit) = (Vec::new(), u64::try_from(limit).unwrap_or(u64::MAX));
        if let Some(mut pipe) = pipe {
            // What came before an error is all there is.
            drop(pipe.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes));
        }
        drop(sender.send(bytes));
    });
    receiver
}

/// Waits for the end; a program that does not come to it is killed.
fn wait(child: &mut Child, until: Instant) -> std::io::Result<Option<ExitStatus>> {
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(PAUSE);
    }
    child.kill()?;
    child.wait().map(|_| None)
}

/// Puts what was said into one line.
fn message(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8]) -> Result<Vec<u8>, SignerError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        call(command, input, 10, "sign")
    }

    #[test]
    fn input_goes_in_and_output_comes_out() {
        assert_eq!(shell("cat", b"message").unwrap(), b"message");
        // More than a pipe holds, and nobody reads it.
        assert_eq!(shell("echo ok", &vec![0; 1 << 20]).unwrap(), b"ok\n");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        for script in ["exec sleep 60", "exec >&- 2>&-; exec sleep 60"] {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            let begun = Instant::now();
            let error = call_within(Duration::from_millis(200), command, b"", 10, "sign");
            assert!(matches!(error, Err(SignerError::GpgSilent { .. })), "{error:?}");
            assert!(begun.elapsed() < Duration::from_secs(30), "{script}");
        }
    }

    #[test]
    fn failures_are_told_in_one_line() {
        let error = shell("echo ' a\n\nb' >&2; exit 2", b"").unwrap_err();
        assert_eq!(error.to_string(), "gpg failed to sign: a; b");
        let error = shell("cat", b"more than ten bytes").unwrap_err();
        assert!(matches!(error, SignerError::GpgAnswer { limit: 10 }), "{error}");
        let missing = call(Command::new("/nowhere/gpg"), b"", 1, "sign").unwrap_err();
        assert_eq!(missing.to_string(), "cannot run /nowhere/gpg");
    }
}
