//! Steps of a layout (specification 1.0, section 4.3.1).

use std::num::NonZeroU32;

use super::certificate::{self, CertConstraint};
use super::key::KeyId;
use super::{decode_rules, rules_value, strings_value};
use crate::decode::{DecodeError, Fault, Members, Place, string};
use crate::json::{Object, Value};
use crate::name::StepName;
use crate::rule::ArtifactRule;

/// One step: who may do it, how many must agree, and what may happen to the artifacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name; links of the step carry it.
    pub name: StepName,
    /// What the rules demand of the materials, in order.
    pub expected_materials: Vec<ArtifactRule>,
    /// What the rules demand of the products, in order.
    pub expected_products: Vec<ArtifactRule>,
    /// The declared ids of the keys that may sign links of the step.
    pub pubkeys: Vec<KeyId>,
    /// What a certificate must be whose key may sign links of the step besides these: one of the
    /// constraints has to hold (`cert_constraints`).
    pub cert_constraints: Vec<CertConstraint>,
    /// The command that the owner expects, as words.
    pub expected_command: Vec<String>,
    /// How many different keys must have signed agreeing links.
    pub threshold: NonZeroU32,
    /// Signed members that the specification does not name, as they came.
    pub extra: Object<'static>,
}

impl Step {
    pub(super) fn decode(
        value: Value<'_>,
        place: &dyn Fn() -> String,
    ) -> Result<Self, DecodeError> {
        let mut members = Members::of(value, &place())?;
        members.kind("step")?;
        Ok(Self {
            name: members.string("name")?.parse().place(|| members.place_of("name"))?,
            expected_materials: decode_rules(&mut members, "expected_materials")?,
            expected_products: decode_rules(&mut members, "expected_products")?,
            pubkeys: members
                .each("pubkeys", |value, place| string(value, place)?.parse().place(place))?,
            cert_constraints: certificate::decode_constraints(&mut members)?,
            expected_command: members.strings("expected_command")?,
            threshold: decode_threshold(&mut members)?,
            extra: members.rest()?,
        })
    }

    pub(super) fn to_value(&self) -> Value<'static> {
        let mut object = self.extra.clone();
        object.insert("_type", "step");
        object.insert("name", self.name.as_str().to_owned());
        object.insert("expected_materials", rules_value(&self.expected_materials));
        object.insert("expected_products", rules_value(&self.expected_products));
        let ids = self.pubkeys.iter().map(|id| id.as_str().to_owned()).collect();
        object.insert("pubkeys", strings_value(ids));
        if !self.cert_constraints.is_empty() {
            let constraints = self.cert_constraints.iter().map(CertConstraint::to_value);
            object.insert("cert_constraints", constraints.collect::<Vec<_>>());
        }
        object.insert("expected_command", strings_value(self.expected_command.clone()));
        object.insert("threshold", i64::from(self.threshold.get()));
        object.into()
    }
}

/// Reads the threshold; an absent one is 1, as the reference implementation has it.
fn decode_threshold(members: &mut Members<'_>) -> Result<NonZeroU32, DecodeError> {
    let found = match members.optional("threshold") {
        None => return Ok(NonZeroU32::MIN),
        Some(Value::Integer(number)) => number,
        Some(other) => {
            let fault = crate::decode::wrong_type("a number", &other);
            return Err(fault.at(members.place_of("threshold")));
        }
    };
    u32::try_from(found).ok().and_then(NonZeroU32::new).ok_or_else(|| {
        Fault::Threshold { found: found.to_string() }.at(members.place_of("threshold"))
    })
}
