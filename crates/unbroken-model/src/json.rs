//! Strict JSON: the values that signed in-toto metadata is made of, and no others.
//!
//! Lexing is left to `serde_json`. This module adds what signing over a parsed value asks for:
//! a document with one member named twice means different things to different readers, so it is
//! refused, as are floats (canonical JSON has none), lone surrogates, trailing data, and anything
//! beyond [`Limits`].

mod object;
mod parse;
mod write;

use std::borrow::Cow;

use thiserror::Error;

pub use self::object::Object;
use crate::limits::Limits;

/// A parsed JSON value that borrows its text from the document where it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number between -2^63 and 2^64 - 1.
    Integer(i128),
    /// A string, escapes resolved.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, its names unique.
    Object(Object<'a>),
}

/// Why a document is not strict JSON.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The document is larger than [`Limits::bytes`].
    #[error("the document has {size} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Bytes in the document.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes are not JSON, or JSON that this reader refuses. The source says where.
    #[error("not acceptable JSON")]
    Syntax(#[source] serde_json::Error),
}

impl JsonError {
    /// Tells whether a bound of [`Limits`] was hit, as opposed to a fault in the text.
    pub fn is_limit(&self) -> bool {
        match self {
            Self::TooLarge { .. } => true,
            Self::Syntax(source) => source.to_string().contains(parse::LIMIT_MARK),
        }
    }

    /// Tells whether a member was named twice in one object.
    pub fn is_duplicate_member(&self) -> bool {
        matches!(self, Self::Syntax(source) if source.to_string().contains(parse::DUPLICATE_MARK))
    }
}

impl<'a> Value<'a> {
    /// Parses one document.
    ///
    /// # Errors
    /// [`JsonError`] for text that is not UTF-8 JSON, for a member named twice, a float, an
    /// integer beyond 64 bits, trailing data, or a document beyond `limits`.
    pub fn parse(text: &'a [u8], limits: &Limits) -> Result<Self, JsonError> {
        parse::document(text, limits)
    }

    /// Copies what is still borrowed.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(value) => Value::Integer(value),
            Self::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Self::Array(items) => Value::Array(items.into_iter().map(Value::into_owned).collect()),
            Self::Object(object) => Value::Object(object.into_owned()),
        }
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// Returns the elements of an array.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// Returns an object.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// Returns a whole number.
    pub fn as_integer(&self) -> Option<i128> {
        if let Self::Integer(value) = self { Some(*value) } else { None }
    }

    /// Names the JSON type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Writes the value on one line, members sorted, non-ASCII escaped: the text that the
    /// reference implementation puts into a DSSE payload.
    pub fn to_compact(&self) -> String {
        write::compact(self)
    }

    /// Writes the value over several lines with an indent of one space, members sorted,
    /// non-ASCII escaped: the text of the reference implementation's Metablock files.
    pub fn to_pretty(&self) -> String {
        write::pretty(self)
    }

    /// Writes an object of borrowed members, whose names are sorted, like [`Self::to_pretty`].
    pub(crate) fn pretty_members(members: &[(&str, &Value<'_>)]) -> String {
        write::pretty_members(members)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(i128::from(value))
    }
}

impl<'a> From<Vec<Value<'a>>> for Value<'a> {
    fn from(items: Vec<Value<'a>>) -> Self {
        Self::Array(items)
    }
}

