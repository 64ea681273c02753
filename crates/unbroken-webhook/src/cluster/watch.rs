//! A mirror of the objects of one kind: listed once, then followed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::api::{Api, ApiError};
use super::resource::{Key, key_of, metadata};
use crate::log::Log;

/// Objects of one page of a list.
const PAGE: usize = 500;
/// Objects of one kind. More are no mirror of the cluster, and nothing is ready then.
const OBJECTS: usize = 100_000;
/// How long the API server is asked to keep a watch open.
const WATCH_SECONDS: u64 = 290;
/// How often everything is listed again, whatever the events said.
const RESYNC: Duration = Duration::from_mins(10);
/// The first pause after a failure; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is watched.
pub struct Watched {
    /// The path of the list.
    pub path: String,
    /// A selector of fields: `metadata.name=x`.
    pub fields: Option<String>,
    /// What is kept of an object.
    pub keep: fn(&Value) -> Value,
}

/// The objects of one kind as the cluster has them.
#[derive(Clone)]
pub struct Mirror {
    shared: Arc<Shared>,
}

struct Shared {
    objects: Mutex<Option<BTreeMap<Key, Value>>>,
    ended: AtomicBool,
    fault: Mutex<Option<String>>,
}

/// What a watch does when it has something to tell.
pub trait Changed: Send + 'static {
    /// The objects are other ones than before.
    fn changed(&self);
    /// Something is wrong, or good again.
    fn said(&self, what: &str);
}

/// Wakes whoever waits, and writes what is wrong to the log.
#[derive(Clone)]
pub struct Bell {
    /// What is followed, for the log.
    pub of: &'static str,
    /// Has room for one wake-up: more say nothing more.
    pub wake: SyncSender<()>,
    /// Where faults are told.
    pub log: Log,
}

impl Changed for Bell {
    fn changed(&self) {
        _ = self.wake.try_send(());
    }

    fn said(&self, what: &str) {
        self.log.event(&format!("{}: {what}", self.of));
        _ = self.wake.try_send(());
    }
}

/// Why a watch is left.
enum Left {
    /// Its place in the history is gone: everything is listed again.
    Gone,
    /// It failed.
    Failed(ApiError),
    /// It is time to list everything again, or nobody follows any more.
    Due,
}

impl Mirror {
    /// Follows objects in a thread of its own, until [`Mirror::end`].
    pub fn follow(api: Api, watched: Watched, told: impl Changed) -> Self {
        let shared = Arc::new(Shared {
            objects: Mutex::default(),
            ended: AtomicBool::new(false),
            fault: Mutex::default(),
        });
        let mirror = Self { shared };
        let of_thread = mirror.clone();
        std::thread::spawn(move || of_thread.run(&api, &watched, &told));
        mirror
    }

    /// Returns what was found; nothing before the first list was complete.
    pub fn objects(&self) -> Option<BTreeMap<Key, Value>> {
        lock(&self.shared.objects).clone()
    }

    /// Looks at what was found.
    pub fn with<T>(&self, look: impl FnOnce(Option<&BTreeMap<Key, Value>>) -> T) -> T {
        look(lock(&self.shared.objects).as_ref())
    }

    /// Says what keeps the mirror from being true, if anything does.
    pub fn fault(&self) -> Option<String> {
        lock(&self.shared.fault).clone()
    }

    /// Follows no longer. The thread ends when its watch does.
    pub fn end(&self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }

