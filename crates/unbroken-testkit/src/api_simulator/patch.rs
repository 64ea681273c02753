//! Changes of objects: JSON merge patch (RFC 7386), what of JSON patch (RFC 6902) webhooks send, and what of the
//! strategic merge patch of Kubernetes kubectl sends.

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

/// Merges a patch as Kubernetes does: of lists whose items have names, each item by its name.
pub(super) fn merge_strategically(value: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Object(changes) = patch else {
        *value = patch.clone();
        return Ok(());
    };
    if changes.contains_key("$patch") {
        return Err("directives of patches are not simulated".to_owned());
    }
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(members) = value else { return Ok(()) };
    // Orders of lists, which nothing here depends on, begin with a dollar.
    for (name, change) in changes.iter().filter(|(name, _)| !name.starts_with('$')) {
        let named = |items: &Vec<Value>| items.iter().all(|item| item["name"].is_string());
        match (members.get_mut(name), change) {
            (_, Value::Null) => drop(members.remove(name)),
            (Some(Value::Array(items)), Value::Array(changed))
                if named(items) && named(changed) =>
            {
                for change in changed {
                    match items.iter_mut().find(|item| item["name"] == change["name"]) {
                        Some(item) => merge_strategically(item, change)?,
                        None => items.push(change.clone()),
                    }
                }
            }
            _ => merge_strategically(members.entry(name.clone()).or_insert(Value::Null), change)?,
        }
    }
    Ok(())
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
