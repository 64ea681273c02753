//! A chain of three steps beside an image in real registries, by name and within a number of requests.

use std::path::Path;

use serde_json::{Value, json};
use unbroken_oci::reference::Reference;
use unbroken_oci::registry::{Client, Settings};
use unbroken_testkit::registry::{RegistryProcess, push_image};

use crate::site::write;
use crate::tools::{Run, component, unbroken};

/// What attaching a piece, and verifying three, may ask of a registry at the most.
const MOST_REQUESTS: usize = 8;

/// Signs a layout of three steps by one key, the second of which makes the image.
fn sign_layout(folder: &Path) {
    Run::must(unbroken(folder).args(["key", "generate", "owner"]));
    let member =
        Run::must(unbroken(folder).args(["key", "show", "--format", "layout", "owner.pub"]));
    let keys: Value = serde_json::from_str(&format!("{{{member}}}")).unwrap();
    let id = keys.as_object().unwrap().keys().next().unwrap();
    let step = |name: &str, materials: Value, products: Value| {
        json!({
            "_type": "step", "name": name, "pubkeys": [id], "threshold": 1, "expected_command": [],
            "expected_materials": materials, "expected_products": products,
        })
    };
    let image = |step: &str| {
        json!([["MATCH", "oci*", "WITH", "PRODUCTS", "FROM", step], ["DISALLOW", "*"]])
    };
    let nothing = json!([["DISALLOW", "*"]]);
    let bare = json!({
        "_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "keys": keys, "inspect": [],
        "steps": [
            step("checkout", nothing.clone(), nothing.clone()),
            step("build", nothing.clone(), json!([["CREATE", "oci*"], ["DISALLOW", "*"]])),
            step("scan", image("build"), nothing),
        ],
    });
    write(&folder.join("bare.layout"), &bare.to_string());
    let mut command = unbroken(folder);
    Run::must(command.args(["sign", "--key", "owner", "--output", "root.layout", "bare.layout"]));
}

fn links(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let mut links: Vec<String> =
        names.filter(|name| name.strip_suffix(".link").is_some()).collect();
    links.sort();
    links
}

/// Runs it, and counts what the registry then has seen more than before.
fn assert_few(server: &RegistryProcess, words: &[&str], folder: &Path) {
    let before = server.requests().len();
    Run::must(unbroken(folder).args(words));
    let all = server.requests();
    let asked = &all[before..];
    assert!(!asked.is_empty(), "the registry logs what is asked of it");
    assert!(asked.len() <= MOST_REQUESTS, "{words:?}: {}", asked.join("\n"));
}

#[test]
fn attaching_and_verifying_ask_a_registry_for_eight_things_at_the_most() {
    let name = "attaching_and_verifying_ask_a_registry_for_eight_things_at_the_most";
    let Some(docker) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let Some(listing) = component("UNBROKEN_TEST_OCI_REGISTRY", name) else { return };
    for server in [RegistryProcess::docker(&docker, None), RegistryProcess::listing(&listing)] {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        let image = format!("{}/app:1.4", server.host());
        let reference: Reference = image.parse().unwrap();
        let client = Client::new(Settings::default());
        push_image(&client.repository(reference.repository()), "1.4", b"layer");
        sign_layout(folder);
        let run = ["run", "--key", "owner"];
        Run::must(unbroken(folder).args(run).arg("checkout"));
        Run::must(unbroken(folder).args(run).args(["build", "--image-product", &image]));
        Run::must(unbroken(folder).args(run).args(["scan", "--image-material", &image]));
        let links = links(folder);
        assert_eq!(links.len(), 3);
        for link in &links {
            assert_few(&server, &["image", "attach", &image, link], folder);
            std::fs::remove_file(folder.join(link)).unwrap();
        }
        let verify = ["verify", &image, "--layout", "root.layout", "--trust", "owner.pub"];
        assert_few(&server, &verify, folder);
    }
}
