//! What a layout must be before anything is held against it.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

use unbroken_crypto::{
    Certificate, CertificateAuthorities, Functionary, KeyMaterial, KeySet, PublicKey,
};
use unbroken_model::layout::{KeyId, Layout, LayoutKey, Step};
use unbroken_model::limits::{MOST_INSPECTIONS, MOST_KEYS, MOST_RULES, MOST_STEPS};
use unbroken_model::name::StepName;
use unbroken_model::rule::ArtifactRule;
use unbroken_model::timestamp::Timestamp;

use crate::fault::chain_of;
use crate::finding::{Finding, FindingCode};

/// The keys of a layout that can be used.
pub(crate) struct LayoutKeys {
    all: KeySet<Functionary>,
    by_id: BTreeMap<KeyId, KeyMaterial>,
    authorities: CertificateAuthorities,
}

impl LayoutKeys {
    /// Returns every key: evidence is authenticated with all of them, so that a link of a known
    /// but not authorised functionary can be told from a forged one.
    pub(crate) fn all(&self) -> &KeySet<Functionary> {
        &self.all
    }

    /// Returns those whose certificates count.
    pub(crate) fn authorities(&self) -> &CertificateAuthorities {
        &self.authorities
    }

    /// Returns the materials of the listed keys that may sign for a step.
    pub(crate) fn of_step(&self, step: &Step) -> BTreeSet<KeyMaterial> {
        step.pubkeys.iter().filter_map(|id| self.by_id.get(id).copied()).collect()
    }
}

/// Checks a layout as a whole and makes its keys usable.
///
/// `intermediates` are certificates of the verifier's own.
pub(crate) fn check(
    layout: &Layout,
    now: Timestamp,
    intermediates: &[Certificate],
) -> (LayoutKeys, Vec<Finding>) {
    let mut findings = Vec::new();
    let authorities = authorities(layout, intermediates, &mut findings);
    let keys = keys(layout, now, authorities, &mut findings);
    if layout.steps.is_empty() {
        findings.push(Finding::error(
            FindingCode::LayoutEmpty,
            "the layout has no step, so it would admit anything",
            "the owner names the steps of the pipeline",
        ));
    }
    names(layout, &mut findings);
    for step in &layout.steps {
        threshold(step, &keys, &mut findings);
    }
    sources(layout, &mut findings);
    for inspection in layout.inspections.iter().filter(|inspection| inspection.run.is_empty()) {
        let message = "the inspection has no command to run";
        let remedy = "the owner gives the inspection a command: `run`";
        findings.push(
            Finding::error(FindingCode::LayoutMalformed, message, remedy).of_item(&inspection.name),
        );
    }
    (keys, findings)
}

/// Makes the authorities of a layout usable. Only where a step asks for certificates does anything
/// rest on them.
fn authorities(
    layout: &Layout,
    intermediates: &[Certificate],
    findings: &mut Vec<Finding>,
) -> CertificateAuthorities {
    let invalid = |message: String| {
        let remedy = "the owner mends the layout's `rootcas`, `intermediatecas` or the constraint";
        Finding::error(FindingCode::CertificateAuthorityInvalid, message, remedy)
    };
    let steps = || layout.steps.iter().filter(|step| !step.cert_constraints.is_empty());
    let (authorities, faults) = CertificateAuthorities::of_layout(layout, intermediates);
    if steps().next().is_none() {
        return authorities;
    }
    for fault in faults {
        let message =
            format!("the authority {} cannot be used: {}", fault.id, chain_of(&fault.source));
        findings.push(invalid(message));
    }
    for step in steps() {
        let named = step.cert_constraints.iter().flat_map(|constraint| &constraint.roots);
        for root in named.filter(|root| !matches!(root.as_str(), "" | "*")) {
            if !authorities.has_root(root) {
                let root: String = root.chars().take(140).collect();
                let message =
                    format!("a constraint names the root {root:?}, which is not in `rootcas`");
                findings.push(invalid(message).of_item(&step.name));
            }
        }
    }
    authorities
}

/// Finds a list of a layout that is longer than a verification looks at.
pub(crate) fn too_long(layout: &Layout) -> Option<Finding> {
    let steps = layout.steps.iter();
    let of_steps = steps.flat_map(|step| [&step.expected_materials, &step.expected_products]);
    let inspections = layout.inspections.iter();
    let of_inspections =
        inspections.flat_map(|one| [&one.expected_materials, &one.expected_products]);
    let rules = of_steps.chain(of_inspections).map(Vec::len).max().unwrap_or_default();
    let (what, found, most) = [
        ("steps", layout.steps.len(), MOST_STEPS),
        ("inspections", layout.inspections.len(), MOST_INSPECTIONS),
        ("keys", layout.keys.len(), MOST_KEYS),
        ("rules in one list", rules, MOST_RULES),
    ]
    .into_iter()
    .find(|(_, found, most)| found > most)?;
    let message = format!("the layout has {found} {what}, more than the limit of {most}");
    let remedy = "the owner delegates parts of the pipeline to sublayouts";
    Some(Finding::error(FindingCode::BudgetExceeded, message, remedy))
}

