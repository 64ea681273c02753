//! The account of a verifier: the newest layout that passed, for each layout that he verifies.
//!
//! ```text
//! {"_type": "unbroken-pinned-layouts",
//!  "layouts": [{"name": "", "owners": ["…"], "version": 7, "sha256": "…"}]}
//! ```
//! Which entry counts is for the verifier to say, never for a layout: he who could choose it could
//! choose one that no layout was seen for.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use thiserror::Error;
use unbroken_crypto::{KeySet, Owner};
use unbroken_model::json::{JsonError, Object, Value};
use unbroken_model::limits::Limits;

use crate::replay::{LayoutPin, Pinning};

const KIND: &str = "unbroken-pinned-layouts";
/// The members of an entry.
const MEMBERS: [&str; 4] = ["name", "owners", "sha256", "version"];
/// How many layouts one account may hold; an entry has some 200 bytes.
const MOST: usize = 100_000;

/// Which layout a verifier means: the keys that must sign it, and a name that he gave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LayoutIdentity {
    name: String,
    owners: Vec<String>,
}

impl LayoutIdentity {
    /// Names a layout by its owners' keys and, where they sign several, a name.
    pub fn new(owners: &KeySet<Owner>, name: impl Into<String>) -> Self {
        let owners = owners.iter().map(|owner| owner.material().to_string()).collect();
        Self { name: name.into(), owners }
    }
}

/// The newest layouts that passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinnedLayouts(BTreeMap<LayoutIdentity, LayoutPin>);

/// A file that is no account.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PinnedLayoutsError {
    /// It is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is something else, or has a member that is not known.
    #[error("it is no account of layouts: {0}")]
    Shape(&'static str),
}

impl PinnedLayouts {
    /// Reads an account.
    ///
    /// # Errors
    /// [`PinnedLayoutsError`]: of an account that can only be read in part nothing is believed.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, PinnedLayoutsError> {
        const SHAPE: PinnedLayoutsError =
            PinnedLayoutsError::Shape("it is not an object of `_type` and `layouts`");
        let document = Value::parse(bytes, limits)?;
        let document = document.as_object().filter(|document| document.len() == 2).ok_or(SHAPE)?;
        if document.get("_type").and_then(Value::as_str) != Some(KIND) {
            return Err(SHAPE);
        }
        let layouts = document.get("layouts").and_then(Value::as_array).ok_or(SHAPE)?;
        if layouts.len() > MOST {
            return Err(PinnedLayoutsError::Shape("it has more than 100,000 layouts"));
        }
        let mut pinned = Self::default();
        for layout in layouts {
            let (identity, pin) = entry(layout).ok_or(PinnedLayoutsError::Shape(
                "a layout is not an object of `name`, `owners`, `version` and `sha256`",
            ))?;
            if pinned.0.insert(identity, pin).is_some() {
                return Err(PinnedLayoutsError::Shape("a layout stands in it twice"));
            }
        }
        Ok(pinned)
    }

    /// Writes the account.
    pub fn to_bytes(&self) -> Vec<u8> {
        let layouts = self.0.iter().map(|(identity, pin)| {
            let owners = identity.owners.iter().map(|owner| Value::from(owner.clone()));
            let mut entry = Object::new();
            entry.insert("name", identity.name.clone());
            entry.insert("owners", owners.collect::<Vec<_>>());
            entry.insert("version", Value::Integer(i128::from(pin.version)));
            entry.insert("sha256", HEXLOWER.encode(&pin.digest));
            Value::from(entry)
        });
        let mut document = Object::new();
        document.insert("_type", KIND);
        document.insert("layouts", layouts.collect::<Vec<_>>());
        let mut text = Value::from(document).to_pretty();
        text.push('\n');
        text.into_bytes()
    }

    /// Says what is known of a layout.
    pub fn pinning(&self, identity: &LayoutIdentity) -> Pinning {
        self.0.get(identity).map_or(Pinning::FirstSeen, |pin| Pinning::Seen(*pin))
    }

    /// Keeps a layout that passed, unless a newer one did already.
    pub fn keep(&mut self, identity: LayoutIdentity, pin: LayoutPin) {
        let kept = self.0.entry(identity).or_insert(pin);
        if pin.version > kept.version {
            *kept = pin;
        }
    }
}

