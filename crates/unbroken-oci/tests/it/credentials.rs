//! Credentials go where they belong: a canary that no other host may see.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use unbroken_oci::content::{Content, read_blob};
use unbroken_oci::descriptor::Descriptor;
use unbroken_oci::reference::Selector;
use unbroken_oci::registry::{Client, CredentialPlaces, Secret, Settings};
use unbroken_testkit::registry::{Referrers, Reply, Request, TestRegistry};

use crate::support::{kind, reference, repository_with, settings};

const CANARY: &str = "CANARY-9b1c";

fn tag() -> Selector {
    Selector::Tag("1.0".to_owned())
}

/// Settings with a user `u` and the canary as password for one registry.
fn with_password(registry: &TestRegistry) -> Settings {
    let auth = data_encoding::BASE64.encode(format!("u:{CANARY}").as_bytes());
    let text = format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.host());
    let inline = Some(("X".to_owned(), Secret::new(text)));
    Settings { credentials: CredentialPlaces { inline, files: Vec::new() }, ..settings() }
}

fn has_canary(request: &Request) -> bool {
    let encoded = data_encoding::BASE64.encode(format!("u:{CANARY}").as_bytes());
    let text = format!("{request:?}");
    text.contains(CANARY) || text.contains(&encoded) || text.contains("Bearer")
}

/// Asks for credentials unless they are there.
fn guarded(challenge: String) -> impl Fn(&Request) -> Option<Reply> {
    move |request| {
        let known = request.header("authorization").is_some();
        (!known).then(|| Reply::status(401).header("www-authenticate", &challenge))
    }
}

#[test]
fn a_password_is_shown_to_its_registry_when_it_asks() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    registry.rule(guarded("Basic realm=\"x\"".to_owned()));
    let content = repository_with(&registry, with_password(&registry));
    assert!(content.manifest(&tag()).is_ok());
    assert!(!has_canary(&registry.requests()[0]), "nothing is shown before it is asked for");
    assert_eq!(registry.requests().len(), 2);
    // What was asked for once need not be asked for again.
    assert!(content.manifest(&tag()).is_ok());
    assert_eq!(registry.requests().len(), 3);
    let anonymous = repository_with(&registry, settings());
    assert_eq!(crate::support::status(&anonymous.manifest(&tag())), Some(401));
}

#[test]
fn a_token_is_asked_for_at_the_registry_and_for_our_own_scope() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    let realm = format!("http://{}/token", registry.host());
    let challenge =
        format!("Bearer realm=\"{realm}\",service=\"s p\",scope=\"repository:other:push\"");
    registry.rule(move |request| {
        if request.target.starts_with("/token") {
            return Some(Reply::ok("application/json", b"{\"token\":\"t0ken\"}".to_vec()));
        }
        let known = request.header("authorization") == Some("Bearer t0ken");
        (!known).then(|| Reply::status(401).header("www-authenticate", &challenge))
    });
    let content = repository_with(&registry, with_password(&registry));
    assert!(content.manifest(&tag()).is_ok());
    let asked = registry.requests();
    assert_eq!(asked[1].target, "/token?scope=repository%3Aapp%3Apull&service=s%20p");
    assert!(asked[1].header("authorization").is_some_and(|header| header.starts_with("Basic ")));
}

#[test]
fn a_client_with_other_credentials_counts_with_the_one_that_it_came_from() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    let client = Client::new(settings());
    let (place, text) = with_password(&registry).credentials.inline.unwrap();
    let other = client.with_credentials(place, text);
    assert!(other.repository(reference(&registry, "app").repository()).manifest(&tag()).is_ok());
    assert_eq!((client.tally().answered, client.tally()), (1, other.tally()));
}

#[test]
fn credentials_are_not_drawn_for_developers() {
    let registry = TestRegistry::start(Referrers::Listed);
    let drawn = format!("{:?}", with_password(&registry));
    assert!(drawn.contains("(secret)"), "{drawn}");
    assert!(!drawn.contains("auths"), "{drawn}");
}

