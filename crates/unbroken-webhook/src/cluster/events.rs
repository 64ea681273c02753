//! Tells of denials, and of what was let in all the same, as events of the cluster.
//!
//! Nobody waits for an event: what cannot be written in time is counted and dropped. Equal ones are one
//! event with a count, so that a controller that tries for ever fills no store.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;

use super::api::{Api, ApiError};
use super::resource::{Name, Resource, metadata};
use crate::log::Log;
use crate::review::{Answer, Request, Verdict};

/// Who says so.
const CONTROLLER: &str = "in-toto.io/unbroken-webhook";
/// Notices that wait.
const WAITING: usize = 256;
/// Events that are remembered, so that equal ones are one.
const KNOWN: usize = 1024;
/// How long an event is remembered.
const KNOWN_FOR: Duration = Duration::from_mins(10);
/// How often the count of an event is written.
const COUNT_AGAIN: Duration = Duration::from_secs(30);
/// Events that are written at once, and then one each [`REFILL`].
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_millis(200);
/// The longest note that the API server takes.
const LONGEST_NOTE: usize = 1024;

/// Where events are told.
pub struct Events {
    to: SyncSender<Notice>,
    dropped: Arc<AtomicU64>,
}

/// What is told.
struct Notice {
    key: Key,
    note: String,
    at: Timestamp,
}

/// What makes an event the same as another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    namespace: Name,
    kind: String,
    name: String,
    reason: &'static str,
    codes: String,
}

struct Written {
    path: String,
    count: u64,
    counted: Instant,
    last: Timestamp,
    is_told: bool,
}

struct Writer {
    api: Api,
    instance: String,
    log: Log,
    known: BTreeMap<Key, Written>,
    allowance: u32,
    refilled: Instant,
    /// Events that were not written, in all and of which the log has told.
    dropped: Arc<AtomicU64>,
    told: u64,
}

