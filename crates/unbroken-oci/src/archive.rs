//! Images in tar files, read in place: nothing is unpacked, and no name in an archive becomes a path.

mod docker;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use unbroken_model::digest::Digest;

pub use self::docker::{DockerImage, docker_images};
use crate::content::{Content, Pushed};
use crate::descriptor::Descriptor;
use crate::digest::CheckedReader;
use crate::error::{OciError, Result};
use crate::image_layout::{INDEX_FILE, index_of, only_image, tagged};
use crate::limits::Limits;
use crate::manifest::{Due, Fetched, Index};
use crate::reference::Selector;

/// A tar file whose members are known by name, place and size.
#[derive(Debug)]
struct TarFile {
    path: PathBuf,
    members: BTreeMap<String, (u64, u64)>,
    limits: Limits,
}

/// An image layout in a tar file.
#[derive(Debug)]
pub struct OciArchive {
    tar: TarFile,
}

impl TarFile {
    fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let file = File::open(path).map_err(OciError::io("open", path))?;
        let what = path.display().to_string();
        let not_tar = |error: std::io::Error| OciError::malformed(&what, error.to_string());
        let mut members = BTreeMap::new();
        let mut archive = tar::Archive::new(&file);
        for (count, entry) in archive.entries_with_seek().map_err(not_tar)?.enumerate() {
            if count >= limits.archive_members {
                let limit = u64::try_from(limits.archive_members).unwrap_or(u64::MAX);
                return Err(OciError::limit(what, limit, "members"));
            }
            let entry = entry.map_err(not_tar)?;
            // Links, devices and folders hold no content; a link could only lead elsewhere.
            if entry.header().entry_type() != tar::EntryType::Regular {
                continue;
            }
            let name = entry.path_bytes();
            let Ok(name) = std::str::from_utf8(&name) else { continue };
            let name = name.strip_prefix("./").unwrap_or(name).to_owned();
            let place = (entry.raw_file_position(), entry.size());
            // Of two members with one name, one reader takes the first, another the last.
            if members.insert(name.clone(), place).is_some() {
                return Err(OciError::malformed(what, format!("two members are named {name:?}")));
            }
        }
        if members.is_empty() {
            return Err(OciError::malformed(what, "it is no tar file with files in it"));
        }
        Ok(Self { path: path.to_owned(), members, limits: *limits })
    }

    fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    fn member(&self, name: &str) -> Result<Section> {
        let (start, size) = *self.members.get(name).ok_or_else(|| OciError::NotFound {
            what: format!("{name} in {}", self.path.display()),
        })?;
        // A handle of its own: several threads read, each at its place.
        let mut file = File::open(&self.path).map_err(OciError::io("open", &self.path))?;
        file.seek(SeekFrom::Start(start)).map_err(OciError::io("read", &self.path))?;
        Ok(Section { inner: file.take(size), size })
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let mut section = self.member(name)?;
        if section.size > limit {
            return Err(OciError::limit(
                format!("{name} in {}", self.path.display()),
                limit,
                "bytes",
            ));
        }
        let mut bytes = Vec::new();
        section.inner.read_to_end(&mut bytes).map_err(OciError::io("read", &self.path))?;
        Ok(bytes)
    }
}

struct Section {
    inner: std::io::Take<File>,
    size: u64,
}

impl OciArchive {
    /// Opens a tar file that holds an image layout.
    ///
    /// # Errors
    /// [`OciError::NotFound`] when it holds none.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let tar = TarFile::open(path, limits)?;
        if !tar.has(INDEX_FILE) {
            let what = format!("an image layout in {}", path.display());
            return Err(OciError::NotFound { what });
        }
        Ok(Self { tar })
    }

    /// Says which image is meant: the one that is named, or else the only one.
    ///
    /// # Errors
    /// [`OciError::NotFound`] when there is none, [`OciError::Unsupported`] when there are several.
    pub fn select(&self, selector: Option<&Selector>) -> Result<Selector> {
        selector
            .map_or_else(|| only_image(&self.index()?, &self.place()), |named| Ok(named.clone()))
    }

    /// Reads the index.
    ///
    /// # Errors
    /// [`OciError::Malformed`] when it is none.
    pub fn index(&self) -> Result<Index> {
        let bytes = self.tar.read(INDEX_FILE, self.tar.limits.manifest_bytes)?;
        index_of(&self.place(), &bytes, &self.tar.limits)
    }

    fn read_only<T>(&self) -> Result<T> {
        Err(OciError::Unsupported {
            place: self.place(),
            fault: "is an archive, which is only read",
        })
    }
}

fn member_of(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

impl Content for OciArchive {
    fn place(&self) -> String {
        format!("oci-archive:{}", self.tar.path.display())
    }

    fn limits(&self) -> &Limits {
        &self.tar.limits
    }

    fn manifest(&self, selector: &Selector) -> Result<Fetched> {
        let limits = &self.tar.limits;
        let read = |digest: &Digest| self.tar.read(&member_of(digest), limits.manifest_bytes);
        match selector {
            Selector::Digest(digest) => {
                let due = Due::Digest(digest);
                Fetched::check(&digest.to_string(), read(digest)?, None, &due, limits)
            }
            Selector::Tag(tag) => {
                let index = self.index()?;
                let entry = tagged(&index, tag, &self.place())?;
                let (bytes, due) = (read(&entry.digest)?, Due::Descriptor(entry));
                Fetched::check(&entry.digest.to_string(), bytes, None, &due, limits)
            }
        }
    }

    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>> {
        let section = self.tar.member(&member_of(&blob.digest))?.inner;
        let what = blob.digest.to_string();
        Ok(Box::new(CheckedReader::new(section, what, blob.digest.clone(), blob.size)?))
    }

    fn referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>> {
        let mut found = Vec::new();
        for entry in self.index()?.manifests {
            if entry.digest == *subject
                || !crate::media_type::MANIFESTS.contains(&entry.media_type.as_str())
            {
                continue;
            }
            let fetched = self.manifest_of(&entry)?;
            if fetched.manifest.subject().is_some_and(|due| due.digest == *subject) {
                found.push(entry);
            }
        }
        Ok(Some(found))
    }

    fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        Ok(self.tar.has(&member_of(&blob.digest)))
    }

    fn push_blob(&self, _: &Descriptor, _: &mut (dyn Read + Send)) -> Result<()> {
        self.read_only()
    }

    fn push_manifest(&self, _: &Fetched, _: &Selector) -> Result<Pushed> {
        self.read_only()
    }
}
