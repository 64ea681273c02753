//! Metadata that others made, where it lies beside the workspace.

use unbroken_testkit::{shared_vectors, skip};

use crate::support::Sandbox;

/// The signatures of three statements hold; one of them is no statement, since it says `type`
/// where `_type` is due. The layout is recognised and not verified.
#[test]
fn attestations_of_a_peer_are_read_and_its_layout_is_refused() {
    let Some(folder) = shared_vectors("attestation-verifier") else {
        return skip(
            "attestations_of_a_peer_are_read_and_its_layout_is_refused",
            "there is no folder of metadata that others made",
        );
    };
    let sandbox = Sandbox::of("chain");
    let folder = folder.to_str().unwrap();
    let key = format!("{folder}/test-data-raw/key.pub");
    for (step, said) in [
        ("build", "SLSA provenance 1.0"),
        ("test", "a test result"),
        ("clone", "no statement: _type: the member is missing"),
    ] {
        let file = format!("{folder}/test-data/{step}.fe1c6281.json");
        let outcome = sandbox.run(&format!("inspect --key {key} {file}"));
        assert_eq!(outcome.code, Some(0), "{step}: {}", outcome.stderr);
        assert!(outcome.stdout.contains("signed by every key given"), "{}", outcome.stdout);
        assert!(outcome.stdout.contains(said), "{step}: {}", outcome.stdout);
        let outcome = sandbox.run(&format!("inspect --key test-owner.pub {file}"));
        assert_eq!(outcome.code, Some(1), "{step}");
    }
    let layout = format!("{folder}/layouts/layout.yml");
    let outcome = sandbox.run(&format!("inspect {layout}"));
    assert!(outcome.stdout.starts_with("a layout of attestations in YAML"), "{}", outcome.stdout);
    let outcome = sandbox.run(&format!("verify --layout {layout} --trust {key}"));
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("which this release does not verify"), "{}", outcome.stderr);
}
