//! Image layouts: folders of blobs with an index, which hold images and the evidence beside them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use unbroken_model::digest::Digest;

use crate::content::{Content, Pushed};
use crate::descriptor::Descriptor;
use crate::digest::{CheckedReader, of_stream};
use crate::error::{OciError, Result};
use crate::limits::Limits;
use crate::manifest::{Due, Fetched, Index, Manifest};
use crate::media_type;
use crate::reference::Selector;

/// The file that makes a folder an image layout.
pub(crate) const MARKER: &str = "oci-layout";
pub(crate) const MARKER_CONTENT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
pub(crate) const INDEX_FILE: &str = "index.json";

/// A folder that is an image layout.
#[derive(Clone, Debug)]
pub struct ImageLayout {
    folder: PathBuf,
    limits: Limits,
}

impl ImageLayout {
    /// Opens a folder that is an image layout.
    ///
    /// # Errors
    /// [`OciError::NotFound`] when it is none.
    pub fn open(folder: &Path, limits: &Limits) -> Result<Self> {
        if !folder.join(INDEX_FILE).is_file() {
            return Err(OciError::NotFound {
                what: format!("the image layout {}", folder.display()),
            });
        }
        Ok(Self { folder: folder.to_owned(), limits: *limits })
    }

    /// Opens a folder that is an image layout, or makes it one.
    ///
    /// # Errors
    /// [`OciError::Io`] when the folder cannot be written.
    pub fn create(folder: &Path, limits: &Limits) -> Result<Self> {
        let layout = Self { folder: folder.to_owned(), limits: *limits };
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(OciError::io("make", &blobs))?;
        if !folder.join(INDEX_FILE).is_file() {
            write_whole(&folder.join(MARKER), MARKER_CONTENT)?;
            write_whole(&folder.join(INDEX_FILE), &Index::default().to_bytes())?;
        }
        Ok(layout)
    }

    /// Says which image is meant: the one that is named, or else the only one.
    ///
    /// # Errors
    /// [`OciError::NotFound`] when there is none, [`OciError::Unsupported`] when there are several.
    pub fn select(&self, selector: Option<&Selector>) -> Result<Selector> {
        selector
            .map_or_else(|| only_image(&self.index()?, &self.place()), |named| Ok(named.clone()))
    }

    /// Reads the index of the folder.
    ///
    /// # Errors
    /// [`OciError::Malformed`] when it is none, and those of reading.
    pub fn index(&self) -> Result<Index> {
        let path = self.folder.join(INDEX_FILE);
        let bytes = read_bounded(&path, self.limits.manifest_bytes)?;
        index_of(&path.display().to_string(), &bytes, &self.limits)
    }

    /// Changes the index, one writer at a time.
    fn update(&self, change: impl FnOnce(&mut Index)) -> Result<()> {
        // Writers of one folder wait for each other: a lost entry is lost evidence.
        let lock_path = self.folder.join(MARKER);
        let lock = File::open(&lock_path).map_err(OciError::io("open", &lock_path))?;
        lock.lock().map_err(OciError::io("lock", &lock_path))?;
        let mut index = self.index()?;
        change(&mut index);
        write_whole(&self.folder.join(INDEX_FILE), &index.to_bytes())
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        // A digest is parsed: its parts are plain words.
        self.folder.join("blobs").join(digest.algorithm().name()).join(digest.hex())
    }

    fn open_blob(&self, digest: &Digest) -> Result<File> {
        let path = self.blob_path(digest);
        match File::open(&path) {
            Ok(file) => Ok(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(OciError::NotFound { what: format!("{digest} in {}", self.folder.display()) })
            }
            Err(source) => Err(OciError::Io { action: "open", path, source }),
        }
    }
}

