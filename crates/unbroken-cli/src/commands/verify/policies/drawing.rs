//! A decision as text, JSON, SARIF and JUnit.

use std::fmt::Write;

use serde_json::{Value, json};
use unbroken_policy::Mode;
use unbroken_report::Report;

use super::{Decision, Judgement, Outcome, Refused};
use crate::commands::verify::options::{Format, text_style};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, escape_line};

/// Prints a decision: what was judged as data, what was not judged beside it.
pub(super) fn print(decision: &Decision, format: Format, output: &Output) {
    for warning in &decision.warnings {
        output.warning(warning);
    }
    for judgement in &decision.judgements {
        if let Outcome::Refused(refused) = &judgement.outcome {
            tell(judgement, refused, output);
        }
    }
    match format {
        Format::Text if output.is_quiet() => {}
        Format::Text => output.data(&text(decision, output)),
        Format::Json => output.data(&json(decision)),
        // These have no place for what was not judged: a document would look better than it is.
        _ if decision.judgements.iter().any(|it| it.denies() && it.report().is_none()) => {}
        Format::Sarif => output.data(&Report::sarif_of(&reports(decision))),
        Format::Junit => output.data(&Report::junit_of(&reports(decision))),
    }
}

impl Judgement {
    fn report(&self) -> Option<&Report> {
        match &self.outcome {
            Outcome::Report(report) => Some(report),
            Outcome::Refused(_) => None,
        }
    }
}

fn reports(decision: &Decision) -> Vec<Report> {
    decision.judgements.iter().filter_map(Judgement::report).cloned().collect()
}

fn tell(judgement: &Judgement, refused: &Refused, output: &Output) {
    let Refused { code, message, remedy, .. } = refused;
    let of = judgement.policy.as_ref().map_or_else(String::new, |it| format!(" (policy {it})"));
    let message = format!("[{code}] {message}{of}");
    if judgement.mode == Mode::Enforce {
        output.error(&CliError::undecided(message).remedy(remedy.clone()));
    } else {
        output.warning(&message);
    }
}

fn text(decision: &Decision, output: &Output) -> String {
    let mut text = String::new();
    for judgement in &decision.judgements {
        let (Some(report), Some(policy)) = (judgement.report(), &judgement.policy) else {
            continue;
        };
        let told = match judgement.mode {
            Mode::Enforce => "",
            Mode::Warn => ", which only warns",
            Mode::Audit => ", which only audits",
        };
        // Writing to a text does not fail.
        _ = write!(text, "Policy {}{told}\n\n", escape_line(policy));
        text.push_str(&report.to_text(&text_style(output)));
        text.push('\n');
    }
    let word = match decision.exit() {
        Exit::Success => "ADMIT",
        Exit::Undecided => "UNDECIDED",
        _ => "DENY",
    };
    let Decision { image, namespace, .. } = decision;
    _ = writeln!(text, "{word} {image} in the namespace {namespace}");
    text
}

fn json(decision: &Decision) -> String {
    let Decision { image, namespace, now, judgements, warnings } = decision;
    let word = match decision.exit() {
        Exit::Success => "admit",
        Exit::Undecided => "undecided",
        _ => "deny",
    };
    let judgements: Vec<Value> = judgements.iter().map(judgement).collect();
    let document = json!({
        "mediaType": "application/vnd.unbroken.policy-decision+json",
        "version": 1,
        "decision": word,
        "image": image,
        "namespace": namespace,
        "time": now.to_string(),
        "judgements": judgements,
        "warnings": warnings,
    });
    format!("{document:#}\n")
}

fn judgement(judgement: &Judgement) -> Value {
    let mode = match judgement.mode {
        Mode::Enforce => "enforce",
        Mode::Warn => "warn",
        Mode::Audit => "audit",
    };
    // A report is written as JSON in one place.
    let report: Option<Value> =
        judgement.report().map(|report| report.to_json().parse().unwrap_or_default());
    let refused = match &judgement.outcome {
        Outcome::Report(_) => None,
        Outcome::Refused(Refused { code, message, remedy, undecided }) => Some(json!({
            "code": code.to_string(), "message": message, "remedy": remedy, "undecided": undecided,
        })),
    };
    json!({
        "policy": judgement.policy, "mode": mode, "passed": judgement.passed(),
        "report": report, "refused": refused,
    })
}
