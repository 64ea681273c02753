//! What the policies of a cluster name: config maps that are followed, layouts in registries that are fetched.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// Config maps that are followed, each by a thread.
const CONFIG_MAPS: usize = 256;
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
    config_maps: Mutex<BTreeMap<(String, String), Mirror>>,
    images: Mutex<BTreeMap<String, Artifact>>,
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
    ConfigMap(String, String),
    Image(String),
}

impl Shelf {
    /// Makes a shelf; artifacts are fetched by a thread of its own.
    pub(super) fn new(
        api: Api,
        registries: Client,
        own_namespace: String,
        bell: Bell,
    ) -> Arc<Self> {
        let (config_maps, images) = (Mutex::default(), Mutex::default());
        let shelf = Arc::new(Self { api, registries, own_namespace, bell, config_maps, images });
        let of_thread = Arc::downgrade(&shelf);
        std::thread::spawn(move || {
            while let Some(shelf) = of_thread.upgrade() {
                shelf.fetch_what_is_due();
                drop(shelf);
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        shelf
    }

    /// Lets a policy read.
    pub(super) fn reader<'a>(&'a self, reach: &'a Reach) -> Reader<'a> {
        Reader { shelf: self, reach, account: RefCell::default() }
    }

    /// Follows nothing any more but what these read.
    pub(super) fn keep_only<'a>(&self, read: impl Iterator<Item = (&'a Reach, &'a Source)>) {
        let places: BTreeSet<Place> =
            read.filter_map(|(reach, source)| self.place(reach, source).ok().flatten()).collect();
        lock(&self.config_maps).retain(|(namespace, name), mirror| {
            let kept = places.contains(&Place::ConfigMap(namespace.clone(), name.clone()));
            if !kept {
                mirror.end();
            }
            kept
        });
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
                Ok(Some(Place::ConfigMap(own.clone(), name.clone())))
            }
            (Source::ConfigMap { namespace, name, .. }, Reach::Cluster) => {
                let namespace = namespace.as_ref().unwrap_or(&self.own_namespace);
                Ok(Some(Place::ConfigMap(namespace.clone(), name.clone())))
            }
            (Source::Image(image), Reach::Cluster) => Ok(Some(Place::Image(image.to_string()))),
            // It would be fetched with the credentials of the webhook.
            (Source::Image(_), Reach::Namespace(_)) => Err(PolicyFault::new(
                "the policy of a namespace names no images: use a config map, or inline",
            )),
        }
    }

    fn config_map(&self, namespace: &str, name: &str, key: &str) -> Result<Vec<u8>, PolicyFault> {
        let what = format!("the config map {namespace}/{name}");
        let names = (Name::new(namespace), Name::new(name));
        let (Some(of_namespace), Some(of_map)) = names else {
            return Err(PolicyFault::new(format!("{what} has no name that the API server gives")));
        };
        let mut mirrors = lock(&self.config_maps);
        let at = (namespace.to_owned(), name.to_owned());
        let mirror = match mirrors.get(&at) {
            Some(mirror) => mirror,
            None if mirrors.len() >= CONFIG_MAPS => {
                let fault = format!("more than {CONFIG_MAPS} config maps are named");
                return Err(PolicyFault::undecided(fault));
            }
            None => {
                let watched = Watched {
                    path: Resource::CONFIG_MAPS.all(Some(&of_namespace)),
                    fields: Some(format!("metadata.name={}", of_map.as_str())),
                    keep: |object| json!({ "data": object.get("data") }),
                };
                let bell = Bell { of: "a config map of a policy", ..self.bell.clone() };
                mirrors.entry(at.clone()).or_insert(Mirror::follow(self.api.clone(), watched, bell))
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
                _ = self.bell.wake.try_send(());
            }
        }
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
            (Some(Place::ConfigMap(namespace, name)), Source::ConfigMap { key, .. }) => {
                self.shelf.config_map(&namespace, &name, key)
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
