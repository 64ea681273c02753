//! Keys of a layout as they are written; `unbroken-crypto` makes public keys of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::decode::{DecodeError, Fault, Place, object};
use crate::json::Object;

/// A key id as metadata declares it: hexadecimal digits, compared in lower case.
///
/// An id is a name for a key and never proves one: implementations compute four different ids for
/// one key, and votes are counted by key material.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Box<str>);

/// A text that is no key id.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is no key id: a key id has 8 to 128 hexadecimal digits")]
pub struct KeyIdError {
    text: String,
}

impl KeyId {
    /// Returns the id in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first eight digits, which stand in the names of link files.
    pub fn prefix(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let fits = (8..=128).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase().into()))
        } else {
            Err(KeyIdError { text: text.chars().take(140).collect() })
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// One key object of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutKey {
    /// The id under which the layout lists the key.
    pub id: KeyId,
    /// The whole object as it came: `keytype`, `scheme`, `keyval` and what peers add.
    pub object: Object<'static>,
}

/// Reads the key objects that a member of a layout lists by their ids.
pub(super) fn decode_all(
    member: &str,
    keys: Object<'_>,
) -> Result<BTreeMap<KeyId, LayoutKey>, DecodeError> {
    let mut all = BTreeMap::new();
    for (name, value) in keys {
        let id: KeyId = name.parse().place(|| member.to_owned())?;
        let object = object(value, || format!("{member}.{id}"))?.into_owned();
        let twice = all.insert(id.clone(), LayoutKey { id, object });
        if twice.is_some() {
            // The ids differ in case only; which key is meant would depend on the reader.
            let text = name.chars().take(140).collect();
            return Err(Fault::KeyId(KeyIdError { text }).at(member));
        }
    }
    Ok(all)
}

/// Writes the key objects by their ids.
pub(super) fn to_object(keys: &BTreeMap<KeyId, LayoutKey>) -> Object<'static> {
    let mut all = Object::new();
    for (id, key) in keys {
        all.insert(id.as_str().to_owned(), key.object.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal_and_compared_in_lower_case() {
        let id: KeyId = "ABCDEF0123".parse().unwrap();
        assert_eq!((id.as_str(), id.prefix()), ("abcdef0123", "abcdef01"));
        assert_eq!(id.to_string(), "abcdef0123");
    }

    #[test]
    fn ids_that_would_break_file_names_or_slices_are_refused() {
        let long = "a".repeat(129);
        for text in ["", "abc", "abcdefg1", "../../../a", "aaaaaaaé", "日本語日本語日本語", &long]
        {
            assert!(text.parse::<KeyId>().is_err(), "{text}");
        }
    }
}
