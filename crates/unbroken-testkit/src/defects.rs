//! The defect vectors: the pipeline with one thing wrong, each with the verdict that is due.
//!
//! `cargo run -p unbroken-testkit --example make_vectors` writes them to `tests/vectors`. All
//! keys and signatures in them are the same in every run.
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "the texts that are cut here were made here"
)]

mod artifacts;
mod certificates;
mod encodings;
mod envelopes;
mod groups;
mod inspection_links;
mod inspections;
mod keys;
mod layouts;
mod link_statements;
mod links;
mod names;
mod parameters;
mod patterns;
mod payloads;
mod replays;
mod rule_forms;
mod rules;
mod signatures;
mod subjects;
mod sublayouts;
mod times;
mod weak_keys;

use crate::catalogue;
use crate::chain::Chain;
use crate::vector::Vector;

/// A vector and its folder's name.
#[derive(Clone, Debug)]
pub struct Defect {
    /// The name.
    pub name: &'static str,
    /// The vector.
    pub vector: Vector,
}

/// Returns all vectors.
pub fn all() -> Vec<Defect> {
    let mut all: Vec<Defect> = Vec::new();
    for group in [
        times::all,
        layouts::all,
        names::all,
        rule_forms::all,
        parameters::all,
        keys::all,
        groups::all,
        weak_keys::all,
        signatures::all,
        certificates::all,
        envelopes::all,
        link_statements::all,
        payloads::all,
        encodings::all,
        links::all,
        artifacts::all,
        rules::all,
        patterns::all,
        inspections::all,
        inspection_links::all,
        sublayouts::all,
        subjects::all,
        replays::all,
    ] {
        all.extend(group());
    }
    let ids = catalogue::ids_by_name();
    for defect in &mut all {
        defect.vector.catalogue = ids.get(defect.name).cloned().unwrap_or_default();
    }
    all
}

impl Defect {
    /// Makes a vector of the pipeline after `change`; it is verified unless codes follow.
    fn of(
        name: &'static str,
        title: &str,
        reference: &str,
        change: impl FnOnce(&mut Chain),
    ) -> Self {
        let mut chain = Chain::pipeline();
        change(&mut chain);
        let vector = Vector {
            title: title.to_owned(),
            reference: reference.to_owned(),
            catalogue: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            case: chain.case(),
            product: chain.product,
        };
        Self { name, vector }
    }

    /// Says that no program can be held to it: what the inspections give is made up, or there are no
    /// arguments for it.
    fn in_process(mut self) -> Self {
        self.vector.product = None;
        self.vector.case.product = None;
        self
    }

    /// Says which findings reject.
    fn rejected(mut self, codes: &[&str]) -> Self {
        self.vector.errors = sorted(codes);
        self
    }

    /// Says which findings warn.
    fn warned(mut self, codes: &[&str]) -> Self {
        self.vector.warnings = sorted(codes);
        self
    }
}

fn sorted(codes: &[&str]) -> Vec<String> {
    let mut codes: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    codes.sort();
    codes
}
