//! A command by its bare name is not taken from a folder of the tree.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Outcome, Sandbox};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::of("keys");
    std::fs::create_dir(sandbox.file("bin")).unwrap();
    for name in ["tool", "bin/tool"] {
        sandbox.write(name, "#!/bin/sh\ntouch ran\n");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(sandbox.file(name), executable).unwrap();
    }
    sandbox
}

/// Records a step with a `PATH` in which `{here}` stands for the folder.
fn with_path(sandbox: &Sandbox, path: &str, line: &str) -> Outcome {
    let path = path.replace("{here}", sandbox.path().to_str().unwrap());
    let mut command = sandbox.unbroken(&format!("run build --key test-key-ed25519 {line}"));
    Outcome::of(command.env("PATH", path).output().unwrap())
}

#[test]
fn a_path_that_depends_on_the_working_directory_brings_no_command() {
    for path in ["bin:/usr/bin:/bin", "./bin:/usr/bin", ":/usr/bin:/bin", ".:/usr/bin", "/usr/bin:"]
    {
        let sandbox = sandbox();
        let outcome = with_path(&sandbox, path, "-m app.c -- tool");
        assert_eq!(outcome.code, Some(126), "{path}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("no absolute path"), "{path}: {}", outcome.stderr);
        assert!(!sandbox.file("ran").exists() && !sandbox.file("build.c5e52e1b.link").exists());
        // Such an entry is no fault where the command does not lie in it, or is named by its path.
        assert_eq!(with_path(&sandbox, path, "-- ./tool").code, Some(0), "{path}");
        let found = with_path(&sandbox, &format!("{path}:/usr/bin:/bin"), "-- true");
        assert_eq!((found.code, found.stderr.contains("warning")), (Some(0), false), "{path}");
    }
}

#[test]
fn a_path_that_leads_into_the_tree_is_warned_of_and_refused_where_the_command_is_recorded() {
    let path = "{here}/bin:/usr/bin:/bin";
    let sandbox = sandbox();
    let outcome = with_path(&sandbox, path, "-- tool");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("warning: the command is "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("bin/tool: PATH leads into the tree"), "{}", outcome.stderr);
    std::fs::remove_file(sandbox.file("ran")).unwrap();

    let outcome = with_path(&sandbox, path, "--record-executable -- tool");
    assert_eq!(outcome.code, Some(126), "{}", outcome.stderr);
    assert!(!sandbox.file("ran").exists());

    let outcome = with_path(&sandbox, path, "--record-executable -- bin/tool");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let link = String::from_utf8(sandbox.read("build.c5e52e1b.link")).unwrap();
    assert!(link.contains("bin/tool\""), "{link}");
    assert!(link.contains("\"executable-sha256\": \""), "{link}");
}
