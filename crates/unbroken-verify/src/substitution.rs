//! Parameter substitution (a step of the reference implementation
//! that the specification does not name): `{name}` in the rules, the
//! expected commands and the commands of inspections.
//!
//! `{{` and `}}` stand for braces, as in the reference implementation. Nothing else is a
//! replacement: no attribute, index, conversion or width, which would let the author of a layout
//! read the verifier's own objects.

use std::collections::BTreeMap;

use unbroken_model::layout::Layout;
use unbroken_model::rule::ArtifactRule;

use crate::finding::{Finding, FindingCode};

/// Replaces the parameters in a layout. Without parameters nothing is touched, so that layouts
/// with braces of their own stay what they are.
pub(crate) fn apply(layout: &mut Layout, parameters: &BTreeMap<String, String>) -> Vec<Finding> {
    if parameters.is_empty() {
        return Vec::new();
    }
    let mut findings = name_findings(parameters);
    let steps = layout.steps.iter_mut().map(|step| {
        let rules = [&mut step.expected_materials, &mut step.expected_products];
        (&step.name, rules, &mut step.expected_command)
    });
    let inspections = layout.inspections.iter_mut().map(|inspection| {
        let rules = [&mut inspection.expected_materials, &mut inspection.expected_products];
        (&inspection.name, rules, &mut inspection.run)
    });
    for (name, lists, command) in steps.chain(inspections) {
        let mut fault = |message: String| {
            let remedy = "give a value for each parameter of the layout";
            findings
                .push(Finding::error(FindingCode::ParameterInvalid, message, remedy).of_item(name));
        };
        for rule in lists.into_iter().flatten() {
            match in_rule(rule, parameters) {
                Ok(replaced) => *rule = replaced,
                Err(message) => fault(message),
            }
        }
        for word in command {
            match in_text(word, parameters) {
                Ok(replaced) => *word = replaced,
                Err(message) => fault(message),
            }
        }
    }
    findings
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

fn in_rule(
    rule: &ArtifactRule,
    parameters: &BTreeMap<String, String>,
) -> Result<ArtifactRule, String> {
    let words = rule.to_words();
    let replaced = words.iter().map(|word| in_text(word, parameters));
    let replaced = replaced.collect::<Result<Vec<_>, _>>()?;
    ArtifactRule::parse_words(&replaced).map_err(|error| crate::fault::chain_of(&error))
}

fn in_text(text: &str, parameters: &BTreeMap<String, String>) -> Result<String, String> {
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
            let value = parameters
                .get(name)
                .ok_or_else(|| format!("the layout's parameter {{{name}}} has no value"))?;
            out.push_str(value);
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
        let parameters = [("A", "x"), ("b-1", "{A}"), ("E", "")];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        in_text(text, &parameters.into_iter().collect())
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
}
