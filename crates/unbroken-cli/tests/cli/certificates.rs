//! Signing with a certificate, and verifying who did.

use unbroken_testkit::certificates::{CertificateDraft, authority_id};
use unbroken_testkit::keys;

use crate::support::Sandbox;

const ID: &str = "spiffe://example.com/build";

/// The program signs at the time of the machine.
fn lasting(mut draft: CertificateDraft) -> CertificateDraft {
    draft.not_after = "2049-12-31T23:59:59Z".parse().unwrap();
    draft
}

fn leaf() -> CertificateDraft {
    lasting(CertificateDraft::of("workload").uri(ID))
}

/// A folder with a key, its certificate under an authority under a root, and a layout that lets in
/// whoever has one for the id.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::of("keys");
    sandbox.write("workload", &keys::key("workload").to_pkcs8_pem(None).unwrap());
    let authority = |name: &str| lasting(CertificateDraft::authority(name));
    sandbox.write("root.pem", &authority("ca").pem_by("ca"));
    sandbox.write("between.pem", &authority("between").pem_by("ca"));
    sandbox.write("leaf.pem", &leaf().pem_by("between"));
    let root = sandbox.succeed("key show root.pem --format layout").stdout;
    let layout = format!(
        r#"{{"_type": "layout", "expires": "2049-01-01T00:00:00Z", "readme": "", "keys": {{}},
            "rootcas": {{{root}}}, "inspect": [],
            "steps": [{{"_type": "step", "name": "build", "pubkeys": [], "threshold": 1,
              "cert_constraints": [{{"common_name": "workload", "roots": ["{}"], "uris": ["{ID}"]}}],
              "expected_command": [], "expected_materials": [["DISALLOW", "*"]],
              "expected_products": [["CREATE", "app"], ["DISALLOW", "*"]]}}]}}"#,
        authority_id("ca")
    );
    sandbox.write("root.layout", &layout);
    sandbox.succeed("sign root.layout --key test-key-ed25519");
    sandbox
}

const VERIFY: &str = "verify --layout root.layout --trust test-key-ed25519.pub";

fn link_name() -> String {
    format!("build.{}.link", authority_id("workload").get(..8).unwrap())
}

#[test]
fn a_step_is_recorded_with_a_certificate_and_verified_by_it() {
    for dsse in ["", "--dsse"] {
        let sandbox = sandbox();
        let run = format!("run build --key workload --cert leaf.pem {dsse} --products app");
        sandbox.succeed(&format!("{run} --intermediates between.pem -- touch app"));
        let report = sandbox.succeed(VERIFY).stdout;
        assert!(report.contains(ID), "{report}");

        // Without the authority between, whoever verifies has to bring it along.
        sandbox.succeed(&format!("{run} -- touch app"));
        let refused = sandbox.run(VERIFY);
        assert_eq!(refused.code, Some(1));
        assert!(refused.stdout.contains("certificate-untrusted"), "{}", refused.stdout);
        sandbox.succeed(&format!("{VERIFY} --intermediates between.pem"));

        // Both in one file do as well.
        let both = format!("{}{}", text(&sandbox, "leaf.pem"), text(&sandbox, "between.pem"));
        sandbox.write("leaf.pem", &both);
        sandbox.succeed(&format!("{run} -- touch app"));
        sandbox.succeed(VERIFY);
    }
}

fn text(sandbox: &Sandbox, name: &str) -> String {
    String::from_utf8(sandbox.read(name)).unwrap()
}

#[test]
fn recording_and_signing_take_a_certificate_too() {
    let sandbox = sandbox();
    let signing = "--key workload --cert leaf.pem --intermediates between.pem";
    sandbox.succeed(&format!("record start build {signing}"));
    sandbox.write("app", "built");
    sandbox.succeed(&format!("record stop build --products app {signing}"));
    sandbox.succeed(VERIFY);
    sandbox.succeed(&format!("sign {} {signing}", link_name()));
    sandbox.succeed(VERIFY);
    // The same key without its certificate is nobody's.
    sandbox.succeed(&format!("sign {} --key workload", link_name()));
    assert_eq!(sandbox.run(VERIFY).code, Some(1));
}

#[test]
fn a_certificate_that_no_verifier_takes_is_refused_before_the_work() {
    let sandbox = sandbox();
    let mut ended = leaf();
    ended.not_after = "2026-01-02T00:00:00Z".parse().unwrap();
    sandbox.write("ended.pem", &ended.pem_by("between"));
    sandbox.write("other.pem", &lasting(CertificateDraft::of("other")).pem_by("between"));
    for (certificate, said) in [
        ("ended.pem", "valid from"),
        ("other.pem", "is of another key"),
        ("root.pem", "is of another key"),
        ("workload", "PEM block of"),
        ("root.layout", "it is not PEM"),
    ] {
        let refused =
            sandbox.run(&format!("run build --key workload --cert {certificate} -- touch app"));
        assert_eq!(refused.code, Some(2), "{certificate}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{certificate}: {}", refused.stderr);
        assert!(!sandbox.file("app").exists() && !sandbox.file(&link_name()).exists());
    }
}

#[test]
fn certificates_are_shown_with_their_names_and_ids() {
    let sandbox = sandbox();
    let shown = sandbox.succeed("key show leaf.pem").stdout;
    assert!(shown.contains(ID) && shown.contains(&authority_id("workload")), "{shown}");
    let id = sandbox.succeed("key show leaf.pem --format id --key-id-style legacy").stdout;
    assert_eq!(id.trim(), authority_id("workload"));
    let shown = sandbox.succeed("inspect root.pem").stdout;
    assert!(shown.contains("certificate of an authority") && shown.contains("CN=ca"), "{shown}");
    let shown = sandbox.succeed("inspect root.layout").stdout;
    assert!(shown.contains(&format!("uris {ID}")), "{shown}");
    assert!(shown.contains(&authority_id("ca")), "{shown}");
    sandbox.succeed("run build --key workload --cert leaf.pem --products app -- touch app");
    let shown = sandbox.succeed(&format!("inspect {}", link_name())).stdout;
    assert!(shown.contains("UNVERIFIED") && shown.contains(ID), "{shown}");
}

#[test]
fn a_workload_api_that_is_not_there_is_told_before_the_work() {
    let sandbox = sandbox();
    for (key, said) in [
        (
            "spiffe:unix:///nowhere/api.sock",
            "cannot reach the SPIFFE Workload API at /nowhere/api.sock",
        ),
        ("spiffe:", "no SPIFFE Workload API is named"),
    ] {
        let mut command = sandbox.unbroken(&format!("run build --key {key} -- touch app"));
        let output = command.env_remove("SPIFFE_ENDPOINT_SOCKET").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
        assert!(!sandbox.file("app").exists());
    }
}
