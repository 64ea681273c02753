//! What the policies of a cluster name: config maps that are followed, layouts in registries that are fetched.

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_oci::OciError;
use unbroken_oci::content::{Content, read_blob};
use unbroken_oci::reference::{Reference, Selector};
use unbroken_oci::registry::Client;
use unbroken_policy::source::{Source, Sources};
use unbroken_policy::{PolicyFault, Reach};

use super::api::Api;
use super::resource::{Name, Resource};
use super::watch::{Bell, Mirror, Watched};

/// Config maps that policies of the cluster name, each followed by a thread.
const OF_CLUSTER: usize = 256;
/// Config maps that the policies of all namespaces name.
const OF_NAMESPACES: usize = 512;
/// Config maps that the policies of one namespace name: it takes none of those of others.
const OF_NAMESPACE: usize = 16;
/// Artifacts that are fetched.
const IMAGES: usize = 256;
/// The largest layout.
const LARGEST: u64 = 16 << 20;
/// How often a tag is looked at again.
const FETCH_AGAIN: Duration = Duration::from_mins(1);
/// How soon what could not be fetched is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// All that policies name, by where it lies.
pub(super) struct Shelf {
    api: Api,
    registries: Client,
    own_namespace: String,
    bell: Bell,
    config_maps: Mutex<ConfigMaps>,
    images: Mutex<BTreeMap<String, Artifact>>,
}

/// Config maps that are followed.
#[derive(Default)]
struct ConfigMaps {
    followed: BTreeMap<ConfigMap, Mirror>,
    /// Those that nobody names any more, and whose threads have not ended: they count as long.
    leaving: Vec<(ConfigMap, Mirror)>,
}

/// A config map, and whether a policy of the cluster names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ConfigMap {
    of_cluster: bool,
    namespace: String,
    name: String,
}

/// An artifact of a registry as it was fetched last.
struct Artifact {
    reference: Reference,
    /// The text, or why there is none yet.
    text: Result<Vec<u8>, String>,
    /// When it is looked at again; never, if it is named by its digest and there.
    due: Option<Instant>,
}

/// What was read, and what it was.
pub(super) type Account = Vec<(Source, Result<Vec<u8>, PolicyFault>)>;

/// What one policy may read, with an account of what it read.
pub(super) struct Reader<'a> {
    shelf: &'a Shelf,
    reach: &'a Reach,
    /// What was read.
    pub(super) account: RefCell<Account>,
}

/// A config map, or an artifact, that something names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    ConfigMap(ConfigMap),
    Image(String),
}

impl Shelf {
    /// Makes a shelf; artifacts are fetched by a thread of its own.
    pub(super) fn new(
        api: Api,
        registries: Client,
        own_namespace: String,
        bell: Bell,
    ) -> io::Result<Arc<Self>> {
        let (config_maps, images) = (Mutex::default(), Mutex::default());
        let shelf = Arc::new(Self { api, registries, own_namespace, bell, config_maps, images });
        let of_thread = Arc::downgrade(&shelf);
        Builder::new().spawn(move || {
            while let Some(shelf) = of_thread.upgrade() {
                shelf.fetch_what_is_due();
                drop(shelf);
                std::thread::sleep(Duration::from_millis(500));
            }
        })?;
        Ok(shelf)
    }

    /// Lets a policy read.
    pub(super) fn reader<'a>(&'a self, reach: &'a Reach) -> Reader<'a> {
        Reader { shelf: self, reach, account: RefCell::default() }
    }

