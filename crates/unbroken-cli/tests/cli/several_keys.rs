//! A functionary who needs a classical and a post-quantum key together.

use crate::support::Sandbox;

#[test]
fn a_link_counts_when_all_keys_of_the_functionary_signed_it() {
    let sandbox = Sandbox::of("chain");
    sandbox.succeed("key generate quantum --type ml-dsa-65");
    let keys = ["test-builder.pub", "quantum.pub"].map(|file| {
        let shown = sandbox.succeed(&format!("key show {file} --format layout")).stdout;
        let id = shown.split('"').nth(1).unwrap().to_owned();
        (id, shown)
    });
    let [(one, one_key), (other, other_key)] = keys;
    sandbox.write(
        "grouped.layout",
        &format!(
            r#"{{"_type": "layout", "expires": "2099-01-01T00:00:00Z", "inspect": [],
            "readme": "How it is built.\nunbroken: all-of {one} {other}", "keys": {{{one_key}, {other_key}}},
            "steps": [{{"_type": "step", "name": "build", "pubkeys": ["{one}", "{other}"], "threshold": 1,
            "expected_command": [], "expected_materials": [], "expected_products": [["CREATE", "app"], ["DISALLOW", "*"]]}}]}}"#
        ),
    );
    sandbox.succeed("sign grouped.layout --key test-owner");
    let told = sandbox.succeed("inspect grouped.layout").stdout;
    let short = |id: &str| id.chars().take(8).collect::<String>();
    let group = format!("all of     {}, {}: one functionary", short(&one), short(&other));
    assert!(told.contains(&group), "{told}");

    std::fs::create_dir(sandbox.file("made")).unwrap();
    sandbox.succeed("run build --key test-builder -d made --products app -- true");
    let verify = || sandbox.run("verify -l grouped.layout -t test-owner.pub -d made");
    let half = verify();
    assert_eq!(half.code, Some(1));
    assert!(half.stdout.contains("error[functionary-key-missing]"), "{}", half.stdout);

    // A signature on the same link, or a link of its own.
    let link = format!("made/build.{}.link", short(&one));
    let alone = sandbox.read(&link);
    sandbox.succeed(&format!("sign {link} --key quantum"));
    let whole = verify();
    assert_eq!(whole.code, Some(0), "{}", whole.stdout);
    assert!(whole.stdout.contains(" with "), "{}", whole.stdout);
    std::fs::write(sandbox.file(&link), alone).unwrap();
    assert_eq!(verify().code, Some(1));
    sandbox.succeed("run build --key quantum -d made --products app -- true");
    let both = verify();
    assert_eq!(both.code, Some(0), "{}", both.stdout);
}
