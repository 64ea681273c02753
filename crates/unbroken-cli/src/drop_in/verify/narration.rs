//! The log lines of the reference for a verification, up to the point where it would have failed.

use unbroken_model::layout::{KeyId, Layout};
use unbroken_model::rule::Side;
use unbroken_verify::{
    Assessment, ChainAssessment, EvidenceAssessment, Finding, QueueTrace, StepAssessment,
};

use super::exception::{Stage, exception, stage};
use crate::commands::verify::Verdict;
use crate::drop_in::failure::Failure;
use crate::drop_in::log::Log;
use crate::drop_in::python;

/// Tells the course of a verification.
pub(super) struct Narration<'a> {
    pub(super) log: Log,
    /// The layout, for the lines alone: who signed it was judged before.
    pub(super) layout: Option<Layout>,
    pub(super) verdict: &'a Verdict,
    pub(super) limit: u64,
}

/// One layout of the verification.
struct Chain<'a> {
    assessment: &'a Assessment,
    course: Option<&'a ChainAssessment>,
    /// What rejects this layout.
    errors: Vec<&'a Finding>,
    /// When the reference would have failed.
    end: Option<Stage>,
}

impl Narration<'_> {
    /// Tells all of it.
    pub(super) fn tell(&self) -> Result<(), Failure> {
        let assessment = match self.verdict {
            Ok(chain) => chain.assessment(),
            Err(rejection) => rejection.assessment(),
        };
        self.tell_chain(assessment, &[])?;
        match assessment.errors().next() {
            // No finding may pass for want of a stage.
            Some(finding) if self.verdict.is_err() => Err(exception(finding, &[finding], None)),
            _ => Ok(()),
        }
    }

    fn tell_chain(&self, assessment: &Assessment, path: &[String]) -> Result<(), Failure> {
        let chain = assessment.chains.iter().find(|chain| chain.chain == path);
        let errors: Vec<&Finding> =
            assessment.errors().filter(|finding| finding.chain == path).collect();
        let end = errors.iter().map(|finding| stage(finding, chain)).min();
        let chain = Chain { assessment, course: chain, errors, end };
        chain.reached(Stage::Load)?;
        for (stage, line) in [
            (Stage::Signatures, "Verifying layout metadata signatures..."),
            (Stage::Extraction, "Extracting layout from metadata..."),
            (Stage::Expiration, "Verifying layout expiration..."),
            (Stage::Reading, "Reading link metadata files..."),
        ] {
            self.log.info(line);
            chain.reached(stage)?;
        }
        self.log.info("Verifying link metadata signatures...");
        self.broken_links(&chain);
        chain.reached(Stage::LinkSignatures)?;
        self.log.info("Verifying sublayouts...");
        self.sublayouts(&chain, path)?;
        chain.reached(Stage::Sublayouts)?;
        self.log.info("Verifying alignment of reported commands...");
        self.commands(&chain, path);
        chain.reached(Stage::Commands)?;
        self.log.info("Verifying threshold constraints...");
        self.thresholds(&chain);
        chain.reached(Stage::Thresholds)?;
        self.log.info("Verifying Step rules...");
        for step in chain.steps() {
            let rules = [&step.material_rules, &step.product_rules];
            self.rules(&chain, &step.name, rules, Stage::StepRules)?;
        }
        chain.reached(Stage::StepRules)?;
        self.log.info("Executing Inspection commands...");
        self.inspections(&chain)?;
        chain.reached(Stage::Inspections)?;
        self.log.info("Verifying Inspection rules...");
        for inspection in chain.course.into_iter().flat_map(|chain| &chain.inspections) {
            let rules = [&inspection.material_rules, &inspection.product_rules];
            self.rules(&chain, &inspection.name, rules, Stage::InspectionRules)?;
        }
        chain.reached(Stage::InspectionRules)?;
        self.log.info("The software product passed all verification.");
        Ok(())
    }

    fn broken_links(&self, chain: &Chain<'_>) {
        for step in chain.steps() {
            let broken = |evidence: &&EvidenceAssessment| !evidence.accepted && !evidence.sublayout;
            for evidence in self.evidence(step).into_iter().filter(broken) {
                let prefix = key_prefix(&evidence.source);
                let name = &step.name;
                let known = self.key_ids(name).find(|id| id.starts_with(prefix));
                // The reference opens no link of a key that the step does not name.
                if known.is_none() && self.key_ids(name).next().is_some() {
                    continue;
                }
                let id = known.unwrap_or(prefix);
                self.log.info(&format!(
                    "Skipping link. Broken link signature with keyid '{id}' for step '{name}'"
                ));
            }
        }
    }

    fn sublayouts(&self, chain: &Chain<'_>, path: &[String]) -> Result<(), Failure> {
        for step in chain.steps() {
            for evidence in step.evidence.iter().filter(|evidence| evidence.sublayout) {
                self.log.info(&format!("Verifying sublayout {}...", step.name));
                let file = evidence.source.rsplit('/').next().unwrap_or_default();
                let stem = file.strip_suffix(".link").unwrap_or(file).to_owned();
                let below = [path, &[stem]].concat();
                let told = self.tell_chain(chain.assessment, &below);
                // Other evidence may make up for a sublayout that failed.
                if chain.end == Some(Stage::Sublayouts) {
                    told?;
                }
            }
        }
        Ok(())
    }

    fn commands(&self, chain: &Chain<'_>, path: &[String]) {
        for step in chain.steps() {
            for evidence in self.evidence(step).into_iter().filter(|evidence| evidence.accepted) {
                let file = evidence.source.rsplit('/').next().unwrap_or_default();
                self.log.info(&format!("Verifying command alignment for '{file}'..."));
                let layout = self.layout.as_ref().filter(|_| path.is_empty());
                let expected = layout
                    .and_then(|layout| {
                        layout.steps.iter().find(|other| other.name.as_str() == step.name)
                    })
                    .map(|step| &step.expected_command);
                if let Some(expected) = expected.filter(|expected| **expected != step.command) {
                    let (found, expected) = (python::list(&step.command), python::list(expected));
                    self.log.warning(&format!(
                        "Run command '{found}' differs from expected command '{expected}'"
                    ));
                }
            }
        }
    }

    fn thresholds(&self, chain: &Chain<'_>) {
        for StepAssessment { name, threshold, .. } in chain.steps() {
            let what = if *threshold <= 1 {
                "Skipping threshold verification"
            } else {
                "Verifying threshold"
            };
            self.log.info(&format!("{what} for step '{name}' with threshold '{threshold}'..."));
        }
    }

    fn rules(
        &self,
        chain: &Chain<'_>,
        item: &str,
        lists: [&QueueTrace; 2],
        stage: Stage,
    ) -> Result<(), Failure> {
        let sides = [("material", Side::Materials), ("product", Side::Products)];
        for ((word, side), list) in sides.into_iter().zip(lists) {
            self.log.info(&format!("Verifying {word} rules for '{item}'..."));
            for (index, rule) in list.rules.iter().enumerate() {
                self.log.info(&format!("Verifying '{}'...", rule.rule));
                let failed = chain.errors.iter().find(|finding| {
                    finding.item.as_deref() == Some(item)
                        && finding
                            .rule
                            .as_ref()
                            .is_some_and(|rule| rule.side == side && rule.index == index)
                });
                if let Some(finding) = failed.filter(|_| chain.end == Some(stage)) {
                    return Err(exception(finding, &chain.errors, chain.course));
                }
            }
        }
        Ok(())
    }

    fn inspections(&self, chain: &Chain<'_>) -> Result<(), Failure> {
        for inspection in chain.course.into_iter().flat_map(|chain| &chain.inspections) {
            let (name, command) = (&inspection.name, inspection.run.join(" "));
            self.log.info(&format!("Executing command for inspection '{name}'..."));
            self.log.info(&format!("Running '{name}'..."));
            self.log.info("Recording materials '.'...");
            self.log.info(&format!("Running command '{command}'..."));
            let shown = python::list(&inspection.run);
            let ending = inspection.ending.as_deref().unwrap_or_default();
            if ending == "out of time" {
                let message = format!("Command '{shown}' timed out after {} seconds", self.limit);
                return Err(Failure::new("TimeoutExpired", message));
            }
            if ending.starts_with("not started") {
                return chain.reached(Stage::Inspections);
            }
            self.log.info("Recording products '.'...");
            self.log.info("Creating link metadata...");
            self.log.info("Generating link metadata using Metablock...");
            let value = match ending.strip_prefix("exit ") {
                Some("0") => continue,
                Some(value) => value.to_owned(),
                None => ending.replace("ended by signal ", "-"),
            };
            return Err(Failure::new(
                "BadReturnValueError",
                format!("Got non-zero return value '{value}' from command '{shown}'."),
            ));
        }
        Ok(())
    }

    /// Returns the key ids that a step of the layout names, each before those of its subkeys.
    fn key_ids(&self, step: &str) -> impl Iterator<Item = &str> {
        let steps = self.layout.iter().flat_map(|layout| &layout.steps);
        let named = steps.filter(move |other| other.name.as_str() == step);
        named
            .flat_map(|step| &step.pubkeys)
            .flat_map(|id| std::iter::once(id.as_str()).chain(self.subkeys(id)))
    }

    /// Returns the ids of the subkeys that a GPG key is listed with.
    fn subkeys(&self, id: &KeyId) -> impl Iterator<Item = &str> {
        let listed = self.layout.as_ref().and_then(|layout| layout.keys.get(id));
        let subkeys = listed.and_then(|key| key.object.get("subkeys")?.as_object());
        subkeys.into_iter().flat_map(|subkeys| subkeys.iter().map(|(id, _)| id))
    }

    /// Returns the evidence in the order of the step's keys, as the reference reads it.
    fn evidence<'b>(&self, step: &'b StepAssessment) -> Vec<&'b EvidenceAssessment> {
        let mut evidence: Vec<_> = step.evidence.iter().collect();
        evidence.sort_by_key(|evidence| {
            let prefix = key_prefix(&evidence.source);
            self.key_ids(&step.name).position(|id| id.starts_with(prefix))
        });
        evidence
    }
}

impl Chain<'_> {
    fn steps(&self) -> &[StepAssessment] {
        self.course.map(|chain| chain.steps.as_slice()).unwrap_or_default()
    }

    /// Fails where the reference would have failed in this stage.
    fn reached(&self, now: Stage) -> Result<(), Failure> {
        if self.end != Some(now) {
            return Ok(());
        }
        let finding = self.errors.iter().find(|finding| stage(finding, self.course) == now);
        finding.map_or(Ok(()), |finding| Err(exception(finding, &self.errors, self.course)))
    }
}

/// Returns the first digits of the key id in a link's file name.
fn key_prefix(source: &str) -> &str {
    let stem = source.strip_suffix(".link").unwrap_or(source);
    stem.rsplit('.').next().unwrap_or_default()
}
