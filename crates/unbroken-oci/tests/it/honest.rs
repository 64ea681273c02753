//! What works with a registry that does what it should.

use unbroken_oci::content::{Content, Pushed, read_blob};
use unbroken_oci::descriptor::Descriptor;
use unbroken_oci::image::resolve;
use unbroken_oci::manifest::{Due, Fetched};
use unbroken_oci::media_type;
use unbroken_oci::reference::Selector;
use unbroken_testkit::registry::{INDEX, MANIFEST, Referrers, TestRegistry};

use crate::support::repository;

#[test]
fn an_image_is_pulled_by_tag_and_by_digest() {
    let registry = TestRegistry::start(Referrers::Listed);
    let digest = registry.put_image("app", "1.0", b"layer");
    let content = repository(&registry);
    let by_tag = content.manifest(&Selector::Tag("1.0".to_owned())).unwrap();
    assert_eq!(by_tag.descriptor.digest.to_string(), digest);
    let selector = Selector::Digest(by_tag.descriptor.digest.clone());
    assert_eq!(content.manifest(&selector).unwrap().bytes, by_tag.bytes);
    let image = by_tag.manifest.as_image().unwrap();
    assert_eq!(read_blob(&content, &image.layers[0], 100).unwrap(), b"layer");
}

#[test]
fn blobs_and_manifests_are_pushed_and_are_there() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let content = repository(&registry);
    let blob = Descriptor::of("text/plain", b"blob");
    assert!(!content.has_blob(&blob).unwrap());
    content.push_blob(&blob, &mut &b"blob"[..]).unwrap();
    assert!(content.has_blob(&blob).unwrap());
    assert_eq!(read_blob(&content, &blob, 4).unwrap(), b"blob");
    let text = r#"{"schemaVersion":2,"manifests":[]}"#.to_owned();
    let limits = *content.limits();
    let fetched = Fetched::check("x", text.into_bytes(), Some(INDEX), &Due::Tag, &limits).unwrap();
    let pushed = content.push_manifest(&fetched, &Selector::Tag("list".to_owned())).unwrap();
    assert_eq!(pushed, Pushed::Unlisted);
    assert_eq!(registry.manifest("app", "list"), Some(fetched.bytes));
}

#[test]
fn an_index_stands_for_its_children_and_a_platform_is_chosen_once() {
    let registry = TestRegistry::start(Referrers::Listed);
    let child = registry.put_image("app", "amd64", b"layer");
    let size = registry.manifest("app", "amd64").unwrap().len();
    let entry = |platform: &str| {
        format!(
            r#"{{"mediaType":"{MANIFEST}","digest":"{child}","size":{size},"platform":{platform}}}"#
        )
    };
    let amd64 = entry(r#"{"os":"linux","architecture":"amd64"}"#);
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{amd64}]}}"#);
    let index = registry.put_manifest("app", "1.0", INDEX, index.as_bytes());
    let content = repository(&registry);
    let tag = Selector::Tag("1.0".to_owned());
    let whole = resolve(&content, &tag, None).unwrap().digests().unwrap();
    assert_eq!((whole.digest.to_string(), whole.others.len()), (index.clone(), 0));
    let platform = "linux/amd64".parse().unwrap();
    let one = resolve(&content, &tag, Some(&platform)).unwrap().digests().unwrap();
    assert_eq!(one.digest.to_string(), child);
    assert!(one.others.iter().any(|digest| digest.to_string() == index));
    let arm = "linux/arm64".parse().unwrap();
    assert!(resolve(&content, &tag, Some(&arm)).unwrap_err().is_not_found());
    // O10: two images of one platform, and nobody knows which of them runs.
    let twice = format!(r#"{{"schemaVersion":2,"manifests":[{amd64},{amd64}]}}"#);
    registry.put_manifest("app", "2.0", INDEX, twice.as_bytes());
    assert!(resolve(&content, &Selector::Tag("2.0".to_owned()), Some(&platform)).is_err());
}

#[test]
fn a_mirror_is_read_first_and_the_registry_has_the_rest() {
    let (registry, mirror) =
        (TestRegistry::start(Referrers::Listed), TestRegistry::start(Referrers::Listed));
    registry.put_image("app", "1.0", b"layer");
    mirror.put_image("app", "2.0", b"mirrored");
    let mut settings = crate::support::settings();
    let (of, to) = (registry.host().parse().unwrap(), mirror.host().parse().unwrap());
    settings.mirrors.insert(of, vec![to]);
    let content = crate::support::repository_with(&registry, settings);
    for tag in ["1.0", "2.0"] {
        let fetched = content.manifest(&Selector::Tag(tag.to_owned())).unwrap();
        assert_eq!(fetched.descriptor.media_type, media_type::MANIFEST);
    }
    assert_eq!((registry.requests().len(), mirror.requests().len()), (1, 2));
}

#[test]
fn o17_an_image_goes_by_a_digest_of_sha512_too() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    let bytes = registry.manifest("app", "1.0").unwrap();
    let hex = |bytes: &[u8]| -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, bytes);
        data_encoding::HEXLOWER.encode(digest.as_ref())
    };
    let digest = format!("sha512:{}", hex(&bytes));
    registry.put_manifest("app", &digest, MANIFEST, &bytes);
    let other = format!("sha512:{}", hex(b"other"));
    registry.put_manifest("app", &other, MANIFEST, &bytes);
    let content = repository(&registry);
    let fetch = |digest: &str| {
        content.manifest(&Selector::Digest(unbroken_oci::digest::parse(digest).unwrap()))
    };
    assert_eq!(fetch(&digest).unwrap().bytes, bytes);
    assert_eq!(crate::support::kind(fetch(&other)), "Mismatch");
}
