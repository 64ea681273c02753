//! Replayed layouts: an owner's earlier layout, signed and not expired, is refused once a newer one was
//! seen.

use data_encoding::HEXLOWER;

use crate::finding::{Finding, FindingCode};

/// A layout by its place in the row of its renewals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutPin {
    /// The version that it says it has; 0 when it says none.
    pub version: u64,
    /// The SHA-256 digest of the bytes that were signed.
    pub digest: [u8; 32],
}

/// What a verifier knows of the layouts that were in force before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The newest layout that was seen.
    pub pin: Pinning,
    /// The lowest version that is accepted.
    pub minimum: Option<u64>,
}

/// The newest layout that was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pinning {
    /// Nobody keeps account of it: an earlier layout passes.
    #[default]
    NotKept,
    /// Account is kept, and no layout was seen yet.
    FirstSeen,
    /// This one.
    Seen(LayoutPin),
}

/// Holds a layout against what was seen before.
pub(crate) fn check(layout: LayoutPin, freshness: Freshness) -> Option<Finding> {
    let version = layout.version;
    let refused = |message: String, remedy: &str| {
        Some(Finding::error(FindingCode::LayoutReplayed, message, remedy))
    };
    if let Some(minimum) = freshness.minimum.filter(|minimum| version < *minimum) {
        let message = format!(
            "the layout {}, and {minimum} is the lowest version that is accepted",
            named(version)
        );
        return refused(message, "get the owner's newest layout");
    }
    let Pinning::Seen(seen) = freshness.pin else { return None };
    if version < seen.version {
        let message =
            format!("the layout {}, and version {} was seen before", named(version), seen.version);
        return refused(message, "get the owner's newest layout");
    }
    if version > seen.version || layout.digest == seen.digest {
        return None;
    }
    let message = format!(
        "another layout that {} was seen before: its digest is {}, this one's is {}",
        named(version),
        HEXLOWER.encode(&seen.digest),
        HEXLOWER.encode(&layout.digest)
    );
    refused(message, "the owner gives each layout that he signs a version above the last one's")
}

fn named(version: u64) -> String {
    if version == 0 { "says no version".to_owned() } else { format!("has version {version}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(version: u64, digest: u8) -> LayoutPin {
        LayoutPin { version, digest: [digest; 32] }
    }

    #[test]
    fn only_the_same_layout_or_a_newer_one_passes_a_pin() {
        let refused = |layout, seen| {
            check(layout, Freshness { pin: Pinning::Seen(seen), minimum: None }).is_some()
        };
        assert!(!refused(pin(2, 1), pin(2, 1)) && !refused(pin(3, 2), pin(2, 1)));
        assert!(refused(pin(1, 1), pin(2, 1)) && refused(pin(2, 2), pin(2, 1)));
        assert!(refused(pin(0, 1), pin(1, 1)) && refused(pin(0, 2), pin(0, 1)));
        assert!(!refused(pin(1, 2), pin(0, 1)) && !refused(pin(0, 1), pin(0, 1)));
    }

    #[test]
    fn a_lowest_version_holds_also_where_nothing_was_seen() {
        for pinning in [Pinning::NotKept, Pinning::FirstSeen] {
            let refused = |version| {
                check(pin(version, 1), Freshness { pin: pinning, minimum: Some(2) }).is_some()
            };
            assert!(refused(0) && refused(1) && !refused(2) && !refused(3));
        }
    }

    #[test]
    fn a_refusal_says_which_version_was_due() {
        let said = |layout, freshness| check(layout, freshness).unwrap().message;
        let seen = Freshness { pin: Pinning::Seen(pin(3, 1)), minimum: None };
        assert_eq!(
            said(pin(2, 1), seen),
            "the layout has version 2, and version 3 was seen before"
        );
        let lowest = Freshness { pin: Pinning::NotKept, minimum: Some(1) };
        let due = "the layout says no version, and 1 is the lowest version that is accepted";
        assert_eq!(said(pin(0, 1), lowest), due);
    }
}
