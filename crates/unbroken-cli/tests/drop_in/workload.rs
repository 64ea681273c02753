//! Keys of a SPIFFE Workload API, of a mock of one: a step that they sign is verified under a layout
//! that names a root and a URI.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use data_encoding::BASE64;
use unbroken_testkit::certificates::CertificateDraft;
use unbroken_testkit::keys;

use crate::mock_workload_api::{MockAnswer, MockWorkloadApi, framed};
use crate::pair::{Generation, Pair, drop_in};

const ID: &str = "spiffe://example.com/build";

/// The program signs at the time of the machine.
fn lasting(mut draft: CertificateDraft) -> CertificateDraft {
    draft.not_after = "2049-12-31T23:59:59Z".parse().unwrap();
    draft
}

/// A mock that issues the identity of an id: its certificate is by an authority under the root `ca`.
fn issuing(id: &str) -> MockWorkloadApi {
    let leaf = lasting(CertificateDraft::of("workload").uri(id)).issued_by("between");
    let between = lasting(CertificateDraft::authority("between")).issued_by("ca");
    let pem = keys::key("workload").to_pkcs8_pem(None).unwrap();
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let private = BASE64.decode(lines.as_bytes()).unwrap();
    MockWorkloadApi::answering(MockAnswer::Open(framed(id, &[leaf, between].concat(), &private)))
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

#[test]
fn the_files_are_those_of_golang() {
    let test = "keys of a Workload API beside golang's";
    let Some(pair) = Pair::of(Generation::Golang, test) else { return };
    let mock = issuing(ID);
    let api = format!("--spiffe-workload-api-path unix://{}", mock.socket().display());
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
