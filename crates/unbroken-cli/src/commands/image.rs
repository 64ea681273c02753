//! `unbroken image`: images, and the evidence that lies beside them.

mod attach;
mod copy;
mod digest;
mod list;
mod pull;

use clap::{Args, Subcommand};
use unbroken_oci::evidence::{Found, Scope};
use unbroken_oci::image::{Platform, ResolvedImage};
use unbroken_oci::location::Location;
use unbroken_oci::manifest::Fetched;
use unbroken_oci::registry::Client;
use unbroken_oci::store::open_store;
use unbroken_oci::{Identified, look_up};

use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::output::Output;
use crate::registries::{RegistryOptions, oci_error};

/// Images, and the evidence that lies beside them
#[derive(Debug, Subcommand)]
pub(crate) enum Image {
    Digest(digest::ImageDigest),
    Attach(attach::Attach),
    List(list::List),
    Pull(pull::Pull),
    Copy(copy::Copy),
}

impl Image {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        match self {
            Self::Digest(digest) => digest.run(output),
            Self::Attach(attach) => attach.run(output),
            Self::List(list) => list.run(output),
            Self::Pull(pull) => pull.run(output),
            Self::Copy(copy) => copy.run(output),
        }
    }
}

/// Which image a command is about, and how its registry is spoken to.
#[derive(Args, Debug)]
struct Asked {
    /// The image: its name, or a place as `image digest` lists them
    image: Location,
    /// Of an index, the image of this platform: os/architecture[/variant]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    #[command(flatten)]
    registries: RegistryOptions,
}

impl Asked {
    fn find(&self) -> Result<(Client, FoundImage)> {
        let client = self.registries.client()?;
        let image = find_image(&self.image, &client, self.platform.as_ref())?;
        Ok((client, image))
    }
}

/// Where to look for what lies beside an image.
#[derive(Args, Debug)]
struct Beside {
    #[command(flatten)]
    asked: Asked,
    /// Look there too: a repository, oci:FOLDER or folder:FOLDER; may be repeated
    #[arg(long, value_name = "STORE")]
    evidence: Vec<Location>,
}

impl Beside {
    fn gather(&self) -> Result<(FoundImage, Found)> {
        let (client, image) = self.asked.find()?;
        let found = gather(&image, &self.asked.image, &self.evidence, &client, Scope::All)?;
        Ok((image, found))
    }
}

/// An image that was looked up, once.
pub(crate) struct FoundImage {
    /// Its repository, or its place.
    pub(crate) name: String,
    /// The digests that it goes by.
    pub(crate) identified: Identified,
    /// The manifest that it is called by: of a platform's image, or what the name led to.
    pub(crate) fetched: Fetched,
    /// The index that the name led to, where a platform's image was chosen from one.
    pub(crate) index: Option<Fetched>,
}

/// Looks up an image of a place that gives out its manifest.
pub(crate) fn find_image(
    image: &Location,
    client: &Client,
    platform: Option<&Platform>,
) -> Result<FoundImage> {
    let (identified, found) =
        look_up(image, client, platform).map_err(|error| oci_error(&error))?;
    let (fetched, index) = match found {
        ResolvedImage { image: Some(image), index } => (image, index),
        ResolvedImage { image: None, index: Some(index) } => (index, None),
        ResolvedImage { image: None, index: None } => {
            return Err(CliError::undecided(format!("{image} leads to no manifest")));
        }
    };
    let name = identified.name.as_ref().map_or_else(|| image.to_string(), ToString::to_string);
    Ok(FoundImage { name, identified, fetched, index })
}

/// Gathers what lies beside an image, in its own place and in other stores.
pub(crate) fn gather(
    image: &FoundImage,
    place: &Location,
    stores: &[Location],
    client: &Client,
    scope: Scope,
) -> Result<Found> {
    let mut all = Found::default();
    for place in std::iter::once(place).chain(stores) {
        let store = open_store(place, client).map_err(|error| oci_error(&error))?;
        for manifest in std::iter::once(&image.fetched).chain(&image.index) {
            let found = store.find(manifest, scope).map_err(|error| oci_error(&error))?;
            all.evidence.extend(found.evidence);
            all.skipped.extend(found.skipped);
        }
    }
    Ok(all)
}