    /// Follows nothing any more but what these read.
    pub(super) fn keep_only<'a>(&self, read: impl Iterator<Item = (&'a Reach, &'a Source)>) {
        let places: BTreeSet<Place> =
            read.filter_map(|(reach, source)| self.place(reach, source).ok().flatten()).collect();
        let mut config_maps = lock(&self.config_maps);
        let ConfigMaps { followed, leaving } = &mut *config_maps;
        let is_kept = |map: &ConfigMap| places.contains(&Place::ConfigMap(map.clone()));
        for (map, mirror) in followed.extract_if(.., |map, _| !is_kept(map)) {
            mirror.end();
            leaving.push((map, mirror));
        }
        leaving.retain(|(_, mirror)| mirror.is_running());
        drop(config_maps);
        lock(&self.images).retain(|text, _| places.contains(&Place::Image(text.clone())));
    }

    /// Finds where a source lies, if not in the policy.
    fn place(&self, reach: &Reach, source: &Source) -> Result<Option<Place>, PolicyFault> {
        match (source, reach) {
            (Source::Inline(_), _) => Ok(None),
            (Source::File(_), _) => {
                Err(PolicyFault::new("a policy of the cluster has no files: use a config map"))
            }
            (Source::ConfigMap { namespace: Some(other), .. }, Reach::Namespace(own))
                if other != own =>
            {
                Err(PolicyFault::new(
                    "the policy of a namespace reads config maps of that one alone",
                ))
            }
            (Source::ConfigMap { name, .. }, Reach::Namespace(own)) => {
                let (namespace, name) = (own.clone(), name.clone());
                Ok(Some(Place::ConfigMap(ConfigMap { of_cluster: false, namespace, name })))
            }
            (Source::ConfigMap { namespace, name, .. }, Reach::Cluster) => {
                let namespace = namespace.as_ref().unwrap_or(&self.own_namespace).clone();
                let name = name.clone();
                Ok(Some(Place::ConfigMap(ConfigMap { of_cluster: true, namespace, name })))
            }
            (Source::Image(image), Reach::Cluster) => Ok(Some(Place::Image(image.to_string()))),
            // It would be fetched with the credentials of the webhook.
            (Source::Image(_), Reach::Namespace(_)) => Err(PolicyFault::new(
                "the policy of a namespace names no images: use a config map, or inline",
            )),
        }
    }

    fn config_map(&self, map: ConfigMap, key: &str) -> Result<Vec<u8>, PolicyFault> {
        let at = (map.namespace.clone(), map.name.clone());
        let what = format!("the config map {}/{}", map.namespace, map.name);
        let names = (Name::new(&map.namespace), Name::new(&map.name));
        let (Some(of_namespace), Some(of_map)) = names else {
            return Err(PolicyFault::new(format!("{what} has no name that the API server gives")));
        };
        let mut config_maps = lock(&self.config_maps);
        if !config_maps.followed.contains_key(&map) {
            config_maps.has_room(&map)?;
        }
        let mirror = match config_maps.followed.entry(map) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let watched = Watched {
                    path: Resource::CONFIG_MAPS.all(Some(&of_namespace)),
                    fields: Some(format!("metadata.name={}", of_map.as_str())),
                    keep: |object| json!({ "data": object.get("data") }),
                    of_namespace: None,
                };
                let bell = Bell { of: "a config map of a policy", ..self.bell.clone() };
                let mirror = Mirror::follow(self.api.clone(), watched, bell);
                entry.insert(mirror.map_err(|error| {
                    PolicyFault::undecided(format!("{what} cannot be followed: {error}"))
                })?)
            }
        };
        mirror.with(|objects| {
            let Some(objects) = objects else {
                let fault = mirror.fault().unwrap_or_else(|| "it was not read yet".to_owned());
                return Err(PolicyFault::undecided(format!("{what}: {fault}")));
            };
            let object = objects.get(&at);
            let object = object.ok_or_else(|| PolicyFault::new(format!("{what} is not there")))?;
            let text = object.pointer("/data").and_then(|data| data.get(key));
            let text = text.and_then(Value::as_str);
            let text = text.ok_or_else(|| PolicyFault::new(format!("{what} has no {key:?}")))?;
            Ok(text.as_bytes().to_vec())
        })
    }

    fn image(&self, reference: &Reference) -> Result<Vec<u8>, PolicyFault> {
        let mut images = lock(&self.images);
        let name = reference.to_string();
        if !images.contains_key(&name) && images.len() >= IMAGES {
            let fault = format!("more than {IMAGES} artifacts are named");
            return Err(PolicyFault::undecided(fault));
        }
        let artifact = images.entry(name).or_insert_with(|| Artifact {
            reference: reference.clone(),
            text: Err("it was not fetched yet".to_owned()),
            due: Some(Instant::now()),
        });
        let text = artifact.text.clone();
        text.map_err(|fault| PolicyFault::undecided(format!("{reference}: {fault}")))
    }

    /// Fetches artifacts, one after the other and without the lock. What fails keeps what was there:
    /// the layout itself says how long it is good.
    fn fetch_what_is_due(&self) {
        let now = Instant::now();
        let due: Vec<(String, Reference)> = lock(&self.images)
            .iter()
            .filter(|(_, artifact)| artifact.due.is_some_and(|due| due <= now))
            .map(|(name, artifact)| (name.clone(), artifact.reference.clone()))
            .collect();
        for (name, reference) in due {
            let fetched = fetch(&self.registries, &reference);
            let mut images = lock(&self.images);
            let Some(artifact) = images.get_mut(&name) else { continue };
            let by_digest = matches!(reference.selector(), Selector::Digest(_));
            artifact.due = match &fetched {
                Ok(_) if by_digest => None,
                Ok(_) => Some(Instant::now() + FETCH_AGAIN),
                Err(_) => Some(Instant::now() + TRY_AGAIN),
            };
            let fetched = fetched.map_err(|fault| fault.to_string());
            let changed = fetched != artifact.text && (fetched.is_ok() || artifact.text.is_err());
            if changed {
                artifact.text = fetched;
                self.bell.ring();
            }
        }
    }
}

