//! Digests, their algorithms, and the digest sets that links record per artifact.

mod algorithm;
mod set;

use std::fmt;

use thiserror::Error;

pub use self::algorithm::DigestAlgorithm;
pub use self::set::DigestSet;

/// One digest: an algorithm and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    /// Lower-case hexadecimal for known algorithms, the text as it came for unknown ones.
    value: Box<str>,
}

/// A value that its algorithm cannot have produced.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestError {
    /// The value has characters that are no hexadecimal digits.
    #[error("the {algorithm} digest {value:?} is not hexadecimal")]
    NotHex {
        /// The algorithm's name.
        algorithm: String,
        /// The value, shortened.
        value: String,
    },
    /// The value is shorter or longer than what the algorithm gives: a truncated digest would
    /// match too much.
    #[error("the {algorithm} digest has {found} hexadecimal digits, not {due}")]
    Length {
        /// The algorithm's name.
        algorithm: String,
        /// Digits found.
        found: usize,
        /// Digits due.
        due: usize,
    },
}

impl Digest {
    /// Makes a digest of raw bytes.
    pub fn new(algorithm: DigestAlgorithm, bytes: &[u8]) -> Self {
        Self { algorithm, value: data_encoding::HEXLOWER.encode(bytes).into() }
    }

    /// Makes a digest of hexadecimal text, in either case.
    ///
    /// # Errors
    /// [`DigestError`] when a known algorithm cannot have given `text`.
    pub fn from_hex(algorithm: DigestAlgorithm, text: &str) -> Result<Self, DigestError> {
        let Some(due) = algorithm.hex_length() else {
            return Ok(Self { algorithm, value: text.into() });
        };
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let value = text.chars().take(80).collect();
            return Err(DigestError::NotHex { algorithm: algorithm.name().to_owned(), value });
        }
        if text.len() != due {
            let algorithm = algorithm.name().to_owned();
            return Err(DigestError::Length { algorithm, found: text.len(), due });
        }
        Ok(Self { algorithm, value: text.to_ascii_lowercase().into() })
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> &DigestAlgorithm {
        &self.algorithm
    }

    /// Returns the value: lower-case hexadecimal for every known algorithm.
    pub fn hex(&self) -> &str {
        &self.value
    }

    /// Returns the first twelve characters of the value, for people.
    pub fn short(&self) -> &str {
        let end = self.value.char_indices().nth(12).map_or(self.value.len(), |(at, _)| at);
        self.value.get(..end).unwrap_or_default()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.algorithm.name(), self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_taken_in_either_case() {
        let upper = "AB".repeat(32);
        let digest = Digest::from_hex(DigestAlgorithm::Sha256, &upper).unwrap();
        assert_eq!(digest, Digest::new(DigestAlgorithm::Sha256, &[0xab; 32]));
        assert_eq!(digest.short(), "abababababab");
    }

    #[test]
    fn a_value_that_the_algorithm_cannot_give_is_refused() {
        for text in ["ab", "", &"a".repeat(65), &"g".repeat(64), &"é".repeat(32)] {
            assert!(Digest::from_hex(DigestAlgorithm::Sha256, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_digest_is_written_with_its_algorithm() {
        let digest = Digest::new(DigestAlgorithm::Sha1, &[0xab; 20]);
        assert_eq!(digest.to_string(), format!("sha1:{}", "ab".repeat(20)));
    }

    /// The value of an algorithm that is not known is any text.
    #[test]
    fn twelve_characters_are_shown_whatever_they_are() {
        let value = "\u{e9}".repeat(40);
        let digest = Digest::from_hex(DigestAlgorithm::from_name("other"), &value).unwrap();
        assert_eq!(digest.short(), "\u{e9}".repeat(12));
        let digest = Digest::from_hex(DigestAlgorithm::from_name("other"), "a").unwrap();
        assert_eq!(digest.short(), "a");
    }
}
