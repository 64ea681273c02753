//! A registry that lies about content, or would keep us for ever.

use std::time::{Duration, Instant};

use unbroken_oci::content::{Content, read_blob};
use unbroken_oci::descriptor::Descriptor;
use unbroken_oci::limits::Limits;
use unbroken_oci::manifest::Fetched;
use unbroken_oci::reference::Selector;
use unbroken_oci::registry::Settings;
use unbroken_oci::{OciError, Result, digest};
use unbroken_testkit::registry::{Body, INDEX, MANIFEST, Referrers, Reply, TestRegistry};

use crate::support::{kind, repository, repository_with, settings, status};

fn tag() -> Selector {
    Selector::Tag("1.0".to_owned())
}

/// A registry with one image, and a rule for requests whose target has `part`.
fn with_rule(
    part: &'static str,
    reply: impl Fn() -> Reply + Send + Sync + 'static,
) -> TestRegistry {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    registry.rule(move |request| request.target.contains(part).then(&reply));
    registry
}

fn manifest(registry: &TestRegistry) -> Result<Fetched> {
    repository(registry).manifest(&tag())
}

fn layer_of(registry: &TestRegistry) -> Result<Vec<u8>> {
    let due = Descriptor::of("application/vnd.oci.image.layer.v1.tar", b"layer");
    read_blob(&repository(registry), &due, 1 << 20)
}

#[test]
fn o01_a_manifest_of_another_digest_is_refused() {
    let registry = with_rule("/manifests/sha256:", || Reply::ok(MANIFEST, b"{}".to_vec()));
    let selector = Selector::Digest(digest::sha256(b"asked for"));
    assert_eq!(kind(repository(&registry).manifest(&selector)), "Mismatch");
}

#[test]
fn o01_a_header_that_tells_another_digest_is_refused() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    let bytes = registry.manifest("app", "1.0").unwrap();
    let other = digest::sha256(b"other").to_string();
    registry.rule(move |_| {
        Some(Reply::ok(MANIFEST, bytes.clone()).header("docker-content-digest", &other))
    });
    assert_eq!(kind(manifest(&registry)), "Mismatch");
}

#[test]
fn o01_a_blob_of_another_digest_is_refused() {
    let registry = with_rule("/blobs/", || Reply::ok("x/y", b"lAyer".to_vec()));
    assert_eq!(kind(layer_of(&registry)), "Mismatch");
}

#[test]
fn o02_a_blob_that_is_shorter_or_longer_is_refused() {
    for bytes in [&b"laye"[..], b"layers", b""] {
        let registry = with_rule("/blobs/", || Reply::ok("x/y", bytes.to_vec()));
        assert_eq!(kind(layer_of(&registry)), "Mismatch", "{bytes:?}");
    }
    let registry = with_rule("/blobs/", || {
        let bytes = b"lay".to_vec();
        Reply::status(200).body(Body::Truncated { length: 5, bytes })
    });
    assert_eq!(kind(layer_of(&registry)), "Transport");
}

#[test]
fn o02_what_is_larger_than_its_bound_is_not_even_fetched() {
    let registry = TestRegistry::start(Referrers::Listed);
    let due = Descriptor::new("x/y", digest::sha256(b""), u64::MAX >> 1);
    assert_eq!(kind(read_blob(&repository(&registry), &due, 1 << 20)), "Limit");
    assert_eq!(registry.requests().len(), 0);
}

#[test]
fn o03_streams_without_end_are_left() {
    let endless = || Reply::status(200).header("content-type", MANIFEST).body(Body::Endless);
    assert_eq!(kind(manifest(&with_rule("/manifests/", endless))), "Limit");
    assert_eq!(kind(layer_of(&with_rule("/blobs/", endless))), "Mismatch");
    let listed = || Reply::status(200).header("content-type", INDEX).body(Body::Endless);
    let registry = with_rule("/referrers/", listed);
    assert_eq!(kind(repository(&registry).referrers(&digest::sha256(b"x"))), "Limit");
}

