//! Tools of others read what we attach and copy, and we read what they push.

use std::path::Path;
use std::process::Command;

use unbroken_oci::attach::{Piece, attach};
use unbroken_oci::content::Content;
use unbroken_oci::copy::{Progress, WithEvidence, copy};
use unbroken_oci::evidence::{Scope, find};
use unbroken_oci::image_layout::ImageLayout;
use unbroken_oci::limits::Limits;
use unbroken_oci::reference::Selector;
use unbroken_testkit::component;
use unbroken_testkit::registry::{RegistryProcess, push_image};

use crate::server::repository;

pub(crate) struct Silent;

impl Progress for Silent {
    fn found(&self, _: u64) {}
    fn moved(&self, _: u64) {}
}

pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn skopeo_reads_what_is_copied_here_and_pushes_what_is_read_here() {
    let name = "skopeo_reads_what_is_copied_here_and_pushes_what_is_read_here";
    let Some(registry) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let Some(skopeo) = component("UNBROKEN_TEST_SKOPEO", name) else { return };
    let (server, folder) = (RegistryProcess::docker(&registry, None), tempfile::tempdir().unwrap());
    let layout = ImageLayout::create(&folder.path().join("image"), &Limits::default()).unwrap();
    let image = push_image(&layout, "1.0", b"layer");
    let digest = image.descriptor.digest.to_string();
    let tag = Selector::Tag("1.0".to_owned());
    let target = repository(&server, "ours");
    copy((&layout, &tag), (&target, Some(&tag)), WithEvidence::Yes, &Silent).unwrap();
    let format = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}"];
    let ours = format!("docker://{}/ours:1.0", server.host());
    assert_eq!(run(Command::new(&skopeo).args(format).arg(&ours)).trim(), digest);
    // And skopeo's own push of the same layout is what we read.
    let theirs = format!("docker://{}/theirs:1.0", server.host());
    let from = format!("oci:{}:1.0", folder.path().join("image").display());
    let push = ["--insecure-policy", "copy", "--dest-tls-verify=false", "--preserve-digests"];
    run(Command::new(&skopeo).args(push).args([&from, &theirs]));
    let read = repository(&server, "theirs").manifest(&tag).unwrap();
    assert_eq!(read.descriptor.digest.to_string(), digest);
}

#[test]
fn the_oras_client_of_python_pulls_what_is_attached() {
    let name = "the_oras_client_of_python_pulls_what_is_attached";
    let Some(registry) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let Some(python) = component("UNBROKEN_TEST_ORAS_PYTHON", name) else { return };
    let (server, folder) = (RegistryProcess::docker(&registry, None), tempfile::tempdir().unwrap());
    let content = repository(&server, "app");
    let image = push_image(&content, "1.0", b"layer");
    let bytes = b"the link of a step".to_vec();
    let piece = Piece { title: "build.c5e52e1b.link".to_owned(), media_type: None, bytes };
    let attached = attach(&content, &image.descriptor, std::slice::from_ref(&piece)).unwrap();
    let target = format!("{}/app@{}", server.host(), attached[0].manifest.digest);
    let program = "import sys, oras.client\n\
        client = oras.client.OrasClient(insecure=True, tls_verify=False)\n\
        client.pull(target=sys.argv[1], outdir=sys.argv[2])\n";
    run(Command::new(python).args(["-c", program, &target]).arg(folder.path()));
    let pulled = std::fs::read(Path::new(folder.path()).join(&piece.title)).unwrap();
    assert_eq!(pulled, piece.bytes);
}

#[test]
fn a_copy_between_registries_of_both_kinds_takes_the_evidence_along() {
    let name = "a_copy_between_registries_of_both_kinds_takes_the_evidence_along";
    let Some(docker) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let Some(listing) = component("UNBROKEN_TEST_OCI_REGISTRY", name) else { return };
    let (from, to) = (RegistryProcess::docker(&docker, None), RegistryProcess::listing(&listing));
    let tag = Selector::Tag("1.0".to_owned());
    let (near, far, back) =
        (repository(&from, "app"), repository(&to, "app"), repository(&from, "back"));
    let image = push_image(&near, "1.0", b"layer");
    let bytes = b"evidence".to_vec();
    let piece = Piece { title: "build.c5e52e1b.link".to_owned(), media_type: None, bytes };
    attach(&near, &image.descriptor, &[piece]).unwrap();
    let steps: [(&dyn Content, &dyn Content); 2] = [(&near, &far), (&far, &back)];
    for (source, target) in steps {
        let copied =
            copy((source, &tag), (target, Some(&tag)), WithEvidence::Yes, &Silent).unwrap();
        assert_eq!(
            (copied.image.digest.clone(), copied.evidence),
            (image.descriptor.digest.clone(), 1)
        );
        let found = find(target, &image, Scope::All).unwrap();
        assert_eq!(found.evidence.len(), 1);
    }
}
