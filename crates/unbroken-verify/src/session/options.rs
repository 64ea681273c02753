//! What a caller chooses for a session.

use std::collections::BTreeMap;

use unbroken_crypto::{Certificate, TimestampAuthorities};
use unbroken_model::pattern::PatternDialect;

use crate::binding::BindingPolicy;
use crate::inspection_link::Inspectors;
use crate::replay::Freshness;

/// What a caller chooses.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for the parameters of the layout.
    pub parameters: BTreeMap<String, String>,
    /// What a command that differs from the expected one means.
    pub commands: CommandPolicy,
    /// Whether commands of inspections are run at all.
    pub inspections: InspectionCommands,
    /// Whether sublayouts may have commands run.
    pub sublayout_inspections: SublayoutInspections,
    /// Whose signed links may stand in for running inspections.
    pub inspectors: Inspectors,
    /// How the patterns of artifact rules are read, those of sublayouts too.
    pub patterns: PatternDialect,
    /// Intermediate certificates besides those of the layout. They open no way of their own: every
    /// path ends at a root of the layout.
    pub intermediates: Vec<Certificate>,
    /// Whose time-stamp tokens prove when a signature with a certificate was made.
    pub timestamp_authorities: TimestampAuthorities,
    /// How old the layout may be.
    pub freshness: Freshness,
    /// What is asked of the binding of links.
    pub bindings: BindingPolicy,
}

/// What a recorded command that differs from the expected one means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandPolicy {
    /// A warning, as the specification has it: the command is not trustworthy evidence.
    #[default]
    Warn,
    /// A rejection.
    Enforce,
}

/// Whether the commands of inspections are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InspectionCommands {
    /// Those for which no signed link stands in.
    #[default]
    Run,
    /// None: an inspection passes by a signed link or not at all.
    Never,
}

/// Whether sublayouts may have commands run on the verifier's machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SublayoutInspections {
    /// A sublayout with inspections is rejected, unless signed links stand in for them: else whoever
    /// may sign for one step could run any command on every machine that verifies.
    #[default]
    Refuse,
    /// They are run like those of the layout.
    Allow,
}
