//! A real image build, recorded and verified; another image is not covered by the chain.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::site::write;
use crate::tools::{Run, component, unbroken};

/// Signs a layout of the one step `build`, done by the key that also owns it.
pub(crate) fn layout(folder: &Path, products: &[&str]) {
    let mut command = unbroken(folder);
    let member = Run::must(command.args(["key", "show", "--format", "layout", "owner.pub"]));
    let keys: Value = serde_json::from_str(&format!("{{{member}}}")).unwrap();
    let id = keys.as_object().unwrap().keys().next().unwrap();
    let rules = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let bare = json!({
        "_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "keys": keys, "inspect": [],
        "steps": [{
            "_type": "step", "name": "build", "pubkeys": [id], "threshold": 1, "expected_command": [],
            "expected_materials": [rules("REQUIRE Dockerfile"), rules("ALLOW *")],
            "expected_products": products.iter().copied().map(rules).collect::<Vec<_>>(),
        }],
    });
    write(&folder.join("bare.layout"), &bare.to_string());
    let mut command = unbroken(folder);
    Run::must(command.args(["sign", "--key", "owner", "--output", "root.layout", "bare.layout"]));
}

#[test]
fn a_real_image_build_is_recorded_and_verified() {
    let name = "a_real_image_build_is_recorded_and_verified";
    let Some(buildah) = component("UNBROKEN_TEST_BUILDAH", name) else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let place = folder.join("build");
    write(&place.join("Dockerfile"), "FROM scratch\nCOPY app.txt /app.txt\n");
    write(&place.join("app.txt"), "app\n");
    Run::must(unbroken(folder).args(["key", "generate", "owner"]));
    layout(folder, &["CREATE image-digest.txt", "DISALLOW *"]);

    // A store of its own: the images of this machine are neither seen nor touched.
    let store = [("--root", folder.join("store")), ("--runroot", folder.join("run"))];
    let with_store = |command: &mut Command| {
        for (option, path) in &store {
            command.arg(option).arg(path);
        }
        command.args(["--storage-driver", "vfs"]);
    };
    let mut command = unbroken(&place);
    command.args(["run", "build", "--key", "../owner", "--link-dir", ".."]);
    command.args(["--materials", "Dockerfile", "app.txt", "--products", "image-digest.txt"]);
    with_store(command.arg("--").arg(&buildah));
    command.args(["bud", "--isolation", "chroot", "--iidfile", "image-digest.txt", "."]);
    Run::must(&mut command);

    let digest = fs::read_to_string(place.join("image-digest.txt")).unwrap().trim().to_owned();
    let mut command = Command::new(&buildah);
    with_store(&mut command);
    let images = Run::must(command.args(["images", "--no-trunc", "--quiet"]));
    assert!(images.contains(&digest), "the store has the image {digest}: {images}");

    let verify = |subject: &str| {
        let mut command = unbroken(folder);
        command.args(["verify", "--layout", "root.layout", "--trust", "owner.pub"]);
        let run = Run::of(command.args(["--format", "json", "--subject", subject]));
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        (run.code, report)
    };
    let (code, report) = verify(&digest);
    assert_eq!((code, report["subject"]["coverage"].as_str()), (0, Some("covered")), "{report}");
    let last = if digest.ends_with('0') { "1" } else { "0" };
    let (code, report) = verify(&format!("{}{last}", &digest[..digest.len() - 1]));
    assert_eq!(code, 1, "{report}");
    assert_eq!(report["findings"][0]["code"], "subject-not-covered", "{report}");
}
