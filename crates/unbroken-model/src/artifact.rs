//! Sets of artifacts: the materials or the products of a step.

use thiserror::Error;

use crate::digest::DigestSet;
use crate::path::ArtifactPath;

/// Artifacts with their digests, sorted by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactSet {
    entries: Vec<(ArtifactPath, DigestSet)>,
}

/// Two artifacts that have one path.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("two artifacts are named {path:?}")]
pub struct DuplicatePath {
    /// The path.
    pub path: String,
}

impl ArtifactSet {
    /// Makes a set of artifacts in any order.
    ///
    /// # Errors
    /// [`DuplicatePath`] when two of them have one path: neither may hide the other.
    pub fn from_entries(
        mut entries: Vec<(ArtifactPath, DigestSet)>,
    ) -> Result<Self, DuplicatePath> {
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            let twice = entries.array_windows().find(|[(a, _), (b, _)]| a == b);
            if let Some([(path, _), _]) = twice {
                return Err(DuplicatePath { path: path.to_string() });
            }
        }
        Ok(Self { entries })
    }

    /// Finds the digests of the artifact at `path`.
    pub fn get(&self, path: &str) -> Option<&DigestSet> {
        let index = self.position(path)?;
        self.entries.get(index).map(|(_, digests)| digests)
    }

    /// Finds the place of the artifact at `path` in the order of [`Self::iter`].
    pub fn position(&self, path: &str) -> Option<usize> {
        self.entries.binary_search_by(|(entry, _)| entry.as_str().cmp(path)).ok()
    }

    /// Finds the digests of the artifact at `path`, looking first where `hint` points: behind the
    /// artifact that was found last. Two sets of one tree are so compared in one pass.
    pub fn get_near(&self, path: &str, hint: &mut usize) -> Option<&DigestSet> {
        let here = self.entries.get(*hint).filter(|(entry, _)| entry.as_str() == path);
        let (_, digests) = if let Some(entry) = here {
            entry
        } else {
            *hint = self.position(path)?;
            self.entries.get(*hint)?
        };
        *hint += 1;
        Some(digests)
    }

    /// Tells whether there is an artifact at `path`.
    pub fn contains(&self, path: &str) -> bool {
        self.position(path).is_some()
    }

    /// Goes through the artifacts in order of their paths.
    pub fn iter(&self) -> std::slice::Iter<'_, (ArtifactPath, DigestSet)> {
        self.entries.iter()
    }

    /// Counts the artifacts.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> IntoIterator for &'a ArtifactSet {
    type Item = &'a (ArtifactPath, DigestSet);
    type IntoIter = std::slice::Iter<'a, (ArtifactPath, DigestSet)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, byte: u8) -> (ArtifactPath, DigestSet) {
        (path.parse().unwrap(), DigestSet::sha256([byte; 32]))
    }

    #[test]
    fn sorts_and_finds() {
        let set = ArtifactSet::from_entries(vec![entry("b", 2), entry("a/x", 1)]).unwrap();
        assert_eq!(set.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a/x", "b"]);
        assert_eq!(set.get("b"), Some(&DigestSet::sha256([2; 32])));
        assert!(!set.contains("a"));
    }

    #[test]
    fn one_path_twice_is_refused_in_any_order() {
        for entries in
            [vec![entry("a", 1), entry("a", 1)], vec![entry("a", 1), entry("b", 1), entry("a", 2)]]
        {
            assert_eq!(ArtifactSet::from_entries(entries).unwrap_err().path, "a");
        }
    }

    #[test]
    fn what_is_near_the_last_one_is_found_as_elsewhere() {
        let set = ArtifactSet::from_entries((0..4).map(|n| entry(&n.to_string(), n)).collect());
        let set = set.unwrap();
        for (order, after) in
            [(["0", "1", "2", "3"], [1, 2, 3, 4]), (["3", "1", "1", "0"], [4, 2, 2, 1])]
        {
            let mut hint = 0;
            for (path, after) in order.into_iter().zip(after) {
                assert_eq!(set.get_near(path, &mut hint), set.get(path), "{path}");
                assert_eq!(hint, after, "{path}");
            }
            assert_eq!(set.get_near("x", &mut hint), None);
        }
        assert!(set.contains("2") && !set.contains("x"));
    }

    #[test]
    fn a_set_says_how_many_it_holds() {
        let of = |count: u8| {
            ArtifactSet::from_entries((0..count).map(|n| entry(&n.to_string(), n)).collect())
                .unwrap()
        };
        for count in 0..3 {
            assert_eq!(of(count).len(), usize::from(count));
            assert_eq!(of(count).is_empty(), count == 0);
        }
    }
}
