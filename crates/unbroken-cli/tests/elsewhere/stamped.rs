//! Signatures with certificates that last for minutes, stamped by a real time-stamp authority.

use std::fs;
use std::path::Path;
use std::process::Command;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};
use unbroken_crypto::PublicKey;
use unbroken_model::timestamp::Timestamp;
use unbroken_testkit::certificates::{CertificateDraft, authority_id, authority_object};

use crate::bench::{Bench, Said, component};

const URI: &str = "spiffe://example.com/build";
const CONFIGURATION: &str = "\
[tsa]
default_tsa = authority
[authority]
serial = ./serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha384, sha512
ess_cert_id_alg = sha256
[sha1]
serial = ./serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha1
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamper]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[req]
distinguished_name = name
[name]
";
const KEYS: [(&str, [&str; 2]); 2] =
    [("rsa", ["-newkey", "rsa:2048"]), ("ec", ["-newkey", "ec:p384.pem"])];

/// An authority of OpenSSL's, with a root of its own.
struct Authority<'a> {
    bench: &'a Bench,
    openssl: &'a Path,
    name: &'static str,
}

impl Authority<'_> {
    fn make<'a>(
        bench: &'a Bench,
        openssl: &'a Path,
        (name, key): (&'static str, [&str; 2]),
    ) -> Authority<'a> {
        let authority = Authority { bench, openssl, name };
        let [root, root_key, signer, signer_key] =
            ["root.pem", "root.key", "stamper.pem", "stamper.key"].map(|end| authority.file(end));
        let request = authority.file("csr");
        let common = ["-nodes", "-config", "tsa.cnf"];
        let named = format!("/CN=root of {name}");
        let made = ["req", "-x509", "-subj", &named, "-days", "30", "-extensions", "root"];
        authority.run(&[&made[..], &key, &common, &["-keyout", &root_key, "-out", &root]].concat());
        let made = ["req", "-new", "-subj", "/CN=stamper"];
        let files = ["-keyout", &signer_key, "-out", &request];
        authority.run(&[&made[..], &key, &common, &files].concat());
        let made = ["x509", "-req", "-days", "20", "-set_serial", "7", "-extfile", "tsa.cnf"];
        let files = ["-in", &request, "-CA", &root, "-CAkey", &root_key, "-out", &signer];
        authority.run(&[&made[..], &["-extensions", "stamper"], &files].concat());
        authority
    }

    fn file(&self, end: &str) -> String {
        format!("{}-{end}", self.name)
    }

    fn run(&self, words: &[&str]) {
        self.bench.must(Command::new(self.openssl).args(words));
    }

    /// Has bytes stamped.
    fn stamp(&self, bytes: &[u8], digest: &str, section: &str, more: &[&str]) -> Vec<u8> {
        let path = self.bench.path();
        fs::write(path.join("signature"), bytes).unwrap();
        self.run(&["ts", "-query", "-data", "signature", digest, "-cert", "-out", "query"]);
        let (signer, key) = (self.file("stamper.pem"), self.file("stamper.key"));
        let reply = ["ts", "-reply", "-config", "tsa.cnf", "-section", section];
        let files = ["-queryfile", "query", "-signer", &signer, "-inkey", &key, "-out", "reply"];
        self.run(&[&reply[..], &files, more].concat());
        fs::read(path.join("reply")).unwrap()
    }
}

/// The file of the one link that there is.
fn link(bench: &Bench) -> std::path::PathBuf {
    let files = fs::read_dir(bench.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut links = files.filter(|file| file.extension().is_some_and(|end| end == "link"));
    links.next().unwrap()
}

/// Finds a member of the one signature of a link.
fn member<'a>(link: &'a mut Value, name: &str) -> &'a mut Value {
    let signature = link.pointer_mut("/signatures/0").and_then(Value::as_object_mut).unwrap();
    signature.entry(name).or_insert(Value::Null)
}

/// Puts tokens beside the signature of the link.
fn put(bench: &Bench, tokens: &[Vec<u8>]) {
    let file = link(bench);
    let mut link: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let entries = tokens.iter().map(|token| json!({"type": "tsp", "data": BASE64.encode(token)}));
    *member(&mut link, "timestamps") = entries.collect();
    fs::write(file, link.to_string()).unwrap();
}

/// Returns the bytes of the signature of the link.
fn signature(bench: &Bench) -> Vec<u8> {
    let mut link: Value = serde_json::from_slice(&fs::read(link(bench)).unwrap()).unwrap();
    let text = member(&mut link, "sig").as_str().unwrap().as_bytes();
    HEXLOWER.decode(text).or_else(|_| BASE64.decode(text)).unwrap()
}

/// Judges the chain at a time, with the roots of authorities of time stamps that are trusted.
fn judge(bench: &Bench, at: Timestamp, roots: &[&str]) -> Said {
    let at = at.to_string();
    let mut words = vec!["verify", "--layout", "root.layout", "--trust", "owner.pub", "--at", &at];
    for root in roots {
        words.extend(["--timestamp-authority", root]);
    }
    bench.unbroken(&words)
}

