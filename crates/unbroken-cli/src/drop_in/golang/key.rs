//! `in-toto key id` and `key layout`: say what a key goes by, and how a layout lists it.

use unbroken_crypto::{Certificate, KeyIdStyle};

use super::files;
use super::pflag::Parsed;
use super::sign::public_key;
use crate::drop_in::failure::reasons;
use crate::drop_in::log::print;
use crate::drop_in::signing_key::golang_style;
use crate::keys::certificates::find_certificate;

/// The scheme that the original says of every curve.
const EVERY_CURVE: &str = "ecdsa-sha2-nistp256";

fn only(parsed: &Parsed) -> Result<&str, String> {
    match parsed.words.as_slice() {
        [path] => Ok(path),
        words => Err(format!("accepts 1 arg(s), received {}", words.len())),
    }
}

pub(super) fn id(parsed: &Parsed) -> Result<u8, String> {
    let key = public_key(only(parsed)?)?;
    print(&format!("{}\n", key.key_id(golang_style(&key))));
    Ok(0)
}

pub(super) fn layout(parsed: &Parsed) -> Result<u8, String> {
    let path = only(parsed)?;
    if let Some(Ok(certificate)) = std::fs::read(path).ok().as_deref().and_then(find_certificate) {
        return list_authority(&certificate);
    }
    let key = public_key(path)?;
    let style = golang_style(&key);
    let mut listed = key.to_layout_key(style).map_err(|error| reasons(&error))?;
    if style == KeyIdStyle::LegacyNistp256 {
        listed.object.insert("scheme", EVERY_CURVE);
    }
    print(&format!("\"{}\": {}", listed.id, files::of_key(&listed.object)));
    Ok(0)
}

/// Lists a certificate, for the authorities of a layout.
fn list_authority(certificate: &Certificate) -> Result<u8, String> {
    let listed = certificate.to_layout_key().map_err(|error| reasons(&error))?;
    print(&format!("\"{}\": {}", listed.id, files::of_key(&listed.object)));
    Ok(0)
}
