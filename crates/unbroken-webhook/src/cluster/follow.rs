//! Keeps the policies of a service as the cluster, and the file of policies, have them.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::registry::Client;
use unbroken_policy::PolicySet;
use unbroken_policy::selector::Labels;

use super::options::Cluster;
use super::policies::{OF_NAMESPACE, Workshop, kept};
use super::resource::Resource;
use super::sources::Shelf;
use super::status::Statuses;
use super::watch::{Bell, Mirror, Objects, Watched};
use crate::policy_file::{LOOK_AGAIN, PolicyFile};
use crate::server::Service;

/// How long to wait for what else changes at the same moment.
const GATHER: Duration = Duration::from_millis(20);
/// How often all policies are made anew.
const MAKE_ANEW: Duration = Duration::from_mins(10);

/// Follows a cluster for a service.
pub struct Follower {
    service: Weak<Service>,
    cluster: Cluster,
    file: Option<PolicyFile>,
    clock: fn() -> Timestamp,
    policies: Mirror,
    cluster_policies: Mirror,
    namespaces: Mirror,
    shelf: Arc<Shelf>,
    workshop: Workshop,
    statuses: Statuses,
    /// What is wrong with writing the status of policies, so that it is told once.
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
    ///
    /// # Errors
    /// Where the machine gives no threads.
    pub fn start(
        service: &Arc<Service>,
        cluster: Cluster,
        registries: Client,
        file: Option<PolicyFile>,
        clock: fn() -> Timestamp,
    ) -> io::Result<()> {
        let (wake, woken) = sync_channel(1);
        let bell = |of| Bell { of, wake: wake.clone(), log: service.log().clone() };
        let follow = |resource: Resource, keep, of_namespace, of| {
            let watched = Watched { path: resource.all(None), fields: None, keep, of_namespace };
            Mirror::follow(cluster.api.clone(), watched, bell(of))
        };
        let own_namespace = cluster.own_namespace.as_str().to_owned();
        let artifacts = bell("an artifact of a policy");
        let (of_one, all) = (Some(OF_NAMESPACE), None);
        let follower = Self {
            service: Arc::downgrade(service),
            policies: follow(Resource::POLICIES, kept, of_one, "SupplyChainPolicy")?,
            cluster_policies: follow(
                Resource::CLUSTER_POLICIES,
                kept,
                all,
                "ClusterSupplyChainPolicy",
            )?,
            namespaces: follow(Resource::NAMESPACES, labels_alone, all, "Namespace")?,
            shelf: Shelf::new(cluster.api.clone(), registries, own_namespace, artifacts)?,
            cluster,
            file,
            clock,
            workshop: Workshop::default(),
            statuses: Statuses::default(),
            fault: None,
            wake: woken,
        };
        Builder::new().spawn(move || follower.run()).map(drop)
    }

    fn run(mut self) {
        let mut made_anew = Instant::now();
        while let Some(service) = self.service.upgrade() {
            if let Some(file) = &mut self.file {
                file.look(&service);
            }
            if made_anew.elapsed() > MAKE_ANEW {
                self.workshop.forget();
                made_anew = Instant::now();
            }
            self.compose(&service);
            drop(service);
            if self.wake.recv_timeout(LOOK_AGAIN).is_ok() {
                std::thread::sleep(GATHER);
            }
        }
        for mirror in [&self.policies, &self.cluster_policies, &self.namespaces] {
            mirror.end();
        }
    }

    fn compose(&mut self, service: &Service) {
        let known =
            (self.policies.objects(), self.cluster_policies.objects(), self.namespaces.objects());
        let (Some(mut objects), Some(of_cluster), Some(namespaces)) = known else { return };
        objects.extend(of_cluster);
        let now = (self.clock)();
        let made = self.workshop.make(&objects, &self.shelf, now);
        let of_file = self.file.as_ref().map(PolicyFile::policies).unwrap_or_default();
        let mut policies = of_file.policies;
        policies.extend(made.iter().map(|ready| Arc::clone(&ready.policy)));
        let namespaces = Arc::new(labels_of(&namespaces));
        service.set_policies(PolicySet { policies, namespaces, ..of_file });
        let told = self.statuses.tell(&self.cluster.api, &made, now);
        let fault = told.err().map(|error| error.to_string());
        if fault != self.fault {
            service.log().event(&match &fault {
                Some(fault) => format!("the status of a policy was not written: {fault}"),
                None => "the status of policies is written again".to_owned(),
            });
        }
        self.fault = fault;
    }
}

fn labels_alone(object: &Value) -> Value {
    json!({ "labels": object.pointer("/metadata/labels") })
}

fn labels_of(namespaces: &Objects) -> BTreeMap<String, Labels> {
    let labels = |object: &Value| {
        let labels = object.get("labels").and_then(Value::as_object);
        let text =
            |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        labels.into_iter().flatten().filter_map(text).collect()
    };
    namespaces.iter().map(|((_, name), object)| (name.clone(), labels(object))).collect()
}
