//! Parameter substitution (a step of the reference implementation
//! that the specification does not name): `{name}` in the rules, the
//! expected commands and the commands of inspections.
//!
//! `{{` and `}}` stand for braces, as in the reference implementation. Nothing else is a
//! replacement: no attribute, index, conversion or width, which would let the author of a layout
//! read the verifier's own objects.

use std::collections::{BTreeMap, BTreeSet};

use unbroken_model::layout::Layout;
use unbroken_model::rule::ArtifactRule;

use crate::finding::{Finding, FindingCode};

/// What a value may hold that is put into a longer word of a command: nothing of it means anything to a shell.
const PLAIN: &str = "._/@:+=-";

/// Replaces the parameters in a layout. Without parameters nothing is touched, so that layouts
/// with braces of their own stay what they are.
pub(crate) fn apply(layout: &mut Layout, parameters: &BTreeMap<String, String>) -> Vec<Finding> {
    if parameters.is_empty() {
        return Vec::new();
    }
    let mut findings = name_findings(parameters);
    let mut used = BTreeSet::new();
    let steps = layout.steps.iter_mut().map(|step| {
        let rules = [&mut step.expected_materials, &mut step.expected_products];
        (&step.name, rules, &mut step.expected_command, false)
    });
    let inspections = layout.inspections.iter_mut().map(|inspection| {
        let rules = [&mut inspection.expected_materials, &mut inspection.expected_products];
        (&inspection.name, rules, &mut inspection.run, true)
    });
    for (name, lists, command, is_run) in steps.chain(inspections) {
        let mut fault = |message: String| {
            let remedy = "give a value for each parameter of the layout";
            findings
                .push(Finding::error(FindingCode::ParameterInvalid, message, remedy).of_item(name));
        };
        for rule in lists.into_iter().flatten() {
            match in_rule(rule, parameters, &mut used) {
                Ok(replaced) => *rule = replaced,
                Err(message) => fault(message),
            }
        }
        for word in command {
            let place = if is_run { Place::Command } else { Place::Text };
            match in_text(word, parameters, place, &mut used) {
                Ok(replaced) => *word = replaced,
                Err(message) => fault(message),
            }
        }
    }
    let unused = parameters.keys().filter(|name| is_name(name) && !used.contains(name.as_str()));
    findings.extend(unused.map(|name| {
        let message = format!("the layout has no parameter {{{name}}}");
        let remedy = "give values for the parameters of the layout and no others";
        Finding::error(FindingCode::ParameterInvalid, message, remedy)
    }));
    findings
}

/// Where a value is put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Into text that is compared as it is.
    Text,
    /// Into a pattern, where the value stands for itself and widens nothing.
    Pattern,
    /// Into a command that is run: into a longer word, which may be a script, only plain text.
    Command,
}

impl Place {
    fn put(self, value: &str, is_whole: bool, out: &mut String) -> Result<(), String> {
        match self {
            Self::Pattern => value.chars().for_each(|letter| match letter {
                '*' | '?' | '[' => out.extend(['[', letter, ']']),
                other => out.push(other),
            }),
            Self::Command if !is_whole && !value.chars().all(is_plain) => {
                return Err(format!(
                    "the value {value:?} is put into a longer word of a command and may hold \
                     letters, digits and {PLAIN} only"
                ));
            }
            Self::Text | Self::Command => out.push_str(value),
        }
        Ok(())
    }
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || PLAIN.contains(letter)
}

