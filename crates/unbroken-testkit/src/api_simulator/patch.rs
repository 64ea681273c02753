//! Changes of objects: JSON merge patch (RFC 7386), and what of JSON patch (RFC 6902) webhooks send.

use serde_json::{Map, Value};

/// Merges a patch into a value: `null` takes a member away.
pub(crate) fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(members) = value else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Applies operations one after the other; the first that fails ends it.
pub(super) fn apply(object: &mut Value, operations: &[Value]) -> Result<(), String> {
    for operation in operations {
        let path = operation["path"].as_str().unwrap_or_default();
        let value = &operation["value"];
        let place = object.pointer_mut(path).ok_or_else(|| format!("no such path: {path}"))?;
        match operation["op"].as_str() {
            Some("test") if place == value => {}
            Some("test") => return Err(format!("testing value {path} failed")),
            Some("replace") => *place = value.clone(),
            other => return Err(format!("{other:?} is not simulated")),
        }
    }
    Ok(())
}
