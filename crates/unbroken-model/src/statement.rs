//! Statements of the in-toto attestation framework: what somebody says of artifacts (attestation
//! framework 1.0, statement layer).

use crate::decode::{DecodeError, Fault, Members, object, string};
use crate::envelope::{Payload, PayloadType};
use crate::json::{Object, Value};

/// The types of statements that are read; both have the same members.
pub(crate) const TYPES: [&str; 2] =
    ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/// Tells whether a value announces to be a statement, of whatever version.
pub fn is_statement(value: &Value<'_>) -> bool {
    let kind = value.as_object().and_then(|object| object.get("_type")).and_then(Value::as_str);
    kind.is_some_and(|kind| kind.starts_with("https://in-toto.io/Statement/"))
}

/// A statement: artifacts, and a predicate about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The version of the statement, as `_type` has it.
    pub kind: String,
    /// The artifacts that the predicate is about, in order.
    pub subjects: Vec<Subject>,
    /// What sort of predicate it is: a URI.
    pub predicate_type: String,
    /// The predicate, as it came; empty where it is left out.
    pub predicate: Object<'static>,
    /// Members that the framework does not name, as they came: readers ignore them.
    pub extra: Object<'static>,
}

/// An artifact that a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name; a hint for people, unless the predicate says otherwise.
    pub name: String,
    /// The digests by their algorithms, as they came.
    pub digest: Object<'static>,
    /// Members of the resource descriptor that stand beside these.
    pub extra: Object<'static>,
}

impl Payload for Statement {
    const DUE: &'static str = TYPES[0];

    fn decode(value: Value<'_>) -> Result<Self, DecodeError> {
        let mut members = Members::of(value, "")?;
        let kind = members.string("_type")?;
        if !TYPES.contains(&kind.as_str()) {
            let found = kind.chars().take(80).collect();
            return Err(Fault::Kind { due: Self::DUE, found }.at("_type"));
        }
        let subjects = members.required("subject")?;
        let Value::Array(subjects) = subjects else {
            return Err(crate::decode::wrong_type("an array", &subjects).at("subject"));
        };
        let subjects = subjects.into_iter().enumerate();
        let subjects = subjects.map(|(index, value)| Subject::decode(value, index));
        Ok(Self {
            kind,
            subjects: subjects.collect::<Result<_, _>>()?,
            predicate_type: members.string("predicateType")?,
            predicate: members.object("predicate")?.into_owned(),
            extra: members.rest()?,
        })
    }

    fn to_value(&self) -> Value<'_> {
        let mut value = self.extra.clone();
        value.insert("_type", self.kind.clone());
        let subjects = self.subjects.iter().map(Subject::to_value);
        value.insert("subject", subjects.collect::<Vec<_>>());
        value.insert("predicateType", self.predicate_type.clone());
        value.insert("predicate", self.predicate.clone());
        value.into()
    }

    fn payload_type() -> PayloadType {
        PayloadType::Other(Self::DUE.to_owned())
    }
}

impl Subject {
    fn decode(value: Value<'_>, index: usize) -> Result<Self, DecodeError> {
        let place = format!("subject[{index}]");
        let mut members = Members::of(value, &place)?;
        let name = match members.optional("name") {
            None => String::new(),
            Some(name) => string(name, || format!("{place}.name"))?,
        };
        let digest = object(members.required("digest")?, || format!("{place}.digest"))?;
        let digest = digest.into_owned();
        // An artifact without a digest would be any artifact.
        if digest.is_empty() {
            return Err(Fault::Missing.at(format!("{place}.digest")));
        }
        for (algorithm, value) in digest.iter() {
            string(value.clone(), || format!("{place}.digest.{algorithm}"))?;
        }
        Ok(Self { name, digest, extra: members.rest()? })
    }

    fn to_value(&self) -> Value<'static> {
        let mut value = self.extra.clone();
        if !self.name.is_empty() {
            value.insert("name", self.name.clone());
        }
        value.insert("digest", self.digest.clone());
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    const TEXT: &str = r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1",
        "subject":[{"name":"a","digest":{"sha256":"00"},"uri":"oci:x"},{"digest":{"sha512":"11"}}],"predicate":{"a":[1]},"more":null}"#;

    fn decode(text: &str) -> Result<Statement, DecodeError> {
        Statement::decode(Value::parse(text.as_bytes(), &Limits::default()).unwrap())
    }

    #[test]
    fn every_member_survives_reading_and_writing() {
        let statement = decode(TEXT).unwrap();
        assert_eq!((statement.subjects[0].name.as_str(), statement.subjects.len()), ("a", 2));
        assert_eq!(Statement::decode(statement.to_value()).unwrap(), statement);
        assert!(decode(&TEXT.replace("Statement/v1", "Statement/v0.1")).is_ok());
    }

    #[test]
    fn faults_name_their_place() {
        for (from, to, place) in [
            ("\"_type\"", "\"type\"", "_type"),
            ("Statement/v1", "Statement/v2", "_type"),
            ("\"predicateType\"", "\"predicatetype\"", "predicateType"),
            ("\"predicate\":{\"a\":[1]}", "\"predicate\":1", "predicate"),
            ("{\"sha256\":\"00\"}", "{}", "subject[0].digest"),
            ("{\"sha256\":\"00\"}", "{\"sha256\":1}", "subject[0].digest.sha256"),
            ("{\"digest\":{\"sha512\":\"11\"}}", "{\"name\":\"b\"}", "subject[1].digest"),
            ("\"subject\":[", "\"subjects\":[", "subject"),
        ] {
            assert!(TEXT.contains(from));
            assert_eq!(decode(&TEXT.replace(from, to)).unwrap_err().place, place, "{to}");
        }
    }
}
