//! Documents of other tools: what they are, and what can be done with them here.

use serde::Deserialize;
use serde_json::Value;
use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;

/// The payload type of policies of witness.
const WITNESS_POLICY: &str = "https://witness.testifysec.com/policy/v0.1";

/// A document that is recognised, and not verified by this release.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foreign {
    /// What it is, with its article.
    pub(crate) what: &'static str,
    /// What to do with it.
    pub(crate) remedy: &'static str,
}

impl Foreign {
    /// Says what it is and what can be done with it.
    pub(super) fn describe(self) -> String {
        format!("{}\n  this release does not verify it: {}\n", self.what, self.remedy)
    }
}

const YAML_LAYOUT: Foreign = Foreign {
    what: "a layout of attestations in YAML (ITE-10), unsigned",
    remedy: "say the same in a layout of steps, rules and keys, and sign that",
};
const POLICY: Foreign = Foreign {
    what: "a policy of witness",
    remedy: "say the same in a layout of steps, rules and keys",
};
const BARE_POLICY: Foreign =
    Foreign { what: "a policy of witness without an envelope, unsigned", ..POLICY };
const BUNDLE: Foreign = Foreign {
    what: "a Sigstore bundle",
    remedy: "what is signed inside of it can be looked at once it is taken out",
};
const SPDX: Foreign = Foreign {
    what: "an SBOM in SPDX",
    remedy: "it is no signed metadata, but an artifact like others",
};
const CYCLONE_DX: Foreign = Foreign {
    what: "an SBOM in CycloneDX",
    remedy: "it is no signed metadata, but an artifact like others",
};
const STATEMENT: Foreign = Foreign {
    what: "a statement without an envelope, unsigned",
    remedy: "sign it in a DSSE envelope",
};

/// Names the predicate of a statement.
pub(super) fn predicate(kind: &str) -> Option<&'static str> {
    let name = match kind {
        "https://slsa.dev/provenance/v1" | "https://slsa.dev/provenance/v1.0" => {
            "SLSA provenance 1.0: how an artifact was built"
        }
        "https://slsa.dev/provenance/v0.2" | "https://slsa.dev/provenance/v0.1" => {
            "SLSA provenance before 1.0"
        }
        "https://slsa.dev/verification_summary/v1" => "a verification summary (VSA)",
        "https://cyclonedx.org/bom" => "an SBOM in CycloneDX",
        _ if kind.starts_with("https://spdx.dev/Document") => "an SBOM in SPDX",
        _ if kind.starts_with("https://in-toto.io/attestation/link/") => "a link as a predicate",
        _ if kind.starts_with("https://in-toto.io/attestation/vulns") => "a vulnerability scan",
        _ if kind.starts_with("https://in-toto.io/attestation/test-result") => "a test result",
        _ if kind.starts_with("https://in-toto.io/attestation/scai") => "attributes (SCAI)",
        _ if kind.starts_with("https://in-toto.io/attestation/release") => "a release",
        _ if kind.starts_with("https://witness.testifysec.com/attestation-collection/") => {
            "a collection of attestations by witness"
        }
        _ => return None,
    };
    Some(name)
}

/// Recognises a payload by the type that its envelope says.
pub(super) fn payload(kind: &str) -> Option<Foreign> {
    (kind == WITNESS_POLICY).then_some(POLICY)
}

/// Recognises a document that is neither a layout nor a link; a signed statement is not meant.
pub(crate) fn recognise(bytes: &[u8]) -> Option<Foreign> {
    let limits = Limits::default();
    if let Ok(envelope) = Envelope::parse(bytes, &limits) {
        return envelope.into_unverified_payload().dsse_payload_type().and_then(payload);
    }
    recognise_bare(bytes)
}

/// Recognises a document that is no envelope.
pub(super) fn recognise_bare(bytes: &[u8]) -> Option<Foreign> {
    // Documents of others may hold what signed metadata must not, floats among them.
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => in_json(&value),
        Err(_) => in_yaml(bytes),
    }
}

fn in_json(value: &Value) -> Option<Foreign> {
    let object = value.as_object()?;
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("mediaType").starts_with("application/vnd.dev.sigstore.bundle") {
        Some(BUNDLE)
    } else if !text("spdxVersion").is_empty() {
        Some(SPDX)
    } else if text("bomFormat") == "CycloneDX" {
        Some(CYCLONE_DX)
    } else if text("_type").starts_with("https://in-toto.io/Statement/") {
        Some(STATEMENT)
    } else {
        is_policy(value).then_some(BARE_POLICY)
    }
}

/// Knows a policy by its end, and by its steps, which have names and functionaries.
fn is_policy(value: &Value) -> bool {
    let steps = value["steps"].as_object().filter(|steps| !steps.is_empty());
    value["expires"].is_string()
        && steps.is_some_and(|steps| steps.values().all(|step| step["functionaries"].is_array()))
}

/// The members by which a layout in YAML is known; what they hold is not looked at.
#[derive(Deserialize)]
struct YamlLayout {
    #[serde(rename = "expires")]
    _expires: String,
    #[serde(rename = "functionaries")]
    _functionaries: serde::de::IgnoredAny,
    #[serde(rename = "steps")]
    _steps: Vec<serde::de::IgnoredAny>,
}

fn in_yaml(bytes: &[u8]) -> Option<Foreign> {
    /// Layouts are written by hand; nothing larger is one.
    const LARGEST: usize = 1024 * 1024;
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LARGEST)?;
    serde_saphyr::from_str::<YamlLayout>(text).ok().map(|_| YAML_LAYOUT)
}
