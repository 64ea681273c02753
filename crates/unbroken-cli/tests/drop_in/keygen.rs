//! `in-toto-keygen` beside that of 1.3.2: each opens the keys of the other.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::pair::{Generation, Pair, drop_in};

const TYPES: [&str; 3] = ["rsa", "ed25519", "ecdsa"];

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// What a key file looks like: of PEM the lines that hold no key, of JSON the members.
fn shape(text: &str) -> Vec<String> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let mut members = Vec::new();
        members_of(&value, "", &mut members);
        return members;
    }
    if text.contains("@@@@") {
        let fields = text.split("@@@@").map(str::len).collect::<Vec<_>>();
        return vec![format!("{:?} of {}", &fields[..4], text.split("@@@@").nth(1).unwrap())];
    }
    let is_frame = |line: &&str| line.is_empty() || line.contains('-') || line.contains(':');
    let header = |line: &str| line.split_once(',').map_or(line, |(name, _)| name).to_owned();
    let mut lines: Vec<String> = text.lines().filter(is_frame).map(header).collect();
    lines.push(format!("{} lines, ended: {}", text.lines().count() / 4, text.ends_with('\n')));
    lines
}

fn members_of(value: &Value, path: &str, members: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                members_of(value, &format!("{path}/{name}"), members);
            }
        }
        Value::String(text)
            if ["public", "private", "keyid"].iter().any(|end| path.ends_with(end)) =>
        {
            members.extend(shape(text).into_iter().map(|line| format!("{path}: {line}")));
        }
        other => members.push(format!("{path}: {other}")),
    }
}

/// Uses a key with `in-toto-run` of 1.3.2 in its folder, and with ours in the other.
fn used_by_both(pair: &Pair, key: &str, kind: &str, password: Option<&str>) {
    let mut line = vec!["-n", "x", "-p", "src", "-x", "-k", key, "-t", kind];
    line.extend(password.iter().flat_map(|password| ["-P", password]));
    let (theirs, ours) = pair.run("in-toto-run", &line);
    assert_eq!((theirs.code, &*theirs.stderr), (Some(0), ""), "{key}");
    assert_eq!((ours.code, &*ours.stderr), (Some(0), ""), "{key}");
}

