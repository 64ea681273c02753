//! Directives: what an owner says to this verifier beyond the specification, in lines of the readme.
//!
//! The readme is the one text of a layout that every implementation keeps, so that its signature
//! holds there too. A further member would be dropped by some before they check the signature.

use std::collections::BTreeSet;

use unbroken_model::layout::{KeyId, Layout};

use crate::finding::{Finding, FindingCode};

/// What a line begins with that is a directive.
const MARK: &str = "unbroken:";
/// The digits of the largest version: every reader of JSON holds such a number.
const VERSION_DIGITS: usize = 15;

/// The directives of one layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `unbroken: layout-version N`: the place of the layout in the row of its renewals, from 1.
    pub version: Option<u64>,
    /// `unbroken: all-of KEYID KEYID...`: keys that are one functionary, who vouches by all of them.
    pub all_of: Vec<Vec<KeyId>>,
}

impl Directives {
    /// Reads the directives of a layout.
    ///
    /// # Errors
    /// A finding about a line that is marked as a directive and is none that is known here: whoever
    /// wrote it wants something to be held that this program would not hold.
    pub fn of(layout: &Layout) -> Result<Self, Box<Finding>> {
        let mut directives = Self::default();
        let mut in_groups = BTreeSet::new();
        for line in layout.readme.lines().map(str::trim) {
            let Some(words) = line.strip_prefix(MARK) else { continue };
            let words: Vec<&str> = words.split_whitespace().collect();
            let fault = match words.as_slice() {
                ["layout-version", version] => match (directives.version, parse_version(version)) {
                    (_, None) => "a version is a number from 1, of at most 15 digits",
                    (Some(_), _) => "a layout has one version",
                    (None, version) => {
                        directives.version = version;
                        continue;
                    }
                },
                ["all-of", ids @ ..] => {
                    let group: Result<Vec<KeyId>, _> = ids.iter().map(|id| id.parse()).collect();
                    match group {
                        Err(_) => "one of the words is no key id",
                        Ok(group) if group.len() < 2 => "a group has two keys at least",
                        // A key of two functionaries would vote for both.
                        Ok(group) if !group.iter().all(|id| in_groups.insert(id.clone())) => {
                            "a key is named once in all groups"
                        }
                        Ok(group) => {
                            directives.all_of.push(group);
                            continue;
                        }
                    }
                }
                _ => "it is not known here",
            };
            return Err(Box::new(fault_in(line, fault)));
        }
        Ok(directives)
    }
}

fn parse_version(text: &str) -> Option<u64> {
    let digits = (1..=VERSION_DIGITS).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn fault_in(line: &str, fault: &str) -> Finding {
    let shown: String = line.chars().take(80).collect();
    let message = format!("the readme's directive {shown:?} cannot be held: {fault}");
    let remedy = "the owner mends the line of the readme and signs the layout again";
    Finding::error(FindingCode::LayoutMalformed, message, remedy)
}

#[cfg(test)]
mod tests {
    use unbroken_model::envelope::Payload;
    use unbroken_model::json::{Object, Value};

    use super::*;

    fn of(readme: &str) -> Result<Directives, Box<Finding>> {
        let mut object = Object::new();
        for (name, value) in
            [("_type", "layout"), ("expires", "2030-01-01T00:00:00Z"), ("readme", readme)]
        {
            object.insert(name, value.to_owned());
        }
        object.insert("keys", Object::new());
        object.insert("steps", Vec::new());
        object.insert("inspect", Vec::new());
        Directives::of(&Layout::decode(Value::from(object)).unwrap())
    }

    #[test]
    fn the_version_is_a_line_among_others() {
        let read = of("how we build\r\n  unbroken: layout-version 7\r\nmore").unwrap();
        assert_eq!(read.version, Some(7));
        assert_eq!(of("see unbroken: layout-version 7").unwrap().version, None);
        assert_eq!(of("").unwrap().version, None);
    }

    #[test]
    fn groups_are_lines_of_key_ids() {
        let read =
            of("unbroken: all-of aabbccdd 00112233\nunbroken: all-of 44556677 8899AABB ccddeeff");
        let groups = read.unwrap().all_of;
        let ids = |group: &Vec<KeyId>| group.iter().map(|id| id.as_str().to_owned()).collect();
        let groups: Vec<Vec<String>> = groups.iter().map(ids).collect();
        assert_eq!(groups[0], ["aabbccdd", "00112233"]);
        assert_eq!(groups[1], ["44556677", "8899aabb", "ccddeeff"]);
    }

    #[test]
    fn a_directive_that_cannot_be_held_is_not_passed_over() {
        for line in [
            "unbroken:",
            "unbroken: layout-version",
            "unbroken: layout-version 0",
            "unbroken: layout-version 07",
            "unbroken: layout-version +7",
            "unbroken: layout-version -7",
            "unbroken: layout-version 7 8",
            "unbroken: layout-version 1234567890123456",
            "unbroken: layout-version \u{661}",
            "unbroken: layout-version 7\nunbroken: layout-version 7",
            "unbroken: all-of",
            "unbroken: all-of aabbccdd",
            "unbroken: all-of aabbccdd builder",
            "unbroken: all-of aabbccdd AABBCCDD",
            "unbroken: all-of aabbccdd 00112233\nunbroken: all-of 00112233 44556677",
            "unbroken: other",
        ] {
            assert_eq!(of(line).unwrap_err().code, FindingCode::LayoutMalformed, "{line}");
        }
    }
}
