//! The defect vectors put to programs: to ours, which has to give every verdict with its findings
//! within bounds, and to the reference implementation, whose differences are on a list.
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

use unbroken_testkit::{Bounds, Program, figure, skip};

/// Every vector ends with the verdict and the findings that are due, in two seconds of the processor
/// and 256 MiB.
#[test]
fn our_program_gives_every_verdict_within_bounds() {
    let words = [env!("CARGO_BIN_EXE_unbroken"), "verify", "--format", "json"];
    let bounds = Bounds { seconds: Some(2), mebibytes: Some(256) };
    let program = Program { words: words.map(OsString::from).to_vec(), bounds };
    let answers = program.ask_all().unwrap();
    assert!(answers.len() > 180, "{} vectors were put", answers.len());
    let mut faults = String::new();
    for (name, (vector, answer)) in &answers {
        if !answer.conforms_to(vector) {
            writeln!(faults, "{name}: due {:?}, found {answer:?}", vector.errors).unwrap();
        }
    }
    assert!(faults.is_empty(), "{faults}");
    figure(
        "vectors with the verdict and the findings that are due, in 2 s and 256 MiB",
        answers.len(),
    );
}

/// Where the reference decides otherwise is listed beside this file, a line each; the list is
/// written anew with `UPDATE=1`.
#[test]
fn the_reference_differs_where_the_list_says() {
    let Some(python) = std::env::var_os("UNBROKEN_TEST_PYTHON") else {
        return skip(
            "the_reference_differs_where_the_list_says",
            "UNBROKEN_TEST_PYTHON is not set",
        );
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let words = vec![python, here.join("reference.py").into_os_string()];
    let program = Program { words, bounds: Bounds::default() };
    let answers = program.ask_all().unwrap();
    let mut found = String::new();
    for (name, (vector, answer)) in &answers {
        if !answer.conforms_to(vector) {
            let due = if vector.errors.is_empty() { "verified" } else { "rejected" };
            writeln!(found, "{name}: {due} is due, {}", answer.word()).unwrap();
        }
    }
    println!("{} vectors; differences:\n{found}", answers.len());
    let list = here.join("python-in-toto-3.1.0.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&list, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&list).unwrap());
}
