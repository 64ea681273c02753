//! Keys in the real ssh-agent, and agents that lie.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::{Bench, component};

/// A running ssh-agent; it ends with this value.
struct Agent(Child);

impl Agent {
    fn start(program: &Path, bench: &mut Bench) -> Self {
        let socket = bench.path().join("agent.sock");
        let mut command = Command::new(program);
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null());
        let agent = Self(command.spawn().unwrap());
        let begun = Instant::now();
        // The socket is there a moment before anybody listens.
        while UnixStream::connect(&socket).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "the ssh-agent does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        bench.environment.push(("SSH_AUTH_SOCK", socket.to_str().unwrap().to_owned()));
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Decodes a private key of OpenSSH.
fn secret(text: &str) -> Vec<u8> {
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    data_encoding::BASE64.decode(body.as_bytes()).unwrap()
}

/// Finds the seed of an Ed25519 key: it stands before the last copy of the public half.
fn seed(secret: &[u8], public: &str) -> Vec<u8> {
    let public = public.split(' ').nth(1).unwrap();
    let public = data_encoding::BASE64.decode(public.as_bytes()).unwrap();
    let point = public.last_chunk::<32>().unwrap();
    let at = secret.windows(32).rposition(|window| window == point).unwrap();
    secret.get(at - 32..at).unwrap().to_vec()
}

#[test]
fn a_key_in_the_agent_signs_and_is_verified_by_both() {
    const TEST: &str = "a_key_in_the_agent_signs_and_is_verified_by_both";
    let Some(program) = component("UNBROKEN_TEST_SSH_AGENT", TEST) else { return };
    let python = component("UNBROKEN_TEST_PYTHON", TEST);
    let mut bench = Bench::new();
    let _agent = Agent::start(&program, &mut bench);
    let tool = |name: &str| Command::new(program.with_file_name(name));
    let none = bench.unbroken(&["key", "show", "ssh-agent:"]);
    assert_eq!((none.code, none.stderr.contains("no key fits")), (2, true), "{}", none.stderr);
    for (kind, bits) in
        [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")]
    {
        let file = format!("key-{kind}-{bits}");
        let comment = format!("{kind}-{bits}@test");
        bench.must(
            tool("ssh-keygen")
                .args(["-q", "-N", "", "-t", kind, "-b", bits, "-f", &file, "-C", &comment]),
        );
        bench.must(tool("ssh-add").args(["-q", &file]));
        let secret = secret(&std::fs::read_to_string(bench.path().join(&file)).unwrap());
        std::fs::remove_file(bench.path().join(&file)).unwrap();
        bench.signs_and_is_verified(&format!("ssh-agent:{file}.pub"), &[], python.as_deref());
        if kind == "ed25519" {
            let public = std::fs::read_to_string(bench.path().join(format!("{file}.pub"))).unwrap();
            let seed = seed(&secret, &public);
            bench.keeps_secrets(&format!("ssh-agent:{file}.pub"), &[], &[&seed], &[]);
        }
        bench.signs_and_is_verified(&format!("ssh-agent:{comment}"), &[], None);
    }
    let several = bench.unbroken(&["key", "show", "ssh-agent:"]);
    assert_eq!(several.code, 2);
    assert!(several.stderr.contains("several keys fit"), "{}", several.stderr);
    let fingerprints = bench.must(tool("ssh-add").arg("-l"));
    let first = fingerprints.split(' ').nth(1).unwrap();
    bench.signs_and_is_verified(&format!("ssh-agent:{first}"), &[], None);
    let unknown = bench.unbroken(&["key", "show", "ssh-agent:nobody"]);
    assert!(unknown.code == 2 && unknown.stderr.contains(first), "{}", unknown.stderr);
}

#[test]
fn no_agent_is_an_error_that_says_so() {
    let mut bench = Bench::new();
    let said = bench.unbroken(&["key", "show", "ssh-agent:"]);
    assert!(said.code == 2 && said.stderr.contains("SSH_AUTH_SOCK"), "{}", said.stderr);
    bench.environment.push(("SSH_AUTH_SOCK", "nowhere.sock".to_owned()));
    let said = bench.unbroken(&["key", "show", "ssh-agent:"]);
    assert!(said.code == 2 && said.stderr.contains("cannot reach"), "{}", said.stderr);
}

/// A mock in place of an agent, since no real one lies: it answers every request with these bytes.
fn said_to(answer: Vec<u8>) -> (i32, String) {
    let mut bench = Bench::new();
    let socket = bench.path().join("mock.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let mock = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 5];
        stream.read_exact(&mut request).unwrap();
        // Who reads no further closes, which is no fault of this side.
        drop(stream.write_all(&answer));
    });
    bench.environment.push(("SSH_AUTH_SOCK", socket.to_str().unwrap().to_owned()));
    let said = bench.unbroken(&["key", "show", "ssh-agent:"]);
    mock.join().unwrap();
    (said.code, said.stderr)
}

#[test]
fn answers_of_a_hostile_agent_are_refused() {
    let message = |body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[..], body].concat()
    };
    for (answer, reason) in [
        (vec![], "did not answer"),
        (vec![0, 0, 0], "did not answer"),
        (vec![0, 0, 0, 0], "out of bounds"),
        (vec![0xff, 0xff, 0xff, 0xff], "out of bounds"),
        (message(&[5]), "refused"),
        (message(&[6]), "another kind"),
        (message(&[12]), "ends too early"),
        (message(&[12, 0xff, 0xff, 0xff, 0xff]), "ends too early"),
        (message(&[12, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]), "ends too early"),
        (message(&[12, 0, 0, 0, 0, 7]), "behind its end"),
        (message(&[12, 0, 0, 0, 1, 0, 0, 0, 1, b'x', 0, 0, 0, 1, 0x1b]), "no key fits"),
    ] {
        let (code, said) = said_to(answer.clone());
        assert!(code == 2 && said.contains(reason), "{answer:?}: {code} {said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
}
