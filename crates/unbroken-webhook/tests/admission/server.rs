//! The program as a cluster runs it: TLS, deadlines, changed files, the end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_testkit::registry::{Identity, Reply, lasting_root};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::world::{POLICY, World, pod_of};

pub(crate) const LASTING: &str = "2049-01-01T00:00:00Z";

pub(crate) struct Server {
    child: Child,
    /// Lines of the log.
    log: Mutex<Receiver<Value>>,
    address: String,
}

impl Server {
    /// The authority of the certificate that it shows at first.
    pub(crate) const AUTHORITY: &str = "webhook-ca";

    pub(crate) fn start(world: &World, policies: &str) -> Self {
        world.keep("policies.yaml", policies.replace("HOST", world.registry.host()).as_bytes());
        let file = world.folder().join("policies.yaml");
        Self::launch(world, &[&file.display().to_string()])
    }

    /// Starts it with other arguments.
    pub(crate) fn launch(world: &World, arguments: &[&str]) -> Self {
        show(world, Self::AUTHORITY);
        let folder = world.folder();
        let mut command = Command::new(env!("CARGO_BIN_EXE_unbroken-webhook"));
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        if !arguments.contains(&"--self-issued") {
            command.arg("--cert").arg(folder.join("tls.crt"));
            command.arg("--key").arg(folder.join("tls.key"));
        }
        let mut child =
            command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (to, log) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if to.send(value).is_err() {
                    break;
                }
            }
        });
        let log = Mutex::new(log);
        let mut server = Self { child, log, address: String::new() };
        let begun = server.event("listening on ");
        let (_, port) = begun.rsplit_once(':').unwrap();
        server.address = format!("https://localhost:{port}");
        server
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Ends it without a warning, as a node that goes away does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for an event that begins like this.
    pub(crate) fn event(&self, beginning: &str) -> String {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_mins(1) {
            let Ok(line) = self.log.lock().unwrap().recv_timeout(Duration::from_mins(1)) else {
                break;
            };
            match line.get("event").and_then(Value::as_str) {
                Some(event) if event.starts_with(beginning) => return event.to_owned(),
                _ => {}
            }
        }
        panic!("no event {beginning:?} came");
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Result<(u16, Value), ureq::Error> {
        self.post_trusting(Self::AUTHORITY, path, body)
    }

    fn post_trusting(
        &self,
        authority: &str,
        path: &str,
        body: &str,
    ) -> Result<(u16, Value), ureq::Error> {
        self.post_by(&Self::agent(authority), path, body)
    }

    /// Sends a request by a client of one's own.
    pub(crate) fn post_by(
        &self,
        agent: &ureq::Agent,
        path: &str,
        body: &str,
    ) -> Result<(u16, Value), ureq::Error> {
        let mut answer = agent
            .post(format!("{}{path}", self.address))
            .content_type("application/json")
            .send(body)?;
        let text = answer.body_mut().read_to_string()?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((answer.status().as_u16(), value))
    }

    fn agent(authority: &str) -> ureq::Agent {
        Self::agent_trusting(&lasting_root(authority))
    }

    /// A client that trusts these authorities alone, in PEM.
    pub(crate) fn agent_trusting(authorities: &str) -> ureq::Agent {
        let roots: Vec<Certificate<'static>> = ureq::tls::parse_pem(authorities.as_bytes())
            .filter_map(|item| match item {
                Ok(ureq::tls::PemItem::Certificate(root)) => Some(root),
                _ => None,
            })
            .collect();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::from(roots))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false);
        config.proxy(None).build().into()
    }

    /// Returns the status of a page.
    pub(crate) fn get(&self, path: &str) -> u16 {
        let answer = Self::agent(Self::AUTHORITY).get(format!("{}{path}", self.address)).call();
        answer.unwrap().status().as_u16()
    }

    pub(crate) fn review(&self, path: &str, request: &Value) -> Value {
        let (status, answer) = self.post(path, &review(request)).unwrap();
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer.pointer("/response/uid").unwrap(), "0b1e");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn review(request: &Value) -> String {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
        .to_string()
}

/// Puts the certificate of an authority where the server reads it.
fn show(world: &World, authority: &str) {
    let identity = Identity::of_localhost(authority, LASTING);
    world.keep("tls.key", identity.key().as_bytes());
    world.keep("tls.crt", identity.certificate().as_bytes());
}

pub(crate) fn allowed(answer: &Value) -> bool {
    answer.pointer("/response/allowed").unwrap().as_bool().unwrap()
}

