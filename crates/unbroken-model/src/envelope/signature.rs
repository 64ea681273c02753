//! One signature of an envelope, with the hints that stand beside it.

use std::borrow::Cow;

use thiserror::Error;

use super::dsse::decode;
use crate::json::{Object, Value};
use crate::limits::Limits;

/// The member of a signature that holds the certificate of its key (ITE-7 as it is in use).
pub const CERTIFICATE_MEMBER: &str = "cert";
/// The member of a signature that holds its time-stamp tokens, as witness writes it.
pub const TIMESTAMPS_MEMBER: &str = "timestamps";
/// The members in which witness keeps the certificate of a signature and those behind it.
const WITNESS_MEMBERS: [&str; 2] = ["certificate", "intermediates"];
/// The type of a time-stamp token of RFC 3161 among the time stamps of a signature.
const RFC_3161: &str = "tsp";

/// One signature of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The id of the key as the signer wrote it. A hint: it decides nothing.
    pub key_id: Option<String>,
    /// The signature, decoded.
    pub bytes: Vec<u8>,
    /// Other members of the signature object as they came: `cert`, `other_headers`.
    pub extra: Object<'static>,
}

/// Why something that stands with a signature cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignatureHintError {
    /// It does not have the form in which peers write it.
    #[error("the signature's member {member} is not {due}")]
    Form {
        /// The member.
        member: &'static str,
        /// What it should be.
        due: &'static str,
    },
    /// More than [`Limits`] admit.
    #[error("the signature has {what} beyond the limit of {limit}")]
    Limit {
        /// What is too much.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl Signature {
    /// Returns the certificate that stands with the signature and those behind it, as PEM text: a claim
    /// that nobody has looked at. An empty one, which some tools write, is none.
    ///
    /// # Errors
    /// [`SignatureHintError`]; also for a signature with certificates in both forms that are in use, of
    /// which each reader would take another one.
    pub fn certificates(
        &self,
        limits: &Limits,
    ) -> Result<Option<Cow<'_, str>>, SignatureHintError> {
        let plain = self.extra.get(CERTIFICATE_MEMBER).and_then(Value::as_str);
        let plain = plain.filter(|text| !text.is_empty());
        let [own, behind] = WITNESS_MEMBERS.map(|name| self.extra.get(name));
        let (Some(own), None) = (own, plain) else {
            let both = own.is_some() && plain.is_some();
            let due = "the only one that holds a certificate";
            let fault = SignatureHintError::Form { member: "certificate", due };
            return if both { Err(fault) } else { Ok(plain.map(Cow::Borrowed)) };
        };
        let behind = match behind {
            None => &[],
            Some(list) => list.as_array().ok_or(SignatureHintError::Form {
                member: "intermediates",
                due: "an array of certificates",
            })?,
        };
        let mut all = String::new();
        for (member, value) in std::iter::once(("certificate", own))
            .chain(behind.iter().map(|value| ("intermediates", value)))
        {
            let due = "PEM in base64";
            let fault = SignatureHintError::Form { member, due };
            let text = value.as_str().and_then(|text| decode(text, member).ok());
            all.push_str(&text.and_then(|text| String::from_utf8(text).ok()).ok_or(fault)?);
            all.push('\n');
            if all.len() > limits.certificate {
                let (what, limit) = ("a certificate", limits.certificate);
                return Err(SignatureHintError::Limit { what, limit });
            }
        }
        Ok(Some(Cow::Owned(all)))
    }

    /// Returns the time-stamp tokens of RFC 3161 that stand with the signature: claims that nobody has
    /// looked at. Time stamps of other types are passed over.
    ///
    /// # Errors
    /// [`SignatureHintError`].
    pub fn timestamp_tokens(&self, limits: &Limits) -> Result<Vec<Vec<u8>>, SignatureHintError> {
        const FAULT: SignatureHintError = SignatureHintError::Form {
            member: TIMESTAMPS_MEMBER,
            due: "an array of objects with a type, and data in base64",
        };
        let Some(listed) = self.extra.get(TIMESTAMPS_MEMBER) else { return Ok(Vec::new()) };
        let mut tokens = Vec::new();
        for entry in listed.as_array().ok_or(FAULT)? {
            let entry = entry.as_object().ok_or(FAULT)?;
            let text = |name| entry.get(name).and_then(Value::as_str).ok_or(FAULT);
            if text("type")? != RFC_3161 {
                continue;
            }
            if tokens.len() == limits.timestamps {
                let (what, limit) = ("time-stamp tokens", limits.timestamps);
                return Err(SignatureHintError::Limit { what, limit });
            }
            let token = decode(text("data")?, TIMESTAMPS_MEMBER).map_err(|_| FAULT)?;
            if token.len() > limits.timestamp {
                let (what, limit) = ("a time-stamp token", limits.timestamp);
                return Err(SignatureHintError::Limit { what, limit });
            }
            tokens.push(token);
        }
        Ok(tokens)
    }
}

