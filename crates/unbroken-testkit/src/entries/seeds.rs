//! What a corpus begins with: good input of every form, and the texts that attacks are made of.

use data_encoding::HEXLOWER;
use unbroken_crypto::hash::sha256_hex;
use unbroken_crypto::{KeyIdStyle, Passphrase};
use unbroken_model::envelope::Envelope;
use unbroken_model::json::Value;
use unbroken_model::limits::Limits;

use crate::certificates::{self, CertificateDraft};
use crate::chain::Chain;
use crate::keys;
use crate::timestamps::TokenDraft;

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
        "link_unsigned" => {
            vec![link(), Chain::pipeline().link("build").clone().dsse().bytes(), statement()]
        }
        "layout" | "layout_signed" => vec![payload(&Chain::pipeline().layout.bytes())],
        "sublayout_signed" => vec![payload(&Chain::compile().layout.bytes())],
        "link" | "link_signed" => vec![payload(&link()), payload(&statement())],
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
            statement(),
            b"{\"bomFormat\":\"CycloneDX\"}".to_vec(),
            b"{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicateType\":\"p\"}".to_vec(),
        ],
        "image_archive" => vec![archive("oci"), archive("docker"), archive("pax")],
        "registry_challenge" => texts(&[
            "Bearer realm=\"https://auth.example/token\",service=\"reg, \\\"x\\\"\",scope=\"repository:a:pull\"",
            "Basic realm=x",
            "Bearer realm=\"a\",realm=\"b\"",
        ]),
        "registry_credentials" => texts(&[
            "{\"auths\":{\"reg.example/team\":{\"auth\":\"dTpzM2NyM3Q=\"},\"localhost:5000\":{\"username\":\"u\",\"password\":\"s3cr3t\"}}}",
            "{\"auths\":{\"https://index.docker.io/v1/\":{\"identitytoken\":\"s3cr3t\"}},\"credsStore\":\"secretservice\"}",
            "{\"credHelpers\":{\"reg.example\":\"ecr-login\"}}",
            "{\"Username\":\"<token>\",\"Secret\":\"s3cr3t\"}",
        ]),
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
        "timestamp_token" => {
            let token = TokenDraft::at("20260501123000Z");
            let mut answer = TokenDraft { status: Some(0), accuracy: Some(1), ..token.clone() };
            answer.more.push(crate::timestamps::root());
            [token, answer].map(|token| token.over(super::crypto::STAMPED)).to_vec()
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

/// A tar file with an image of one layer: an image layout, what docker saves, or a layout in which the
/// extended header of a member tells another size than its own.
fn archive(form: &str) -> Vec<u8> {
    let layer = b"layer";
    let blob = |bytes: &[u8]| {
        let hex = sha256_hex(bytes);
        (
            format!("blobs/sha256/{hex}"),
            format!("\"digest\":\"sha256:{hex}\",\"size\":{}", bytes.len()),
        )
    };
    let (layer_name, layer_of) = blob(layer);
    let (config_name, config_of) = blob(b"{}");
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{config_of}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar",{layer_of}}}]}}"#
    );
    let (manifest_name, manifest_of) = blob(manifest.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json",{manifest_of}}}]}}"#
    );
    let docker =
        format!(r#"[{{"Config":"{config_name}","RepoTags":["app:1"],"Layers":["{layer_name}"]}}]"#);
    let mut tar = Vec::new();
    if form == "docker" {
        tar.extend(member(&config_name, b'0', b"{}"));
        tar.extend(member("manifest.json", b'0', docker.as_bytes()));
    } else {
        tar.extend(member("index.json", b'0', index.as_bytes()));
        tar.extend(member(&manifest_name, b'0', manifest.as_bytes()));
        if form == "pax" {
            tar.extend(member("x", b'x', b"9 size=2\n"));
        }
        tar.extend(member(&layer_name, b'0', layer));
        tar.extend(member("link", b'2', b""));
    }
    tar.extend([0; 1024]);
    tar
}

/// A member of a tar file: its header, its content, and what fills its last block.
fn member(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    let mut put = |at: usize, bytes: &[u8]| {
        for (place, byte) in header.iter_mut().skip(at).zip(bytes) {
            *place = *byte;
        }
    };
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    for (place, byte) in header.iter_mut().skip(148).zip(sum.as_bytes()) {
        *place = *byte;
    }
    header.extend_from_slice(content);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

fn link() -> Vec<u8> {
    Chain::pipeline().link("build").bytes()
}

/// The same as a statement.
fn statement() -> Vec<u8> {
    Chain::pipeline().link("build").clone().statement().bytes()
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
