//! Signed links in place of running inspections (specification 1.0, section 4.5.3): which of those that
//! were handed in stand in.

use unbroken_crypto::SignatureBudget;
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::layout::Inspection;
use unbroken_model::link::Link;
use unbroken_model::rule::{ArtifactRule, Side};

use super::chain::Chain;
use super::conclude::{AwaitingInspections, JudgedChain};
use super::evaluate::sources;
use super::{
    ChainId, InspectionCommands, Options, Session, SublayoutInspections, Submission,
    exhausted_finding,
};
use crate::assessment::StandIn;
use crate::binding::{self, LinkBond};
use crate::budget::Budget;
use crate::finding::{Finding, FindingCode, Severity};
use crate::inspection::Product;
use crate::inspection_link::{InspectionPiece, authenticate_link, other_product, refused};
use crate::rules::{self, Artifacts};

impl<S> Session<S> {
    /// Takes a link of an inspection; nothing happens where the name is that of a step.
    pub(super) fn take_inspection_link(&mut self, id: ChainId, submission: Submission<'_>) {
        let Submission { step, source, bytes, .. } = submission;
        let Some(chain) = self.chains.get_mut(id.0) else { return };
        let Some(inspection) = chain.awaited_inspection(step).cloned() else { return };
        let Some(keys) = &chain.inspectors else { return };
        let mut signatures = SignatureBudget::new(self.signatures);
        let link = authenticate_link(bytes, &inspection, keys, &self.limits, &mut signatures);
        self.signatures = signatures.remaining();
        let (layout, demands) = (&chain.pin.digest, &self.options.bindings);
        let link =
            link.and_then(|link| match binding::refusal(link.get(), layout, self.now, demands) {
                None => Ok(link),
                Some(finding) => Err(Box::new(finding)),
            });
        let piece = match link {
            Ok(link) => InspectionPiece { source: source.to_owned(), link: Ok(link) },
            Err(finding) => InspectionPiece::refused(&inspection, source, *finding),
        };
        let pieces = chain.inspection_links.entry(inspection.name).or_default();
        pieces.push(piece);
        // The verdict depends on the evidence, not on the order of handing it in.
        pieces.sort_by(|one, other| one.source.cmp(&other.source));
    }
}

impl AwaitingInspections {
    /// Tells whether there is a signed link that may stand in for an inspection: then
    /// [`Self::stand_in`] asks for the product.
    pub fn has_signed_links(&self) -> bool {
        self.in_order().into_iter().any(|(index, inspection)| {
            let chain = self.chains.get(index);
            chain.is_some_and(|chain| !good(chain, inspection).is_empty())
        })
    }

    /// Lets signed links stand in for inspections, which then are not among [`Self::requests`].
    ///
    /// # Checks
    /// That the link is of this product: its materials are what the inspection would see, the product
    /// for the first, and what the one before left for every other one. Where no product is at hand, a
    /// `MATCH` rule of the inspection has to tie the materials to a step. An inspection that has to
    /// be run is run on what it would see, and so are those after it.
    ///
    /// # Does not check
    /// The rules of the inspection, and how its command ended: [`Self::conclude`] does.
    pub fn stand_in(&mut self, product: Product<'_>) {
        let order: Vec<(usize, Inspection)> = self
            .in_order()
            .into_iter()
            .map(|(index, inspection)| (index, inspection.clone()))
            .collect();
        let mut sees = match product {
            Product::Files(files) => Some(files.clone()),
            Product::NotAtHand => None,
        };
        let mut first_to_run = None;
        let mut first_to_change = None;
        for (place, (index, inspection)) in order.iter().enumerate() {
            let Some(chain) = self.chains.get_mut(*index) else { continue };
            let chosen = choose(chain, inspection, sees.as_ref(), &mut self.budget);
            if let Some(link) = chosen {
                if link.products != link.materials && first_to_change.is_none() {
                    first_to_change = Some(place);
                }
                sees = sees.map(|_| link.products);
            } else if self.may_run.of_chain(chain.parent.is_some()) {
                first_to_run = Some(place);
                break;
            }
        }
        // What a link tells that a command left is not there to be seen by the next command.
        let Some(run) = first_to_run else { return };
        let kept = first_to_change.map_or(run, |changed| changed.min(run));
        let runs = order.get(run).map(|(_, inspection)| inspection.name.clone());
        for (index, inspection) in order.iter().skip(kept) {
            let Some(chain) = self.chains.get_mut(*index) else { continue };
            chain.stand_ins.remove(&inspection.name);
            for piece in chain.inspection_links.get_mut(&inspection.name).into_iter().flatten() {
                if piece.good().is_some()
                    && let Some(runs) = &runs
                {
                    let message = format!(
                        "the inspection {runs} has to be run, and what one leaves the next one sees"
                    );
                    *piece = InspectionPiece::refused(inspection, &piece.source, refused(message));
                }
            }
        }
    }
}

