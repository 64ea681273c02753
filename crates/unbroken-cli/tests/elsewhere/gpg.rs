//! Keys in a GnuPG keyring, and gpg programs that are not what they should be.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use unbroken_testkit::Keyring;

use crate::bench::{Bench, Said, component};

fn bench(keyring: &Keyring) -> Bench {
    let mut bench = Bench::new();
    let home = keyring.home().to_str().unwrap().to_owned();
    bench.environment.push(("GNUPGHOME", home));
    bench
}

/// Writes a program.
fn program(path: &Path, script: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn refused(said: &Said, reason: &str) {
    assert!(said.code == 2 && said.stderr.contains(reason), "{}: {}", said.code, said.stderr);
}

#[test]
fn keys_of_gpg_sign_and_are_verified_by_both() {
    const TEST: &str = "keys_of_gpg_sign_and_are_verified_by_both";
    let Some(keyring) = Keyring::new(TEST) else { return };
    let python = component("UNBROKEN_TEST_PYTHON", TEST);
    let mut bench = bench(&keyring);
    let rsa = keyring.make("rsa@test", "rsa3072", "sign", &[]);
    let ed = keyring.make("ed@test", "ed25519", "cert", &[]);
    keyring.gpg(&["--quick-add-key", &ed, "ed25519", "sign", "0"], b"");
    let sub = keyring.fingerprints(&ed).remove(1);
    let home = keyring.home().display().to_string();
    let named = [format!("gpg:{rsa}"), format!("gpg:{ed};home={home}"), format!("gpg:0x{sub}")];
    let dsa = format!("gpg:{}", keyring.make("dsa@test", "dsa2048", "sign", &[]));
    for key in named.iter().chain([&dsa]) {
        bench.signs_in(&[&[]], key, &[], python.as_deref());
    }
    // gpg that reads its settings, and has them, is asked for what is due all the same.
    let settings = "armor\ntextmode\ndigest-algo SHA1\n";
    std::fs::write(keyring.home().join("gpg.conf"), settings).unwrap();
    bench.signs_in(&[&[]], &named[0], &[], None);
    std::fs::remove_file(keyring.home().join("gpg.conf")).unwrap();

    let run = |more: &[&str]| bench.unbroken(&[&["run", "build", "-m", "app.c"], more].concat());
    refused(&run(&["--key", &named[0], "--dsse", "--", "touch", "made"]), "DSSE");
    refused(&run(&["--key", "gpg:alice", "--", "touch", "made"]), "hexadecimal");
    refused(&run(&["--key", &format!("gpg:{}", "0".repeat(40)), "--", "touch", "made"]), "no key");
    assert!(!bench.path().join("made").exists(), "the command ran without a key");
    // The default key, in the steps of a recording.
    for words in [["record", "start", "default"], ["record", "stop", "default"]] {
        let said = bench.unbroken(&[&words[..], &["--key", "gpg:"]].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    assert!(bench.path().join(format!("default.{}.link", rsa.get(..8).unwrap())).is_file());

    // The owner signs the layout; who trusts him names him, or has his certificate in a file.
    let said = bench.unbroken(&["sign", "--key", &named[1], "root.layout"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    std::fs::write(bench.path().join("owner.pgp"), keyring.certificate(&ed)).unwrap();
    let armored = keyring.gpg(&["--armor", "--export", &ed], b"");
    std::fs::write(bench.path().join("owner.asc"), armored).unwrap();
    let said = run(&["-p", "app", "--key", &named[0], "--", "cp", "app.c", "app"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for owner in ["owner.pgp", "owner.asc", &named[1], &named[2]] {
        let said = bench.unbroken(&["inspect", "root.layout", "--key", owner]);
        assert_eq!(said.code, 0, "{owner}: {}{}", said.stdout, said.stderr);
        let said = bench.unbroken(&["verify", "--layout", "root.layout", "--trust", owner]);
        assert_eq!(said.code, 0, "{owner}: {}{}", said.stdout, said.stderr);
    }
    refused(&bench.unbroken(&["sign", "--key", "owner.asc", "root.layout"]), "gpg:FINGERPRINT");
    let said = bench.unbroken(&["inspect", "root.layout", "--key", &named[0]]);
    assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);
    refused(&bench.unbroken(&["inspect", "root.layout", "--key", "gpg:"]), "FINGERPRINT");
    let short = format!("gpg:{}", ed.get(32..).unwrap());
    refused(&bench.unbroken(&["inspect", "root.layout", "--key", &short]), "8 digits");

    keyring.revoke(&ed);
    refused(&bench.unbroken(&["inspect", "root.layout", "--key", &named[1]]), "revoked");
    refused(&bench.unbroken(&["sign", "--key", &named[1], "root.layout"]), "revoked");
    bench.environment.clear();
    bench.environment.push(("PATH", "/nowhere".to_owned()));
    refused(&bench.unbroken(&["key", "show", &named[0]]), "there is no program gpg2 and gpg");
}

#[test]
fn the_passphrase_of_a_gpg_key_reaches_nobody() {
    const TEST: &str = "the_passphrase_of_a_gpg_key_reaches_nobody";
    const CANARY: &str = "CANARY-in-a-keyring-4711";
    let Some(keyring) = Keyring::new(TEST) else { return };
    let bench = bench(&keyring);
    let phrase = keyring.home().join("phrase");
    std::fs::write(&phrase, CANARY).unwrap();
    // Gpg finds it by settings of its own: no terminal is here to be asked at.
    let settings = format!("pinentry-mode loopback\npassphrase-file {}\n", phrase.display());
    std::fs::write(keyring.home().join("gpg.conf"), settings).unwrap();
    let id = keyring.make("caged@test", "ed25519", "sign", &["--passphrase", CANARY]);
    let key = format!("gpg:{id}");
    bench.signs_in(&[&[]], &key, &[], None);
    bench.keeps_secrets(&key, &[], &[CANARY.as_bytes()], &[]);
    std::fs::write(&phrase, "not the canary").unwrap();
    keyring.forget_passphrases();
    let said = bench.unbroken(&["run", "build", "--key", &key, "--verbose", "--", "true"]);
    assert!(said.code != 0 && !said.stderr.contains("canary"), "{}: {}", said.code, said.stderr);
}

#[test]
fn a_gpg_in_the_recorded_folder_is_not_run() {
    const TEST: &str = "a_gpg_in_the_recorded_folder_is_not_run";
    let Some(keyring) = Keyring::new(TEST) else { return };
    let mut bench = bench(&keyring);
    let id = keyring.make("rsa@test", "rsa2048", "sign", &[]);
    for name in ["gpg", "gpg2"] {
        program(&bench.path().join(name), "touch ran; exit 1");
    }
    let folder = keyring.program().parent().unwrap().display().to_string();
    for first in [".", "", &bench.path().display().to_string()] {
        bench.environment.retain(|(name, _)| *name != "PATH");
        bench.environment.push(("PATH", format!("{first}:{folder}")));
        let said = bench.unbroken(&["run", "build", "--key", &format!("gpg:{id}"), "-m", "app.c"]);
        assert_eq!(said.code, 0, "{first}: {}", said.stderr);
    }
    bench.environment.push(("GNUPG", "./gpg".to_owned()));
    refused(&bench.unbroken(&["key", "show", &format!("gpg:{id}")]), "there is no program ./gpg");
    assert!(!bench.path().join("ran").exists());
}

/// Mocks in place of gpg, since the real one does not lie.
#[test]
fn what_a_hostile_gpg_gives_back_is_refused() {
    const TEST: &str = "what_a_hostile_gpg_gives_back_is_refused";
    let Some(keyring) = Keyring::new(TEST) else { return };
    let mut bench = bench(&keyring);
    let id = keyring.make("rsa@test", "rsa2048", "sign", &[]);
    let other = keyring.make("other@test", "rsa2048", "sign", &[]);
    let folder = tempfile::tempdir().unwrap();
    let mock = folder.path().join("mock");
    bench.environment.push(("GNUPG", mock.to_str().unwrap().to_owned()));
    std::fs::write(bench.path().join("app.link"), LINK).unwrap();
    let real = keyring.program().display();
    let exports =
        |sign: &str| format!("case \"$*\" in *--export*) exec {real} \"$@\";; *) {sign};; esac");
    for (script, reason) in [
        ("exit 0".to_owned(), "no key fits"),
        ("echo no; exit 0".to_owned(), "not a key"),
        ("printf 'a\\033[2Jb\\n' >&2; exit 2".to_owned(), "gpg failed to export"),
        ("head -c 2000000 /dev/zero".to_owned(), "more than 1048576 bytes"),
        (format!("exec {real} --export {other}"), "no key fits"),
        (format!("exec {real} --export"), "more than one key"),
        (exports("cat"), "signature that gpg made cannot be used"),
        (exports("exit 0"), "signature that gpg made cannot be used"),
        (exports(&format!("exec {real} --detach-sign --digest-algo SHA1 -u {id}")), "SHA-256"),
        (exports(&format!("exec {real} --detach-sign --textmode -u {id}")), "over a document"),
        (exports(&format!("exec {real} --detach-sign -u {other}")), "and not"),
        (
            exports(&format!("echo another | {real} --detach-sign --digest-algo SHA256 -u {id}")),
            "not by this key over these bytes",
        ),
    ] {
        program(&mock, &script);
        let said = bench.unbroken(&["sign", "--key", &format!("gpg:{id}"), "app.link"]);
        refused(&said, reason);
        assert!(!said.stderr.contains('\u{1b}'), "{:?}", said.stderr);
        assert_eq!(std::fs::read_to_string(bench.path().join("app.link")).unwrap(), LINK);
    }
}

const LINK: &str = r#"{"_type":"link","name":"build","command":[],"materials":{},"products":{},
    "byproducts":{},"environment":{}}"#;
