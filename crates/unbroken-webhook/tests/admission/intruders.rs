//! Whoever else reaches the port: nothing comes in, nothing is held up for long, and the server goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use unbroken_testkit::Random;
use unbroken_testkit::registry::lasting_root;

use crate::mutations::turned_over;
use crate::server::{Server, allowed, review};
use crate::world::{POLICY, World, pod_of};

/// How many bodies are turned over.
const BODIES: u64 = 10_000;
/// Connections that the program holds at the same time.
const CONNECTIONS: usize = 512;

pub(crate) type Wire = StreamOwned<ClientConnection, TcpStream>;

/// Connects as the API server does, and no further.
fn connect(address: &str) -> TcpStream {
    let (_, port) = address.rsplit_once(':').unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port.parse::<u16>().unwrap())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

pub(crate) fn wire(address: &str) -> Wire {
    wire_speaking(address, &[])
}

/// Connects with an offer of protocols.
pub(crate) fn wire_speaking(address: &str, protocols: &[&[u8]]) -> Wire {
    let mut roots = RootCertStore::empty();
    let root = lasting_root(Server::AUTHORITY);
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connect(address))
}

fn head(headers: &str) -> String {
    format!("POST /verify?timeout=10s HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

/// Reads what comes until the other side ends it.
pub(crate) fn all_of(wire: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length) = wire.read(&mut buffer) {
        if length == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends bytes as they are; returns what comes back.
pub(crate) fn sent(address: &str, headers: &str, body: &[u8]) -> String {
    let mut wire = wire(address);
    wire.write_all(head(&format!("{headers}Connection: close\r\n")).as_bytes()).unwrap();
    // The answer may come before all of it was sent.
    drop(wire.write_all(body).and_then(|()| wire.flush()));
    all_of(&mut wire)
}

/// W01, W02, W03: bodies that are no review, for one reader or for all.
#[test]
fn what_is_no_review_is_admitted_by_nobody() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    let whole = review(&pod_of(&image));
    assert!(allowed(&server.review("/verify", &pod_of(&image))));
    let with_uid = |uid: &str| whole.replace("\"0b1e\"", uid);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, due) in [
        (String::new(), 400),
        ("null".to_owned(), 400),
        (
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}"#
                .to_owned(),
            400,
        ),
        (with_uid("\"\""), 400),
        (with_uid("null"), 400),
        (with_uid(&format!("\"{}\"", "u".repeat(1 << 20))), 400),
        (with_uid("\"0b1e\",\"uid\":\"0b1f\""), 400),
        (format!("{whole}{whole}"), 400),
        (whole.replace("\"CREATE\"", &deep), 200),
        (whole.trim_end_matches('}').to_owned(), 400),
        (whole.replace("AdmissionReview", "ImageReview"), 200),
        (whole.replace("k8s.io/v1\"", "k8s.io/v1beta1\""), 200),
        (whole.replace("\"CREATE\"", "\"CREATED\""), 200),
        (whole.replace("\"containers\":", "\"containers\":[],\"containers\":"), 200),
        (whole.replace("\"prod\"", "\"prod/../kube-system\""), 200),
    ] {
        let (status, answer) = server.post("/verify", &body).unwrap();
        let begin: String = body.chars().take(200).collect();
        assert_eq!(status, due, "{begin}: {answer}");
        assert!(status == 400 || !allowed(&answer), "{begin}: {answer}");
        assert!(answer.to_string().len() < 2048, "nothing is echoed at length: {begin}");
    }
    // The answer has the uid of the request and the version of the contract, whatever else came.
    let other = whole.replace("\"0b1e\"", "\"A-1.b:c_2\"");
    let (_, answer) = server.post("/verify", &other).unwrap();
    assert_eq!(answer["response"]["uid"], "A-1.b:c_2");
    assert_eq!(
        (&answer["apiVersion"], &answer["kind"]),
        (&json!("admission.k8s.io/v1"), &json!("AdmissionReview"))
    );
    assert_eq!(answer["response"].get("patch"), None, "a validating webhook makes no patch");
}

