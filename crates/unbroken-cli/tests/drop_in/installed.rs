//! The names that `unbroken install-drop-ins` makes, and what stands in the environment.

use std::path::Path;
use std::process::{Command, Output};

use unbroken_crypto::{KeyAlgorithm, SigningKey};

use crate::pair::drop_in;

fn install(folder: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
    command.arg("install-drop-ins").arg(folder).args(options);
    command.output().unwrap()
}

#[test]
fn links_and_copies_are_made_and_nothing_is_replaced_unasked() {
    for options in [&[][..], &["--copy"]] {
        let folder = tempfile::tempdir().unwrap();
        let names = folder.path().join("drop-ins");
        assert!(install(&names, options).status.success());
        let tool = names.join("in-toto-run");
        assert_eq!(tool.is_symlink(), options.is_empty());
        let output = Command::new(&tool).arg("--version").output().unwrap();
        assert!(output.status.success());
        let version = format!("in-toto-run (unbroken {})\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), version);

        std::fs::remove_file(&tool).unwrap();
        std::fs::write(&tool, "mine").unwrap();
        assert_eq!(install(&names, options).status.code(), Some(3));
        assert_eq!(std::fs::read(&tool).unwrap(), b"mine");
        assert!(install(&names, &[options, &["--force"]].concat()).status.success());
        assert!(Command::new(&tool).arg("--version").status().unwrap().success());
    }
}

/// Records `.` with variables set; returns what was said and the link.
fn record(folder: &Path, variables: &[(&str, &str)], command: &[&str]) -> (Output, String) {
    let path = folder.join("key~");
    if !path.is_file() {
        let key = SigningKey::generate(KeyAlgorithm::Ed25519).unwrap();
        std::fs::write(path, key.to_pkcs8_pem(None).unwrap().as_bytes()).unwrap();
    }
    let mut run = drop_in("in-toto-run", folder);
    run.args(["-n", "x", "-m", ".", "-k", "key~"]).args(command);
    let output = run.envs(variables.iter().copied()).output().unwrap();
    let mut entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let link = entries.find(|path| path.extension().is_some_and(|end| end == "link"));
    (output, link.map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default())
}

#[test]
fn variables_of_1_x_are_honoured() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "b.log", "sub/c.txt"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    let excludes = ("IN_TOTO_ARTIFACT_EXCLUDE_PATTERNS", "*.log:sub:*~:*.link");
    let (_, link) = record(folder.path(), &[excludes], &["-x"]);
    assert!(link.contains("a.txt") && !link.contains("b.log") && !link.contains("c.txt"), "{link}");
    let (_, link) = record(folder.path(), &[("IN_TOTO_ARTIFACT_BASE_PATH", "sub")], &["-x"]);
    assert!(link.contains("\"c.txt\"") && !link.contains("a.txt"), "{link}");
    let limit = [("IN_TOTO_LINK_CMD_EXEC_TIMEOUT", "1")];
    let (output, _) = record(folder.path(), &limit, &["--", "sleep", "30"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn settings_files_are_told_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "a").unwrap();
    let settings = "[settings]\nARTIFACT_EXCLUDE_PATTERNS = *.txt\n";
    std::fs::write(folder.path().join(".in_totorc"), settings).unwrap();
    let (output, link) = record(folder.path(), &[("HOME", "/nowhere")], &["-x"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.starts_with(".in_totorc is not read") && told.lines().count() == 1, "{told}");
    assert!(link.contains("a.txt"), "{link}");
}
