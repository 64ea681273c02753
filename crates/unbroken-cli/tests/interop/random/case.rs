//! One chain: a layout, its links and the product, made of seeded keys by our library.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use unbroken_crypto::{KeyIdStyle, sign};
use unbroken_model::envelope::{Envelope, EnvelopeKind};
use unbroken_model::json;
use unbroken_model::limits::Limits;
use unbroken_testkit::{Random, keys};

use super::artifacts::{self, Tree};
use super::fault::Fault;
use super::rules;
use super::sublayout::Work;
use crate::verdict::{edit_payload, flip_digit};

const STEPS: [&str; 3] = ["fetch", "build", "pack"];
const FUNCTIONARIES: [&str; 3] = ["ann", "bob", "cid"];

/// What both sides judge.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) fault: Fault,
    pub(super) layout: String,
    pub(super) links: BTreeMap<String, String>,
    pub(super) product: Tree,
    pub(super) owners: Vec<&'static str>,
    pub(super) parameters: BTreeMap<&'static str, &'static str>,
    /// Whether some evidence is a sublayout.
    pub(super) has_sublayout: bool,
    /// The payloads, for a person who looks at a difference.
    pub(super) readable: String,
}

/// Who does a step, and how many have to.
struct Crew {
    functionaries: Vec<&'static str>,
    threshold: usize,
}

impl Crew {
    fn draw(random: &mut Random) -> Self {
        let first = random.below(3);
        let size = 1 + random.below(3);
        let functionaries: Vec<_> = (0..size).map(|at| FUNCTIONARIES[(first + at) % 3]).collect();
        Self { threshold: 1 + random.below(functionaries.len()), functionaries }
    }
}

impl Case {
    pub(super) fn draw(random: &mut Random) -> Self {
        let fault = Fault::draw(random);
        let count = 1 + random.below(3);
        let crews: Vec<Crew> = (0..count).map(|_| Crew::draw(random)).collect();
        let mut case = Self {
            fault,
            layout: String::new(),
            links: BTreeMap::new(),
            product: artifacts::draw(random),
            owners: vec!["owner"],
            parameters: BTreeMap::from([("folder", "d")]),
            has_sublayout: false,
            readable: String::new(),
        };
        if random.below(20) == 0 {
            case.parameters = BTreeMap::from([("other", "d")]);
        }
        let broken = random.below(count);
        for (at, crew) in crews.iter().enumerate() {
            let faulty = at == broken;
            case.add_links(random, at, crew, if faulty { fault } else { Fault::None });
        }
        case.add_layout(random, &crews);
        case
    }

    /// Adds the links of a step; the product is what the step leaves.
    fn add_links(&mut self, random: &mut Random, at: usize, crew: &Crew, fault: Fault) {
        let materials = if at == 0 { Tree::new() } else { self.product.clone() };
        let materials = if random.below(6) == 0 { artifacts::draw(random) } else { materials };
        let products = artifacts::worked_on(random, &self.product);
        let twice = random.below(12) == 0;
        // Sometimes only as many did it as had to.
        let absent = random.below(2) * (crew.functionaries.len() - crew.threshold);
        let present = &crew.functionaries[absent..];
        let delegated = fault == Fault::None && !twice && random.below(4) == 0;
        for (nth, functionary) in present.iter().enumerate() {
            let fault = if nth == 0 { fault } else { Fault::None };
            if nth == 0 && delegated {
                let stem = format!("{}.{}", STEPS[at], &keys::id(functionary)[..8]);
                let work = Work { materials: &materials, products: &products };
                self.add_sublayout(random, &stem, functionary, &work, 0);
                continue;
            }
            let mut link = json!({
                "_type": "link", "name": STEPS[at], "command": [], "environment": {},
                "materials": artifacts::recorded(&materials, twice),
                "products": artifacts::recorded(&products, twice),
                "byproducts": {"return-value": 0, "stdout": "", "stderr": ""},
            });
            let mut signers = vec![*functionary];
            match fault {
                Fault::LinkMissing => continue,
                Fault::LinkOfStranger => signers = vec!["stranger"],
                Fault::StrangerBeside => signers.insert(0, "stranger"),
                Fault::LinkOfOtherStep => link["name"] = json!("other"),
                Fault::CommandFailed => link["byproducts"]["return-value"] = json!(1),
                Fault::LinkDiffers => {
                    link["products"] = artifacts::recorded(&Tree::from([("other", "3")]), false);
                }
                _ => (),
            }
            let mut text = self.seal(random, &link, &signers);
            let has_digest = !(materials.is_empty() && products.is_empty());
            if fault == Fault::LinkEdited && has_digest {
                text = edit_payload(&text, flip_digit);
            }
            if fault == Fault::LinkTruncated {
                text.truncate(text.len() / 2);
            }
            let id = keys::id(functionary);
            self.links.insert(format!("{}.{}.link", STEPS[at], &id[..8]), text);
        }
        self.product = products;
    }