/// W03: lengths, encodings and chunks that do not say what comes.
#[test]
fn bodies_that_are_not_what_they_say_are_admitted_by_nobody() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    let whole = review(&pod_of(&image));
    let length = |length: usize| -> String { format!("Content-Length: {length}\r\n") };
    let good = sent(server.address(), &length(whole.len()), whole.as_bytes());
    assert!(good.starts_with("HTTP/1.1 200") && good.contains("\"allowed\":true"), "{good}");
    let gzip = format!("{}Content-Encoding: gzip\r\n", length(20));
    let header =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let cases: Vec<(String, &[u8])> = vec![
        (length(whole.len() - 1), whole.as_bytes()),
        (format!("{}{}", length(whole.len()), length(3)), whole.as_bytes()),
        (String::from("Content-Length: -1\r\n"), whole.as_bytes()),
        ("Transfer-Encoding: chunked\r\n".to_owned(), b"zz\r\n{}\r\n0\r\n\r\n".as_slice()),
        ("Transfer-Encoding: gzip\r\n".to_owned(), whole.as_bytes()),
        (gzip, header.as_slice()),
        (String::new(), whole.as_bytes()),
    ];
    for (headers, body) in cases {
        let answer = sent(server.address(), &headers, body);
        assert!(answer.starts_with("HTTP/1.1 4"), "{headers}: {answer}");
    }
    // Chunks without end are read as far as any body is.
    let mut endless = b"800000\r\n".to_vec();
    endless.resize(endless.len() + (8 << 20), b' ');
    endless.extend_from_slice(b"\r\n1\r\n \r\n");
    let answer = sent(server.address(), "Transfer-Encoding: chunked\r\n", &endless);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(allowed(&server.review("/verify", &pod_of(&image))), "it goes on");
}

/// W03: the bound is where it is said to be.
#[test]
fn a_body_of_eight_mebibytes_is_read_and_one_byte_more_is_not() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    let mut body = review(&pod_of(&image));
    body.push_str(&" ".repeat((8 << 20) - body.len()));
    let (status, answer) = server.post("/verify", &body).unwrap();
    assert!(status == 200 && allowed(&answer), "{status} {answer}");
    let mut wire = wire(server.address());
    let headers = format!("Content-Length: {}\r\n", body.len() + 1);
    wire.write_all(head(&headers).as_bytes()).unwrap();
    let mut answer = [0; 12];
    wire.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413", "what is told to be too large is not waited for");
}

/// W04: whoever says nothing, or a letter at a time, is let go of, and holds nobody up.
#[test]
fn whoever_says_nothing_is_let_go_of() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    let address = server.address();
    let timed = |speak: &dyn Fn() -> String| {
        let begin = Instant::now();
        (speak(), begin.elapsed().as_secs_f32())
    };
    std::thread::scope(|scope| {
        let silent = scope.spawn(|| timed(&|| all_of(&mut connect(address))));
        let header = scope.spawn(|| {
            timed(&|| {
                let mut wire = wire(address);
                for letter in head("").bytes().cycle() {
                    // A header without end: it is no line break that ends it.
                    let letter = if letter == b'\n' { b' ' } else { letter };
                    if wire.write_all(&[letter]).and_then(|()| wire.flush()).is_err() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(100));
                }
                all_of(&mut wire)
            })
        });
        let body = scope.spawn(|| {
            timed(&|| {
                let mut wire = wire(address);
                wire.write_all(head("Content-Length: 100000\r\n").as_bytes()).unwrap();
                wire.flush().unwrap();
                all_of(&mut wire)
            })
        });
        assert!(allowed(&server.review("/verify", &pod_of(&image))), "others are served");
        let (said, seconds) = silent.join().unwrap();
        assert!(said.is_empty() && (4.0..25.0).contains(&seconds), "{said} {seconds}");
        let (said, seconds) = header.join().unwrap();
        assert!(said.is_empty() && (4.0..25.0).contains(&seconds), "{said} {seconds}");
        let (said, seconds) = body.join().unwrap();
        assert!(said.starts_with("HTTP/1.1 408"), "{said}");
        assert!((9.0..25.0).contains(&seconds), "{seconds}");
    });
    assert!(allowed(&server.review("/verify", &pod_of(&image))));
}

