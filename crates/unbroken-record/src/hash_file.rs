//! The digests of one file: all algorithms in one reading, by a buffer that is used again.

use std::os::fd::OwnedFd;

use aws_lc_rs::digest as aws;
use rustix::fs::{FileType, SeekFrom, Stat, fstat, seek};
use rustix::io::{Errno, read, retry_on_intr};
use unbroken_model::digest::{Digest, DigestAlgorithm, DigestSet};

use crate::change_clock::Moment;
use crate::error::RecordError;
use crate::options::Progress;

/// The best of the sizes that were measured: it stays in the second cache of a core.
const BUFFER: usize = 64 * 1024;

/// Makes digests of bytes with one algorithm.
#[derive(Clone)]
enum Hasher {
    Aws(DigestAlgorithm, aws::Context),
    Blake3(Box<blake3::Hasher>),
}

/// The algorithms of a recording, ready for use.
#[derive(Clone)]
pub(crate) struct Hashers {
    fresh: Vec<Hasher>,
    /// The common case, made in one call without state.
    sha256_alone: bool,
}

impl Hashers {
    pub(crate) fn new(algorithms: &[DigestAlgorithm]) -> Result<Self, RecordError> {
        let mut distinct: Vec<&DigestAlgorithm> = algorithms.iter().collect();
        distinct.sort();
        distinct.dedup();
        let fresh: Vec<Hasher> =
            distinct.iter().map(|algorithm| Hasher::new(algorithm)).collect::<Result<_, _>>()?;
        if fresh.is_empty() {
            return Err(RecordError::Algorithm { name: String::new() });
        }
        Ok(Self { fresh, sha256_alone: matches!(*distinct, [DigestAlgorithm::Sha256]) })
    }

    /// Makes the digests of a whole text.
    pub(crate) fn digest(&self, bytes: &[u8]) -> DigestSet {
        if self.sha256_alone
            && let Ok(value) = aws::digest(&aws::SHA256, bytes).as_ref().try_into()
        {
            return DigestSet::sha256(value);
        }
        let mut running = self.fresh.clone();
        update_all(&mut running, bytes);
        running.into_iter().map(Hasher::finish).collect()
    }

    /// Makes one text per algorithm from digest sets and takes the digest of each: the digest of a
    /// folder.
    pub(crate) fn digest_of_lists(&self, lines: &[(&str, &DigestSet)]) -> DigestSet {
        let mut running = self.fresh.clone();
        for hasher in &mut running {
            let algorithm = hasher.algorithm();
            for (path, digests) in lines {
                let hex = digests.get(&algorithm);
                let hex = hex.as_ref().map_or("", Digest::hex);
                hasher.update(format!("{hex}  {path}\n").as_bytes());
            }
        }
        running.into_iter().map(Hasher::finish).collect()
    }
}

impl Hasher {
    fn new(algorithm: &DigestAlgorithm) -> Result<Self, RecordError> {
        let with = |aws| Ok(Self::Aws(algorithm.clone(), aws::Context::new(aws)));
        match algorithm {
            DigestAlgorithm::Sha224 => with(&aws::SHA224),
            DigestAlgorithm::Sha256 => with(&aws::SHA256),
            DigestAlgorithm::Sha384 => with(&aws::SHA384),
            DigestAlgorithm::Sha512 => with(&aws::SHA512),
            DigestAlgorithm::Sha512_256 => with(&aws::SHA512_256),
            DigestAlgorithm::Sha3_256 => with(&aws::SHA3_256),
            DigestAlgorithm::Sha3_384 => with(&aws::SHA3_384),
            DigestAlgorithm::Sha3_512 => with(&aws::SHA3_512),
            DigestAlgorithm::Blake3 => Ok(Self::Blake3(Box::default())),
            other => Err(RecordError::Algorithm { name: other.name().to_owned() }),
        }
    }

    fn algorithm(&self) -> DigestAlgorithm {
        match self {
            Self::Aws(algorithm, _) => algorithm.clone(),
            Self::Blake3(_) => DigestAlgorithm::Blake3,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Aws(_, context) => context.update(bytes),
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
        }
    }

