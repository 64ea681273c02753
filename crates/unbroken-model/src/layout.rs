//! Layouts: what the owner of a project demands of its pipeline (specification 1.0, section 4.3).

mod certificate;
mod inspection;
mod key;
mod step;

use std::collections::BTreeMap;

pub use self::certificate::CertConstraint;
pub use self::inspection::Inspection;
pub use self::key::{KeyId, KeyIdError, LayoutKey};
pub use self::step::Step;
use crate::decode::{DecodeError, Members, Place, string};
use crate::envelope::{Payload, PayloadType};
use crate::json::{Object, Value};
use crate::rule::ArtifactRule;
use crate::timestamp::Timestamp;

/// A layout: the steps of a pipeline, who may do them, and what may happen to the artifacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// When the layout ends to be in force: from this second on it is expired.
    pub expires: Timestamp,
    /// A text for people.
    pub readme: String,
    /// The public keys of the functionaries by their declared ids.
    pub keys: BTreeMap<KeyId, LayoutKey>,
    /// The certificates that paths of functionaries' certificates must end at, by the ids of their
    /// keys (`rootcas`; ITE-7 as it is in use).
    pub root_cas: BTreeMap<KeyId, LayoutKey>,
    /// Certificates that such paths may lead through (`intermediatecas`).
    pub intermediate_cas: BTreeMap<KeyId, LayoutKey>,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// The inspections in order.
    pub inspections: Vec<Inspection>,
    /// Signed members that the specification does not name, as they came.
    pub extra: Object<'static>,
}

impl Payload for Layout {
    const DUE: &'static str = "layout";

    fn decode(value: Value<'_>) -> Result<Self, DecodeError> {
        let mut members = Members::of(value, "")?;
        members.kind(Self::DUE)?;
        let expires = members.string("expires")?.parse().place(|| "expires".to_owned())?;
        let readme = match members.optional("readme") {
            None => String::new(),
            Some(value) => string(value, || "readme".to_owned())?,
        };
        let keys = key::decode_all("keys", members.object("keys")?)?;
        let root_cas = certificate::decode_authorities(&mut members, "rootcas")?;
        let intermediate_cas = certificate::decode_authorities(&mut members, "intermediatecas")?;
        let steps = members.each("steps", Step::decode)?;
        let inspections = members.each("inspect", Inspection::decode)?;
        let extra = members.rest()?;
        Ok(Self { expires, readme, keys, root_cas, intermediate_cas, steps, inspections, extra })
    }

    fn to_value(&self) -> Value<'_> {
        let mut object = self.extra.clone();
        object.insert("_type", Self::DUE);
        object.insert("expires", self.expires.to_string());
        object.insert("readme", self.readme.clone());
        object.insert("keys", key::to_object(&self.keys));
        for (name, authorities) in
            [("rootcas", &self.root_cas), ("intermediatecas", &self.intermediate_cas)]
        {
            // Readers that know no certificates refuse layouts that name them.
            if !authorities.is_empty() {
                object.insert(name, key::to_object(authorities));
            }
        }
        object.insert("steps", self.steps.iter().map(Step::to_value).collect::<Vec<_>>());
        let inspections = self.inspections.iter().map(Inspection::to_value);
        object.insert("inspect", inspections.collect::<Vec<_>>());
        object.into()
    }

    fn payload_type() -> PayloadType {
        PayloadType::Layout
    }
}

/// Reads a list of rules that may be absent.
fn decode_rules(
    members: &mut Members<'_>,
    name: &'static str,
) -> Result<Vec<ArtifactRule>, DecodeError> {
    members.each(name, |value, place| {
        let Value::Array(words) = value else {
            return Err(crate::decode::wrong_type("an array of words", &value).at(place()));
        };
        let words = words.into_iter().map(|word| string(word, place));
        let words = words.collect::<Result<Vec<_>, _>>()?;
        ArtifactRule::parse_words(&words).place(place)
    })
}

fn rules_value(rules: &[ArtifactRule]) -> Value<'static> {
    Value::Array(rules.iter().map(|rule| strings_value(rule.to_words())).collect())
}

