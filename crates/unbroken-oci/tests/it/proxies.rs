//! Through a proxy, which looks names up: what is refused without one is refused with one.

use std::collections::BTreeSet;

use unbroken_oci::content::{Content, read_blob};
use unbroken_oci::descriptor::Descriptor;
use unbroken_oci::reference::{Reference, Selector};
use unbroken_oci::registry::{
    Client, CredentialPlaces, Proxies, RegistryRepository, Secret, Settings,
};
use unbroken_testkit::registry::{Referrers, Reply, TestProxy, TestRegistry};

use crate::support::{kind, settings};

fn tag() -> Selector {
    Selector::Tag("1.0".to_owned())
}

/// A registry that is called `registry.example` behind a proxy.
struct Behind {
    registry: TestRegistry,
    proxy: TestProxy,
}

impl Behind {
    fn new() -> Self {
        let registry = TestRegistry::start(Referrers::Listed);
        registry.put_image("app", "1.0", b"layer");
        let host = registry.host();
        let names = [
            ("registry.example:80", host),
            ("registry.example:443", host),
            ("cdn.example:80", host),
        ];
        let proxy = TestProxy::start(&names);
        Self { registry, proxy }
    }

    fn open(&self, settings: Settings) -> RegistryRepository {
        let address = format!("http://user:CANARY@{}", self.proxy.host());
        let variable = Some(("HTTPS_PROXY", address.as_str()));
        let proxies = Proxies::new(variable, variable, "direct.example").unwrap();
        let reference: Reference = "registry.example/app".parse().unwrap();
        Client::new(Settings { proxies, ..settings }).repository(reference.repository())
    }

    fn in_plain_http() -> Settings {
        let plain_http = BTreeSet::from(["registry.example".parse().unwrap()]);
        Settings { plain_http, ..settings() }
    }

    fn tunnels(&self) -> Vec<String> {
        let first = |head: Vec<String>| head.first().cloned().unwrap_or_default();
        self.proxy.asked().into_iter().map(first).collect()
    }
}

#[test]
fn a_registry_is_reached_through_the_proxy_and_does_not_see_its_password() {
    let behind = Behind::new();
    let content = behind.open(Behind::in_plain_http());
    assert!(content.manifest(&tag()).is_ok());
    assert_eq!(behind.tunnels(), ["CONNECT registry.example:80 HTTP/1.1"]);
    let auth = data_encoding::BASE64.encode(b"user:CANARY");
    let head = behind.proxy.asked().concat().join("\n").to_ascii_lowercase();
    assert!(head.contains(&format!("proxy-authorization: basic {}", auth.to_ascii_lowercase())));
    for request in behind.registry.requests() {
        assert!(!format!("{request:?}").contains(&auth), "{request:?}");
    }
}

#[test]
fn o16_plain_http_is_not_spoken_to_another_machine_unless_it_is_asked_for() {
    let behind = Behind::new();
    let content = behind.open(settings());
    assert_eq!(kind(content.manifest(&tag())), "Transport");
    assert!(behind.tunnels().iter().all(|line| line.starts_with("CONNECT registry.example:443 ")));
    // What a registry without TLS is sent of a handshake is no request.
    assert!(behind.registry.requests().iter().all(|request| !request.target.contains("app")));
}

#[test]
fn a76_behind_a_proxy_addresses_and_names_inside_are_not_followed() {
    for inside in [
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://localhost/",
        "http://metadata/",
        "http://metadata.google.internal/",
    ] {
        let behind = Behind::new();
        behind.registry.rule(move |_| Some(Reply::status(307).header("location", inside)));
        let content = behind.open(Behind::in_plain_http());
        assert_eq!(kind(content.manifest(&tag())), "Host", "{inside}");
        assert_eq!(behind.tunnels().len(), 1, "{inside}");
    }
}

#[test]
fn a_redirect_to_a_public_name_goes_through_the_proxy_without_credentials() {
    let behind = Behind::new();
    let digest = behind.registry.put_blob(b"x");
    let location = format!("http://cdn.example/v2/other/blobs/{digest}");
    behind.registry.rule(move |request| {
        let blob = request.target.starts_with("/v2/app/blobs/");
        blob.then(|| Reply::status(307).header("location", &location))
    });
    let content = behind.open(Behind::in_plain_http());
    assert_eq!(read_blob(&content, &Descriptor::of("x/y", b"x"), 9).unwrap(), b"x");
    let due = ["CONNECT registry.example:80 HTTP/1.1", "CONNECT cdn.example:80 HTTP/1.1"];
    assert_eq!(behind.tunnels(), due);
}

#[test]
fn a_proxy_that_refuses_is_no_verdict() {
    let refusing = TestProxy::start(&[]);
    let address = format!("http://{}", refusing.host());
    let proxies = Proxies::new(Some(("HTTPS_PROXY", address.as_str())), None, "").unwrap();
    let reference: Reference = "registry.example/app".parse().unwrap();
    let content =
        Client::new(Settings { proxies, ..settings() }).repository(reference.repository());
    let error = content.manifest(&tag()).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("403"), "{source}");
    assert_eq!(refusing.asked().len(), 1);
}

#[test]
fn o15_a_password_is_not_sent_over_plain_http_to_another_machine() {
    let behind = Behind::new();
    for challenge in ["Basic realm=\"x\"", "Bearer realm=\"http://registry.example/token\""] {
        behind.registry.rule(move |request| {
            let known = request.header("authorization").is_some();
            (!known).then(|| Reply::status(401).header("www-authenticate", challenge))
        });
        let text = r#"{"auths":{"registry.example":{"username":"u","password":"CANARY"}}}"#;
        let inline = Some(("X".to_owned(), Secret::new(text)));
        let credentials = CredentialPlaces { inline, files: Vec::new() };
        let content = behind.open(Settings { credentials, ..Behind::in_plain_http() });
        assert_eq!(kind(content.manifest(&tag())), "Credentials", "{challenge}");
    }
    assert!(behind.registry.requests().iter().all(|asked| asked.header("authorization").is_none()));
}
