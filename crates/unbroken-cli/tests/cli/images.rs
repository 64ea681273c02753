//! Images: their digests, in links and in verdicts, wherever they lie.

use unbroken_testkit::registry::{INDEX, MANIFEST, Referrers, TestRegistry};

use crate::support::{Outcome, Sandbox};

/// Signs a layout of the step `build`, whose product is an image, and records the step.
pub(crate) fn chain(sandbox: &Sandbox, image: &str) {
    for folder in ["", "-changed", "-command", "-extra", "-none", "-stranger"] {
        std::fs::remove_dir_all(sandbox.file(&format!("links{folder}"))).unwrap_or_default();
    }
    let keys = sandbox.succeed("key show test-owner.pub --format layout").stdout;
    let id = keys.split('"').nth(1).unwrap().to_owned();
    sandbox.write(
        "bare.layout",
        &format!(
            r#"{{"_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "inspect": [], "keys": {{{keys}}},
            "steps": [{{"_type": "step", "name": "build", "pubkeys": ["{id}"], "threshold": 1, "expected_command": [],
            "expected_materials": [], "expected_products": [["CREATE", "oci*"], ["DISALLOW", "*"]]}}]}}"#
        ),
    );
    sandbox.succeed("sign bare.layout --key test-owner --output root.layout");
    sandbox.succeed(&format!("run build --key test-owner --image-product {image}"));
}

pub(crate) fn verify(sandbox: &Sandbox, image: &str) -> Outcome {
    sandbox.run(&format!("verify {image} --layout root.layout --trust test-owner.pub"))
}

/// With the links that lie in the folder, wherever the image lies.
fn verify_here(sandbox: &Sandbox, image: &str) -> Outcome {
    verify(sandbox, &format!("{image} --link-dir ."))
}

fn add(registry: &TestRegistry, platforms: &[&str]) -> String {
    let entries = platforms.iter().map(|architecture| {
        let digest = registry.put_image("app", architecture, architecture.as_bytes());
        let size = registry.manifest("app", architecture).unwrap().len();
        format!(
            r#"{{"mediaType":"{MANIFEST}","digest":"{digest}","size":{size},"platform":{{"os":"linux","architecture":"{architecture}"}}}}"#
        )
    });
    let entries = entries.collect::<Vec<_>>().join(",");
    let text = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entries}]}}"#);
    registry.put_manifest("app", "all", INDEX, text.as_bytes())
}

#[test]
fn an_image_is_verified_by_its_name_and_another_one_is_rejected() {
    let registry = TestRegistry::start(Referrers::Listed);
    let host = registry.host();
    let digest = registry.put_image("app", "1.4", b"layer");
    let sandbox = Sandbox::of("chain");
    chain(&sandbox, &format!("{host}/app:1.4"));
    let verified = verify_here(&sandbox, &format!("{host}/app:1.4"));
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.contains(&format!("{host}/app@{digest}")), "{}", verified.stdout);

    // The tag moves: what it names now is another image.
    registry.put_image("app", "1.4", b"evil");
    let rejected = verify_here(&sandbox, &format!("{host}/app:1.4"));
    assert_eq!(rejected.code, Some(1), "{}", rejected.stderr);
    assert!(rejected.stdout.contains("subject-not-covered"), "{}", rejected.stdout);
    // O11: the digest beside a tag decides.
    assert_eq!(verify_here(&sandbox, &format!("{host}/app:1.4@{digest}")).code, Some(0));
}

#[test]
fn o09_a_tag_is_looked_up_once() {
    let registry = TestRegistry::start(Referrers::Listed);
    let host = registry.host();
    registry.put_image("app", "1.4", b"layer");
    let sandbox = Sandbox::of("chain");
    chain(&sandbox, &format!("{host}/app:1.4"));
    registry.forget_requests();
    assert_eq!(verify_here(&sandbox, &format!("{host}/app:1.4")).code, Some(0));
    let by_tag = registry.requests().into_iter().filter(|asked| asked.target.contains("/1.4"));
    assert_eq!(by_tag.count(), 1);
}

#[test]
fn o10_an_index_vouches_for_its_children_and_a_child_not_for_the_index() {
    let registry = TestRegistry::start(Referrers::Listed);
    let host = registry.host();
    add(&registry, &["amd64", "arm64"]);
    let index = Sandbox::of("chain");
    chain(&index, &format!("{host}/app:all"));
    let all = format!("{host}/app:all");
    for image in [all.clone(), format!("{all} --platform linux/arm64")] {
        assert_eq!(verify_here(&index, &image).code, Some(0), "{image}");
    }
    assert_eq!(verify_here(&index, &format!("{all} --platform linux/riscv64")).code, Some(3));
    let child = Sandbox::of("chain");
    chain(&child, &format!("{host}/app:amd64"));
    assert_eq!(verify_here(&child, &all).code, Some(1));
    assert_eq!(verify_here(&child, &format!("{all} --platform linux/amd64")).code, Some(0));
    assert_eq!(verify_here(&child, &format!("{all} --platform linux/arm64")).code, Some(1));
}

