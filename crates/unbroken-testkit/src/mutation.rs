//! Sound chains drawn at random, and one change each that a verifier has to find.
//!
//! [`Sound::draw`] makes a chain that verifies: several steps, thresholds, both envelopes, sublayouts, an
//! inspection. [`ALL`] are the mutations: each changes one thing of any such chain, and names the finding that
//! is due and the line of the catalogue that it comes from.

mod changes;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use unbroken_crypto::KeyIdStyle;
use unbroken_model::json::Object;
use unbroken_model::layout::{Inspection, Layout, Step};
use unbroken_model::rule::ArtifactRule;

pub use self::changes::ALL;
use crate::chain::Chain;
use crate::draft::{Draft, artifacts, link};
use crate::keys;
use crate::random::Random;

const FUNCTIONARIES: [&str; 4] = ["developer", "builder", "scanner", "packer"];
const STEPS: [&str; 4] = ["checkout", "build", "scan", "pack"];

/// One change of a sound chain.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// What is changed, as a vector would be named.
    pub name: &'static str,
    /// The line of the catalogue.
    pub line: &'static str,
    /// The finding that is due; others may stand beside it.
    pub code: &'static str,
    /// Changes the chain at the step of this index.
    pub apply: fn(&mut Sound, usize),
}

/// A chain that verifies, with what a mutation has to know of it.
#[derive(Clone, Debug)]
pub struct Sound {
    /// The chain.
    pub chain: Chain,
    /// The steps in order.
    pub steps: Vec<Crew>,
}

/// Who did a step.
#[derive(Clone, Debug)]
pub struct Crew {
    /// The step.
    pub step: &'static str,
    /// The functionaries that may sign for it; each made a link, but for the one with the sublayout.
    pub functionaries: Vec<&'static str>,
    /// How many of them have to.
    pub threshold: u32,
    /// A file that the step made.
    pub product: String,
    /// What the file holds.
    pub content: String,
}

impl Crew {
    /// Returns the names of the files of its evidence.
    pub fn stems(&self) -> Vec<String> {
        self.functionaries.iter().map(|name| keys::stem(self.step, name)).collect()
    }
}

impl Sound {
    /// Draws a chain.
    ///
    /// # Panics
    /// Never: what it makes has the right form.
    pub fn draw(random: &mut Random) -> Self {
        let count = 1 + random.below(STEPS.len());
        let steps: Vec<Crew> =
            STEPS.iter().take(count).map(|step| Crew::draw(step, random)).collect();
        let mut chain = Chain::new(&layout(&steps), &["owner"]);
        let delegated = (random.below(2) == 0).then(|| random.below(count));
        for (index, crew) in steps.iter().enumerate() {
            let (before, after) = (made_before(&steps, index), [crew.made()]);
            for (nth, name) in crew.functionaries.iter().enumerate() {
                if delegated == Some(index) && nth == 0 {
                    chain.put_sublayout(crew.step, name, sublayout(&before, &after));
                } else {
                    let draft = Draft::of(&link(crew.step, &before, &after)).signed_by(name);
                    let draft = if random.below(2) == 0 { draft } else { draft.dsse() };
                    chain.put(keys::stem(crew.step, name), draft);
                }
            }
        }
        let found: Vec<(&str, &str)> = steps.last().map(Crew::made).into_iter().collect();
        chain.set_outcome("look", artifacts(&found), artifacts(&found));
        chain.deliver(&found);
        if random.below(2) == 0 {
            chain.layout = chain.layout.clone().dsse();
        }
        Self { chain, steps }
    }

    /// Returns who did the step of this index.
    ///
    /// # Panics
    /// When there is no such step.
    pub fn crew(&self, step: usize) -> &Crew {
        self.steps.get(step).expect("the chain has this step")
    }

