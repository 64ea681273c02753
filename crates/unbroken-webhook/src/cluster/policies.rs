//! Makes policies of the objects of a cluster, each once for as long as nothing of it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::source::Sources as _;
use unbroken_policy::{Policy, PolicyFault, Reach, Refusal};

use super::resource::{Key, key_of};
use super::sources::{Account, Shelf};
use super::status::standing;
use super::watch::Objects;
use crate::decision::Failure;

/// Policies of the whole cluster.
const OF_CLUSTER: usize = 1024;
/// Policies of one namespace: nobody who writes there is to slow down the others.
pub(super) const OF_NAMESPACE: usize = 64;
/// The longest specification of a policy of a namespace, as JSON: nobody who writes there is to fill
/// the memory either.
const LONGEST_SPEC: usize = 256 << 10;
/// The member in which is kept why there is no specification.
const FAULT: &str = "fault";

/// The policies that were made, by the objects that they were made of.
#[derive(Default)]
pub(super) struct Workshop {
    made: BTreeMap<Key, Made>,
}

struct Made {
    policy: Arc<Policy>,
    object: Arc<Value>,
    read: Account,
    /// When its layout ends, or why that is refused already.
    layout: Result<Timestamp, String>,
}

/// A policy, and the object that it was made of.
pub(super) struct Ready {
    pub(super) key: Key,
    pub(super) object: Arc<Value>,
    pub(super) policy: Arc<Policy>,
    /// Why its layout is refused, if the policy can be used but for that.
    pub(super) refused: Option<String>,
}

/// Keeps of a policy what is read of it.
pub(super) fn kept(object: &Value) -> Value {
    let (namespace, name) = key_of(object);
    let spec = object.get("spec").cloned().unwrap_or_default();
    let generation = object.pointer("/metadata/generation");
    let metadata = json!({ "namespace": &namespace, "name": name, "generation": generation });
    let is_too_long = |part: &Value| !namespace.is_empty() && part.to_string().len() > LONGEST_SPEC;
    let standing = standing(object).filter(|condition| !is_too_long(condition));
    let status = json!({ "conditions": standing.into_iter().collect::<Vec<_>>() });
    if is_too_long(&spec) {
        let fault = format!("the specification has more than {LONGEST_SPEC} bytes");
        return json!({ "metadata": metadata, FAULT: fault, "status": status });
    }
    json!({ "metadata": metadata, "spec": spec, "status": status })
}

impl Workshop {
    /// Makes the policies of these objects. What cannot be used denies what it covers.
    pub(super) fn make(&mut self, objects: &Objects, shelf: &Shelf, now: Timestamp) -> Vec<Ready> {
        let mut before = std::mem::take(&mut self.made);
        let mut of_cluster = 0;
        for (key, object) in objects {
            let (namespace, name) = key;
            let reach = match namespace.as_str() {
                "" => Reach::Cluster,
                _ => Reach::Namespace(namespace.clone()),
            };
            of_cluster += usize::from(namespace.is_empty());
            let too_many = |most| Some(format!("there are more than {most} policies"));
            let fault = match object.get(FAULT).and_then(Value::as_str) {
                _ if name.is_empty() => too_many(OF_NAMESPACE),
                _ if namespace.is_empty() && of_cluster > OF_CLUSTER => too_many(OF_CLUSTER),
                fault => fault.map(str::to_owned),
            };
            let called = name_of(namespace, name);
            let made = match (fault, before.remove(key)) {
                (Some(fault), _) => Made::unusable(called, reach, fault),
                (None, Some(made)) if made.is_of(object, now) && made.is_as_it_was(shelf) => made,
                (None, _) => Made::of(called, &reach, object, shelf, now),
            };
            self.made.insert(key.clone(), made);
        }
        let read = self
            .made
            .values()
            .flat_map(|made| made.read.iter().map(|(source, _)| (&made.policy.reach, source)));
        shelf.keep_only(read);
        let ready = |(key, made): (&Key, &Made)| Ready {
            key: key.clone(),
            object: objects.get(key).cloned().unwrap_or_default(),
            policy: Arc::clone(&made.policy),
            refused: made.layout.as_ref().err().filter(|_| made.policy.chain.is_ok()).cloned(),
        };
        self.made.iter().map(ready).collect()
    }

    /// Makes all policies anew the next time: keys have ends too.
    pub(super) fn forget(&mut self) {
        self.made.clear();
    }
}

impl Made {
    fn of(name: String, reach: &Reach, object: &Arc<Value>, shelf: &Shelf, now: Timestamp) -> Self {
        let reader = shelf.reader(reach);
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let policy = Policy::read(name, reach.clone(), spec, &reader, now);
        let read = reader.account.into_inner();
        let layout = policy.chain.as_ref().map_err(ToString::to_string);
        let layout =
            layout.and_then(|chain| chain.layout_ends(now).map_err(|refusal| told(&refusal)));
        Self { policy: Arc::new(policy), object: Arc::clone(object), read, layout }
    }

    fn unusable(name: String, reach: Reach, fault: String) -> Self {
        let layout = Err(fault.clone());
        let policy = Policy::unusable(name, reach, PolicyFault::new(fault));
        Self { policy: Arc::new(policy), object: Arc::default(), read: Vec::new(), layout }
    }

    /// Tells whether it was made of the same specification; what was not usable was made of none. What
    /// has ended since is made again, to be told of.
    fn is_of(&self, object: &Arc<Value>, now: Timestamp) -> bool {
        let spec = self.object.get("spec");
        let has_ended = self.layout.as_ref().is_ok_and(|end| end.unix() <= now.unix());
        !has_ended
            && spec.is_some()
            && (Arc::ptr_eq(&self.object, object) || spec == object.get("spec"))
    }

    /// Tells whether everything that was read would be read in the same way again.
    fn is_as_it_was(&self, shelf: &Shelf) -> bool {
        let reader = shelf.reader(&self.policy.reach);
        self.read.iter().all(|(source, text)| reader.read(source) == *text)
    }
}

fn told(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Rejected(rejection) => {
            let findings = rejection.assessment().errors().map(Failure::of_finding);
            let told = findings.map(|it| format!("[{}] {}", it.code, it.message));
            told.collect::<Vec<_>>().join(" ")
        }
        Refusal::Unusable(fault) => fault.to_string(),
    }
}

/// Names a policy so that it is no other one's name: kinds have upper-case letters and namespaces do
/// not, and those of files have no slash.
fn name_of(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        format!("ClusterSupplyChainPolicy/{name}")
    } else {
        format!("{namespace}/{name}")
    }
}