#[test]
fn an_id_in_a_file_names_the_image() {
    let registry = TestRegistry::start(Referrers::Listed);
    let host = registry.host();
    let digest = registry.put_image("app", "1.4", b"layer");
    let sandbox = Sandbox::of("chain");
    sandbox.write("digest.txt", &format!("{digest}\n"));
    chain(&sandbox, &format!("{host}/app=digest-file:digest.txt"));
    assert_eq!(verify_here(&sandbox, &format!("{host}/app:1.4")).code, Some(0));
    // kaniko writes the whole name too.
    sandbox.write("digest.txt", &format!("{host}/app@{digest}"));
    chain(&sandbox, "digest-file:digest.txt");
    assert_eq!(verify_here(&sandbox, &format!("{host}/app:1.4")).code, Some(0));
    sandbox.write("digest.txt", &digest);
    let unnamed = sandbox.run("run build --key test-owner --image-product digest-file:digest.txt");
    assert_eq!(unnamed.code, Some(2), "{}", unnamed.stderr);
    assert!(unnamed.stderr.contains("registry/repository=digest-file:digest.txt"));
}

#[test]
fn a_registry_that_does_not_answer_is_no_verdict() {
    let registry = TestRegistry::start(Referrers::Listed);
    let host = registry.host().to_owned();
    registry.put_image("app", "1.4", b"layer");
    let sandbox = Sandbox::of("chain");
    chain(&sandbox, &format!("{host}/app:1.4"));
    for (code, said) in [(403, "credentials that may do this"), (404, "is not there")] {
        registry.rule(move |_| Some(unbroken_testkit::registry::Reply::status(code)));
        let undecided = verify_here(&sandbox, &format!("{host}/app:1.4"));
        assert_eq!((undecided.code, &*undecided.stdout), (Some(3), ""), "{code}");
        assert!(undecided.stderr.contains(said), "{}", undecided.stderr);
    }
    drop(registry);
    let undecided = verify_here(&sandbox, &format!("{host}/app:1.4"));
    assert_eq!((undecided.code, &*undecided.stdout), (Some(3), ""));
}

#[test]
fn images_of_a_step_are_recorded_by_start_and_stop() {
    let registry = TestRegistry::start(Referrers::Listed);
    let host = registry.host();
    registry.put_image("base", "1", b"base");
    registry.put_image("app", "1", b"app");
    let sandbox = Sandbox::of("chain");
    let key = "--key test-owner";
    sandbox.succeed(&format!("record start build {key} --image-material {host}/base:1"));
    sandbox.succeed(&format!("record stop build {key} --image-product {host}/app:1"));
    let link = std::fs::read_dir(sandbox.path()).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        (name.starts_with("build.") && name.strip_suffix(".link").is_some()).then_some(name)
    });
    let link = String::from_utf8(sandbox.read(&link.last().unwrap())).unwrap();
    for artifact in [format!("oci:{host}/base"), format!("oci-config:{host}/app")] {
        assert!(link.contains(&format!("\"{artifact}\"")), "{link}");
    }
    let twice =
        format!("run build {key} --image-product {host}/app:1 --image-product {host}/app:1");
    assert_eq!(sandbox.run(&twice).code, Some(2));
    // A command that failed need not have made its image.
    let failed = format!("run build {key} --image-product {host}/none:1 -- false");
    assert_eq!(sandbox.run(&failed).code, Some(1));
    let missing = format!("run build {key} --image-product {host}/none:1 -- true");
    assert_eq!(sandbox.run(&missing).code, Some(3));
}

