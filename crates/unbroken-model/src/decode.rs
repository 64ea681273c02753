//! From JSON values to typed metadata, with the place of every fault.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::json::{Object, Value};

/// Metadata that is JSON but not what it should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{place}: {fault}")]
pub struct DecodeError {
    /// Where the fault lies: `steps[2].threshold`.
    pub place: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A member that must be there is not.
    #[error("the member is missing")]
    Missing,
    /// A value has another JSON type than it must have.
    #[error("it is {found}, not {due}")]
    Type {
        /// The type due.
        due: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// `_type` (or the payload type of the envelope) announces other metadata: a layout where a
    /// link is due, or the reverse.
    #[error("the metadata is of type {found:?}, not {due:?}")]
    Kind {
        /// The type due.
        due: &'static str,
        /// The type found, shortened.
        found: String,
    },
    /// A member whose name is that of another but for the case of its letters: some readers take
    /// the one for the other.
    #[error("the member {name:?} looks like {like:?}, and some readers take it for that")]
    LookAlike {
        /// The name, shortened.
        name: String,
        /// The name that it looks like.
        like: String,
    },
    /// A threshold below one: no signature at all would do.
    #[error("the threshold is {found}; it must be a number from 1 to 2^32 - 1")]
    Threshold {
        /// The number found.
        found: String,
    },
    /// A certificate's constraint of a kind that is not known: whoever ignored it would let more
    /// certificates pass than the owner wants.
    #[error("the constraint {name:?} is not known")]
    Constraint {
        /// The member's name, shortened.
        name: String,
    },
    /// More of something than a layout needs, or longer.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// What is too much.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A list of products in the predicate of a statement, whose subjects are the products: of two lists, two
    /// readers would each take one.
    #[error("the products of a link in a statement are its subjects, and this is another list")]
    SecondProducts,
    /// A text that is no point in time.
    #[error(transparent)]
    Timestamp(#[from] crate::timestamp::TimestampError),
    /// A text that cannot name a step.
    #[error(transparent)]
    Name(#[from] crate::name::NameError),
    /// A text that is no path in normal form.
    #[error(transparent)]
    Path(#[from] crate::path::PathError),
    /// Two artifacts of one path.
    #[error(transparent)]
    DuplicatePath(#[from] crate::artifact::DuplicatePath),
    /// A digest that its algorithm cannot have given.
    #[error(transparent)]
    Digest(#[from] crate::digest::DigestError),
    /// An array that is no artifact rule.
    #[error(transparent)]
    Rule(#[from] crate::rule::RuleError),
    /// A text that is no key id.
    #[error(transparent)]
    KeyId(#[from] crate::layout::KeyIdError),
}

impl Fault {
    /// Places the fault.
    pub(crate) fn at(self, place: impl Into<String>) -> DecodeError {
        DecodeError { place: place.into(), fault: self }
    }
}

/// Lets a caller place any of the faults above.
pub(crate) trait Place<T> {
    fn place(self, place: impl FnOnce() -> String) -> Result<T, DecodeError>;
}

impl<T, E: Into<Fault>> Place<T> for Result<T, E> {
    fn place(self, place: impl FnOnce() -> String) -> Result<T, DecodeError> {
        self.map_err(|fault| fault.into().at(place()))
    }
}

/// The members of an object, taken out one by one; what is left over stays with the metadata.
pub(crate) struct Members<'a> {
    place: String,
    object: Object<'a>,
    /// The names that were asked for, found or not.
    asked: Vec<&'static str>,
}

impl<'a> Members<'a> {
    /// Opens an object that lies at `place` (empty for the document itself).
    pub(crate) fn of(value: Value<'a>, place: &str) -> Result<Self, DecodeError> {
        let place = place.to_owned();
        Ok(Self { object: object(value, || place.clone())?, place, asked: Vec::new() })
    }

    /// Returns the place of a member.
    pub(crate) fn place_of(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    /// Takes a member that may be absent; `null` counts as absent.
    pub(crate) fn optional(&mut self, name: &'static str) -> Option<Value<'a>> {
        self.take(name).filter(|value| *value != Value::Null)
    }

    /// Takes a member that must be there.
    pub(crate) fn required(&mut self, name: &'static str) -> Result<Value<'a>, DecodeError> {
        self.take(name).ok_or_else(|| Fault::Missing.at(self.place_of(name)))
    }

    /// Takes a string.
    pub(crate) fn string(&mut self, name: &'static str) -> Result<String, DecodeError> {
        let value = self.required(name)?;
        string(value, || self.place_of(name))
    }

    /// Takes an array of strings that may be absent.
    pub(crate) fn strings(&mut self, name: &'static str) -> Result<Vec<String>, DecodeError> {
        self.each(name, |value, place| string(value, place))
    }

    /// Takes an object that may be absent.
    pub(crate) fn object(&mut self, name: &'static str) -> Result<Object<'a>, DecodeError> {
        match self.optional(name) {
            None => Ok(Object::new()),
            Some(value) => object(value, || self.place_of(name)),
        }
    }

    /// Takes an array that may be absent and decodes each of its elements.
    pub(crate) fn each<T>(
        &mut self,
        name: &'static str,
        decode: impl Fn(Value<'a>, &dyn Fn() -> String) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let place = self.place_of(name);
        let items = match self.optional(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(wrong_type("an array", &other).at(place)),
        };
        let indexed = items.into_iter().enumerate();
        indexed.map(|(index, item)| decode(item, &|| format!("{place}[{index}]"))).collect()
    }

    /// Takes `_type` and holds it to `due`.
    pub(crate) fn kind(&mut self, due: &'static str) -> Result<(), DecodeError> {
        let found = self.string("_type")?;
        if found == due {
            return Ok(());
        }
        let found = found.chars().take(80).collect();
        Err(Fault::Kind { due, found }.at(self.place_of("_type")))
    }

    fn take(&mut self, name: &'static str) -> Option<Value<'a>> {
        self.asked.push(name);
        self.object.remove(name)
    }

    /// Ends the decoding and returns the members that nobody took.
    ///
    /// Readers that do not mind the case of letters would find a threshold in `Threshold`, or take
    /// the last of `run` and `Run`: a document that they understand differently is refused.
    pub(crate) fn rest(self) -> Result<Object<'static>, DecodeError> {
        let names = self.object.iter().map(|(name, _)| name);
        if let Some((name, like)) = look_alike(names, &self.asked) {
            let name: String = name.chars().take(80).collect();
            return Err(Fault::LookAlike { name: name.clone(), like }.at(self.place_of(&name)));
        }
        Ok(self.object.into_owned())
    }
}

/// Finds a name that is one of `known`, or another of `names`, but for the case of its letters.
pub fn look_alike<'n>(
    names: impl Iterator<Item = &'n str>,
    known: &[&str],
) -> Option<(&'n str, String)> {
    let mut seen: BTreeMap<String, String> =
        known.iter().map(|name| (fold(name), (*name).to_owned())).collect();
    for name in names {
        if let Some(like) = seen.insert(fold(name), name.to_owned()) {
            return Some((name, like));
        }
    }
    None
}

/// Writes a name so that all ways to write it in capitals and small letters are one: also with the
/// long s and the Kelvin sign, which readers that fold by Unicode take for letters of ASCII.
fn fold(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Says that a value has another type than `due`.
pub(crate) fn wrong_type(due: &'static str, found: &Value<'_>) -> Fault {
    Fault::Type { due, found: found.type_name() }
}

pub(crate) fn string(value: Value<'_>, place: impl Fn() -> String) -> Result<String, DecodeError> {
    match value {
        Value::String(text) => Ok(text.into_owned()),
        other => Err(wrong_type("a string", &other).at(place())),
    }
}

pub(crate) fn object(
    value: Value<'_>,
    place: impl Fn() -> String,
) -> Result<Object<'_>, DecodeError> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(wrong_type("an object", &other).at(place())),
    }
}
