//! GPG keys, beside the reference: the same keyring, and each verifies what the other signs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use unbroken_testkit::Keyring;

use crate::pair::{Ended, Generation, Pair, drop_in};

const BOTH: [Generation; 2] = [Generation::Third, Generation::First];

/// A keyring with keys of every kind that the reference signs with, the default one first.
struct Site {
    keyring: Keyring,
    pair: Pair,
    rsa: String,
    ed: String,
    /// A key whose subkey signs, and the subkey.
    main: (String, String),
}

impl Site {
    fn new(generation: Generation, test: &str) -> Option<Self> {
        let keyring = Keyring::new(test)?;
        let pair = Pair::of(generation, test)?;
        let rsa = keyring.make("rsa@test", "rsa2048", "sign", &[]);
        let ed = keyring.make("ed@test", "ed25519", "sign", &[]);
        let main = keyring.make("main@test", "rsa2048", "cert", &[]);
        keyring.gpg(&["--quick-add-key", &main, "rsa2048", "sign", "0"], b"");
        let sub = keyring.fingerprints("main@test").remove(1);
        Some(Self { keyring, pair, rsa, ed, main: (main, sub) })
    }

    fn home(&self) -> &str {
        self.keyring.home().to_str().unwrap()
    }

    /// Runs a tool in both folders over the keyring: theirs, ours.
    fn run(&self, tool: &str, line: &str) -> (Ended, Ended) {
        let words: Vec<&str> = line.split(' ').collect();
        self.pair.run_with(tool, &words, &[("GNUPGHOME", self.home())])
    }

    /// Runs a tool in both folders; ours says the same, ends the same and leaves the same files but
    /// for the signatures, which tell the time.
    fn same(&self, tool: &str, line: &str) -> Ended {
        let (theirs, ours) = self.run(tool, line);
        assert_eq!(ours.stderr, theirs.stderr, "{tool} {line}");
        assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs.stdout), "{tool} {line}");
        assert_eq!(metadata(&ours), metadata(&theirs), "{tool} {line}");
        ours
    }

    /// Copies what one has made to where the other is.
    fn exchange(&self, name: &str) {
        let (theirs, ours) = (self.pair.theirs().join(name), self.pair.ours().join(name));
        let (one, other) = (std::fs::read(&theirs).unwrap(), std::fs::read(&ours).unwrap());
        std::fs::write(theirs, other).unwrap();
        std::fs::write(ours, one).unwrap();
    }
}

fn metadata(ended: &Ended) -> BTreeMap<PathBuf, String> {
    let is_metadata = |path: &Path| {
        let name = path.to_string_lossy();
        [".link", ".layout", "-unfinished"].iter().any(|end| name.ends_with(end))
    };
    let files = ended.files.iter().filter(|(path, _)| is_metadata(path));
    files
        .map(|(path, bytes)| {
            let mut text = String::from_utf8(bytes.clone()).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            for signature in value["signatures"].as_array().unwrap() {
                for member in ["signature", "other_headers"] {
                    text = text.replace(signature[member].as_str().unwrap(), member);
                }
            }
            (path.clone(), text)
        })
        .collect()
}

fn prefix(id: &str) -> &str {
    id.get(..8).unwrap()
}

