//! Certificates, written for people.

use std::fmt::Write;

use unbroken_crypto::{Certificate, CertificateAuthorities, PublicKey};
use unbroken_model::envelope::Signature;
use unbroken_model::layout::{CertConstraint, KeyId, Layout, Step};
use unbroken_model::limits::Limits;

use crate::output::escape_line;

/// Says what a certificate claims.
pub(crate) fn describe_certificate(certificate: &Certificate) -> String {
    let kind = if certificate.is_authority() { " of an authority" } else { "" };
    let mut out = format!("certificate{kind}\n");
    let _ = writeln!(out, "  subject    {}", escape_line(certificate.subject()));
    let names = certificate.names();
    for (kind, names) in [("uri", &names.uris), ("email", &names.emails), ("dns", &names.dns_names)]
    {
        for name in names {
            let _ = writeln!(out, "  {kind:<9}  {}", escape_line(name));
        }
    }
    let (from, until) = certificate.validity();
    let _ = writeln!(out, "  valid      {from} to {until}");
    let _ = writeln!(out, "  key        {}", certificate.public_key().describe());
    out
}

/// Says what stands beside a signature. Nobody has looked whether it belongs there.
pub(super) fn describe_claims(out: &mut String, signature: &Signature, limits: &Limits) {
    let read = match signature.certificates(limits) {
        Ok(text) => text.map(|text| Certificate::read_all(text.as_bytes())),
        Err(error) => {
            let _ = writeln!(out, "    certificate  {}", escape_line(&error.to_string()));
            None
        }
    };
    match read {
        None => {}
        Some(Ok(certificates)) => describe_path(out, &certificates, signature),
        Some(Err(error)) => {
            let _ = writeln!(out, "    certificate  {}", escape_line(&error.to_string()));
        }
    }
    match signature.timestamp_tokens(limits) {
        Ok(tokens) if tokens.is_empty() => {}
        Ok(tokens) => {
            let _ = writeln!(out, "    time stamps  {}, which nobody has looked at", tokens.len());
        }
        Err(error) => {
            let _ = writeln!(out, "    time stamps  {}", escape_line(&error.to_string()));
        }
    }
}

/// Says what the certificate of a signature and those behind it claim.
fn describe_path(out: &mut String, certificates: &[Certificate], signature: &Signature) {
    for (index, certificate) in certificates.iter().enumerate() {
        let what = if index == 0 { "certificate" } else { "behind it" };
        let names_key = signature
            .key_id
            .as_deref()
            .is_some_and(|id| PublicKey::answers_to(certificate.public_key(), id));
        let note = if index == 0 && !names_key { ", which the key id does not name" } else { "" };
        let (_, until) = certificate.validity();
        let name = escape_line(&certificate.describe());
        let key = certificate.public_key().describe();
        let _ = writeln!(out, "    {what:<11}  {name}, until {until}, key {key}{note}");
    }
}

/// Lists the authorities of a layout.
pub(super) fn describe_authorities(out: &mut String, layout: &Layout) {
    let (_, faults) = CertificateAuthorities::of_layout(layout, &[]);
    for (kind, listed) in [("root", &layout.root_cas), ("authority", &layout.intermediate_cas)] {
        for (id, object) in listed {
            let fault = faults.iter().find(|fault| fault.id == *id);
            let keyval = object.object.get("keyval").and_then(|keyval| keyval.as_object());
            let text = keyval.and_then(|keyval| keyval.get("certificate")?.as_str());
            let certificate = text.and_then(|text| Certificate::read(text.as_bytes()).ok());
            let said = match (fault, certificate) {
                (Some(fault), _) => fault.source.to_string(),
                (None, Some(certificate)) => {
                    format!("{}, until {}", certificate.describe(), certificate.validity().1)
                }
                (None, None) => String::new(),
            };
            let _ = writeln!(out, "  {kind:<9}  {}  {}", KeyId::as_str(id), escape_line(&said));
        }
    }
}

/// Says whom the constraints of a step let in.
pub(super) fn describe_constraints(out: &mut String, step: &Step) {
    for constraint in &step.cert_constraints {
        let said =
            CertConstraint::attributes(constraint).into_iter().filter_map(|(name, values)| {
                let values: Vec<&str> =
                    values.into_iter().filter(|value| !value.is_empty()).collect();
                (!values.is_empty()).then(|| format!("{name} {}", values.join(", ")))
            });
        let said = said.collect::<Vec<_>>().join("; ");
        let said = if said.is_empty() { "nobody: it names nothing" } else { &said };
        let _ = writeln!(out, "    {:<9}  {}", "certified", escape_line(said));
    }
}
