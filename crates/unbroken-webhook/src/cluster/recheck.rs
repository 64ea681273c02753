//! Judges pods that run already, again and again, and reports what would not come in any more.
//!
//! Nothing is ended by it. Of several replicas one does it, that which holds a lease.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;
use unbroken_policy::kind::GroupKind;

use super::api::{Api, ApiError};
use super::lease::{Lease, RENEW};
use super::list::Pages;
use super::report::{Found, empty_others, report};
use super::resource::{Name, Resource, metadata};
use crate::review::{Operation, Request, User};
use crate::server::Service;

/// Pods that are looked at in one round.
const PODS: usize = 100_000;
/// How long one pod may take.
const TIME: Duration = Duration::from_secs(20);

/// Who judges again, and what for.
pub struct Recheck {
    api: Api,
    service: Weak<Service>,
    clock: fn() -> Timestamp,
    lease: Lease,
    /// Pods that are looked at in one round.
    most: usize,
}

impl Recheck {
    /// Makes one for a replica of this name, beside others in the namespace of the webhook.
    pub fn new(
        api: Api,
        service: &Arc<Service>,
        clock: fn() -> Timestamp,
        (own_namespace, instance): (Name, String),
    ) -> Self {
        let lease = Lease::new(api.clone(), own_namespace, instance, clock);
        Self { api, service: Arc::downgrade(service), clock, lease, most: PODS }
    }

    /// Judges pods each time that `every` has passed, until the service is gone.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn start(mut self, every: Duration) -> io::Result<()> {
        let run = move || {
            let (mut begun, mut fault) = (Instant::now(), None);
            loop {
                std::thread::sleep(every.min(RENEW));
                if self.service.strong_count() == 0 {
                    return;
                }
                let is_due = begun.elapsed() >= every;
                let found = match self.lease.hold() {
                    Ok(false) => Ok(()),
                    Ok(true) if is_due => {
                        begun = Instant::now();
                        let Some(found) = self.round() else { return };
                        found
                    }
                    Ok(true) => continue,
                    Err(error) => Err(error),
                };
                let found = found.err().map(|error| error.to_string());
                if let (Some(service), Some(text)) = (self.service.upgrade(), &found)
                    && found != fault
                {
                    service.log().event(&format!("the pods that run were not judged: {text}"));
                }
                fault = found;
            }
        };
        Builder::new().spawn(run).map(drop)
    }

    /// Judges every pod once; nothing where the service is gone.
    fn round(&mut self) -> Option<Result<(), ApiError>> {
        let mut namespaces: BTreeMap<String, Found> = BTreeMap::new();
        let (mut pods, mut left_out) = (0, 0_u64);
        let path = Resource::PODS.all(None);
        let api = self.api.clone();
        let mut pages = Pages::of(&api, &path, None);
        while left_out == 0 {
            let page = match pages.next() {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) => return Some(Err(error)),
            };
            for pod in page.get("items").and_then(Value::as_array).into_iter().flatten() {
                let service = self.service.upgrade()?;
                if pods == self.most {
                    left_out += 1;
                    continue;
                }
                pods += 1;
                let found = namespaces.entry(metadata(pod, "namespace").to_owned()).or_default();
                // What has ended runs nothing.
                let phase = pod.pointer("/status/phase").and_then(Value::as_str);
                if matches!(phase, Some("Succeeded" | "Failed")) {
                    continue;
                }
                match (self.lease.hold(), service.judge_again(&request(pod), TIME)) {
                    (Ok(true), Some(ruling)) => found.note(pod, &ruling, (self.clock)()),
                    // Without policies nothing can be said, and another replica says it now.
                    (Ok(_), _) => return Some(Ok(())),
                    (Err(error), _) => return Some(Err(error)),
                }
            }
            if left_out > 0 {
                let rest = page.pointer("/metadata/remainingItemCount").and_then(Value::as_u64);
                left_out = left_out.saturating_add(rest.unwrap_or_default());
            }
        }
        let mut written = Ok(());
        for (namespace, found) in &namespaces {
            written = written.and(report(&api, namespace, found));
        }
        if left_out == 0 {
            written = written.and(empty_others(&api, &namespaces));
        } else {
            let service = self.service.upgrade()?;
            let most = self.most;
            service.metrics().left_out(left_out);
            service.log().event(&format!("{left_out} pods were not judged: {most} are at once"));
        }
        Some(written.or_else(|error| if error.is_conflict() { Ok(()) } else { Err(error) }))
    }
}

/// Asks for a pod as if it were made now.
fn request(pod: &Value) -> Request {
    let mut object = pod.clone();
    if let Some(object) = object.as_object_mut() {
        // The members of a list do not say what they are.
        object.insert("apiVersion".to_owned(), json!("v1"));
        object.insert("kind".to_owned(), json!("Pod"));
    }
    Request {
        uid: "recheck".to_owned(),
        kind: GroupKind { group: String::new(), kind: "Pod".to_owned() },
        subresource: String::new(),
        name: metadata(pod, "name").to_owned(),
        namespace: metadata(pod, "namespace").to_owned(),
        operation: Operation::Create,
        user: User::default(),
        dry_run: true,
        object: Some(object),
        old_object: None,
    }
}

#[cfg(test)]
mod tests {
    use unbroken_oci::registry::{Client, Settings};
    use unbroken_policy::PolicySet;
    use unbroken_testkit::mock_api::MockApi;

    use super::*;
    use crate::cluster::api::Endpoint;
    use crate::log::Log;
    use crate::verifier::RegistryVerifier;

    #[test]
    fn pods_that_are_too_many_are_told_of() {
        let mock = MockApi::start();
        for name in ["a", "b", "c", "d"] {
            let containers = json!([{"name": "app", "image": "registry.example/app"}]);
            let pod = json!({"spec": {"containers": containers}});
            mock.put(&format!("/api/v1/namespaces/{name}/pods/{name}"), pod);
        }
        let address = mock.address().to_owned();
        let api = Api::new(Endpoint { address, authorities: None, token: None }).unwrap();
        let clock = || Timestamp::from_unix(1_790_000_000);
        let verifier = RegistryVerifier::new(Client::new(Settings::default()));
        let log = Log::new(io::sink());
        let service = Service::new(PolicySet::default(), Arc::new(verifier), clock, log);
        let who = (Name::new("security").unwrap(), "one".to_owned());
        let mut recheck = Recheck::new(api, &service, clock, who);
        recheck.most = 3;
        let metric = || service.metrics().text();
        recheck.round().unwrap().unwrap();
        assert!(metric().contains("unbroken_recheck_left_out_total 1\n"), "{}", metric());
        assert_eq!(mock.all("/reports/").len(), 3);
        recheck.most = 4;
        recheck.round().unwrap().unwrap();
        assert!(metric().contains("unbroken_recheck_left_out_total 1\n"), "{}", metric());
        assert_eq!(mock.all("/reports/").len(), 4);
    }
}
