//! A layout as its author thinks of it, before either side makes metadata of it.

use serde_json::{Map, Value, json};

/// Which of the two programs does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Reference,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Ours, Self::Reference];
}

/// The envelope of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Metablock,
    Dsse,
}

impl Form {
    pub(crate) const BOTH: [Self; 2] = [Self::Metablock, Self::Dsse];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Metablock => "Metablock",
            Self::Dsse => "DSSE",
        }
    }
}

/// A layout of steps and inspections; keys are named by their files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<StepPlan>,
    pub(crate) inspections: Vec<InspectionPlan>,
}

/// A step: who does it, how many must agree, and its rules, one a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepPlan {
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [&'static str],
    pub(crate) threshold: u32,
    pub(crate) materials: &'static str,
    pub(crate) products: &'static str,
}

/// An inspection: what it runs, and its rules, one a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InspectionPlan {
    pub(crate) name: &'static str,
    pub(crate) run: &'static [&'static str],
    pub(crate) materials: &'static str,
    pub(crate) products: &'static str,
}

const EXPIRES: &str = "2099-01-01T00:00:00Z";
/// Characters that the two encodings of JSON write differently.
const README: &str = "Größe \"1\"\\2\n\u{1f4e6} tab\tend";

fn lines(rules: &str) -> Vec<&str> {
    rules.lines().map(str::trim).filter(|rule| !rule.is_empty()).collect()
}

fn words(rules: &str) -> Vec<Vec<&str>> {
    lines(rules).into_iter().map(|rule| rule.split_whitespace().collect()).collect()
}

impl Plan {
    /// Describes it for `reference.py`; `file` finds the public key of a name.
    pub(crate) fn request(&self, file: impl Fn(&str) -> String) -> Value {
        let steps = self.steps.iter().map(|step| {
            json!({
                "name": step.name,
                "keys": step.keys.iter().map(|key| file(key)).collect::<Vec<_>>(),
                "threshold": step.threshold,
                "command": [],
                "materials": lines(step.materials),
                "products": lines(step.products),
            })
        });
        let inspections = self.inspections.iter().map(|inspection| {
            json!({
                "name": inspection.name,
                "run": inspection.run,
                "materials": lines(inspection.materials),
                "products": lines(inspection.products),
            })
        });
        json!({
            "expires": EXPIRES,
            "readme": README,
            "steps": steps.collect::<Vec<_>>(),
            "inspections": inspections.collect::<Vec<_>>(),
        })
    }

    /// Writes it as a bare layout; `member` finds a key's id and its object for `keys`.
    pub(crate) fn layout(&self, member: impl Fn(&str) -> (String, Value)) -> Value {
        let mut keys = Map::new();
        let mut steps = Vec::new();
        for step in &self.steps {
            let listed: Vec<_> = step.keys.iter().map(|key| member(key)).collect();
            steps.push(json!({
                "_type": "step",
                "name": step.name,
                "pubkeys": listed.iter().map(|(id, _)| id).collect::<Vec<_>>(),
                "threshold": step.threshold,
                "expected_command": [],
                "expected_materials": words(step.materials),
                "expected_products": words(step.products),
            }));
            keys.extend(listed);
        }
        let inspections = self.inspections.iter().map(|inspection| {
            json!({
                "_type": "inspection",
                "name": inspection.name,
                "run": inspection.run,
                "expected_materials": words(inspection.materials),
                "expected_products": words(inspection.products),
            })
        });
        json!({
            "_type": "layout",
            "expires": EXPIRES,
            "readme": README,
            "keys": keys,
            "steps": steps,
            "inspect": inspections.collect::<Vec<_>>(),
        })
    }
}
