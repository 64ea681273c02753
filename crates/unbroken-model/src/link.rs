//! Links: what a functionary says of a step that he did (specification 1.0, section 4.4).

pub mod binding;
mod statement;

use std::borrow::Cow;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::artifact::ArtifactSet;
use crate::decode::{DecodeError, Members, Place, object, string};
use crate::digest::{Digest, DigestAlgorithm, DigestSet};
use crate::envelope::{Payload, PayloadType};
use crate::json::{Object, Value};
use crate::name::StepName;
use crate::statement::is_statement;

pub use self::statement::{LINK_PREDICATE, is_link as is_link_statement};

/// How a link is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkForm {
    /// As the specification has it.
    #[default]
    Plain,
    /// As a statement of the attestation framework, the subjects of which are the products. Only a DSSE envelope
    /// holds it.
    Statement,
}

/// A link: the materials, the products and the command of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// How it is written.
    pub form: LinkForm,
    /// The step.
    pub name: StepName,
    /// The command as it was run, as words; empty when none was.
    pub command: Vec<String>,
    /// The artifacts before the command.
    pub materials: ArtifactSet,
    /// The artifacts after the command.
    pub products: ArtifactSet,
    /// What else the command gave: `return-value`, `stdout`, `stderr`.
    pub byproducts: Object<'static>,
    /// Facts about the machine.
    pub environment: Object<'static>,
    /// Signed members that the specification does not name, as they came.
    pub extra: Object<'static>,
}

impl Link {
    /// Returns the exit status of the command, where the link has one.
    pub fn return_value(&self) -> Option<i128> {
        self.byproducts.get("return-value")?.as_integer()
    }
}

impl Payload for Link {
    const DUE: &'static str = "link";

    fn decode(value: Value<'_>) -> Result<Self, DecodeError> {
        if is_statement(&value) {
            return statement::decode(value);
        }
        let mut members = Members::of(value, "")?;
        members.kind(Self::DUE)?;
        let name = members.string("name")?.parse().place(|| "name".to_owned())?;
        let command = members.strings("command")?;
        let materials = artifacts(members.required("materials")?, "materials")?;
        let products = artifacts(members.required("products")?, "products")?;
        let byproducts = members.object("byproducts")?.into_owned();
        let environment = members.object("environment")?.into_owned();
        let extra = members.rest()?;
        let form = LinkForm::Plain;
        Ok(Self { form, name, command, materials, products, byproducts, environment, extra })
    }

    fn to_value(&self) -> Value<'_> {
        if self.form == LinkForm::Statement {
            return statement::to_value(self);
        }
        let mut object: Object<'_> = self.extra.clone();
        object.insert("_type", Self::DUE);
        object.insert("name", self.name.as_str());
        let command: Vec<Value<'_>> =
            self.command.iter().map(|word| word.as_str().into()).collect();
        object.insert("command", command);
        object.insert("materials", artifacts_value(&self.materials));
        object.insert("products", artifacts_value(&self.products));
        object.insert("byproducts", self.byproducts.clone());
        object.insert("environment", self.environment.clone());
        object.into()
    }

    fn payload_type() -> PayloadType {
        PayloadType::Link
    }
}

fn artifacts(value: Value<'_>, side: &'static str) -> Result<ArtifactSet, DecodeError> {
    let members = object(value, || side.to_owned())?;
    let mut entries = Vec::with_capacity(members.len());
    for (name, digests) in members {
        let place = || format!("{side}[{name:?}]");
        let path = name.parse().place(place)?;
        let digests = object(digests, place)?;
        entries.push((path, digest_set(digests, place)?));
    }
    ArtifactSet::from_entries(entries).place(|| side.to_owned())
}

fn digest_set(digests: Object<'_>, place: impl Fn() -> String) -> Result<DigestSet, DecodeError> {
    // Nearly every artifact has one SHA-256: large links are read several times as fast by this.
    if let (1, Some(text)) = (digests.len(), digests.get("sha256").and_then(Value::as_str)) {
        let mut value = [0; 32];
        let decoded = HEXLOWER_PERMISSIVE.decode_len(text.len()).ok() == Some(value.len())
            && HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut value).is_ok();
        if decoded {
            return Ok(DigestSet::sha256(value));
        }
    }
    let digests = digests.into_iter().map(|(algorithm, text)| {
        let algorithm = DigestAlgorithm::from_name(&algorithm);
        Digest::from_hex(algorithm, &string(text, &place)?).place(&place)
    });
    digests.collect()
}

fn artifacts_value(artifacts: &ArtifactSet) -> Value<'_> {
    let mut object = Object::new();
    for (path, digests) in artifacts {
        object.push_new(Cow::Borrowed(path.as_str()), digests_value(digests).into());
    }
    object.into()
}

fn digests_value(digests: &DigestSet) -> Object<'static> {
    let mut set = Object::new();
    if let Some(value) = digests.only_sha256() {
        set.push_new(Cow::Borrowed("sha256"), HEXLOWER.encode(value).into());
    } else {
        for digest in digests.iter() {
            set.insert(digest.algorithm().name().to_owned(), digest.hex().to_owned());
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Fault;
    use crate::limits::Limits;

    fn decode(text: &str) -> Result<Link, DecodeError> {
        Link::decode(Value::parse(text.as_bytes(), &Limits::default()).unwrap())
    }

    fn with_material(name: &str, digests: &str) -> String {
        format!(
            r#"{{"_type":"link","name":"build","command":["make","x"],"materials":{{"{name}":{digests}}},
            "products":{{}},"byproducts":{{"return-value":3}},"environment":{{"a":null}},"more":[1]}}"#
        )
    }

    #[test]
    fn every_member_survives_reading_and_writing() {
        let digests = format!(r#"{{"sha256":"{}","x":"y"}}"#, "ab".repeat(32));
        let link = decode(&with_material("a/b", &digests)).unwrap();
        assert_eq!(link.return_value(), Some(3));
        assert_eq!(link.extra.len(), 1);
        assert_eq!(Link::decode(link.to_value()).unwrap(), link);
    }

    #[test]
    fn paths_and_digests_are_held_to_their_form() {
        let good = format!(r#"{{"sha256":"{}"}}"#, "ab".repeat(32));
        for name in ["./a", "a//b", "../a", "/a", ""] {
            let error = decode(&with_material(name, &good)).unwrap_err();
            assert!(matches!(error.fault, Fault::Path(_)), "{name}");
        }
        for digests in [r#"{"sha256":"ab"}"#, r#"{"sha256":1}"#, "[]", "null"] {
            assert!(decode(&with_material("a", digests)).is_err(), "{digests}");
        }
        assert!(decode(&with_material("a", "{}")).unwrap().materials.get("a").unwrap().is_empty());
    }

    #[test]
    fn a_link_without_materials_or_with_another_type_is_none() {
        assert_eq!(
            decode(r#"{"_type":"link","name":"a","products":{}}"#).unwrap_err().place,
            "materials"
        );
        let banana = r#"{"_type":"banana","name":"a","materials":{},"products":{}}"#;
        assert!(matches!(decode(banana).unwrap_err().fault, Fault::Kind { .. }));
        assert!(decode("[]").is_err() && decode("null").is_err());
    }

    #[test]
    fn what_old_links_lack_is_empty() {
        let link = decode(
            r#"{"_type":"link","name":"a","materials":{},"products":{},"environment":null}"#,
        )
        .unwrap();
        assert!(
            link.command.is_empty() && link.environment.is_empty() && link.byproducts.is_empty()
        );
    }
}
