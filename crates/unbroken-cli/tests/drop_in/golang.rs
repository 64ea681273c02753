//! `in-toto` beside the program of in-toto-golang.

mod pages;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use unbroken_testkit::certificates::CertificateDraft;
use unbroken_testkit::keys;

use crate::pair::{Ended, Generation, Pair, drop_in};

const KINDS: [&str; 5] = ["ed25519", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-3072"];

fn pair(test: &str) -> Option<Pair> {
    Pair::of(Generation::Golang, test)
}

/// Makes a key pair of a kind in both folders.
fn with_key(pair: &Pair, kind: &str) {
    let mut make = Command::new(env!("CARGO_BIN_EXE_unbroken"));
    make.current_dir(pair.ours()).args(["key", "generate", "--force", "--type", kind, kind]);
    assert!(make.output().unwrap().status.success());
    for name in [kind.to_owned(), format!("{kind}.pub")] {
        std::fs::copy(pair.ours().join(&name), pair.theirs().join(&name)).unwrap();
    }
}

fn key_id(pair: &Pair, key: &str) -> String {
    let output = drop_in("in-toto", pair.ours()).args(["key", "id", key]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn links_are_the_same_files() {
    let Some(pair) = pair("links beside golang's") else { return };
    pair.each(|folder| {
        std::os::unix::fs::symlink("main.c", folder.join("src/link.c")).unwrap();
        std::os::unix::fs::symlink("src", folder.join("folder")).unwrap();
        std::fs::create_dir(folder.join("out")).unwrap();
    });
    pair.write("src/crlf.txt", b"one\r\ntwo\rthree\n");
    for line in [
        "run -n plain -k alice -m src -p src -- echo said",
        "run --name=dsse --key=alice --materials=src --use-dsse -- true",
        "run -xn none -k alice -p src -p alice.pub",
        "run -n none -kalice -d out -x --use-dsse=true",
        "run -n cut -k alice -m src -l src/ -e link.c -x",
        "run -n twice -k alice -m src -l nothing -l src/ -e *.txt -e *.pyc -e link.c -x",
        "run -n folder -k alice -m folder -m src -x",
        "run -n folder -k alice -m folder --follow-symlink-dirs -x",
        "run -n ends -k alice -m src --normalize-line-endings -x",
        "run -n elsewhere -k alice -r src -p src -- cat main.c",
        "run -n failed -k alice -- false",
        "run -n mixed -k alice echo -p src a b",
        "record start -n edit -k alice -m src",
        "record stop -n edit -k alice -p src",
        "record -n edit -k alice --use-dsse start -m src/main.c",
        "record stop -n edit -k alice -p src --use-dsse",
        "record start -n edit -k bob -d out -m src/main.c",
        "record stop -n edit -k bob -d out",
    ] {
        pair.same("in-toto", line);
    }
    for script in ["echo '<a & b>' >&2; printf 'é\\t\\033\"\\\\'", "exit 3", "kill -9 $$"] {
        let words = ["run", "-n", "script", "-k", "alice", "--", "sh", "-c", script];
        pair.same_words("in-toto", &words);
    }
}

#[test]
fn what_is_wrong_is_told_in_the_same_words() {
    let Some(pair) = pair("misuse beside golang") else { return };
    for line in [
        "bogus",
        "--bogus",
        "run",
        "run -n x",
        "run -n x -k nope -- true",
        "run -z",
        "run --zz",
        "run -n",
        "run --name",
        "run -n x -k alice",
        "run -n x -k alice -x a",
        "run -k alice -x",
        "run -n x -k alice -m nofile -x",
        "run -n x -k alice -- nocmd",
        "run -n x -k alice -d nodir -x",
        "run -n x -k alice -r nodir -- true",
        "run -n x -k alice -x --use-dsse=maybe",
        "run -n x -k alice -xz",
        "-n x run",
        "--name x run -k alice",
        "--use-dsse run -n x",
        "gendoc",
        "gendoc a",
        "gendoc -d",
        "gendoc -d ./nofolder//",
        "gendoc -d alice",
        "record start",
        "record start -k alice",
        "record stop -n never -k alice",
        "record -z",
        "key id",
        "key id a b",
        "completion",
        "completion tcsh",
        "sign",
        "sign -f a",
        "sign -f nofile -k alice",
        "verify",
        "verify -l nofile -k alice.pub",
        "match-products",
        "match-products -l nofile",
    ] {
        pair.same("in-toto", line);
    }
    // Help is worded otherwise; a group without its second word is no error.
    let lines = "|help|run -h|record|record bogus|record -- start|key|verify --help|-- run|-h run|help nothing|help key";
    for line in lines.split('|') {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let (theirs, ours) = pair.run("in-toto", &words);
        assert_eq!((ours.code, theirs.code), (Some(0), Some(0)), "{line}");
        assert!(ours.stdout.contains("Usage:") && ours.stderr.is_empty(), "{line}");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let (theirs, ours) = pair.run("in-toto", &["completion", shell]);
        assert_eq!((ours.code, theirs.code), (Some(0), Some(0)), "{shell}");
        assert!(ours.stdout.contains("match-products"), "{shell}");
    }
}

/// A layout of one step and one inspection for keys of one kind.
fn layout(pair: &Pair, key: &str) -> String {
    let output = drop_in("in-toto", pair.ours()).args(["key", "layout", key]).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let id = key_id(pair, key);
    format!(
        r#"{{"signed": {{"_type": "layout", "expires": "2100-01-01T00:00:00Z", "readme": "<a> & b",
        "keys": {{{listed}}}, "steps": [{{"_type": "step", "name": "build", "threshold": 1, "pubkeys": ["{id}"],
        "expected_command": ["cp", "src/main.c", "made"], "expected_materials": [["ALLOW", "src/\\m*"], ["DISALLOW", "*"]],
        "expected_products": [["CREATE", "ma[!x]e"], ["DISALLOW", "*"]]}}],
        "inspect": [{{"_type": "inspection", "name": "look", "run": ["true"],
        "expected_materials": [["MATCH", "made", "WITH", "PRODUCTS", "FROM", "build"], ["DISALLOW", "made"]],
        "expected_products": []}}]}}, "signatures": []}}"#
    )
}

