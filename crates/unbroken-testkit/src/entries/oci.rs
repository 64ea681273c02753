//! Names of images, manifests, and what lies beside images.

use unbroken_oci::classify::recognise;
use unbroken_oci::evidence::plain_title;
use unbroken_oci::limits::Limits;
use unbroken_oci::location::Location;
use unbroken_oci::manifest::{Due, Fetched, Manifest};
use unbroken_oci::media_type;
use unbroken_oci::reference::Reference;

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
