//! As much of the API server's storage as a client needs: objects, lists, watches, conflicts.
//!
//! It is a mock, on the loopback and in plain HTTP: nothing is checked against a schema, and nobody
//! has to say who he is. What the real one does is seen with [`crate::api_server`].

#![expect(
    clippy::indexing_slicing,
    reason = "members of a value are read and written as the API server does; none is out of range"
)]

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api_simulator::patch::merge;
use crate::registry::{Reply, Request, listen};

/// How long a watch stays open without events: real ones stay longer.
const OPEN: Duration = Duration::from_secs(2);

/// The API server of a test. It ends when it is dropped.
pub struct MockApi {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    store: Mutex<Store>,
    requests: Mutex<Vec<Request>>,
    failing: Mutex<Option<u16>>,
    ended: AtomicBool,
}

#[derive(Default)]
struct Store {
    version: u64,
    objects: BTreeMap<String, Value>,
    /// What happened: version, kind of event, path, object.
    history: Vec<(u64, &'static str, String, Value)>,
    /// What is older is not known any more.
    oldest: u64,
}

impl MockApi {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When the machine gives no port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let state = Arc::new(State::default());
        let has_ended = |state: &State| state.ended.load(Ordering::Relaxed);
        listen(listener, &state, has_ended, State::answer);
        Self { address, state }
    }

    /// Returns the address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Makes or changes the object of a path.
    pub fn put(&self, path: &str, object: Value) {
        lock(&self.state.store).put(path, object);
    }

    /// Takes an object away.
    pub fn delete(&self, path: &str) {
        let mut store = lock(&self.state.store);
        if let Some(object) = store.objects.remove(path) {
            store.note("DELETED", path, object);
        }
    }

    /// Returns an object.
    pub fn get(&self, path: &str) -> Option<Value> {
        lock(&self.state.store).objects.get(path).cloned()
    }

    /// Returns the objects whose path holds this text.
    pub fn all(&self, part: &str) -> Vec<Value> {
        let store = lock(&self.state.store);
        let found = store.objects.iter().filter(|(path, _)| path.contains(part));
        found.map(|(_, object)| object.clone()).collect()
    }

    /// Forgets what happened: watches of before get `410 Gone`.
    pub fn compact(&self) {
        let mut store = lock(&self.state.store);
        store.version += 1;
        store.oldest = store.version;
        store.history.clear();
    }

    /// Answers everything with a status, or again as it should.
    pub fn fail(&self, status: Option<u16>) {
        *lock(&self.state.failing) = status;
    }

    /// Returns the requests that came: method and target.
    pub fn requests(&self) -> Vec<(String, String)> {
        let requests = lock(&self.state.requests);
        requests.iter().map(|it| (it.method.clone(), it.target.clone())).collect()
    }
}

impl Drop for MockApi {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        drop(TcpStream::connect(self.address.trim_start_matches("http://")));
    }
}

impl Store {
    fn note(&mut self, kind: &'static str, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.history.push((self.version, kind, path.to_owned(), object.clone()));
        object
    }

