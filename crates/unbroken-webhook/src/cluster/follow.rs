//! Keeps the policies of a service as the cluster, and the file of policies, have them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::registry::Client;
use unbroken_policy::selector::Labels;
use unbroken_policy::{Policy, PolicySet};

use super::options::Cluster;
use super::policies::Workshop;
use super::resource::{Key, Resource};
use super::sources::Shelf;
use super::status::Statuses;
use super::watch::{Bell, Mirror, Watched};
use crate::options::load_policies;
use crate::server::Service;

/// How often the file of policies is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long to wait for what else changes at the same moment.
const GATHER: Duration = Duration::from_millis(20);
/// How often all policies are made anew.
const MAKE_ANEW: Duration = Duration::from_mins(10);

/// Follows a cluster for a service.
pub struct Follower {
    service: Weak<Service>,
    cluster: Cluster,
    file: Option<PathBuf>,
    clock: fn() -> Timestamp,
    policies: Mirror,
    cluster_policies: Mirror,
    namespaces: Mirror,
    shelf: Arc<Shelf>,
    workshop: Workshop,
    statuses: Statuses,
    /// What is wrong, so that it is told once.
    fault: Option<String>,
    wake: Receiver<()>,
}

impl Follower {
    /// Says that nothing of the cluster is known yet.
    pub fn at_first(policies: PolicySet) -> PolicySet {
        let waiting_for = Some("those of the cluster were not listed yet".to_owned());
        PolicySet { waiting_for, ..policies }
    }

    /// Follows a cluster, and the policies of a file beside it, until the service is gone.
    pub fn start(
        service: &Arc<Service>,
        cluster: Cluster,
        registries: Client,
        file: Option<PathBuf>,
        clock: fn() -> Timestamp,
    ) {
        let (wake, woken) = sync_channel(1);
        let bell = |of| Bell { of, wake: wake.clone(), log: service.log().clone() };
        let follow = |resource: Resource, keep, of| {
            let watched = Watched { path: resource.all(None), fields: None, keep };
            Mirror::follow(cluster.api.clone(), watched, bell(of))
        };
        let whole: fn(&Value) -> Value = Value::clone;
        let own_namespace = cluster.own_namespace.as_str().to_owned();
        let artifacts = bell("an artifact of a policy");
        let follower = Self {
            service: Arc::downgrade(service),
            policies: follow(Resource::POLICIES, whole, "SupplyChainPolicy"),
            cluster_policies: follow(Resource::CLUSTER_POLICIES, whole, "ClusterSupplyChainPolicy"),
            namespaces: follow(Resource::NAMESPACES, labels_alone, "Namespace"),
            shelf: Shelf::new(cluster.api.clone(), registries, own_namespace, artifacts),
            cluster,
            file,
            clock,
            workshop: Workshop::default(),
            statuses: Statuses::default(),
            fault: None,
            wake: woken,
        };
        std::thread::spawn(move || follower.run());
    }

    fn run(mut self) {
        let mut of_file = PolicySet::default();
        let mut made_anew = Instant::now();
        while let Some(service) = self.service.upgrade() {
            self.read_file(&service, &mut of_file);
            if made_anew.elapsed() > MAKE_ANEW {
                self.workshop.forget();
                made_anew = Instant::now();
            }
            self.compose(&service, &of_file);
            drop(service);
            if self.wake.recv_timeout(LOOK_AGAIN).is_ok() {
                std::thread::sleep(GATHER);
            }
        }
        for mirror in [&self.policies, &self.cluster_policies, &self.namespaces] {
            mirror.end();
        }
    }

    /// Reads the file of policies. One that cannot be told leaves those of before in force.
    fn read_file(&mut self, service: &Service, of_file: &mut PolicySet) {
        let Some(file) = &self.file else { return };
        let fault = match load_policies(file, (self.clock)()) {
            Ok(set) => {
                *of_file = set;
                None
            }
            Err(failed) => Some(failed.to_string()),
        };
        self.tell(service, fault);
    }

    fn compose(&mut self, service: &Service, of_file: &PolicySet) {
        let known =
            (self.policies.objects(), self.cluster_policies.objects(), self.namespaces.objects());
        let (Some(mut objects), Some(of_cluster), Some(namespaces)) = known else { return };
        objects.extend(of_cluster);
        let now = (self.clock)();
        let made = self.workshop.make(&objects, &self.shelf, now);
        let mut policies = of_file.policies.clone();
        policies.extend(made.iter().map(|(_, policy)| Arc::clone(policy)));
        service.set_policies(PolicySet {
            settings: of_file.settings.clone(),
            policies,
            namespaces: Arc::new(labels_of(&namespaces)),
            waiting_for: None,
        });
        let told: Vec<(Key, &Value, &Policy)> = made
            .iter()
            .filter_map(|(key, policy)| Some((key.clone(), objects.get(key)?, policy.as_ref())))
            .collect();
        if let Err(error) = self.statuses.tell(&self.cluster.api, &told, now) {
            let fault = Some(format!("the status of a policy was not written: {error}"));
            self.tell(service, fault);
        }
    }

    fn tell(&mut self, service: &Service, fault: Option<String>) {
        if fault != self.fault {
            service.log().event(fault.as_deref().unwrap_or("the policies can be used again"));
        }
        self.fault = fault;
    }
}

fn labels_alone(object: &Value) -> Value {
    json!({ "labels": object.pointer("/metadata/labels") })
}

fn labels_of(namespaces: &BTreeMap<Key, Value>) -> BTreeMap<String, Labels> {
    let labels = |object: &Value| {
        let labels = object.get("labels").and_then(Value::as_object);
        let text =
            |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        labels.into_iter().flatten().filter_map(text).collect()
    };
    namespaces.iter().map(|((_, name), object)| (name.clone(), labels(object))).collect()
}
