//! Verifies the chain of an image in a registry. No command is run: inspections pass by signed links.

mod chain;
mod evidence;
mod readings;

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use unbroken_model::digest::Digest;
use unbroken_oci::OciError;
use unbroken_oci::reference::{Reference, Repository, Selector};
use unbroken_oci::registry::{Client, Watcher};
use unbroken_policy::{ChainPolicy, Generation, Policy};
use unbroken_verify::NamedEvidence;

use self::evidence::{Image, Pieces};
use crate::admission::{Occasion, Verify};
use crate::cache::flights::{Flights, Sharing};
use crate::cache::{Bounds, Cache, Moment, Outcome, Subject};
use crate::cluster::pull_secrets::{PullSecrets, Puller};
use crate::decision::{Failure, Verified};
use crate::metrics::Reading;
use crate::review::Request;
use unbroken_policy::code::AdmissionCode;

/// Looks images and their evidence up in registries, once for all who ask at the same time.
#[derive(Clone)]
pub struct RegistryVerifier {
    client: Client,
    /// Whose credentials the client has: what one may see is not told to others.
    scope: Arc<str>,
    pull_secrets: Option<Arc<PullSecrets>>,
    cache: Arc<Cache>,
    /// Looks that are under way, by the image and what is asked of it.
    flights: Arc<Looks>,
}

type Looks = Flights<(Subject, Vec<Generation>), Vec<Outcome>>;

/// A verifier with the credentials of a pod, which are read when a registry has to be asked.
struct OfPod<'a> {
    of: &'a RegistryVerifier,
    pull_secrets: &'a PullSecrets,
    puller: Puller,
    watcher: Option<Watcher>,
    made: OnceCell<RegistryVerifier>,
}

/// An image that is asked about, by its digest.
struct Question<'a> {
    subject: Subject,
    repository: &'a Repository,
    digest: Digest,
    /// What the name led to, where that had to be looked up.
    image: Option<Image>,
    at: Moment,
    occasion: Occasion,
}

impl RegistryVerifier {
    /// Makes a verifier that remembers nothing; nothing is connected to yet.
    pub fn new(client: Client) -> Self {
        Self::remembering(client, Bounds { entries: 0, ..Bounds::default() })
    }

    /// Makes a verifier that remembers verdicts within bounds.
    pub fn remembering(client: Client, bounds: Bounds) -> Self {
        let (cache, flights) = (Arc::new(Cache::new(bounds)), Arc::new(Flights::new()));
        Self { client, scope: "".into(), pull_secrets: None, cache, flights }
    }

    /// Lets requests be judged with the credentials that their pods name.
    #[must_use]
    pub fn with_pull_secrets(self, pull_secrets: PullSecrets) -> Self {
        Self { pull_secrets: Some(Arc::new(pull_secrets)), ..self }
    }

    /// Returns what is remembered.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns the client, whose requests end when nobody waits for the answer any more.
    fn client(&self, occasion: Occasion) -> Client {
        occasion.until.map_or_else(|| self.client.clone(), |until| self.client.until(until))
    }

    fn question_of<'a>(
        &self,
        image: &'a Reference,
        digest: Digest,
        found: Option<Image>,
        occasion: Occasion,
    ) -> Question<'a> {
        let repository = image.repository();
        let scope = Arc::clone(&self.scope);
        let subject = Subject { scope, image: format!("{repository}@{digest}").into() };
        let at = Moment { now: occasion.now, steady: Instant::now() };
        Question { subject, repository, digest, image: found, at, occasion }
    }

    fn question<'a>(
        &self,
        image: &'a Reference,
        occasion: Occasion,
    ) -> Result<Question<'a>, OciError> {
        let (digest, found) = match image.selector() {
            Selector::Digest(digest) => (digest, None),
            Selector::Tag(_) => {
                let found = evidence::resolve(&self.client(occasion), image)?;
                let none = || OciError::NotFound { what: format!("the digest of {image}") };
                (found.digests.first().cloned().ok_or_else(none)?, Some(found))
            }
        };
        Ok(self.question_of(image, digest, found, occasion))
    }

    /// Answers from what is remembered; nothing, where that does not suffice for all of it.
    fn remembered(&self, question: &Question<'_>, chains: &[&ChainPolicy]) -> Option<Vec<Outcome>> {
        let of = |chain: &&ChainPolicy| {
            self.cache.outcome(&question.subject, chain.generation(), question.at)
        };
        chains.iter().map(of).collect()
    }

    /// Looks up what is not remembered, or waits for whoever does so already.
    fn ask(&self, question: &Question<'_>, chains: &[&ChainPolicy]) -> Vec<Outcome> {
        let remembered = self.remembered(question, chains);
        self.cache.count(chains.len(), remembered.is_some());
        if let Some(outcomes) = remembered {
            return outcomes;
        }
        let generations = chains.iter().map(|chain| chain.generation()).collect();
        let key = (question.subject.clone(), generations);
        let until = question.occasion.until;
        let answer = self.flights.answer(&key, until, || {
            // Whoever asked before may have landed in between.
            let outcomes =
                self.remembered(question, chains).unwrap_or_else(|| self.look_up(question, chains));
            // That the time of one was over says nothing to those who have more of it.
            let late = until.is_some_and(|until| Instant::now() >= until);
            (outcomes, if late { Sharing::Own } else { Sharing::Shared })
        });
        answer.unwrap_or_else(|| {
            let waited = OciError::Deadline { action: "waiting for the same image".to_owned() };
            vec![Err(Arc::new([undecided(&waited)])); chains.len()]
        })
    }

    /// Looks an image up: first what refers to it, which mostly suffices, then everything else.
    fn look_up(&self, question: &Question<'_>, chains: &[&ChainPolicy]) -> Vec<Outcome> {
        let (client, all) = (self.client(question.occasion), OnceCell::new());
        let look = Look { question, cache: &self.cache, client, all };
        match look.referrers() {
            Ok(referrers) => chains.iter().map(|chain| look.judge(chain, &referrers)).collect(),
            Err(error) => vec![Err(Arc::new([undecided(&error)])); chains.len()],
        }
    }
}

