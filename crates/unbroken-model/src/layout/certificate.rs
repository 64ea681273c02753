//! Who may sign by a certificate: the authorities of a layout and the constraints of its steps
//! (ITE-7, with the member names that are in use).

use std::collections::BTreeMap;

use super::key::{self, KeyId, LayoutKey};
use super::strings_value;
use crate::decode::{DecodeError, Fault, Members};
use crate::json::{Object, Value};

/// How many authorities of one sort a layout may list: each may cost a search for a path.
const MAX_AUTHORITIES: usize = 64;
/// How many constraints a step may have; one has to hold.
const MAX_CONSTRAINTS: usize = 64;
/// How many values one attribute of a constraint may have.
const MAX_VALUES: usize = 64;
/// How long a value may be: as long as a SPIFFE id (its specification, section 2.3).
const MAX_VALUE: usize = 2048;

/// What a certificate must be for its key to sign links of a step.
///
/// For each attribute the values of the certificate and those listed here must be the same, each
/// once. A single `*` stands for any values. What is absent or empty demands that the certificate
/// has none: nothing is open because somebody forgot it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertConstraint {
    /// The common name of the subject.
    pub common_name: String,
    /// The DNS names.
    pub dns_names: Vec<String>,
    /// The mail addresses.
    pub emails: Vec<String>,
    /// The organisations of the subject.
    pub organizations: Vec<String>,
    /// The ids, as the layout lists them, of the roots that the certificate's path may end at.
    pub roots: Vec<String>,
    /// The URIs, SPIFFE ids among them.
    pub uris: Vec<String>,
}

impl CertConstraint {
    fn decode(value: Value<'_>, place: &dyn Fn() -> String) -> Result<Self, DecodeError> {
        let mut members = Members::of(value, &place())?;
        let common_name = match members.optional("common_name") {
            None => String::new(),
            Some(value) => crate::decode::string(value, || members.place_of("common_name"))?,
        };
        let constraint = Self {
            common_name,
            dns_names: members.strings("dns_names")?,
            emails: members.strings("emails")?,
            organizations: members.strings("organizations")?,
            roots: members.strings("roots")?,
            uris: members.strings("uris")?,
        };
        // A constraint that is not understood is not one that holds.
        let rest = members.rest()?;
        if let Some((name, _)) = rest.iter().next() {
            let name: String = name.chars().take(80).collect();
            return Err(Fault::Constraint { name: name.clone() }.at(format!("{}.{name}", place())));
        }
        for (name, values) in constraint.attributes() {
            let place = || format!("{}.{name}", place());
            within("values", values.len(), MAX_VALUES, place)?;
            let longest = values.iter().map(|value| value.len()).max().unwrap_or_default();
            within("bytes of a value", longest, MAX_VALUE, place)?;
        }
        Ok(constraint)
    }

    /// Goes through the attributes with their values; the common name is one value or none.
    pub fn attributes(&self) -> [(&'static str, Vec<&str>); 6] {
        fn all(values: &[String]) -> Vec<&str> {
            values.iter().map(String::as_str).collect()
        }
        [
            ("common_name", vec![self.common_name.as_str()]),
            ("dns_names", all(&self.dns_names)),
            ("emails", all(&self.emails)),
            ("organizations", all(&self.organizations)),
            ("roots", all(&self.roots)),
            ("uris", all(&self.uris)),
        ]
    }

    pub(super) fn to_value(&self) -> Value<'static> {
        let mut object = Object::new();
        object.insert("common_name", self.common_name.clone());
        for (name, values) in [
            ("dns_names", &self.dns_names),
            ("emails", &self.emails),
            ("organizations", &self.organizations),
            ("roots", &self.roots),
            ("uris", &self.uris),
        ] {
            object.insert(name, strings_value(values.clone()));
        }
        object.into()
    }
}

pub(super) fn decode_constraints(
    members: &mut Members<'_>,
) -> Result<Vec<CertConstraint>, DecodeError> {
    const NAME: &str = "cert_constraints";
    let constraints = members.each(NAME, CertConstraint::decode)?;
    within("constraints", constraints.len(), MAX_CONSTRAINTS, || members.place_of(NAME))?;
    Ok(constraints)
}

pub(super) fn decode_authorities(
    members: &mut Members<'_>,
    name: &'static str,
) -> Result<BTreeMap<KeyId, LayoutKey>, DecodeError> {
    let authorities = key::decode_all(name, members.object(name)?)?;
    within("certificates", authorities.len(), MAX_AUTHORITIES, || name.to_owned())?;
    Ok(authorities)
}

fn within(
    what: &'static str,
    count: usize,
    limit: usize,
    place: impl FnOnce() -> String,
) -> Result<(), DecodeError> {
    if count <= limit { Ok(()) } else { Err(Fault::TooMany { what, limit }.at(place())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn decode(text: &str) -> Result<CertConstraint, DecodeError> {
        let value = Value::parse(text.as_bytes(), &Limits::default()).unwrap();
        CertConstraint::decode(value, &|| "c".to_owned())
    }

    #[test]
    fn what_is_absent_is_empty_and_never_a_star() {
        assert_eq!(decode("{}").unwrap(), CertConstraint::default());
        assert_eq!(
            decode(r#"{"uris":null,"common_name":null}"#).unwrap(),
            CertConstraint::default()
        );
        let full = decode(r#"{"common_name":"*","uris":["a","b"],"roots":[""]}"#).unwrap();
        assert_eq!(CertConstraint::decode(full.to_value(), &String::new).unwrap(), full);
    }

    #[test]
    fn counts_and_sizes_are_bounded_and_unknown_attributes_refused() {
        let many = vec!["\"a\""; MAX_VALUES + 1].join(",");
        let long = "a".repeat(MAX_VALUE + 1);
        for (text, place) in [
            (format!(r#"{{"emails":[{many}]}}"#), "c.emails"),
            (format!(r#"{{"uris":["{long}"]}}"#), "c.uris"),
            (format!(r#"{{"common_name":"{long}"}}"#), "c.common_name"),
            (r#"{"extensions":{}}"#.to_owned(), "c.extensions"),
        ] {
            assert_eq!(decode(&text).unwrap_err().place, place);
        }
    }
}
