//! One of the replicas at a time: a lease in the namespace of the webhook.
//!
//! Whether another one still holds it is told by whether it renews, as this program sees it: clocks
//! of nodes may differ.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;

use super::api::{Api, ApiError};
use super::events::micro_time;
use super::resource::{Name, Resource};

/// The name of the lease.
const LEASE: &str = "unbroken-webhook-recheck";
/// How often it is renewed, at the least.
pub(super) const RENEW: Duration = Duration::from_secs(15);
/// How long it is held without that, in seconds. One pod may take 20 s.
const LASTS: u64 = 60;

/// A lease that this replica holds or waits for.
pub(super) struct Lease {
    api: Api,
    namespace: Name,
    holder: String,
    clock: fn() -> Timestamp,
    /// When this replica renewed it last, while it holds it.
    renewed: Option<Instant>,
    /// What another one wrote, and since when that stands.
    seen: Option<(Value, Instant)>,
}

impl Lease {
    /// Waits for the lease under a name that no other replica has.
    pub(super) fn new(api: Api, namespace: Name, holder: String, clock: fn() -> Timestamp) -> Self {
        Self { api, namespace, holder, clock, renewed: None, seen: None }
    }

    /// Takes or renews the lease where it is time; tells whether this replica holds it.
    pub(super) fn hold(&mut self) -> Result<bool, ApiError> {
        if self.renewed.is_some_and(|at| at.elapsed() < RENEW) {
            return Ok(true);
        }
        let taken = match self.take() {
            // Another one was faster.
            Err(error) if error.is_conflict() => Ok(false),
            taken => taken,
        };
        self.renewed = matches!(taken, Ok(true)).then(Instant::now);
        taken
    }

    fn take(&mut self) -> Result<bool, ApiError> {
        let Some(name) = Name::new(LEASE) else { return Ok(false) };
        let path = Resource::LEASES.one(Some(&self.namespace), &name);
        let now = micro_time((self.clock)());
        let spec = json!({
            "holderIdentity": self.holder, "leaseDurationSeconds": LASTS, "renewTime": now,
        });
        let Some(mut lease) = self.api.find(&path)? else {
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": { "name": LEASE }, "spec": spec,
            });
            let all = Resource::LEASES.all(Some(&self.namespace));
            return self.api.create(&all, &lease).map(|_| true);
        };
        if self.is_of_another(lease.get("spec").unwrap_or(&Value::Null)) {
            return Ok(false);
        }
        if let Some(members) = lease.as_object_mut() {
            members.insert("spec".to_owned(), spec);
        }
        self.api.replace(&path, &lease).map(|_| true)
    }

    /// Tells whether another replica holds it, and has renewed it for as long as it said.
    fn is_of_another(&mut self, spec: &Value) -> bool {
        let holder = spec.get("holderIdentity").and_then(Value::as_str).unwrap_or_default();
        if holder.is_empty() || holder == self.holder {
            return false;
        }
        let lasts = spec.get("leaseDurationSeconds").and_then(Value::as_u64).unwrap_or(LASTS);
        match &self.seen {
            Some((before, since)) if before == spec => since.elapsed().as_secs() < lasts,
            _ => {
                self.seen = Some((spec.clone(), Instant::now()));
                true
            }
        }
    }
}