/// The links of the chain go from the folder to the place of the image.
fn attach_all(sandbox: &Sandbox, image: &str) {
    sandbox.succeed(&format!("image attach {image} ."));
    for entry in std::fs::read_dir(sandbox.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "link") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn an_image_is_verified_by_its_name_with_the_links_that_lie_beside_it() {
    for referrers in [Referrers::Listed, Referrers::Unknown] {
        let registry = TestRegistry::start(referrers);
        let image = format!("{}/app:1.4", registry.host());
        registry.put_image("app", "1.4", b"layer");
        let sandbox = Sandbox::of("chain");
        chain(&sandbox, &image);
        let without = verify(&sandbox, &image);
        assert_eq!(without.code, Some(1), "{}", without.stdout);
        assert!(without.stdout.contains("link-missing"), "{}", without.stdout);
        attach_all(&sandbox, &image);
        registry.forget_requests();
        assert_eq!(verify(&sandbox, &image).code, Some(0));
        let requests = registry.requests().len();
        assert!(requests <= 8, "{requests} requests");
        // Another image with the same layout: the links beside it are of the first.
        registry.put_image("app", "evil", b"evil");
        let evil = format!("{}/app:evil", registry.host());
        sandbox.succeed(&format!("image pull {image} --output links"));
        sandbox.succeed(&format!("image attach {evil} links"));
        let rejected = verify(&sandbox, &evil);
        assert_eq!(rejected.code, Some(1));
        assert!(rejected.stdout.contains("subject-not-covered"), "{}", rejected.stdout);
    }
}

#[test]
fn evidence_may_lie_in_other_stores_than_the_image() {
    let registry = TestRegistry::start(Referrers::Listed);
    let image = format!("{}/app:1.4", registry.host());
    registry.put_image("app", "1.4", b"layer");
    // Two at once: the links of one are enough, and the other has none.
    let sandbox = Sandbox::of("chain");
    chain(&sandbox, &image);
    sandbox.succeed(&format!("image attach {image} . --store oci:full"));
    std::fs::create_dir(sandbox.file("empty")).unwrap();
    let both = format!("{image} --evidence folder:empty --evidence oci:full");
    assert_eq!(verify(&sandbox, &both).code, Some(0));
    for store in
        [format!("{}/evidence", registry.host()), "oci:store".into(), "folder:store2".into()]
    {
        let sandbox = Sandbox::of("chain");
        chain(&sandbox, &image);
        sandbox.succeed(&format!("image attach {image} . --store {store}"));
        let verify = "--layout root.layout --trust test-owner.pub";
        let elsewhere = sandbox.run(&format!("verify {image} {verify} --evidence {store}"));
        assert_eq!(elsewhere.code, Some(0), "{store}: {}{}", elsewhere.stdout, elsewhere.stderr);
        assert_eq!(sandbox.run(&format!("verify {image} {verify}")).code, Some(1), "{store}");
        for absent in ["oci:no-such", "folder:no-such"] {
            let undecided = sandbox.run(&format!("verify {image} {verify} --evidence {absent}"));
            assert_eq!((undecided.code, &*undecided.stdout), (Some(3), ""), "{absent}");
            assert!(!sandbox.file("no-such").exists());
        }
        let listed = sandbox.succeed(&format!("image list {image} --evidence {store}")).stdout;
        assert!(listed.contains("link · build") && listed.contains("UNVERIFIED"), "{listed}");
    }
}

#[test]
fn an_image_is_copied_with_its_evidence_to_a_layout_and_to_another_registry() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let away = TestRegistry::start(Referrers::Unknown);
    let image = format!("{}/app:1.4", registry.host());
    let digest = registry.put_image("app", "1.4", b"layer");
    let sandbox = Sandbox::of("chain");
    chain(&sandbox, &image);
    attach_all(&sandbox, &image);
    let copied = sandbox.succeed(&format!("image copy {image} oci:carried:1.4"));
    assert_eq!(copied.stdout.trim(), digest);
    let there = format!("{}/app:1.4", away.host());
    sandbox.succeed(&format!("image copy oci:carried:1.4 {there}"));
    for place in ["oci:carried:1.4", "oci:carried", &there] {
        assert_eq!(verify(&sandbox, place).code, Some(0), "{place}");
        assert_eq!(sandbox.succeed(&format!("image digest {place}")).stdout.trim(), digest);
    }
    sandbox.succeed(&format!("image copy {image} oci:alone --without-evidence"));
    assert_eq!(verify(&sandbox, "oci:alone").code, Some(1));
}

#[test]
fn what_is_attached_again_changes_nothing_and_a_pull_writes_over_nothing() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let image = format!("{}/app:1.4", registry.host());
    registry.put_image("app", "1.4", b"layer");
    let sandbox = Sandbox::of("chain");
    let attach = format!("image attach {image} root.layout links/build.b45c9cd0.link app");
    let first = sandbox.succeed(&attach).stdout;
    assert_eq!(sandbox.succeed(&attach).stdout, first);
    let listed = sandbox.succeed(&format!("image list {image}")).stdout;
    for word in ["layout · root.layout", "link · build", "other · app"] {
        assert_eq!(listed.matches(word).count(), 1, "{word}: {listed}");
    }
    sandbox.succeed(&format!("image pull {image} --output pulled"));
    assert_eq!(sandbox.read("pulled/app"), sandbox.read("app"));
    sandbox.succeed(&format!("image pull {image} --output pulled"));
    sandbox.write("pulled/app", "mine");
    assert_eq!(sandbox.run(&format!("image pull {image} --output pulled")).code, Some(3));
    assert_eq!(sandbox.read("pulled/app"), b"mine");
}