    /// Changes every link of a step that is no sublayout; a sublayout gives way to such a link.
    pub fn change_links(&mut self, step: usize, change: impl Fn(&mut Draft)) {
        let crew = self.crew(step).clone();
        for (name, stem) in crew.functionaries.iter().zip(crew.stems()) {
            let mut draft = self.chain.take(&stem);
            if draft.value().as_object().is_some_and(|object| object.get("products").is_none()) {
                let before = made_before(&self.steps, step);
                draft = Draft::of(&link(crew.step, &before, &[crew.made()])).signed_by(name);
            }
            change(&mut draft);
            self.chain.put(stem, draft);
        }
    }
}

/// Returns what the step before this one made.
fn made_before(steps: &[Crew], index: usize) -> Vec<(&str, &str)> {
    let before = index.checked_sub(1).and_then(|before| steps.get(before));
    before.map(Crew::made).into_iter().collect()
}

impl Crew {
    fn draw(step: &'static str, random: &mut Random) -> Self {
        let first = random.below(FUNCTIONARIES.len());
        let size = 1 + random.below(3);
        let functionaries = FUNCTIONARIES.iter().cycle().skip(first).take(size).copied().collect();
        let threshold = u32::try_from(1 + random.below(size)).unwrap_or(1);
        let product = format!("{step}/{}", random.pick(&["a", "b.c", "ü", "x y"]));
        let content = random.text(&['a', 'b'], 9);
        Self { step, functionaries, threshold, product, content }
    }

    /// Returns the file that the step made, with what it holds.
    fn made(&self) -> (&str, &str) {
        (&self.product, &self.content)
    }
}

fn layout(crews: &[Crew]) -> Layout {
    let listed = FUNCTIONARIES.map(|name| {
        let key = keys::key(name).public().to_layout_key(KeyIdStyle::default());
        let key = key.expect("the id of a seeded key is one");
        (key.id.clone(), key)
    });
    let rules = |texts: &[String]| -> Vec<ArtifactRule> {
        texts.iter().map(|text| ArtifactRule::parse_text(text).expect("a rule")).collect()
    };
    let from = |step: &str| format!("MATCH * WITH PRODUCTS FROM {step}");
    let end = "DISALLOW *".to_owned();
    let steps = crews.iter().enumerate().map(|(index, crew)| {
        let before = index.checked_sub(1).and_then(|before| crews.get(before));
        let mut materials: Vec<String> = before.map(|crew| from(crew.step)).into_iter().collect();
        materials.push(end.clone());
        Step {
            name: crew.step.parse().expect("a name"),
            expected_materials: rules(&materials),
            expected_products: rules(&[format!("CREATE {}/*", crew.step), end.clone()]),
            pubkeys: crew
                .functionaries
                .iter()
                .map(|name| keys::id(name).parse().expect("a key id"))
                .collect(),
            expected_command: Vec::new(),
            cert_constraints: Vec::new(),
            threshold: NonZeroU32::new(crew.threshold).unwrap_or(NonZeroU32::MIN),
            extra: Object::new(),
        }
    });
    let last = crews.last().map_or("", |crew| crew.step);
    Layout {
        expires: "2030-01-01T00:00:00Z".parse().expect("a point in time"),
        readme: "drawn at random".to_owned(),
        keys: listed.into_iter().collect(),
        root_cas: BTreeMap::new(),
        intermediate_cas: BTreeMap::new(),
        steps: steps.collect(),
        inspections: vec![Inspection {
            name: "look".parse().expect("a name"),
            expected_materials: rules(&[from(last), end]),
            expected_products: Vec::new(),
            run: vec!["true".to_owned()],
            extra: Object::new(),
        }],
        extra: Object::new(),
    }
}

/// Makes a sublayout of one step that consumes and makes these files.
fn sublayout(before: &[(&str, &str)], after: &[(&str, &str)]) -> Chain {
    let mut child = Chain::compile();
    child.take(&keys::stem("compile", "compiler"));
    child.layout.set_rules("steps/0/expected_materials", "ALLOW *");
    child.layout.set_rules("steps/0/expected_products", "ALLOW *");
    child.layout.set_json("steps/0/expected_command", "[]");
    child.put_link("compiler", &link("compile", before, after));
    child
}
