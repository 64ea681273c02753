//! A registry that speaks TLS: whom it has to be vouched for by, and for what name.

use std::time::{Duration, Instant};

use unbroken_oci::OciError;
use unbroken_oci::content::Content;
use unbroken_oci::reference::{Reference, Selector};
use unbroken_oci::registry::{Client, RegistryRepository, Settings};
use unbroken_testkit::component;
use unbroken_testkit::registry::{Identity, RegistryProcess, lasting_root, push_image};

/// Opens a repository of a registry by that name, trusting these authorities.
fn open(server: &RegistryProcess, name: &str, authorities: &[&str]) -> RegistryRepository {
    let (_, port) = server.host().rsplit_once(':').unwrap();
    let mut settings = Settings::default();
    for authority in authorities {
        settings.authorities.add(authority, lasting_root(authority).as_bytes()).unwrap();
    }
    let reference: Reference = format!("{name}:{port}/app").parse().unwrap();
    Client::new(settings).repository(reference.repository())
}

/// Why it was not reached.
fn reason(content: &RegistryRepository) -> String {
    let begin = Instant::now();
    let error = content.manifest(&Selector::Tag("1.0".to_owned())).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(1), "a bad certificate is not tried again");
    std::error::Error::source(&error).unwrap().to_string()
}

#[test]
fn o16_a_registry_is_who_an_authority_says_and_nobody_else() {
    let name = "o16_a_registry_is_who_an_authority_says_and_nobody_else";
    let Some(program) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let lasting = Identity::of_localhost("registry-ca", "2049-01-01T00:00:00Z");
    let server = RegistryProcess::docker(&program, Some(&lasting));
    let content = open(&server, "localhost", &["registry-ca"]);
    let image = push_image(&content, "1.0", b"layer");
    let tag = Selector::Tag("1.0".to_owned());
    assert_eq!(content.manifest(&tag).unwrap().bytes, image.bytes);
    // An authority that did not vouch for it, one name for another, a certificate that is over.
    let stranger = reason(&open(&server, "localhost", &["other-ca"]));
    assert!(stranger.contains("UnknownIssuer"), "{stranger}");
    let named = reason(&open(&server, "127.0.0.1", &["registry-ca"]));
    assert!(named.contains("not valid for name"), "{named}");
    let expired = Identity::of_localhost("registry-ca", "2021-01-01T00:00:00Z");
    let server = RegistryProcess::docker(&program, Some(&expired));
    let over = reason(&open(&server, "localhost", &["registry-ca"]));
    assert!(over.contains("expired"), "{over}");
    // Plain HTTP is for this machine; a registry that speaks TLS does not answer to it.
    let plain = open(&server, "localhost", &[]).manifest(&tag);
    assert!(matches!(plain, Err(OciError::Status { status: 400, .. })), "{plain:?}");
}
