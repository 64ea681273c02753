//! What other tools put beside an image: synthetic, in the forms that they write.
//!
//! The content is made up and nothing in it is signed by anybody; the manifests have the shape of the
//! tools' own, oddities included.

use std::fmt::Write as _;

use data_encoding::BASE64;
use unbroken_crypto::hash::sha256_hex;

use super::{INDEX, MANIFEST, TestRegistry};

/// The configuration that is none.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The type of the statements here.
pub const PREDICATE: &str = "https://slsa.dev/provenance/v1";

/// A layer: its media type, its content, and its annotations as members of JSON.
type Layer<'a> = (&'a str, &'a [u8], &'a str);

impl TestRegistry {
    /// Puts beside an image what other tools would: by tags, as referrers, in all forms but those in
    /// an index. Returns how many pieces there are.
    pub fn put_beside(&self, repository: &str, subject: &str) -> usize {
        let tag = subject.replace(':', "-");
        let (statement, simple) = (statement(subject), simply_signed(subject));
        let envelope = envelope("application/vnd.in-toto+json", &statement);
        let signature = r#""dev.cosignproject.cosign/signature":"MEUCIQ==""#;
        let att =
            format!(r#""dev.cosignproject.cosign/signature":"","predicateType":"{PREDICATE}""#);
        let by_tag: [(&str, Layer<'_>); 3] = [
            (
                "sig",
                ("application/vnd.dev.cosign.simplesigning.v1+json", simple.as_bytes(), signature),
            ),
            ("att", ("application/vnd.dsse.envelope.v1+json", envelope.as_bytes(), &att)),
            ("sbom", ("text/spdx", b"SPDXVersion: SPDX-2.3\n", "")),
        ];
        for (suffix, layer) in &by_tag {
            let manifest = self.artifact(None, "", CONFIG, std::slice::from_ref(layer));
            self.put_manifest(
                repository,
                &format!("{tag}.{suffix}"),
                MANIFEST,
                manifest.as_bytes(),
            );
        }
        // Cosign since its third release, Chains in its mode of bundles, and a bundle of something else.
        let chains = envelope_of_chains(&simple);
        let bundles = [bundle("dsseEnvelope", &envelope), bundle("dsseEnvelope", &chains)];
        let message = bundle("messageSignature", r#"{"signature":"MEUCIQ=="}"#);
        let jws = r#"{"payload":"e30","protected":"e30","header":{},"signature":"AA"}"#;
        let notation = "application/vnd.cncf.notary.signature";
        let referring: [(&str, &str, Layer<'_>); 7] = [
            (BUNDLE, EMPTY, (BUNDLE, bundles[0].as_bytes(), "")),
            (BUNDLE, EMPTY, (BUNDLE, bundles[1].as_bytes(), "")),
            (BUNDLE, EMPTY, (BUNDLE, message.as_bytes(), "")),
            (notation, EMPTY, ("application/jose+json", jws.as_bytes(), "")),
            (notation, notation, ("application/cose", b"\xd2\x84\x43\xa1\x01\x26", "")),
            // Cosign's form of attestations as referrers, before it had bundles.
            ("application/vnd.in-toto+json", CONFIG, by_tag[1].1),
            (
                "application/vnd.cyclonedx+json",
                EMPTY,
                ("application/vnd.cyclonedx+json", br#"{"bomFormat":"CycloneDX"}"#, ""),
            ),
        ];
        for (number, (artifact_type, config, layer)) in referring.iter().enumerate() {
            let manifest =
                self.artifact(Some(subject), artifact_type, config, std::slice::from_ref(layer));
            self.put_manifest(
                repository,
                &format!("beside-{number}"),
                MANIFEST,
                manifest.as_bytes(),
            );
        }
        by_tag.len() + referring.len()
    }

    /// Puts an index under a tag, as BuildKit writes it, of this image and two manifests of statements
    /// about it: the older form and the one that names its subject. Returns its digest.
    pub fn put_buildkit_index(&self, repository: &str, tag: &str, image: &str) -> String {
        let provenance = statement(image);
        let sbom = provenance.replace(PREDICATE, "https://spdx.dev/Document");
        let about = |predicate: &str| format!(r#""in-toto.io/predicate-type":"{predicate}""#);
        let (of_provenance, of_sbom) = (about(PREDICATE), about("https://spdx.dev/Document"));
        let media_type = "application/vnd.in-toto+json";
        let artifact = "application/vnd.docker.attestation.manifest.v1+json";
        let manifests = [
            self.artifact(None, "", CONFIG, &[(media_type, provenance.as_bytes(), &of_provenance)]),
            self.artifact(Some(image), artifact, EMPTY, &[(media_type, sbom.as_bytes(), &of_sbom)]),
        ];
        let size = self.manifest(repository, image).map_or(0, |bytes| bytes.len());
        let mut entries = format!(
            r#"{{"mediaType":"{MANIFEST}","digest":"{image}","size":{size},"platform":{{"os":"linux","architecture":"amd64"}}}}"#
        );
        for (number, manifest) in manifests.iter().enumerate() {
            let name = format!("statements-{number}");
            let digest = self.put_manifest(repository, &name, MANIFEST, manifest.as_bytes());
            let _ = write!(
                entries,
                r#",{{"mediaType":"{MANIFEST}","digest":"{digest}","size":{},"platform":{{"os":"unknown","architecture":"unknown"}},"annotations":{{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"{image}"}}}}"#,
                manifest.len()
            );
        }
        let index =
            format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{entries}]}}"#);
        self.put_manifest(repository, tag, INDEX, index.as_bytes())
    }

    fn artifact(
        &self,
        subject: Option<&str>,
        kind: &str,
        config: &str,
        layers: &[Layer<'_>],
    ) -> String {
        let described = |media_type: &str, bytes: &[u8], more: &str| {
            let digest = self.put_blob(bytes);
            format!(
                r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}{more}}}"#,
                bytes.len()
            )
        };
        // Cosign repeats the type inside of the configuration.
        let repeated =
            if config == EMPTY { format!(r#","artifactType":"{kind}""#) } else { String::new() };
        let config = described(config, b"{}", &repeated);
        let layer = |(media_type, bytes, annotations): &Layer<'_>| {
            described(media_type, bytes, &format!(r#","annotations":{{{annotations}}}"#))
        };
        let layers: Vec<String> = layers.iter().map(layer).collect();
        let mut more = String::new();
        if let Some(subject) = subject {
            let _ = write!(
                more,
                r#","subject":{{"mediaType":"{MANIFEST}","digest":"{subject}","size":1}},"artifactType":"{kind}""#
            );
        }
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{}]{more}}}"#,
            layers.join(",")
        )
    }
}

fn statement(subject: &str) -> String {
    let hex = subject.rsplit(':').next().unwrap_or_default();
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"app","digest":{{"sha256":"{hex}"}}}}],"predicateType":"{PREDICATE}","predicate":{{}}}}"#
    )
}

fn simply_signed(digest: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    )
}

fn envelope(payload_type: &str, payload: &str) -> String {
    let signature = BASE64.encode(sha256_hex(payload.as_bytes()).as_bytes());
    format!(
        r#"{{"payloadType":"{payload_type}","payload":"{}","signatures":[{{"keyid":"","sig":"{signature}"}}]}}"#,
        BASE64.encode(payload.as_bytes())
    )
}

/// Chains wraps a simple signature where cosign wraps a statement.
fn envelope_of_chains(simple: &str) -> String {
    envelope("application/vnd.dev.cosign.simplesigning.v1+json", simple)
}

fn bundle(member: &str, content: &str) -> String {
    format!(
        r#"{{"mediaType":"{BUNDLE}","verificationMaterial":{{"publicKey":{{"hint":"x"}}}},"{member}":{content}}}"#
    )
}
