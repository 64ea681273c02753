//! What other tools put beside an image is found, recognised by its content, and named; its types hide nothing.

use unbroken_oci::attach::{Piece, attach};
use unbroken_oci::classify::{Kind, recognise};
use unbroken_oci::content::Content;
use unbroken_oci::evidence::{Found, Scope, Way, find};
use unbroken_oci::media_type;
use unbroken_oci::reference::Selector;
use unbroken_testkit::registry::{INDEX, MANIFEST, PREDICATE, Referrers, Reply, TestRegistry};

use crate::support::repository;

fn found(content: &dyn Content, tag: &str, scope: Scope) -> Found {
    let image = content.manifest(&Selector::Tag(tag.to_owned())).unwrap();
    find(content, &image, scope).unwrap()
}

/// What was found, in words.
fn words(found: &Found) -> Vec<String> {
    assert!(found.skipped.is_empty(), "{:?}", found.skipped);
    let word = |piece: &unbroken_oci::evidence::Evidence| {
        let about = piece.recognised.about.as_deref().unwrap_or("-");
        format!("{}: {}: {about}", piece.way, piece.recognised.kind.describe())
    };
    let mut words: Vec<String> = found.evidence.iter().map(word).collect();
    words.sort();
    words
}

#[test]
fn what_cosign_chains_and_notation_put_beside_an_image_is_found_and_named() {
    let registry = TestRegistry::start(Referrers::Listed);
    let digest = registry.put_image("app", "1.0", b"layer");
    let count = registry.put_beside("app", &digest);
    let words = words(&found(&repository(&registry), "1.0", Scope::All));
    let due = [
        format!("cosign tag: attestation: {PREDICATE}"),
        "cosign tag: bill of materials: -".to_owned(),
        format!("cosign tag: cosign signature: {digest}"),
        "referrer: Notation signature: -".to_owned(),
        "referrer: Notation signature: -".to_owned(),
        "referrer: Sigstore bundle: -".to_owned(),
        "referrer: Sigstore bundle: cosign signature".to_owned(),
        format!("referrer: Sigstore bundle: {PREDICATE}"),
        format!("referrer: attestation: {PREDICATE}"),
        "referrer: bill of materials: CycloneDX".to_owned(),
    ];
    assert_eq!(words, due);
    assert_eq!(words.len(), count);
}

#[test]
fn statements_of_buildkit_in_an_index_are_found_in_both_forms() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let digest = registry.put_image("app", "amd64", b"layer");
    registry.put_buildkit_index("app", "1.0", &digest);
    let content = repository(&registry);
    let due = [
        format!("BuildKit: statement without signature: {PREDICATE}"),
        "BuildKit: statement without signature: https://spdx.dev/Document".to_owned(),
    ];
    let mut all = words(&found(&content, "1.0", Scope::All));
    all.sort();
    let mut due = due.to_vec();
    due.sort();
    assert_eq!(all, due);
    // Nobody signed them: a chain does not wait for them.
    assert_eq!(words(&found(&content, "1.0", Scope::Chain)), Vec::<String>::new());
    // The platform that no machine has tells them too, where the annotations were lost.
    let index = String::from_utf8(registry.manifest("app", "1.0").unwrap()).unwrap();
    let bare = index.replace("attestation-manifest", "x");
    assert_ne!(bare, index);
    registry.put_manifest("app", "2.0", INDEX, bare.as_bytes());
    assert_eq!(words(&found(&content, "2.0", Scope::All)).len(), 2);
}

#[test]
fn nothing_is_filtered_on_what_a_registry_says_of_it() {
    let registry = TestRegistry::start(Referrers::Listed);
    let digest = registry.put_image("app", "1.0", b"layer");
    registry.put_beside("app", &digest);
    let content = repository(&registry);
    let image = content.manifest(&Selector::Tag("1.0".to_owned())).unwrap();
    let link =
        br#"{"signatures":[{"keyid":"ab","sig":"ab"}],"signed":{"_type":"link","name":"build"}}"#;
    // The attacher may have the type wrong, too.
    let piece = Piece {
        title: "build.ab.link".to_owned(),
        media_type: Some("application/jose+json".to_owned()),
        bytes: link.to_vec(),
    };
    attach(&content, &image.descriptor, &[piece]).unwrap();
    let (all, chain) = (found(&content, "1.0", Scope::All), found(&content, "1.0", Scope::Chain));
    let is_link = |found: &Found| {
        let mut links = found.evidence.iter().filter(|piece| piece.recognised.kind == Kind::Link);
        links.next().is_some_and(|link| link.way == Way::Referrer) && links.next().is_none()
    };
    assert!(is_link(&all) && is_link(&chain));
    // The list of the registry with every claim of it wrong but the digests.
    let honest = content.referrers(&image.descriptor.digest).unwrap().unwrap();
    for (media_type, size, more) in [
        (MANIFEST, 1, r#","artifactType":"application/vnd.oci.empty.v1+json""#),
        (MANIFEST, 1_u64 << 40, r#","artifactType":"text/plain","annotations":{"a":"b"}"#),
        (INDEX, 0, ""),
        ("text/plain", 1, r#","annotations":{"dev.sigstore.bundle.content":"none"}"#),
    ] {
        let entry = |digest: &str| {
            format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
        };
        let entries: Vec<String> =
            honest.iter().map(|listed| entry(&listed.digest.to_string())).collect();
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
        registry.rule(move |request| {
            let listed = request.target.contains("/referrers/");
            listed.then(|| Reply::ok(INDEX, text.clone().into_bytes()))
        });
        assert_eq!(
            words(&found(&content, "1.0", Scope::All)),
            words(&all),
            "{media_type} {size} {more}"
        );
        assert_eq!(words(&found(&content, "1.0", Scope::Chain)), words(&chain));
    }
}

#[test]
fn content_is_what_it_is_whatever_its_type_says() {
    let link =
        br#"{"signatures":[{"keyid":"ab","sig":"ab"}],"signed":{"_type":"link","name":"build"}}"#;
    let simple =
        br#"{"critical":{"image":{"docker-manifest-digest":"sha256:ab"}},"optional":null}"#;
    let jws = br#"{"payload":"e30","protected":"e30","header":{},"signature":"AA"}"#;
    for told in [
        media_type::OCTETS,
        media_type::DSSE,
        "application/jose+json",
        "application/vnd.cyclonedx+json",
        media_type::SIMPLE_SIGNING,
        "",
    ] {
        assert_eq!(recognise(told, link).kind, Kind::Link, "{told}");
        assert_eq!(recognise(told, simple).kind, Kind::SimpleSignature, "{told}");
        assert_eq!(recognise(told, jws).kind, Kind::NotationSignature, "{told}");
        assert_eq!(recognise(told, br#"{"bomFormat":"CycloneDX"}"#).kind, Kind::Sbom, "{told}");
    }
    assert_eq!(recognise("application/cose", b"\xd2\x84").kind, Kind::NotationSignature);
    assert_eq!(recognise(media_type::OCTETS, b"\xd2\x84").kind, Kind::Other);
}