    fn run(&self, api: &Api, watched: &Watched, told: &dyn Changed) {
        let mut pause = FIRST_PAUSE;
        while !self.has_ended() {
            let left = self.list(api, watched).map(|version| {
                self.good(told);
                told.changed();
                pause = FIRST_PAUSE;
                self.watch(api, watched, version, told)
            });
            match left {
                Ok(Left::Due | Left::Gone) => {}
                Ok(Left::Failed(error)) | Err(error) => {
                    self.bad(&error, told);
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Lists everything, and returns the place in the history that the list is of.
    fn list(&self, api: &Api, watched: &Watched) -> Result<String, ApiError> {
        let mut objects = BTreeMap::new();
        let mut next = String::new();
        loop {
            let path = query(watched, &format!("limit={PAGE}&continue={next}"));
            let mut page = api.get(&path)?;
            let version = metadata(&page, "resourceVersion").to_owned();
            escape(metadata(&page, "continue"), &mut next);
            let items = page.get_mut("items").and_then(Value::as_array_mut);
            for object in items.map(std::mem::take).unwrap_or_default() {
                objects.insert(key_of(&object), (watched.keep)(&object));
            }
            if objects.len() > OBJECTS {
                let fault = format!("there are more than {OBJECTS} objects");
                return Err(ApiError::Unreadable { action: path, fault });
            }
            if next.is_empty() {
                *lock(&self.shared.objects) = Some(objects);
                return Ok(version);
            }
        }
    }

    fn watch(&self, api: &Api, watched: &Watched, mut version: String, told: &dyn Changed) -> Left {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        while begun.elapsed() < RESYNC && !self.has_ended() {
            match self.events(api, watched, &mut version, told) {
                Ok(()) => {
                    self.good(told);
                    pause = FIRST_PAUSE;
                }
                Err(Left::Failed(error)) if pause < LONGEST_PAUSE => {
                    self.bad(&error, told);
                    std::thread::sleep(pause);
                    pause *= 2;
                }
                Err(left) => return left,
            }
        }
        Left::Due
    }

    /// Takes up the events of one watch until it ends.
    fn events(
        &self,
        api: &Api,
        watched: &Watched,
        version: &mut String,
        told: &dyn Changed,
    ) -> Result<(), Left> {
        let wish = format!(
            "watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}"
        );
        let mut events = api.watch(&query(watched, &wish)).map_err(left)?;
        while let Some(mut event) = events.wait().map_err(left)? {
            if self.has_ended() {
                return Err(Left::Due);
            }
            let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
            let object = event.get_mut("object").map(Value::take).unwrap_or_default();
            if kind == "ERROR" {
                return Err(left(error_of(&watched.path, &object)));
            }
            let at = metadata(&object, "resourceVersion");
            if at.is_empty() {
                return Err(Left::Gone);
            }
            at.clone_into(version);
            let key = key_of(&object);
            let mut objects = lock(&self.shared.objects);
            let objects_now = objects.get_or_insert_default();
            match kind.as_str() {
                "ADDED" | "MODIFIED" => {
                    objects_now.insert(key, (watched.keep)(&object));
                }
                "DELETED" => {
                    objects_now.remove(&key);
                }
                "BOOKMARK" => continue,
                // Whatever it means, a list says how things are.
                _ => return Err(Left::Gone),
            }
            let too_many = objects_now.len() > OBJECTS;
            drop(objects);
            if too_many {
                return Err(Left::Gone);
            }
            told.changed();
        }
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.shared.ended.load(Ordering::Relaxed)
    }

    /// Tells of a failure once, however often it comes.
    fn bad(&self, error: &ApiError, told: &dyn Changed) {
        let text = error.to_string();
        let mut fault = lock(&self.shared.fault);
        if fault.as_ref() != Some(&text) {
            told.said(&text);
        }
        *fault = Some(text);
    }

    fn good(&self, told: &dyn Changed) {
        if lock(&self.shared.fault).take().is_some() {
            told.said("the API server answers again");
        }
    }
}

fn left(error: ApiError) -> Left {
    // The place in the history was thrown away: events may have been missed.
    if error.code() == Some(410) { Left::Gone } else { Left::Failed(error) }
}

fn error_of(path: &str, status: &Value) -> ApiError {
    let code = status.get("code").and_then(Value::as_u64).and_then(|code| code.try_into().ok());
    let message = status.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    ApiError::Status { action: format!("the watch of {path}"), code: code.unwrap_or(500), message }
}

fn query(watched: &Watched, wish: &str) -> String {
    let fields = watched.fields.as_ref().map(|fields| {
        let mut escaped = String::from("&fieldSelector=");
        let mut value = String::new();
        escape(fields, &mut value);
        escaped.push_str(&value);
        escaped
    });
    format!("{}?{wish}{}", watched.path, fields.unwrap_or_default())
}

/// Returns a text as it can stand in a query.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    escape(text, &mut escaped);
    escaped
}

/// Writes a text so that it can stand in a query.
fn escape(text: &str, to: &mut String) {
    use std::fmt::Write;
    to.clear();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            _ = write!(to, "%{byte:02X}");
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
