//! Digests of content, and the reader that holds a stream to one while it flows.

use std::io::{self, Read};

use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA512};
use unbroken_model::digest::{Digest, DigestAlgorithm};

use crate::error::{OciError, Result, short};

/// Parses `sha256:` or `sha512:` and lower-case hexadecimal digits: the one way to write a digest.
///
/// # Errors
/// [`OciError::Digest`] for other algorithms, which prove nothing, and for other ways to write it.
pub fn parse(text: &str) -> Result<Digest> {
    let fault = |fault| OciError::Digest { text: short(text), fault };
    let (name, hex) =
        text.split_once(':').ok_or_else(|| fault("it has not the form sha256:..."))?;
    let algorithm = DigestAlgorithm::from_name(name);
    if context(&algorithm).is_none() {
        return Err(fault("its algorithm is neither sha256 nor sha512"));
    }
    if hex.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(fault("its digits are not in lower case"));
    }
    Digest::from_hex(algorithm, hex)
        .map_err(|_| fault("it has not as many hexadecimal digits as its algorithm gives"))
}

/// Hashes bytes with SHA-256, which names all content that this room makes.
pub fn sha256(bytes: &[u8]) -> Digest {
    let digest = aws_lc_rs::digest::digest(&SHA256, bytes);
    Digest::new(DigestAlgorithm::Sha256, digest.as_ref())
}

/// Hashes what flows by.
pub(crate) struct Hasher {
    algorithm: DigestAlgorithm,
    context: Context,
}

impl Hasher {
    /// Begins a digest of an algorithm that [`parse`] takes.
    pub(crate) fn new(algorithm: &DigestAlgorithm) -> Result<Self> {
        let context = context(algorithm).ok_or_else(|| OciError::Digest {
            text: algorithm.name().to_owned(),
            fault: "its algorithm is neither sha256 nor sha512",
        })?;
        Ok(Self { algorithm: algorithm.clone(), context: Context::new(context) })
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest::new(self.algorithm, self.context.finish().as_ref())
    }
}

fn context(algorithm: &DigestAlgorithm) -> Option<&'static Algorithm> {
    match algorithm {
        DigestAlgorithm::Sha256 => Some(&SHA256),
        DigestAlgorithm::Sha512 => Some(&SHA512),
        _ => None,
    }
}

/// Checks whole bytes against a digest.
pub(crate) fn check(what: &str, bytes: &[u8], due: &Digest) -> Result<()> {
    let mut hasher = Hasher::new(due.algorithm())?;
    hasher.update(bytes);
    let found = hasher.finish();
    if found == *due {
        return Ok(());
    }
    Err(mismatch(what, "digest", due, &found))
}

pub(crate) fn mismatch(
    what: &str,
    property: &'static str,
    due: &impl ToString,
    found: &impl ToString,
) -> OciError {
    let (due, found) = (short(&due.to_string()), short(&found.to_string()));
    OciError::Mismatch { what: what.to_owned(), property, due, found }
}

/// A stream that ends well only if it has the size and the digest that it should have.
///
/// It gives an error in place of its end, and stops at the first byte too many: whoever reads to
/// the end has read what was asked for.
pub(crate) struct CheckedReader<R> {
    inner: R,
    what: String,
    due: Digest,
    size: u64,
    read: u64,
    hasher: Option<Hasher>,
}

impl<R: Read> CheckedReader<R> {
    pub(crate) fn new(inner: R, what: String, due: Digest, size: u64) -> Result<Self> {
        let hasher = Some(Hasher::new(due.algorithm())?);
        Ok(Self { inner, what, due, size, read: 0, hasher })
    }

    fn end(&mut self) -> io::Result<usize> {
        if self.read < self.size {
            return Err(io::Error::other(mismatch(&self.what, "size", &self.size, &self.read)));
        }
        match self.hasher.take().map(Hasher::finish) {
            Some(found) if found != self.due => {
                Err(io::Error::other(mismatch(&self.what, "digest", &self.due, &found)))
            }
            _ => Ok(0),
        }
    }
}

impl<R: Read> Read for CheckedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.hasher.is_none() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        if count == 0 {
            return self.end();
        }
        self.read = self.read.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.read > self.size {
            let due = format!("{} bytes", self.size);
            return Err(io::Error::other(mismatch(&self.what, "size", &due, &"larger")));
        }
        if let (Some(hasher), Some(bytes)) = (self.hasher.as_mut(), buffer.get(..count)) {
            hasher.update(bytes);
        }
        Ok(count)
    }
}

/// Takes the error of this room out of that of a stream, where there is one.
pub(crate) fn of_stream(action: &str, error: io::Error) -> OciError {
    match error.downcast::<OciError>() {
        Ok(error) => error,
        Err(error) => OciError::Transport { action: action.to_owned(), source: error.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o17_digests_have_one_form_and_a_strong_algorithm() {
        let hex = "ab".repeat(32);
        assert_eq!(parse(&format!("sha256:{hex}")).unwrap().hex(), hex);
        assert!(parse(&format!("sha512:{hex}{hex}")).is_ok());
        for text in [
            &format!("SHA256:{hex}"),
            &format!("sha256:{}", hex.to_uppercase()),
            &format!("sha256:{hex}a"),
            &format!("sha256:{}", "a".repeat(63)),
            &format!("md5:{}", "ab".repeat(16)),
            &format!("sha1:{}", "ab".repeat(20)),
            &format!("blake3:{hex}"),
            &format!("sha512:{hex}"),
            &format!("sha256 {hex}"),
            "sha256:",
            "",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_stream_is_held_to_size_and_digest() {
        let read = |bytes: &'static [u8], due: &[u8], size: u64| {
            let mut out = Vec::new();
            let mut reader = CheckedReader::new(bytes, "x".into(), sha256(due), size).unwrap();
            reader.read_to_end(&mut out).map(|_| out)
        };
        assert_eq!(read(b"abc", b"abc", 3).unwrap(), b"abc");
        assert_eq!(read(b"", b"", 0).unwrap(), b"");
        for (bytes, due, size) in [
            (&b"abd"[..], &b"abc"[..], 3),
            (b"ab", b"ab", 3),
            (b"abcd", b"abc", 3),
            (b"abc", b"abc", 2),
        ] {
            assert!(read(bytes, due, size).is_err());
        }
    }
}