impl ConfigMaps {
    /// Tells whether one more can be followed.
    fn has_room(&mut self, map: &ConfigMap) -> Result<(), PolicyFault> {
        self.leaving.retain(|(_, mirror)| mirror.is_running());
        let all = self.followed.keys().chain(self.leaving.iter().map(|(map, _)| map));
        let of_pool: Vec<_> = all.filter(|other| other.of_cluster == map.of_cluster).collect();
        let of_same = of_pool.iter().filter(|other| other.namespace == map.namespace).count();
        let (most, count) = match map.of_cluster {
            true => (OF_CLUSTER, of_pool.len()),
            false if of_same >= OF_NAMESPACE => (OF_NAMESPACE, of_same),
            false => (OF_NAMESPACES, of_pool.len()),
        };
        if count < most {
            return Ok(());
        }
        Err(PolicyFault::undecided(format!(
            "more than {most} config maps are named, or were a minute ago"
        )))
    }
}

impl Sources for Reader<'_> {
    fn read(&self, source: &Source) -> Result<Vec<u8>, PolicyFault> {
        let text = self.look(source);
        self.account.borrow_mut().push((source.clone(), text.clone()));
        text
    }
}

impl Reader<'_> {
    fn look(&self, source: &Source) -> Result<Vec<u8>, PolicyFault> {
        match (self.shelf.place(self.reach, source)?, source) {
            (Some(Place::ConfigMap(map)), Source::ConfigMap { key, .. }) => {
                self.shelf.config_map(map, key)
            }
            (Some(_), Source::Image(reference)) => self.shelf.image(reference),
            (_, Source::Inline(text)) => Ok(text.as_bytes().to_vec()),
            _ => Err(PolicyFault::new("it is no place of a cluster")),
        }
    }
}

fn fetch(registries: &Client, reference: &Reference) -> Result<Vec<u8>, OciError> {
    let repository = registries.repository(reference.repository());
    let fetched = repository.manifest(&reference.selector())?;
    let malformed =
        |fault: &str| OciError::Malformed { what: reference.to_string(), fault: fault.to_owned() };
    let image =
        fetched.manifest.as_image().ok_or_else(|| malformed("it is no manifest of an artifact"))?;
    let [layer] = image.layers.as_slice() else {
        return Err(malformed("the artifact has not one layer"));
    };
    read_blob(&repository, layer, LARGEST)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
