//! Links as statements of the attestation framework: made, kept beside images, and verified.

use unbroken_testkit::registry::{Referrers, TestRegistry};

use crate::images::{chain, verify};
use crate::support::Sandbox;

/// The one link of a step in the folder.
fn link_of(sandbox: &Sandbox, step: &str) -> String {
    let names = std::fs::read_dir(sandbox.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let of_step = |name: &String| name.starts_with(step) && name.strip_suffix(".link").is_some();
    let mut names: Vec<String> = names.filter(of_step).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names.remove(0)
}

#[test]
fn a_subject_of_a_statement_binds_an_image_wherever_the_statement_lies() {
    for scheme in ["referrer", "cosign-tag"] {
        let registry = TestRegistry::start(Referrers::Unknown);
        let image = format!("{}/app:1.4", registry.host());
        registry.put_image("app", "1.4", b"layer");
        let sandbox = Sandbox::of("chain");
        chain(&sandbox, &image);
        sandbox.succeed(&format!("run build --key test-owner --statement --image-product {image}"));
        let name = link_of(&sandbox, "build.");
        let told = sandbox.succeed(&format!("inspect {name}")).stdout;
        assert!(told.contains("DSSE envelope"), "{told}");
        assert!(told.contains("link in a statement, its subjects as products, of the step build"));

        sandbox.succeed(&format!("image attach {image} {name} --scheme {scheme}"));
        std::fs::remove_file(sandbox.file(&name)).unwrap();
        let listed = sandbox.succeed(&format!("image list {image}")).stdout;
        assert!(listed.contains("link in a statement · build · "), "{listed}");
        let verified = verify(&sandbox, &image);
        assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
        let subject = format!("is the subject oci:{}/app of build", registry.host());
        assert!(verified.stdout.contains(&subject), "{}", verified.stdout);
        let report = verify(&sandbox, &format!("{image} --format json")).stdout;
        assert!(report.contains("\"by\": \"subject\""), "{report}");

        registry.put_image("app", "evil", b"evil");
        let evil = format!("{}/app:evil", registry.host());
        sandbox.succeed(&format!("image pull {image} --output links"));
        sandbox.succeed(&format!("image attach {evil} links --scheme {scheme}"));
        let rejected = verify(&sandbox, &evil);
        assert_eq!(rejected.code, Some(1), "{}", rejected.stdout);
        assert!(rejected.stdout.contains("subject-not-covered"), "{}", rejected.stdout);
    }
}

#[test]
fn whatever_reads_or_makes_links_takes_them_as_statements() {
    let sandbox = Sandbox::of("source");
    sandbox.succeed("key generate owner");
    sandbox.write("app", "app");
    sandbox.succeed("run build --key owner --products app --statement");
    let name = link_of(&sandbox, "build.");
    sandbox.succeed(&format!("match-products {name} app"));
    let held = format!("run test --key owner --materials app --verify-materials {name}");
    sandbox.succeed(&format!("{held} --functionary owner.pub --statement -- true"));
    sandbox.succeed("record start pack --key owner --materials app --statement");
    sandbox.succeed("record stop pack --key owner --products app --statement");
    sandbox.succeed("mock try --statement -- true");
    sandbox.succeed(&format!("sign {name} --key owner --output again.link"));
    for name in [name, link_of(&sandbox, "test."), link_of(&sandbox, "pack."), "try.link".into()] {
        let told = sandbox.succeed(&format!("inspect {name}")).stdout;
        assert!(told.contains("link in a statement"), "{name}: {told}");
        let payload = sandbox.succeed(&format!("inspect {name} --format json")).stdout;
        assert!(payload.contains("https://in-toto.io/attestation/link/v0.3"), "{payload}");
    }
    sandbox.write("app", "changed");
    assert_eq!(sandbox.run(&format!("{held} --functionary owner.pub -- true")).code, Some(1));
}
