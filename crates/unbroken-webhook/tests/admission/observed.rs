//! The service over time: what it tells of itself, and what becomes of it when clocks, certificates and
//! policies change under it.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use unbroken_model::timestamp::Timestamp;
use unbroken_testkit::registry::{Identity, Reply};
use unbroken_webhook::cache::Bounds;
use unbroken_webhook::log::Log;
use unbroken_webhook::server::{Service, router, serve_metrics};
use ureq::tls::TlsConfig;

use crate::server::{Server, allowed, review};
use crate::world::{POLICY, World, admitted, denied, judge_by, now, pod_of};

/// A service in this process, over plain HTTP.
struct Running {
    service: Arc<Service>,
    runtime: tokio::runtime::Runtime,
    address: SocketAddr,
}

impl Running {
    fn start(world: &World, bounds: Bounds, clock: fn() -> Timestamp) -> Self {
        let policies = world.policies(POLICY);
        let verifier = Arc::new(world.remembering(bounds));
        let service = Service::new(policies, verifier, clock, Log::new(std::io::sink()));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let routes = router(Arc::clone(&service));
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { service, runtime, address }
    }

    fn post(&self, body: &str) -> (u16, Value) {
        let config = ureq::Agent::config_builder().proxy(None).http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        let mut answer = agent.post(format!("http://{}/verify", self.address)).send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (answer.status().as_u16(), value)
    }

    fn admits(&self, image: &str) -> bool {
        allowed(&self.post(&review(&pod_of(image))).1)
    }
}

fn june() -> Timestamp {
    now()
}

