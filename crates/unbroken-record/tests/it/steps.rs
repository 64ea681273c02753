//! Steps with real commands.

use std::time::{Duration, Instant};

use unbroken_model::json::Value;
use unbroken_record::{
    CommandRun, ExitOutcome, ProcessOutcome, RecordError, RecordedStep, StepRun, Streams,
    run_command, run_step,
};

use crate::tree::{Tree, names, strings};

fn shell(script: &str) -> Vec<String> {
    strings(&["/bin/sh", "-c", script])
}

fn captured(script: &str) -> ProcessOutcome {
    let words = shell(script);
    run_command(&CommandRun { streams: Streams::Capture, ..CommandRun::new(&words) }).unwrap()
}

fn recorded(tree: &Tree, script: &str, products: &[&str]) -> Result<RecordedStep, RecordError> {
    let (words, products) = (shell(script), strings(products));
    run_step(&StepRun {
        materials: &strings(&["."]),
        products: &products,
        directory: Some(tree.path()),
        streams: Streams::Capture,
        options: tree.options(),
        ..StepRun::new("build".parse().unwrap(), &words)
    })
}

#[test]
fn a_link_tells_what_was_there_before_and_after() {
    let tree = Tree::new(&[("a", "1")]);
    let step = recorded(&tree, "cat a > b; echo made; echo note >&2", &["."]).unwrap();
    let link = step.link;
    assert_eq!(step.exit, Some(ExitOutcome::Exited(0)));
    assert_eq!(names(&link.materials), ["a"]);
    assert_eq!(names(&link.products), ["a", "b"]);
    assert_eq!(link.products.get("a"), link.products.get("b"));
    assert_eq!(link.command[0], "/bin/sh");
    assert_eq!(link.return_value(), Some(0));
    assert_eq!(link.byproducts.get("stdout").and_then(Value::as_str), Some("made\n"));
    assert_eq!(link.byproducts.get("stderr").and_then(Value::as_str), Some("note\n"));
    assert_eq!(link.byproducts.get("stdout-length").and_then(Value::as_str), Some("5"));
    assert!(link.environment.is_empty());
}

#[test]
fn without_recording_the_streams_are_empty_texts() {
    let words = strings(&["/bin/true"]);
    let link = run_step(&StepRun::new("x".parse().unwrap(), &words)).unwrap().link;
    let byproducts = Value::from(link.byproducts).to_compact();
    assert_eq!(byproducts, r#"{"return-value": 0, "stderr": "", "stdout": ""}"#);
}

#[test]
fn without_a_command_there_are_no_byproducts() {
    let tree = Tree::new(&[("a", "1")]);
    let step = run_step(&StepRun {
        products: &strings(&["a"]),
        options: tree.options(),
        record_workdir: true,
        ..StepRun::new("checkout".parse().unwrap(), &[])
    })
    .unwrap();
    assert_eq!(step.exit, None);
    assert!(step.link.byproducts.is_empty() && step.link.command.is_empty());
    let here = std::env::current_dir().unwrap();
    let workdir = step.link.environment.get("workdir").and_then(Value::as_str).unwrap();
    assert_eq!(workdir, here.to_str().unwrap());
}

#[test]
fn a_command_that_fails_is_recorded_with_the_products_it_made() {
    let tree = Tree::new(&[]);
    let step = recorded(&tree, "echo half > made; exit 3", &["made", "never-made"]).unwrap();
    assert_eq!(step.exit.unwrap().code(), 3);
    assert_eq!(step.link.return_value(), Some(3));
    assert_eq!(names(&step.link.products), ["made"]);
    let missing = recorded(&tree, "exit 0", &["never-made"]);
    assert!(matches!(missing, Err(RecordError::Missing { .. })));
}

#[test]
fn a_death_by_signal_is_negative_in_the_link_and_above_128_outside() {
    let tree = Tree::new(&[]);
    let step = recorded(&tree, "kill -KILL $$", &[]).unwrap();
    assert_eq!(step.exit, Some(ExitOutcome::Signalled(9)));
    assert_eq!(step.exit.unwrap().code(), 137);
    assert_eq!(step.link.return_value(), Some(-9));
}

#[test]
fn a_command_that_is_not_there_is_an_error() {
    let words = strings(&["/no/such/program"]);
    let error = run_command(&CommandRun::new(&words)).unwrap_err();
    assert!(matches!(error, RecordError::Spawn { .. }));
    assert!(matches!(run_command(&CommandRun::new(&[])), Err(RecordError::NoCommand)));
}

#[test]
fn long_streams_are_bounded_and_digested_and_cannot_block_each_other() {
    // Each stream is larger than a pipe, one after the other: reading one to its end first would
    // wait for ever.
    let outcome = captured("head -c 3000000 /dev/zero >&2; head -c 5000001 /dev/zero; printf end");
    let (stdout, stderr) = (outcome.stdout.unwrap(), outcome.stderr.unwrap());
    assert_eq!((stdout.length, stderr.length), (5_000_004, 3_000_000));
    assert_eq!((stdout.tail.len(), stderr.tail.len()), (64 * 1024, 64 * 1024));
    assert!(stdout.tail.ends_with(b"\0end") && stdout.is_cut() && stdout.ended);
    let mut whole = vec![0; 5_000_001];
    whole.extend_from_slice(b"end");
    let due = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &whole);
    assert_eq!(stdout.sha256, due.as_ref());
}

#[test]
fn bytes_that_are_no_text_are_marked_in_the_link() {
    let byproducts = captured("printf 'a\\377b'").byproducts();
    assert_eq!(byproducts.get("stdout").and_then(Value::as_str), Some("a\u{fffd}b"));
    let encoding = byproducts.get("stdout-encoding").and_then(Value::as_str);
    assert_eq!(encoding, Some("utf-8, lossy"));
    assert!(byproducts.get("stderr-encoding").is_none());
    let due = data_encoding::HEXLOWER
        .encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"a\xffb").as_ref());
    assert_eq!(byproducts.get("stdout-sha256").and_then(Value::as_str), Some(due.as_str()));
}

#[test]
fn a_process_left_behind_does_not_keep_us_waiting() {
    let begin = Instant::now();
    let outcome = captured("sleep 20 & echo started; echo $! >&2");
    assert!(begin.elapsed() < Duration::from_secs(5));
    let stdout = outcome.stdout.unwrap();
    assert_eq!((stdout.tail.as_slice(), stdout.ended), (b"started\n".as_slice(), false));
    let left = outcome.stderr.unwrap().tail;
    let left = String::from_utf8(left).unwrap().trim().parse().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(left).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

#[test]
fn a_time_limit_ends_the_command() {
    let words = strings(&["/bin/sleep", "60"]);
    let begin = Instant::now();
    let outcome = run_command(&CommandRun {
        time_limit: Some(Duration::from_millis(200)),
        ..CommandRun::new(&words)
    })
    .unwrap();
    assert_eq!(outcome.exit, ExitOutcome::TimedOut);
    assert_eq!(outcome.exit.code(), 124);
    assert!(begin.elapsed() < Duration::from_secs(4));
    let limit = Some(Duration::from_mins(1));
    let quick = strings(&["/bin/true"]);
    let outcome = run_command(&CommandRun { time_limit: limit, ..CommandRun::new(&quick) });
    assert_eq!(outcome.unwrap().exit, ExitOutcome::Exited(0));
}
