//! The chain as a tree: the layout, its steps with their sublayouts, its inspections.

use unbroken_model::timestamp::Timestamp;
use unbroken_verify::{
    ChainAssessment, InspectionAssessment, Judgement, LinkBond, Pinning, StandIn, StepAssessment,
};

use super::canvas::{Canvas, Ink, Span};
use super::queue;
use crate::index::Index;
use crate::report::{Bound, BoundBy, Coverage, Report, Verdict};

/// Names up to this width are padded, so that the signs stand below one another.
const NAME_COLUMN: usize = 28;

/// Draws the tree.
pub(super) fn draw(canvas: &mut Canvas, report: &Report, index: &Index<'_>) {
    let mut tree = Tree { report, index, drawn: vec![false; report.chains().len()] };
    tree.layout(canvas);
    subject(canvas, report);
}

struct Tree<'a> {
    report: &'a Report,
    index: &'a Index<'a>,
    /// Which chains stand in the tree already. A step can have several sublayouts.
    drawn: Vec<bool>,
}

/// Where a row stands: what is before its first line, its further lines, and the rows below it.
struct Place {
    first: String,
    rest: String,
    below: String,
}

impl Place {
    fn new(before: &str, last: bool) -> Self {
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let below = format!("{before}{below}");
        Self { first: format!("{before}{branch}"), rest: format!("{below}     "), below }
    }
}

impl<'a> Tree<'a> {
    fn layout(&mut self, canvas: &mut Canvas) {
        let facts = self.report.facts();
        let Some(chain) = self.report.chains().first() else {
            // The layout could not be opened, so there is no chain to draw.
            let name = Span::new(Ink::Strong, format!("layout {}  ", facts.layout));
            let (sign, ink) = sign(match self.report.verdict() {
                Verdict::Verified => Judgement::Passed,
                Verdict::Partial => Judgement::NotJudged,
                Verdict::Rejected => Judgement::Failed,
            });
            return canvas.line("", "    ", &[name, Span::new(ink, sign)]);
        };
        let spans = [
            Span::new(Ink::Strong, format!("layout {}", facts.layout)),
            Span::plain(format!("  {}", origin(chain, facts.now))),
            Span::plain(format!(" · {}", pinned(chain, self.report.pinning()))),
        ];
        canvas.line("", "    ", &spans);
        self.items(canvas, 0, chain, "");
    }

    fn items(
        &mut self,
        canvas: &mut Canvas,
        index: usize,
        chain: &'a ChainAssessment,
        before: &str,
    ) {
        if let Some(drawn) = self.drawn.get_mut(index) {
            *drawn = true;
        }
        let names = chain.steps.iter().map(|step| canvas.width_of(&step.name));
        let column = names.filter(|width| *width <= NAME_COLUMN).max().unwrap_or(0);
        for (at, step) in chain.steps.iter().enumerate() {
            let last = at + 1 == chain.steps.len() && chain.inspections.is_empty();
            let place = Place::new(before, last);
            let name = canvas.pad(&step.name, column);
            let details = self.step_details(chain, step);
            row(canvas, &place, &name, step.judgement, &details);
            self.sublayouts(canvas, chain, step, &place.below);
        }
        if !chain.inspections.is_empty() {
            let place = Place::new(before, true);
            canvas.line(&place.first, &place.rest, &[Span::new(Ink::Strong, "inspections")]);
            self.inspections(canvas, chain, &place.below);
        }
    }

    fn sublayouts(
        &mut self,
        canvas: &mut Canvas,
        chain: &'a ChainAssessment,
        step: &StepAssessment,
        before: &str,
    ) {
        let below: Vec<(usize, &ChainAssessment)> = self
            .report
            .chains()
            .iter()
            .enumerate()
            .filter(|(index, child)| {
                let above = child.chain.split_last().map(|(_, above)| above);
                let here = above == Some(&chain.chain) && child.step.as_ref() == Some(&step.name);
                here && !self.drawn.get(*index).copied().unwrap_or(true)
            })
            .collect();
        for (at, (index, child)) in below.iter().enumerate() {
            let place = Place::new(before, at + 1 == below.len());
            let spans = [
                Span::new(Ink::Strong, "sublayout"),
                Span::plain(format!("  {}", origin(child, self.report.facts().now))),
            ];
            canvas.line(&place.first, &place.rest, &spans);
            self.items(canvas, *index, child, &place.below);
        }
    }

    fn inspections(&self, canvas: &mut Canvas, chain: &ChainAssessment, before: &str) {
        let names = chain.inspections.iter().map(|it| canvas.width_of(&it.name));
        let column = names.filter(|width| *width <= NAME_COLUMN).max().unwrap_or(0);
        for (at, inspection) in chain.inspections.iter().enumerate() {
            let place = Place::new(before, at + 1 == chain.inspections.len());
            let name = canvas.pad(&inspection.name, column);
            let details = self.inspection_details(chain, inspection);
            row(canvas, &place, &name, inspection.judgement, &details);
        }
    }

    fn step_details(&self, chain: &ChainAssessment, step: &StepAssessment) -> Vec<String> {
        let mut details = vec![who(step)];
        if step.bond == Some(LinkBond::Unbound) {
            details.push("UNBOUND".to_owned());
        }
        let accepted = step.evidence.iter().any(|evidence| evidence.accepted);
        if accepted {
            details.push(queue::summary("in", step.materials, &step.material_rules));
            details.push(queue::summary("out", step.products, &step.product_rules));
        }
        if step.judgement == Judgement::NotJudged {
            details.push("not judged".to_owned());
        }
        details.extend(self.codes(chain, &step.name));
        details
    }

