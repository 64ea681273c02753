//! Makes policies of the objects of a cluster, each once for as long as nothing of it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::source::Sources as _;
use unbroken_policy::{Policy, PolicyFault, Reach};

use super::resource::Key;
use super::sources::{Account, Shelf};

/// Policies of the whole cluster.
const OF_CLUSTER: usize = 1024;
/// Policies of one namespace: nobody who writes there is to slow down the others.
const OF_NAMESPACE: usize = 64;

/// The policies that were made, by the objects that they were made of.
#[derive(Default)]
pub(super) struct Workshop {
    made: BTreeMap<Key, Made>,
}

struct Made {
    policy: Arc<Policy>,
    spec: Value,
    read: Account,
}

impl Workshop {
    /// Makes the policies of these objects. What cannot be used denies what it covers.
    pub(super) fn make(
        &mut self,
        objects: &BTreeMap<Key, Value>,
        shelf: &Shelf,
        now: Timestamp,
    ) -> Vec<(Key, Arc<Policy>)> {
        let mut before = std::mem::take(&mut self.made);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (key, object) in objects {
            let (namespace, name) = key;
            let reach = match namespace.as_str() {
                "" => Reach::Cluster,
                _ => Reach::Namespace(namespace.clone()),
            };
            let count = counts.entry(namespace).or_default();
            *count += 1;
            let most = if reach == Reach::Cluster { OF_CLUSTER } else { OF_NAMESPACE };
            let spec = object.get("spec").cloned().unwrap_or_default();
            let made = match before.remove(key) {
                Some(made) if made.spec == spec && made.is_as_it_was(shelf) => made,
                _ if *count > most => Made::too_many(name_of(namespace, name), reach, most),
                _ => Made::of(name_of(namespace, name), &reach, spec, shelf, now),
            };
            self.made.insert(key.clone(), made);
        }
        let read = self
            .made
            .values()
            .flat_map(|made| made.read.iter().map(|(source, _)| (&made.policy.reach, source)));
        shelf.keep_only(read);
        self.made.iter().map(|(key, made)| (key.clone(), Arc::clone(&made.policy))).collect()
    }

    /// Makes all policies anew the next time: keys have ends too.
    pub(super) fn forget(&mut self) {
        self.made.clear();
    }
}

impl Made {
    fn of(name: String, reach: &Reach, spec: Value, shelf: &Shelf, now: Timestamp) -> Self {
        let reader = shelf.reader(reach);
        let policy = Policy::read(name, reach.clone(), &spec, &reader, now);
        let read = reader.account.into_inner();
        Self { policy: Arc::new(policy), spec, read }
    }

    fn too_many(name: String, reach: Reach, most: usize) -> Self {
        let fault = PolicyFault::new(format!("there are more than {most} policies"));
        let policy = Policy::unusable(name, reach, fault);
        Self { policy: Arc::new(policy), spec: Value::Null, read: Vec::new() }
    }

    /// Tells whether everything that was read would be read in the same way again.
    fn is_as_it_was(&self, shelf: &Shelf) -> bool {
        let reader = shelf.reader(&self.policy.reach);
        self.read.iter().all(|(source, text)| reader.read(source) == *text)
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