impl Content for ImageLayout {
    fn place(&self) -> String {
        format!("oci:{}", self.folder.display())
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn manifest(&self, selector: &Selector) -> Result<Fetched> {
        let read = |digest: &Digest| {
            let file = self.open_blob(digest)?;
            read_stream(file, &self.blob_path(digest), self.limits.manifest_bytes)
        };
        match selector {
            Selector::Digest(digest) => {
                let what = digest.to_string();
                Fetched::check(&what, read(digest)?, None, &Due::Digest(digest), &self.limits)
            }
            Selector::Tag(tag) => {
                let index = self.index()?;
                let entry = tagged(&index, tag, &self.place())?;
                let (what, bytes) = (entry.digest.to_string(), read(&entry.digest)?);
                let told = Some(entry.media_type.as_str());
                Fetched::check(&what, bytes, told, &Due::Descriptor(entry), &self.limits)
            }
        }
    }

    fn blob(&self, blob: &Descriptor) -> Result<Box<dyn Read + Send + '_>> {
        let file = self.open_blob(&blob.digest)?;
        let what = blob.digest.to_string();
        Ok(Box::new(CheckedReader::new(file, what, blob.digest.clone(), blob.size)?))
    }

    fn referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>> {
        // Nothing but the manifests themselves says what refers to what.
        let mut found = Vec::new();
        for entry in self.index()?.manifests {
            if entry.digest == *subject || !media_type::MANIFESTS.contains(&&*entry.media_type) {
                continue;
            }
            let fetched = self.manifest_of(&entry)?;
            if fetched.manifest.subject().is_some_and(|due| due.digest == *subject) {
                found.push(entry);
            }
            if found.len() > self.limits.referrers {
                let limit = u64::try_from(self.limits.referrers).unwrap_or(u64::MAX);
                return Err(OciError::limit(self.place(), limit, "referrers"));
            }
        }
        Ok(Some(found))
    }

    fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        let path = self.blob_path(&blob.digest);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file() && metadata.len() == blob.size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(OciError::Io { action: "look at", path, source }),
        }
    }

    fn push_blob(&self, blob: &Descriptor, content: &mut (dyn Read + Send)) -> Result<()> {
        let path = self.blob_path(&blob.digest);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(OciError::io("make", folder))?;
        let mut file = temporary(folder).map_err(OciError::io("write into", folder))?;
        let what = blob.digest.to_string();
        let mut checked =
            CheckedReader::new(content, what.clone(), blob.digest.clone(), blob.size)?;
        copy(&mut checked, &mut file, &path).map_err(|error| of_stream(&what, error))?;
        // The index that will name it is on the disk no sooner than the blob.
        file.as_file().sync_all().map_err(OciError::io("write", &path))?;
        file.persist(&path).map_err(|error| error.error).map_err(OciError::io("write", &path))?;
        Ok(())
    }

    fn push_part(&self, manifest: &Fetched) -> Result<()> {
        // The index of a layout lists what is asked for by name, not what that is made of.
        self.push_blob(&manifest.descriptor, &mut manifest.bytes.as_slice())
    }

    fn push_manifest(&self, manifest: &Fetched, selector: &Selector) -> Result<Pushed> {
        self.push_blob(&manifest.descriptor, &mut manifest.bytes.as_slice())?;
        let entry = match (&manifest.manifest, selector) {
            (Manifest::Image(image), _) if image.subject.is_some() => {
                image.listed(&manifest.descriptor)
            }
            _ => manifest.descriptor.bare(),
        };
        match selector {
            Selector::Tag(tag) => self.update(|index| {
                let entry = entry.with_annotation(media_type::REF_NAME, tag);
                index.manifests.retain(|other| name_of(other) != Some(tag));
                index
                    .manifests
                    .retain(|other| other.digest != entry.digest || name_of(other).is_some());
                index.manifests.push(entry);
            })?,
            Selector::Digest(digest) => self.update(|index| {
                if index.manifests.iter().all(|other| other.digest != *digest) {
                    index.manifests.push(entry);
                }
            })?,
        }
        Ok(Pushed::Listed)
    }
}

