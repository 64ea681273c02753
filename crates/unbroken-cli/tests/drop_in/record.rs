//! `in-toto-record`.

use crate::pair::{Pair, key_id};

fn unfinished(step: &str) -> String {
    format!(".{step}.{}.link-unfinished", key_id("bob").get(..8).unwrap())
}

#[test]
fn recordings_leave_the_same_files_and_lines() {
    let Some(pair) = Pair::new("in-toto-record") else { return };
    for options in ["-v", "-v --use-dsse", ""] {
        pair.same("in-toto-record", &format!("start {options} -n edit --signing-key bob -m src"));
        pair.write("src/main.c", options.as_bytes());
        pair.same(
            "in-toto-record",
            &format!("stop {options} -n edit --signing-key bob -p src -d src"),
        );
    }
}

#[test]
fn what_cannot_be_stopped_fails_with_code_1() {
    let Some(pair) = Pair::new("failures of in-toto-record") else { return };
    pair.same("in-toto-record", "stop -n never --signing-key bob -v");
    pair.same("in-toto-record", "start -n edit --signing-key nowhere");
    pair.same("in-toto-record", "start -n edit --signing-key bob -m src");
    pair.same("in-toto-record", "stop -n edit --signing-key carl");
    pair.each(|folder| {
        let path = folder.join(unfinished("edit"));
        let text = std::fs::read_to_string(&path).unwrap().replace("main.c", "evil.c");
        std::fs::write(path, text).unwrap();
    });
    let (theirs, ours) = pair.same_code("in-toto-record", "stop -n edit --signing-key bob");
    let kind = "(in-toto-record stop) SignatureVerificationError: ";
    assert!(theirs.last().starts_with(kind) && ours.last().starts_with(kind), "{}", ours.stderr);
    assert_eq!(ours.code, Some(1));
}
