//! The JSON document against its published schema, by a checker that knows just what the schema
//! uses and refuses a schema with anything else in it.

use serde_json::{Map, Value};
use unbroken_report::Report;

use crate::world::World;
use crate::{agreement, world};

const SCHEMA: &str = include_str!("../../../../docs/schema/verify-report-v1.json");

/// Checks a value; unknown members are a fault here, though readers have to ignore them: the
/// program must not write what the schema does not name.
fn check(value: &Value, schema: &Value, root: &Value, at: &str) -> Result<(), String> {
    let schema = schema.as_object().unwrap();
    for (keyword, wanted) in schema {
        let holds = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                let target = root["$defs"].get(name).expect("the definition exists");
                return check(value, target, root, at);
            }
            "anyOf" => {
                let any = wanted.as_array().unwrap();
                any.iter().any(|option| check(value, option, root, at).is_ok())
            }
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "type" => match wanted.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64() || value.is_u64(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                other => panic!("unknown type {other}"),
            },
            "minimum" => value.as_i64().is_some_and(|value| Some(value) >= wanted.as_i64()),
            "pattern" => value.as_str().is_some_and(|it| matches(it, wanted.as_str().unwrap())),
            "items" => {
                let items = value.as_array().ok_or_else(|| format!("{at} is no array"))?;
                for (index, item) in items.iter().enumerate() {
                    check(item, wanted, root, &format!("{at}[{index}]"))?;
                }
                true
            }
            "required" => {
                let object = value.as_object().ok_or_else(|| format!("{at} is no object"))?;
                wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|it| object.contains_key(it.as_str().unwrap()))
            }
            "properties" => members(value, wanted, root, at).map(|()| true)?,
            "additionalProperties" => {
                for (name, member) in value.as_object().unwrap_or(&Map::new()) {
                    check(member, wanted, root, &format!("{at}.{name}"))?;
                }
                true
            }
            other => panic!("the checker does not know {other:?}"),
        };
        if !holds {
            return Err(format!("{at}: {keyword} does not hold"));
        }
    }
    Ok(())
}

fn members(value: &Value, properties: &Value, root: &Value, at: &str) -> Result<(), String> {
    let empty = Map::new();
    for (name, member) in value.as_object().unwrap_or(&empty) {
        let schema = properties.get(name).ok_or_else(|| format!("{at}.{name} is not named"))?;
        check(member, schema, root, &format!("{at}.{name}"))?;
    }
    Ok(())
}

/// The three patterns of the schema.
fn matches(text: &str, pattern: &str) -> bool {
    match pattern {
        "^[a-z]+(-[a-z]+)*$" => text
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())),
        "^[^:]+:.*$" => text.find(':').is_some_and(|at| at > 0),
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$" => {
            let shape: String =
                text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            shape == "0000-00-00T00:00:00Z"
        }
        other => panic!("the checker does not know the pattern {other:?}"),
    }
}

fn checked(report: &Report) -> Result<Value, String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let document: Value = serde_json::from_str(&report.to_json()).unwrap();
    check(&document, &schema, &schema, "").map(|()| document)
}

#[test]
fn every_report_has_the_form_of_the_schema() {
    for (name, report) in agreement::reports() {
        checked(&report).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
}

#[test]
fn the_schema_refuses_what_has_another_form() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let sound = checked(&World::sound().subject(world::IMAGE).report()).unwrap();
    let faults: [(&str, Value); 7] = [
        ("/verdict", "maybe".into()),
        ("/version", 2.into()),
        ("/verifiedAt", "yesterday".into()),
        ("/counts/steps/passed", (-1).into()),
        ("/chains/0/steps/0/threshold", 0.into()),
        ("/subject/coverage", Value::Null),
        ("/chains/0/steps/0/evidence", Value::Null),
    ];
    for (place, value) in faults {
        let mut document = sound.clone();
        *document.pointer_mut(place).unwrap() = value;
        assert!(check(&document, &schema, &schema, "").is_err(), "{place}");
    }
    let mut document = sound.clone();
    document.as_object_mut().unwrap().remove("findings").unwrap();
    assert!(check(&document, &schema, &schema, "").is_err());
    let mut document = sound;
    document.as_object_mut().unwrap().insert("more".to_owned(), Value::Null);
    assert!(check(&document, &schema, &schema, "").is_err());
}

/// Gathers every member that the schema names, by the definition that names it.
fn named(schema: &Value, place: &str, names: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            for (keyword, value) in object {
                if keyword == "properties" {
                    let members = value.as_object().unwrap();
                    names.extend(members.keys().map(|name| format!("{place}.{name}")));
                }
                named(value, &format!("{place}/{keyword}"), names);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                named(item, &format!("{place}/{index}"), names);
            }
        }
        _ => {}
    }
}

#[test]
fn every_member_that_the_schema_names_is_required() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut names = Vec::new();
    named(&schema, "", &mut names);
    assert!(names.len() > 60, "{}", names.len());
    for name in names {
        let (place, member) = name.rsplit_once('.').unwrap();
        let object = schema.pointer(place).unwrap();
        assert!(object["required"].as_array().unwrap().contains(&member.into()), "{name}");
    }
}
