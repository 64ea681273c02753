//! Traces, as a collector on the loopback gets them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_testkit::registry::{Referrers, Reply, TestRegistry};

use crate::intruders::sent;
use crate::server::{Server, allowed, review};
use crate::world::{POLICY, World, pod_of};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Takes what is sent to it, as a collector does.
fn collector(status: u16) -> TestRegistry {
    let collector = TestRegistry::start(Referrers::Unknown);
    collector.rule(move |_| Some(Reply::status(status)));
    collector
}

fn launch(world: &World, address: &str, more: &[&str]) -> Server {
    world.keep("policies.yaml", POLICY.replace("HOST", world.registry.host()).as_bytes());
    let file = world.folder().join("policies.yaml").display().to_string();
    let arguments = [&[file.as_str(), "--otlp-endpoint", address], more].concat();
    Server::launch(world, &arguments)
}

/// Waits for so many spans, and returns them as they were written.
fn spans(collector: &TestRegistry, due: usize) -> Vec<Value> {
    let begin = Instant::now();
    loop {
        let mut spans = Vec::new();
        for request in collector.requests() {
            assert_eq!((&*request.method, &*request.target), ("POST", "/v1/traces"));
            assert_eq!(request.header("content-type"), Some("application/json"));
            let document: Value = serde_json::from_slice(&request.body).unwrap();
            let resource = &document["resourceSpans"][0];
            let name = &resource["resource"]["attributes"][0];
            let service =
                json!({"key": "service.name", "value": {"stringValue": "unbroken-webhook"}});
            assert_eq!(name, &service);
            spans.extend(resource["scopeSpans"][0]["spans"].as_array().unwrap().clone());
        }
        if spans.len() >= due {
            assert_eq!(spans.len(), due, "{spans:#?}");
            return spans;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{} of {due}", spans.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn attribute<'a>(span: &'a Value, name: &str) -> Option<&'a str> {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|it| it["key"] == name)?;
    let value = found["value"].as_object().unwrap().values().next();
    value.and_then(Value::as_str)
}

fn named<'a>(spans: &'a [Value], beginning: &str) -> Vec<&'a Value> {
    let is = |span: &&Value| span["name"].as_str().unwrap().starts_with(beginning);
    spans.iter().filter(is).collect()
}