fn name_findings(parameters: &BTreeMap<String, String>) -> Vec<Finding> {
    let bad = parameters.keys().filter(|name| !is_name(name));
    bad.map(|name| {
        let message = format!("{name:?} cannot name a parameter");
        let remedy = "use letters, digits, dash and underscore";
        Finding::error(FindingCode::ParameterInvalid, message, remedy)
    })
    .collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn in_rule<'p>(
    rule: &ArtifactRule,
    parameters: &'p BTreeMap<String, String>,
    used: &mut BTreeSet<&'p str>,
) -> Result<ArtifactRule, String> {
    // The second word is a pattern, but for REQUIRE, which takes it literally.
    let pattern =
        if matches!(rule, ArtifactRule::Require(_)) { Place::Text } else { Place::Pattern };
    let words = rule.to_words();
    let replaced = words.iter().enumerate().map(|(index, word)| {
        let place = if index == 1 { pattern } else { Place::Text };
        in_text(word, parameters, place, used)
    });
    let replaced = replaced.collect::<Result<Vec<_>, _>>()?;
    ArtifactRule::parse_words(&replaced).map_err(|error| crate::fault::chain_of(&error))
}

fn in_text<'p>(
    text: &str,
    parameters: &'p BTreeMap<String, String>,
    place: Place,
    used: &mut BTreeSet<&'p str>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (plain, brace) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        if let Some(after) = brace.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = brace.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else {
            let (name, after) = brace
                .strip_prefix('{')
                .and_then(|brace| brace.split_once('}'))
                .filter(|(name, _)| is_name(name))
                .ok_or_else(|| format!("{text:?} has a brace that is no parameter"))?;
            let (name, value) = parameters
                .get_key_value(name)
                .ok_or_else(|| format!("the layout's parameter {{{name}}} has no value"))?;
            used.insert(name);
            place.put(value, text.len() == name.len() + 2, &mut out)?;
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(text: &str) -> Result<String, String> {
        replace_at(Place::Text, text)
    }

    fn replace_at(place: Place, text: &str) -> Result<String, String> {
        let parameters = [("A", "x"), ("b-1", "{A}"), ("E", ""), ("any", "*?[a]"), ("two", "a b")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        in_text(text, &parameters.into_iter().collect(), place, &mut BTreeSet::new())
    }

    #[test]
    fn a_value_in_a_pattern_names_itself() {
        let pattern = replace_at(Place::Pattern, "d/{any}*").unwrap();
        assert_eq!(pattern, "d/[*][?][[]a]*");
        let pattern = unbroken_model::pattern::Pattern::new(pattern);
        assert!(pattern.matches("d/*?[a].c") && !pattern.matches("d/xya.c"));
        assert_eq!(replace("{any}").unwrap(), "*?[a]");
    }

    #[test]
    fn a_value_in_a_longer_word_of_a_command_is_plain() {
        assert_eq!(replace_at(Place::Command, "--level={A}").unwrap(), "--level=x");
        assert_eq!(replace_at(Place::Command, "{two}").unwrap(), "a b");
        for text in ["{two}.txt", "x {two}", "{A}{two}", "{{{two}}}"] {
            assert!(replace_at(Place::Command, text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_replaced_once() {
        assert_eq!(replace("a{A}b{A}").unwrap(), "axbx");
        assert_eq!(replace("{b-1}{E}").unwrap(), "{A}", "a value is not searched again");
        assert_eq!(replace("{{A}} }}{{").unwrap(), "{A} }{");
        assert_eq!(replace("plain").unwrap(), "plain");
    }

    #[test]
    fn nothing_but_a_name_is_a_parameter() {
        for text in [
            "{A.__class__}",
            "{A[0]}",
            "{A!r}",
            "{A:>5000000}",
            "{}",
            "{0}",
            "{A",
            "A}",
            "{ A}",
            "{unknown}",
        ] {
            assert!(replace(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_of_letters_digits_dash_and_underscore() {
        for name in ["A", "b-1", "c_2", "_", "-"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", " ", "a b", "a.b", "\u{e9}", "a{", "a\n"] {
            assert!(!is_name(name), "{name}");
        }
        let named = [("a b".to_owned(), String::new()), ("c_2".to_owned(), String::new())];
        let findings = name_findings(&named.into_iter().collect());
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("\"a b\" cannot name a parameter"), "{findings:?}");
        assert!(replace("{a b}").unwrap_err().contains("a brace that is no parameter"));
    }
}