/// Picks the link that stands in for an inspection, and refuses those that are not of this product.
///
/// Of several, one that tells of a failure is picked: who may inspect has the last word.
fn choose(
    chain: &mut JudgedChain,
    inspection: &Inspection,
    sees: Option<&ArtifactSet>,
    budget: &mut Budget,
) -> Option<Link> {
    let mut pieces = chain.inspection_links.remove(&inspection.name)?;
    for piece in &mut pieces {
        let Some(link) = piece.good() else { continue };
        let finding = match sees {
            Some(files) => other_product(files, link.get()),
            None => untied(chain, inspection, link.get(), budget),
        };
        if let Some(finding) = finding {
            *piece = InspectionPiece::refused(inspection, &piece.source, finding);
        }
    }
    let links: Vec<(usize, &Link)> = pieces
        .iter()
        .enumerate()
        .filter_map(|(place, piece)| Some((place, piece.good()?.get())))
        .collect();
    let failed = links.iter().find(|(_, link)| link.return_value() != Some(0));
    let chosen = failed.or_else(|| links.first()).map(|(place, link)| (*place, (*link).clone()));
    chain.inspection_links.insert(inspection.name.clone(), pieces);
    let (place, link) = chosen?;
    chain.stand_ins.insert(inspection.name.clone(), place);
    Some(link)
}

/// Says why nothing ties a link to the chain, where no product does: no `MATCH` rule takes a material
/// of it for that of a step.
fn untied(
    chain: &JudgedChain,
    inspection: &Inspection,
    link: &Link,
    budget: &mut Budget,
) -> Option<Finding> {
    let steps = sources(&chain.accepted);
    let list = &inspection.expected_materials;
    let artifacts = Artifacts { materials: &link.materials, products: &link.products };
    let applied = rules::apply(&inspection.name, Side::Materials, list, artifacts, &steps, budget);
    let (trace, _) = match applied {
        Ok(applied) => applied,
        Err(exhausted) => return Some(exhausted_finding(exhausted)),
    };
    let tied = list
        .iter()
        .zip(&trace.rules)
        .any(|(rule, trace)| matches!(rule, ArtifactRule::Match(_)) && trace.consumed.count() > 0);
    if tied {
        return None;
    }
    let message = "no product is at hand, and no MATCH rule ties a material of the link to a step";
    Some(refused(message))
}

fn good<'a>(chain: &'a JudgedChain, inspection: &Inspection) -> Vec<&'a Link> {
    let pieces = chain.inspection_links.get(&inspection.name).into_iter().flatten();
    pieces.filter_map(|piece| Some(piece.good()?.get())).collect()
}

/// Says what is to be known of the links that were handed in for an inspection. Where nothing else was
/// made of it, what is wrong with them is the reason.
pub(super) fn of_links(
    chain: &JudgedChain,
    inspection: &Inspection,
    is_made: bool,
) -> Vec<Finding> {
    let pieces = chain.inspection_links.get(&inspection.name).into_iter().flatten();
    let refused = pieces.filter_map(|piece| piece.link.as_ref().err()).map(|finding| {
        let mut finding = (**finding).clone();
        if is_made && finding.code != FindingCode::BudgetExceeded {
            finding.severity = Severity::Warning;
        }
        finding
    });
    let elsewhere = chain.stand_in(&inspection.name).and_then(|piece| {
        let (link, layout) = (piece.good()?.get(), &chain.assessment.pin.digest);
        binding::warning(&inspection.name, &piece.source, link, layout)
    });
    refused.chain(elsewhere).collect()
}

