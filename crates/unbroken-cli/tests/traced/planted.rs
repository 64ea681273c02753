//! Files that lie in the tree configure nothing and are not executed (CVE-2023-32076,
//! GHSA-3vpg-3m94-v3qr).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::strace::{Trace, command, run, strace};
use crate::support::{Sandbox, UNBROKEN};

/// Settings that some tool of the field, of git or of Rust would read.
const SETTINGS: [(&str, &str); 14] = [
    (".in_totorc", "[settings]\nARTIFACT_EXCLUDE_PATTERNS = *:evil\nARTIFACT_BASE_PATH = /\n"),
    (".in_toto/config", "[settings]\nARTIFACT_EXCLUDE_PATTERNS = *\n"),
    (".config/in_toto", "[settings]\nARTIFACT_EXCLUDE_PATTERNS = *\n"),
    (".intotorc", "exclude = *\n"),
    (".unbroken.toml", "exclude = [\"*\"]\n"),
    ("unbroken.toml", "exclude = [\"*\"]\n"),
    (".env", "IN_TOTO_ARTIFACT_EXCLUDE_PATTERNS=*\nPATH=.\n"),
    (".envrc", "export IN_TOTO_ARTIFACT_EXCLUDE_PATTERNS='*'\n"),
    (".gitconfig", "[core]\n\tfsmonitor = ./pwn\n[alias]\n\tcat-file = !./pwn\n"),
    (".gitattributes", "* filter=pwn text eol=crlf\n"),
    (".gitignore", "*\n"),
    (".ignore", "*\n"),
    ("Cargo.toml", "[package]\nname = \"x\"\n"),
    (".cargo/config.toml", "[env]\nPATH = \".\"\n"),
];
/// Programs that this one, or git below it, might look for.
const PROGRAMS: [&str; 14] = [
    "git",
    "git-cat-file",
    "docker",
    "podman",
    "buildah",
    "unshare",
    "prlimit",
    "gpg",
    "gpg2",
    "ssh-agent",
    "ssh",
    "trivy",
    "sh",
    "pwn",
];

/// A folder with a source, a repository with hostile settings, and no plants yet.
fn workplace(git: &Path) -> Sandbox {
    let sandbox = Sandbox::of("keys");
    for folder in ["src", "repository"] {
        std::fs::create_dir(sandbox.file(folder)).unwrap();
    }
    sandbox.write("src/a.c", "int a;\n");
    sandbox.write("repository/a.c", "int a;\n");
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "a.c"],
        &["-c", "user.name=x", "-c", "user.email=x@example.invalid", "commit", "-qm", "x"],
    ] {
        let mut command = Command::new(git);
        command.arg("-C").arg(sandbox.file("repository")).args(arguments);
        assert!(command.status().unwrap().success());
    }
    sandbox
}

