//! Keys of a SPIFFE Workload API: a step that they sign is verified under a layout that names a root
//! and a URI.
//!
//! The API is a mock, which also says what no agent should say; and where there is Go, one that
//! others have written, which in-toto-golang's own client asks as well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use data_encoding::BASE64;
use serde_json::{Value, json};
use unbroken_crypto::{KeyAlgorithm, KeyIdStyle, SigningKey};
use unbroken_testkit::certificates::CertificateDraft;
use unbroken_testkit::keys;

use crate::mock_workload_api::{MockAnswer, MockWorkloadApi, framed};
use crate::pair::{Generation, Pair, drop_in};
use crate::workload_api::GoWorkloadApi;

const ID: &str = "spiffe://example.com/build";

/// The program signs at the time of the machine.
fn lasting(mut draft: CertificateDraft) -> CertificateDraft {
    draft.not_after = "2049-12-31T23:59:59Z".parse().unwrap();
    draft
}

/// Certificates for an id and a key, by an authority under the root `ca`, and the key.
fn identity(id: &str, key: &SigningKey) -> (Vec<u8>, Vec<u8>) {
    let mut leaf = lasting(CertificateDraft::of("workload").uri(id));
    leaf.spki = Some(key.public().spki_der().to_vec());
    let between = lasting(CertificateDraft::authority("between")).issued_by("ca");
    let pem = key.to_pkcs8_pem(None).unwrap();
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    ([leaf.issued_by("between"), between].concat(), BASE64.decode(lines.as_bytes()).unwrap())
}

/// A mock that issues the identity of an id.
fn issuing(id: &str) -> MockWorkloadApi {
    let (certificates, private) = identity(id, &keys::key("workload"));
    MockWorkloadApi::answering(MockAnswer::Open(framed(id, &certificates, &private)))
}

/// The same as go-spiffe's types have it.
fn svid(id: &str, key: &SigningKey, hint: &str) -> Value {
    let (certificates, private) = identity(id, key);
    let root = lasting(CertificateDraft::authority("ca")).issued_by("ca");
    json!({
        "spiffe_id": id, "x509_svid": BASE64.encode(&certificates),
        "x509_svid_key": BASE64.encode(&private), "bundle": BASE64.encode(&root), "hint": hint,
    })
}

/// Writes a layout, not signed yet, that lets in whoever has a certificate under the root for the id.
fn layout(folder: &Path) -> String {
    let root = lasting(CertificateDraft::authority("ca")).pem_by("ca");
    std::fs::write(folder.join("root.pem"), root).unwrap();
    let listed = told(drop_in("in-toto", folder).args(["key", "layout", "root.pem"]), 0).stdout;
    let listed = String::from_utf8(listed).unwrap();
    let id = listed.split('"').nth(1).unwrap();
    format!(
        r#"{{"signed": {{"_type": "layout", "expires": "2049-01-01T00:00:00Z", "readme": "", "keys": {{}},
        "rootcas": {{{listed}}}, "inspect": [], "steps": [{{"_type": "step", "name": "build", "threshold": 1,
        "pubkeys": [], "cert_constraints": [{{"common_name": "*", "dns_names": [""], "emails": [""],
        "organizations": ["*"], "roots": ["{id}"], "uris": ["{ID}"]}}],
        "expected_command": ["true"], "expected_materials": [["ALLOW", "*"]], "expected_products": []}}]}},
        "signatures": []}}"#
    )
}

fn told(command: &mut Command, code: i32) -> Output {
    let output = command.output().unwrap();
    let said = [output.stdout.clone(), output.stderr.clone()].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{said}");
    output
}

fn unbroken(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken"));
    command.current_dir(folder);
    command
}

