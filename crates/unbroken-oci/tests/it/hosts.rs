//! A registry that leads elsewhere.

use std::collections::BTreeSet;

use unbroken_oci::content::{Content, read_blob};
use unbroken_oci::copy::{Progress, WithEvidence, copy};
use unbroken_oci::descriptor::Descriptor;
use unbroken_oci::reference::Selector;
use unbroken_oci::registry::Settings;
use unbroken_testkit::registry::{Referrers, Reply, TestRegistry};

use crate::support::{kind, repository, repository_with, settings};

/// Where a registry may want to lead us: this machine, its neighbours, and the metadata of clouds.
const INSIDE: [&str; 12] = [
    "http://127.0.0.1:1/",
    "http://[::1]:1/",
    "http://[::ffff:127.0.0.1]:1/",
    "http://0.0.0.0:1/",
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1]/",
    "http://10.0.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://[fd00::1]/",
    // Other ways to write 127.0.0.1; the first is looked up, and what it is looked up to counts.
    "http://2130706433:1/",
    "http://localhost:1/",
];

#[test]
fn a76_o13_a_redirect_inside_is_not_followed() {
    for code in [301, 302, 303, 307, 308] {
        for inside in INSIDE {
            let registry = TestRegistry::start(Referrers::Listed);
            registry.rule(move |_| Some(Reply::status(code).header("location", inside)));
            let content = repository(&registry);
            let selector = Selector::Tag("1".to_owned());
            assert_eq!(kind(content.manifest(&selector)), "Host", "{code} {inside}");
            let blob = Descriptor::of("x/y", b"x");
            assert_eq!(kind(read_blob(&content, &blob, 9)), "Host", "{code} {inside}");
        }
    }
}

#[test]
fn o13_another_port_is_another_host_and_a_loop_ends() {
    let (registry, other) =
        (TestRegistry::start(Referrers::Listed), TestRegistry::start(Referrers::Listed));
    let location = format!("http://{}/v2/", other.host());
    registry.rule(move |_| Some(Reply::status(307).header("location", &location)));
    let selector = Selector::Tag("1".to_owned());
    assert_eq!(kind(repository(&registry).manifest(&selector)), "Host");
    assert_eq!(other.requests().len(), 0);
    registry.rule(|_| Some(Reply::status(307).header("location", "/v2/again")));
    registry.forget_requests();
    assert_eq!(kind(repository(&registry).manifest(&selector)), "Answer");
    assert_eq!(registry.requests().len(), 6);
}

#[test]
fn a_host_that_the_user_trusts_is_followed_without_credentials() {
    let (registry, store) =
        (TestRegistry::start(Referrers::Listed), TestRegistry::start(Referrers::Listed));
    let digest = store.put_blob(b"x");
    let location = format!("http://{}/v2/app/blobs/{digest}?X-Signature=1", store.host());
    registry.rule(move |request| {
        let blob = request.target.contains("/blobs/");
        blob.then(|| Reply::status(307).header("location", &location))
    });
    let trusted_hosts = BTreeSet::from([store.host().parse().unwrap()]);
    let content = repository_with(&registry, Settings { trusted_hosts, ..settings() });
    let blob = Descriptor::of("x/y", b"x");
    assert_eq!(read_blob(&content, &blob, 9).unwrap(), b"x");
    assert_eq!(store.requests()[0].header("authorization"), None);
}

#[test]
fn o19_an_upload_is_not_sent_elsewhere() {
    let (registry, other) =
        (TestRegistry::start(Referrers::Listed), TestRegistry::start(Referrers::Listed));
    let location = format!("http://{}/v2/app/blobs/uploads/1", other.host());
    registry.rule(move |request| {
        let upload = request.method == "POST";
        upload.then(|| Reply::status(202).header("location", &location))
    });
    let blob = Descriptor::of("x/y", b"secret plans");
    let pushed = repository(&registry).push_blob(&blob, &mut &b"secret plans"[..]);
    assert_eq!(kind(pushed), "Host");
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn a76_a_realm_inside_is_not_asked_for_a_token() {
    for inside in INSIDE {
        let registry = TestRegistry::start(Referrers::Listed);
        registry.rule(move |_| {
            let challenge = format!("Bearer realm=\"{inside}\",service=\"x\"");
            Some(Reply::status(401).header("www-authenticate", &challenge))
        });
        let selector = Selector::Tag("1".to_owned());
        assert_eq!(kind(repository(&registry).manifest(&selector)), "Host", "{inside}");
    }
}

struct Silent;

impl Progress for Silent {
    fn found(&self, _: u64) {}
    fn moved(&self, _: u64) {}
}

#[test]
fn o19_a_copy_that_breaks_off_leaves_no_tag() {
    let (from, to) =
        (TestRegistry::start(Referrers::Listed), TestRegistry::start(Referrers::Listed));
    from.put_image("app", "1.0", b"layer");
    let tag = Selector::Tag("1.0".to_owned());
    let (near, far) = (repository(&from), repository(&to));
    let copy_all = || copy((&near, &tag), (&far, Some(&tag)), WithEvidence::Yes, &Silent);
    to.rule(|request| {
        let upload = request.method == "PUT" && request.target.contains("/blobs/");
        upload.then(|| Reply::status(500))
    });
    assert!(copy_all().is_err());
    assert_eq!(to.manifest("app", "1.0"), None);
    to.rule(|_| None);
    assert!(copy_all().is_ok());
    assert_eq!(to.manifest("app", "1.0"), from.manifest("app", "1.0"));
}
