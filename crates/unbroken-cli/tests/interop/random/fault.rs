//! What may be wrong with a chain, beside its rules.

use unbroken_testkit::Random;

/// One fault, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// A digest in a signed link was edited.
    LinkEdited,
    LinkMissing,
    /// The link in a functionary's file is signed by somebody else.
    LinkOfStranger,
    /// The link carries a stranger's signature beside the functionary's.
    StrangerBeside,
    /// The signed link names another step.
    LinkOfOtherStep,
    /// One functionary recorded something else than the others.
    LinkDiffers,
    LinkTruncated,
    LayoutExpired,
    LayoutEdited,
    LayoutOfStranger,
    /// A second owner should have signed.
    OwnerMissing,
    /// A rule matches with a step that is not there.
    SourceMissing,
    InspectionFails,
    /// The recorded command failed.
    CommandFailed,
}

const FAULTS: [Fault; 14] = [
    Fault::LinkEdited,
    Fault::LinkMissing,
    Fault::LinkOfStranger,
    Fault::StrangerBeside,
    Fault::LinkOfOtherStep,
    Fault::LinkDiffers,
    Fault::LinkTruncated,
    Fault::LayoutExpired,
    Fault::LayoutEdited,
    Fault::LayoutOfStranger,
    Fault::OwnerMissing,
    Fault::SourceMissing,
    Fault::InspectionFails,
    Fault::CommandFailed,
];

impl Fault {
    /// Draws none half of the time.
    pub(super) fn draw(random: &mut Random) -> Self {
        if random.below(2) == 0 { Self::None } else { *random.pick(&FAULTS) }
    }
}