    fn finish(self) -> Digest {
        match self {
            Self::Aws(algorithm, context) => Digest::new(algorithm, context.finish().as_ref()),
            Self::Blake3(hasher) => {
                Digest::new(DigestAlgorithm::Blake3, hasher.finalize().as_bytes())
            }
        }
    }
}

fn update_all(hashers: &mut [Hasher], bytes: &[u8]) {
    for hasher in hashers {
        hasher.update(bytes);
    }
}

/// Hashes files one after another.
pub(crate) struct FileHasher<'a> {
    hashers: &'a Hashers,
    normalize_line_endings: bool,
    progress: Option<&'a dyn Progress>,
    buffer: Vec<u8>,
    normal: Vec<u8>,
}

/// Why an open file has no digest.
#[derive(Debug)]
pub(crate) enum FileFault {
    /// It is no regular file.
    Special(FileType),
    /// It changed between the start and the end.
    Changed,
    /// It cannot be read.
    Read(Errno),
}

impl<'a> FileHasher<'a> {
    pub(crate) fn new(
        hashers: &'a Hashers,
        normalize_line_endings: bool,
        progress: Option<&'a dyn Progress>,
    ) -> Self {
        let buffer = vec![0; BUFFER];
        Self { hashers, normalize_line_endings, progress, buffer, normal: Vec::new() }
    }

    /// Makes the digests of a text that lies in no file.
    pub(crate) fn digest_of(&self, text: &[u8]) -> DigestSet {
        self.hashers.digest(text)
    }

    /// Hashes an open file from its start to its end.
    ///
    /// A file that changes meanwhile has no one content. When the file system stamps changes with
    /// our own clock, one look suffices: the last change lies before `since`, which was read before
    /// the file was opened. Everywhere else size, times and identity are compared before and after.
    pub(crate) fn hash(
        &mut self,
        file: &OwnedFd,
        since: Option<&Moment>,
    ) -> Result<DigestSet, FileFault> {
        let Some(since) = since else { return self.hash_watched(file) };
        let first = self.fill(file).map_err(FileFault::Read)?;
        let stat = stat_of_file(file)?;
        if !since.is_after(&stat) {
            seek(file, SeekFrom::Start(0)).map_err(FileFault::Read)?;
            return self.hash_watched(file);
        }
        self.finish(file, first, &stat)
    }

    fn hash_watched(&mut self, file: &OwnedFd) -> Result<DigestSet, FileFault> {
        let before = stat_of_file(file)?;
        let first = self.fill(file).map_err(FileFault::Read)?;
        let digests = self.finish(file, first, &before)?;
        unchanged(file, &before)?;
        Ok(digests)
    }

    /// Hashes a file whose first bytes are in the buffer, and which had the state `stat` until now.
    ///
    /// Growth would show in the state, so no further reading is needed to see the end. Small files
    /// are read and hashed in one go.
    fn finish(
        &mut self,
        file: &OwnedFd,
        first: usize,
        stat: &Stat,
    ) -> Result<DigestSet, FileFault> {
        let due = u64::try_from(stat.st_size).map_err(|_| FileFault::Changed)?;
        let mut length = wide(first);
        self.report(first);
        if length == due && !self.normalize_line_endings {
            return Ok(self.hashers.digest(self.buffer.get(..first).unwrap_or_default()));
        }
        let mut running = self.hashers.fresh.clone();
        let mut after_cr = false;
        let mut count = first;
        while count > 0 {
            let mut bytes = self.buffer.get(..count).unwrap_or_default();
            if self.normalize_line_endings {
                normalize(bytes, &mut after_cr, &mut self.normal);
                bytes = &self.normal;
            }
            update_all(&mut running, bytes);
            if length >= due {
                break;
            }
            count = self.fill(file).map_err(FileFault::Read)?;
            length = length.saturating_add(wide(count));
            self.report(count);
        }
        if length != due {
            return Err(FileFault::Changed);
        }
        unchanged(file, stat)?;
        Ok(running.into_iter().map(Hasher::finish).collect())
    }

