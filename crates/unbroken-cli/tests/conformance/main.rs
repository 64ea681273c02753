//! The defect vectors put to programs: to ours, which has to give every verdict with its findings
//! within bounds, and to the reference implementation, whose differences are on a list.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails, its helpers too")]

use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;

use unbroken_testkit::{Answer, Bounds, Program, Vector, figure, skip, vectors_folder};

/// What each vector may cost.
const BOUNDS: Bounds = Bounds { seconds: Some(2), mebibytes: Some(256) };

/// Every vector ends with the verdict and the findings that are due, in two seconds of the processor
/// and 256 MiB.
#[test]
fn our_program_gives_every_verdict_within_bounds() {
    let answers = ours().ask_all().unwrap();
    assert!(answers.len() > 290, "{} vectors were put", answers.len());
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

/// Our program under the bounds of the contract.
fn ours() -> Program {
    let words = [env!("CARGO_BIN_EXE_unbroken"), "verify", "--format", "json"];
    Program { words: words.map(OsString::from).to_vec(), bounds: BOUNDS }
}

/// A program that goes beyond its bounds is ended, and that is no verdict.
#[test]
fn the_bounds_end_a_program_that_exceeds_them() {
    let folder = vectors_folder().join("pipeline");
    let vector = Vector::read(&folder).unwrap();
    let answer = |script: &str| {
        let words = ["sh", "-c", script, "sh"].map(OsString::from).to_vec();
        let scratch = tempfile::tempdir().unwrap();
        let program = Program { words, bounds: BOUNDS };
        program.ask(&vector, &folder, scratch.path()).unwrap().unwrap()
    };
    assert_eq!(answer("exit 0"), Answer::Verified);
    let small = "x=$(head -c 1000000 /dev/zero | tr '\\0' x) && test ${#x} = 1000000";
    assert_eq!(answer(small), Answer::Verified);
    let large = "x=$(head -c 300000000 /dev/zero | tr '\\0' x); exit 0";
    assert!(matches!(answer(large), Answer::Failed(_)), "{:?}", answer(large));
    let endless = "while :; do :; done";
    assert!(matches!(answer(endless), Answer::Failed(_)));
}

/// Documents of many mebibytes that are made to be dear: refused within the bounds of a vector.
#[test]
fn dear_documents_are_refused_within_bounds() {
    let folder = vectors_folder().join("pipeline");
    let mut vector = Vector::read(&folder).unwrap();
    let envelope = |signed: &str| format!("{{\"signed\": {signed}, \"signatures\": []}}");
    let zeros = format!("{{\"a\": [{}0]}}", "0,".repeat(2_000_000));
    let objects = format!("{{\"a\": [{}0]}}", "{},".repeat(2_000_000));
    let mut members = String::new();
    for number in 0..600_000 {
        write!(members, "\"{number}\":0,").unwrap();
    }
    let members = format!("{{{members}\"a\":0}}");
    let string = format!("{{\"a\": \"{}\"}}", "\\n".repeat(16 << 20));
    let deep = "[".repeat(30 << 20);
    for (what, document, code) in [
        ("zeros", envelope(&zeros), "budget-exceeded"),
        ("objects", envelope(&objects), "budget-exceeded"),
        ("members", envelope(&members), "link-signature-invalid"),
        ("string", envelope(&string), "link-signature-invalid"),
        ("deep", envelope(&deep), "budget-exceeded"),
    ] {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&folder, copy.path());
        let links = copy.path().join("links");
        std::fs::write(links.join(format!("{}.link", build())), document).unwrap();
        vector.errors = vec![code.to_owned(), "link-threshold-not-met".to_owned()];
        vector.errors.sort();
        let scratch = tempfile::tempdir().unwrap();
        let answer = ours().ask(&vector, copy.path(), scratch.path()).unwrap().unwrap();
        assert!(answer.conforms_to(&vector), "{what}: {answer:?}");
    }
}

/// The name of the builder's link.
fn build() -> String {
    unbroken_testkit::keys::stem("build", "builder")
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
