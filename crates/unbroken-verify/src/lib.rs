//! The verification engine: sessions, rules, sublayouts, findings and the verdict.
//!
//! It follows section 5.2 of the in-toto specification 1.0. It reads no file, runs no command and
//! asks no clock: the caller hands in bytes, the time, and what inspections gave, and gets a
//! verdict that depends on nothing else.
//!
//! ```text
//! Authentic<Layout, Owner> -InForce::at(now)-> InForce -Session::open-> Session
//!   Session::requests, Session::submit    evidence, also of sublayouts
//!   Session::evaluate                     AwaitingInspections, or Rejection
//!   AwaitingInspections::stand_in         signed links in place of running inspections
//!   AwaitingInspections::conclude         VerifiedSupplyChain, or Rejection
//! InForce -Session::open_up_to-> Session<UpTo> -evaluate-> PartialSupplyChain, or Rejection
//! InForce -Session::open_before-> Session<Before> -hold-> warnings, or Rejection
//! ```

mod agreement;
mod assessment;
mod binding;
mod budget;
mod certificates;
mod concurrent;
mod dialect;
mod directives;
mod evidence;
mod fault;
mod finding;
mod handover;
mod in_force;
mod inspection;
mod inspection_link;
mod layout_check;
mod named_evidence;
mod open_layout;
mod pinned_layouts;
mod replay;
mod rules;
mod session;
mod subject;
mod substitution;
mod verdict;

pub use self::assessment::{
    Assessment, ChainAssessment, EvidenceAssessment, InspectionAssessment, Judgement, LeftOut,
    StandIn, StepAssessment,
};
pub use self::binding::{BindingDemands, BindingPolicy, LinkBond};
pub use self::budget::Budget;
pub use self::directives::Directives;
pub use self::fault::{envelope_finding, layout_finding};
pub use self::finding::{Difference, Finding, FindingCode, RuleReference, Severity};
pub use self::handover::hold_materials;
pub use self::in_force::InForce;
pub use self::inspection::{Ending, InspectionOutcome, InspectionRequest, Product};
pub use self::inspection_link::Inspectors;
pub use self::named_evidence::NamedEvidence;
pub use self::open_layout::{open_layout, open_layout_of};
pub use self::pinned_layouts::{LayoutIdentity, PinnedLayouts, PinnedLayoutsError};
pub use self::replay::{Freshness, LayoutPin, Pinning};
pub use self::rules::{QueueTrace, RuleTrace, Sample};
pub use self::session::{
    AwaitingInspections, Before, ChainId, CommandPolicy, EvidenceRequest, InspectionCommands,
    Options, Session, SublayoutInspections, Submission, UpTo, Whole,
};
pub use self::subject::{Admissible, Binding};
pub use self::verdict::{PartialSupplyChain, Rejection, VerifiedSupplyChain};