#[test]
fn the_metrics_count_what_happened_and_name_no_image() {
    let world = World::new();
    let running = Running::start(&world, Bounds::default(), june);
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    assert!(running.admits(&signed) && running.admits(&signed));
    assert!(!running.admits(&unsigned));
    assert_eq!(running.post("{}").0, 400);
    world.registry.rule(|_| Some(Reply::status(403)));
    assert!(!running.admits(&world.push("acme/hidden")));

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    running.runtime.spawn(serve_metrics(Arc::clone(&running.service), listener));
    // Whoever holds connections open gets a few: which of too many is closed at once is chance.
    let connect = || {
        let connection = TcpStream::connect(address).unwrap();
        connection.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        connection
    };
    let mut held: Vec<TcpStream> = (0..17).map(|_| connect()).collect();
    let begin = Instant::now();
    while !held.iter_mut().any(|one| matches!(one.read(&mut [0]), Ok(0))) {
        assert!(begin.elapsed() < Duration::from_secs(4), "none is closed");
    }
    drop(held);
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let mut answer = loop {
        match agent.get(format!("http://{address}/metrics")).call() {
            Ok(answer) => break answer,
            Err(error) => assert!(begin.elapsed() < Duration::from_secs(20), "{error}"),
        }
    };
    let kind = answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.body_mut().read_to_string().unwrap();
    let asked = world.registry.requests().len();
    let expires = "2030-01-01T00:00:00Z".parse::<Timestamp>().unwrap().unix();
    for line in [
        r#"unbroken_decisions_total{task="verify",decision="admit"} 2"#,
        r#"unbroken_decisions_total{task="verify",decision="deny"} 1"#,
        r#"unbroken_decisions_total{task="verify",decision="undecided"} 1"#,
        r#"unbroken_failures_total{code="link-missing",mode="enforced"} 3"#,
        r#"unbroken_failures_total{code="undecided",mode="enforced"} 1"#,
        r#"unbroken_review_duration_seconds_count{source="at-once"} 1"#,
        r#"unbroken_review_duration_seconds_count{source="looked-up"} 3"#,
        "unbroken_malformed_total 1",
        "unbroken_turned_away_total 0",
        "unbroken_panics_total 0",
        "unbroken_lookups_in_flight 0",
        r#"unbroken_policies{state="usable"} 1"#,
        r#"unbroken_policies{state="invalid"} 0"#,
        &format!(r#"unbroken_layout_expiry_timestamp_seconds{{policy="acme"}} {expires}"#),
        r#"unbroken_cache_lookups_total{result="hit"} 1"#,
        r#"unbroken_cache_lookups_total{result="miss"} 3"#,
        "unbroken_cache_entries 3",
        // The tag of cosign is not there, and the last image may not be seen.
        r#"unbroken_registry_requests_total{result="refused"} 2"#,
        &format!(r#"unbroken_registry_requests_total{{result="answered"}} {}"#, asked - 2),
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    for secret in ["acme/", "sha256", "prod", "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

static CLOCK: AtomicI64 = AtomicI64::new(0);

fn moved() -> Timestamp {
    Timestamp::from_unix(now().unix() + CLOCK.load(Ordering::Relaxed))
}

#[test]
fn clocks_that_jump_let_nothing_in_that_has_ended_and_keep_nothing_out_that_has_not() {
    let world = World::new();
    let running = Running::start(&world, Bounds::default(), moved);
    let image = world.push_signed("acme/app");
    // A second, an hour, a day back, ahead to the end of the layout and beyond, and back again.
    let end = "2030-01-01T00:00:00Z".parse::<Timestamp>().unwrap().unix() - now().unix();
    for (jump, admitted) in [
        (0, true),
        (1, true),
        (-1, true),
        (3600, true),
        (-86_400, true),
        (end - 1, true),
        (end, false),
        (end - 1, true),
        (end + 86_400, false),
        (0, true),
        (i64::from(i32::MAX), false),
        (0, true),
    ] {
        CLOCK.store(jump, Ordering::Relaxed);
        assert_eq!(running.admits(&image), admitted, "{jump}");
    }
}

#[test]
fn a_policy_that_breaks_while_it_serves_denies_what_it_let_in_before() {
    let world = World::new();
    let running = Running::start(&world, Bounds::default(), june);
    let image = world.push_signed("acme/app");
    assert!(running.admits(&image));
    running.service.set_policies(world.policies(&POLICY.replace("root.layout", "absent")));
    let (_, answer) = running.post(&review(&pod_of(&image)));
    assert!(!allowed(&answer) && answer.to_string().contains("[policy-invalid]"), "{answer}");
    assert!(running.service.metrics().text().contains(r#"unbroken_policies{state="invalid"} 1"#));
    running.service.set_policies(world.policies(POLICY));
    world.registry.rule(|_| Some(Reply::status(500)));
    assert!(running.admits(&image), "it is the same policy as before");
}

#[test]
fn a_full_cache_forgets_and_mixes_nothing_up() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let bounds = Bounds { entries: 4, ..Bounds::default() };
    let verifier = world.remembering(bounds);
    let signed: Vec<String> =
        (0..8).map(|number| world.push_signed(&format!("acme/good{number}"))).collect();
    let unsigned: Vec<String> =
        (0..8).map(|number| world.push(&format!("acme/bad{number}"))).collect();
    for _ in 0..3 {
        for (good, bad) in signed.iter().zip(&unsigned) {
            admitted(&judge_by(&verifier, &policies, &pod_of(good), now().into()));
            denied(
                &judge_by(&verifier, &policies, &pod_of(bad), now().into()),
                403,
                "link-missing",
            );
            assert!(verifier.cache().usage().entries <= 8);
        }
    }
}

/// The API server takes no certificate that has ended: a pod that shows one is not ready for it.
#[test]
fn a_server_whose_certificate_has_ended_is_not_ready() {
    let world = World::new();
    let server = Server::start(&world, POLICY);
    let tls = TlsConfig::builder()
        .disable_verification(true)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false);
    let agent: ureq::Agent = config.proxy(None).max_idle_connections(0).build().into();
    let status = |path: &str| {
        let answer = agent.get(format!("{}{path}", server.address())).call().unwrap();
        answer.status().as_u16()
    };
    assert_eq!(status("/readyz"), 200);
    let show = |not_after: &str| {
        let identity = Identity::of_localhost(Server::AUTHORITY, not_after);
        world.keep("tls.key", identity.key().as_bytes());
        world.keep("tls.crt", identity.certificate().as_bytes());
    };
    show("2021-01-01T00:00:00Z");
    server.event("the certificates were read again");
    let begin = Instant::now();
    while status("/readyz") != 503 {
        assert!(begin.elapsed() < Duration::from_secs(10), "it says that it is ready");
    }
    assert_eq!(status("/livez"), 200);
    show("2048-01-01T00:00:00Z");
    server.event("the certificates were read again");
    assert_eq!(status("/readyz"), 200);
}
