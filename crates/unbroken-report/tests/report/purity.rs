//! A verdict is a function of what was signed, the trust, the time and the artifacts: not of the order
//! of files, members, signatures and keys, nor of the number of threads.

use std::collections::BTreeMap;

use unbroken_model::envelope::Envelope;
use unbroken_model::json::Value;
use unbroken_model::limits::Limits;
use unbroken_report::{Facts, Report, Subject};
use unbroken_testkit::{Case, HandingIn, Random, defects, figure};

/// How often each chain is put in another order.
const ROUNDS: usize = 4;

fn shuffled<T>(mut items: Vec<T>, random: &mut Random) -> Vec<T> {
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last + 1));
    }
    items
}

/// Writes a value with the members of every object in another order.
fn rewritten(value: &Value<'_>, random: &mut Random) -> String {
    match value {
        Value::Object(object) => {
            let members = shuffled(object.iter().collect(), random);
            let written = members.into_iter().map(|(name, value)| {
                let name = Value::from(name.to_owned()).to_compact();
                format!("{name}: {}", rewritten(value, random))
            });
            format!("{{{}}}", written.collect::<Vec<_>>().join(",\n"))
        }
        Value::Array(items) => {
            let written: Vec<_> = items.iter().map(|item| rewritten(item, random)).collect();
            format!("[{}]", written.join(", "))
        }
        other => other.to_compact(),
    }
}

/// Writes an envelope with its signatures and all members in another order: a Metablock is signed in
/// canonical form, and of a DSSE envelope the payload is one string. What is no envelope stays as it is,
/// because what is wrong with it is told by places in the file.
fn reordered(bytes: &[u8], limits: &Limits, random: &mut Random) -> Vec<u8> {
    if Envelope::parse(bytes, limits).is_err() {
        return bytes.to_vec();
    }
    let Ok(Value::Object(envelope)) = Value::parse(bytes, limits) else { unreachable!() };
    let mut envelope = envelope.into_owned();
    if let Some(Value::Array(signatures)) = envelope.get("signatures") {
        let signatures = shuffled(signatures.clone(), random);
        envelope.insert("signatures", Value::Array(signatures));
    }
    rewritten(&Value::Object(envelope), random).into_bytes()
}

fn permuted(case: &Case, random: &mut Random) -> Case {
    let mut other = case.clone();
    other.layout = reordered(&case.layout, &case.limits, random);
    for bytes in other.evidence.values_mut() {
        *bytes = reordered(bytes, &case.limits, random);
    }
    other.owners = shuffled(other.owners, random);
    other
}

fn report(case: &Case, order: &[&String], way: HandingIn) -> Report {
    let facts = Facts {
        layout: "root.layout".to_owned(),
        now: case.now,
        tool_version: "0.1.0".to_owned(),
        subject: case.subject.clone().map(|digest| Subject {
            name: "the product".to_owned(),
            digest,
            others: Vec::new(),
        }),
    };
    match case.verify_handing_in(order, way) {
        Ok(chain) => Report::verified(&chain, facts),
        Err(rejection) => Report::rejected(&rejection, facts),
    }
}

#[test]
fn no_order_of_anything_changes_a_verdict_a_finding_or_a_report() {
    let mut random = Random::new(4);
    let (mut chains, mut rewritten) = (BTreeMap::new(), 0);
    for defect in defects::all() {
        let case = defect.vector.case;
        let order: Vec<_> = case.evidence.keys().collect();
        let due = report(&case, &order, HandingIn::OneByOne);
        for round in 0..ROUNDS {
            let other = permuted(&case, &mut random);
            rewritten += usize::from(other.layout != case.layout);
            let order = shuffled(other.evidence.keys().collect(), &mut random);
            // Together, pieces are looked at by as many threads as there are cores.
            let way = if round % 2 == 0 { HandingIn::AtOnce } else { HandingIn::OneByOne };
            let came = report(&other, &order, way);
            let name = defect.name;
            assert_eq!(came.is_verified(), due.is_verified(), "{name}");
            assert_eq!(came.to_json(), due.to_json(), "{name}: {order:?}");
            assert_eq!(came.to_sarif(), due.to_sarif(), "{name}");
            assert_eq!(came.to_junit(), due.to_junit(), "{name}");
            *chains.entry(came.is_verified()).or_insert(0) += 1;
        }
    }
    assert!(chains[&true] > 20 * ROUNDS && chains[&false] > 100 * ROUNDS, "{chains:?}");
    assert!(rewritten > 100 * ROUNDS, "{rewritten}");
    figure(
        "orders of files, members, signatures and keys: equal reports",
        chains[&true] + chains[&false],
    );
}
