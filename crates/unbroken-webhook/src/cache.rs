//! Verdicts that are remembered: by digests, for a short time, and never longer than they hold.
//!
//! Two tables. *Looks* say what lay beside an image the last time that somebody looked: its
//! evidence by one digest, or that it was refused. *Verdicts* say what a policy makes of an image
//! with that evidence. An image that is answered from here has both. A name with a tag is in
//! neither, and what is undecided is never kept.

mod bounded;
pub(crate) mod flights;
pub mod options;

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use unbroken_model::digest::Digest;
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::Generation;

use self::bounded::Bounded;
use crate::decision::{Failure, Proven};

/// What a table's own pointers and counters take for an entry, roughly.
const OVERHEAD: usize = 128;

/// How much is remembered, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Images under policies, at most; none for no cache.
    pub entries: usize,
    /// Bytes, at most.
    pub bytes: usize,
    /// How long an admitted image is not looked up again. What lies beside it may change meanwhile.
    pub looks: Duration,
    /// How long a refused image is not looked up again: evidence may be attached any moment.
    pub refusals: Duration,
    /// How long evidence that is the same is not verified again.
    pub verdicts: Duration,
}

/// What is remembered of images.
#[derive(Debug)]
pub struct Cache {
    bounds: Bounds,
    looks: Mutex<Bounded<LookKey, Look>>,
    verdicts: Mutex<Bounded<VerdictKey, Verdict>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What was used of the cache, and what is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Images under policies that were answered from it.
    pub hits: u64,
    /// Those that were not.
    pub misses: u64,
    /// Looks and verdicts that are in it.
    pub entries: usize,
    /// What they take.
    pub bytes: usize,
}

/// An image of which something is asked, by the credentials with which registries are asked: what
/// one may see is not told to others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) scope: Arc<str>,
    /// Repository and digest.
    pub(crate) image: Arc<str>,
}

/// The same moment by both clocks. The steady one says how long ago something was, whatever is done
/// to the other; validities are held against the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) steady: Instant,
}

/// All evidence that was found beside an image, as one digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EvidenceDigest(pub(crate) [u8; 32]);

/// What came of an image under a policy.
pub(crate) type Outcome = Result<Proven, Arc<[Failure]>>;

#[derive(Debug, PartialEq, Eq, Hash)]
struct LookKey {
    subject: Subject,
    generation: Generation,
}

#[derive(Clone, Debug)]
struct Look {
    seen: Seen,
    from: Timestamp,
    until: Instant,
}

#[derive(Clone, Debug)]
enum Seen {
    Evidence(Digest, EvidenceDigest),
    Refused(Arc<[Failure]>),
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct VerdictKey {
    generation: Generation,
    image: Digest,
    evidence: EvidenceDigest,
}

#[derive(Clone, Debug)]
struct Verdict {
    proven: Proven,
    from: Timestamp,
    ends: Timestamp,
    until: Instant,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            entries: 65_536,
            bytes: 64 << 20,
            looks: Duration::from_secs(30),
            refusals: Duration::from_secs(3),
            verdicts: Duration::from_mins(5),
        }
    }
}