    fn add_layout(&mut self, random: &mut Random, crews: &[Crew]) {
        let names = &STEPS[..crews.len()];
        let mut known = Map::new();
        let mut steps = Vec::new();
        for (at, crew) in crews.iter().enumerate() {
            for functionary in &crew.functionaries {
                known.insert(keys::id(functionary), key_object(functionary));
            }
            let before = names[at.saturating_sub(1)];
            let mut materials =
                rules::draw(random, names, &[&["MATCH", "*", "WITH", "PRODUCTS", "FROM", before]]);
            let products =
                rules::draw(random, names, &[&["CREATE", "*"], &["MODIFY", "*"], &["ALLOW", "*"]]);
            if self.fault == Fault::SourceMissing && at == 0 {
                let rule = json!(["MATCH", "a", "WITH", "PRODUCTS", "FROM", "nowhere"]);
                materials.as_array_mut().unwrap().insert(0, rule);
            }
            steps.push(json!({
                "_type": "step", "name": names[at], "threshold": crew.threshold, "expected_command": [],
                "pubkeys": crew.functionaries.iter().map(|key| keys::id(key)).collect::<Vec<_>>(),
                "expected_materials": materials, "expected_products": products,
            }));
        }
        let inspections = self.inspections(random, names);
        let expired = self.fault == Fault::LayoutExpired;
        let layout = json!({
            "_type": "layout", "readme": "as it was signed", "keys": known, "steps": steps, "inspect": inspections,
            "expires": if expired { "2020-01-01T00:00:00Z" } else { "2099-01-01T00:00:00Z" },
        });
        // A value for a parameter that the layout does not have is ignored there and refused here.
        if !layout.to_string().contains("{folder}") {
            self.parameters.clear();
        }
        let signers: &[&str] = match self.fault {
            Fault::LayoutOfStranger => &["stranger"],
            Fault::StrangerBeside => &["stranger", "owner"],
            _ => &["owner"],
        };
        if self.fault == Fault::OwnerMissing {
            self.owners.push("second-owner");
        }
        self.layout = self.seal(random, &layout, signers);
        if self.fault == Fault::LayoutEdited {
            let edit = |payload: &str| payload.replacen("as it was", "as it was not", 1);
            self.layout = edit_payload(&self.layout, edit);
        }
    }

    /// Draws inspections: they look at the product that the last step left.
    fn inspections(&self, random: &mut Random, names: &[&'static str]) -> Value {
        let fails = self.fault == Fault::InspectionFails;
        if !fails && random.below(4) > 0 {
            return json!([]);
        }
        let last = names[names.len() - 1];
        let fitting: &[&[&str]] = &[&["MATCH", "*", "WITH", "PRODUCTS", "FROM", last]];
        let sources = [names, &["look"]].concat();
        json!([{
            "_type": "inspection", "name": "look", "run": [if fails { "false" } else { "true" }],
            "expected_materials": rules::draw(random, &sources, fitting),
            "expected_products": rules::draw(random, &sources, fitting),
        }])
    }

    /// Signs a payload in either envelope.
    pub(super) fn seal(
        &mut self,
        random: &mut Random,
        payload: &Value,
        signers: &[&str],
    ) -> String {
        let text = payload.to_string();
        self.readable.push_str(&text);
        self.readable.push('\n');
        let value = json::Value::parse(text.as_bytes(), &Limits::default()).unwrap();
        let kind = *random.pick(&[EnvelopeKind::Metablock, EnvelopeKind::Dsse]);
        let mut envelope = Envelope::unsigned(kind, value);
        for signer in signers {
            sign(&mut envelope, &*keys::key(signer), KeyIdStyle::Securesystemslib).unwrap();
        }
        String::from_utf8(envelope.to_bytes()).unwrap()
    }
}

/// Returns the key's object as a layout has it.
pub(super) fn key_object(name: &str) -> Value {
    let key = keys::key(name).public().to_layout_key(KeyIdStyle::Securesystemslib).unwrap();
    let text = json::Value::from(key.object).to_compact();
    serde_json::from_str(&text).unwrap()
}