#[test]
fn a_review_its_images_and_its_requests_are_one_trace_with_whoever_sent_it() {
    let world = World::new();
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    let collector = collector(200);
    let server = launch(&world, &format!("http://{}/", collector.host()), &[]);
    world.registry.forget_requests();
    let mut request = pod_of(&signed);
    request["object"]["metadata"]["annotations"] = json!({"password": "hunter2"});
    let body = review(&request);
    let head = |flags: &str| {
        let length = body.len();
        format!("Content-Length: {length}\r\nTraceparent: 00-{TRACE}-{PARENT}-{flags}\r\n")
    };
    let answer = sent(server.address(), &head("01"), body.as_bytes());
    assert!(answer.contains("\"allowed\":true"), "{answer}");
    let asked = world.registry.requests().len();
    assert!(asked > 0);
    let found = spans(&collector, 2 + asked);
    for span in &found {
        assert_eq!(span["traceId"], TRACE);
        let at = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(
            at("startTimeUnixNano") <= at("endTimeUnixNano") && at("startTimeUnixNano") > 1 << 60
        );
        assert_eq!(span["spanId"].as_str().unwrap().len(), 16);
    }
    let [whole] = named(&found, "POST /verify")[..] else { panic!("{found:#?}") };
    assert_eq!((&whole["parentSpanId"], &whole["kind"]), (&json!(PARENT), &json!(2)));
    for (name, due) in [
        ("unbroken.review.uid", "0b1e"),
        ("unbroken.review.kind", "Pod"),
        ("k8s.namespace.name", "prod"),
        ("unbroken.decision", "admit"),
        ("unbroken.code", "200"),
    ] {
        assert_eq!(attribute(whole, name), Some(due), "{name}");
    }
    let [image] = named(&found, "verify image")[..] else { panic!("{found:#?}") };
    assert_eq!(image["parentSpanId"], whole["spanId"]);
    assert_eq!(attribute(image, "unbroken.image"), Some(&*signed));
    assert_eq!(attribute(image, "unbroken.source"), Some("looked-up"));
    let fetches: Vec<&Value> = found.iter().filter(|span| span["kind"] == 3).collect();
    assert_eq!(fetches.len(), asked);
    for fetch in fetches {
        assert_eq!(fetch["parentSpanId"], image["spanId"]);
        assert_eq!(attribute(fetch, "server.address"), Some(world.registry.host()));
    }
    assert!(!format!("{found:?}").contains("hunter2"), "nothing of the object is told");

    // Whoever keeps no trace gets none; without him a review begins its own.
    collector.forget_requests();
    assert!(sent(server.address(), &head("00"), body.as_bytes()).contains("\"allowed\":true"));
    assert!(!allowed(&server.review("/verify", &pod_of(&unsigned))));
    let asked = world.registry.requests().len() - asked;
    let denied = spans(&collector, 2 + asked);
    let [whole] = named(&denied, "POST /verify")[..] else { panic!("{denied:#?}") };
    assert_eq!(whole.get("parentSpanId"), None);
    assert_eq!(attribute(whole, "unbroken.decision"), Some("deny"));
    assert_eq!(
        attribute(whole, "unbroken.findings"),
        Some("link-missing link-missing link-missing"),
        "one for each step"
    );
    assert_eq!(whole["status"], json!({}), "what is rejected is no failure");
    // What is remembered asks nobody.
    collector.forget_requests();
    assert!(allowed(&server.review("/verify", &pod_of(&signed))));
    let remembered = spans(&collector, 2);
    let [image] = named(&remembered, "verify image")[..] else { panic!("{remembered:#?}") };
    assert_eq!(attribute(image, "unbroken.source"), Some("at-once"));
}

/// The number of spans that were dropped, as the metrics have it.
fn dropped(address: &str) -> Option<u64> {
    let mut answer = ureq::get(format!("http://{address}/metrics")).call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    let name = "unbroken_trace_spans_total{result=\"dropped\"} ";
    text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok())
}

#[test]
fn a_collector_that_does_not_take_them_holds_up_nobody_and_what_is_lost_is_counted() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let collector = collector(503);
    let server =
        launch(&world, &format!("http://{}", collector.host()), &["--metrics", "127.0.0.1:0"]);
    let metrics = server.event("metrics on ");
    let metrics = metrics.trim_start_matches("metrics on ");
    let begin = Instant::now();
    assert!(allowed(&server.review("/verify", &pod_of(&image))));
    server.event("the collector of traces does not take them");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(dropped(metrics).is_some_and(|count| count >= 3), "{:?}", dropped(metrics));
    // One that takes nothing while it is connected to: reviews go on meanwhile.
    collector.rule(|_| {
        std::thread::sleep(Duration::from_secs(4));
        None
    });
    for _ in 0..20 {
        let begin = Instant::now();
        assert!(allowed(&server.review("/verify", &pod_of(&image))));
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    }
}

#[test]
fn an_address_that_is_none_ends_the_program_without_being_repeated() {
    let world = World::new();
    world.keep("policies.yaml", b"");
    for address in [
        "collector:4318",
        "ftp://a/",
        "http://user:hunter2@a/",
        "https://a/",
        "http://a/?b=hunter2",
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_unbroken-webhook"))
            .args(["serve", "policies.yaml", "--cert", "a", "--key", "b"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", address)
            .current_dir(world.folder())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{address}: {said}");
        assert!(said.contains("for traces") || said.contains("--otlp-ca"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
