//! A real image build, recorded and verified; another image is not covered by the chain.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use unbroken_testkit::registry::RegistryProcess;

use crate::site::write;
use crate::tools::{Run, component, unbroken};

/// Signs a layout of the one step `build`, done by the key that also owns it.
fn layout(folder: &Path, products: &[&str]) {
    let mut command = unbroken(folder);
    let member = Run::must(command.args(["key", "show", "--format", "layout", "owner.pub"]));
    let keys: Value = serde_json::from_str(&format!("{{{member}}}")).unwrap();
    let id = keys.as_object().unwrap().keys().next().unwrap();
    let rules = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let bare = json!({
        "_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "keys": keys, "inspect": [],
        "steps": [{
            "_type": "step", "name": "build", "pubkeys": [id], "threshold": 1, "expected_command": [],
            "expected_materials": [rules("REQUIRE Containerfile"), rules("ALLOW *")],
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
    write(&place.join("Containerfile"), "FROM scratch\nCOPY app.txt /app.txt\n");
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
    command.args(["--materials", "Containerfile", "app.txt", "--products", "image-digest.txt"]);
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

#[test]
fn an_image_in_the_store_of_buildah_is_verified_where_it_was_pushed_to() {
    let name = "an_image_in_the_store_of_buildah_is_verified_where_it_was_pushed_to";
    let Some(buildah) = component("UNBROKEN_TEST_BUILDAH", name) else { return };
    let Some(registry) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let registry = RegistryProcess::docker(&registry, None);
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    write(&folder.join("Containerfile"), "FROM scratch\nCOPY Containerfile /\n");
    // A store of its own, told to buildah by the file that it reads, also when we run it.
    let config = folder.join("storage.conf");
    let (root, run) = (folder.join("store"), folder.join("run"));
    let text = format!("[storage]\ndriver = \"vfs\"\ngraphroot = {root:?}\nrunroot = {run:?}\n");
    write(&config, &text);
    let with_store = |mut command: Command| {
        command.current_dir(folder).env("CONTAINERS_STORAGE_CONF", &config);
        command
    };
    let image = format!("{}/app:1", registry.host());
    let mut build = with_store(Command::new(&buildah));
    Run::must(build.args(["bud", "--quiet", "--isolation", "chroot", "-t", &image, "."]));
    let id = Run::must(with_store(Command::new(&buildah)).args([
        "images",
        "--no-trunc",
        "--quiet",
        &image,
    ]));

    Run::must(unbroken(folder).args(["key", "generate", "owner"]));
    layout(folder, &["CREATE oci*", "DISALLOW *"]);
    let place = format!("containers-storage:{image}");
    let mut record = with_store(unbroken(folder));
    Run::must(
        record
            .args(["run", "build", "--key", "owner", "--materials", "Containerfile"])
            .args(["--image-product", &place]),
    );
    let link = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let link =
        link.filter(|path| path.extension().is_some_and(|end| end == "link")).last().unwrap();
    let link = fs::read_to_string(link).unwrap();
    let id = id.trim().strip_prefix("sha256:").unwrap();
    assert!(
        link.contains(&format!("oci-config:{}/app", registry.host())) && link.contains(id),
        "{link}"
    );

    // What docker would save of it has the same id.
    let archive = format!("docker-archive:{}:{image}", folder.join("saved.tar").display());
    let mut save = with_store(Command::new(&buildah));
    Run::must(save.args(["push", "--quiet", &image, &archive]));
    for place in [archive, format!("docker-archive:{}", folder.join("saved.tar").display())] {
        let saved = Run::must(unbroken(folder).args(["image", "digest", &place]));
        assert_eq!(saved.trim(), format!("sha256:{id}"), "{place}");
    }

    // A push may compress the layers anew, which makes another manifest: the id stays.
    let target = format!("docker://{image}");
    let mut push = with_store(Command::new(&buildah));
    Run::must(push.args(["push", "--quiet", "--tls-verify=false", &image, &target]));
    let verify =
        ["verify", &image, "--link-dir", ".", "--layout", "root.layout", "--trust", "owner.pub"];
    Run::must(unbroken(folder).args(verify));
}

#[test]
fn an_image_in_the_store_of_docker_is_named_as_docker_names_it() {
    let name = "an_image_in_the_store_of_docker_is_named_as_docker_names_it";
    let Some(docker) = component("UNBROKEN_TEST_DOCKER", name) else { return };
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    write(&folder.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
    let docker = |arguments: &[&str]| {
        Run::must(Command::new(&docker).current_dir(folder).args(arguments)).trim().to_owned()
    };
    let image = format!("unbroken-test/{}:1", std::process::id());
    docker(&["build", "--quiet", "-t", &image, "."]);
    let id = docker(&["image", "inspect", "--format", "{{.Id}}", &image]);
    let place = format!("docker-daemon:{image}");
    let stored = Run::must(unbroken(folder).args(["image", "digest", &place]));
    docker(&["image", "rm", &image]);
    assert!(stored.contains(&id), "{stored} is not {id}");
}
