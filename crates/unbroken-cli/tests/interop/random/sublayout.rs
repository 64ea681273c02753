//! Sublayouts: a functionary hands in a layout with links of his own in place of a link.

use serde_json::{Map, Value, json};
use unbroken_testkit::{Random, keys};

use super::artifacts::{self, Tree};
use super::case::{Case, key_object};
use super::rules;

const STEPS: [&str; 2] = ["compile", "link"];

/// What the work that is delegated starts from and comes to.
pub(super) struct Work<'t> {
    pub(super) materials: &'t Tree,
    pub(super) products: &'t Tree,
}

impl Case {
    /// Adds a sublayout as the evidence of this file name without its ending, and its links below.
    pub(super) fn add_sublayout(
        &mut self,
        random: &mut Random,
        stem: &str,
        by: &'static str,
        work: &Work<'_>,
        depth: usize,
    ) {
        let worker = if depth == 0 { "dee" } else { "eve" };
        let names = &STEPS[..=random.below(2)];
        let between = artifacts::worked_on(random, work.materials);
        let mut steps = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let part = Work {
                materials: if at == 0 { work.materials } else { &between },
                products: if at + 1 == names.len() { work.products } else { &between },
            };
            let inner = format!("{stem}/{name}.{}", &keys::id(worker)[..8]);
            let missing = random.below(12) == 0;
            if !missing && depth == 0 && random.below(5) == 0 {
                self.add_sublayout(random, &inner, worker, &part, depth + 1);
            } else if !missing {
                let link = link(name, &part);
                let text = self.seal(random, &link, &[worker]);
                self.links.insert(format!("{inner}.link"), text);
            }
            steps.push(json!({
                "_type": "step", "name": name, "threshold": 1, "expected_command": [],
                "pubkeys": [keys::id(worker)],
                "expected_materials": rules::draw(random, names, &[&["ALLOW", "*"]]),
                "expected_products": rules::draw(random, names, &[&["CREATE", "*"], &["ALLOW", "*"]]),
            }));
        }
        let inspections = if random.below(10) == 0 {
            json!([{ "_type": "inspection", "name": "peek", "run": ["true"],
                     "expected_materials": [], "expected_products": [] }])
        } else {
            json!([])
        };
        let expired = random.below(12) == 0;
        let known = Map::from_iter([(keys::id(worker), key_object(worker))]);
        let layout = json!({
            "_type": "layout", "readme": "delegated", "keys": known, "steps": steps, "inspect": inspections,
            "expires": if expired { "2020-01-01T00:00:00Z" } else { "2099-01-01T00:00:00Z" },
        });
        let text = self.seal(random, &layout, &[by]);
        self.links.insert(format!("{stem}.link"), text);
        self.has_sublayout = true;
    }
}

fn link(name: &str, work: &Work<'_>) -> Value {
    json!({
        "_type": "link", "name": name, "command": [], "environment": {},
        "materials": artifacts::recorded(work.materials, false),
        "products": artifacts::recorded(work.products, false),
        "byproducts": {"return-value": 0, "stdout": "", "stderr": ""},
    })
}
