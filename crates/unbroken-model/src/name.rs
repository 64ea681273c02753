//! Names of steps and inspections.
//!
//! A name becomes part of file names (`{step}.{keyid}.link`), so it is one path component and is
//! never taken as a glob: a layout or a caller must not reach outside the evidence folder by one.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest name in bytes: with key id and suffix it still fits a file name.
const LONGEST: usize = 128;

/// The name of a step or an inspection: one literal path component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepName(Box<str>);

/// A text that cannot name a step.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{name:?} cannot name a step: {fault}")]
pub struct NameError {
    name: String,
    fault: &'static str,
}

impl StepName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > LONGEST {
        return Some("it is longer than 128 bytes");
    }
    if name.starts_with(['.', '-']) {
        return Some("it begins with a dot or a dash");
    }
    if name.contains(['/', '\\']) {
        return Some("it holds a path separator");
    }
    if name.contains(['*', '?', '[', ']']) {
        return Some("it holds a glob character");
    }
    if name.chars().any(is_unprintable) {
        return Some("it holds a control or direction character");
    }
    if is_device(name) {
        return Some("it is the name of a device on Windows");
    }
    None
}

/// Tells the names under which Windows opens a device whatever stands behind a dot: `CON`, `nul.x`.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || ["COM", "LPT"].iter().any(|port| {
            stem.strip_prefix(port).is_some_and(|number| {
                number.len() == 1 && number.bytes().all(|digit| digit.is_ascii_digit())
            })
        })
}

/// Tells characters that hide in a terminal or a file listing: controls, direction overrides and
/// zero-width marks.
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl FromStr for StepName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        match fault(name) {
            None => Ok(Self(name.into())),
            Some(fault) => Err(NameError { name: name.chars().take(80).collect(), fault }),
        }
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_component_is_a_name() {
        for name in [
            "build",
            "update-version",
            "a.b",
            "console",
            "com",
            "com10",
            "scan 2",
            "Überprüfung",
            "x_1",
        ] {
            assert_eq!(name.parse::<StepName>().unwrap().as_str(), name);
            assert_eq!(name.parse::<StepName>().unwrap().to_string(), name);
        }
        assert!("x".repeat(LONGEST).parse::<StepName>().is_ok());
    }

    #[test]
    fn what_could_reach_another_file_is_none() {
        let long = "x".repeat(129);
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/abs",
            "a\\b",
            "-rf",
            ".hidden",
            "*",
            "a?",
            "[a-z]",
            "a\0",
            "a\n",
            "a\u{202e}b",
            "a\u{200b}",
            "CON",
            "nul.txt",
            "com1",
            "LPT9 ",
            &long,
        ] {
            assert!(name.parse::<StepName>().is_err(), "{name:?}");
        }
    }
}
