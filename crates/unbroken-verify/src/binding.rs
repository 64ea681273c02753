//! Replayed links: a link of an earlier run, whose signature holds and whose artifacts fit, is told from
//! one of this run.

use data_encoding::HEXLOWER;
use unbroken_model::layout::Step;
use unbroken_model::link::Link;
use unbroken_model::link::binding::LinkBinding;
use unbroken_model::timestamp::Timestamp;

use crate::finding::{Finding, FindingCode};

/// By how many seconds the clock of a functionary may be ahead of the verifier's.
const CLOCK_SKEW: i64 = 300;
/// How much of a foreign text is shown.
const SHOWN: usize = 64;

/// What is asked of the links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BindingPolicy {
    /// Nothing: the report says which steps have links that are bound to no layout.
    #[default]
    Report,
    /// A link counts only when it is bound to its layout and fits these demands.
    Require(BindingDemands),
}

/// What a binding must say beside the layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingDemands {
    /// The word for this run.
    pub nonce: Option<String>,
    /// The earliest time that a link may have.
    pub not_before: Option<Timestamp>,
}

/// Whether the links of a step are bound to their layout; of several, the weakest word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkBond {
    /// Nothing says for which layout they were made.
    Unbound,
    /// They were made for another layout.
    Elsewhere,
    /// They were made for this layout.
    Bound,
}

impl LinkBond {
    pub(crate) fn of(link: &Link, layout: &[u8; 32]) -> Self {
        match LinkBinding::of(link).layout {
            None => Self::Unbound,
            Some(digest) if digest == HEXLOWER.encode(layout) => Self::Bound,
            Some(_) => Self::Elsewhere,
        }
    }
}

/// Says why a link does not count, where bindings are demanded.
pub(crate) fn refusal(
    link: &Link,
    layout: &[u8; 32],
    now: Timestamp,
    policy: &BindingPolicy,
) -> Option<Finding> {
    let BindingPolicy::Require(BindingDemands { nonce, not_before }) = policy else { return None };
    match LinkBond::of(link, layout) {
        LinkBond::Unbound => return Some(unbound("layout")),
        LinkBond::Elsewhere => return Some(other_layout(link)),
        LinkBond::Bound => {}
    }
    let bound = LinkBinding::of(link);
    if let Some(due) = nonce {
        match bound.nonce {
            None => return Some(unbound("run")),
            Some(found) if found != due => {
                let message = format!("the link is of the run {:?}, not of {due:?}", shown(found));
                let code = FindingCode::LinkBoundElsewhere;
                return Some(Finding::error(code, message, REMEDY));
            }
            Some(_) => {}
        }
    }
    not_before.and_then(|earliest| out_of_time(bound.time, earliest, now))
}

/// Warns of a link that was made for another layout, where bindings are not demanded.
pub(crate) fn warning(
    step: &Step,
    source: &str,
    link: &Link,
    layout: &[u8; 32],
) -> Option<Finding> {
    (LinkBond::of(link, layout) == LinkBond::Elsewhere).then(|| {
        let finding = other_layout(link).of_item(&step.name).at_source(source);
        Finding { severity: crate::finding::Severity::Warning, ..finding }
    })
}

const REMEDY: &str = "do the step again in this run, and bind its link: --bind LAYOUT";

fn unbound(what: &str) -> Finding {
    let message = format!("nothing in the link says for which {what} it was made");
    Finding::error(FindingCode::LinkUnbound, message, REMEDY)
}

fn other_layout(link: &Link) -> Finding {
    let digest = shown(LinkBinding::of(link).layout.unwrap_or_default());
    let message = format!("the link was made for another layout, of the digest {digest:?}");
    Finding::error(FindingCode::LinkBoundElsewhere, message, REMEDY)
}

fn out_of_time(time: Option<&str>, earliest: Timestamp, now: Timestamp) -> Option<Finding> {
    let Some(text) = time else { return Some(unbound("time")) };
    let message = match text.parse::<Timestamp>() {
        Err(_) => format!("the link says the time {:?}, which is none", shown(text)),
        Ok(time) if time < earliest => {
            format!("the link was made at {time}, and {earliest} is the earliest time accepted")
        }
        Ok(time) if time.unix() > now.unix().saturating_add(CLOCK_SKEW) => {
            format!("the link was made at {time}, which has not come (it is {now})")
        }
        Ok(_) => return None,
    };
    let remedy = "do the step again in this run; if it was, set the functionary's clock";
    Some(Finding::error(FindingCode::LinkTimeRefused, message, remedy))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
