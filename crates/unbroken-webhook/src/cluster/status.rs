//! Says in the status of each policy whether it can be used.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unbroken_model::timestamp::Timestamp;

use super::api::{Api, ApiError};
use super::policies::Ready;
use super::resource::{Key, Name, Resource};

/// The longest message of a condition; the API server takes 32 KiB.
const LONGEST_MESSAGE: usize = 1024;

/// What was said of policies already.
///
/// Each replica says what it found once, so that two that differ do not go on contradicting each other.
#[derive(Default)]
pub(super) struct Statuses {
    said: BTreeMap<Key, Said>,
}

#[derive(PartialEq, Eq)]
struct Said {
    generation: i64,
    status: &'static str,
    reason: &'static str,
    message: String,
}

impl Statuses {
    /// Writes what is new.
    ///
    /// # Errors
    /// The first failure; what was not written is written the next time.
    pub(super) fn tell(
        &mut self,
        api: &Api,
        policies: &[Ready],
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let mut failed = None;
        let mut said = BTreeMap::new();
        for ready in policies {
            let Ready { key, object, .. } = ready;
            let due = Said::of(ready);
            let before = self.said.remove(key);
            if before.as_ref() == Some(&due) || due.stands_in(object) {
                said.insert(key.clone(), due);
                continue;
            }
            match write(api, key, object, &due, now) {
                Ok(()) => {
                    said.insert(key.clone(), due);
                }
                // It is gone by now.
                Err(error) if error.code() == Some(404) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        self.said = said;
        failed.map_or(Ok(()), Err)
    }
}

impl Said {
    fn of(ready: &Ready) -> Self {
        let Ready { object, policy, refused, .. } = ready;
        let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
        let (status, reason, message) = match (&policy.chain, refused) {
            (Ok(_), None) => ("True", "Usable", "the policy is in force".to_owned()),
            // Whether it is the layout, the owners that are named, or time.
            (Ok(_), Some(refused)) => ("False", "LayoutRefused", refused.clone()),
            (Err(fault), _) if fault.undecided => ("Unknown", "SourceUnread", fault.to_string()),
            (Err(fault), _) => ("False", "Invalid", fault.to_string()),
        };
        let message = message.chars().filter(|letter| !letter.is_control());
        let message = message.take(LONGEST_MESSAGE).collect();
        Self { generation: generation.unwrap_or_default(), status, reason, message }
    }

    /// Tells whether another replica said it.
    fn stands_in(&self, object: &Value) -> bool {
        let Some(condition) = standing(object) else { return false };
        let text = |member: &str| condition.get(member).and_then(Value::as_str);
        text("status") == Some(self.status)
            && text("reason") == Some(self.reason)
            && text("message") == Some(&self.message)
            && condition.get("observedGeneration").and_then(Value::as_i64) == Some(self.generation)
    }
}

/// Returns the condition that stands in an object.
pub(super) fn standing(object: &Value) -> Option<&Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|it| it.get("type").and_then(Value::as_str) == Some("Valid"))
}

fn write(
    api: &Api,
    (namespace, name): &Key,
    object: &Value,
    due: &Said,
    now: Timestamp,
) -> Result<(), ApiError> {
    let Some(name) = Name::new(name) else { return Ok(()) };
    let path = if namespace.is_empty() {
        Resource::CLUSTER_POLICIES.one(None, &name)
    } else {
        let Some(namespace) = Name::new(namespace) else { return Ok(()) };
        Resource::POLICIES.one(Some(&namespace), &name)
    };
    let before = standing(object);
    let same = before.and_then(|it| it.get("status")).and_then(Value::as_str) == Some(due.status);
    let since = before.and_then(|it| it.get("lastTransitionTime")).filter(|_| same).cloned();
    let condition = json!({
        "type": "Valid",
        "status": due.status,
        "reason": due.reason,
        "message": due.message,
        "observedGeneration": due.generation,
        "lastTransitionTime": since.unwrap_or_else(|| json!(now.to_string())),
    });
    let status = json!({
        "status": { "observedGeneration": due.generation, "conditions": [condition] },
    });
    api.merge(&format!("{path}/status"), &status).map(drop)
}