/// Writes the layout, and the certificate of the key `builder` for the minutes around this one.
fn prepare(bench: &Bench, now: i64) {
    let long = |mut draft: CertificateDraft| {
        draft.not_after = "2049-12-31T23:59:59Z".parse().unwrap();
        draft
    };
    let root = long(CertificateDraft::authority("ca")).pem_by("ca");
    let object: Value = serde_json::from_str(&authority_object("ca", &root).to_compact()).unwrap();
    let layout = json!({
        "_type": "layout", "expires": "2099-01-01T00:00:00Z", "readme": "", "keys": {}, "inspect": [],
        "rootcas": {authority_id("ca"): object},
        "steps": [{
            "_type": "step", "name": "build", "pubkeys": [], "threshold": 1, "expected_command": [],
            "expected_materials": [["ALLOW", "app.c"], ["DISALLOW", "*"]],
            "expected_products": [["CREATE", "app"], ["DISALLOW", "*"]],
            "cert_constraints": [{"common_name": "*", "roots": ["*"], "uris": [URI]}],
        }],
    });
    fs::write(bench.path().join("root.layout"), layout.to_string()).unwrap();
    assert_eq!(bench.unbroken(&["sign", "--key", "owner", "root.layout"]).code, 0);
    let words = ["key", "generate", "builder", "--type", "ecdsa-p256"];
    assert_eq!(bench.unbroken(&words).code, 0);
    let public = fs::read(bench.path().join("builder.pub")).unwrap();
    let public = PublicKey::from_pem_or_other(&public).unwrap();
    let mut leaf = CertificateDraft::of("builder").uri(URI);
    leaf.spki = Some(public.spki_der().to_vec());
    leaf.not_before = Timestamp::from_unix(now - 300);
    leaf.not_after = Timestamp::from_unix(now + 300);
    fs::write(bench.path().join("builder.pem"), leaf.pem_by("ca")).unwrap();
}

#[test]
fn a_certificate_that_has_ended_counts_with_a_real_token() {
    const TEST: &str = "a_certificate_that_has_ended_counts_with_a_real_token";
    let Some(openssl) = component("UNBROKEN_TEST_OPENSSL", TEST) else { return };
    let bench = Bench::new();
    fs::write(bench.path().join("tsa.cnf"), CONFIGURATION).unwrap();
    fs::write(bench.path().join("serial"), "01\n").unwrap();
    let curve = ["ecparam", "-name", "secp384r1", "-out", "p384.pem"];
    bench.must(Command::new(&openssl).args(curve));
    let [rsa, ec] = KEYS.map(|key| Authority::make(&bench, &openssl, key));
    let (rsa_root, ec_root) = (rsa.file("root.pem"), ec.file("root.pem"));

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let (now_, later) = (Timestamp::from_unix(now + 60), Timestamp::from_unix(now + 7 * 86_400));
    prepare(&bench, now);
    for envelope in [&["--dsse"][..], &[]] {
        drop(fs::remove_file(bench.path().join("app")));
        let run = ["run", "build", "--key", "builder", "--cert", "builder.pem", "-m", "app.c"];
        let command = ["-p", "app", "--", "cp", "app.c", "app"];
        let said = bench.unbroken(&[&run[..], envelope, &command].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        let signature = signature(&bench);

        // While it lasts no token is needed; afterwards the certificate alone is not enough.
        let said = judge(&bench, now_, &[]);
        assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
        let said = judge(&bench, later, &[&rsa_root]);
        assert!(said.code == 1 && said.stdout.contains("certificate-expired"), "{}", said.stdout);

        for (authority, root) in [(&rsa, &rsa_root), (&ec, &ec_root)] {
            for (digest, more) in [("-sha256", &["-token_out"][..]), ("-sha512", &[])] {
                put(&bench, &[authority.stamp(&signature, digest, "authority", more)]);
                let said = judge(&bench, later, &[root]);
                assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
            }
        }
        // Both authorities are named, and one of two tokens is of another signature.
        let other = rsa.stamp(b"another signature", "-sha256", "authority", &[]);
        let good = ec.stamp(&signature, "-sha256", "authority", &[]);
        put(&bench, &[other.clone(), good.clone()]);
        let said = judge(&bench, later, &[&rsa_root, &ec_root]);
        assert!(said.code == 0 && said.stdout.contains("timestamp-invalid"), "{}", said.stdout);

        for (name, words) in [
            ("in-toto-verify", &["-l", "root.layout", "--verification-keys", "owner.pub"][..]),
            ("in-toto", &["verify", "-l", "root.layout", "-k", "owner.pub"]),
        ] {
            let program = bench.path().join(name);
            drop(std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_unbroken"), &program));
            let run = |root: &[&str]| {
                let mut command = Command::new(&program);
                command.current_dir(bench.path()).args(words).args(["--at", &later.to_string()]);
                command.args(root).output().unwrap().status.code()
            };
            assert_eq!(run(&["--timestamp-authority", &ec_root]), Some(0), "{name}");
            assert_eq!(run(&[]), Some(1), "{name}");
        }

        let bad = |token: Vec<u8>, root: &str, reason: &str| {
            put(&bench, &[token]);
            let said = judge(&bench, later, &[root]);
            let words = said.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
            let told = ["certificate-expired", "timestamp-invalid", reason];
            let is_told = told.iter().all(|part| words.contains(part));
            assert!(said.code == 1 && is_told, "{reason}: {words}");
        };
        bad(other, &rsa_root, "other bytes");
        bad(good, &rsa_root, "nobody whom the verifier names issued it");
        bad(rsa.stamp(&signature, "-sha1", "authority", &[]), &rsa_root, "SHA-1");
        bad(rsa.stamp(&signature, "-sha256", "sha1", &[]), &rsa_root, "SHA-1 alone");

        put(&bench, &[ec.stamp(&signature, "-sha256", "authority", &[])]);
        let said = judge(&bench, later, &[]);
        assert!(said.code == 1 && said.stdout.contains("--timestamp-authority"), "{}", said.stdout);
        fs::remove_file(link(&bench)).unwrap();
    }
    let said = judge(&bench, later, &["ec-stamper.pem"]);
    assert!(said.code == 2 && said.stderr.contains("root certificate"), "{}", said.stderr);
}
