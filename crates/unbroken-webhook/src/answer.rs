//! A ruling as the answer to a review: what the user reads, and what the audit log keeps.

use std::collections::BTreeMap;
use std::fmt::Write;

use unbroken_model::name::is_unprintable;

use crate::admission::Ruling;
use crate::decision::{Decision, Failure, Proof, Relief, Settlement};
use crate::review::{Answer, Change, Request, Verdict, WARNINGS};
use unbroken_policy::code::AdmissionCode;

/// The longest message: it stands on one line of a terminal, in events and in logs.
const LONGEST_MESSAGE: usize = 1024;
/// Failures that are told in full.
const TOLD: usize = 3;
/// The longest value of an annotation.
const LONGEST_ANNOTATION: usize = 1024;

/// Answers a request.
pub fn answer(request: &Request, ruling: &Ruling) -> Answer {
    let mut annotations = BTreeMap::new();
    let verdict = match &ruling.decision {
        Decision::Admit(proof) => {
            annotate(proof, &mut annotations);
            if let Some(broken) = &ruling.broken_glass {
                annotations.insert("decision", "break-glass".to_owned());
                annotations.insert("break-glass", cut(&plain(broken), LONGEST_ANNOTATION));
            }
            Verdict::Allowed(Vec::new())
        }
        Decision::Deny(failures) => {
            let undecided = failures.iter().all(|failure| failure.undecided);
            let word = if undecided { "undecided" } else { "deny" };
            annotations.insert("decision", word.to_owned());
            let codes: Vec<&str> = failures.iter().map(|failure| failure.code.as_str()).collect();
            annotations.insert("codes", cut(&codes.join(" "), LONGEST_ANNOTATION));
            let message = message(request, ruling, failures);
            Verdict::Denied { status: if undecided { 503 } else { 403 }, message }
        }
    };
    Answer { verdict, warnings: told(&ruling.warnings), annotations }
}

/// Answers with changes of the object, which are no admission: `/verify` decides.
pub(crate) fn answer_changes(changes: Vec<Change>, warnings: &[String]) -> Answer {
    Answer {
        verdict: Verdict::Allowed(changes),
        warnings: told(warnings),
        annotations: BTreeMap::new(),
    }
}

/// Answers that an object cannot be changed so that it could be verified.
pub(crate) fn refuse_failure(request: &Request, failure: &Failure) -> Answer {
    let places = BTreeMap::from([(failure.image.clone(), Vec::new())]);
    let decision = Decision::Deny(vec![failure.clone()]);
    answer(request, &Ruling { decision, warnings: Vec::new(), places, broken_glass: None })
}

/// Answers what cannot be judged, so that it does not come in.
pub fn refuse(code: AdmissionCode, message: &str, remedy: &str) -> Answer {
    let text = format!("[{code}] {message}. {remedy}");
    Answer {
        verdict: Verdict::Denied { status: 503, message: cut(&plain(&text), LONGEST_MESSAGE) },
        warnings: Vec::new(),
        annotations: BTreeMap::from([("decision", "undecided".to_owned())]),
    }
}

fn annotate(proof: &Proof, annotations: &mut BTreeMap<&'static str, String>) {
    if let Some(relief) = proof.relief() {
        annotations.insert("decision", "admit".to_owned());
        annotations.insert("reason", words(relief).to_owned());
        return;
    }
    let mut decision = "admit";
    let (mut digests, mut not_enforced, mut exempt) = (Vec::new(), Vec::new(), Vec::new());
    for (demand, settlement) in proof.settled() {
        match settlement {
            Settlement::Verified(verified) => {
                digests.push(format!("{}={}", demand.policy, verified.digest()));
            }
            Settlement::NotEnforced(failures) => {
                decision = "not-enforced";
                let codes = failures.iter().map(|failure| failure.code.as_str());
                let codes: Vec<&str> = codes.collect();
                not_enforced.push(format!(
                    "{} {}: {}",
                    demand.policy,
                    demand.image,
                    codes.join(" ")
                ));
            }
            Settlement::Exempt { reason, until } => {
                exempt.push(format!("{} until {until}: {reason}", demand.image));
            }
            Settlement::Unmatched => not_enforced.push(format!("{}: no policy", demand.image)),
        }
    }
    annotations.insert("decision", decision.to_owned());
    for (key, values) in [("digests", digests), ("not-enforced", not_enforced), ("exempt", exempt)]
    {
        if !values.is_empty() {
            annotations.insert(key, cut(&plain(&values.join("; ")), LONGEST_ANNOTATION));
        }
    }
}

fn words(relief: Relief) -> &'static str {
    match relief {
        Relief::Deleted => "the object goes",
        Relief::SameImages => "the images are those that the object has already",
        Relief::NoImages => "the subresource has no image",
        Relief::ExemptNamespace => "the settings leave the namespace out",
        Relief::BreakGlass => "the user may let in what does not verify",
    }
}

fn message(request: &Request, ruling: &Ruling, failures: &[Failure]) -> String {
    let mut text = request.subject();
    for failure in failures.iter().take(TOLD) {
        // Writing to a text does not fail.
        _ = write!(text, "; {}", sentence(failure, ruling));
    }
    if failures.len() > TOLD {
        _ = write!(text, "; and {} more", failures.len() - TOLD);
    }
    let ending = ending(request, failures);
    let room = LONGEST_MESSAGE.saturating_sub(ending.len());
    cut(&plain(&text), room) + &plain(&ending)
}

fn sentence(failure: &Failure, ruling: &Ruling) -> String {
    let Failure { code, image, policy, step, message, remedy, .. } = failure;
    let mut text = String::new();
    if !image.is_empty() {
        let place = ruling.places.get(image).and_then(|places| places.first());
        let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
        _ = write!(text, "image {image}{place}: ");
    }
    _ = write!(text, "[{code}] ");
    if let Some(step) = step {
        _ = write!(text, "{step}: ");
    }
    _ = write!(text, "{message}. Remedy: {remedy}.");
    if !policy.is_empty() {
        _ = write!(text, " Policy: {policy}.");
    }
    text
}

/// Says how to come to the same answer elsewhere.
fn ending(request: &Request, failures: &[Failure]) -> String {
    let image = failures.iter().find(|failure| !failure.policy.is_empty());
    let reproduce = image.map(|failure| {
        let namespace = &request.namespace;
        let image = &failure.image;
        format!(
            " Reproduce: unbroken-webhook check --namespace {namespace} --image {image} POLICIES."
        )
    });
    format!("{} Request {}.", reproduce.unwrap_or_default(), request.uid)
}

/// Returns the warnings that are told. An object with many images under many policies has many.
fn told(warnings: &[String]) -> Vec<String> {
    warnings.iter().take(WARNINGS).map(|text| plain(text)).collect()
}

/// Takes out what a terminal or a log would not show as it is.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if is_unprintable(letter) { ' ' } else { letter }).collect()
}

fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let mut cut = String::new();
    for letter in text.chars() {
        if cut.len() + letter.len_utf8() + '…'.len_utf8() > longest {
            break;
        }
        cut.push(letter);
    }
    cut.push('…');
    cut
}
