//! Certificates that make nobody a functionary, and some that do.

mod authorities;
mod crowds;
mod names;
mod paths;
mod stamps;

use super::Defect;
use crate::certificates::{CertificateDraft, authority_id};
use crate::chain::Chain;
use crate::draft::Signer;
use crate::keys;
use unbroken_crypto::KeyIdStyle;

const ID: &str = "spiffe://example.com/build";
/// What a step with too little evidence says besides the reason.
const NOT_MET: &str = "link-threshold-not-met";

pub(super) fn all() -> Vec<Defect> {
    [
        controls(),
        paths::all(),
        names::all(),
        authorities::all(),
        stamps::all(),
        crowds::all(),
        votes(),
    ]
    .concat()
}

/// A constraint that lets in the certificate of [`leaf`].
fn constraint(root: &str) -> String {
    format!(
        r#"{{"common_name": "workload", "dns_names": [], "emails": [], "organizations": [],
            "roots": ["{}"], "uris": ["{ID}"]}}"#,
        authority_id(root)
    )
}

fn leaf() -> CertificateDraft {
    CertificateDraft::of("workload").uri(ID)
}

/// Lets certificates under the root `ca` do the build, and nobody else.
fn certify(chain: &mut Chain) {
    chain.layout.set_json("steps/1/pubkeys", "[]");
    chain.certify(1, "ca", &constraint("ca"));
}

/// The build, done with this certificate.
fn with(chain: &mut Chain, text: &str) {
    certify(chain);
    chain.sign_certified("build", "workload", text);
}

/// The build, done with a certificate that is [`leaf`] but for a change.
fn of(
    name: &'static str,
    title: &str,
    reference: &str,
    change: impl FnOnce(&mut CertificateDraft),
) -> Defect {
    Defect::of(name, title, reference, |chain| {
        let mut draft = leaf();
        change(&mut draft);
        with(chain, &draft.pem_by("ca"));
    })
}

/// The build, done with a certificate of an authority between, that one but for a change.
fn below(
    name: &'static str,
    title: &str,
    reference: &str,
    change: impl FnOnce(&mut CertificateDraft),
) -> Defect {
    Defect::of(name, title, reference, |chain| {
        let mut between = CertificateDraft::authority("between");
        change(&mut between);
        with(chain, &(leaf().pem_by("between") + &between.pem_by("ca")));
    })
}

fn controls() -> Vec<Defect> {
    vec![
        of("certificate", "a certificate makes the builder a functionary", "control", |_| {}),
        Defect::of(
            "certificate-in-dsse",
            "a certificate stands in a DSSE envelope",
            "control",
            |chain| {
                with(chain, &leaf().pem_by("ca"));
                let link = chain.link("build");
                *link = link.clone().dsse();
            },
        ),
        below(
            "certificate-brings-intermediate",
            "the certificate of an authority between stands behind that of the builder",
            "control",
            |_| {},
        ),
        Defect::of(
            "certificate-intermediate-in-layout",
            "the layout lists the authority between",
            "control",
            |chain| {
                let between = CertificateDraft::authority("between").pem_by("ca");
                chain.list_authority("intermediatecas", "between", &between);
                with(chain, &leaf().pem_by("between"));
            },
        ),
        Defect::of(
            "certificate-constraint-star",
            "a constraint lets in any name",
            "control",
            |chain| {
                chain.layout.set_json("steps/1/pubkeys", "[]");
                chain.certify(
                    1,
                    "ca",
                    r#"{"common_name": "*", "dns_names": ["*"], "emails": [""], "organizations": [],
                        "roots": ["*"], "uris": ["*"]}"#,
                );
                chain.sign_certified("build", "workload", &leaf().pem_by("ca"));
            },
        ),
        Defect::of(
            "certificate-and-key-agree",
            "two functionaries are due: one is listed by his key, one has a certificate",
            "a check left out once a listed key was seen",
            |chain| {
                chain.layout.set("steps/1/threshold", 2_i64);
                chain.certify(1, "ca", &constraint("ca"));
                let mut link = chain.link("build").clone();
                link.unsign();
                let signer = Signer::certified("workload", &leaf().pem_by("ca"));
                chain.put_certified("build", "workload", link.signed(signer));
            },
        ),
        Defect::of(
            "certificate-empty",
            "an empty certificate stands beside the signature of a listed key",
            "some tools write it",
            |chain| {
                let mut link = chain.link("build").clone();
                link.unsign();
                chain.take(&keys::stem("build", "builder"));
                chain.certify(1, "ca", &constraint("ca"));
                chain.put_certified(
                    "build",
                    "builder",
                    link.signed(Signer::certified("builder", "")),
                );
            },
        ),
        Defect::of(
            "certificate-signs-sublayout",
            "a sublayout is signed by a certificate's key",
            "control",
            |chain| {
                certify(chain);
                chain.layout.set_json("steps/1/expected_command", "[]");
                let mut sublayout = chain.clone();
                sublayout.put_sublayout("build", "builder", Chain::compile());
                let layout = {
                    let mut signed = sublayout.take(&keys::stem("build", "builder"));
                    signed.unsign();
                    signed.signed(Signer::certified("workload", &leaf().pem_by("ca")))
                };
                chain.take(&keys::stem("build", "builder"));
                chain.put_certified("build", "workload", layout);
                let inner = keys::stem("compile", "compiler");
                let id = authority_id("workload");
                let link = sublayout.take(&format!("{}/{inner}", keys::stem("build", "builder")));
                chain.put(format!("build.{}/{inner}", &id[..8]), link);
            },
        ),
    ]
}