/// W04: large bodies take the room of few, and leave that of the usual ones alone.
#[test]
fn large_bodies_are_read_few_at_a_time() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    let large = head("Content-Length: 8000000\r\n");
    let held: Vec<Wire> = (0..4)
        .map(|_| {
            let mut wire = wire(server.address());
            wire.write_all(large.as_bytes()).and_then(|()| wire.flush()).unwrap();
            wire
        })
        .collect();
    let begin = Instant::now();
    let refused = loop {
        let mut wire = wire(server.address());
        wire.write_all(large.as_bytes()).and_then(|()| wire.flush()).unwrap();
        wire.sock.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let answer = all_of(&mut wire);
        // The four may not all have been read yet.
        if !answer.is_empty() || begin.elapsed() > Duration::from_secs(8) {
            break answer;
        }
    };
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("retry-after: 1"), "{refused}");
    assert!(allowed(&server.review("/verify", &pod_of(&image))), "usual ones are read");
    drop(held);
}

/// W04: connections have a bound; those beyond it are closed and not queued.
#[test]
fn connections_beyond_the_bound_are_closed_at_once() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    // Whoever was answered once is kept for longer than this takes.
    let answered = || {
        let mut wire = wire(server.address());
        assert!(is_answered(&mut wire));
        wire
    };
    let mut held: Vec<Wire> = (0..CONNECTIONS).map(|_| answered()).collect();
    for _ in 0..3 {
        let begin = Instant::now();
        assert!(!is_answered(&mut wire(server.address())));
        assert!(begin.elapsed() < Duration::from_secs(20), "it was queued");
    }
    assert!(held.iter_mut().all(is_answered), "nobody was closed in place of it");
    held.pop();
    let begin = Instant::now();
    let served = loop {
        match server.post("/verify", &review(&pod_of(&image))) {
            Ok((_, answer)) => break allowed(&answer),
            Err(error) => assert!(begin.elapsed() < Duration::from_secs(20), "{error}"),
        }
    };
    assert!(served);
}

/// Asks whether the program lives, over a connection that goes on.
fn is_answered(wire: &mut Wire) -> bool {
    let asked =
        wire.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").and_then(|()| wire.flush());
    let mut said = Vec::new();
    let mut byte = [0];
    while asked.is_ok()
        && !said.ends_with(b"\r\n\r\n")
        && wire.read(&mut byte).is_ok_and(|it| it == 1)
    {
        said.push(byte[0]);
    }
    said.starts_with(b"HTTP/1.1 200 ")
}

/// W18: whatever comes, the program answers the next one.
#[test]
fn the_program_survives_ten_thousand_bodies_that_are_nearly_right() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    let address = server.address();
    let answered: u64 = std::thread::scope(|scope| {
        let thread = |number: u64| {
            scope.spawn(move || {
                let (mut wire, mut answered) = (wire(address), 0);
                let seeds: Vec<u64> = (number..BODIES).step_by(2).collect();
                // Many at a time, one behind the other: none is taken for a part of the next.
                for seeds in seeds.chunks(100) {
                    let mut bytes = Vec::new();
                    for seed in seeds {
                        let body = turned_over(&mut Random::new(*seed));
                        let head = head(&format!("Content-Length: {}\r\n", body.len()));
                        bytes.extend([head.as_bytes(), &body].concat());
                    }
                    wire.write_all(&bytes).and_then(|()| wire.flush()).unwrap();
                    let mut rest = Vec::new();
                    for seed in seeds {
                        let (status, answer) = one_answer(&mut wire, &mut rest);
                        assert!(status == 200 || status == 400, "{seed}: {status}");
                        let is_verdict = answer.pointer("/response/allowed").is_some();
                        assert_eq!(is_verdict, status == 200, "{seed}: {answer}");
                        answered += 1;
                    }
                }
                answered
            })
        };
        (0..2).map(thread).collect::<Vec<_>>().into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(answered, BODIES);
    assert!(allowed(&server.review("/verify", &pod_of(&image))));
}

/// Reads one answer of a kept connection: its status, and its JSON. What comes behind stays in `bytes`.
fn one_answer(wire: &mut Wire, bytes: &mut Vec<u8>) -> (u16, Value) {
    let mut buffer = [0; 1 << 14];
    loop {
        let text = std::str::from_utf8(bytes).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap().parse().unwrap();
            if let Some(body) = body.get(..length) {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                let answer = serde_json::from_str(body).unwrap_or_default();
                let whole = head.len() + 4 + length;
                drop(bytes.drain(..whole));
                return (status, answer);
            }
        }
        let length = wire.read(&mut buffer).unwrap();
        assert!(length > 0, "the connection ended");
        bytes.extend_from_slice(&buffer[..length]);
    }
}