impl InspectionPiece {
    /// Tells whose link it is; nothing where it stands in for nothing.
    pub(super) fn describe(&self, layout: &[u8; 32]) -> Option<StandIn> {
        let link = self.good()?;
        Some(StandIn {
            source: self.source.clone(),
            signers: link.signers().iter().map(unbroken_crypto::PublicKey::describe).collect(),
            bond: LinkBond::of(link.get(), layout),
        })
    }
}

/// Which commands of inspections may be run.
#[derive(Clone, Copy)]
pub(super) struct MayRun {
    commands: InspectionCommands,
    of_sublayouts: SublayoutInspections,
}

impl MayRun {
    pub(super) fn of(options: &Options) -> Self {
        Self { commands: options.inspections, of_sublayouts: options.sublayout_inspections }
    }

    pub(super) fn of_chain(self, is_sublayout: bool) -> bool {
        self.commands == InspectionCommands::Run
            && (!is_sublayout || self.of_sublayouts == SublayoutInspections::Allow)
    }

    /// Makes the finding of an inspection that nobody made.
    pub(super) fn not_made(self, chain: &JudgedChain, inspection: &Inspection) -> Finding {
        if chain.parent.is_some() && self.of_sublayouts == SublayoutInspections::Refuse {
            return sublayout_refused().of_item(&inspection.name);
        }
        let message = "the inspection was not run, and no signed link stands in for it";
        let remedy = "run the verification where inspections can be run, or have one who may inspect \
                      sign a link: unbroken verify --sign-inspections KEY";
        Finding::error(FindingCode::InspectionNotRun, message, remedy).of_item(&inspection.name)
    }
}

/// Refuses a sublayout that has an inspection for which no signed link may stand in, where its commands
/// are not run.
pub(super) fn refuse_sublayout(chain: &Chain, may_run: MayRun) -> Vec<Finding> {
    if chain.parent.is_none() || may_run.of_sublayouts == SublayoutInspections::Allow {
        return Vec::new();
    }
    let links = |inspection: &Inspection| {
        chain.inspection_links.get(&inspection.name).into_iter().flatten()
    };
    let stood_in = |inspection| links(inspection).any(|piece| piece.good().is_some());
    let inspections = &chain.layout.inspections;
    if inspections.iter().all(stood_in) {
        return Vec::new();
    }
    let reasons = inspections.iter().flat_map(links).filter_map(|piece| piece.link.as_ref().err());
    let reasons = reasons.map(|finding| (**finding).clone());
    reasons.chain([sublayout_refused()]).collect()
}

fn sublayout_refused() -> Finding {
    let message = "the sublayout wants commands to be run on this machine";
    let remedy = "have whoever signed the sublayout inspect, and sign a link of it: unbroken verify \
                  --sign-inspections KEY; or read its inspections, and if they are what you want, allow \
                  inspections of sublayouts";
    Finding::error(FindingCode::SublayoutInspectionRefused, message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_run_only_where_both_the_verifier_and_his_word_on_sublayouts_let_them() {
        use InspectionCommands::{Never, Run};
        use SublayoutInspections::{Allow, Refuse};
        for (commands, of_sublayouts, runs, runs_below) in [
            (Run, Allow, true, true),
            (Run, Refuse, true, false),
            (Never, Allow, false, false),
            (Never, Refuse, false, false),
        ] {
            let may_run = MayRun { commands, of_sublayouts };
            assert_eq!(may_run.of_chain(false), runs, "{commands:?}");
            assert_eq!(may_run.of_chain(true), runs_below, "{commands:?}, {of_sublayouts:?}");
        }
    }
}