#[test]
fn attestations_go_under_the_tag_of_cosign_on_request() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let image = format!("{}/app:1.4", registry.host());
    let digest = registry.put_image("app", "1.4", b"layer");
    let sandbox = Sandbox::of("chain");
    let attach = format!("image attach {image} dsse.link --scheme cosign-tag");
    sandbox.succeed(&attach);
    sandbox.succeed(&attach);
    let tag = format!("{}.att", digest.replace(':', "-"));
    let manifest = String::from_utf8(registry.manifest("app", &tag).unwrap()).unwrap();
    assert_eq!(manifest.matches("application/vnd.dsse.envelope.v1+json").count(), 1, "{manifest}");
    let listed = sandbox.succeed(&format!("image list {image}")).stdout;
    assert!(listed.contains("cosign tag"), "{listed}");
    let metablock = sandbox.run(&format!("image attach {image} root.layout --scheme cosign-tag"));
    assert_eq!(metablock.code, Some(3), "{}", metablock.stderr);
}

#[test]
fn what_other_tools_put_beside_an_image_is_listed_by_name_and_pulled() {
    let registry = TestRegistry::start(Referrers::Listed);
    let image = format!("{}/app:1.4", registry.host());
    let digest = registry.put_image("app", "1.4", b"layer");
    let count = registry.put_beside("app", &digest);
    let sandbox = Sandbox::of("chain");
    let listed = sandbox.succeed(&format!("image list {image}")).stdout;
    for line in [
        "Sigstore bundle · https://slsa.dev/provenance/v1 · ",
        "Sigstore bundle · cosign signature · ",
        "Notation signature · ",
        "attestation · https://slsa.dev/provenance/v1 · ",
        "bill of materials · CycloneDX · ",
    ] {
        assert!(listed.contains(line), "{line}: {listed}");
    }
    assert!(listed.contains("UNVERIFIED"), "{listed}");
    assert_eq!(listed.lines().count(), count + 2);
    // The same attestation lies there twice: by its content it is one file.
    let pulled = sandbox.succeed(&format!("image pull {image} --output pulled")).stdout;
    assert_eq!(pulled.lines().count(), count - 1, "{pulled}");
    // All of it is evidence, and none of it is a link.
    chain(&sandbox, &image);
    attach_all(&sandbox, &image);
    assert_eq!(verify(&sandbox, &image).code, Some(0));
}

#[test]
fn o18_a_title_that_leads_out_of_the_folder_is_no_name_of_a_file() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let image = format!("{}/app:1.4", registry.host());
    let digest = registry.put_image("app", "1.4", b"layer");
    let sandbox = Sandbox::of("source");
    sandbox.write("evil", "evil");
    sandbox.succeed(&format!("image attach {image} evil"));
    // The same piece under titles of an attacker.
    let list = digest.replace(':', "-");
    let text = |bytes: Option<Vec<u8>>| String::from_utf8(bytes.unwrap()).unwrap();
    let listed = text(registry.manifest("app", &list));
    let (_, rest) = listed.split_once("\"digest\"").unwrap();
    let honest = rest.split('"').nth(1).unwrap().to_owned();
    let manifest = text(registry.manifest("app", &honest));
    for title in ["../evil-2", "/tmp/unbroken-evil", "a/../../evil-2", ".bashrc"] {
        let forged = manifest.replace("\"evil\"", &format!("{title:?}"));
        assert_ne!(forged, manifest);
        let forged_digest = registry.put_manifest("app", "forged", MANIFEST, forged.as_bytes());
        let relisted = listed.replace(&honest, &forged_digest);
        registry.put_manifest("app", &list, INDEX, relisted.as_bytes());
        let folder = "pulled/here";
        let pulled = sandbox.succeed(&format!("image pull {image} --output {folder}")).stdout;
        let hash = unbroken_crypto::hash::sha256_hex(b"evil");
        assert_eq!(pulled.trim(), hash, "{title}");
        assert_eq!(
            crate::support::files_below(&sandbox.file("pulled")),
            [sandbox.file(&format!("{folder}/{hash}"))]
        );
        std::fs::remove_dir_all(sandbox.file("pulled")).unwrap();
    }
}