/// Runs a tool in both folders with the same code, and without a word of the one that fails.
fn codes(pair: &Pair, line: &str) -> (Ended, Ended) {
    let words: Vec<&str> = line.split(' ').collect();
    let (theirs, ours) = pair.run("in-toto", &words);
    assert_eq!(ours.code, theirs.code, "{line}\n{}\n{}", theirs.stderr, ours.stderr);
    (theirs, ours)
}

/// The same, with the same words on stdout.
fn told(pair: &Pair, line: &str) {
    let (theirs, ours) = codes(pair, line);
    assert_eq!(ours.stdout, theirs.stdout, "{line}");
}

/// Exchanges files between the two folders: each then judges what the other has made.
fn exchange(pair: &Pair) {
    let made = |path: &Path| {
        path.extension().is_some_and(|end| end == "link" || end == "layout")
            && path.file_name().unwrap() != "look.link"
    };
    let (theirs, ours) = (pair.theirs(), pair.ours());
    for entry in std::fs::read_dir(&ours).unwrap() {
        let path = entry.unwrap().path();
        if made(&path) {
            let other = theirs.join(path.file_name().unwrap());
            let bytes = std::fs::read(&path).unwrap();
            std::fs::copy(&other, &path).unwrap();
            std::fs::write(&other, bytes).unwrap();
        }
    }
}

#[test]
fn each_verifies_what_the_other_made_for_every_kind_of_key() {
    for kind in KINDS {
        for dsse in [false, true] {
            let Some(pair) = pair("chains beside golang's") else { return };
            with_key(&pair, kind);
            for file in [kind.to_owned(), format!("{kind}.pub")] {
                pair.same("in-toto", &format!("key id {file}"));
                pair.same("in-toto", &format!("key layout {file}"));
            }
            pair.write("root.layout", layout(&pair, kind).as_bytes());
            codes(&pair, &format!("sign -f root.layout -k {kind}"));
            codes(&pair, &format!("sign -f root.layout -k {kind}.pub --verify"));
            codes(&pair, "sign -f root.layout -k bob.pub --verify");
            let dsse = if dsse { "--use-dsse " } else { "" };
            let run = "-m src/main.c -p made -- cp src/main.c made";
            codes(&pair, &format!("run -n build -k {kind} {dsse}{run}"));
            let verify = format!("verify -l root.layout -k {kind}.pub");
            for _ in 0..2 {
                let (theirs, ours) = codes(&pair, &verify);
                assert_eq!(ours.code, Some(0), "{kind} {dsse}: {}{}", theirs.stderr, ours.stderr);
                assert_eq!(ours.stdout, theirs.stdout);
                exchange(&pair);
            }
            codes(&pair, &format!("{verify} -d nowhere"));
            codes(&pair, "verify -l root.layout -k alice.pub");
            let link = format!("build.{}.link", key_id(&pair, kind).get(..8).unwrap());
            told(&pair, &format!("match-products -l {link} -p made"));
            pair.write("made", b"changed");
            let (_, ours) = codes(&pair, &verify);
            assert!(
                ours.stderr.starts_with("inspection failed: [rule-disallow] look: made changed")
            );
            told(&pair, &format!("match-products -l {link} -p made"));
        }
    }
}

