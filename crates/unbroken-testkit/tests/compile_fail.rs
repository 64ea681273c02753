//! Every misuse of the proof types is refused by the compiler, at the line and for the reason that the case names.
//!
//! A case is a file in `compile_fail/`. What the compiler has to say of a line stands at its end, each behind `//~`: code, message
//! and label. The cases are compiled against the libraries that the tests themselves were linked with: a tool that builds
//! them anew for it would take as long as all other tests of a room.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails, its helpers too")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The rooms that a case may name.
const ROOMS: [&str; 3] = ["unbroken_model", "unbroken_crypto", "unbroken_verify"];

/// A line of a case, and what is wrong with it.
type Complaint = (u64, String);

#[test]
fn misuses_of_the_proof_types_do_not_compile() {
    let libraries = libraries();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let mut faults = Vec::new();
    let mut cases = 0;
    for entry in folder.read_dir().unwrap() {
        let case = entry.unwrap().path();
        let due = due(&std::fs::read_to_string(&case).unwrap());
        let found = complaints(&case, &libraries);
        cases += 1;
        if due.is_empty() || due != found {
            faults.push(format!("{}:\n  due   {due:?}\n  found {found:?}", case.display()));
        }
    }
    assert!(cases >= 18, "{cases} cases in {}", folder.display());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What a file without a misuse comes to: the libraries are found, and a complaint is one of the misuse.
#[test]
fn a_good_use_compiles() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("good.rs");
    let text = "pub fn f(l: unbroken_crypto::Authentic<unbroken_model::layout::Layout, unbroken_crypto::Owner>,\n\
                n: unbroken_model::timestamp::Timestamp) -> bool { unbroken_verify::InForce::at(&l, n).is_ok() }\nfn main() {}\n";
    std::fs::write(&case, text).unwrap();
    assert_eq!(complaints(&case, &libraries()), BTreeSet::new());
}

/// The complaints that a case names.
fn due(text: &str) -> BTreeSet<Complaint> {
    let lines = (1..).zip(text.lines());
    lines
        .flat_map(|(at, line)| line.split(" //~ ").skip(1).map(move |due| (at, due.to_owned())))
        .collect()
}

/// The errors of the compiler.
fn complaints(case: &Path, libraries: &[(&str, PathBuf)]) -> BTreeSet<Complaint> {
    let out = tempfile::tempdir().unwrap();
    let mut compiler = Command::new("rustc");
    compiler.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "--edition=2024",
        "--emit=metadata",
        "--error-format=json",
    ]);
    compiler.arg("--out-dir").arg(out.path()).arg(case);
    for (room, library) in libraries {
        compiler.arg("--extern").arg(format!("{room}={}", library.display()));
        compiler.arg("-L").arg(format!("dependency={}", library.parent().unwrap().display()));
    }
    let output = compiler.output().unwrap();
    messages(&output.stderr).iter().filter_map(complaint).collect()
}

fn complaint(message: &Value) -> Option<Complaint> {
    let primary = |span: &&Value| span.get("is_primary") == Some(&Value::Bool(true));
    if text(message, "level") != "error" {
        return None;
    }
    // The last error of all counts the others, and stands nowhere.
    let span = message.get("spans")?.as_array()?.iter().find(primary)?;
    let code = message.get("code").map_or("", |code| text(code, "code"));
    let parts = [code, text(message, "message"), text(span, "label")];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Some((span.get("line_start")?.as_u64()?, parts.join(": ")))
}

/// Where cargo has put the rooms' libraries for this test program; it has built them, and now says so.
fn libraries() -> Vec<(&'static str, PathBuf)> {
    let build =
        ["test", "--workspace", "--test", "compile_fail", "--no-run", "--message-format=json"];
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo
        .args(build)
        .stderr(Stdio::inherit())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let built = messages(&output.stdout);
    let library = |room: &'static str| {
        let one = built.iter().find(|one| {
            one.pointer("/target/name").and_then(Value::as_str) == Some(room)
                && one.pointer("/profile/test") == Some(&Value::Bool(false))
        });
        let files = one.and_then(|one| one.get("filenames")?.as_array()).unwrap();
        let file = files
            .iter()
            .filter_map(Value::as_str)
            .map(PathBuf::from)
            .find(|file| file.extension().is_some_and(|end| end == "rlib"))
            .unwrap();
        (room, file)
    };
    ROOMS.map(library).into()
}

fn messages(lines: &[u8]) -> Vec<Value> {
    lines
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}
