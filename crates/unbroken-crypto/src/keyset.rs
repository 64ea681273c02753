//! Keys that are trusted for one role.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;

use crate::certificate::Certified;
use crate::key::{KeyMaterial, PublicKey};

/// The role of those who sign layouts.
#[derive(Debug)]
#[non_exhaustive]
pub struct Owner;

/// The role of those who carry out steps and sign links.
#[derive(Debug)]
#[non_exhaustive]
pub struct Functionary;

/// The role of those whose signed links of inspections stand in for running them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspector;

/// The keys that are trusted in the role `R`, each key once.
///
/// A key that is listed under several ids, or with several schemes, stays one key: its signatures
/// are looked for under every id and scheme, and have one vote.
pub struct KeySet<R> {
    keys: BTreeMap<KeyMaterial, Vec<PublicKey>>,
    role: PhantomData<R>,
}

impl<R> KeySet<R> {
    /// Gathers keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let mut set: BTreeMap<KeyMaterial, Vec<PublicKey>> = BTreeMap::new();
        for key in keys {
            Self::add(&mut set, key);
        }
        Self { keys: set, role: PhantomData }
    }

    /// Adds a key in one form, unless it is there.
    fn add(keys: &mut BTreeMap<KeyMaterial, Vec<PublicKey>>, key: PublicKey) {
        let forms = keys.entry(key.material()).or_default();
        let known = forms
            .iter()
            .any(|form| form.scheme() == key.scheme() && form.declared_id() == key.declared_id());
        if !known {
            forms.push(key);
        }
    }

    /// Counts the distinct keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Tells whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Tells whether the key is in the set.
    pub fn contains(&self, material: &KeyMaterial) -> bool {
        self.keys.contains_key(material)
    }

    /// Goes through the distinct keys, ordered by material.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values().filter_map(|forms| forms.first())
    }

    /// Returns the threshold that asks for a signature of every key; none for an empty set.
    pub fn every_key(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(u32::try_from(self.keys.len()).unwrap_or(u32::MAX))
    }

    /// Goes through the keys in every form: under each scheme and id.
    pub(crate) fn forms(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values().flatten()
    }
}

impl KeySet<Functionary> {
    /// Returns these keys and besides them those that certificates make functionaries' for the step
    /// in question. A key that is listed and certified stays one key.
    #[must_use]
    pub fn with_certified<'a>(&self, certified: impl IntoIterator<Item = &'a Certified>) -> Self {
        let mut keys = self.keys.clone();
        for one in certified {
            Self::add(&mut keys, one.key().clone());
        }
        Self { keys, role: PhantomData }
    }
}

impl<R> FromIterator<PublicKey> for KeySet<R> {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self::new(keys)
    }
}

impl<R> Clone for KeySet<R> {
    fn clone(&self) -> Self {
        Self { keys: self.keys.clone(), role: PhantomData }
    }
}

impl<R> fmt::Debug for KeySet<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_id::KeyIdStyle;
    use crate::signer::{KeyAlgorithm, SigningKey};

    /// Else a signature under its second id would have no key, and one key would be tried twice.
    #[test]
    fn a_key_is_kept_once_in_each_of_its_forms() {
        let key = SigningKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let listed = |id: &str| {
            let mut listed = key.public().to_layout_key(KeyIdStyle::default()).unwrap();
            listed.object.remove("keyid");
            listed.id = id.parse().unwrap();
            PublicKey::from_layout_key(&listed).unwrap()
        };
        let ids = ["00000001", "00000002", "00000001"];
        let keys: KeySet<Functionary> = ids.into_iter().map(listed).collect();
        assert_eq!(keys.len(), 1);
        let forms: Vec<Option<&str>> = keys.forms().map(PublicKey::declared_id).collect();
        assert_eq!(forms, [Some("00000001"), Some("00000002")]);
    }
}