#[test]
fn the_server_admits_denies_pins_and_ends() {
    let world = World::new();
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    let mut server = Server::start(&world, POLICY);
    let admitted = server.review("/verify?timeout=10s", &pod_of(&signed));
    assert!(allowed(&admitted), "{admitted}");
    let denied = server.review("/verify?timeout=10s", &pod_of(&unsigned));
    assert!(!allowed(&denied), "{denied}");
    assert_eq!(denied.pointer("/response/status/code").unwrap(), 403);
    assert_eq!(denied.pointer("/response/status/reason").unwrap(), "Forbidden");

    // A tag becomes the digest that is then verified; doing it again changes nothing.
    let (repository, digest) = signed.split_once('@').unwrap();
    let tag = format!("{repository}:1");
    let pinned = server.review("/mutate?timeout=10s", &pod_of(&tag));
    let patch = pinned.pointer("/response/patch").unwrap().as_str().unwrap();
    let patch = data_encoding::BASE64.decode(patch.as_bytes()).unwrap();
    let patch: Value = serde_json::from_slice(&patch).unwrap();
    let pin = format!("{tag}@{digest}");
    let due = json!({"op": "replace", "path": "/spec/containers/0/image", "value": pin});
    assert_eq!(patch[1], due);
    assert!(allowed(&server.review("/verify", &pod_of(&pin))));
    let again = server.review("/mutate", &pod_of(&pin));
    assert_eq!(again.pointer("/response/patch"), None);
    assert!(!allowed(&server.review("/mutate", &pod_of(&format!("{repository}:absent")))));

    // What is no review has no verdict; what has a uid has one.
    for body in ["", "[]", r#"{"request":{}}"#] {
        assert_eq!(server.post("/verify", body).unwrap().0, 400, "{body}");
    }
    let (status, answer) = server.post("/verify", r#"{"request":{"uid":"0b1e"}}"#).unwrap();
    assert_eq!((status, allowed(&answer)), (200, false));

    // A registry that is slow takes no longer than the API server waits.
    let slow = world.push("acme/slow");
    world.registry.rule(|_| {
        std::thread::sleep(Duration::from_secs(6));
        None
    });
    let begin = Instant::now();
    let late = server.review("/verify?timeout=1s", &pod_of(&slow));
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_eq!(late.pointer("/response/status/code").unwrap(), 503);
    let message = late.pointer("/response/status/message").unwrap().as_str().unwrap();
    assert!(message.contains("[out-of-time]"), "{message}");
    world.registry.rule(|_| None);

    // It goes on for a while after it was asked to end, and ends by itself.
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    assert!(allowed(&server.review("/verify", &pod_of(&signed))));
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_body_that_is_too_large_is_not_read_to_its_end() {
    let world = World::new();
    let server = Server::start(&world, POLICY);
    let large = " ".repeat((8 << 20) + 1);
    // The answer may come before all was sent, and the connection end with it.
    match server.post("/verify", &large) {
        Ok((status, _)) => assert_eq!(status, 413),
        Err(error) => assert!(matches!(error, ureq::Error::Io(_)), "{error}"),
    }
    let image = world.push_signed("acme/app");
    assert!(allowed(&server.review("/verify", &pod_of(&image))), "it goes on");
}

#[test]
fn certificates_and_policies_are_read_again_and_bad_ones_change_nothing() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let server = Server::start(&world, POLICY);
    assert!(server.post_trusting("next-ca", "/verify", &review(&pod_of(&image))).is_err());
    world.keep("tls.crt", b"no certificate");
    server.event("the new certificates cannot be used");
    world.keep("policies.yaml", b"- no policy");
    server.event("the policies in ");
    assert!(allowed(&server.review("/verify", &pod_of(&image))), "those of before are in force");
    show(&world, "next-ca");
    server.event("the certificates were read again");
    let (status, answer) =
        server.post_trusting("next-ca", "/verify", &review(&pod_of(&image))).unwrap();
    assert_eq!((status, allowed(&answer)), (200, true));
    assert!(server.post("/verify", &review(&pod_of(&image))).is_err(), "the old one is gone");
    world.keep("policies.yaml", b"");
    server.event("the policies can be used again");
    let (_, answer) = server.post_trusting("next-ca", "/verify", &review(&pod_of(&image))).unwrap();
    assert!(!allowed(&answer), "without policies nothing comes in");
}

#[test]
fn check_decides_as_the_server_does() {
    let world = World::new();
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    world.keep("policies.yaml", POLICY.replace("HOST", world.registry.host()).as_bytes());
    let manifest = |image: &str| {
        let container = format!("containers: [{{name: a, image: '{image}'}}]");
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      {container}\n"
        )
    };
    world.keep("good.yaml", manifest(&signed).as_bytes());
    let both = format!("{}---\n{}", manifest(&signed), manifest(&unsigned));
    world.keep("both.yaml", both.as_bytes());
    let check = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_unbroken-webhook"))
            .current_dir(world.folder())
            .args(["check", "policies.yaml"])
            .args(arguments)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let (code, text) = check(&["-f", "good.yaml"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("✔ admitted   Deployment default/web"), "{text}");
    let (code, text) = check(&["-f", "both.yaml"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("✘ denied     Deployment default/web"), "{text}");
    assert_eq!(text.matches("Deployment default/web").count(), 2, "once for each object: {text}");
    let (code, text) = check(&["--image", &unsigned, "--namespace", "prod", "--format", "json"]);
    assert_eq!(code, 1, "{text}");
    assert!(!allowed(&serde_json::from_str(&text).unwrap()));
    assert_eq!(check(&["--image", &signed, "--at", "2031-01-01T00:00:00Z"]).0, 1, "it has ended");
    world.registry.rule(|_| Some(Reply::status(500)));
    assert_eq!(check(&["-f", "good.yaml"]).0, 3);
    assert_eq!(check(&["-f", "absent.yaml"]).0, 2);
}
