//! The library of cosign, in both directions: what it writes is found here, and what is attached here it lists.

use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;
use unbroken_oci::attach::{Piece, attach};
use unbroken_oci::classify::Kind;
use unbroken_oci::cosign::attach_under_tag;
use unbroken_oci::digest::sha256;
use unbroken_oci::evidence::{Evidence, Scope, Way, find};
use unbroken_testkit::component;
use unbroken_testkit::registry::{RegistryProcess, push_image};

use crate::server::repository;
use crate::tools::run;

const PREDICATE: &str = "https://slsa.dev/provenance/v1";

fn envelope(predicate: &str) -> String {
    let statement = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"{predicate}","predicate":{{}}}}"#
    );
    format!(
        r#"{{"payloadType":"application/vnd.in-toto+json","payload":"{}","signatures":[{{"sig":"MEUCIQ=="}}]}}"#,
        BASE64.encode(statement.as_bytes())
    )
}

/// A registry of each kind, and the program.
fn components(test: &str) -> Option<(PathBuf, [RegistryProcess; 2])> {
    let docker = component("UNBROKEN_TEST_DOCKER_REGISTRY", test)?;
    let listing = component("UNBROKEN_TEST_OCI_REGISTRY", test)?;
    let peer = component("UNBROKEN_TEST_COSIGN", test)?;
    let servers = [RegistryProcess::docker(&docker, None), RegistryProcess::listing(&listing)];
    Some((peer, servers))
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn what_cosign_attaches_in_both_of_its_formats_is_found_and_pulled() {
    let name = "what_cosign_attaches_in_both_of_its_formats_is_found_and_pulled";
    let Some((peer, servers)) = components(name) else { return };
    for server in servers {
        let (content, folder) = (repository(&server, "app"), tempfile::tempdir().unwrap());
        let image = push_image(&content, "1.0", b"layer");
        let digest = image.descriptor.digest.to_string();
        let place = format!("{}/app", server.host());
        let attestation = envelope(PREDICATE);
        let simple = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
        );
        let bundle = format!(
            r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"x"}}}},"dsseEnvelope":{attestation}}}"#
        );
        let files = [("att", &attestation), ("simple", &simple), ("bundle", &bundle)];
        let [att_file, simple_file, bundle_file] =
            files.map(|(name, text)| written(folder.path(), name, text));
        run(Command::new(&peer).args(["attach-tags", &place, &digest, &att_file, &simple_file]));
        let command = ["attach-bundle", &place, &digest, &bundle_file, PREDICATE];
        run(Command::new(&peer).args(command));
        let found = find(&content, &image, Scope::All).unwrap();
        assert!(found.skipped.is_empty(), "{:?}", found.skipped);
        let is = |way: Way, kind: Kind, about: &str, text: &str| {
            let fits = |piece: &&Evidence| {
                piece.way == way
                    && piece.recognised.kind == kind
                    && piece.recognised.about.as_deref() == Some(about)
                    && piece.bytes == text.as_bytes()
            };
            found.evidence.iter().filter(fits).count() == 1
        };
        assert_eq!(found.evidence.len(), 3, "{:?}", found.evidence);
        assert!(is(Way::CosignTag, Kind::Attestation, PREDICATE, &attestation));
        assert!(is(Way::CosignTag, Kind::SimpleSignature, &digest, &simple));
        assert!(is(Way::Referrer, Kind::SigstoreBundle, PREDICATE, &bundle));
    }
}

#[test]
fn what_is_attached_here_cosign_lists() {
    let name = "what_is_attached_here_cosign_lists";
    let Some((peer, servers)) = components(name) else { return };
    for server in servers {
        let (content, folder) = (repository(&server, "app"), tempfile::tempdir().unwrap());
        let image = push_image(&content, "1.0", b"layer");
        let digest = image.descriptor.digest.to_string();
        let place = format!("{}/app", server.host());
        let ask = |words: &[&str]| {
            let mut command = Command::new(&peer);
            command.args([words[0], &place]).args(&words[1..]);
            run(&mut command)
        };
        let link = Piece {
            title: "build.c5e52e1b.link".to_owned(),
            media_type: None,
            bytes: br#"{"signatures":[],"signed":{"_type":"link","name":"build"}}"#.to_vec(),
        };
        let attached =
            attach(&content, &image.descriptor, std::slice::from_ref(&link)).unwrap().remove(0);
        let line =
            format!("referrer {} application/vnd.in-toto.link+json", attached.manifest.digest);
        assert!(ask(&["list", &digest]).contains(&line));

        // Under cosign's tag, beside what cosign wrote there: neither loses the other's.
        let theirs = envelope(PREDICATE);
        let file = written(folder.path(), "att", &theirs);
        ask(&["attach-tags", &digest, &file, &file]);
        let ours = envelope("https://in-toto.io/attestation/link/v0.3");
        let piece = Piece {
            title: "ours.json".to_owned(),
            media_type: None,
            bytes: ours.clone().into_bytes(),
        };
        attach_under_tag(&content, &image.descriptor, &[piece]).unwrap();
        let listed = ask(&["list", &digest]);
        for text in [&theirs, &ours] {
            let line = format!("attestation {}", sha256(text.as_bytes()));
            assert_eq!(listed.matches(&line).count(), 1, "{line}: {listed}");
        }
    }
}
