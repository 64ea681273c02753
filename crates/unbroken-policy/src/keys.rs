//! Keys of a policy: kept as texts, and read at the time of each judgement.
//!
//! A certificate of OpenPGP is in force at some times and not at others. Keys that were read once would go on
//! after their end, and would take every later signature to be from the future.

use std::marker::PhantomData;

use unbroken_crypto::{KeySet, PublicKey};
use unbroken_model::timestamp::Timestamp;

use crate::PolicyFault;

/// The texts of keys in one role.
#[derive(Clone, Debug)]
pub(crate) struct KeyTexts<Role> {
    texts: Vec<Vec<u8>>,
    member: &'static str,
    role: PhantomData<Role>,
}

impl<Role> KeyTexts<Role> {
    /// Keeps the texts of a member of a policy.
    pub(crate) fn new(member: &'static str, texts: Vec<Vec<u8>>) -> Self {
        Self { texts, member, role: PhantomData }
    }

    pub(crate) fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }

    /// Reads the keys as they are at a time.
    ///
    /// One that is not in force makes the policy unusable: all owners have to have signed, and one who is left
    /// out would be one fewer.
    pub(crate) fn at(&self, now: Timestamp) -> Result<KeySet<Role>, PolicyFault> {
        let key = |text: &Vec<u8>| {
            let key = PublicKey::read_at(text, now);
            key.map_err(|error| PolicyFault::new(error.to_string()).of(self.member))
        };
        self.texts.iter().map(key).collect()
    }
}