#[test]
fn signed_layouts_and_links_of_inspections_are_the_same_files() {
    let Some(pair) = pair("layouts beside golang's") else { return };
    pair.write("root.layout", layout(&pair, "alice").as_bytes());
    pair.same("in-toto", "sign -f root.layout -k alice -o signed.layout");
    pair.same("in-toto", "sign -f root.layout -k bob");
    pair.same("in-toto", "sign -f root.layout -k alice");
    pair.same("in-toto", "run -n build -k alice -m src/main.c -p made -- cp src/main.c made");
    let ended = pair.same("in-toto", "verify -l root.layout -k alice.pub,bob.pub");
    assert_eq!(ended.code, Some(0));
    let look: Value = serde_json::from_slice(&ended.files[Path::new("look.link")]).unwrap();
    assert!(look["signed"]["materials"].as_object().unwrap().len() > 9, "links and all");
    let ended = pair.same("in-toto", "run -n build -k alice -m src/main.c -p made -- touch made");
    assert_eq!(ended.code, Some(0));
    let (theirs, ours) = codes(&pair, "verify -l signed.layout -k alice.pub");
    assert!(theirs.stdout.contains("WARNING: Expected command for step 'build'"));
    assert!(ours.stdout.starts_with("WARNING: [command-differs] build: "), "{}", ours.stdout);
}

