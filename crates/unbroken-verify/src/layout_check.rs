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

use crate::directives::Directives;
use crate::fault::chain_of;
use crate::finding::{Finding, FindingCode};

/// The keys of a layout that can be used.
pub(crate) struct LayoutKeys {
    all: KeySet<Functionary>,
    by_id: BTreeMap<KeyId, KeyMaterial>,
    groups: Vec<Group>,
    authorities: CertificateAuthorities,
}

/// Keys that are one functionary, who vouches by all of them and has one vote.
pub(crate) type Group = BTreeSet<KeyMaterial>;

impl LayoutKeys {
    /// Returns the groups of which a step names keys: all of each, or the layout is rejected.
    pub(crate) fn groups_of(&self, step: &Step) -> Vec<&Group> {
        let named = self.of_step(step);
        self.groups.iter().filter(|group| !group.is_disjoint(&named)).collect()
    }

    /// Adds to signers of evidence of a step the other keys of their groups.
    pub(crate) fn with_groups(&self, step: &Step, signers: &[PublicKey]) -> Vec<PublicKey> {
        let mut materials: Group = signers.iter().map(PublicKey::material).collect();
        for group in self.groups_of(step) {
            if !group.is_disjoint(&materials) {
                materials.extend(group);
            }
        }
        let known = self.all.iter().filter(|key| materials.remove(&key.material())).cloned();
        let mut keys: Vec<PublicKey> = known.collect();
        // Those of certificates are not listed.
        keys.extend(signers.iter().filter(|key| materials.contains(&key.material())).cloned());
        keys
    }

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
    directives: &Directives,
    now: Timestamp,
    intermediates: &[Certificate],
) -> (LayoutKeys, Vec<Finding>) {
    let mut findings = Vec::new();
    let authorities = authorities(layout, intermediates, &mut findings);
    let mut keys = keys(layout, now, authorities, &mut findings);
    groups(layout, directives, &mut keys, &mut findings);
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
    LayoutKeys { all: KeySet::new(usable.into_values()), by_id, groups: Vec::new(), authorities }
}

/// Makes the groups of keys usable that have to sign together.
fn groups(
    layout: &Layout,
    directives: &Directives,
    keys: &mut LayoutKeys,
    findings: &mut Vec<Finding>,
) {
    for ids in &directives.all_of {
        let mut group = Group::new();
        for id in ids {
            if let Some(material) = keys.by_id.get(id) {
                group.insert(*material);
                continue;
            }
            let (code, what) = if layout.keys.contains_key(id) {
                (FindingCode::KeyUnusable, "cannot be used")
            } else {
                (FindingCode::KeyIdInvalid, "is not among the keys of the layout")
            };
            let message = format!("the key {id} of a group that signs together {what}");
            let remedy = "the owner mends the line `unbroken: all-of` or the layout's `keys`";
            findings.push(Finding::error(code, message, remedy));
        }
        for step in &layout.steps {
            let left_out = ids.iter().find(|id| !step.pubkeys.contains(id));
            if let Some(left_out) = left_out
                && ids.iter().any(|id| step.pubkeys.contains(id))
            {
                let message = format!(
                    "the step names a part of a group that signs together, without the key {left_out}"
                );
                let remedy = "the owner names all keys of the group for the step, or none";
                let finding = Finding::error(FindingCode::LayoutMalformed, message, remedy);
                findings.push(finding.of_item(&step.name));
            }
        }
        keys.groups.push(group);
    }
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
    let keys_named = keys.of_step(step);
    let named = keys_named.len();
    let grouped = keys.groups_of(step).into_iter();
    let grouped = grouped.map(|group| group.intersection(&keys_named).count().saturating_sub(1));
    let functionaries = named.saturating_sub(grouped.sum());
    if u64::from(step.threshold.get()) > u64::try_from(functionaries).unwrap_or(u64::MAX) {
        let who = if functionaries == named { "usable keys" } else { "of them by usable keys" };
        let message = format!(
            "the step asks for {} functionaries and names {functionaries} {who}",
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