impl<'a> From<Object<'a>> for Value<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Value<'_>, JsonError> {
        Value::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn reads_every_kind_of_value() {
        let value = parse(r#"{"a":[null,true,-7,18446744073709551615,"x\né"]}"#).unwrap();
        let items = value.as_object().unwrap().get("a").unwrap().as_array().unwrap();
        assert_eq!(items[2], Value::Integer(-7));
        assert_eq!(items[3], Value::Integer(18_446_744_073_709_551_615));
        assert_eq!(items[4].as_str(), Some("x\né"));
    }

    #[test]
    fn a_member_named_twice_is_refused_also_when_escaped() {
        for text in
            [r#"{"run":1,"run":2}"#, r#"{"run":1,"r\u0075n":2}"#, r#"[{"a":{"b":1,"b":1}}]"#]
        {
            let error = parse(text).unwrap_err();
            assert!(error.is_duplicate_member(), "{text}: {error:?}");
        }
    }

    #[test]
    fn numbers_that_have_no_canonical_form_are_refused() {
        for text in ["1.0", "1e3", "-0", "18446744073709551616", "-9223372036854775809", "NaN"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn text_that_readers_disagree_on_is_refused() {
        for text in [r#""\ud800""#, "{} {}", "\u{feff}{}", "[1,]", "{'a':1}", "", "\"\u{1}\""] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(Value::parse(b"\"\xff\"", &Limits::default()).is_err());
        assert!(Value::parse(b"\"\xc0\x80\"", &Limits::default()).is_err(), "overlong NUL");
    }

    #[test]
    fn limits_end_a_document_that_wants_too_much() {
        let limits = Limits { depth: 4, values: 10, string: 5, bytes: 100, ..Limits::default() };
        let of = |text: &str| Value::parse(text.as_bytes(), &limits).map(|_| ());
        assert!(of("[[[[1]]]]").is_ok() && of(r#""abcde""#).is_ok());
        for text in ["[[[[[1]]]]]", "[1,2,3,4,5,6,7,8,9,10]", r#""abcdef""#, r#"{"abcdef":1}"#] {
            assert!(of(text).unwrap_err().is_limit(), "{text}");
        }
        assert!(of(&" ".repeat(101)).unwrap_err().is_limit());
    }

    #[test]
    fn the_depth_is_bounded_at_64() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(64)).is_ok());
        assert!(parse(&nested(65)).unwrap_err().is_limit());
    }

    #[test]
    fn a_layout_has_a_million_values_and_16_mebibytes_at_most() {
        let limits = Limits::of_layout();
        let of = |text: &str| Value::parse(text.as_bytes(), &limits).map(|_| ());
        let zeros = |count: usize| format!("[{}0]", "0,".repeat(count - 1));
        // The array is a value too.
        assert!(of(&zeros(999_999)).is_ok());
        assert!(of(&zeros(1_000_000)).unwrap_err().is_limit());
        let long = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
        assert!(of(&long(16 << 20)).is_ok());
        assert!(matches!(of(&long((16 << 20) + 1)), Err(JsonError::TooLarge { .. })));
    }

    #[test]
    fn a_hundred_thousand_brackets_do_not_reach_the_stack() {
        let bomb = "[".repeat(100_000);
        assert!(parse(&bomb).is_err());
    }

    #[test]
    fn texts_equal_those_of_python_json_dumps() {
        let value =
            parse(r#"{"b":[],"a":{"x":"é\u0000\u007f😀\"\\\n"},"c":{},"d":[1,2]}"#).unwrap();
        assert_eq!(
            value.to_compact(),
            "{\"a\": {\"x\": \"\\u00e9\\u0000\\u007f\\ud83d\\ude00\\\"\\\\\\n\"}, \"b\": [], \"c\": {}, \"d\": [1, 2]}"
        );
        assert_eq!(
            parse(r#"{"b":[],"a":{"x":1},"d":[1,2]}"#).unwrap().to_pretty(),
            "{\n \"a\": {\n  \"x\": 1\n },\n \"b\": [],\n \"d\": [\n  1,\n  2\n ]\n}"
        );
    }

    #[test]
    fn faults_are_told_apart() {
        let deep = "[".repeat(99);
        let (syntax, twice, limit) = (parse("[1,]"), parse(r#"{"a":1,"a":1}"#), parse(&deep));
        let told = |outcome: Result<Value<'_>, JsonError>| {
            let error = outcome.unwrap_err();
            (error.is_limit(), error.is_duplicate_member())
        };
        assert_eq!(told(syntax), (false, false));
        assert_eq!(told(twice), (false, true));
        assert_eq!(told(limit), (true, false));
    }

    #[test]
    fn types_have_words_for_people() {
        let words = ["null", "true", "1", r#""x""#, "[]", "{}"]
            .map(|text| parse(text).unwrap().type_name());
        assert_eq!(words, ["null", "a boolean", "a number", "a string", "an array", "an object"]);
    }

    #[test]
    fn objects_are_equal_by_their_members_in_any_order() {
        let of = |text| parse(text).unwrap();
        assert_eq!(of(r#"{"a":1,"b":2}"#), of(r#"{"b":2,"a":1}"#));
        for other in
            [r#"{"a":1,"b":3}"#, r#"{"a":1}"#, r#"{"a":1,"c":2}"#, "{}", r#"{"a":1,"b":2,"c":3}"#]
        {
            assert_ne!(of(r#"{"a":1,"b":2}"#), of(other), "{other}");
        }
        let lengths = ["{}", r#"{"a":1}"#, r#"{"a":1,"b":2}"#]
            .map(|text| of(text).as_object().unwrap().len());
        assert_eq!(lengths, [0, 1, 2]);
    }

    /// What python's `json.dumps` writes of these characters, each in the one form that it has for it.
    #[test]
    fn every_escape_is_that_of_python() {
        let text = "\"\\\n\r\t\u{8}\u{c}\u{7f} ~a\u{1f600}\u{e9}";
        let due = r#""\"\\\n\r\t\b\f\u007f ~a\ud83d\ude00\u00e9""#;
        assert_eq!(Value::from(text.to_owned()).to_compact(), due);
        assert_eq!(Value::from("\"").to_compact(), r#""\"""#);
        assert_eq!(Value::from("\\").to_compact(), r#""\\""#);
        assert_eq!(
            parse("[[1,[]],{\"a\":{}}]").unwrap().to_pretty(),
            "[\n [\n  1,\n  []\n ],\n {\n  \"a\": {}\n }\n]"
        );
    }
}
