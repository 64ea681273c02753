//! What argparse refuses.

use crate::pair::{Pair, drop_in};

#[test]
fn misuse_is_told_in_the_same_words() {
    let Some(pair) = Pair::new("misuse") else { return };
    for (tool, line) in [
        ("in-toto-run", ""),
        ("in-toto-run", "-n"),
        ("in-toto-run", "-n x"),
        ("in-toto-run", "-n x --signing-key bob"),
        ("in-toto-run", "-n x --signing-key bob -g"),
        ("in-toto-run", "-n x -m"),
        ("in-toto-run", "-n x -m -- true"),
        ("in-toto-run", "-n x -v -q"),
        ("in-toto-run", "-n x --bogus"),
        ("in-toto-run", "-n x --ver"),
        ("in-toto-run", "-n x --use-dsse=1"),
        ("in-toto-run", "-n x --signing-key bob true -v false"),
        ("in-toto-run", "-n x --run-timeout soon"),
        ("in-toto-record", ""),
        ("in-toto-record", "begin"),
        ("in-toto-record", "start"),
        ("in-toto-record", "start -n x"),
        ("in-toto-record", "stop -n x --signing-key bob -m src"),
        ("in-toto-mock", ""),
        ("in-toto-mock", "-n x"),
        ("in-toto-sign", ""),
        ("in-toto-sign", "-f x -k"),
        ("in-toto-sign", "-f x y"),
        ("in-toto-match-products", ""),
        ("in-toto-match-products", "-l x -q"),
    ] {
        let ended = pair.same(tool, line);
        assert_eq!(ended.code, Some(2), "{tool} {line}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let folder = tempfile::tempdir().unwrap();
    for tool in ["in-toto-run", "in-toto-record", "in-toto-sign", "in-toto-mock"] {
        for option in ["-h", "--help", "--version"] {
            let output = drop_in(tool, folder.path()).arg(option).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{tool} {option}");
            assert!(String::from_utf8_lossy(&output.stdout).contains(tool), "{tool} {option}");
        }
    }
}