/// Settings with this entry of a file of credentials for one registry.
fn with_entry(registry: &TestRegistry, entry: &str) -> Settings {
    let text = format!(r#"{{"auths":{{"{}":{entry}}}}}"#, registry.host());
    let inline = Some(("X".to_owned(), Secret::new(text)));
    Settings { credentials: CredentialPlaces { inline, files: Vec::new() }, ..settings() }
}

#[test]
fn a_token_of_a_login_is_exchanged_and_one_for_the_registry_is_sent_as_it_is() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    let challenge = format!("Bearer realm=\"http://{}/token\"", registry.host());
    registry.rule(move |request| {
        if request.target.starts_with("/token") {
            return Some(Reply::ok("application/json", b"{\"access_token\":\"t0ken\"}".to_vec()));
        }
        let known = matches!(
            request.header("authorization"),
            Some("Bearer t0ken" | "Bearer for-the-registry")
        );
        (!known).then(|| Reply::status(401).header("www-authenticate", &challenge))
    });
    let exchanged = with_entry(&registry, r#"{"identitytoken":"of the login"}"#);
    assert!(repository_with(&registry, exchanged).manifest(&tag()).is_ok());
    let asked = registry.requests();
    assert_eq!((&*asked[1].method, &*asked[1].target), ("POST", "/token"));
    let form = String::from_utf8(asked[1].body.clone()).unwrap();
    assert!(form.contains("grant_type=refresh_token"), "{form}");
    assert!(form.contains("refresh_token=of%20the%20login"), "{form}");
    assert!(form.contains("scope=repository%3Aapp%3Apull"), "{form}");
    registry.forget_requests();
    let as_it_is = with_entry(&registry, r#"{"registrytoken":"for-the-registry"}"#);
    assert!(repository_with(&registry, as_it_is).manifest(&tag()).is_ok());
    assert!(registry.requests().iter().all(|request| !request.target.starts_with("/token")));
}

#[test]
fn a_token_service_that_answers_junk_is_no_anonymous_login() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    for junk in
        [&b"CANARY"[..], b"{}", b"{\"token\":\"\"}", b"{\"token\":\"a\\r\\nx: CANARY\"}", b"[]"]
    {
        let challenge = format!("Bearer realm=\"http://{}/token\"", registry.host());
        registry.rule(move |request| {
            let token = request.target.starts_with("/token");
            let junk = token.then(|| Reply::ok("application/json", junk.to_vec()));
            junk.or_else(|| Some(Reply::status(401).header("www-authenticate", &challenge)))
        });
        let error =
            repository_with(&registry, with_password(&registry)).manifest(&tag()).unwrap_err();
        assert!(matches!(error, unbroken_oci::OciError::Answer { .. }), "{error}");
        assert!(!error.to_string().contains("CANARY"), "{error}");
    }
}

#[test]
fn a75_o14_no_other_host_sees_a_credential() {
    let (registry, other) =
        (TestRegistry::start(Referrers::Listed), TestRegistry::start(Referrers::Listed));
    registry.put_image("app", "1.0", b"layer");
    let elsewhere = other.host().to_owned();
    // The user trusts the other host as far as redirects go, and no further.
    let trusted_hosts = BTreeSet::from([other.host().parse().unwrap()]);
    let settings = || Settings { trusted_hosts: trusted_hosts.clone(), ..with_password(&registry) };
    for code in [301, 302, 303, 307, 308] {
        let to = format!("http://{elsewhere}/x");
        let guard = guarded("Basic realm=\"x\"".to_owned());
        registry.rule(move |request| {
            guard(request).or_else(|| Some(Reply::status(code).header("location", &to)))
        });
        let content = repository_with(&registry, settings());
        let outcome = content.manifest(&tag());
        assert_ne!(kind(outcome), "Ok");
        let blob = read_blob(&content, &Descriptor::of("x/y", b"x"), 9);
        assert_ne!(kind(blob), "Ok");
    }
    assert!(!other.requests().is_empty(), "the redirects were followed");
    // A realm elsewhere: the password is not for it, although it may be redirected to.
    let realm = format!("Bearer realm=\"http://{elsewhere}/token\"");
    registry.rule(guarded(realm));
    assert_eq!(kind(repository_with(&registry, settings()).manifest(&tag())), "Host");
    // Places of uploads and pages elsewhere.
    let to = format!("http://{elsewhere}/x");
    let guard = guarded("Basic realm=\"x\"".to_owned());
    registry.rule(move |request| {
        guard(request).or_else(|| {
            let link = format!("<{to}>; rel=\"next\"");
            let list = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
            let index = unbroken_testkit::registry::INDEX;
            match &*request.method {
                "POST" => Some(Reply::status(202).header("location", &to)),
                _ => Some(Reply::ok(index, list).header("link", &link)),
            }
        })
    });
    let content = repository_with(&registry, settings());
    let blob = Descriptor::of("x/y", b"x");
    assert_eq!(kind(content.push_blob(&blob, &mut &b"x"[..])), "Host");
    assert_eq!(kind(content.referrers(&blob.digest)), "Host");
    assert!(other.requests().iter().all(|request| !has_canary(request)));
}

#[test]
fn o15_a_registry_that_is_never_content_is_asked_twice() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.rule(|_| Some(Reply::status(401).header("www-authenticate", "Basic realm=\"x\"")));
    let content = repository_with(&registry, with_password(&registry));
    assert_eq!(crate::support::status(&content.manifest(&tag())), Some(401));
    assert_eq!(registry.requests().len(), 2);
}

#[test]
fn a_helper_is_asked_about_its_host() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    registry.rule(guarded("Basic realm=\"x\"".to_owned()));
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    // A helper is found by its name on the path; here there is none of this name.
    let text = format!(r#"{{"credHelpers":{{"{}":"unbroken-no-such"}}}}"#, registry.host());
    fs::write(&config, text).unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
    let credentials = CredentialPlaces { inline: None, files: vec![config] };
    let content = repository_with(&registry, Settings { credentials, ..settings() });
    assert_eq!(kind(content.manifest(&tag())), "Credentials");
}