impl Events {
    /// Writes events in a thread of its own. `instance` says which replica it is.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn start(api: Api, instance: String, log: Log) -> io::Result<Self> {
        let (to, notices) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut writer = Writer::new(api, instance, log, Arc::clone(&dropped));
        Builder::new().spawn(move || writer.run(&notices))?;
        Ok(Self { to, dropped })
    }

    /// Returns how many events were not written: there were too many, or the API server did not take them.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Tells of an answer, if there is something to tell. A dry run leaves nothing behind.
    pub(crate) fn tell(&self, request: &Request, answer: &Answer, at: Timestamp) {
        if request.dry_run {
            return;
        }
        let text = |key: &str| answer.annotations.get(key).cloned().unwrap_or_default();
        let (reason, codes, note) = match &answer.verdict {
            Verdict::Denied { message, .. } => ("Denied", text("codes"), message.clone()),
            Verdict::Allowed(_) if answer.annotations.contains_key("break-glass") => (
                "BreakGlass",
                text("break-glass"),
                format!("let in by {}: {}", request.user.name, text("break-glass")),
            ),
            Verdict::Allowed(_) => return,
        };
        let Some(namespace) = Name::new(&request.namespace) else { return };
        let generated = || {
            let object = request.object.as_ref();
            object.map(|object| metadata(object, "generateName")).unwrap_or_default().to_owned()
        };
        let name = if request.name.is_empty() { generated() } else { request.name.clone() };
        let kind = request.kind.kind.clone();
        let note = note.chars().take(LONGEST_NOTE / 4).collect();
        let key = Key { namespace, kind, name, reason, codes };
        // Where too many wait, what the log has is enough.
        if self.to.try_send(Notice { key, note, at }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Writer {
    fn new(api: Api, instance: String, log: Log, dropped: Arc<AtomicU64>) -> Self {
        let (known, refilled) = (BTreeMap::new(), Instant::now());
        Self { api, instance, log, known, allowance: BURST, refilled, dropped, told: 0 }
    }

    fn run(&mut self, notices: &Receiver<Notice>) {
        loop {
            match notices.recv_timeout(Duration::from_secs(1)) {
                Ok(notice) => self.take(notice),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.count();
        }
    }

    fn take(&mut self, notice: Notice) {
        if let Some(written) = self.known.get_mut(&notice.key) {
            (written.count, written.last, written.is_told) = (written.count + 1, notice.at, false);
            return;
        }
        while self.refilled.elapsed() >= REFILL && self.allowance < BURST {
            self.refilled += REFILL;
            self.allowance += 1;
        }
        if self.allowance == BURST {
            self.refilled = Instant::now();
        }
        if self.allowance == 0 || self.known.len() >= KNOWN {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.allowance -= 1;
        match self.write(&notice) {
            Ok(path) => {
                let (counted, last) = (Instant::now(), notice.at);
                let written = Written { path, count: 1, counted, last, is_told: true };
                self.known.insert(notice.key, written);
            }
            Err(error) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                self.log.event(&format!("an event was not written: {error}"));
            }
        }
    }

    fn write(&self, notice: &Notice) -> Result<String, ApiError> {
        let Notice { key, note, at } = notice;
        let Key { namespace, kind, name, reason, .. } = key;
        let event = json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": { "generateName": "unbroken-webhook-", "namespace": namespace.as_str() },
            "eventTime": micro_time(*at),
            "reportingController": CONTROLLER,
            "reportingInstance": self.instance,
            "action": "Admission",
            "type": "Warning",
            "reason": reason,
            "note": note,
            "regarding": { "kind": kind, "namespace": namespace.as_str(), "name": name },
        });
        let all = Resource::EVENTS.all(Some(namespace));
        let made: Value = self.api.create(&all, &event)?;
        let name = Name::new(metadata(&made, "name"));
        Ok(name.map(|name| Resource::EVENTS.one(Some(namespace), &name)).unwrap_or_default())
    }

    /// Writes counts that have changed, and forgets what is long ago.
    fn count(&mut self) {
        for written in self.known.values_mut() {
            if written.is_told || written.counted.elapsed() < COUNT_AGAIN {
                continue;
            }
            (written.is_told, written.counted) = (true, Instant::now());
            let last = micro_time(written.last);
            let series = json!({"series": {"count": written.count, "lastObservedTime": last}});
            if let Err(error) = self.api.merge(&written.path, &series) {
                self.log.event(&format!("an event was not counted: {error}"));
            }
        }
        self.known.retain(|_, written| !written.is_told || written.counted.elapsed() < KNOWN_FOR);
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > self.told && self.allowance > 0 {
            let more = dropped - self.told;
            self.log.event(&format!("{more} events were not written"));
            self.told = dropped;
        }
    }
}

/// Writes a moment as events have it.
pub(super) fn micro_time(at: Timestamp) -> String {
    format!("{}.000000Z", at.to_string().trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use unbroken_testkit::mock_api::MockApi;

    use super::super::api::Endpoint;
    use super::*;

    #[test]
    fn what_comes_again_is_counted_when_it_is_time_and_not_before() {
        let server = MockApi::start();
        let address = server.address().to_owned();
        let api = Api::new(Endpoint { address, authorities: None, token: None }).unwrap();
        let log = Log::new(io::sink());
        let mut writer = Writer::new(api, "webhook-0".to_owned(), log, Arc::default());
        let (namespace, at) = (Name::new("prod").unwrap(), Timestamp::from_unix(1_790_000_000));
        let (kind, name, codes) = ("Pod".to_owned(), "web".to_owned(), "link-missing".to_owned());
        let key = Key { namespace, kind, name, reason: "Denied", codes };
        for seconds in 0..3 {
            let at = Timestamp::from_unix(at.unix() + seconds);
            writer.take(Notice { key: key.clone(), note: "no".to_owned(), at });
        }
        let series = || server.all("/namespaces/prod/events/")[0]["series"].clone();
        writer.count();
        assert_eq!(series(), Value::Null);
        let written = writer.known.get_mut(&key).unwrap();
        written.counted = written.counted.checked_sub(COUNT_AGAIN).unwrap();
        writer.count();
        let last = Timestamp::from_unix(at.unix() + 2);
        assert_eq!(series(), json!({"count": 3, "lastObservedTime": micro_time(last)}));
        // A count that has been told is not told again.
        let before = server.requests().len();
        writer.count();
        assert_eq!(server.requests().len(), before);
        // Whatever is not written is counted: what the API server refuses, and what is too much.
        server.fail(Some(403));
        let other = Key { name: "other".to_owned(), ..key.clone() };
        writer.take(Notice { key: other.clone(), note: String::new(), at });
        server.fail(None);
        (writer.allowance, writer.refilled) = (0, Instant::now());
        writer.take(Notice { key: other, note: String::new(), at });
        assert_eq!(writer.dropped.load(Ordering::Relaxed), 2);
    }
}
