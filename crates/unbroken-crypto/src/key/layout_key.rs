//! Keys as layouts carry them (specification 1.0, section 4.2).

use data_encoding::HEXLOWER_PERMISSIVE;
use unbroken_model::json::{Object, Value};
use unbroken_model::layout::LayoutKey;
use unbroken_model::limits::Limits;
use unbroken_model::timestamp::Timestamp;

use super::kind::KeyKind;
use super::{PublicKey, openpgp};
use crate::error::KeyError;
use crate::key_id::{self, KeyIdStyle};
use crate::scheme::SignatureScheme;

/// The key type of early metadata for every ECDSA key.
const EARLY_ECDSA_TYPE: &str = "ecdsa-sha2-nistp256";

impl PublicKey {
    /// Reads a key object of a layout.
    ///
    /// # Checks
    /// That the key type, the scheme and the key belong together, that the object calls itself
    /// by the id it is listed under, and that no private key is inside. ECDSA keys on P-384 and
    /// P-521 may be labelled `ecdsa-sha2-nistp256`, as some tools do: then the curve decides.
    ///
    /// # Does not check
    /// That the id is derived from the key: ids are names that the layout's owner signed.
    ///
    /// # Errors
    /// [`KeyError`], among them [`KeyError::Unsupported`] for OpenPGP keys, which are valid for a time
    /// only: [`PublicKey::from_layout_key_at`] reads them.
    pub fn from_layout_key(layout_key: &LayoutKey) -> Result<Self, KeyError> {
        let object = &layout_key.object;
        let listed = layout_key.id.as_str();
        check_id(object, listed)?;
        Self::from_object(object, Some(listed))
    }

    /// Reads a key object of a layout, OpenPGP keys too, as it is at a time.
    ///
    /// # Checks
    /// Besides what [`PublicKey::from_layout_key`] does: that an OpenPGP key has not expired and was
    /// not made in the future. The same is asked of each signature when it is checked. Subkeys sign
    /// for the main key, whose one vote they share; those that have expired do not.
    ///
    /// # Does not check
    /// Whether an OpenPGP key was revoked: a layout carries no certificate.
    ///
    /// # Errors
    /// [`KeyError`], among them [`KeyError::Expired`], [`KeyError::FingerprintMismatch`] where the
    /// numbers and the time of making are those of another key, and [`KeyError::Unsupported`] for
    /// OpenPGP keys other than RSA, DSA and Ed25519.
    pub fn from_layout_key_at(layout_key: &LayoutKey, now: Timestamp) -> Result<Self, KeyError> {
        if !openpgp::is_openpgp(&layout_key.object) {
            return Self::from_layout_key(layout_key);
        }
        openpgp::listed::read(layout_key, now)
    }

    /// Reads a public key file of the reference implementation before 2.2: the key object alone.
    pub(super) fn from_json(text: &str) -> Result<Self, KeyError> {
        match Value::parse(text.as_bytes(), &Limits::default()) {
            Ok(Value::Object(object)) if object.get("keyval").is_some() => {
                match Self::from_object(&object, None) {
                    Err(KeyError::PrivateKeyInLayout) => {
                        Err(KeyError::PrivateHalfGiven { what: "JSON" })
                    }
                    other => other,
                }
            }
            _ => Err(KeyError::NotAKey),
        }
    }

    pub(crate) fn from_object(object: &Object<'_>, listed: Option<&str>) -> Result<Self, KeyError> {
        if openpgp::is_openpgp(object) {
            return Err(KeyError::Unsupported { what: "an OpenPGP key here".to_owned() });
        }
        let key_type = text(object, "keytype")?;
        let scheme = text(object, "scheme")?;
        let keyval = object
            .get("keyval")
            .and_then(Value::as_object)
            .ok_or(KeyError::LayoutKeyMember { member: "keyval" })?;
        if keyval.get("private").is_some_and(|private| private.as_str() != Some("")) {
            return Err(KeyError::PrivateKeyInLayout);
        }
        if keyval.get("certificate").is_some_and(|text| text.as_str() != Some("")) {
            let what = "an X.509 certificate in place of a key".to_owned();
            return Err(KeyError::Unsupported { what });
        }
        let public = text(keyval, "public")?;
        let key = if key_type == KeyKind::Ed25519.key_type() {
            ed25519_from_hex(public)?
        } else if let Some(point) = p256_point(public) {
            Self::from_parsable(
                KeyKind::EcdsaP256,
                SignatureScheme::EcdsaSha2Nistp256,
                None,
                &point,
            )?
        } else {
            Self::from_pem_or_other(public.as_bytes())?
        };
        let scheme = key.scheme_of_labels(key_type, scheme)?;
        key.relabelled(scheme, listed.map(str::to_owned))
    }

