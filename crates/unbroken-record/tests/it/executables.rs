//! Which program a step runs: how it is found, and what the link tells of it.

use std::fs;

use unbroken_model::json::Value;
use unbroken_record::{Executable, RecordError, StepRun, Streams, begin_step, run_step};

use crate::tree::{Tree, strings};

/// A folder with a program, and the program's path.
fn tool() -> (Tree, String) {
    let tree = Tree::new(&[]);
    tree.script("tool", "exit 0");
    let path = tree.at("tool").to_str().unwrap().to_owned();
    (tree, path)
}

fn recorded(words: &[String]) -> Result<(String, String), RecordError> {
    let step = StepRun {
        executable: Executable::Recorded,
        ..StepRun::new("build".parse().unwrap(), words)
    };
    let link = run_step(&step)?.link;
    let text = |name| link.environment.get(name).and_then(Value::as_str).unwrap().to_owned();
    Ok((text("executable"), text("executable-sha256")))
}

#[test]
fn the_link_tells_where_the_program_lies_and_its_digest() {
    let (_tree, tool) = tool();
    let (path, digest) = recorded(std::slice::from_ref(&tool)).unwrap();
    assert_eq!(path, fs::canonicalize(&tool).unwrap().to_str().unwrap());
    let due = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"#!/bin/sh\nexit 0\n");
    assert_eq!(digest, data_encoding::HEXLOWER.encode(due.as_ref()));
}

#[test]
fn a_link_leads_to_the_program_itself() {
    let (tree, tool) = tool();
    tree.link(&tool, "alias");
    let alias = tree.at("alias").to_str().unwrap().to_owned();
    assert_eq!(recorded(&[alias]).unwrap(), recorded(&[tool]).unwrap());
}

#[test]
fn a_program_by_its_bare_name_is_that_of_the_path_and_keeps_the_name() {
    let words = strings(&["sh", "-c", "printf %s \"$0\"; exit 0"]);
    let (path, _) = recorded(&words).unwrap();
    assert_eq!(path, fs::canonicalize("/bin/sh").unwrap().to_str().unwrap());
    let name = "build".parse().unwrap();
    let step = StepRun { streams: Streams::Record, ..StepRun::new(name, &words) };
    let link = run_step(&step).unwrap().link;
    assert_eq!(link.byproducts.get("stdout").and_then(Value::as_str), Some("sh"));
    assert!(link.environment.is_empty(), "unless asked for, nothing is told");
}

#[test]
fn a_program_that_is_not_there_is_an_error_before_anything_is_hashed() {
    let tree = Tree::new(&[]);
    for word in ["/no/such/program", "no-such-program-here"] {
        let words = strings(&[word]);
        assert!(matches!(recorded(&words), Err(RecordError::Spawn { .. })), "{word}");
    }
    let words = strings(&["no-such-program-here"]);
    let step = StepRun {
        materials: &strings(&["no-such-material"]),
        options: tree.options(),
        ..StepRun::new("build".parse().unwrap(), &words)
    };
    assert!(matches!(begin_step(&step).unwrap_err(), RecordError::Spawn { .. }));
}
