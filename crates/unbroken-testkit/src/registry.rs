//! A registry on the loopback, kept in memory, that behaves as a test wants it to.
//!
//! It speaks the distribution specification 1.1, with the list of referrers or without. A test may
//! put a rule in front of it that answers some requests otherwise: wrongly, slowly, endlessly.

mod http;
mod image;
mod others;
mod process;
mod proxy;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use unbroken_crypto::hash::sha256_hex;
use unbroken_model::json::{Object, Value};
use unbroken_model::limits::Limits;

pub(crate) use self::http::listen;
pub use self::http::{Body, Reply, Request};
pub use self::image::push_image;
pub use self::others::PREDICATE;
pub use self::process::{Identity, RegistryProcess, free_port, lasting_root};
pub use self::proxy::TestProxy;

/// Whether a registry keeps account of what refers to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referrers {
    /// It lists referrers, as version 1.1 of the specification asks.
    Listed,
    /// It does not know the question, like many that are in use.
    Unknown,
}

/// What answers a request in place of the registry, or lets it pass.
type Rule = Box<dyn Fn(&Request) -> Option<Reply> + Send + Sync>;

/// A registry in memory.
pub struct TestRegistry {
    host: String,
    state: Arc<State>,
}

type Manifests = BTreeMap<(String, String), (String, Vec<u8>)>;

struct State {
    referrers: Referrers,
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Media type and bytes of manifests, by repository and tag or digest.
    manifests: Mutex<Manifests>,
    /// Digests of manifests, by repository and the subject that they refer to.
    referring: Mutex<BTreeMap<(String, String), BTreeSet<String>>>,
    requests: Mutex<Vec<Request>>,
    rule: Mutex<Option<Rule>>,
    ended: AtomicBool,
}

impl TestRegistry {
    /// Starts a registry on a free port of 127.0.0.1. It ends when it is dropped.
    ///
    /// # Panics
    /// When the machine gives no port.
    #[expect(clippy::expect_used, reason = "a test without its registry stops")]
    pub fn start(referrers: Referrers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the loopback");
        let host = listener.local_addr().expect("its address").to_string();
        let state = Arc::new(State {
            referrers,
            blobs: Mutex::default(),
            manifests: Mutex::default(),
            referring: Mutex::default(),
            requests: Mutex::default(),
            rule: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let has_ended = |state: &State| state.ended.load(Ordering::Relaxed);
        listen(listener, &state, has_ended, State::answer);
        Self { host, state }
    }

    /// Returns the host and the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Lets a rule answer what it has an answer to; the registry answers the rest.
    pub fn rule(&self, rule: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static) {
        *lock(&self.state.rule) = Some(Box::new(rule));
    }

    /// Returns the requests that came, in order.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state.requests).clone()
    }

    /// Forgets the requests that came.
    pub fn forget_requests(&self) {
        lock(&self.state.requests).clear();
    }

    /// Stores a blob and returns its digest.
    pub fn put_blob(&self, bytes: &[u8]) -> String {
        let digest = format!("sha256:{}", sha256_hex(bytes));
        lock(&self.state.blobs).insert(digest.clone(), bytes.to_vec());
        digest
    }

    /// Stores a manifest under a tag, and by its digest, which is returned.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> String {
        self.state.store(repository, tag, media_type, bytes)
    }

    /// Stores an image of one layer under a tag and returns the digest of its manifest.
    pub fn put_image(&self, repository: &str, tag: &str, layer: &[u8]) -> String {
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}}}}"#,
            sha256_hex(layer)
        );
        let (config_digest, layer_digest) =
            (self.put_blob(config.as_bytes()), self.put_blob(layer));
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer_digest}","size":{}}}]}}"#,
            config.len(),
            layer.len()
        );
        self.put_manifest(repository, tag, MANIFEST, manifest.as_bytes())
    }

    /// Returns a manifest by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        let key = (repository.to_owned(), reference.to_owned());
        lock(&self.state.manifests).get(&key).map(|(_, bytes)| bytes.clone())
    }
}

/// The media type of an image's manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Drop for TestRegistry {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        // The listener looks at the flag when somebody comes.
        drop(TcpStream::connect(&self.host));
    }
}