    /// Finds the scheme by which a key signs that is labelled with this type and scheme.
    fn scheme_of_labels(&self, key_type: &str, label: &str) -> Result<SignatureScheme, KeyError> {
        let labelled: SignatureScheme = label.parse()?;
        let own = self.inner.kind.default_scheme();
        // Early metadata names the scheme as the type; that of the curve, or the first there was.
        let early = [EARLY_ECDSA_TYPE, own.name()];
        let type_fits =
            key_type == self.key_type() || (self.is_ecdsa() && early.contains(&key_type));
        let every_curve = SignatureScheme::EcdsaSha2Nistp256;
        if type_fits && labelled.fits(self.inner.kind) {
            Ok(labelled)
        } else if type_fits && self.is_ecdsa() && labelled == every_curve {
            Ok(own)
        } else {
            Err(KeyError::SchemeMismatch {
                key_type: key_type.chars().take(80).collect(),
                scheme: label.to_owned(),
                actual: self.inner.kind.name(),
            })
        }
    }

    /// Writes the key as the public key file of the reference implementation before 2.0.
    pub fn to_securesystemslib_json(&self) -> String {
        Value::from(self.old_object(None)).to_compact()
    }

    /// Makes the key object of files before 2.0, with the private half where there is one.
    pub(crate) fn old_object(&self, private: Option<String>) -> Object<'static> {
        let mut keyval = Object::new();
        keyval.insert("public", self.public_text().trim_end().to_owned());
        let mut object = Object::new();
        object.insert("keytype", self.key_type());
        object.insert("scheme", self.scheme().name());
        object.insert("keyid_hash_algorithms", key_id::hash_algorithms());
        if let Some(private) = private {
            object.insert("keyid", self.key_id(KeyIdStyle::Legacy));
            keyval.insert("private", private);
        }
        object.insert("keyval", keyval);
        object
    }

    /// Makes the key object that a layout carries, under the id of this style.
    ///
    /// # Errors
    /// [`KeyError::Encoding`] when the id cannot stand in a layout.
    pub fn to_layout_key(&self, style: KeyIdStyle) -> Result<LayoutKey, KeyError> {
        if let Some(openpgp) = &self.inner.openpgp {
            return openpgp.to_layout_key();
        }
        let id_text = self.key_id(style);
        let id = id_text.parse().map_err(|_| KeyError::Encoding)?;
        let public = self.public_text();
        let mut keyval = Object::new();
        let mut object = Object::new();
        object.insert("keyid", id_text);
        object.insert("keytype", self.key_type());
        object.insert("scheme", self.scheme().name());
        if style.is_legacy_object() {
            object.insert("keyid_hash_algorithms", key_id::hash_algorithms());
            keyval.insert("public", public.trim_end().to_owned());
        } else {
            keyval.insert("public", public);
        }
        object.insert("keyval", keyval);
        Ok(LayoutKey { id, object })
    }
}

/// Checks that a key object calls itself by the id that it is listed under, if by any.
pub(crate) fn check_id(object: &Object<'_>, listed: &str) -> Result<(), KeyError> {
    match object.get("keyid") {
        None => Ok(()),
        Some(Value::String(inner)) if inner.eq_ignore_ascii_case(listed) => Ok(()),
        Some(Value::String(inner)) => {
            let inner = inner.chars().take(140).collect();
            Err(KeyError::KeyIdMismatch { listed: listed.to_owned(), inner })
        }
        Some(_) => Err(KeyError::LayoutKeyMember { member: "keyid" }),
    }
}

pub(crate) fn text<'a>(object: &'a Object<'_>, member: &'static str) -> Result<&'a str, KeyError> {
    object.get(member).and_then(Value::as_str).ok_or(KeyError::LayoutKeyMember { member })
}

/// Reads the digits of a point on P-256, as the Rust implementation lists ECDSA keys.
fn p256_point(public: &str) -> Option<Vec<u8>> {
    /// What the encoding of a point with both coordinates begins with, and its length.
    const POINT: (u8, usize) = (4, 65);
    let point = HEXLOWER_PERMISSIVE.decode(public.as_bytes()).ok()?;
    (point.first() == Some(&POINT.0) && point.len() == POINT.1).then_some(point)
}

fn ed25519_from_hex(public: &str) -> Result<PublicKey, KeyError> {
    let malformed = KeyError::Malformed { what: "Ed25519 key: 64 hexadecimal digits are due" };
    match HEXLOWER_PERMISSIVE.decode(public.as_bytes()) {
        Ok(bytes) if bytes.len() == 32 => {
            PublicKey::from_parsable(KeyKind::Ed25519, SignatureScheme::Ed25519, None, &bytes)
        }
        _ => Err(malformed),
    }
}
