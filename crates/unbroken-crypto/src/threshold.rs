//! The threshold: the only place that counts votes.
//!
//! Layout owners, functionaries of a step and whoever else must agree are counted here and
//! nowhere else. A vote is a [`KeyMaterial`]: a key that signs twice, under two key ids or by two
//! schemes has one vote. A threshold of zero cannot be expressed.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use thiserror::Error;

use crate::key::KeyMaterial;

/// Fewer distinct keys voted than were needed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{found} of {needed} required votes")]
pub struct NotReached {
    /// How many distinct keys voted.
    pub found: u32,
    /// How many are needed.
    pub needed: NonZeroU32,
}

/// Checks that enough distinct keys voted.
///
/// # Checks
/// The number of *different* keys among the votes against the number needed.
///
/// # Does not check
/// That a vote is justified: pass only keys whose signatures hold and that are authorised.
///
/// # Errors
/// [`NotReached`] when there are fewer than `needed`.
pub fn reached(
    votes: impl IntoIterator<Item = KeyMaterial>,
    needed: NonZeroU32,
) -> Result<(), NotReached> {
    let distinct: BTreeSet<KeyMaterial> = votes.into_iter().collect();
    let found = u32::try_from(distinct.len()).unwrap_or(u32::MAX);
    if found >= needed.get() { Ok(()) } else { Err(NotReached { found, needed }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signer::{KeyAlgorithm, SigningKey};

    fn materials(count: usize) -> Vec<KeyMaterial> {
        (0..count)
            .map(|_| SigningKey::generate(KeyAlgorithm::Ed25519).unwrap().public().material())
            .collect()
    }

    #[test]
    fn a_key_that_votes_twice_counts_once() {
        let keys = materials(2);
        let two = NonZeroU32::new(2).unwrap();
        assert_eq!(reached([keys[0], keys[0]], two), Err(NotReached { found: 1, needed: two }));
        assert_eq!(reached([keys[0], keys[1], keys[0]], two), Ok(()));
        assert_eq!(
            reached([], NonZeroU32::MIN),
            Err(NotReached { found: 0, needed: NonZeroU32::MIN })
        );
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_votes_change_nothing(
            votes in prop::collection::vec(0..4usize, 0..12),
            needed in 1..6u32,
        ) {
            let keys = materials(4);
            let needed = NonZeroU32::new(needed).unwrap();
            let mut sorted = votes.clone();
            sorted.sort_unstable();
            sorted.dedup();
            let expected = sorted.len() >= usize::try_from(needed.get()).unwrap();
            prop_assert_eq!(reached(votes.iter().map(|vote| keys[*vote]), needed).is_ok(), expected);
        }
    }
}
