//! Selectors of namespaces by their labels, as Kubernetes has them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// The labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A selector: everything that it says has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    labels: Labels,
    expressions: Vec<Expression>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Expression {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// A selector of labels.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SelectorWire {
    /// Labels that are there with these values.
    #[serde(default)]
    match_labels: Labels,
    /// Conditions on labels, all of which hold.
    #[serde(default)]
    match_expressions: Vec<ExpressionWire>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExpressionWire {
    /// The label.
    key: String,
    /// How its value is held against the values.
    operator: Operator,
    /// The values, for In and NotIn.
    #[serde(default)]
    values: Vec<String>,
}

impl LabelSelector {
    /// Tells whether labels are meant.
    pub fn matches(&self, labels: &Labels) -> bool {
        let has_all = self.labels.iter().all(|(key, value)| labels.get(key) == Some(value));
        has_all && self.expressions.iter().all(|expression| expression.holds(labels))
    }
}

impl Expression {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed,
            // A label that is not there has none of the values.
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl SelectorWire {
    pub(super) fn selector(self) -> Result<LabelSelector, String> {
        let Self { match_labels: labels, match_expressions } = self;
        let expression = |wire: ExpressionWire| {
            let ExpressionWire { key, operator, values } = wire;
            let listing = matches!(operator, Operator::In | Operator::NotIn);
            if listing == values.is_empty() {
                return Err(format!("{key}: In and NotIn have values, the others have none"));
            }
            Ok(Expression { key, operator, values })
        };
        let expressions: Result<Vec<Expression>, String> =
            match_expressions.into_iter().map(expression).collect();
        Ok(LabelSelector { labels, expressions: expressions? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selector(value: serde_json::Value) -> Result<LabelSelector, String> {
        let wire: SelectorWire = serde_json::from_value(value).map_err(|it| it.to_string())?;
        wire.selector()
    }

    #[test]
    fn everything_that_is_said_has_to_hold() {
        let labels = |of: &[(&str, &str)]| -> Labels {
            of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let (prod, none) = (labels(&[("env", "prod"), ("team", "a")]), labels(&[]));
        let expression = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "env", "operator": operator, "values": values}]});
        for (text, of_prod, of_none) in [
            (json!({}), true, true),
            (json!({"matchLabels": {"env": "prod"}}), true, false),
            (json!({"matchLabels": {"env": "prod", "team": "b"}}), false, false),
            (expression("In", &["prod", "stage"]), true, false),
            (expression("NotIn", &["prod"]), false, true),
            (expression("Exists", &[]), true, false),
            (expression("DoesNotExist", &[]), false, true),
        ] {
            let selector = selector(text.clone()).unwrap();
            assert_eq!(
                (selector.matches(&prod), selector.matches(&none)),
                (of_prod, of_none),
                "{text}"
            );
        }
        for text in [
            expression("In", &[]),
            expression("Exists", &["x"]),
            expression("Is", &["x"]),
            json!({"matchLabel": {}}),
            json!({"matchLabels": {"a": 1}}),
        ] {
            assert!(selector(text.clone()).is_err(), "{text}");
        }
    }
}
