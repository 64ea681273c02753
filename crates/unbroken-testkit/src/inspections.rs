//! What inspections gave, as JSON beside a vector.
//!
//! ```text
//! {"no-critical": {"ending": "exit 0", "materials": {"image.tar": {"sha256": "…"}}, "products": {…}}}
//! ```
//! Endings are `exit N`, `signal N`, `out of time` and `not started`.

use std::collections::BTreeMap;

use unbroken_model::envelope::Payload;
use unbroken_model::json::{Object, Value};
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_verify::{Ending, InspectionOutcome};

use crate::draft::link;

pub(crate) fn write(outcomes: &BTreeMap<String, InspectionOutcome>) -> Vec<u8> {
    let mut document = Object::new();
    for (name, outcome) in outcomes {
        let mut carrier = link("inspection", &[], &[]);
        carrier.materials = outcome.materials.clone();
        carrier.products = outcome.products.clone();
        let value = carrier.to_value().into_owned();
        let mut object = Object::new();
        for side in ["materials", "products"] {
            object
                .insert(side, value.as_object().and_then(|link| link.get(side)).cloned().unwrap());
        }
        let ending = match &outcome.ending {
            Ending::Exited(status) => format!("exit {status}"),
            Ending::Signalled(signal) => format!("signal {signal}"),
            Ending::TimedOut => "out of time".to_owned(),
            Ending::NotStarted(_) => "not started".to_owned(),
        };
        object.insert("ending", ending);
        document.insert(name.clone(), object);
    }
    Value::from(document).to_pretty().into_bytes()
}

pub(crate) fn read(bytes: &[u8]) -> Result<BTreeMap<String, InspectionOutcome>, String> {
    let document = Value::parse(bytes, &Limits::default()).map_err(|error| error.to_string())?;
    let document = document.as_object().ok_or("no object")?;
    document.iter().map(|(name, value)| Ok((name.to_owned(), outcome(value)?))).collect()
}

fn outcome(value: &Value<'_>) -> Result<InspectionOutcome, String> {
    let object = value.as_object().ok_or("an outcome is an object")?;
    let ending = object.get("ending").and_then(Value::as_str).ok_or("an outcome has an ending")?;
    let number = |text: &str| text.parse::<i32>().map_err(|error| format!("{text}: {error}"));
    let ending = match ending.split_once(' ') {
        Some(("exit", status)) => Ending::Exited(number(status)?),
        Some(("signal", signal)) => Ending::Signalled(number(signal)?),
        _ if ending == "out of time" => Ending::TimedOut,
        _ if ending == "not started" => Ending::NotStarted("not found".to_owned()),
        _ => return Err(format!("no ending: {ending:?}")),
    };
    let mut carrier = link("inspection", &[], &[]).to_value().into_owned();
    if let Value::Object(carrier) = &mut carrier {
        for side in ["materials", "products"] {
            carrier.insert(side, object.get(side).ok_or("an outcome has both sides")?.clone());
        }
    }
    let Link { materials, products, .. } =
        Link::decode(carrier).map_err(|error| error.to_string())?;
    Ok(InspectionOutcome { materials, products, ending, isolated: true, output: String::new() })
}