fn copy(from: &Path, to: &Path, name: &str) {
    for end in ["", ".pub"] {
        let name = format!("{name}{end}");
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

#[test]
fn keys_are_made_in_the_same_form_and_each_opens_those_of_the_other() {
    let Some(pair) = Pair::of(Generation::First, "in-toto-keygen") else { return };
    for kind in TYPES {
        let name = format!("made/{kind}");
        let (theirs, ours) = pair.run("in-toto-keygen", &["-t", kind, &name]);
        assert_eq!((theirs.code, ours.code), (Some(0), Some(0)), "{}", ours.stderr);
        assert!(ours.stdout.is_empty());
        assert!(ours.stderr.contains("unbroken key generate"), "{}", ours.stderr);
        assert_eq!(ours.stderr.lines().count(), 1, "{}", ours.stderr);
        for end in ["", ".pub"] {
            let file = format!("{name}{end}");
            let (theirs, ours) = (text(&pair.theirs().join(&file)), text(&pair.ours().join(&file)));
            assert_eq!(shape(&ours), shape(&theirs), "{file}");
            assert_ne!(ours, theirs);
        }
        let mode = |name: &str| {
            let metadata = pair.ours().join(name).metadata().unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!((mode(&name), mode(&format!("{name}.pub"))), (0o600, 0o644));

        // Theirs in both folders, then ours in both.
        let kept = pair.ours().join("kept");
        std::fs::create_dir_all(kept.join("made")).unwrap();
        copy(&pair.ours(), &kept, &name);
        copy(&pair.theirs(), &pair.ours(), &name);
        used_by_both(&pair, &name, kind, None);
        copy(&kept, &pair.ours(), &name);
        copy(&kept, &pair.theirs(), &name);
        used_by_both(&pair, &name, kind, None);
    }
}

/// Runs a tool on a terminal, and answers its questions.
pub(crate) fn on_a_terminal(
    python: &Path,
    folder: &Path,
    program: &Path,
    arguments: &[&str],
    answers: &str,
) -> Output {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drop_in/terminal.py");
    let mut command = Command::new(python);
    command.arg(driver).arg(answers).arg(program).args(arguments).current_dir(folder);
    command.output().unwrap()
}

#[test]
fn passwords_are_asked_for_twice_and_never_shown() {
    let name = "passwords of in-toto-keygen";
    let Some(pair) = Pair::of(Generation::First, name) else { return };
    let python = Generation::First.python(name).unwrap();
    let installed = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        env!("CARGO_BIN_EXE_unbroken"),
        installed.path().join("in-toto-keygen"),
    )
    .unwrap();
    let tools: [(PathBuf, PathBuf); 2] = [
        (python.with_file_name("in-toto-keygen"), pair.theirs()),
        (installed.path().join("in-toto-keygen"), pair.ours()),
    ];
    for kind in TYPES {
        let name = format!("{kind}.enc");
        let arguments = ["-p", "-t", kind, "-b", "2048", &name];
        let said = tools.each_ref().map(|(tool, folder)| {
            let answers = "one~secret,another,two words,two words";
            let output = on_a_terminal(&python, folder, tool, &arguments, answers);
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
            assert!(!said.contains("one~secret") && !said.contains("two words"), "{said}");
            said
        });
        let [theirs, ours] = said;
        assert_eq!(
            ours.lines().filter(|line| !line.starts_with("note: ")).collect::<Vec<_>>(),
            theirs.lines().collect::<Vec<_>>()
        );
        assert_eq!(
            shape(&text(&pair.ours().join(&name))),
            shape(&text(&pair.theirs().join(&name)))
        );

        let kept = pair.ours().join("kept");
        std::fs::create_dir_all(&kept).unwrap();
        copy(&pair.ours(), &kept, &name);
        copy(&pair.theirs(), &pair.ours(), &name);
        used_by_both(&pair, &name, kind, Some("two words"));
        copy(&kept, &pair.ours(), &name);
        copy(&kept, &pair.theirs(), &name);
        used_by_both(&pair, &name, kind, Some("two words"));
        let wrong = ["-n", "y", "-x", "-k", &name, "-t", kind, "-P", "one~secret"];
        let (theirs, ours) = pair.run("in-toto-run", &wrong);
        assert_eq!((theirs.code, ours.code), (Some(1), Some(1)), "{}", ours.stderr);
        assert!(!ours.stderr.contains("one~secret"), "{}", ours.stderr);
    }
    // An empty password is none.
    for (tool, folder) in &tools {
        let output = on_a_terminal(&python, folder, tool, &["-p", "-t", "ed25519", "bare"], ",");
        assert!(output.status.success());
        assert!(text(&folder.join("bare")).starts_with('{'));
    }
}

#[test]
fn nobody_to_ask_is_an_error_and_no_key() {
    let Some(pair) = Pair::of(Generation::First, "in-toto-keygen without a terminal") else {
        return;
    };
    for (tool, folder) in [
        (Generation::First.python("").unwrap().with_file_name("in-toto-keygen"), pair.theirs()),
        (PathBuf::from(env!("CARGO_BIN_EXE_unbroken")), pair.ours()),
    ] {
        // A session of its own has no terminal.
        let mut command = Command::new("setsid");
        command
            .arg("--wait")
            .arg("bash")
            .args(["-c", "exec -a in-toto-keygen \"$0\" -p -t ed25519 key"]);
        let output =
            command.arg(&tool).current_dir(&folder).stdin(std::process::Stdio::null()).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("(in-toto-keygen) EOFError: "), "{said}");
        assert!(!folder.join("key").exists());
    }
}

#[test]
fn what_is_refused_is_refused_alike() {
    let Some(pair) = Pair::of(Generation::First, "misuse of in-toto-keygen") else { return };
    for (line, code) in [
        ("", 2),
        ("-t dsa x", 2),
        ("-b many x", 2),
        ("x y", 2),
        ("-p", 2),
        ("--bit", 2),
        ("-b 512 x", 1),
        ("-b 2047 x", 1),
        ("--bits=-1 x", 1),
        ("-t ed25519 src", 1),
    ] {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let (theirs, ours) = pair.run("in-toto-keygen", &words);
        assert_eq!((theirs.code, ours.code), (Some(code), Some(code)), "{line}: {}", ours.stderr);
        assert_eq!(ours.stderr, theirs.stderr, "{line}");
    }
    assert!(!pair.ours().join("x").exists());
}

#[test]
fn sizes_that_the_library_does_not_make_are_refused_with_those_that_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        drop_in("in-toto-keygen", folder.path()).args(["-b", "2049", "x"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("2049 bits, rather than 2048, 3072, 4096 or 8192"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
