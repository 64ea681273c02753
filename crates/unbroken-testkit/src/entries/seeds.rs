//! What a corpus begins with: good input of every form, and the texts that attacks are made of.

use data_encoding::HEXLOWER;
use unbroken_crypto::{KeyIdStyle, Passphrase};
use unbroken_model::envelope::Envelope;
use unbroken_model::json::Value;
use unbroken_model::limits::Limits;

use crate::certificates::{self, CertificateDraft};
use crate::chain::Chain;
use crate::keys;

/// What gpg 2.2 signs with an Ed25519 key.
const SIGNATURE: &str = "887e0400160800261621041ff2ffd3f71e4ecfff690f0473d4539dd45c6bbf05026b0542c0081c65644074657374000a091073d4539dd45c6bbff2b301009d97290e7827a1ed092f4c6c00ca5f570184c27c0b0f8dc60c3721492aa9b9020100ccc5069ef4dbc4959ee43e5f23aa6b047475eabc02f7f86db5ae3c6a14ac3a0e";
/// What it exports: such a key with its subkeys.
const CERTIFICATE: &[u8] =
    include_bytes!("../../../unbroken-crypto/tests/data/gpg/certificates/ed.pgp");
const PINNED_LAYOUTS: &str = r#"{"_type":"unbroken-pinned-layouts","layouts":[{"name":"app","owners":["ab"],
"version":7,"sha256":"0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"}]}"#;

/// Returns the seeds of an entry.
pub(super) fn of(entry: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match entry {
        "json" | "json_writers" | "canonical_json" => {
            let mut seeds: Vec<Vec<u8>> = texts(&[
                "{\"a\": [1, -0, true, null, \"\\u00e9\\n\\\\\"], \"b\": {}}",
                "[[[[[[[[]]]]]]]]",
                "\"\\ud83d\\ude00\"",
                "123456789012345678901234567890",
            ]);
            seeds.push(payload(&Chain::pipeline().layout.bytes()));
            seeds
        }
        "envelope" | "layout_unsigned" => {
            vec![Chain::pipeline().layout.bytes(), Chain::pipeline().layout.dsse().bytes()]
        }
        "link_unsigned" => vec![link(), Chain::pipeline().link("build").clone().dsse().bytes()],
        "layout" | "layout_signed" => vec![payload(&Chain::pipeline().layout.bytes())],
        "sublayout_signed" => vec![payload(&Chain::compile().layout.bytes())],
        "link" | "link_signed" => vec![payload(&link())],
        "statement" => texts(&[
            "{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"https://slsa.dev/provenance/v1\",\"subject\":[{\"name\":\"a\",\"digest\":{\"sha256\":\"00\"}}],\"predicate\":{}}",
        ]),
        "rule_words" => texts(&[
            "CREATE\nfoo",
            "MATCH\n*\nIN\nsrc\nWITH\nPRODUCTS\nIN\ndst\nFROM\nbuild",
            "disallow\n*",
        ]),
        "rule_text" => texts(&["ALLOW \"a b\"", "MATCH src/* WITH MATERIALS IN x FROM step"]),
        "rules" => texts(&[
            "MATCH src/* WITH PRODUCTS FROM checkout\nDISALLOW *",
            "REQUIRE image.tar\nCREATE image*\nMODIFY *\nDELETE [!a]\nDISALLOW *",
        ]),
        "pattern" => texts(&["*a[!b-d]?\nxxaez", "[]a]*[\n]\u{e9}[", "\\*\n\\x"]),
        "pae" => texts(&["application/vnd.in-toto+json{}", "a 1 b"]),
        "timestamp" => texts(&["2030-01-01T00:00:00Z", "2024-02-29T23:59:59Z"]),
        "step_name" => texts(&["build", "..", "a/b", "CON", "-rf"]),
        "artifact_path" => texts(&["src/main.c", "a/../b", "./x", "git:source", "caf\u{e9}"]),
        "key_id" | "key_id_hint" => vec![keys::id("builder").into_bytes(), b"ABCDEF01".to_vec()],
        "digest" => {
            texts(&["sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"])
        }
        "image_name" => texts(&[
            "reg.example:5000/team/app:1.4@sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "docker://[::1]:5000/app",
            "oci:folder/image:1.0",
            "app",
            "../x",
        ]),
        "image_manifest" => texts(&[
            "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"artifactType\":\"a\",\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2,\"data\":\"e30=\"},\"layers\":[],\"annotations\":{\"a\":\"b\"}}",
            "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}}]}",
        ]),
        "image_evidence" => vec![
            link(),
            Chain::pipeline().layout.dsse().bytes(),
            b"{\"bomFormat\":\"CycloneDX\"}".to_vec(),
            b"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"p\"}".to_vec(),
        ],
        "public_key" => {
            let public = keys::key("builder").public().spki_pem();
            vec![public.into_bytes(), keys::rsa().public().spki_pem().into_bytes()]
        }
        "spki_der" => vec![
            keys::key("builder").public().spki_der().to_vec(),
            keys::rsa().public().spki_der().to_vec(),
        ],
        "certificate_der" => certificates(),
        "certificate_pem" => {
            let all: Vec<String> =
                certificates().iter().map(|der| certificates::pem(der)).collect();
            vec![all.concat().into_bytes(), all.into_iter().next().unwrap_or_default().into_bytes()]
        }
        "private_key" => vec![private(None)],
        "encrypted_private_key" => vec![private(Some(&Passphrase::new("hunter2".to_owned())))],
        "layout_key" => vec![layout_key()],
        "parameters" => texts(&["value\n{NAME}", "*\n{NAME.x}{{}}"]),
        "readme" => texts(&["how we build\nunbroken: layout-version 7"]),
        "pinned_layouts" => texts(&[PINNED_LAYOUTS]),
        "signature_ed25519" => vec![keys::key("builder").sign(b"another").expect("it signs")],
        "signature_ecdsa" => vec![vec![0x30, 6, 2, 1, 1, 2, 1, 1]],
        "signature_rsa_pss" => vec![vec![1; 384]],
        "openpgp_headers" => vec![b"\x04\x00\x16\x08\x00\x1d\x16\x21\x04".to_vec()],
        "openpgp_signature" => {
            vec![HEXLOWER.decode(SIGNATURE.as_bytes()).expect("hexadecimal")]
        }
        "openpgp_certificate" => vec![CERTIFICATE.to_vec()],
        other => panic!("the entry {other} has no seeds"),
    }
}