fn entry(value: &Value<'_>) -> Option<(LayoutIdentity, LayoutPin)> {
    let entry = value.as_object()?;
    if entry.iter().any(|(name, _)| !MEMBERS.contains(&name)) {
        return None;
    }
    let owners = entry.get("owners")?.as_array()?.iter();
    let owners = owners.map(|owner| Some(owner.as_str()?.to_owned()));
    let digest = HEXLOWER.decode(entry.get("sha256")?.as_str()?.as_bytes()).ok()?;
    let pin = LayoutPin {
        version: u64::try_from(entry.get("version")?.as_integer()?).ok()?,
        digest: digest.try_into().ok()?,
    };
    let name = entry.get("name")?.as_str()?.to_owned();
    Some((LayoutIdentity { name, owners: owners.collect::<Option<_>>()? }, pin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(name: &str) -> LayoutIdentity {
        LayoutIdentity { name: name.to_owned(), owners: vec!["ab".to_owned()] }
    }

    fn pin(version: u64, digest: u8) -> LayoutPin {
        LayoutPin { version, digest: [digest; 32] }
    }

    fn parse(text: &str) -> Result<PinnedLayouts, PinnedLayoutsError> {
        PinnedLayouts::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn what_is_kept_is_read_again_and_never_becomes_older() {
        let mut pinned = PinnedLayouts::default();
        pinned.keep(identity("a"), pin(2, 1));
        pinned.keep(identity("b"), pin(0, 2));
        pinned.keep(identity("a"), pin(1, 3));
        pinned.keep(identity("a"), pin(2, 4));
        let read = PinnedLayouts::parse(&pinned.to_bytes(), &Limits::default()).unwrap();
        assert_eq!(read, pinned);
        assert_eq!(read.pinning(&identity("a")), Pinning::Seen(pin(2, 1)));
        assert_eq!(read.pinning(&identity("b")), Pinning::Seen(pin(0, 2)));
        assert_eq!(read.pinning(&identity("c")), Pinning::FirstSeen);
        pinned.keep(identity("a"), pin(3, 5));
        assert_eq!(pinned.pinning(&identity("a")), Pinning::Seen(pin(3, 5)));
    }

    #[test]
    fn an_account_that_is_not_whole_is_none() {
        let hex = "ab".repeat(32);
        let entry = format!(r#"{{"name":"","owners":["ab"],"version":1,"sha256":"{hex}"}}"#);
        let account = |entries: &str| {
            parse(&format!(r#"{{"_type":"unbroken-pinned-layouts","layouts":[{entries}]}}"#))
        };
        assert!(account(&entry).is_ok() && account("").is_ok());
        assert!(account(&format!("{entry},{entry}")).is_err());
        for (from, to) in [
            (r#""version":1"#, r#""version":-1"#),
            (r#""version":1"#, r#""version":"1""#),
            (r#""version":1,"#, ""),
            (r#""name":"""#, r#""name":"","more":1"#),
            (r#""owners":["ab"]"#, r#""owners":[1]"#),
            ("abab", "ab"),
            ("abab", "zzzz"),
        ] {
            assert!(account(&entry.replacen(from, to, 1)).is_err(), "{to}");
        }
        for text in ["", "[]", "{}", r#"{"_type":"layout","layouts":[]}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_number_of_layouts_is_bounded_before_any_is_looked_at() {
        let fault = |count: usize| {
            let zeros = vec!["0"; count].join(",");
            let text = format!(r#"{{"_type":"unbroken-pinned-layouts","layouts":[{zeros}]}}"#);
            parse(&text).unwrap_err().to_string()
        };
        assert!(fault(MOST).contains("a layout is not an object"), "{}", fault(MOST));
        assert!(fault(MOST + 1).contains("more than 100,000 layouts"), "{}", fault(MOST + 1));
    }
}