impl Verify for RegistryVerifier {
    fn for_request(
        &self,
        request: &Request,
        watcher: Option<Watcher>,
    ) -> Option<Box<dyn Verify + '_>> {
        let own = |watcher| -> Box<dyn Verify> {
            Box::new(Self { client: self.client.watched_by(watcher), ..self.clone() })
        };
        let puller = self.pull_secrets.as_deref().zip(Puller::of(request));
        let Some((pull_secrets, puller)) = puller else { return watcher.map(own) };
        Some(Box::new(OfPod { of: self, pull_secrets, puller, watcher, made: OnceCell::new() }))
    }

    fn verify(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Vec<Result<Verified, Vec<Failure>>> {
        match self.question(image, occasion) {
            Ok(question) => {
                settle(image, &question, policies, |chains| Some(self.ask(&question, chains)))
                    .unwrap_or_default()
            }
            Err(error) => policies.iter().map(|_| Err(vec![undecided(&error)])).collect(),
        }
    }

    fn recall(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Option<Vec<Result<Verified, Vec<Failure>>>> {
        let question = self.question_of(image, image.digest()?.clone(), None, occasion);
        settle(image, &question, policies, |chains| {
            let outcomes = self.remembered(&question, chains)?;
            self.cache.count(chains.len(), true);
            Some(outcomes)
        })
    }

    fn readings(&self) -> Vec<Reading> {
        readings::of(&self.cache.usage(), &self.client.tally())
    }

    fn resolve(&self, image: &Reference, occasion: Occasion) -> Result<Digest, Box<Failure>> {
        match self.question(image, occasion) {
            Ok(question) => Ok(question.digest),
            Err(error) => {
                let mut failure = undecided(&error);
                failure.image = image.to_string();
                Err(Box::new(failure))
            }
        }
    }
}

impl OfPod<'_> {
    fn verifier(&self, occasion: Occasion) -> &RegistryVerifier {
        self.made.get_or_init(|| {
            let client = self.pull_secrets.client(&self.puller, occasion.until);
            let watched = self.watcher.clone().map(|watcher| client.watched_by(watcher));
            RegistryVerifier { client: watched.unwrap_or(client), ..self.remembering() }
        })
    }

    /// What answers from what is remembered asks nobody, and needs no credentials.
    fn remembering(&self) -> RegistryVerifier {
        RegistryVerifier { scope: self.puller.scope().into(), ..self.of.clone() }
    }
}

impl Verify for OfPod<'_> {
    fn verify(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Vec<Result<Verified, Vec<Failure>>> {
        self.verifier(occasion).verify(image, policies, occasion)
    }

    fn recall(
        &self,
        image: &Reference,
        policies: &[&Policy],
        occasion: Occasion,
    ) -> Option<Vec<Result<Verified, Vec<Failure>>>> {
        self.remembering().recall(image, policies, occasion)
    }

    fn resolve(&self, image: &Reference, occasion: Occasion) -> Result<Digest, Box<Failure>> {
        self.verifier(occasion).resolve(image, occasion)
    }
}