/// Makes the entry by which a signature carries a time-stamp token of RFC 3161.
pub fn timestamp_entry(token: &[u8]) -> Value<'static> {
    let mut entry = Object::new();
    entry.insert("type", RFC_3161);
    entry.insert("data", data_encoding::BASE64.encode(token));
    entry.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(members: &str) -> Signature {
        let text = format!("{{{members}}}");
        let value = Value::parse(text.as_bytes(), &Limits::default()).unwrap();
        let extra = value.as_object().unwrap().clone().into_owned();
        Signature { key_id: None, bytes: vec![1], extra }
    }

    #[test]
    fn an_empty_certificate_is_none() {
        let of = |members: &str| {
            let signature = with(members);
            let text = signature.certificates(&Limits::default());
            text.map(|text| text.map(Cow::into_owned)).map_err(|error| error.to_string())
        };
        assert_eq!(of(""), Ok(None));
        assert_eq!(of(r#""cert":"""#), Ok(None));
        assert_eq!(of(r#""cert":"PEM""#), Ok(Some("PEM".into())));
        // The same text as witness writes it, alone and with another one behind it.
        assert_eq!(of(r#""certificate":"UEVN""#), Ok(Some("PEM\n".into())));
        assert_eq!(of(r#""cert":"","certificate":"UEVN""#), Ok(Some("PEM\n".into())));
        let two = of(r#""certificate":"UEVN","intermediates":["UEVN","UEVN"]"#);
        assert_eq!(two, Ok(Some("PEM\nPEM\nPEM\n".into())));
        for members in [
            r#""cert":"PEM","certificate":"UEVN""#,
            r#""certificate":"PEM!""#,
            r#""certificate":1"#,
            r#""certificate":"gICA""#,
            r#""certificate":"UEVN","intermediates":"UEVN""#,
            r#""certificate":"UEVN","intermediates":[1]"#,
        ] {
            assert!(of(members).is_err(), "{members}");
        }
        let large = with(&format!(r#""certificate":"{}""#, "UEVN".repeat(30_000)));
        let beyond = large.certificates(&Limits::default());
        assert!(matches!(beyond, Err(SignatureHintError::Limit { .. })));
    }

    #[test]
    fn tokens_are_told_from_other_time_stamps() {
        let limits = Limits::default();
        let of = |list: &str| with(&format!(r#""timestamps":{list}"#)).timestamp_tokens(&limits);
        assert!(with("").timestamp_tokens(&limits).unwrap().is_empty());
        let mixed = of(r#"[{"type":"tsp","data":"AAE="},{"type":"other","data":1}]"#).unwrap();
        assert_eq!(mixed, [vec![0, 1]]);
        for list in ["{}", "[1]", r#"[{"data":"AAE="}]"#, r#"[{"type":"tsp","data":"AA"}]"#] {
            assert!(matches!(of(list), Err(SignatureHintError::Form { .. })), "{list}");
        }
        let entry = timestamp_entry(&[0, 1]).to_compact();
        let many = |count: usize| of(&format!("[{}]", vec![entry.as_str(); count].join(",")));
        assert_eq!(many(limits.timestamps).unwrap().len(), limits.timestamps);
        assert!(matches!(many(limits.timestamps + 1), Err(SignatureHintError::Limit { .. })));
        let sized = |size: usize| {
            of(&format!("[{}]", timestamp_entry(&vec![0; size]).to_compact())).map(|_| ())
        };
        assert!(sized(limits.timestamp).is_ok());
        assert!(matches!(sized(limits.timestamp + 1), Err(SignatureHintError::Limit { .. })));
    }
}
