//! Floods: of frames of HTTP/2, which is not spoken here, and of values in a body.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::intruders::{all_of, sent, wire, wire_speaking};
use crate::server::{Server, allowed, review};
use crate::world::{POLICY, World, pod, pod_of};

/// What begins a connection of HTTP/2, with empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// Frames of one flood.
const FRAMES: u32 = 20_000;
/// Groups that a user may be in.
const GROUPS: usize = 10_000;
/// What a small container has, for the program and all that it reads.
const MEMORY: u64 = 256 << 20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// The floods of CVE-2023-44487, CVE-2024-27316, CVE-2019-9515 and CVE-2019-9512: streams that are
/// reset as they begin, headers that go on, settings, and pings.
fn floods() -> [(&'static str, Vec<u8>); 4] {
    let get = b"\x82\x87\x84\x41\x09localhost";
    let reset = |number: u32| {
        let stream = 2 * number + 1;
        [frame(1, 5, stream, get), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
    };
    let further = |number: u32| match number {
        0 => frame(1, 1, 1, get),
        _ => frame(9, 0, 1, b"\x00\x01a\x01b"),
    };
    let flood = |of: &dyn Fn(u32) -> Vec<u8>| {
        PREFACE.iter().copied().chain((0..FRAMES).flat_map(of)).collect::<Vec<u8>>()
    };
    [
        ("resets", flood(&reset)),
        ("continuations", flood(&further)),
        ("settings", flood(&|_| frame(4, 0, 0, &[]))),
        ("pings", flood(&|_| frame(6, 0, 0, b"01234567"))),
    ]
}

#[test]
fn floods_of_http_2_find_nobody_who_speaks_it() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    let pod = pod_of(&image);
    assert!(allowed(&server.review("/verify", &pod)));
    // Whoever speaks nothing else is told so before anything else is read of him.
    let mut alone = wire_speaking(server.address(), &[b"h2"]);
    assert!(alone.write_all(PREFACE).and_then(|()| alone.flush()).is_err());
    let mut both = wire_speaking(server.address(), &[b"h2", b"http/1.1"]);
    both.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert!(all_of(&mut both).starts_with("HTTP/1.1 200"));
    assert_eq!(both.conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let before = server.peak_memory();
    let floods = floods();
    std::thread::scope(|scope| {
        for (name, bytes) in floods.iter().cycle().take(40) {
            let address = server.address();
            scope.spawn(move || {
                let mut wire = wire(address);
                // The other side may be gone before all of it was sent.
                drop(wire.write_all(bytes).and_then(|()| wire.flush()));
                let said = all_of(&mut wire);
                assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{name}: {said}");
            });
        }
        for _ in 0..20 {
            let begin = Instant::now();
            assert!(allowed(&server.review("/verify", &pod)), "it goes on");
            assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        }
    });
    let more = server.peak_memory().saturating_sub(before);
    assert!(more < 32 << 20, "{more} bytes for the floods");
    assert!(allowed(&server.review("/verify", &pod)));
}

/// A list of millions of values is no longer than one of thousands of names.
#[test]
fn values_without_end_do_not_take_the_memory_of_the_program() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    let review_with = |text: &str| {
        let container = json!({"name": "a", "image": image, "env": "HERE"});
        review(&pod(&json!({"containers": [container]}))).replace("\"HERE\"", text)
    };
    let many = |value: &str, size: usize| {
        let text = format!("{value},").repeat(size / (value.len() + 1));
        format!("[{}]", text.trim_end_matches(','))
    };
    let size = 7 << 20;
    let names: Vec<String> = (0..size / 9).map(|it| format!("\"{it:x}\":0")).collect();
    let object = format!("{{{}}}", names.join(","));
    // What nobody reads is passed over, however much of it there is.
    let unread = [many("[]", size), many("{}", size), many("0", size), object.clone()];
    // What is read has a bound, wherever it stands.
    let whole = review(&pod_of(&image));
    let containers = |text: &str| {
        whole.replace("\"containers\":", &format!("\"initContainers\":{text},\"containers\":"))
    };
    let groups = |text: &str| {
        whole.replacen("\"uid\":", &format!("\"userInfo\":{{\"groups\":{text}}},\"uid\":"), 1)
    };
    let read = [
        groups(&many("\"\"", size)),
        groups(&format!("[{}\"\"]", "\"\",".repeat(GROUPS))),
        containers(&many("{}", size)),
        containers(&many("[]", size)),
        whole.replace("\"name\":\"app\"", &format!("\"image\":{object}")),
    ];
    std::thread::scope(|scope| {
        for body in unread.iter().map(|text| review_with(text)) {
            let address = server.address();
            scope.spawn(move || {
                let length = format!("Content-Length: {}\r\n", body.len());
                let answer = sent(address, &length, body.as_bytes());
                assert!(answer.contains("\"allowed\":true"), "{answer}");
            });
        }
    });
    let as_many_as_may_be = groups(&format!("[{}\"\"]", "\"\",".repeat(GROUPS - 1)));
    assert!(allowed(&server.post("/verify", &as_many_as_may_be).unwrap().1));
    for body in read {
        let (status, answer) = server.post("/verify", &body).unwrap();
        assert!(status == 200 && !allowed(&answer), "{status} {answer}");
    }
    let peak = server.peak_memory();
    assert!(peak < MEMORY / 2, "{peak}");
    assert!(allowed(&server.review("/verify", &pod_of(&image))), "it goes on");
}