fn votes() -> Vec<Defect> {
    vec![
        Defect::of(
            "certificate-under-two-ids",
            "two functionaries are due, and one certificate's key signed two links under two ids",
            "votes counted by the ids that signers write",
            |chain| {
                let text = leaf().pem_by("ca");
                with(chain, &text);
                chain.layout.set("steps/1/threshold", 2_i64);
                let id = keys::key("workload").public().key_id(KeyIdStyle::Securesystemslib);
                let mut link = chain.link("build").clone();
                link.unsign();
                let link = link.signed(Signer::certified("workload", &text).under(Some(&id)));
                chain.put(format!("build.{}", &id[..8]), link);
            },
        )
        .rejected(&[NOT_MET]),
        Defect::of(
            "certificate-renewed",
            "two functionaries are due, and one key signed two links with two certificates",
            "votes counted by certificates",
            |chain| {
                with(chain, &leaf().pem_by("ca"));
                chain.layout.set("steps/1/threshold", 2_i64);
                let mut second = leaf();
                second.serial = vec![2];
                let mut link = chain.link("build").clone();
                link.unsign();
                let signer = Signer::certified("workload", &second.pem_by("ca"));
                chain.put("build.00000000", link.signed(signer));
            },
        )
        .rejected(&[NOT_MET]),
        Defect::of(
            "certificate-of-listed-key",
            "two functionaries are due, and a listed key has a certificate too",
            "one key in two lists is one functionary",
            |chain| {
                chain.layout.set("steps/1/threshold", 2_i64);
                chain.certify(1, "ca", &constraint("ca").replace("workload", "builder"));
                let mut link = chain.link("build").clone();
                link.unsign();
                let text = CertificateDraft::of("builder").uri(ID).pem_by("ca");
                let link = link.signed(Signer::certified("builder", &text));
                chain.put_certified("build", "builder", link);
            },
        )
        .rejected(&[NOT_MET]),
        Defect::of(
            "certificate-of-another",
            "a stranger signs, with the builder's certificate beside his signature",
            "certificates are public",
            |chain| {
                let id = keys::key("workload").public().key_id(KeyIdStyle::Legacy);
                certify(chain);
                let text = leaf().pem_by("ca");
                let stranger = Signer::certified("stranger", &text).under(Some(&id));
                let mut link = chain.take(&keys::stem("build", "builder"));
                link.unsign();
                chain.put_certified("build", "workload", link.signed(stranger));
            },
        )
        .rejected(&["link-signature-invalid", NOT_MET]),
        Defect::of(
            "certificate-not-asked-for",
            "a certificate of a listed root signs for a step without constraints",
            "GHSA-mpvw-hw8p-7x27",
            |chain| {
                chain.certify(2, "ca", &constraint("ca"));
                chain.sign_certified("build", "workload", &leaf().pem_by("ca"));
            },
        )
        .rejected(&["link-signature-invalid", NOT_MET]),
    ]
}