impl Cache {
    /// Makes an empty one.
    pub fn new(bounds: Bounds) -> Self {
        // Half for each table.
        let (entries, bytes) = (bounds.entries, bounds.bytes / 2);
        Self {
            bounds,
            looks: Mutex::new(Bounded::new(entries, bytes)),
            verdicts: Mutex::new(Bounded::new(entries, bytes)),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Says how it was used.
    pub fn usage(&self) -> Usage {
        let (looks, verdicts) = (lock(&self.looks), lock(&self.verdicts));
        Usage {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: looks.entries() + verdicts.entries(),
            bytes: looks.bytes() + verdicts.bytes(),
        }
    }

    /// Returns how long a verdict may be kept, where any is.
    pub(crate) fn verdicts_last(&self) -> Option<Duration> {
        (self.bounds.entries > 0).then_some(self.bounds.verdicts)
    }

    /// Counts so many policies under which an image was answered, from here or not.
    pub(crate) fn count(&self, policies: usize, from_here: bool) {
        let counter = if from_here { &self.hits } else { &self.misses };
        counter.fetch_add(u64::try_from(policies).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns what came of an image, if that was asked lately enough.
    pub(crate) fn outcome(
        &self,
        subject: &Subject,
        generation: Generation,
        at: Moment,
    ) -> Option<Outcome> {
        let key = LookKey { subject: subject.clone(), generation };
        let look = within(&self.looks, |looks| {
            // A clock that was put back makes of this a look into the future.
            let lasts = |look: &Look| at.steady < look.until && look.from <= at.now;
            let look = looks.get(&key)?;
            if lasts(&look) {
                return Some(look);
            }
            looks.remove(&key);
            None
        })?;
        match look.seen {
            Seen::Refused(failures) => Some(Err(failures)),
            Seen::Evidence(image, evidence) => {
                self.verdict(generation, &image, evidence, at).map(Ok)
            }
        }
    }

    /// Returns what a policy made of an image with this evidence, as long as that holds.
    pub(crate) fn verdict(
        &self,
        generation: Generation,
        image: &Digest,
        evidence: EvidenceDigest,
        at: Moment,
    ) -> Option<Proven> {
        let key = VerdictKey { generation, image: image.clone(), evidence };
        let holds = |verdict: &Verdict| {
            verdict.from <= at.now && at.now < verdict.ends && at.steady < verdict.until
        };
        within(&self.verdicts, |verdicts| {
            let verdict = verdicts.get(&key)?;
            if holds(&verdict) {
                return Some(verdict.proven);
            }
            verdicts.remove(&key);
            None
        })
    }

    /// Keeps that an image passed with this evidence, and that it will until `ends`.
    pub(crate) fn keep_verdict(
        &self,
        evidence: EvidenceDigest,
        proven: &Proven,
        at: Moment,
        ends: Timestamp,
    ) {
        let (generation, image) = (proven.generation(), proven.digest().clone());
        let until = at.steady + self.bounds.verdicts;
        let verdict = Verdict { proven: proven.clone(), from: at.now, ends, until };
        let bytes = OVERHEAD + size_of::<(VerdictKey, Verdict)>() + 2 * image.hex().len();
        let key = VerdictKey { generation, image, evidence };
        within(&self.verdicts, |verdicts| verdicts.insert(key, verdict, bytes));
    }

    /// Keeps what lay beside an image when it passed.
    pub(crate) fn keep_look(
        &self,
        subject: &Subject,
        evidence: EvidenceDigest,
        proven: &Proven,
        at: Moment,
    ) {
        let seen = Seen::Evidence(proven.digest().clone(), evidence);
        let bytes = proven.digest().hex().len();
        self.keep(subject, proven.generation(), seen, bytes, at, self.bounds.looks);
    }

    /// Keeps that an image was refused; not, that nothing could be decided.
    pub(crate) fn keep_refusal(
        &self,
        subject: &Subject,
        generation: Generation,
        failures: &Arc<[Failure]>,
        at: Moment,
    ) {
        if failures.is_empty() || failures.iter().any(|failure| failure.undecided) {
            return;
        }
        let text = |it: &Failure| {
            let names = it.code.len() + it.step.as_ref().map_or(0, String::len);
            size_of::<Failure>() + names + it.message.len() + it.remedy.len()
        };
        let bytes = failures.iter().map(text).sum();
        let seen = Seen::Refused(Arc::clone(failures));
        self.keep(subject, generation, seen, bytes, at, self.bounds.refusals);
    }

    fn keep(
        &self,
        subject: &Subject,
        generation: Generation,
        seen: Seen,
        bytes: usize,
        at: Moment,
        time: Duration,
    ) {
        let names = subject.scope.len() + subject.image.len();
        let bytes = bytes + OVERHEAD + size_of::<(LookKey, Look)>() + names;
        let look = Look { seen, from: at.now, until: at.steady + time };
        let key = LookKey { subject: subject.clone(), generation };
        within(&self.looks, |looks| looks.insert(key, look, bytes));
    }
}

/// Uses a table. What it forgets meanwhile is dropped when nobody waits for it any more.
fn within<K: Hash + Eq, V: Clone, T>(
    table: &Mutex<Bounded<K, V>>,
    what: impl FnOnce(&mut Bounded<K, V>) -> T,
) -> T {
    let mut table = lock(table);
    let result = what(&mut table);
    let forgotten = table.forgotten();
    drop(table);
    drop(forgotten);
    result
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unbroken_policy::code::AdmissionCode;

    const START: i64 = 1_800_000_000;

    struct Clocks {
        begin: Instant,
    }

    impl Clocks {
        /// So many seconds on the steady clock, and on the other.
        fn at(&self, steady: u64, wall: i64) -> Moment {
            let now = Timestamp::from_unix(START + wall);
            Moment { now, steady: self.begin + Duration::from_secs(steady) }
        }
    }

    fn subject(scope: &str) -> Subject {
        Subject { scope: scope.into(), image: "registry.example/app@sha256:00".into() }
    }

    fn proven(generation: Generation) -> Proven {
        let image =
            Digest::from_hex(unbroken_model::digest::DigestAlgorithm::Sha256, &"a".repeat(64));
        Proven::for_tests(generation, image.unwrap())
    }

    fn refusal() -> Arc<[Failure]> {
        Arc::new([Failure::new(AdmissionCode::NotJudged, "no link", "make one")])
    }

    const EVIDENCE: EvidenceDigest = EvidenceDigest([1; 32]);

    fn filled(clocks: &Clocks, generation: Generation, ends: i64) -> Cache {
        let cache = Cache::new(Bounds::default());
        let at = clocks.at(0, 0);
        let proven = proven(generation);
        cache.keep_verdict(EVIDENCE, &proven, at, Timestamp::from_unix(START + ends));
        cache.keep_look(&subject("a"), EVIDENCE, &proven, at);
        cache
    }

    #[test]
    fn an_admission_ends_with_the_look_the_verdict_and_what_holds_by_the_clock() {
        let clocks = Clocks { begin: Instant::now() };
        let generation = Generation([1; 32]);
        let found = |cache: &Cache, at| cache.outcome(&subject("a"), generation, at).is_some();
        for (steady, wall, is_kept) in [
            (0, 0, true),
            (29, 29, true),
            (30, 30, false),
            // The layout ends.
            (10, 99, true),
            (10, 100, false),
            // The clock jumps ahead, back a little, and back before the judgement.
            (1, 3600, false),
            (29, 1, true),
            (1, -1, false),
            // A clock that stands still holds nothing for ever.
            (3600, 0, false),
        ] {
            let cache = filled(&clocks, generation, 100);
            assert_eq!(found(&cache, clocks.at(steady, wall)), is_kept, "{steady} {wall}");
        }
    }

    #[test]
    fn a_refusal_is_forgotten_within_seconds_and_what_is_undecided_at_once() {
        let clocks = Clocks { begin: Instant::now() };
        let generation = Generation([1; 32]);
        let cache = Cache::new(Bounds::default());
        cache.keep_refusal(&subject("a"), generation, &refusal(), clocks.at(0, 0));
        let outcome = |steady| cache.outcome(&subject("a"), generation, clocks.at(steady, 0));
        assert!(matches!(outcome(2), Some(Err(failures)) if failures.len() == 1));
        assert_eq!(outcome(3), None);
        let undecided: Arc<[Failure]> = refusal().iter().cloned().map(Failure::undecided).collect();
        for nothing in [undecided, Arc::new([])] {
            cache.keep_refusal(&subject("a"), generation, &nothing, clocks.at(0, 0));
            assert_eq!(outcome(0), None);
        }
    }

    #[test]
    fn other_policies_and_other_credentials_see_nothing_of_it() {
        let clocks = Clocks { begin: Instant::now() };
        let (one, other) = (Generation([1; 32]), Generation([2; 32]));
        let cache = filled(&clocks, one, 100);
        let at = clocks.at(1, 1);
        assert!(cache.outcome(&subject("a"), one, at).is_some());
        assert_eq!(cache.outcome(&subject("a"), other, at), None);
        assert_eq!(cache.outcome(&subject("b"), one, at), None);
        // A verdict is over digests alone: whoever sees the evidence need not verify it again.
        let image = proven(one).digest().clone();
        assert!(cache.verdict(one, &image, EVIDENCE, at).is_some());
        assert_eq!(cache.verdict(one, &image, EvidenceDigest([2; 32]), at), None);
        assert_eq!(cache.verdict(other, &image, EVIDENCE, at), None);
    }

    #[test]
    fn a_full_cache_stays_within_its_bounds() {
        let clocks = Clocks { begin: Instant::now() };
        let bounds = Bounds { entries: 100, bytes: 100_000, ..Bounds::default() };
        let cache = Cache::new(bounds);
        let generation = Generation([1; 32]);
        for number in 0..10_000_u32 {
            let image = format!("registry.example/app{number}@sha256:00").into();
            let subject = Subject { scope: "".into(), image };
            cache.keep_refusal(&subject, generation, &refusal(), clocks.at(0, 0));
            let evidence = EvidenceDigest(unbroken_crypto::hash::sha256(&number.to_le_bytes()));
            let proven = proven(generation);
            cache.keep_verdict(evidence, &proven, clocks.at(0, 0), clocks.at(0, 9).now);
            let usage = cache.usage();
            assert!(usage.entries <= 200 && usage.bytes <= 100_000, "{usage:?}");
        }
    }
}
