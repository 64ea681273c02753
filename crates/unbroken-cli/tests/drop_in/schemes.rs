//! Every type and scheme of keys that the reference's library signs by, in either envelope.

use std::path::Path;
use std::process::Command;

use crate::pair::{Pair, drop_in};

#[test]
fn whatever_scheme_the_library_signs_by_is_verified() {
    let Some(pair) = Pair::new("schemes of the library") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drop_in/schemes.py");
    let mut make = Command::new(pair.python());
    let made = make.arg(script).arg("alice").current_dir(pair.theirs()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let steps = String::from_utf8(made.stdout).unwrap();
    let steps: Vec<&str> = steps.lines().collect();
    // ed25519; three curves under two names of their type; six of RSA; three of ML-DSA.
    assert_eq!(steps.len(), 2 * (1 + 6 + 6 + 3), "{steps:?}");
    for entry in std::fs::read_dir(pair.theirs()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|end| end == "link" || end == "layout") {
            std::fs::copy(&entry, pair.ours().join(entry.file_name().unwrap())).unwrap();
        }
    }
    let verify = "-l root.layout --verification-keys alice.pub";
    assert_eq!(pair.same("in-toto-verify", verify).code, Some(0));
    let links = || std::fs::read_dir(pair.ours()).unwrap().map(|entry| entry.unwrap().path());
    for step in steps {
        let of_step = |path: &Path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.strip_prefix(step).is_some_and(|rest| rest.starts_with('.'))
        };
        let link = links().find(|path| of_step(path)).unwrap();
        let text = std::fs::read_to_string(&link).unwrap();
        // One digit of the signature.
        let at = text.find("\"sig\"").unwrap() + 20;
        let mut other = text.clone();
        let digit = if text.as_bytes()[at] == b'1' { "2" } else { "1" };
        other.replace_range(at..=at, digit);
        std::fs::write(&link, other).unwrap();
        let mut ours = drop_in("in-toto-verify", pair.ours());
        let ours = ours.args(verify.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&ours.stderr);
        assert!(ours.status.code() == Some(1) && said.contains(step), "{step}: {said}");
        std::fs::write(&link, text).unwrap();
    }
}