/// Settles the policies by what comes of their chains, in their order.
fn settle(
    image: &Reference,
    question: &Question<'_>,
    policies: &[&Policy],
    outcomes: impl FnOnce(&[&ChainPolicy]) -> Option<Vec<Outcome>>,
) -> Option<Vec<Result<Verified, Vec<Failure>>>> {
    // A policy that cannot be used is not handed in; if it were, it would prove nothing.
    let chains: Vec<&ChainPolicy> =
        policies.iter().filter_map(|policy| policy.chain.as_ref().ok()).collect();
    let mut outcomes = outcomes(&chains)?.into_iter();
    let settle = |policy: &&Policy| {
        let outcome = policy.chain.as_ref().ok().and_then(|_| outcomes.next());
        let proven = outcome.ok_or_else(Vec::new)?.map_err(|failures| failures.to_vec())?;
        Verified::of(image, &question.digest, policy, &proven).ok_or_else(Vec::new)
    };
    Some(policies.iter().map(settle).collect())
}

/// One look at an image.
struct Look<'a> {
    question: &'a Question<'a>,
    cache: &'a Cache,
    client: Client,
    /// The image and what lies beside it in other ways, once they had to be fetched.
    all: OnceCell<Result<(Image, Pieces), OciError>>,
}

impl Look<'_> {
    fn referrers(&self) -> Result<Pieces, OciError> {
        let repository = self.client.repository(self.question.repository);
        evidence::referrers(&repository, &self.question.digest)
    }

    fn judge(&self, chain: &ChainPolicy, referrers: &Pieces) -> Outcome {
        let called = std::slice::from_ref(&self.question.digest);
        if chain.evidence().is_empty()
            && let Ok(proven) = self.judge_by(chain, called, &[referrers])
        {
            return Ok(proven);
        }
        let outcome = self.judge_by_all(chain, referrers);
        if let Err(failures) = &outcome {
            let (subject, at) = (&self.question.subject, self.question.at);
            self.cache.keep_refusal(subject, chain.generation(), failures, at);
        }
        outcome
    }

    /// Judges by everything that there is: a chain may name the image by the digest of its
    /// configuration, and evidence may lie under a tag, or in other places of the policy.
    fn judge_by_all(&self, chain: &ChainPolicy, referrers: &Pieces) -> Outcome {
        let unknown = |error: &OciError| -> Arc<[Failure]> { Arc::new([undecided(error)]) };
        let all = self.all.get_or_init(|| self.fetch(referrers)).as_ref();
        let (image, others) = all.map_err(unknown)?;
        let mut pieces = Vec::new();
        for place in chain.evidence() {
            let found = evidence::elsewhere(&self.client, place, image);
            pieces.push(found.map_err(|error| unknown(&error))?);
        }
        let all: Vec<&Pieces> = [referrers, others].into_iter().chain(&pieces).collect();
        self.judge_by(chain, &image.digests, &all)
    }

    fn fetch(&self, referrers: &Pieces) -> Result<(Image, Pieces), OciError> {
        let Question { repository, digest, .. } = self.question;
        let pinned = Reference::new((*repository).clone(), Selector::Digest(digest.clone()));
        let image = match &self.question.image {
            Some(image) => image.clone(),
            None => evidence::resolve(&self.client, &pinned)?,
        };
        let others = evidence::others(&self.client.repository(repository), &image, referrers)?;
        Ok((image, others))
    }

    /// Judges by this evidence, if that was not done before.
    fn judge_by(&self, chain: &ChainPolicy, digests: &[Digest], pieces: &[&Pieces]) -> Outcome {
        let (at, digest) = (self.question.at, evidence::digest(digests, pieces));
        let known = self.cache.verdict(chain.generation(), &self.question.digest, digest, at);
        let judge = || {
            let named: Vec<&NamedEvidence> =
                pieces.iter().flat_map(|pieces| pieces.named()).collect();
            let proven = chain::judge(chain, digests, &named, at.now)?;
            if let Some(longest) = self.cache.verdicts_last() {
                let ends = chain::passes_until(chain, digests, &named, at.now, longest);
                self.cache.keep_verdict(digest, &proven, at, ends);
            }
            Ok::<_, Vec<Failure>>(proven)
        };
        let proven = known.map_or_else(judge, Ok)?;
        self.cache.keep_look(&self.question.subject, digest, &proven, at);
        Ok(proven)
    }
}

/// A registry that does not answer says nothing about a chain; one that has no such image does.
fn undecided(error: &OciError) -> Failure {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    // Errors of transport are few deep.
    for _ in 0..8 {
        let Some(cause) = source else { break };
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    let remedy = "try again later; look at the registry, its credentials and the network";
    Failure::new(AdmissionCode::Undecided, message, remedy).undecided()
}