#[test]
fn a_step_is_signed_with_an_issued_identity_and_verified_by_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let owner = keys::key("owner");
    std::fs::write(folder.join("owner"), owner.to_pkcs8_pem(None).unwrap().as_bytes()).unwrap();
    std::fs::write(folder.join("owner.pub"), owner.public().spki_pem()).unwrap();
    std::fs::write(folder.join("root.layout"), layout(folder)).unwrap();
    told(drop_in("in-toto", folder).args(["sign", "-f", "root.layout", "-k", "owner"]), 0);
    let (due, other) = (issuing(ID), issuing("spiffe://example.com/other"));
    let uri = |mock: &MockWorkloadApi| format!("unix://{}", mock.socket().display());
    let between = "build-intermediate-0.cert.pem";
    for dsse in [false, true] {
        let key = |mock: &MockWorkloadApi| format!("spiffe:{}", uri(mock));
        let ours = |mock: &MockWorkloadApi| {
            let mut run = unbroken(folder);
            run.args(["run", "build", "--key", &key(mock)]).args(dsse.then_some("--dsse"));
            told(run.args(["--", "true"]), 0);
        };
        let verify = |code: i32, more: &[&str]| {
            let mut verify = unbroken(folder);
            verify.args(["verify", "--layout", "root.layout", "--trust", "owner.pub"]);
            told(verify.args(more), code)
        };
        ours(&due);
        let report = String::from_utf8(verify(0, &[]).stdout).unwrap();
        assert!(report.contains(ID), "{report}");
        ours(&other);
        let report = String::from_utf8(verify(1, &[]).stdout).unwrap();
        assert!(report.contains("certificate-constraint-not-met"), "{report}");

        // The drop-in leaves the authority between in a file of its own.
        let theirs = |words: &[&str], mock| {
            let mut command = drop_in("in-toto", folder);
            command.args(words).args(["--spiffe-workload-api-path", &uri(mock)]);
            command.args(dsse.then_some("--use-dsse"));
            if words.contains(&"run") {
                command.args(["--", "true"]);
            }
            told(&mut command, 0);
        };
        for mode in ["run", "record"] {
            let make = |mock| {
                if mode == "run" {
                    theirs(&["run", "-n", "build"], mock);
                } else {
                    theirs(&["record", "start", "-n", "build"], mock);
                    theirs(&["record", "stop", "-n", "build"], mock);
                }
            };
            drop(std::fs::remove_file(folder.join(between)));
            make(&due);
            let refused = String::from_utf8(verify(1, &[]).stdout).unwrap();
            assert!(refused.contains("certificate-untrusted"), "{refused}");
            verify(0, &["--intermediates", between]);
            let mut verify = drop_in("in-toto", folder);
            told(verify.args(["verify", "-l", "root.layout", "-k", "owner.pub", "-i", between]), 0);
            make(&other);
            told(&mut verify, 1);
        }
    }
}

#[test]
fn without_an_identity_nothing_is_run() {
    let place = tempfile::tempdir().unwrap();
    let refusing = MockWorkloadApi::answering(MockAnswer::Status("7"));
    let broken = MockWorkloadApi::answering(MockAnswer::Ended(Vec::new()));
    for (socket, said) in [
        (refusing.socket(), "refused (7"),
        (broken.socket(), "it ends within"),
        ("/nowhere/a.sock".into(), "cannot reach the SPIFFE Workload API"),
    ] {
        let mut run = drop_in("in-toto", place.path());
        run.args(["run", "-n", "build", "--spiffe-workload-api-path"]);
        run.arg(format!("unix://{}", socket.display())).args(["--", "touch", "made"]);
        let refused = String::from_utf8(told(&mut run, 1).stderr).unwrap();
        assert!(refused.contains(said), "due {said:?}, found {refused:?}");
        assert!(std::fs::read_dir(place.path()).unwrap().next().is_none());
    }
}

