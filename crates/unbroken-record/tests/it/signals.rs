//! Signals around a running command, each in a process of its own.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::helper::{job, until};
use crate::tree::Tree;

fn started(mut command: Command, ready: &Path) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    until("the command is ready", || ready.exists());
    child
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn signals_sent_to_us_reach_the_command() {
    for (name, signal) in [
        ("INT", Signal::INT),
        ("TERM", Signal::TERM),
        ("HUP", Signal::HUP),
        ("QUIT", Signal::QUIT),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("WINCH", Signal::WINCH),
    ] {
        let tree = Tree::new(&[]);
        let ready = tree.at("ready");
        let script = format!(
            "trap 'echo got {name}; exit 7' {name}; : > {}; while :; do sleep 0.02; done",
            ready.display()
        );
        let child = started(job("run", &script), &ready);
        send(&child, signal);
        let printed = printed(&child.wait_with_output().unwrap());
        assert!(printed.contains(&format!("got {name}\n")), "{name}: {printed}");
        assert!(printed.contains("[ended 7]"), "{name}: {printed}");
    }
}

#[test]
fn a_command_that_a_signal_ends_is_reported_as_such() {
    let tree = Tree::new(&[]);
    let ready = tree.at("ready");
    let script = format!(": > {}; exec sleep 60", ready.display());
    let child = started(job("run", &script), &ready);
    send(&child, Signal::TERM);
    let printed = printed(&child.wait_with_output().unwrap());
    assert!(printed.contains("[ended 143]"), "{printed}");
}

#[test]
fn after_the_command_signals_do_what_they_did_before() {
    let tree = Tree::new(&[]);
    let done = tree.at("done");
    let child = started(job("run and stay", &format!(": > {}", done.display())), &done);
    // The command is gone soon after its file is there; until then it would be told.
    thread::sleep(Duration::from_millis(300));
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(2));
    assert!(!printed(&output).contains("[stayed]"));
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let job = job("run", "kill -HUP $$; echo alive");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(job.get_program());
    shell.args(job.get_args()).stdin(Stdio::null());
    for (name, value) in job.get_envs() {
        shell.env(name, value.unwrap());
    }
    let printed = printed(&shell.output().unwrap());
    assert!(printed.contains("alive\n") && printed.contains("[ended 0]"), "{printed}");
}

#[test]
fn ctrl_c_at_a_terminal_reaches_the_command_once() {
    let tree = Tree::new(&[]);
    let ready = tree.at("ready");
    let counting = job("count interrupts", ready.to_str().unwrap());
    let script = format!("{} exec {}", variables(&counting), words(&counting));
    let job = job("run", &script);
    let mut terminal = Command::new("/usr/bin/script");
    terminal.args(["-q", "-e", "-c", &words(&job), "/dev/null"]).stdin(Stdio::piped());
    for (name, value) in job.get_envs() {
        terminal.env(name, value.unwrap());
    }
    let mut child = started(terminal, &ready);
    child.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    let printed = printed(&child.wait_with_output().unwrap());
    assert!(printed.contains("[interrupts: 1]") && printed.contains("[ended 0]"), "{printed}");
}

fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| format!("'{}' ", word.to_str().unwrap()));
    quoted.collect::<Vec<_>>().concat()
}

fn variables(command: &Command) -> String {
    let variables = command.get_envs();
    let text = variables.map(|(name, value)| {
        format!("{}='{}' ", name.to_str().unwrap(), value.unwrap().to_str().unwrap())
    });
    text.collect::<Vec<_>>().concat()
}