    fn inspection_details(
        &self,
        chain: &ChainAssessment,
        inspection: &InspectionAssessment,
    ) -> Vec<String> {
        let ending = inspection.ending.clone().unwrap_or_else(|| "not run".to_owned());
        let mut details = vec![ending];
        if let Some(StandIn { source, signers, bond }) = &inspection.stand_in {
            details.push(format!("not run here, link of {} ({source})", signers.join(", ")));
            if *bond == LinkBond::Unbound {
                details.push("UNBOUND".to_owned());
            }
        }
        if inspection.isolated == Some(false) {
            details.push("with network".to_owned());
        }
        details.extend(self.codes(chain, &inspection.name));
        details
    }

    /// Lists the codes of what is wrong with an item.
    fn codes(&self, chain: &ChainAssessment, item: &str) -> Vec<String> {
        let mut codes: Vec<String> = Vec::new();
        let findings = self.index.findings(&chain.chain, item).iter();
        for finding in findings.filter(|finding| finding.rejects()) {
            let code = finding.code.to_string();
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        codes
    }
}

fn row(canvas: &mut Canvas, place: &Place, name: &str, judgement: Judgement, details: &[String]) {
    let (sign, ink) = sign(judgement);
    let spans = [
        Span::new(Ink::Strong, format!("{name}  ")),
        Span::new(ink, sign),
        Span::plain(format!(" {}", details.join(" · "))),
    ];
    canvas.line(&place.first, &place.rest, &spans);
}

fn sign(judgement: Judgement) -> (&'static str, Ink) {
    match judgement {
        Judgement::Passed => ("✓", Ink::Good),
        Judgement::Failed => ("✗", Ink::Bad),
        Judgement::NotJudged => ("?", Ink::Warning),
    }
}

/// Says who vouches for a step.
fn who(step: &StepAssessment) -> String {
    let found = step.functionaries.len();
    if step.evidence.is_empty() {
        return "no evidence".to_owned();
    }
    if found == 0 {
        return "no functionary".to_owned();
    }
    let names = step.functionaries.join(", ");
    if step.threshold > 1 { format!("{names} ({found} of {})", step.threshold) } else { names }
}

/// Says who signed a layout, and until when it holds.
fn origin(chain: &ChainAssessment, now: Timestamp) -> String {
    let signers = chain.signers.join(", ");
    format!("signed by {signers} · expires {} ({})", chain.expires, distance(now, chain.expires))
}

/// Says which of its renewals a layout is, and whether an earlier one would have passed.
fn pinned(chain: &ChainAssessment, pinning: Pinning) -> String {
    let word = match pinning {
        Pinning::NotKept => "UNPINNED",
        Pinning::FirstSeen => "first seen",
        Pinning::Seen(_) => "pinned",
    };
    match chain.pin.version {
        0 => word.to_owned(),
        version => format!("version {version} · {word}"),
    }
}

/// Says how far a time is ahead.
fn distance(now: Timestamp, then: Timestamp) -> String {
    let seconds = then.unix().saturating_sub(now.unix());
    let (count, unit) = match seconds {
        ..=0 => return "over".to_owned(),
        1..=119 => (seconds, "seconds"),
        120..=7_199 => (seconds / 60, "minutes"),
        7_200..=172_799 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("in {count} {unit}")
}

fn subject(canvas: &mut Canvas, report: &Report) {
    let Some((subject, coverage)) = report.facts().subject.as_ref().zip(report.coverage()) else {
        return;
    };
    let (judgement, digest, said) = match coverage {
        Coverage::Covered { digest, bound } => (Judgement::Passed, digest, binding(bound.as_ref())),
        Coverage::NotCovered => {
            (Judgement::Failed, &subject.digest, "the chain does not name it".to_owned())
        }
        Coverage::NotJudged => {
            (Judgement::NotJudged, &subject.digest, "not looked for in the chain".to_owned())
        }
    };
    let (sign, ink) = sign(judgement);
    let spans = [
        Span::new(Ink::Strong, format!("subject {}  ", subject.name)),
        Span::new(ink, sign),
        Span::plain(format!(" {said}")),
    ];
    canvas.line("", "    ", &spans);
    // In full: whoever deploys the image copies the digest from here.
    let digest = digest.to_string();
    if digest != subject.name {
        canvas.line("  ", "  ", &[Span::plain(digest)]);
    }
}

fn binding(bound: Option<&Bound>) -> String {
    match bound {
        Some(Bound { by: BoundBy::Product, step, artifact }) => {
            format!("is the product {artifact} of {step}")
        }
        Some(Bound { by: BoundBy::Subject, step, artifact }) => {
            format!("is the subject {artifact} of {step}")
        }
        Some(Bound { by: BoundBy::DigestFile, step, artifact }) => {
            format!("is named in the product {artifact} of {step}")
        }
        None => "is named by the chain".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_the_fitting_unit() {
        let told = |seconds| distance(Timestamp::from_unix(1_000), Timestamp::from_unix(seconds));
        assert_eq!(told(1_001), "in 1 seconds");
        assert_eq!(told(1_000 + 7_200), "in 2 hours");
        assert_eq!(told(1_000 + 172_800), "in 2 days");
        assert_eq!(told(1_000), "over");
        assert_eq!(told(0), "over");
    }
}