#[test]
fn o04_a_server_that_drips_is_left() {
    let drip = || {
        let body = Body::Drip { bytes: vec![b'l'; 200], pause: Duration::from_millis(100) };
        Reply::status(200).header("content-type", MANIFEST).body(body)
    };
    let begin = Instant::now();
    assert_eq!(kind(manifest(&with_rule("/manifests/", drip))), "Transport");
    let due = Descriptor::of("x/y", &[b'l'; 200]);
    let registry = with_rule("/blobs/", drip);
    assert_eq!(kind(read_blob(&repository(&registry), &due, 1 << 20)), "Answer");
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn o04_the_time_of_a_whole_operation_is_bounded() {
    let registry = with_rule("/manifests/", || {
        let body = Body::Drip { bytes: vec![b'l'; 200], pause: Duration::from_millis(100) };
        Reply::status(200).header("content-type", MANIFEST).body(body)
    });
    let begin = Instant::now();
    let hurried = repository(&registry).until(begin + Duration::from_millis(300));
    assert_eq!(kind(hurried.manifest(&tag())), "Transport");
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(kind(hurried.manifest(&tag())), "Deadline");
}

#[test]
fn o05_an_encoding_that_was_not_asked_for_is_refused() {
    let registry = with_rule("/manifests/", || {
        Reply::ok(MANIFEST, b"\x1f\x8b".to_vec()).header("content-encoding", "gzip")
    });
    assert_eq!(kind(manifest(&registry)), "Answer");
    let asked = registry.requests();
    assert_eq!(asked[0].header("accept-encoding"), None);
}

#[test]
fn o06_a_manifest_that_is_called_something_else_is_refused() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    let bytes = registry.manifest("app", "1.0").unwrap();
    for told in [INDEX, "text/html", "application/json"] {
        let bytes = bytes.clone();
        registry.rule(move |_| Some(Reply::ok(told, bytes.clone())));
        assert_eq!(kind(manifest(&registry)), "Mismatch", "{told}");
    }
}

#[test]
fn o07_a_list_of_referrers_that_has_no_end_is_left() {
    let page = |link: &'static str| {
        move || {
            let text = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
            Reply::ok(INDEX, text.into_bytes()).header("link", link)
        }
    };
    // A77: a page that leads to itself.
    let registry = with_rule("/referrers/", page("</v2/app/referrers/x?page=2>; rel=\"next\""));
    let list = |registry: &TestRegistry| repository(registry).referrers(&digest::sha256(b"x"));
    assert_eq!(kind(list(&registry)), "Limit");
    assert_eq!(registry.requests().len(), Limits::default().pages);
    let registry = with_rule("/referrers/", page("<https://evil.example/>; rel=\"next\""));
    assert_eq!(kind(list(&registry)), "Host");
}

#[test]
fn o07_a_list_of_a_hundred_thousand_referrers_is_left() {
    let registry = with_rule("/referrers/", || {
        let hex = "ab".repeat(32);
        let entry = format!(r#"{{"mediaType":"{MANIFEST}","digest":"sha256:{hex}","size":1}}"#);
        let text =
            format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, vec![entry; 5000].join(","));
        Reply::ok(INDEX, text.into_bytes())
    });
    assert_eq!(kind(repository(&registry).referrers(&digest::sha256(b"x"))), "Limit");
}

#[test]
fn o20_what_a_registry_says_is_made_harmless() {
    let registry = with_rule("/manifests/", || {
        Reply::status(403).body(Body::Bytes(b"denied\x1b[2J\nerror: verified".to_vec()))
    });
    let Err(error @ OciError::Status { .. }) = manifest(&registry) else { panic!("it is refused") };
    let text = error.to_string();
    assert!(text.contains("denied") && !text.contains(['\u{1b}', '\n']), "{text}");
}

#[test]
fn every_refusal_is_told_apart_from_absence() {
    for code in [401, 403, 429, 500, 503] {
        let registry = with_rule("/", move || Reply::status(code));
        let content = repository(&registry);
        if code == 401 {
            // Without a challenge there is nothing to answer.
            assert_eq!(kind(content.manifest(&tag())), "Answer");
            continue;
        }
        assert_eq!(status(&content.manifest(&tag())), Some(code));
        assert_eq!(status(&content.referrers(&digest::sha256(b"x"))), Some(code));
        assert_eq!(status(&layer_of(&registry)), Some(code));
    }
    let registry = with_rule("/manifests/", || Reply::status(404));
    assert!(manifest(&registry).unwrap_err().is_not_found());
    let gone = TestRegistry::start(Referrers::Listed);
    let content = repository(&gone);
    drop(gone);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(kind(content.manifest(&tag())), "Transport");
}

#[test]
fn what_is_momentary_is_tried_again() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    let count = std::sync::atomic::AtomicUsize::new(0);
    registry.rule(move |_| {
        let tries = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        [Some(Reply::status(503)), Some(Reply::status(429).header("retry-after", "0")), None]
            .get(tries)
            .cloned()
            .flatten()
    });
    let limits = Limits { tries: 3, ..settings().limits };
    let content = repository_with(&registry, Settings { limits, ..settings() });
    assert!(content.manifest(&tag()).is_ok());
    assert_eq!(registry.requests().len(), 3);
}