/// The original runs whatever a sublayout says; here that is asked for.
#[test]
fn options_of_ours_work_beside_those_of_golang() {
    let Some(pair) = pair("options of ours beside golang's") else { return };
    let bob = key_id(&pair, "bob");
    let place = format!("sub.{}", bob.get(..8).unwrap());
    pair.write("sub.layout", layout(&pair, "alice").as_bytes());
    pair.same("in-toto", &format!("sign -f sub.layout -k bob -o {place}.link"));
    pair.each(|folder| std::fs::create_dir(folder.join(&place)).unwrap());
    let run = format!("run -n build -k alice -d {place} -m src/main.c -p made");
    pair.same("in-toto", &format!("{run} -- cp src/main.c made"));
    let output = drop_in("in-toto", pair.ours()).args(["key", "layout", "bob"]).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let root = format!(
        r#"{{"signed": {{"_type": "layout", "expires": "2030-01-01T00:00:00Z", "readme": "", "inspect": [],
        "keys": {{{listed}}}, "steps": [{{"_type": "step", "name": "sub", "threshold": 1, "pubkeys": ["{bob}"],
        "expected_command": [], "expected_materials": [], "expected_products": []}}]}}, "signatures": []}}"#
    );
    pair.write("root.layout", root.as_bytes());
    pair.same("in-toto", "sign -f root.layout -k alice");
    let verify = "verify -l root.layout -k alice.pub";
    let (theirs, ours) = pair.run("in-toto", &verify.split(' ').collect::<Vec<_>>());
    assert_eq!((theirs.code, ours.code), (Some(0), Some(1)), "{}", theirs.stderr);
    assert!(ours.stderr.contains("[sublayout-inspection-refused]"), "{}", ours.stderr);
    let told = |more: &str, code: i32| {
        let mut command = drop_in("in-toto", pair.ours());
        let output = command.args(verify.split(' ')).args(more.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{more}: {said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    let allow = "--allow-sublayout-inspections";
    told(allow, 0);
    for (at, verdict, code) in
        [("2029-12-31T00:00:00Z", "verified", 0), ("2030-01-02T00:00:00Z", "rejected", 1)]
    {
        let (report, _) = told(&format!("{allow} --format=json --at {at}"), code);
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["verdict"], verdict);
    }
    assert!(told("--format xml", 1).1.contains("none of text, json, sarif, junit"));
}

/// A pattern that is none forbids nothing for golang, and ends a verification here.
#[test]
fn a_misspelt_disallow_is_told() {
    let Some(pair) = pair("misspelt patterns beside golang") else { return };
    let misspelt =
        layout(&pair, "alice").replace(r#"["DISALLOW", "made"]"#, r#"["DISALLOW", "[m"]"#);
    pair.write("root.layout", misspelt.as_bytes());
    pair.same("in-toto", "sign -f root.layout -k alice");
    pair.same("in-toto", "run -n build -k alice -m src/main.c -p made -- cp src/main.c made");
    let (theirs, ours) = pair.run("in-toto", &["verify", "-l", "root.layout", "-k", "alice.pub"]);
    assert_eq!((theirs.code, ours.code), (Some(0), Some(1)));
    assert!(
        ours.stderr.starts_with("inspection failed: [rule-malformed] look: "),
        "{}",
        ours.stderr
    );
}

/// The certificate flow of golang: the step names nobody but whoever has a certificate under the root.
#[test]
fn links_with_certificates_are_made_and_verified_alike() {
    let Some(pair) = pair("certificates beside golang's") else { return };
    let lasting = |mut draft: CertificateDraft| {
        draft.not_after = "2049-12-31T23:59:59Z".parse().unwrap();
        draft
    };
    let uri = "spiffe://example.com/build";
    let authority = |name: &str, by| lasting(CertificateDraft::authority(name)).pem_by(by);
    pair.write("root.pem", authority("ca", "ca").as_bytes());
    pair.write("between.pem", authority("between", "ca").as_bytes());
    let leaf = |uri: &str| lasting(CertificateDraft::of("workload").uri(uri)).pem_by("between");
    pair.write("leaf.pem", leaf(uri).as_bytes());
    pair.write("other.pem", leaf("spiffe://example.com/other").as_bytes());
    pair.write("workload", keys::key("workload").to_pkcs8_pem(None).unwrap().as_bytes());
    pair.same("in-toto", "key layout root.pem");
    let output = drop_in("in-toto", pair.ours()).args(["key", "layout", "root.pem"]).output();
    let root = String::from_utf8(output.unwrap().stdout).unwrap();
    let id = root.split('"').nth(1).unwrap();
    let layout = format!(
        r#"{{"signed": {{"_type": "layout", "expires": "2049-01-01T00:00:00Z", "readme": "", "keys": {{}},
        "rootcas": {{{root}}}, "inspect": [], "steps": [{{"_type": "step", "name": "build", "threshold": 1,
        "pubkeys": [], "cert_constraints": [{{"common_name": "workload", "dns_names": [""], "emails": [""],
        "organizations": ["*"], "roots": ["{id}"], "uris": ["{uri}"]}}],
        "expected_command": ["true"], "expected_materials": [["ALLOW", "*"]], "expected_products": []}}]}},
        "signatures": []}}"#
    );
    pair.write("root.layout", layout.as_bytes());
    pair.same("in-toto", "sign -f root.layout -k alice");
    pair.same("in-toto", "run -n build -k workload -c leaf.pem -m src -- true");
    let verify = "verify -l root.layout -k alice.pub";
    let ended = pair.same("in-toto", &format!("{verify} -i between.pem"));
    assert_eq!(ended.code, Some(0));
    // The authority between is in neither the layout nor the link.
    assert_eq!(codes(&pair, verify).1.code, Some(1));
    codes(&pair, &format!("{verify} -i nowhere.pem"));
    // Another name, and no certificate.
    pair.same("in-toto", "run -n build -k workload -c other.pem -m src -- true");
    assert_eq!(codes(&pair, &format!("{verify} -i between.pem")).1.code, Some(1));
    pair.same("in-toto", "run -n build -k workload -m src -- true");
    assert_eq!(codes(&pair, &format!("{verify} -i between.pem")).1.code, Some(1));
    pair.same("in-toto", "run -n build -k workload -c nowhere.pem -- true");
    codes(&pair, "run -n build -c leaf.pem -- true");
    pair.same("in-toto", "record start -n build -k workload -c leaf.pem -m src");
    pair.same("in-toto", "record stop -n build -k workload -c leaf.pem");
    codes(&pair, &format!("{verify} -i between.pem"));
    // In DSSE golang's program writes no certificate and reads none.
    codes(&pair, "run -n build -k workload -c leaf.pem --use-dsse -m src -- true");
    let verify = format!("{verify} -i between.pem");
    let verify: Vec<&str> = verify.split(' ').collect();
    let (theirs, ours) = pair.run("in-toto", &verify);
    assert_eq!((theirs.code, ours.code), (Some(1), Some(0)), "{}{}", theirs.stderr, ours.stderr);
    exchange(&pair);
    let (theirs, ours) = pair.run("in-toto", &verify);
    assert_eq!((theirs.code, ours.code), (Some(1), Some(1)), "{}{}", theirs.stderr, ours.stderr);
}
