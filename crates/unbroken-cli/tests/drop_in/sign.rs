//! `in-toto-sign`.

use crate::pair::{Pair, key_id};

/// An unsigned layout, as the reference's library writes one.
const LAYOUT: &[u8] = br#"{"signatures": [], "signed": {"_type": "layout", "expires":
"2100-01-01T00:00:00Z", "inspect": [], "keys": {}, "readme": "", "steps": []}}"#;

#[test]
fn layouts_are_signed_appended_to_and_verified_alike() {
    let Some(pair) = Pair::new("in-toto-sign of layouts") else { return };
    pair.write("root.layout", LAYOUT);
    pair.same("in-toto-sign", "-f root.layout -k alice -v -o other.layout");
    pair.same("in-toto-sign", "-f root.layout -k alice bob");
    pair.same("in-toto-sign", "-f root.layout -k carl -a");
    pair.same("in-toto-sign", "-f root.layout --verify -v -k alice.pub bob.pub carl.pub");
    pair.same("in-toto-sign", "-f root.layout -k bob");
    let (theirs, ours) =
        pair.same_code("in-toto-sign", "-f root.layout --verify -k bob.pub alice.pub");
    let told = "Signature verification failed: ";
    assert!(theirs.last().starts_with(told) && ours.last().starts_with(told), "{}", ours.stderr);
    assert_eq!(ours.code, Some(1));
}

#[test]
fn links_are_signed_under_their_own_name() {
    let Some(pair) = Pair::new("in-toto-sign of links") else { return };
    for dsse in ["", "--use-dsse"] {
        pair.same("in-toto-mock", &format!("-n build {dsse} -- true"));
        pair.same("in-toto-sign", "-f build.link -k bob -v");
        let link = format!("build.{}.link", key_id("bob").get(..8).unwrap());
        pair.same("in-toto-sign", &format!("-f {link} --verify -k bob.pub -v"));
    }
}

#[test]
fn everything_else_ends_with_code_2() {
    let Some(pair) = Pair::new("failures of in-toto-sign") else { return };
    pair.write("root.layout", LAYOUT);
    pair.same("in-toto-mock", "-n build -- true");
    pair.same("in-toto-sign", "-f nowhere -k bob");
    pair.same("in-toto-sign", "-f root.layout -k nowhere");
    pair.same("in-toto-sign", "-f root.layout -k alice.enc");
    pair.same("in-toto-sign", "-f root.layout --verify -k nowhere");
    for line in [
        "-f src/main.c -k bob",
        "-f root.layout -k alice.pub",
        "-f root.layout --verify -k src/main.c",
        "-f build.link -k alice bob",
        "-f build.link -k alice -a",
        "-f root.layout",
        "-f root.layout -k bob --verify -a",
        "-f root.layout --verify -g",
    ] {
        let (_, ours) = pair.same_code("in-toto-sign", line);
        assert_eq!(ours.code, Some(2), "{line}");
    }
}
