//! Files of keys: weak ones are trusted by nobody, and a private one is not recorded unnoticed.

use crate::support::Sandbox;

/// A weak key of an owner or an inspector is refused before anything is verified with it.
#[test]
fn a_weak_key_is_trusted_by_nobody() {
    let sandbox = Sandbox::of("chain");
    for (name, _, pem) in unbroken_testkit::keys::WEAK_RSA {
        sandbox.write("weak.pub", pem);
        for trust in ["-t weak.pub", "-t test-owner.pub --inspector weak.pub"] {
            let refused = sandbox.run(&format!("verify -l root.layout -d links {trust}"));
            assert_eq!(refused.code, Some(2), "{name}: {}", refused.stdout);
            assert!(refused.stderr.contains("weak key: an "), "{name}: {}", refused.stderr);
        }
    }
}

#[test]
fn the_key_that_signs_is_told_of_when_it_was_recorded() {
    let sandbox = Sandbox::of("chain");
    let told = "the key that signs was recorded as the artifact test-builder:";
    let run = sandbox.succeed("run build --key test-builder --products test-builder app -- true");
    assert!(run.stderr.contains(told), "{}", run.stderr);
    sandbox.succeed("record start build --key test-builder --materials test-builder");
    let stop = sandbox.succeed("record stop build --key test-builder --products app");
    assert!(stop.stderr.contains(told), "{}", stop.stderr);
    let other = sandbox.succeed("run build --key test-builder --products test-owner app -- true");
    assert!(!other.stderr.contains("the key that signs"), "{}", other.stderr);
    // The link of an earlier run is among what is left out by default.
    let tree = sandbox.succeed("run build --key test-builder --products . -- true");
    assert!(tree.stderr.contains(told), "{}", tree.stderr);
    let links = std::fs::read_dir(sandbox.path()).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        (name.starts_with("build.") && name.strip_suffix(".link").is_some()).then_some(name)
    });
    let own = links.last().unwrap();
    let link = String::from_utf8(sandbox.read(&own)).unwrap();
    assert!(link.contains("\"app.c\"") && !link.contains(&own), "{link}");
}