fn keys(
    layout: &Layout,
    now: Timestamp,
    authorities: CertificateAuthorities,
    findings: &mut Vec<Finding>,
) -> LayoutKeys {
    let mut usable: BTreeMap<KeyId, PublicKey> = BTreeMap::new();
    let mut unusable: BTreeMap<&KeyId, String> = BTreeMap::new();
    let authorities_listed = layout.root_cas.iter().chain(&layout.intermediate_cas);
    for (id, _) in
        layout.keys.iter().chain(authorities_listed).filter(|(_, key)| holds_private_key(key))
    {
        let message = format!("the key {id} comes with its private half");
        let remedy = "make a new key: this one is known to everybody who has the layout";
        findings.push(Finding::error(FindingCode::PrivateKeyInLayout, message, remedy));
    }
    for (id, key) in &layout.keys {
        match PublicKey::from_layout_key_at(key, now) {
            Ok(key) => drop(usable.insert(id.clone(), key)),
            // A key of an unknown kind hurts only the steps that need it.
            Err(error) => drop(unusable.insert(id, chain_of(&error))),
        }
    }
    listed_twice(&usable, findings);
    for step in &layout.steps {
        let mut seen = BTreeSet::new();
        for id in &step.pubkeys {
            let fault = if !seen.insert(id) {
                Some((
                    FindingCode::KeyIdInvalid,
                    format!("the key {id} is named twice for the step"),
                ))
            } else if let Some(reason) = unusable.get(id) {
                Some((FindingCode::KeyUnusable, format!("the key {id} cannot be used: {reason}")))
            } else if !usable.contains_key(id) {
                let message = format!("the key {id} is not among the keys of the layout");
                Some((FindingCode::KeyIdInvalid, message))
            } else {
                None
            };
            if let Some((code, message)) = fault {
                let remedy = "the owner mends the step's `pubkeys` or the layout's `keys`";
                findings.push(Finding::error(code, message, remedy).of_item(&step.name));
            }
        }
    }
    let by_id = usable.iter().map(|(id, key)| (id.clone(), key.material())).collect();
    LayoutKeys { all: KeySet::new(usable.into_values()), by_id, authorities }
}

fn holds_private_key(key: &LayoutKey) -> bool {
    let private = key.object.get("keyval").and_then(|keyval| keyval.as_object()?.get("private"));
    private.and_then(|private| private.as_str()).is_some_and(|private| !private.is_empty())
}

/// One key under two ids would have two votes in the eyes of whoever counts ids.
fn listed_twice(usable: &BTreeMap<KeyId, PublicKey>, findings: &mut Vec<Finding>) {
    let mut first: BTreeMap<KeyMaterial, &KeyId> = BTreeMap::new();
    let signing = |(id, key)| PublicKey::materials(key).into_iter().map(move |one| (id, key, one));
    for (id, key, material) in usable.iter().flat_map(signing) {
        if let Some(other) = first.insert(material, id) {
            let message = format!("the keys {other} and {id} are one and the same key");
            let remedy = "the owner lists the key once";
            findings.push(
                Finding::error(FindingCode::KeyListedTwice, message, remedy)
                    .of_functionary(key.describe()),
            );
        }
    }
}

fn names(layout: &Layout, findings: &mut Vec<Finding>) {
    let steps = layout.steps.iter().map(|step| &step.name);
    let inspections = layout.inspections.iter().map(|inspection| &inspection.name);
    let mut seen = BTreeSet::new();
    for name in steps.chain(inspections) {
        // Some file systems take names for one that differ in case, or in how their text is composed.
        if !seen.insert(name.as_str().to_lowercase().nfc().collect::<String>()) {
            let message = "two steps or inspections have this name";
            let remedy = "the owner gives each a name of its own";
            findings
                .push(Finding::error(FindingCode::NameDuplicate, message, remedy).of_item(name));
        }
    }
}

fn threshold(step: &Step, keys: &LayoutKeys, findings: &mut Vec<Finding>) {
    // Nobody knows how many certificates an authority has issued.
    if !step.cert_constraints.is_empty() {
        return;
    }
    let functionaries = keys.of_step(step).len();
    if u64::from(step.threshold.get()) > u64::try_from(functionaries).unwrap_or(u64::MAX) {
        let message = format!(
            "the step asks for {} functionaries and names {functionaries} usable keys",
            step.threshold
        );
        let remedy = "the owner names more keys, or lowers the threshold";
        findings.push(
            Finding::error(FindingCode::ThresholdAboveKeys, message, remedy).of_item(&step.name),
        );
    }
}

/// A MATCH rule from a step that does not exist never consumes anything: a slip of the pen would
/// go unnoticed.
fn sources(layout: &Layout, findings: &mut Vec<Finding>) {
    let steps: BTreeSet<&StepName> = layout.steps.iter().map(|step| &step.name).collect();
    let inspections = layout.inspections.iter().map(|inspection| &inspection.name);
    let all: BTreeSet<&StepName> = inspections.chain(steps.iter().copied()).collect();
    let of_steps = layout
        .steps
        .iter()
        .map(|step| (&step.name, [&step.expected_materials, &step.expected_products], &steps));
    let of_inspections = layout.inspections.iter().map(|inspection| {
        let rules = [&inspection.expected_materials, &inspection.expected_products];
        (&inspection.name, rules, &all)
    });
    for (name, lists, known) in of_steps.chain(of_inspections) {
        for rule in lists.into_iter().flatten() {
            let ArtifactRule::Match(matching) = rule else { continue };
            if !known.contains(&matching.from) {
                let message = format!("the rule \"{rule}\" names a step that it cannot refer to");
                let remedy = format!("the owner corrects the name {:?}", matching.from.as_str());
                findings.push(
                    Finding::error(FindingCode::MatchSourceMissing, message, remedy).of_item(name),
                );
            }
        }
    }
}
