//! Replayed links: a link of an earlier run, whose signature holds and whose artifacts fit, is told from
//! one of this run.

use data_encoding::HEXLOWER;
use unbroken_model::link::Link;
use unbroken_model::link::binding::LinkBinding;
use unbroken_model::name::StepName;
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
    item: &StepName,
    source: &str,
    link: &Link,
    layout: &[u8; 32],
) -> Option<Finding> {
    (LinkBond::of(link, layout) == LinkBond::Elsewhere).then(|| {
        let finding = other_layout(link).of_item(item).at_source(source);
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

#[cfg(test)]
mod tests {
    use unbroken_model::link::binding::bind;

    use super::*;

    const LAYOUT: [u8; 32] = [7; 32];
    const NOW: i64 = 1_700_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    /// A link that is bound to the layout, the run `run 7` and this time.
    fn bound(time: i64) -> Link {
        let mut link = unbroken_testkit::link("build", &[], &[]);
        bind(&mut link.environment, &LAYOUT, Some("run 7"), at(time));
        link
    }

    fn refused(link: &Link, nonce: Option<&str>, not_before: Option<i64>) -> Option<Finding> {
        let not_before = not_before.map(at);
        let demands = BindingDemands { nonce: nonce.map(str::to_owned), not_before };
        refusal(link, &LAYOUT, at(NOW), &BindingPolicy::Require(demands))
    }

    #[test]
    fn a_link_counts_from_the_earliest_time_to_some_minutes_after_now() {
        for (time, counts) in [
            (NOW - 11, false),
            (NOW - 10, true),
            (NOW, true),
            (NOW + CLOCK_SKEW, true),
            (NOW + CLOCK_SKEW + 1, false),
        ] {
            let refused = refused(&bound(time), Some("run 7"), Some(NOW - 10));
            assert_eq!(refused.is_none(), counts, "{time}");
        }
    }

    #[test]
    fn another_run_is_named_and_not_at_more_length_than_a_line_holds() {
        let long = "x".repeat(2 * SHOWN);
        let mut link = bound(NOW);
        bind(&mut link.environment, &LAYOUT, Some(&long), at(NOW));
        let finding = refused(&link, Some("run 8"), None).unwrap();
        assert_eq!(finding.code, FindingCode::LinkBoundElsewhere);
        let due = format!("the link is of the run {:?}, not of \"run 8\"", "x".repeat(SHOWN));
        assert_eq!(finding.message, due);
    }
}