fn strings_value(words: Vec<String>) -> Value<'static> {
    Value::Array(words.into_iter().map(Value::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Fault;
    use crate::limits::Limits;

    const TEXT: &str = r#"{"_type":"layout","expires":"2030-01-01T00:00:00Z","readme":"r","ca":{"a":1},
        "rootcas":{"0011223344556677":{"keyval":{"certificate":"x"}}},"intermediatecas":{},
        "keys":{"AABBCCDD00112233":{"keyid":"aabbccdd00112233","keytype":"ed25519","scheme":"ed25519","keyval":{"public":"00"}}},
        "steps":[{"_type":"step","name":"build","pubkeys":["aabbccdd00112233"],"threshold":2,"expected_command":["make"],
          "expected_materials":[["MATCH","*","WITH","PRODUCTS","FROM","build"]],"expected_products":[["CREATE","a"]],"x":[],
          "cert_constraints":[{"common_name":"c","organizations":["*"],"uris":["spiffe://a/b"],"roots":["0011223344556677"],"emails":null}]}],
        "inspect":[{"_type":"inspection","name":"look","run":["true"],"expected_materials":[],"expected_products":[["DISALLOW","*"]]}]}"#;

    fn decode(text: &str) -> Result<Layout, DecodeError> {
        Layout::decode(Value::parse(text.as_bytes(), &Limits::default()).unwrap())
    }

    #[test]
    fn every_member_survives_reading_and_writing() {
        let layout = decode(TEXT).unwrap();
        assert_eq!(layout.steps[0].threshold.get(), 2);
        assert_eq!(layout.keys.keys().next().unwrap().prefix(), "aabbccdd");
        assert!(layout.extra.get("ca").is_some() && layout.steps[0].extra.get("x").is_some());
        assert_eq!(layout.root_cas.keys().next().unwrap().prefix(), "00112233");
        let constraint = &layout.steps[0].cert_constraints[0];
        assert_eq!((constraint.common_name.as_str(), constraint.dns_names.len()), ("c", 0));
        assert_eq!(constraint.uris, ["spiffe://a/b"]);
        assert_eq!(Layout::decode(layout.to_value()).unwrap(), layout);
    }

    #[test]
    fn faults_name_their_place() {
        for (from, to, place) in [
            ("\"threshold\":2", "\"threshold\":0", "steps[0].threshold"),
            ("\"threshold\":2", "\"threshold\":true", "steps[0].threshold"),
            ("2030-01-01T00:00:00Z", "2030-01-01", "expires"),
            ("\"name\":\"build\"", "\"name\":\"../build\"", "steps[0].name"),
            ("\"_type\":\"step\"", "\"_type\":\"inspection\"", "steps[0]._type"),
            ("[[\"CREATE\",\"a\"]]", "[[\"CREATE\"]]", "steps[0].expected_products[0]"),
            ("[[\"CREATE\",\"a\"]]", "[[\"CREATE\",1]]", "steps[0].expected_products[0]"),
            (
                "\"pubkeys\":[\"aabbccdd00112233\"]",
                "\"pubkeys\":[\"nothex!!\"]",
                "steps[0].pubkeys[0]",
            ),
            ("\"_type\":\"layout\"", "\"_type\":\"link\"", "_type"),
            ("\"run\":[\"true\"]", "\"run\":\"true\"", "inspect[0].run"),
            ("AABBCCDD00112233", "ä", "keys"),
            ("\"rootcas\":{\"00", "\"rootcas\":{\"zz", "rootcas"),
            ("\"rootcas\":{", "\"rootcas\":1,\"z\":{", "rootcas"),
            ("\"uris\":[", "\"uris\":[1,", "steps[0].cert_constraints[0].uris[0]"),
            ("\"emails\":null", "\"exts\":[]", "steps[0].cert_constraints[0].exts"),
            ("\"emails\":null", "\"URIs\":[]", "steps[0].cert_constraints[0].URIs"),
        ] {
            assert!(TEXT.contains(from));
            assert_eq!(decode(&TEXT.replace(from, to)).unwrap_err().place, place, "{to}");
        }
    }

    #[test]
    fn members_that_some_readers_take_for_others_are_refused() {
        for (from, to, place) in [
            ("\"run\":[\"true\"]", "\"run\":[\"true\"],\"Run\":[\"rm\"]", "inspect[0].Run"),
            ("\"threshold\":2", "\"Threshold\":2", "steps[0].Threshold"),
            ("\"x\":[]", "\"x\":[],\"X\":[]", "steps[0].X"),
            ("\"keys\":{", "\"\u{212a}eys\":{},\"keys\":{", "\u{212a}eys"),
            ("\"steps\":[", "\"\u{17f}teps\":[],\"steps\":[", "\u{17f}teps"),
        ] {
            let error = decode(&TEXT.replace(from, to)).unwrap_err();
            assert!(matches!(error.fault, Fault::LookAlike { .. }), "{to}: {error}");
            assert_eq!(error.place, place);
        }
    }

    #[test]
    fn a_threshold_below_one_is_its_own_fault() {
        let error = decode(&TEXT.replace("\"threshold\":2", "\"threshold\":-1")).unwrap_err();
        assert!(matches!(error.fault, Fault::Threshold { .. }));
    }
}