/// Parses the index of an image layout.
pub(crate) fn index_of(what: &str, bytes: &[u8], limits: &Limits) -> Result<Index> {
    match Manifest::parse(what, bytes, None, limits)?.0 {
        Manifest::Index(index) => Ok(index),
        Manifest::Image(_) => Err(OciError::malformed(what, "it is an image, not an index")),
    }
}

/// Finds the entry of a tag; an empty tag stands for the only image.
pub(crate) fn tagged<'i>(index: &'i Index, tag: &str, place: &str) -> Result<&'i Descriptor> {
    // Of two entries with one name, readers would take one each.
    let named: BTreeMap<String, &Descriptor> = index
        .manifests
        .iter()
        .filter(|entry| name_of(entry).is_some_and(|name| names(name, tag)))
        .map(|entry| (entry.digest.to_string(), entry))
        .collect();
    let mut entries = named.into_values();
    match (entries.next(), entries.next()) {
        (Some(entry), None) => Ok(entry),
        (Some(_), Some(_)) => {
            Err(OciError::malformed(place, format!("two of its images are named {tag:?}")))
        }
        (None, _) => Err(OciError::NotFound { what: format!("an image named {tag:?} in {place}") }),
    }
}

/// Returns the one image of an index whose entries need no name.
pub(crate) fn only_image(index: &Index, place: &str) -> Result<Selector> {
    let images: BTreeMap<String, &Descriptor> = index
        .manifests
        .iter()
        .filter(|entry| entry.artifact_type.is_none() && !is_of_cosign(entry))
        .map(|entry| (entry.digest.to_string(), entry))
        .collect();
    let mut images = images.into_values();
    match (images.next(), images.next()) {
        (Some(image), None) => Ok(Selector::Digest(image.digest.clone())),
        (None, _) => Err(OciError::NotFound { what: format!("an image in {place}") }),
        (Some(_), Some(_)) => {
            let fault = "holds several images: name one by its tag or digest";
            Err(OciError::Unsupported { place: place.to_owned(), fault })
        }
    }
}

/// Tells a manifest under a tag of cosign, which is beside an image and none itself.
fn is_of_cosign(entry: &Descriptor) -> bool {
    let suffixes = [".att", ".sig", ".sbom"];
    name_of(entry).is_some_and(|name| suffixes.iter().any(|suffix| name.ends_with(suffix)))
}

fn name_of(entry: &Descriptor) -> Option<&str> {
    entry.annotations.get(media_type::REF_NAME).map(String::as_str)
}

/// Tools write the tag alone, or the whole name.
fn names(name: &str, tag: &str) -> bool {
    name == tag || name.rsplit_once(':').is_some_and(|(_, last)| last == tag && !last.contains('/'))
}

/// Copies a stream through a buffer of its own size class, into the file that is to be `path`.
///
/// A disk that is full is told from a stream that broke off: the one is no failure of the moment, and attaching
/// passes over the other.
fn copy(from: &mut dyn Read, to: &mut dyn Write, path: &Path) -> io::Result<u64> {
    let failed = |error| io::Error::other(OciError::io("write", path)(error));
    let mut buffer = vec![0; 256 << 10];
    let mut total = 0_u64;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(buffer.get(..count).unwrap_or_default()).map_err(failed)?;
        total = total.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
    to.flush().map_err(failed)?;
    Ok(total)
}

pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(OciError::io("open", path))?;
    read_stream(file, path, limit)
}

fn read_stream(file: File, path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(OciError::io("read", path))?;
    if u64::try_from(bytes.len()).is_ok_and(|size| size > limit) {
        return Err(OciError::limit(path.display().to_string(), limit, "bytes"));
    }
    Ok(bytes)
}

fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::Permissions::from_mode(0o644);
    tempfile::Builder::new().prefix(".unbroken-").suffix("~").permissions(mode).tempfile_in(folder)
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = temporary(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).map_err(OciError::io("write", path))
}