/// A certificate to sign with, one with much in it, and a root.
fn certificates() -> Vec<Vec<u8>> {
    let mut full = CertificateDraft::of("workload").uri("spiffe://example.com/build");
    full.organizations = vec!["example".to_owned()];
    full.purposes = vec![certificates::Purpose::ServerAuth, certificates::Purpose::Any];
    full.alternative.push(certificates::AltName::Dns("build.example.com".to_owned()));
    full.alternative.push(certificates::AltName::Email("a@example.com".to_owned()));
    full.excluded = vec![certificates::AltName::Dns("example.org".to_owned())];
    let plain = CertificateDraft::of("workload").issued_by("ca");
    vec![plain, full.issued_by("other-ca"), certificates::root("ca")]
}

fn link() -> Vec<u8> {
    Chain::pipeline().link("build").bytes()
}

fn payload(envelope: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let envelope = Envelope::parse(envelope, &limits).expect("an own envelope");
    let payload = envelope.into_unverified_payload();
    let value = payload.value(&limits).expect("an own payload");
    value.to_compact().into_bytes()
}

fn private(passphrase: Option<&Passphrase>) -> Vec<u8> {
    let pem = keys::key("builder").to_pkcs8_pem(passphrase).expect("an own key");
    pem.as_bytes().to_vec()
}

fn layout_key() -> Vec<u8> {
    let key = keys::key("builder").public().to_layout_key(KeyIdStyle::default());
    Value::from(key.expect("a key of a layout").object).to_compact().into_bytes()
}
