//! The digests of one artifact.

use std::collections::BTreeMap;
use std::fmt;

use super::{Digest, DigestAlgorithm};

/// The digests that a link records for one artifact, by algorithm.
///
/// Equality is that of the whole set, as the rules of the specification compare it: `{sha256}` and
/// `{sha256, sha512}` of one file differ.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestSet(Repr);

/// Nearly every artifact has one SHA-256 and nothing else: that case needs no allocation, which
/// keeps links of hundreds of thousands of artifacts small.
#[derive(Clone, PartialEq, Eq)]
enum Repr {
    Sha256([u8; 32]),
    Many(BTreeMap<DigestAlgorithm, Digest>),
}

impl DigestSet {
    /// Makes the set of one SHA-256 digest.
    pub fn sha256(value: [u8; 32]) -> Self {
        Self(Repr::Sha256(value))
    }

    /// Finds the digest of one algorithm.
    pub fn get(&self, algorithm: &DigestAlgorithm) -> Option<Digest> {
        self.iter().find(|digest| digest.algorithm() == algorithm)
    }

    /// Goes through the digests, strongest known algorithms first.
    pub fn iter(&self) -> impl Iterator<Item = Digest> {
        let (one, many) = match &self.0 {
            Repr::Sha256(value) => (Some(Digest::new(DigestAlgorithm::Sha256, value)), None),
            Repr::Many(digests) => (None, Some(digests.values().cloned())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// Returns the value where the set is one SHA-256 digest: the case that is worth being fast.
    pub(crate) fn only_sha256(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Repr::Sha256(value) => Some(value),
            Repr::Many(_) => None,
        }
    }

    /// Tells whether there is no digest at all: such an artifact equals every other one.
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Repr::Many(digests) if digests.is_empty())
    }

    /// Tells whether the two sets prove that two contents differ: by every strong algorithm that both
    /// have, and there is one. Sets that merely name other algorithms prove nothing.
    pub fn proves_change_to(&self, other: &Self) -> bool {
        let strong = self.iter().filter(|digest| digest.algorithm().is_strong());
        let mut common =
            strong.filter_map(|digest| Some(digest != other.get(digest.algorithm())?)).peekable();
        common.peek().is_some() && common.all(|differs| differs)
    }

    /// Tells whether a digest is strong enough to prove what the artifact at `path` holds.
    ///
    /// The id of a git object counts for a `git:` artifact and for nothing else.
    pub fn is_strong_for(&self, path: &crate::path::ArtifactPath) -> bool {
        match &self.0 {
            Repr::Sha256(_) => true,
            Repr::Many(digests) => digests.keys().any(|algorithm| {
                algorithm.is_strong() || (algorithm.is_git() && path.scheme() == Some("git"))
            }),
        }
    }
}

impl FromIterator<Digest> for DigestSet {
    /// Gathers digests; of two with one algorithm the later stays.
    fn from_iter<I: IntoIterator<Item = Digest>>(digests: I) -> Self {
        let many: BTreeMap<_, _> =
            digests.into_iter().map(|digest| (digest.algorithm().clone(), digest)).collect();
        if let (1, Some(only)) = (many.len(), many.get(&DigestAlgorithm::Sha256)) {
            let mut value = [0; 32];
            let decoded = data_encoding::HEXLOWER.decode_mut(only.hex().as_bytes(), &mut value);
            if decoded.is_ok() {
                return Self(Repr::Sha256(value));
            }
        }
        Self(Repr::Many(many))
    }
}

impl fmt::Debug for DigestSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.iter().map(|digest| digest.to_string())).finish()
    }
}

impl fmt::Display for DigestSet {
    /// Writes the algorithms with the first twelve digits of each: `sha256:9c1e04d2b7aa…`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return out.write_str("(no digest)");
        }
        for (index, digest) in self.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let dots = if digest.short().len() < digest.hex().len() { "…" } else { "" };
            write!(out, "{comma}{}:{}{dots}", digest.algorithm().name(), digest.short())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(algorithm: &str, text: &str) -> Digest {
        Digest::from_hex(DigestAlgorithm::from_name(algorithm), text).unwrap()
    }

    #[test]
    fn one_sha256_is_the_same_however_it_was_made() {
        let set: DigestSet = [hex("sha256", &"AB".repeat(32))].into_iter().collect();
        assert_eq!(set, DigestSet::sha256([0xab; 32]));
        assert_eq!(set.to_string(), "sha256:abababababab…");
    }

    #[test]
    fn sets_are_compared_whole() {
        let both: DigestSet = [hex("sha256", &"ab".repeat(32)), hex("sha512", &"cd".repeat(64))]
            .into_iter()
            .collect();
        assert_ne!(both, DigestSet::sha256([0xab; 32]));
        assert_eq!(both.get(&DigestAlgorithm::Sha512).unwrap().short(), "cdcdcdcdcdcd");
    }

    #[test]
    fn a_change_is_proved_by_every_strong_algorithm_in_common() {
        let set = |pairs: &[(&str, &str)]| -> DigestSet {
            pairs
                .iter()
                .map(|(name, byte)| {
                    let algorithm = DigestAlgorithm::from_name(name);
                    let length = algorithm.hex_length().unwrap() / 2;
                    hex(name, &byte.repeat(length))
                })
                .collect()
        };
        let one = set(&[("sha256", "aa"), ("md5", "aa")]);
        assert!(one.proves_change_to(&set(&[("sha256", "bb"), ("md5", "aa")])));
        assert!(one.proves_change_to(&set(&[("sha256", "bb"), ("sha512", "aa")])));
        for same in [
            set(&[("sha256", "aa"), ("md5", "bb")]),
            set(&[("sha256", "aa"), ("sha512", "bb")]),
            set(&[("sha512", "bb")]),
            set(&[("md5", "bb")]),
            set(&[]),
        ] {
            assert!(!one.proves_change_to(&same), "{same}");
        }
        let both = set(&[("sha256", "aa"), ("sha512", "aa")]);
        assert!(!both.proves_change_to(&set(&[("sha256", "aa"), ("sha512", "bb")])));
    }

    #[test]
    fn strength_depends_on_what_the_artifact_is() {
        let file: crate::path::ArtifactPath = "src/a".parse().unwrap();
        let repository: crate::path::ArtifactPath = "git:src".parse().unwrap();
        let empty: DigestSet = [].into_iter().collect();
        assert!(empty.is_empty() && !empty.is_strong_for(&file));
        let commit: DigestSet = [hex("gitCommit", &"1".repeat(40))].into_iter().collect();
        assert!(commit.is_strong_for(&repository) && !commit.is_strong_for(&file));
        let weak: DigestSet =
            [hex("md5", &"1".repeat(32)), hex("rot13", "x")].into_iter().collect();
        assert!(!weak.is_strong_for(&file) && !weak.is_strong_for(&repository));
    }

    #[test]
    fn sets_are_written_short_for_people() {
        let both: DigestSet =
            [hex("sha256", &"ab".repeat(32)), hex("rot13", "tiny")].into_iter().collect();
        assert_eq!(both.to_string(), "sha256:abababababab…, rot13:tiny");
        let debug = format!("{:?}", DigestSet::sha256([0xab; 32]));
        assert_eq!(debug, format!("{{\"sha256:{}\"}}", "ab".repeat(32)));
        assert_eq!(DigestSet::sha256([1; 32]).only_sha256(), Some(&[1; 32]));
        assert_eq!(both.only_sha256(), None);
    }
}