/// Holds what is made with the identity behind a socket beside what golang's program makes with it.
fn hold_beside_golang(pair: &Pair, socket: &Path) {
    let api = format!("--spiffe-workload-api-path unix://{}", socket.display());
    pair.same("in-toto", &format!("run -n build {api} -m src -- true"));
    pair.write("root.layout", layout(&pair.ours()).as_bytes());
    pair.write("root.pem", b"");
    pair.same("in-toto", "sign -f root.layout -k alice");
    let verify = "verify -l root.layout -k alice.pub";
    let ended = pair.same("in-toto", &format!("{verify} -i build-intermediate-0.cert.pem"));
    assert_eq!(ended.code, Some(0));
    pair.same_code("in-toto", verify);
    for words in ["start -n edit -m src", "stop -n edit -p src"] {
        let words = format!("record {words} {api}");
        let (theirs, ours) = pair.run("in-toto", &words.split(' ').collect::<Vec<_>>());
        assert_eq!((ours.code, &ours.stderr), (theirs.code, &theirs.stderr), "{words}");
        let named = |mut files: BTreeMap<PathBuf, Vec<u8>>, name: &str| {
            let between = files.remove(Path::new(&format!("{name}-intermediate-0.cert.pem")));
            (between.unwrap(), files)
        };
        // Golang leaves the name of the step out here.
        assert_eq!(named(ours.files, "edit"), named(theirs.files, ""), "{words}");
    }
}

#[test]
fn the_files_are_those_of_golang() {
    let test = "keys of a Workload API beside golang's";
    let Some(pair) = Pair::of(Generation::Golang, test) else { return };
    hold_beside_golang(&pair, &issuing(ID).socket());
}

/// The API is one of gRPC for Go: what it frames, compresses and holds back is not what the mock does.
#[test]
fn identities_of_an_agent_made_of_go_spiffe_sign() {
    let test = "keys of a Workload API made of go-spiffe";
    let Some(pair) = Pair::of(Generation::Golang, test) else { return };
    let mut agent = GoWorkloadApi::issuing(&pair.python().with_file_name("workload"), &[]);
    let socket = agent.socket();
    let api = format!("--spiffe-workload-api-path unix://{}", socket.display());
    let run = format!("run -n build {api} -- touch made");
    let (theirs, ours) = pair.same_code("in-toto", &run);
    assert_eq!(ours.code, Some(1));
    assert!(theirs.stderr.contains("no identity issued"), "{}", theirs.stderr);
    assert!(ours.stderr.contains("refused (7): \"no identity issued\""), "{}", ours.stderr);

    // More than the agent may send at once, with a second identity behind the first.
    let (long, other) = ("hint".repeat(1 << 18), "spiffe://example.com/other");
    let key = keys::key("workload");
    agent.issue(&[svid(ID, &key, &long), svid(other, &keys::key("other"), "")]);
    hold_beside_golang(&pair, &socket);

    // What an agent issues by default: another key of ECDSA every time.
    let verify = "verify -l root.layout -k alice.pub -i build-intermediate-0.cert.pem";
    for (id, code) in [(ID, Some(0)), (other, Some(1))] {
        let key = SigningKey::generate(KeyAlgorithm::EcdsaP256).unwrap();
        agent.issue(&[svid(id, &key, "")]);
        pair.each(|folder| {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|end| end == "link") {
                    std::fs::remove_file(path).unwrap();
                }
            }
        });
        let words: Vec<&str> = run.split(' ').collect();
        let (theirs, ours) = pair.run("in-toto", &words);
        assert_eq!((ours.code, theirs.code), (Some(0), Some(0)), "{}", ours.stderr);
        let link = format!("build.{:.8}.link", key.public().key_id(KeyIdStyle::Legacy));
        assert!(
            ours.files.contains_key(Path::new(&link))
                && theirs.files.contains_key(Path::new(&link))
        );
        // Each then reads what the other has signed.
        for _ in 0..2 {
            let words: Vec<&str> = verify.split(' ').collect();
            let (theirs, ours) = pair.run("in-toto", &words);
            assert_eq!((ours.code, theirs.code), (code, code), "{}{}", ours.stderr, theirs.stderr);
            let (one, two) = (pair.ours().join(&link), pair.theirs().join(&link));
            let made = std::fs::read(&one).unwrap();
            std::fs::copy(&two, &one).unwrap();
            std::fs::write(&two, made).unwrap();
        }
    }
    let key = format!("spiffe:unix://{}", socket.display());
    told(unbroken(&pair.ours()).args(["run", "build", "--dsse", "--key", &key, "--", "true"]), 0);
}