    fn fill(&mut self, file: &OwnedFd) -> Result<usize, Errno> {
        retry_on_intr(|| read(file, self.buffer.as_mut_slice()))
    }

    fn report(&self, bytes: usize) {
        if let Some(progress) = self.progress {
            progress.hashed(0, wide(bytes));
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn stat_of_file(file: &OwnedFd) -> Result<Stat, FileFault> {
    let stat = fstat(file).map_err(FileFault::Read)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        kind => Err(FileFault::Special(kind)),
    }
}

fn unchanged(file: &OwnedFd, before: &Stat) -> Result<(), FileFault> {
    let after = fstat(file).map_err(FileFault::Read)?;
    if state(before) == state(&after) { Ok(()) } else { Err(FileFault::Changed) }
}

/// What shows that a file was written to, cut or replaced.
fn state(stat: &Stat) -> impl PartialEq + use<> {
    let times = (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
    (stat.st_dev, stat.st_ino, stat.st_size, times)
}

/// Writes `bytes` with CRLF and CR as LF; a CRLF may lie across two calls.
fn normalize(bytes: &[u8], after_cr: &mut bool, normal: &mut Vec<u8>) {
    normal.clear();
    for &byte in bytes {
        match byte {
            b'\r' => normal.push(b'\n'),
            b'\n' if *after_cr => {}
            _ => normal.push(byte),
        }
        *after_cr = byte == b'\r';
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &[u8]) -> OwnedFd {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file.reopen().unwrap().into()
    }

    fn digests(content: &[u8], algorithms: &[DigestAlgorithm], normalize: bool) -> DigestSet {
        let hashers = Hashers::new(algorithms).unwrap();
        FileHasher::new(&hashers, normalize, None).hash(&file(content), None).unwrap()
    }

    #[test]
    fn digests_are_those_of_the_coreutils() {
        let due = [
            ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            ("blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
        ];
        let algorithms = due.map(|(name, _)| DigestAlgorithm::from_name(name));
        let found = digests(b"abc", &algorithms, false);
        for (name, hex) in due {
            let digest = found.get(&DigestAlgorithm::from_name(name)).unwrap();
            assert_eq!(digest.hex(), hex, "{name}");
        }
    }

    #[test]
    fn every_length_around_the_buffer_is_read_whole() {
        for length in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 7] {
            let content = vec![b'x'; length];
            let due = Hashers::new(&[DigestAlgorithm::Sha256]).unwrap().digest(&content);
            assert_eq!(digests(&content, &[DigestAlgorithm::Sha256], false), due, "{length}");
        }
    }

    #[test]
    fn line_endings_become_lf_across_buffers() {
        let mut crlf = vec![b'x'; BUFFER - 1];
        crlf.extend_from_slice(b"\r\nb\rc\r\r\n\n");
        let mut lf = vec![b'x'; BUFFER - 1];
        lf.extend_from_slice(b"\nb\nc\n\n\n");
        let only = [DigestAlgorithm::Sha256];
        assert_eq!(digests(&crlf, &only, true), digests(&lf, &only, false));
        assert_ne!(digests(&crlf, &only, false), digests(&lf, &only, false));
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        for algorithms in [&[][..], &[DigestAlgorithm::GitCommit], &[DigestAlgorithm::Md5]] {
            assert!(Hashers::new(algorithms).is_err(), "{algorithms:?}");
        }
    }

    #[test]
    fn a_file_whose_size_lies_has_no_digest() {
        let file: OwnedFd = std::fs::File::open("/proc/self/status").unwrap().into();
        let hashers = Hashers::new(&[DigestAlgorithm::Sha256]).unwrap();
        let fault = FileHasher::new(&hashers, false, None).hash(&file, None).unwrap_err();
        assert!(matches!(fault, FileFault::Changed));
    }
}
