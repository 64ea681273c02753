//! Functionaries by certificate: the layout lists a root, and whoever has a certificate under it for one URI may do every step.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Value, json};
use unbroken_testkit::certificates::{CertificateDraft, authority_id, authority_object};

const URI: &str = "spiffe://example.com/maker";
/// The certificate of the root, in the folder of the keys.
pub(crate) const ROOT: &str = "root.pem";
/// That of the authority below it, which stands in neither layouts nor links.
pub(crate) const BETWEEN: &str = "between.pem";
/// That of the key which signs every step.
pub(crate) const LEAF: &str = "leaf.pem";

fn lasting(mut draft: CertificateDraft) -> CertificateDraft {
    draft.not_after = "2049-12-31T23:59:59Z".parse().unwrap();
    draft
}

fn root() -> String {
    lasting(CertificateDraft::authority("ca")).pem_by("ca")
}

/// Writes the certificates; the last is for a public key in PEM.
pub(crate) fn write_certificates(folder: &Path, public: &str) {
    let text: String = public.lines().filter(|line| !line.starts_with('-')).collect();
    let mut leaf = lasting(CertificateDraft::of("maker").uri(URI));
    leaf.spki = Some(BASE64.decode(text.as_bytes()).unwrap());
    let between = lasting(CertificateDraft::authority("between"));
    let all = [(ROOT, root()), (BETWEEN, between.pem_by("ca")), (LEAF, leaf.pem_by("between"))];
    for (name, pem) in all {
        std::fs::write(folder.join(name), pem).unwrap();
    }
}

/// Lets in certificates alone: takes the keys out of a layout, or of what a servant is told of one.
pub(crate) fn certify(layout: &mut Value, keys: &str) {
    let object: Value =
        serde_json::from_str(&authority_object("ca", &root()).to_compact()).unwrap();
    layout["keys"] = json!({});
    layout["rootcas"] = json!({authority_id("ca"): object});
    for step in layout["steps"].as_array_mut().unwrap() {
        step[keys] = json!([]);
        step["cert_constraints"] = json!([{
            "common_name": "maker", "dns_names": [], "emails": [], "organizations": [],
            "roots": [authority_id("ca")], "uris": [URI],
        }]);
    }
}