/// Makes the object of a key with the reference's own library.
fn exported(pair: &Pair, module: &str, id: &str, home: &str) -> Value {
    let program = format!(
        "import json, {module}.functions as g; print(json.dumps(g.export_pubkey('{id}', '{home}')))"
    );
    let output = Command::new(pair.python()).args(["-c", &program]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn steps_are_recorded_with_the_same_lines_under_the_same_names() {
    let Some(site) = Site::new(Generation::Third, "GPG keys in recording drop-ins") else { return };
    let home = site.home();
    for (step, id) in [("rsa", &site.rsa), ("ed", &site.ed), ("sub", &site.main.0)] {
        let id = id.to_uppercase();
        let options = format!("-v -n {step} -g {id} --gpg-home {home}");
        site.same("in-toto-run", &format!("{options} -m src -p src -- true"));
        site.same("in-toto-record", &format!("start {options} -m src"));
        let ended = site.same("in-toto-record", &format!("stop {options} -p src"));
        // `stop` names the file by the key that was named, `start` and `run` by the one that signs.
        let name = format!("{step}.{}.link", prefix(&id.to_lowercase()));
        assert!(ended.files.contains_key(Path::new(&name)), "{name}");
    }
    let sub = format!("sub.{}.link", prefix(&site.main.1));
    assert!(site.pair.ours().join(sub).is_file());
    // The default key of the keyring, by the variable of gpg.
    site.same("in-toto-run", "-v -n default -m src -g -- true");
    site.same("in-toto-record", "start -v -n default -g -m src");
    site.same("in-toto-record", "stop -v -n default -g -p src");
    let default = format!("default.{}.link", prefix(&site.rsa));
    assert!(site.pair.ours().join(default).is_file());
    // A long key id, and a subkey that is named itself.
    site.same("in-toto-run", &format!("-n long -g {} -x", site.ed.get(24..).unwrap()));
    site.same("in-toto-run", &format!("-n itself -g {} -x", site.main.1));
}

#[test]
fn chains_of_gpg_keys_are_verified_by_both() {
    for generation in BOTH {
        let Some(site) = Site::new(generation, "chains of GPG keys") else { return };
        let home = site.home();
        let module = match generation {
            Generation::Third => "securesystemslib._gpg",
            _ => "securesystemslib.gpg",
        };
        let main = &site.main.0;
        let mut keys = serde_json::Map::new();
        for id in [&site.rsa, &site.ed, main] {
            let theirs = exported(&site.pair, module, id, home);
            let mut show = Command::new(env!("CARGO_BIN_EXE_unbroken"));
            show.args(["key", "show", "--format", "layout", &format!("gpg:{id};home={home}")]);
            let ours = String::from_utf8(show.output().unwrap().stdout).unwrap();
            let ours: Value = serde_json::from_str(&format!("{{{ours}}}")).unwrap();
            assert_eq!(ours, json!({ id.as_str(): theirs }), "{generation:?}");
            keys.insert(id.clone(), theirs);
        }
        let step = |name: &str, id: &str| {
            json!({"_type": "step", "name": name, "threshold": 1, "pubkeys": [id], "expected_command": [],
                "expected_materials": [["ALLOW", "src/*"], ["DISALLOW", "*"]],
                "expected_products": [["ALLOW", "src/*"], ["DISALLOW", "*"]]})
        };
        let layout = json!({"signatures": [], "signed": {"_type": "layout",
            "expires": "2100-01-01T00:00:00Z", "readme": "", "keys": keys, "inspect": [],
            "steps": [step("rsa", &site.rsa), step("ed", &site.ed), step("sub", main)]}});
        site.pair.write("root.layout", layout.to_string().as_bytes());
        let succeeds = |tool: &str, line: &str| {
            let (theirs, ours) = site.run(tool, line);
            let codes = (theirs.code, ours.code);
            assert_eq!(codes, (Some(0), Some(0)), "{line}: {}{}", theirs.stderr, ours.stderr);
        };
        for (name, id) in [("rsa", &site.rsa), ("ed", &site.ed)] {
            succeeds("in-toto-run", &format!("-n {name} -g {id} -m src -p src -- true"));
        }
        // The subkey signs, and the file is named by the key.
        succeeds("in-toto-record", &format!("start -n sub -g {main} -m src"));
        succeeds("in-toto-record", &format!("stop -n sub -g {main} -p src"));
        succeeds("in-toto-sign", &format!("-f root.layout -g {} {main}", site.ed));
        // What the one has made the other verifies, and each what it has made itself.
        let line = format!("-l root.layout -g {} {main} --gpg-home {home}", site.ed);
        for _ in 0..2 {
            succeeds("in-toto-verify", &line);
            let check = format!("-f root.layout --verify -g {} {main}", site.ed);
            succeeds("in-toto-sign", &check);
            if generation == Generation::Third {
                site.same("in-toto-verify", &format!("{line} -v"));
                site.same("in-toto-sign", &format!("{check} -v"));
            }
            for file in ["root.layout".to_owned(), format!("sub.{}.link", prefix(main))] {
                site.exchange(&file);
            }
            for (name, id) in [("rsa", &site.rsa), ("ed", &site.ed)] {
                site.exchange(&format!("{name}.{}.link", prefix(id)));
            }
        }
        // A key of the keyring that did not sign.
        for line in
            [format!("-l root.layout -g {}", site.rsa), format!("-l nowhere -g {}", site.rsa)]
        {
            let (theirs, ours) = site.run("in-toto-verify", &line);
            assert_eq!((theirs.code, ours.code), (Some(1), Some(1)), "{line}: {}", ours.stderr);
        }
        let (theirs, ours) =
            site.run("in-toto-sign", &format!("-f root.layout --verify -g {}", site.rsa));
        assert_eq!((theirs.code, ours.code), (Some(1), Some(1)), "{}", ours.stderr);
    }
}

#[test]
fn failures_end_with_the_same_codes_and_leave_nothing() {
    let Some(site) = Site::new(Generation::Third, "failures with GPG keys") else { return };
    let layout = br#"{"signatures": [], "signed": {"_type": "layout", "expires":
        "2100-01-01T00:00:00Z", "inspect": [], "keys": {}, "readme": "", "steps": []}}"#;
    site.pair.write("root.layout", layout);
    let nobody = "00".repeat(20);
    for (tool, line, code) in [
        ("in-toto-run", format!("-n s -g {nobody} -x"), 1),
        ("in-toto-run", "-n s -g alice -x".to_owned(), 1),
        ("in-toto-run", format!("-n s -g {} --gpg-home nowhere -x", site.rsa), 1),
        ("in-toto-run", format!("-n s -g {} --signing-key alice -x", site.rsa), 2),
        ("in-toto-record", format!("start -n s -g {nobody}"), 1),
        ("in-toto-sign", format!("-f root.layout -g {nobody}"), 2),
        ("in-toto-sign", format!("-f root.layout --verify -g {nobody}"), 2),
        ("in-toto-verify", format!("-l root.layout -g {nobody}"), 1),
    ] {
        let (theirs, ours) = site.run(tool, &line);
        let codes = (theirs.code, ours.code);
        assert_eq!(codes, (Some(code), Some(code)), "{line}: {}{}", theirs.stderr, ours.stderr);
        assert_eq!(ours.files.len(), theirs.files.len(), "{line}");
        assert_eq!(ours.stderr.trim_end().lines().count(), ours.stderr.lines().count(), "{line}");
    }
    site.same("in-toto-record", "stop -v -n s -g");
    // There is no form for these signatures in DSSE: the reference says so too.
    site.same("in-toto-run", "-v -n s -g --use-dsse -m src -- true");
    site.same("in-toto-record", "start -n s -g --use-dsse -m src");
    site.same("in-toto-mock", "-n build --use-dsse -- true");
    site.same("in-toto-sign", "-f build.link -g");
    let rest = std::fs::read_dir(site.pair.ours()).unwrap().flatten();
    assert!(!rest.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().contains("s.")));
}

