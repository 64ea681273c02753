//! Passwords of keys, asked for on the terminal in the words of the reference.

use std::path::PathBuf;

use crate::keygen::on_a_terminal;
use crate::pair::{Pair, key_id};

const LAYOUT: &[u8] = br#"{"signatures": [], "signed": {"_type": "layout", "expires":
"2100-01-01T00:00:00Z", "inspect": [], "keys": {}, "readme": "", "steps": []}}"#;

#[test]
fn passwords_of_keys_are_asked_for_and_never_shown() {
    let Some(pair) = Pair::new("passwords on the terminal") else { return };
    pair.write("root.layout", LAYOUT);
    let installed = tempfile::tempdir().unwrap();
    for (tool, line) in [
        ("in-toto-run", "-n s -m src --signing-key alice.enc -P -- true"),
        ("in-toto-record", "start -n r -m src --signing-key alice.enc -P"),
        ("in-toto-record", "stop -n r -p src --signing-key alice.enc -P"),
        ("in-toto-sign", "-f root.layout -k alice.enc -p"),
    ] {
        let ours = installed.path().join(tool);
        if !ours.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_unbroken"), &ours).unwrap();
        }
        let tools: [(PathBuf, PathBuf); 2] =
            [(pair.python().with_file_name(tool), pair.theirs()), (ours, pair.ours())];
        let words: Vec<&str> = line.split(' ').collect();
        for password in ["wrong~one", "secret"] {
            let [theirs, ours] = tools.each_ref().map(|(tool, folder)| {
                let output = on_a_terminal(pair.python(), folder, tool, &words, password);
                let said = String::from_utf8(output.stdout).unwrap();
                assert!(!said.contains("wrong~one") && !said.contains("secret"), "{said}");
                assert_eq!(output.status.success(), password == "secret", "{line}: {said}");
                (output.status.code(), said.lines().next().map(str::to_owned))
            });
            assert_eq!(ours, theirs, "{line}");
            assert_eq!(ours.1.as_deref(), Some("Password: "), "{line}");
        }
    }
    for name in ["root.layout", &format!("s.{}.link", key_id("alice").get(..8).unwrap())] {
        let [theirs, ours] = [pair.theirs(), pair.ours()].map(|folder| folder.join(name));
        assert_eq!(std::fs::read(ours).unwrap(), std::fs::read(theirs).unwrap(), "{name}");
    }
}
