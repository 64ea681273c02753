//! Oras, in both directions: it lists and pulls what is attached here, and what it attaches is found here.

use std::process::Command;

use unbroken_oci::attach::{Piece, attach};
use unbroken_oci::classify::Kind;
use unbroken_oci::copy::{WithEvidence, copy};
use unbroken_oci::evidence::{Scope, Way, find};
use unbroken_oci::image_layout::ImageLayout;
use unbroken_oci::limits::Limits;
use unbroken_oci::reference::Selector;
use unbroken_testkit::component;
use unbroken_testkit::registry::{RegistryProcess, push_image};

use crate::server::repository;
use crate::tools::{Silent, run};

fn link(title: &str, step: &str) -> Piece {
    let text = format!(r#"{{"signatures":[],"signed":{{"_type":"link","name":"{step}"}}}}"#);
    Piece { title: title.to_owned(), media_type: None, bytes: text.into_bytes() }
}

#[test]
fn oras_lists_and_pulls_what_is_attached_here_and_its_own_is_found() {
    let name = "oras_lists_and_pulls_what_is_attached_here_and_its_own_is_found";
    let Some(docker) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let Some(listing) = component("UNBROKEN_TEST_OCI_REGISTRY", name) else { return };
    let Some(oras) = component("UNBROKEN_TEST_ORAS", name) else { return };
    for server in [RegistryProcess::docker(&docker, None), RegistryProcess::listing(&listing)] {
        let (content, home) = (repository(&server, "app"), tempfile::tempdir().unwrap());
        let folder = home.path();
        let ask = |words: &[&str]| run(Command::new(&oras).current_dir(folder).args(words));
        let image = push_image(&content, "1.0", b"layer");
        let place = format!("{}/app", server.host());
        let tagged = format!("{place}:1.0");
        let ours = link("build.c5e52e1b.link", "build");
        let pieces = std::slice::from_ref(&ours);
        let attached = attach(&content, &image.descriptor, pieces).unwrap().remove(0);

        // Beside ours: neither loses the other's.
        let theirs = link("scan.776a00e2.link", "scan");
        std::fs::write(folder.join(&theirs.title), &theirs.bytes).unwrap();
        let digest = ["--no-tty", "--format", "go-template", "--template", "{{.digest}}"];
        let how = ["attach", "--plain-http", "--artifact-type", "application/vnd.example.link"];
        let theirs_manifest = ask(&[&how[..], &digest, &[&tagged, &theirs.title]].concat());
        let more = link("test.c5e52e1b.link", "test");
        attach(&content, &image.descriptor, std::slice::from_ref(&more)).unwrap();

        // By digests: a registry may tell other artifact types than were attached.
        let listed = ask(&["discover", "--plain-http", "--format", "json", &tagged]);
        for manifest in [&attached.manifest.digest.to_string(), theirs_manifest.trim()] {
            assert!(listed.contains(&format!("\"digest\": \"{manifest}\"")), "{listed}");
        }
        assert_eq!(listed.matches("\"artifactType\"").count(), 3, "{listed}");
        let manifest = format!("{place}@{}", attached.manifest.digest);
        ask(&["pull", "--plain-http", &manifest, "--output", "pulled"]);
        let pulled = |title: &str| std::fs::read(folder.join("pulled").join(title)).unwrap();
        assert_eq!(pulled(&ours.title), ours.bytes);

        let found = find(&content, &image, Scope::Chain).unwrap();
        assert!(found.skipped.is_empty(), "{:?}", found.skipped);
        assert_eq!(found.evidence.len(), 3, "{:?}", found.evidence);
        for piece in [&ours, &theirs, &more] {
            let fits = found.evidence.iter().filter(|found| {
                found.bytes == piece.bytes
                    && found.way == Way::Referrer
                    && found.recognised.kind == Kind::Link
                    && found.link_name().as_deref() == Some(piece.title.as_str())
            });
            assert_eq!(fits.count(), 1, "{}", piece.title);
        }

        // And in an image layout that it was copied to.
        let layout = ImageLayout::create(&folder.join("image"), &Limits::default()).unwrap();
        let tag = Selector::Tag("1.0".to_owned());
        copy((&content, &tag), (&layout, Some(&tag)), WithEvidence::Yes, &Silent).unwrap();
        let listed = ask(&["discover", "--oci-layout", "--format", "json", "image:1.0"]);
        assert_eq!(listed.matches("\"artifactType\"").count(), 3, "{listed}");
    }
}
