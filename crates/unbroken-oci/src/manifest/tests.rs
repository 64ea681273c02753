//! Tests of manifests, named after the lines of the attack catalogue.

use super::*;

fn descriptor(media_type: &str) -> String {
    let digest = digest::sha256(b"x");
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":1}}"#)
}

fn image(more: &str) -> String {
    let config = descriptor(media_type::CONFIG);
    format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]{more}}}"#)
}

fn parse(text: &str, told: Option<&str>) -> Result<(Manifest, String)> {
    Manifest::parse("x", text.as_bytes(), told, &Limits::default())
}

#[test]
fn an_image_and_an_index_are_told_apart() {
    let (manifest, media_type) = parse(&image(""), Some(media_type::MANIFEST)).unwrap();
    assert!(manifest.as_image().is_some() && media_type == media_type::MANIFEST);
    let text =
        format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor(media_type::MANIFEST));
    let (manifest, media_type) = parse(&text, None).unwrap();
    assert!(manifest.as_index().unwrap().manifests.len() == 1 && media_type == media_type::INDEX);
}

#[test]
fn o06_a_document_of_two_kinds_is_refused() {
    let manifests = format!(r#","manifests":[{}]"#, descriptor(media_type::MANIFEST));
    for text in [
        image(&manifests),
        image(r#","manifests":[]"#),
        image(r#","MediaType":"x""#),
        image(r#","Manifests":[]"#),
        image(r#","layers":[]"#),
        image(&format!(r#","mediaType":"{}""#, media_type::INDEX)),
        r#"{"schemaVersion":2,"layers":[]}"#.to_owned(),
        format!(r#"{{"schemaVersion":2,"config":{}}}"#, descriptor("x")),
        r#"{"schemaVersion":2}"#.to_owned(),
        r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(),
        format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::MANIFEST),
        "[]".to_owned(),
        String::new(),
    ] {
        assert!(parse(&text, None).is_err(), "{text}");
    }
}

#[test]
fn a73_header_body_and_descriptor_agree_on_the_type() {
    assert!(parse(&image(""), Some(media_type::INDEX)).is_err());
    let own = image(&format!(r#","mediaType":"{}""#, media_type::MANIFEST));
    assert!(parse(&own, Some(media_type::DOCKER_MANIFEST)).is_err());
    assert!(parse(&own, Some("text/html")).is_err());
    let due = Descriptor::of(media_type::INDEX, own.as_bytes());
    let check = |due: &Descriptor, told| {
        let bytes = own.clone().into_bytes();
        Fetched::check("x", bytes, told, &Due::Descriptor(due), &Limits::default())
    };
    assert!(check(&due, None).is_err());
    let due = Descriptor::of(media_type::MANIFEST, own.as_bytes());
    let told = format!("{}; charset=utf-8", media_type::MANIFEST);
    assert!(check(&due, Some(&told)).is_ok());
}

#[test]
fn o01_o02_bytes_are_held_to_digest_and_size() {
    let bytes = image("");
    let good = Descriptor::of(media_type::MANIFEST, bytes.as_bytes());
    let check = |due: Due<'_>| {
        Fetched::check("x", bytes.clone().into_bytes(), None, &due, &Limits::default())
    };
    assert!(check(Due::Descriptor(&good)).is_ok() && check(Due::Tag).is_ok());
    assert_eq!(check(Due::Tag).unwrap().descriptor, good);
    let short = Descriptor::new(good.media_type.clone(), good.digest.clone(), good.size - 1);
    assert!(matches!(
        check(Due::Descriptor(&short)),
        Err(OciError::Mismatch { property: "size", .. })
    ));
    let other = digest::sha256(b"other");
    assert!(matches!(
        check(Due::Digest(&other)),
        Err(OciError::Mismatch { property: "digest", .. })
    ));
}

#[test]
fn o02_sizes_that_are_none_are_refused() {
    for size in ["-1", "9223372036854775808", "1.0", "\"1\"", "null"] {
        let text = image("").replace("\"size\":1", &format!("\"size\":{size}"));
        assert!(parse(&text, None).is_err(), "{size}");
    }
    assert!(parse(&image("").replace("\"size\":1", "\"size\":0"), None).is_ok());
}

#[test]
fn o07_lists_are_bounded() {
    let limits = Limits { children: 2, layers: 2, ..Limits::default() };
    let three = [descriptor(media_type::MANIFEST), descriptor("a"), descriptor("b")].join(",");
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{three}]}}"#);
    let image = image("").replace("\"layers\":[]", &format!("\"layers\":[{three}]"));
    for text in [index, image] {
        let parsed = Manifest::parse("x", text.as_bytes(), None, &limits);
        assert!(matches!(parsed, Err(OciError::Limit { .. })));
    }
}

#[test]
fn what_is_written_is_read() {
    let subject = Descriptor::of(media_type::MANIFEST, b"subject");
    let written = Image {
        config: Descriptor::of(media_type::EMPTY, b"{}"),
        layers: vec![
            Descriptor::of(media_type::LINK, b"link").with_annotation(media_type::TITLE, "é"),
        ],
        artifact_type: Some(media_type::LINK.to_owned()),
        subject: Some(subject.clone()),
        annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    };
    let (manifest, _) =
        Manifest::parse("x", &written.to_bytes(), None, &Limits::default()).unwrap();
    let read = manifest.as_image().unwrap();
    assert_eq!(read.subject.as_ref().unwrap().bare(), subject);
    assert_eq!(read.layers[0].annotations, written.layers[0].annotations);
    assert_eq!(read.to_bytes(), written.to_bytes());
}
