//! The reader: a serde visitor that refuses what [`super`] names.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::{JsonError, Object, Value};
use crate::limits::Limits;

/// Marks messages about limits, so that a caller can tell them from faults in the text.
pub(super) const LIMIT_MARK: &str = "beyond the limit";
/// Marks messages about a member named twice.
pub(super) const DUPLICATE_MARK: &str = "named twice";

pub(super) fn document<'a>(text: &'a [u8], limits: &Limits) -> Result<Value<'a>, JsonError> {
    if text.len() > limits.bytes {
        return Err(JsonError::TooLarge { size: text.len(), limit: limits.bytes });
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let values = Cell::new(limits.values);
    let seed = ValueSeed { limits, depth: limits.depth, values: &values };
    let value = seed.deserialize(&mut reader).map_err(JsonError::Syntax)?;
    reader.end().map_err(JsonError::Syntax)?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct ValueSeed<'l> {
    limits: &'l Limits,
    /// Levels that may still be opened below this one.
    depth: usize,
    /// Values that the document may still hold.
    values: &'l Cell<usize>,
}

impl ValueSeed<'_> {
    fn spend<E: Error>(&self) -> Result<(), E> {
        let left = self.values.get().checked_sub(1);
        self.values.set(left.ok_or_else(|| limit("the number of values"))?);
        Ok(())
    }

    fn deeper<E: Error>(&self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| limit("the depth"))?;
        Ok(Self { depth, ..*self })
    }

    fn check<E: Error>(&self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.string { Err(limit("the length of a string")) } else { Ok(()) }
    }
}

fn limit<E: Error>(what: &str) -> E {
    E::custom(format_args!("{what} is {LIMIT_MARK}"))
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value<'de>, D::Error> {
        self.spend()?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value without floats")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value.into()))
    }

    // A number that is no 64-bit integer arrives here: 1.0, 1e3, -0, 2^64.
    fn visit_f64<E: Error>(self, _: f64) -> Result<Value<'de>, E> {
        Err(E::custom("a number that is no 64-bit integer has no canonical form"))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        self.check(text)?;
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        self.check(text)?;
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value<'de>, A::Error> {
        let element = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(element)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value<'de>, A::Error> {
        let member = self.deeper()?;
        let mut members: Vec<(Cow<'de, str>, Value<'de>)> = Vec::new();
        // Files are written with sorted members: then neighbours tell, and no set is needed.
        let mut sorted = true;
        while let Some(name) = access.next_key_seed(NameSeed)? {
            self.check(&name)?;
            if let Some((last, _)) = members.last() {
                sorted = sorted && **last < *name;
            }
            members.push((name, access.next_value_seed(member)?));
        }
        if !sorted {
            refuse_duplicates(&members)?;
        }
        Ok(Value::Object(Object::from_unique(members)))
    }
}

fn refuse_duplicates<E: Error>(members: &[(Cow<'_, str>, Value<'_>)]) -> Result<(), E> {
    // Sorted names need a quarter of the memory of a set: whoever writes the document chooses how many.
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    match names.array_windows().find(|[one, other]| one == other) {
        None => Ok(()),
        Some([name, _]) => Err(E::custom(format_args!("the member {name:?} is {DUPLICATE_MARK}"))),
    }
}

/// Reads a member's name, borrowed where it holds no escape.
struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member's name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