fn plant(sandbox: &Sandbox) {
    for (name, text) in SETTINGS {
        let path = sandbox.file(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for folder in ["", "bin", "repository"] {
        std::fs::create_dir_all(sandbox.file(folder)).unwrap();
        for name in PROGRAMS {
            program(&sandbox.file(folder).join(name));
        }
    }
    let settings = "[core]\n\tfsmonitor = ./pwn\n\thooksPath = .\n\tsshCommand = ./pwn\n\
                    \tpager = ./pwn\n\teditor = ./pwn\n\talternateRefsCommand = ./pwn\n\
                    \tattributesFile = .gitattributes\n\
                    [filter \"pwn\"]\n\tclean = ./pwn\n\tsmudge = ./pwn\n\trequired = true\n\
                    [diff]\n\texternal = ./pwn\n[alias]\n\tcat-file = !./pwn\n\
                    [credential]\n\thelper = !./pwn\n[include]\n\tpath = ../.gitconfig\n";
    let file = sandbox.file("repository/.git/config");
    let own = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, format!("{own}{settings}")).unwrap();
    for hook in ["post-checkout", "pre-commit", "reference-transaction", "fsmonitor-watchman"] {
        program(&sandbox.file("repository/.git/hooks").join(hook));
    }
}

fn program(path: &Path) {
    std::fs::write(path, "#!/bin/sh\ntouch \"$(dirname \"$0\")/PWNED\"\n").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Records with planted programs first on the path, and a home elsewhere.
fn record(strace: &Path, sandbox: &Sandbox, program: &Path, line: &str) -> (Trace, Vec<u8>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let home = tempfile::tempdir().unwrap();
    let options = ["-e", "trace=open,openat,openat2,execve,execveat,chdir"];
    let mut command = command(strace, sandbox, log.path(), &options);
    command.arg(program).args(line.split_whitespace());
    let path = format!("{}:/usr/bin:/bin", sandbox.file("bin").display());
    command.env("HOME", home.path()).env("PATH", path);
    let trace = run(&mut command, log.path());
    assert_eq!(trace.status.code(), Some(0), "{line}: {}", trace.stderr);
    (trace, sandbox.read("build.c5e52e1b.link"))
}

fn executed(trace: &Trace) -> Vec<&str> {
    let executed = trace.calls.iter().filter(|call| call.name.starts_with("execve"));
    executed.filter_map(|call| call.text.split('"').nth(1)).collect()
}

#[test]
fn what_lies_in_the_working_directory_changes_no_link_and_is_not_opened() {
    const TEST: &str = "what_lies_in_the_working_directory_changes_no_link";
    let Some(strace) = strace(TEST) else { return };
    let Some(git) = std::env::var_os("UNBROKEN_TEST_GIT") else {
        return unbroken_testkit::skip(TEST, "UNBROKEN_TEST_GIT is not set");
    };
    let sandbox = workplace(Path::new(&git));
    sandbox.succeed("install-drop-ins names");
    let (own, drop_in) = (Path::new(UNBROKEN), sandbox.file("names/in-toto-run"));
    let words = "run build --key test-key-ed25519 -m src git:repository -- /bin/true";
    let reference = "-n build --signing-key test-key-ed25519 -m src -- /bin/true";
    let runs = [(own, words, 3), (&*drop_in, reference, 2)];
    let clean = runs.map(|(program, line, _)| record(&strace, &sandbox, program, line).1);
    plant(&sandbox);
    for ((program, line, processes), clean) in runs.into_iter().zip(clean) {
        let (trace, link) = record(&strace, &sandbox, program, line);
        assert_eq!(String::from_utf8(link), String::from_utf8(clean), "{line}");
        let executed = executed(&trace);
        assert_eq!(executed.len(), processes, "{executed:?}");
        assert_eq!(
            (executed[0], executed[processes - 1]),
            (program.to_str().unwrap(), "/bin/true")
        );
        assert!(executed[1..].iter().all(|path| ["/usr/bin/git", "/bin/true"].contains(path)));
        let own = &trace.calls[0].process;
        for call in trace.calls.iter().filter(|call| call.process == *own) {
            let planted = SETTINGS.iter().map(|(name, _)| *name).chain(PROGRAMS);
            for name in planted.filter(|_| call.name != "execve") {
                assert!(!call.text.contains(&format!("/{name}\"")), "{call:?}");
                assert!(!call.text.contains(&format!("\"{name}\"")), "{call:?}");
            }
        }
    }
    for folder in ["", "bin", "src", "repository"] {
        assert!(!sandbox.file(folder).join("PWNED").exists(), "a program of {folder} was executed");
    }
}

#[test]
fn what_lies_in_the_recorded_tree_is_an_artifact_and_nothing_else() {
    let Some(strace) = strace("what_lies_in_the_recorded_tree_is_an_artifact") else { return };
    let sandbox = Sandbox::of("keys");
    std::fs::create_dir(sandbox.file("src")).unwrap();
    sandbox.write("src/a.c", "int a;\n");
    for (name, text) in SETTINGS {
        let path = sandbox.file("src").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let line = "run build --key test-key-ed25519 --base-path src -m . -- /bin/true";
    let (trace, link) = record(&strace, &sandbox, Path::new(UNBROKEN), line);
    let link = String::from_utf8(link).unwrap();
    for (name, _) in SETTINGS {
        assert!(link.contains(&format!("\"{name}\": ")), "{name} is no artifact");
        let last = name.rsplit('/').next().unwrap();
        let opened = trace.calls.iter().filter(|call| call.text.contains(&format!("\"{last}\"")));
        assert_eq!(opened.count(), 1, "{name} is opened to be hashed, once");
    }
    assert!(link.contains("\"a.c\": "));
    assert_eq!(executed(&trace).len(), 2);
}
