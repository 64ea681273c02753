//! Objects as far as they are read: what nobody looks for is passed over, and what somebody looks for
//! stands once.
//!
//! A body of eight megabytes can hold millions of values, each of which takes a hundred times its length
//! once it is a tree. And of a member that stands twice, two readers could take two objects.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::workload::is_spelled_alike;

/// The members of an object that are read, by the ways that lead to them. A list goes the way of its items.
#[derive(Debug, Default)]
pub(crate) struct Shape<'a> {
    members: BTreeMap<&'a str, Shape<'a>>,
}

/// How many values may still be kept of a review.
pub(crate) struct Budget(Cell<usize>);

impl<'a> Shape<'a> {
    /// Lets the members of a way be read, and returns the last of them.
    pub(crate) fn way(&mut self, names: impl IntoIterator<Item = &'a str>) -> &mut Self {
        names.into_iter().fold(self, |shape, name| shape.members.entry(name).or_default())
    }

    /// Reads an object. What stands at the end of a way is kept if it is a text, a number or the like;
    /// members that some readers take for one that is looked for are kept by name.
    ///
    /// # Errors
    /// For more values than may be kept, and for members that stand twice among those.
    pub(crate) fn read(&self, text: &RawValue, budget: &Budget) -> serde_json::Result<Value> {
        let reading = Reading { shape: self, budget };
        reading.deserialize(&mut serde_json::Deserializer::from_str(text.get()))
    }
}

impl Budget {
    pub(crate) fn new(values: usize) -> Self {
        Self(Cell::new(values))
    }

    fn spend<E: Error>(&self) -> Result<(), E> {
        let left = self.0.get().checked_sub(1);
        self.0.set(left.ok_or_else(|| E::custom("it has more values than any workload"))?);
        Ok(())
    }
}

struct Reading<'a> {
    shape: &'a Shape<'a>,
    budget: &'a Budget,
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.budget.spend()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Self { shape, budget } = self;
        let mut items = Vec::new();
        if shape.members.is_empty() {
            while access.next_element::<IgnoredAny>()?.is_some() {}
        }
        while let Some(item) = access.next_element_seed(Reading { shape, budget })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let Self { shape, budget } = self;
        let mut members = Map::new();
        while let Some(sought) = access.next_key_seed(Seeking(shape))? {
            let (name, value) = match sought {
                Sought::Nothing => {
                    access.next_value::<IgnoredAny>()?;
                    continue;
                }
                Sought::Member(name, shape) => {
                    (name.to_owned(), access.next_value_seed(Reading { shape, budget })?)
                }
                Sought::Alike(name) => {
                    budget.spend()?;
                    access.next_value::<IgnoredAny>()?;
                    (name, Value::Null)
                }
            };
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice in an object"));
            }
        }
        Ok(Value::Object(members))
    }
}

/// What the name of a member is to somebody who looks for some.
enum Sought<'a> {
    Member(&'a str, &'a Shape<'a>),
    /// It is one to readers that do not tell letters by their case.
    Alike(String),
    Nothing,
}

struct Seeking<'a>(&'a Shape<'a>);

impl<'de, 'a> DeserializeSeed<'de> for Seeking<'a> {
    type Value = Sought<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Sought<'a>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Seeking<'a> {
    type Value = Sought<'a>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Sought<'a>, E> {
        let Self(Shape { members }) = self;
        if let Some((name, shape)) = members.get_key_value(name) {
            return Ok(Sought::Member(name, shape));
        }
        let is_alike = members.keys().any(|it| is_spelled_alike(it, name));
        Ok(if is_alike { Sought::Alike(name.to_owned()) } else { Sought::Nothing })
    }
}

/// Texts of a list, of which there are so many at most: the least of them is one byte, and takes 24.
pub(crate) fn few_texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    /// Groups that a user of Kubernetes is in; his certificate or token names them all.
    const MOST: usize = 10_000;
    struct Texts;
    impl<'de> Visitor<'de> for Texts {
        type Value = Vec<String>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(out, "a list of {MOST} texts at most")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = access.next_element()? {
                if texts.len() == MOST {
                    return Err(A::Error::invalid_length(MOST + 1, &self));
                }
                texts.push(text);
            }
            Ok(texts)
        }
    }
    from.deserialize_seq(Texts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape() -> Shape<'static> {
        let mut shape = Shape::default();
        let spec = shape.way(["spec"]);
        spec.way(["containers", "image"]);
        spec.way(["account"]);
        shape
    }

    fn read(text: &str, values: usize) -> serde_json::Result<Value> {
        let raw: &RawValue = serde_json::from_str(text)?;
        shape().read(raw, &Budget::new(values))
    }

    #[test]
    fn what_is_looked_for_is_kept_where_it_stands_and_nothing_else_is() {
        let text = r#"{"kind":"x","spec":{"account":"a","hosts":[{"a":1}],"containers":[
            {"name":"one","image":"i","env":[{"name":"n"}]},null,{"Image":{"a":[1]}},{"\u0069mage":["x"]},
            [{"image":7}]]}}"#;
        let due = json!({"spec": {"account": "a", "containers": [
            {"image": "i"}, null, {"Image": null}, {"image": []}, [{"image": 7}]]}});
        assert_eq!(read(text, 100).unwrap(), due);
        for (text, due) in [
            (r#"{"spec":[]}"#, json!({"spec": []})),
            (r#"{"spec":{"account":{"a":1}}}"#, json!({"spec": {"account": {}}})),
            ("[-1,1.5,18446744073709551615,true]", json!([-1, 1.5, u64::MAX, true])),
        ] {
            assert_eq!(read(text, 100).unwrap(), due, "{text}");
        }
    }

    #[test]
    fn a_member_that_is_read_and_stands_twice_is_refused_however_it_is_written() {
        for text in [
            r#"{"spec":1,"spec":1}"#,
            r#"{"spec":{"containers":[{"image":"x","\u0069mage":"y"}]}}"#,
            r#"{"spec":{"Containers":[],"Containers":[]}}"#,
        ] {
            assert!(read(text, 100).is_err(), "{text}");
        }
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(read(&format!(r#"{{"spec":{deep}}}"#), 10_000).is_err(), "no stack is that deep");
        assert_eq!(read(&format!(r#"{{"other":{deep}}}"#), 1).unwrap(), json!({}));
    }

    #[test]
    fn values_that_are_kept_are_counted_and_others_are_not() {
        let items = |count: usize| {
            let text = vec![r#"{"image":"i","a":[1,2,3]}"#; count].join(",");
            format!(r#"{{"b":[[],[],[]],"spec":{{"containers":[{text}]}}}}"#)
        };
        // The object, its specification, the list, and two for each item.
        assert!(read(&items(10), 23).is_ok() && read(&items(10), 22).is_err());
        assert!(read(r#"{"SPEC":1}"#, 2).is_ok() && read(r#"{"SPEC":1}"#, 1).is_err());
    }
}
