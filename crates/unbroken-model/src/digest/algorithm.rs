//! Digest algorithms by the names of the in-toto digest set (attestation framework, `DigestSet`).

/// A digest algorithm as metadata names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256: what every implementation records.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA-384.
    Sha384,
    /// SHA-512/256.
    Sha512_256,
    /// SHA-224.
    Sha224,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
    /// BLAKE3 with 32 bytes of output; no peer records it.
    Blake3,
    /// BLAKE2b with 64 bytes of output.
    Blake2b,
    /// BLAKE2s with 32 bytes of output.
    Blake2s,
    /// SHA-1: read, never trusted.
    Sha1,
    /// MD5: read, never trusted.
    Md5,
    /// The id of a git commit.
    GitCommit,
    /// The id of a git tree.
    GitTree,
    /// The id of a git blob.
    GitBlob,
    /// The id of an annotated git tag.
    GitTag,
    /// The digest of a folder's sorted list of file digests.
    DirHash,
    /// An algorithm that this crate does not know, by its name.
    Other(Box<str>),
}

/// The known algorithms, their names and hexadecimal lengths.
const KNOWN: &[(DigestAlgorithm, &str, usize)] = &[
    (DigestAlgorithm::Sha256, "sha256", 64),
    (DigestAlgorithm::Sha512, "sha512", 128),
    (DigestAlgorithm::Sha384, "sha384", 96),
    (DigestAlgorithm::Sha512_256, "sha512_256", 64),
    (DigestAlgorithm::Sha224, "sha224", 56),
    (DigestAlgorithm::Sha3_256, "sha3_256", 64),
    (DigestAlgorithm::Sha3_384, "sha3_384", 96),
    (DigestAlgorithm::Sha3_512, "sha3_512", 128),
    (DigestAlgorithm::Blake3, "blake3", 64),
    (DigestAlgorithm::Blake2b, "blake2b", 128),
    (DigestAlgorithm::Blake2s, "blake2s", 64),
    (DigestAlgorithm::Sha1, "sha1", 40),
    (DigestAlgorithm::Md5, "md5", 32),
    (DigestAlgorithm::GitCommit, "gitCommit", 40),
    (DigestAlgorithm::GitTree, "gitTree", 40),
    (DigestAlgorithm::GitBlob, "gitBlob", 40),
    (DigestAlgorithm::GitTag, "gitTag", 40),
    (DigestAlgorithm::DirHash, "dirHash", 64),
];

impl DigestAlgorithm {
    /// Finds an algorithm by its name in metadata; names are case-sensitive.
    pub fn from_name(name: &str) -> Self {
        KNOWN
            .iter()
            .find(|(_, known, _)| *known == name)
            .map_or_else(|| Self::Other(name.into()), |(algorithm, ..)| algorithm.clone())
    }

    /// Returns the name in metadata.
    pub fn name(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        KNOWN.iter().find(|(known, ..)| known == self).map_or("", |(_, name, _)| name)
    }

    /// Tells whether equal digests prove equal content: two contents with one digest cannot be
    /// made today. Git's ids count only for git objects, which [`DigestSet::is_strong_for`] decides.
    ///
    /// [`DigestSet::is_strong_for`]: super::DigestSet::is_strong_for
    pub fn is_strong(&self) -> bool {
        !matches!(
            self,
            Self::Sha1
                | Self::Md5
                | Self::GitCommit
                | Self::GitTree
                | Self::GitBlob
                | Self::GitTag
                | Self::Other(_)
        )
    }

    /// Tells whether the digest names a git object.
    pub fn is_git(&self) -> bool {
        matches!(self, Self::GitCommit | Self::GitTree | Self::GitBlob | Self::GitTag)
    }

    /// Returns how many hexadecimal digits a value has, unless the algorithm is unknown.
    pub fn hex_length(&self) -> Option<usize> {
        KNOWN.iter().find(|(known, ..)| known == self).map(|(.., length)| *length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_there_and_back() {
        for (algorithm, name, _) in KNOWN {
            assert_eq!(DigestAlgorithm::from_name(name), *algorithm);
            assert_eq!(algorithm.name(), *name);
        }
        assert_eq!(DigestAlgorithm::from_name("rot13").name(), "rot13");
    }

    #[test]
    fn broken_and_unknown_algorithms_are_not_strong() {
        for name in ["md5", "sha1", "rot13", "SHA256", "gitCommit", "ripemd160"] {
            assert!(!DigestAlgorithm::from_name(name).is_strong(), "{name}");
        }
        assert!(DigestAlgorithm::Sha512.is_strong());
    }
}
