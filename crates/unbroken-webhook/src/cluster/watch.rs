//! A mirror of the objects of one kind: listed once, then followed.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::api::{Api, ApiError};
use super::list::{Pages, query};
use super::resource::{Key, key_of, metadata};
use crate::log::Log;

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
    /// How many objects of one namespace are kept, if not all: nobody who writes there is to push out
    /// those of others.
    pub of_namespace: Option<usize>,
}

/// Objects by their names. Where a namespace has more than are kept, there is one without a name, which
/// stays until all are listed again.
pub type Objects = BTreeMap<Key, Arc<Value>>;

/// The objects of one kind as the cluster has them.
#[derive(Clone)]
pub struct Mirror {
    shared: Arc<Shared>,
    thread: Arc<JoinHandle<()>>,
}

struct Shared {
    api: Api,
    watched: Watched,
    bell: Bell,
    objects: Mutex<Option<Objects>>,
    ended: AtomicBool,
    fault: Mutex<Option<String>>,
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

impl Bell {
    /// Wakes.
    pub(super) fn ring(&self) {
        _ = self.wake.try_send(());
    }

    fn said(&self, what: &str) {
        self.log.event(&format!("{}: {what}", self.of));
        self.ring();
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
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn follow(api: Api, watched: Watched, bell: Bell) -> io::Result<Self> {
        let (objects, fault) = (Mutex::default(), Mutex::default());
        let ended = AtomicBool::new(false);
        let shared = Arc::new(Shared { api, watched, bell, objects, ended, fault });
        let of_thread = Arc::clone(&shared);
        let thread = Builder::new().spawn(move || of_thread.run())?;
        Ok(Self { shared, thread: Arc::new(thread) })
    }

    /// Returns what was found; nothing before the first list was complete.
    pub fn objects(&self) -> Option<Objects> {
        lock(&self.shared.objects).clone()
    }

    /// Looks at what was found.
    pub fn with<T>(&self, look: impl FnOnce(Option<&Objects>) -> T) -> T {
        look(lock(&self.shared.objects).as_ref())
    }

    /// Says what keeps the mirror from being true, if anything does.
    pub fn fault(&self) -> Option<String> {
        lock(&self.shared.fault).clone()
    }

    /// Follows no longer. The thread ends when something comes of its watch, a bookmark at the latest.
    pub fn end(&self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }

    /// Tells whether its thread has not ended yet.
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }
}

impl Shared {
    fn run(&self) {
        let mut pause = FIRST_PAUSE;
        while !self.has_ended() {
            let begun = Instant::now();
            let left = self.list().map_or_else(left, |version| {
                self.good();
                self.bell.ring();
                pause = FIRST_PAUSE;
                self.watch(version)
            });
            match left {
                Left::Due => {}
                // At once; who says it again and again is not asked in a circle.
                Left::Gone => std::thread::sleep(FIRST_PAUSE.saturating_sub(begun.elapsed())),
                Left::Failed(error) => {
                    self.bad(&error);
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Lists everything, and returns the place in the history that the list is of.
    fn list(&self) -> Result<String, ApiError> {
        let mut objects = Objects::new();
        let mut version = String::new();
        let mut pages = Pages::of(&self.api, &self.watched.path, self.watched.fields.as_deref());
        while let Some(mut page) = pages.next()? {
            metadata(&page, "resourceVersion").clone_into(&mut version);
            let items = page.get_mut("items").and_then(Value::as_array_mut);
            for object in items.map(std::mem::take).unwrap_or_default() {
                self.watched.take_up(&mut objects, &object);
            }
            if objects.len() > OBJECTS {
                let action = self.watched.path.clone();
                let fault = format!("there are more than {OBJECTS} objects");
                return Err(ApiError::Unreadable { action, fault });
            }
        }
        *lock(&self.objects) = Some(objects);
        Ok(version)
    }

    fn watch(&self, mut version: String) -> Left {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        while begun.elapsed() < RESYNC && !self.has_ended() {
            match self.events(&mut version) {
                Ok(()) => {
                    self.good();
                    pause = FIRST_PAUSE;
                }
                // It would come again and again from the same place: a list says how things are.
                Err(Left::Failed(error @ ApiError::Unreadable { .. })) => {
                    self.bad(&error);
                    return Left::Gone;
                }
                Err(Left::Failed(error)) if pause < LONGEST_PAUSE => {
                    self.bad(&error);
                    std::thread::sleep(pause);
                    pause *= 2;
                }
                Err(left) => return left,
            }
        }
        Left::Due
    }

    /// Takes up the events of one watch until it ends.
    fn events(&self, version: &mut String) -> Result<(), Left> {
        let wish = format!(
            "watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={version}"
        );
        let path = query(&self.watched.path, self.watched.fields.as_deref(), &wish);
        let mut events = self.api.watch(&path).map_err(left)?;
        while let Some(mut event) = events.wait().map_err(left)? {
            if self.has_ended() {
                return Err(Left::Due);
            }
            let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
            let object = event.get_mut("object").map(Value::take).unwrap_or_default();
            if kind == "ERROR" {
                return Err(left(error_of(&self.watched.path, &object)));
            }
            let at = metadata(&object, "resourceVersion");
            if at.is_empty() {
                return Err(Left::Gone);
            }
            at.clone_into(version);
            let mut objects = lock(&self.objects);
            let objects_now = objects.get_or_insert_default();
            match kind.as_str() {
                "ADDED" | "MODIFIED" => self.watched.take_up(objects_now, &object),
                "DELETED" => drop(objects_now.remove(&key_of(&object))),
                "BOOKMARK" => continue,
                // Whatever it means, a list says how things are.
                _ => return Err(Left::Gone),
            }
            let has_too_many = objects_now.len() > OBJECTS;
            drop(objects);
            if has_too_many {
                return Err(Left::Gone);
            }
            self.bell.ring();
        }
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Tells of a failure once, however often it comes.
    fn bad(&self, error: &ApiError) {
        let text = error.to_string();
        let mut fault = lock(&self.fault);
        if fault.as_ref() != Some(&text) {
            self.bell.said(&text);
        }
        *fault = Some(text);
    }

    fn good(&self) {
        if lock(&self.fault).take().is_some() {
            self.bell.said("the API server answers again");
        }
    }
}

impl Watched {
    fn take_up(&self, objects: &mut Objects, object: &Value) {
        let key = key_of(object);
        let (namespace, _) = &key;
        let more = (namespace.clone(), String::new());
        let is_full = self.of_namespace.is_some_and(|most| {
            let of_same = objects.range(more.clone()..).take_while(|((of, _), _)| of == namespace);
            of_same.take(most).count() == most
        });
        if is_full && !objects.contains_key(&key) {
            objects.insert(more, Arc::new(Value::Null));
        } else {
            objects.insert(key, Arc::new((self.keep)(object)));
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

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
