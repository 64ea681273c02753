//! Stores of evidence: what keeps it beside images, whatever it is made of.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::attach::{Attached, Piece, attach};
use crate::classify::recognise;
use crate::content::Content;
use crate::descriptor::Descriptor;
use crate::digest;
use crate::error::{OciError, Result};
use crate::evidence::{Evidence, Found, Scope, Skipped, Way, find, plain_title};
use crate::image_layout::{ImageLayout, write_whole};
use crate::limits::Limits;
use crate::location::Location;
use crate::manifest::Fetched;
use crate::media_type;
use crate::open::open;
use crate::referrers::fallback_tag;
use crate::registry::Client;

/// Keeps evidence beside images.
///
/// All calls block, and a store may be used by several threads at once. Bound the time of a store
/// in a registry by making it of [`crate::registry::RegistryRepository::until`].
pub trait EvidenceStore: Send + Sync {
    /// Names the store for people.
    fn place(&self) -> String;

    /// Finds the evidence beside an image.
    ///
    /// # Errors
    /// Any error means that it is not known what there is. It is no reason to go on without.
    fn find(&self, image: &Fetched, scope: Scope) -> Result<Found>;

    /// Puts evidence beside an image. Doing it again changes nothing.
    ///
    /// # Errors
    /// What was stored before the error stays.
    fn attach(&self, image: &Descriptor, pieces: &[Piece]) -> Result<Vec<Attached>>;
}

/// A repository, an image layout or an archive as a store: evidence as referrers.
pub struct ContentStore {
    content: Box<dyn Content>,
}

/// A plain folder as a store: a folder for each image, with a file for each piece.
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    limits: Limits,
}

/// Makes the store at a place if it is a folder that is not there, and opens it.
///
/// # Errors
/// Those of [`open_store`].
pub fn create_store(location: &Location, client: &Client) -> Result<Box<dyn EvidenceStore>> {
    match location {
        Location::Folder(folder) => {
            fs::create_dir_all(folder).map_err(OciError::io("make", folder))?;
        }
        Location::Layout(folder, _) => drop(ImageLayout::create(folder, client.limits())?),
        _ => {}
    }
    open_store(location, client)
}

/// Opens the store at a place.
///
/// # Errors
/// [`OciError::Unsupported`] for a place that keeps no evidence, [`OciError::NotFound`] for a folder
/// that is not there: a slip of the pen is not a store without evidence.
pub fn open_store(location: &Location, client: &Client) -> Result<Box<dyn EvidenceStore>> {
    let limits = client.limits();
    Ok(match location {
        Location::Folder(folder) if !folder.is_dir() => {
            return Err(OciError::NotFound { what: format!("the folder {}", folder.display()) });
        }
        Location::Folder(folder) => {
            Box::new(FolderStore { folder: folder.clone(), limits: *limits })
        }
        // A store need not hold any image.
        Location::Layout(folder, _) => {
            Box::new(ContentStore::new(Box::new(ImageLayout::open(folder, limits)?)))
        }
        other => Box::new(ContentStore::new(open(other, client)?.0)),
    })
}

impl ContentStore {
    /// Makes a store of a place of content.
    pub fn new(content: Box<dyn Content>) -> Self {
        Self { content }
    }
}

impl EvidenceStore for ContentStore {
    fn place(&self) -> String {
        self.content.place()
    }

    fn find(&self, image: &Fetched, scope: Scope) -> Result<Found> {
        find(self.content.as_ref(), image, scope)
    }

    fn attach(&self, image: &Descriptor, pieces: &[Piece]) -> Result<Vec<Attached>> {
        attach(self.content.as_ref(), image, pieces)
    }
}

/// How deep the folders of sublayouts lie in each other.
const DEEPEST: usize = 8;

impl FolderStore {
    fn of_image(&self, image: &Descriptor) -> PathBuf {
        self.folder.join(fallback_tag(&image.digest))
    }

    /// Lists the files below a folder by their titles.
    fn titles(
        &self,
        folder: &Path,
        below: &str,
        depth: usize,
        titles: &mut Vec<String>,
    ) -> Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(OciError::io("list", folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(OciError::io("list", folder))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let title = format!("{below}{name}");
            if plain_title(&title).is_none() {
                continue;
            }
            // A link is neither: it could lead anywhere.
            let kind = entry.file_type().map_err(OciError::io("look at", entry.path()))?;
            if kind.is_dir() && depth < DEEPEST {
                self.titles(&entry.path(), &format!("{title}/"), depth + 1, titles)?;
            } else if kind.is_file() {
                titles.push(title);
            }
            if titles.len() > self.limits.referrers {
                let limit = u64::try_from(self.limits.referrers).unwrap_or(u64::MAX);
                return Err(OciError::limit(self.place(), limit, "files"));
            }
        }
        Ok(())
    }
}

impl EvidenceStore for FolderStore {
    fn place(&self) -> String {
        format!("folder:{}", self.folder.display())
    }

    fn find(&self, image: &Fetched, _: Scope) -> Result<Found> {
        let folder = self.of_image(&image.descriptor);
        let mut titles = Vec::new();
        self.titles(&folder, "", 0, &mut titles)?;
        titles.sort();
        let (mut found, mut left) = (Found::default(), self.limits.evidence_total);
        for title in titles {
            let path = folder.join(&title);
            let limit = self.limits.evidence_bytes.min(left);
            let mut bytes = Vec::new();
            let file = fs::File::open(&path).map_err(OciError::io("open", &path))?;
            let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
            read.map_err(OciError::io("read", &path))?;
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if size > limit {
                let what = path.display().to_string();
                let reason = OciError::limit(what.clone(), limit, "bytes");
                found.skipped.push(Skipped { what, reason });
                continue;
            }
            left = left.saturating_sub(size);
            found.evidence.push(Evidence {
                way: Way::File,
                manifest: digest::sha256(&bytes),
                blob: Descriptor::of(media_type::OCTETS, &bytes),
                title: Some(title),
                recognised: recognise(media_type::OCTETS, &bytes),
                bytes,
            });
        }
        Ok(found)
    }

    fn attach(&self, image: &Descriptor, pieces: &[Piece]) -> Result<Vec<Attached>> {
        let folder = self.of_image(image);
        let store = |piece: &Piece| {
            let title = plain_title(&piece.title).ok_or_else(|| {
                OciError::malformed(format!("the title {:?}", piece.title), "it is no plain name")
            })?;
            let path = folder.join(title);
            let below = path.parent().unwrap_or(&folder);
            fs::create_dir_all(below).map_err(OciError::io("make", below))?;
            write_whole(&path, &piece.bytes)?;
            let kind =
                recognise(piece.media_type.as_deref().unwrap_or_default(), &piece.bytes).kind;
            Ok(Attached { kind, manifest: Descriptor::of(kind.media_type(), &piece.bytes) })
        };
        pieces.iter().map(store).collect()
    }
}