    fn put(&mut self, path: &str, mut object: Value) -> Value {
        let before = self.objects.get(path);
        let kind = if before.is_some() { "MODIFIED" } else { "ADDED" };
        let of_spec = |object: &Value| object.get("spec").cloned();
        let generation = before.map_or(0, |before| {
            let same = of_spec(before) == of_spec(&object);
            before["metadata"]["generation"].as_i64().unwrap_or(0) - i64::from(same)
        });
        object["metadata"]["generation"] = json!(generation + 1);
        let (collection, name) = path.rsplit_once('/').unwrap_or_default();
        object["metadata"]["name"] = json!(name);
        if let Some((_, rest)) = collection.split_once("/namespaces/") {
            object["metadata"]["namespace"] = json!(rest.split('/').next());
        }
        let object = self.note(kind, path, object);
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// Returns a page of a list, which goes on behind the object of a number.
    fn list(&self, collection: &str, name: Option<&str>, (begin, limit): (usize, usize)) -> Value {
        let items = self.objects.iter().filter(|(path, _)| is_in(path, collection, name));
        let items: Vec<&Value> = items.map(|(_, object)| object).collect();
        let end = items.len().min(begin.saturating_add(limit));
        let rest = items.len() - end;
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if rest > 0 {
            metadata["continue"] = json!(end.to_string());
            metadata["remainingItemCount"] = json!(rest);
        }
        json!({"kind": "List", "metadata": metadata, "items": items[begin.min(end)..end]})
    }
}

impl State {
    fn answer(&self, request: &Request) -> Reply {
        lock(&self.requests).push(request.clone());
        if let Some(status) = *lock(&self.failing) {
            return Reply::status(status);
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let parameter = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let name = parameter("fieldSelector").and_then(|it| it.strip_prefix("metadata.name%3D"));
        if parameter("watch").is_some() {
            let since = parameter("resourceVersion").and_then(|text| text.parse().ok());
            return self.watch(path, name, since.unwrap_or(0));
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let mut store = lock(&self.store);
        match request.method.as_str() {
            "GET" => match store.objects.get(path) {
                Some(object) => reply(object),
                None if is_collection(path) => {
                    let number = |name| parameter(name).and_then(|text| text.parse().ok());
                    let page =
                        (number("continue").unwrap_or(0), number("limit").unwrap_or(usize::MAX));
                    reply(&store.list(path, name, page))
                }
                None => status(404),
            },
            "POST" => {
                let prefix = body["metadata"]["generateName"].as_str().unwrap_or_default();
                let generated = || format!("{prefix}{}", store.version);
                let name = body["metadata"]["name"].as_str().map_or_else(generated, str::to_owned);
                let path = format!("{path}/{name}");
                if store.objects.contains_key(&path) {
                    return status(409);
                }
                reply(&store.put(&path, body))
            }
            "PUT" => match store.objects.get(path) {
                None => status(404),
                Some(before)
                    if before["metadata"]["resourceVersion"]
                        != body["metadata"]["resourceVersion"] =>
                {
                    status(409)
                }
                Some(_) => reply(&store.put(path, body)),
            },
            "PATCH" => {
                let path = path.strip_suffix("/status").unwrap_or(path);
                let Some(mut object) = store.objects.get(path).cloned() else { return status(404) };
                merge(&mut object, &body);
                reply(&store.put(path, object))
            }
            _ => status(405),
        }
    }

    fn watch(&self, collection: &str, name: Option<&str>, since: u64) -> Reply {
        let begin = Instant::now();
        loop {
            {
                let store = lock(&self.store);
                if since < store.oldest {
                    let gone = json!({"kind": "Status", "code": 410, "message": "too old"});
                    let event = json!({"type": "ERROR", "object": gone});
                    return Reply::ok("application/json", format!("{event}\n").into_bytes());
                }
                let events: Vec<String> = store
                    .history
                    .iter()
                    .filter(|(at, _, path, _)| *at > since && is_in(path, collection, name))
                    .map(|(_, kind, _, object)| {
                        format!("{}\n", json!({"type": kind, "object": object}))
                    })
                    .collect();
                if !events.is_empty() || begin.elapsed() > OPEN {
                    return Reply::ok("application/json", events.concat().into_bytes());
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Tells whether a path is that of a list: objects have a name behind the word for their kind.
fn is_collection(path: &str) -> bool {
    let rest = path.trim_start_matches("/api/v1/").trim_start_matches("/apis/");
    let mut words: Vec<&str> = rest.split('/').collect();
    if path.starts_with("/apis/") {
        words.drain(..2.min(words.len()));
    }
    matches!(words.as_slice(), [_] | ["namespaces", _, _])
}

/// Tells whether an object is one of a list, which may be that of all namespaces.
fn is_in(path: &str, collection: &str, name: Option<&str>) -> bool {
    let Some((of, own)) = path.rsplit_once('/') else { return false };
    let everywhere = || {
        let (root, plural) = collection.rsplit_once('/').unwrap_or_default();
        let inside = of.strip_prefix(root).and_then(|rest| rest.strip_prefix("/namespaces/"));
        inside.and_then(|rest| rest.split_once('/')).is_some_and(|(_, of)| of == plural)
    };
    (of == collection || everywhere()) && name.is_none_or(|name| name == own)
}

fn reply(object: &Value) -> Reply {
    Reply::ok("application/json", object.to_string().into_bytes())
}

fn status(code: u16) -> Reply {
    let status = json!({"kind": "Status", "code": code, "message": format!("it is a {code}")});
    Reply::status(code).body(crate::registry::Body::Bytes(status.to_string().into_bytes()))
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
