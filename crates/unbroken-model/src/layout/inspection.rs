//! Inspections of a layout (specification 1.0, section 4.3.2).

use super::{decode_rules, rules_value, strings_value};
use crate::decode::{DecodeError, Members, Place};
use crate::json::{Object, Value};
use crate::name::StepName;
use crate::rule::ArtifactRule;

/// One inspection: a command that the verifier runs on the final product, and rules over what the
/// command found and left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The name.
    pub name: StepName,
    /// What the rules demand of the files before the command, in order.
    pub expected_materials: Vec<ArtifactRule>,
    /// What the rules demand of the files after the command, in order.
    pub expected_products: Vec<ArtifactRule>,
    /// The command, as words.
    pub run: Vec<String>,
    /// Signed members that the specification does not name, as they came.
    pub extra: Object<'static>,
}

impl Inspection {
    pub(super) fn decode(
        value: Value<'_>,
        place: &dyn Fn() -> String,
    ) -> Result<Self, DecodeError> {
        let mut members = Members::of(value, &place())?;
        members.kind("inspection")?;
        Ok(Self {
            name: members.string("name")?.parse().place(|| members.place_of("name"))?,
            expected_materials: decode_rules(&mut members, "expected_materials")?,
            expected_products: decode_rules(&mut members, "expected_products")?,
            run: members.strings("run")?,
            extra: members.rest()?,
        })
    }

    pub(super) fn to_value(&self) -> Value<'static> {
        let mut object = self.extra.clone();
        object.insert("_type", "inspection");
        object.insert("name", self.name.as_str().to_owned());
        object.insert("expected_materials", rules_value(&self.expected_materials));
        object.insert("expected_products", rules_value(&self.expected_products));
        object.insert("run", strings_value(self.run.clone()));
        object.into()
    }
}
