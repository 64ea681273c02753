//! Where the layouts and the keys of policies lie.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use unbroken_oci::reference::Reference;

use super::PolicyFault;

/// The largest text that a policy names. A layout may have 16 MiB.
const LARGEST: u64 = 16 << 20;

/// A place of a layout or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The policy itself.
    Inline(String),
    /// A file beside the file of the policy.
    File(PathBuf),
    /// A config map of the cluster.
    ConfigMap {
        /// Its namespace, where the policy may say so.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// The member of its data.
        key: String,
    },
    /// An artifact of a registry whose one layer is the text.
    Image(Reference),
}

/// Reads what policies name.
pub trait Sources {
    /// Returns the text that lies there.
    ///
    /// # Errors
    /// [`PolicyFault`] for what is not there, cannot be read, or is no place for a policy to name.
    fn read(&self, source: &Source) -> Result<Vec<u8>, PolicyFault>;
}

/// A policy's own text, and files beside the file that it stands in.
pub(super) struct Files<'a> {
    pub(super) folder: &'a Path,
}

/// One place, in one of the ways to name it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SourceWire {
    /// The text itself.
    #[serde(default)]
    inline: Option<String>,
    /// A file beside the file of policies.
    #[serde(default)]
    #[schemars(skip)]
    file: Option<PathBuf>,
    /// A member of a config map, followed as it changes.
    #[serde(default)]
    config_map: Option<ConfigMapWire>,
    /// An artifact of a registry whose one layer is the text: by digest, or, for a layout, followed by its tag.
    #[serde(default)]
    image: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigMapWire {
    /// The namespace, for policies of the cluster; a policy of a namespace reads its own alone.
    #[serde(default)]
    namespace: Option<String>,
    /// The name of the config map.
    name: String,
    /// The member of its data.
    key: String,
}

impl SourceWire {
    pub(super) fn source(&self) -> Result<Source, PolicyFault> {
        match (&self.inline, &self.file, &self.config_map, &self.image) {
            (Some(text), None, None, None) => Ok(Source::Inline(text.clone())),
            (None, Some(file), None, None) => Ok(Source::File(file.clone())),
            (None, None, Some(ConfigMapWire { namespace, name, key }), None) => {
                let (namespace, name, key) = (namespace.clone(), name.clone(), key.clone());
                Ok(Source::ConfigMap { namespace, name, key })
            }
            (None, None, None, Some(image)) => {
                let image = image.parse();
                let unusable = |error| PolicyFault::new(format!("image: {error}"));
                Ok(Source::Image(image.map_err(unusable)?))
            }
            _ => Err(PolicyFault::new("give one of inline, file, configMap and image")),
        }
    }
}

impl Sources for Files<'_> {
    fn read(&self, source: &Source) -> Result<Vec<u8>, PolicyFault> {
        match source {
            Source::Inline(text) => Ok(text.as_bytes().to_vec()),
            Source::File(file) => read_file(&self.folder.join(file)),
            Source::ConfigMap { .. } | Source::Image(_) => Err(PolicyFault::undecided(
                "config maps and artifacts are read by the webhook in the cluster alone: name a file",
            )),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, PolicyFault> {
    let cannot = |error: std::io::Error| {
        PolicyFault::new(format!("cannot read {}: {error}", path.display()))
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(cannot)?;
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(read).is_ok_and(|read| read <= LARGEST) {
        return Ok(bytes);
    }
    Err(PolicyFault::new(format!("{} has more than {LARGEST} bytes", path.display())))
}