#[test]
fn keys_that_have_ended_or_were_revoked_are_not_verified_with() {
    let Some(site) = Site::new(Generation::Third, "GPG keys that ended") else { return };
    let layout = br#"{"signatures": [], "signed": {"_type": "layout", "expires":
        "2100-01-01T00:00:00Z", "inspect": [], "keys": {}, "readme": "", "steps": []}}"#;
    site.pair.write("root.layout", layout);
    let then = "--faked-system-time=20240101T000000!";
    site.keyring.gpg(&[then, "--quick-gen-key", "old@test", "rsa2048", "sign", "1d"], b"");
    let old = site.keyring.fingerprints("old@test").remove(0);
    // The reference signs as if it were then.
    let gpg = format!("{} --faked-system-time=20240101T010000!", site.keyring.program().display());
    let variables = [("GNUPGHOME", site.home()), ("GNUPG", &gpg)];
    let (theirs, ours) =
        site.pair.run_with("in-toto-sign", &["-f", "root.layout", "-g", &old], &variables);
    assert_eq!(theirs.code, Some(0), "{}", theirs.stderr);
    assert_eq!(ours.code, Some(2), "{}", ours.stderr);
    assert!(ours.last().contains("expired at 2024-01-02"), "{}", ours.stderr);
    std::fs::copy(site.pair.theirs().join("root.layout"), site.pair.ours().join("root.layout"))
        .unwrap();
    let (theirs, ours) = site.run("in-toto-verify", &format!("-l root.layout -g {old}"));
    assert_eq!((theirs.code, ours.code), (Some(1), Some(1)));
    let kind = "(in-toto-verify) KeyExpirationError: ";
    assert!(theirs.last().starts_with(kind) && ours.last().starts_with(kind), "{}", ours.stderr);
    // An audit judges the key at the time that it asks for: the signature holds, and is over nothing.
    let mut audit = drop_in("in-toto-verify", site.pair.ours());
    audit.args(["-l", "root.layout", "-g", &old, "--gpg-home", site.home()]);
    let audit = audit.args(["--at", "2024-01-01T02:00:00Z"]).output().unwrap();
    let said = String::from_utf8_lossy(&audit.stderr).into_owned();
    assert!(said.contains("Finding: [layout-empty]"), "{said}");
    let (theirs, ours) = site.run("in-toto-sign", &format!("-f root.layout --verify -g {old}"));
    assert_eq!((theirs.code, ours.code), (Some(2), Some(2)), "{}", ours.stderr);

    site.pair.write("root.layout", layout);
    let (theirs, ours) = site.run("in-toto-sign", &format!("-f root.layout -g {}", site.rsa));
    assert_eq!((theirs.code, ours.code), (Some(0), Some(0)), "{}", ours.stderr);
    site.keyring.revoke(&site.rsa);
    let line = format!("-l root.layout -g {}", site.rsa);
    let (theirs, ours) = site.run("in-toto-verify", &line);
    // The reference does not look at revocations (GHSA-jjgp-whrp-gq8m).
    assert_eq!((theirs.code, ours.code), (Some(0), Some(1)), "{}", ours.stderr);
    assert!(ours.last().contains("was revoked"), "{}", ours.stderr);
}