impl State {
    fn answer(&self, request: &Request) -> Reply {
        lock(&self.requests).push(request.clone());
        if let Some(reply) = lock(&self.rule).as_ref().and_then(|rule| rule(request)) {
            return reply;
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let Some(path) = path.strip_prefix("/v2/") else { return Reply::status(404) };
        if let Some((repository, reference)) = path.rsplit_once("/manifests/") {
            return self.manifests(request, repository, reference);
        }
        if let Some((repository, subject)) = path.rsplit_once("/referrers/") {
            return self.list(repository, subject);
        }
        if let Some((repository, upload)) = path.rsplit_once("/blobs/uploads/") {
            return self.upload(request, repository, upload, query);
        }
        match path.rsplit_once("/blobs/") {
            Some((_, digest)) => match lock(&self.blobs).get(digest) {
                Some(bytes) => Reply::ok("application/octet-stream", bytes.clone()),
                None => Reply::status(404),
            },
            None => Reply::status(if path.is_empty() { 200 } else { 404 }),
        }
    }

    fn manifests(&self, request: &Request, repository: &str, reference: &str) -> Reply {
        if request.method == "PUT" {
            let media_type = request.header("content-type").unwrap_or_default();
            let digest = self.store(repository, reference, media_type, &request.body);
            let mut reply = Reply::status(201).header("docker-content-digest", &digest);
            if let (Referrers::Listed, Some(subject)) = (self.referrers, subject_of(&request.body))
            {
                reply = reply.header("oci-subject", &subject);
            }
            return reply;
        }
        let key = (repository.to_owned(), reference.to_owned());
        match lock(&self.manifests).get(&key) {
            Some((media_type, bytes)) => Reply::ok(media_type, bytes.clone())
                .header("docker-content-digest", &format!("sha256:{}", sha256_hex(bytes))),
            None => Reply::status(404),
        }
    }

    fn list(&self, repository: &str, subject: &str) -> Reply {
        if self.referrers == Referrers::Unknown {
            return Reply::status(404);
        }
        let (manifests, referring) = (lock(&self.manifests), lock(&self.referring));
        let digests = referring.get(&(repository.to_owned(), subject.to_owned()));
        let listed = digests.into_iter().flatten().filter_map(|digest| {
            let (media_type, bytes) = manifests.get(&(repository.to_owned(), digest.clone()))?;
            let size = bytes.len();
            Some(format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#))
        });
        let listed: Vec<String> = listed.collect();
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
            listed.join(",")
        );
        Reply::ok(INDEX, text.into_bytes())
    }

    fn upload(&self, request: &Request, repository: &str, upload: &str, query: &str) -> Reply {
        let digest = query.split('&').find_map(|part| part.strip_prefix("digest="));
        match (&*request.method, digest) {
            ("PUT", Some(digest)) if !upload.is_empty() => {
                let digest = digest.replace("%3A", ":");
                if digest != format!("sha256:{}", sha256_hex(&request.body)) {
                    return Reply::status(400);
                }
                lock(&self.blobs).insert(digest, request.body.clone());
                Reply::status(201)
            }
            ("POST", _) => {
                let mount = query.split('&').find_map(|part| part.strip_prefix("mount="));
                if mount.is_some_and(|digest| lock(&self.blobs).contains_key(digest)) {
                    return Reply::status(201);
                }
                let location = format!("/v2/{repository}/blobs/uploads/1?state=x");
                Reply::status(202).header("location", &location)
            }
            _ => Reply::status(405),
        }
    }

    fn store(&self, repository: &str, reference: &str, media_type: &str, bytes: &[u8]) -> String {
        let digest = format!("sha256:{}", sha256_hex(bytes));
        let mut manifests = lock(&self.manifests);
        for name in [reference, &digest] {
            let key = (repository.to_owned(), name.to_owned());
            manifests.insert(key, (media_type.to_owned(), bytes.to_vec()));
        }
        if let Some(subject) = subject_of(bytes) {
            let subject = (repository.to_owned(), subject);
            lock(&self.referring).entry(subject).or_default().insert(digest.clone());
        }
        digest
    }
}

fn subject_of(bytes: &[u8]) -> Option<String> {
    let value = Value::parse(bytes, &Limits::default()).ok()?;
    let subject = value.as_object()?.get("subject").and_then(Value::as_object)?;
    let digest = |subject: &Object<'_>| subject.get("digest")?.as_str().map(str::to_owned);
    digest(subject)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
