//! Names of images, manifests, and what lies beside images.

use std::io::Write;

use unbroken_model::digest::Digest;
use unbroken_oci::archive::{OciArchive, docker_images};
use unbroken_oci::classify::recognise;
use unbroken_oci::content::{Content, read_blob};
use unbroken_oci::digest::sha256;
use unbroken_oci::evidence::plain_title;
use unbroken_oci::limits::Limits;
use unbroken_oci::location::Location;
use unbroken_oci::manifest::{Due, Fetched, Manifest};
use unbroken_oci::media_type;
use unbroken_oci::reference::{Reference, Repository};
use unbroken_oci::registry::foreign;

/// A name that is read is written in its one form, which is read as the same.
pub(super) fn image_name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(reference) = text.parse::<Reference>() {
        let written = reference.to_string();
        assert_eq!(written.parse::<Reference>().expect("what is written is read"), reference);
        assert!(!written.contains("://") && written.matches('@').count() <= 1);
    }
    if let Ok(location) = text.parse::<Location>() {
        let again = location.to_string().parse::<Location>();
        assert_eq!(again.expect("what is written is read"), location);
    }
    if let Some(title) = plain_title(text) {
        let path = std::path::Path::new("folder").join(title);
        let plain = |part| matches!(part, std::path::Component::Normal(_));
        assert!(path.components().all(plain));
    }
}

/// A manifest is an image or an index, never both, and its descriptor is that of its bytes.
pub(super) fn image_manifest(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok((manifest, media_type)) = Manifest::parse("x", bytes, None, &limits) else { return };
    assert_eq!(manifest.as_index().is_some(), media_type::is_index(&media_type));
    assert_eq!(manifest.as_image().is_some(), media_type::is_manifest(&media_type));
    let fetched = Fetched::check("x", bytes.to_vec(), Some(&media_type), &Due::Tag, &limits);
    let descriptor = fetched.expect("what is parsed is taken").descriptor;
    let due = Due::Descriptor(&descriptor);
    assert!(Fetched::check("x", bytes.to_vec(), None, &due, &limits).is_ok());
    let mut other = bytes.to_vec();
    other.push(b' ');
    assert!(Fetched::check("x", other, None, &due, &limits).is_err());
}

pub(super) fn image_evidence(bytes: &[u8]) {
    for told in [media_type::DSSE, media_type::SIMPLE_SIGNING, media_type::OCTETS] {
        let recognised = recognise(told, bytes);
        assert!(recognised.about.is_none_or(|about| about.chars().count() <= 200));
    }
}

/// Whatever comes out of an archive has the digest and the size that it was asked for by.
pub(super) fn image_archive(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("it is written");
    let limits = Limits { archive_members: 64, evidence_bytes: 1 << 20, ..Limits::default() };
    drop(docker_images(file.path(), &limits));
    let Ok(archive) = OciArchive::open(file.path(), &limits) else { return };
    let Ok(selector) = archive.select(None) else { return };
    let Ok(fetched) = archive.manifest(&selector) else { return };
    // A digest of SHA-512 is checked by the same reader.
    let is_of = |digest: &Digest, bytes: &[u8]| {
        digest.algorithm().name() != "sha256" || sha256(bytes) == *digest
    };
    assert!(is_of(&fetched.descriptor.digest, &fetched.bytes));
    let Some(image) = fetched.manifest.as_image() else { return };
    for blob in image.layers.iter().take(4) {
        if let Ok(content) = read_blob(&archive, blob, limits.evidence_bytes) {
            assert!(is_of(&blob.digest, &content));
            assert_eq!(u64::try_from(content.len()).ok(), Some(blob.size));
        }
    }
}

/// A realm is read once or not at all; the rule of which addresses are followed is behind it.
pub(super) fn registry_challenge(bytes: &[u8]) {
    if let Ok(Some(realm)) = foreign::realm(bytes) {
        assert!(realm.len() <= bytes.len());
    }
}

/// A file of credentials is read as docker and podman do, and no error quotes it.
pub(super) fn registry_credentials(bytes: &[u8]) {
    const CANARY: &str = "s3cr3t";
    let is_quoted = |fault: &str| fault.contains(CANARY);
    assert!(!foreign::is_credential(bytes).is_err_and(is_quoted));
    for name in ["reg.example/team/app", "app", "localhost:5000/app"] {
        let repository: Repository = name.parse().expect("a repository");
        if let Err(error) = foreign::has_credentials("x", bytes, &repository) {
            assert!(!error.to_string().contains(CANARY), "{error}");
        }
    }
}
