//! Layouts whose authorities or constraints are none.

use unbroken_model::json::Value;

use super::super::Defect;
use super::{NOT_MET, leaf, with};
use crate::certificates::authority_id;

pub(super) fn all() -> Vec<Defect> {
    [authorities()].concat()
}

fn authorities() -> Vec<Defect> {
    let invalid = "certificate-authority-invalid";
    vec![
        Defect::of(
            "authority-is-none",
            "the layout lists the builder's own certificate as a root",
            "a certificate that is its own root proves nothing",
            |chain| {
                let own = leaf().pem_by("workload");
                with(chain, &own);
                chain.list_authority("rootcas", "workload", &own);
                chain.layout.set_json("steps/1/cert_constraints/0/roots", r#"["*"]"#);
            },
        )
        .rejected(&[invalid, "certificate-untrusted", NOT_MET]),
        Defect::of(
            "authority-dangling",
            "a constraint names a root that the layout does not list",
            "it can never be met, or only by mistake",
            |chain| {
                with(chain, &leaf().pem_by("ca"));
                chain.layout.set("steps/1/cert_constraints/0/roots/0", authority_id("other-ca"));
            },
        )
        .rejected(&[invalid, "certificate-constraint-not-met", NOT_MET]),
        Defect::of(
            "authority-listed-twice",
            "the layout lists one root under two ids",
            "which of them a path ends at depends on the reader",
            |chain| {
                with(chain, &leaf().pem_by("ca"));
                let mut listed =
                    chain.layout.get(&format!("rootcas/{}", authority_id("ca"))).clone();
                let id = "ff".repeat(32);
                if let Value::Object(object) = &mut listed {
                    object.insert("keyid", id.clone());
                }
                chain.layout.set(&format!("rootcas/{id}"), listed);
            },
        )
        .rejected(&[invalid]),
        Defect::of(
            "authority-differs-inside",
            "a root is listed under one id and calls itself by another",
            "which of them constraints mean depends on the reader",
            |chain| {
                with(chain, &leaf().pem_by("ca"));
                let place = format!("rootcas/{}/keyid", authority_id("ca"));
                chain.layout.set(&place, authority_id("other-ca"));
            },
        )
        .rejected(&[invalid, "certificate-untrusted", NOT_MET]),
        Defect::of(
            "authority-with-private-key",
            "a root of the layout comes with its private half",
            "specification 1.0, 4.2.1",
            |chain| {
                with(chain, &leaf().pem_by("ca"));
                let place = format!("rootcas/{}/keyval/private", authority_id("ca"));
                chain.layout.set(&place, "11".repeat(32));
            },
        )
        .rejected(&["private-key-in-layout"]),
        Defect::of(
            "certificate-constraint-unknown",
            "a constraint speaks of an attribute that is not known",
            "whoever ignores it lets more in than the owner wants",
            |chain| {
                with(chain, &leaf().pem_by("ca"));
                chain.layout.set_json("steps/1/cert_constraints/0/extensions", "{}");
            },
        )
        .rejected(&["layout-malformed"]),
    ]
}
