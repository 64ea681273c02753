//! Materials are held against what a layout says of the step, with the links of the steps before it.

use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::limits::Limits;
use unbroken_model::name::StepName;
use unbroken_model::timestamp::Timestamp;
use unbroken_verify::{Before, Budget, InForce, Options, Rejection, Session};

use super::{not_begun, tell};
use crate::commands::verify::options::parse_parameter;
use crate::commands::verify::{clock, load_owners, open};
use crate::error::{CliError, Result};
use crate::evidence::hand_in;
use crate::output::{Output, count, input_name};

/// The layout that says what a step may use.
#[derive(Args, Clone, Debug)]
pub(crate) struct LayoutOptions {
    /// Verify the steps of this layout before this one, by the links in the folder of
    /// --verify-materials, and hold the materials against the layout's rules
    #[arg(long, value_name = "FILE", requires_all = ["verify_materials", "trust"])]
    #[arg(conflicts_with_all = ["functionary", "dangerously_trust_unsigned_links"])]
    #[arg(conflicts_with = "verify_materials_against")]
    #[arg(hide_short_help = true, help_heading = "Artifacts")]
    layout: Option<PathBuf>,
    /// The public key of an owner of that layout; may be repeated, and each must have signed
    #[arg(long, value_name = "FILE", requires = "layout")]
    #[arg(hide_short_help = true, help_heading = "Artifacts")]
    trust: Vec<PathBuf>,
    /// A value for a parameter of that layout; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_parameter, requires = "layout")]
    #[arg(hide_short_help = true, help_heading = "Artifacts")]
    parameter: Vec<(String, String)>,
}

/// A layout and the evidence of the steps before one.
pub(crate) struct LayoutBefore {
    name: String,
    /// What the layout came to where it could not even be opened.
    session: std::result::Result<Session<Before>, Box<Rejection>>,
}

impl LayoutOptions {
    /// Reads the layout and the links; there is nothing to read where none is named.
    pub(super) fn load(&self, step: &StepName, links: &[PathBuf]) -> Result<Option<LayoutBefore>> {
        let Some(path) = &self.layout else { return Ok(None) };
        let [folder] = links else { return Err(one_folder()) };
        if !folder.is_dir() {
            return Err(one_folder());
        }
        let now = clock();
        let owners = load_owners(&self.trust, now)?;
        let session = match open(path, &owners, now)? {
            Ok(in_force) => Ok(self.session(step, in_force, now, folder)?),
            Err(rejection) => Err(rejection),
        };
        Ok(Some(LayoutBefore { name: input_name(path), session }))
    }

    fn session(
        &self,
        step: &StepName,
        in_force: InForce,
        now: Timestamp,
        folder: &Path,
    ) -> Result<Session<Before>> {
        let parameters = self.parameter.iter().cloned().collect();
        let options = Options { parameters, ..Options::default() };
        let (limits, budget) = (Limits::default(), Budget::default());
        let session = Session::open_before(step, in_force, now, options, limits, budget);
        let mut session = session.ok_or_else(|| {
            CliError::usage(format!("the layout has no step {step}"))
                .remedy("name one of its steps; `unbroken inspect` prints them")
        })?;
        hand_in(&mut session, Some(folder), &[])?;
        Ok(session)
    }
}

impl LayoutBefore {
    /// Refuses materials that the layout does not let the step use, and those of steps that fail.
    pub(super) fn hold(
        self,
        step: &StepName,
        materials: &ArtifactSet,
        output: &Output,
    ) -> Result<()> {
        match self.session.and_then(|session| session.hold(materials)) {
            Ok(warnings) => {
                tell(&warnings, output);
                let materials = count(materials.len(), "material");
                output.talk(&format!("{materials} as {} has it for {step}", self.name));
                Ok(())
            }
            Err(rejection) => {
                tell(&rejection.assessment().findings, output);
                Err(not_begun(step))
            }
        }
    }
}

fn one_folder() -> CliError {
    CliError::usage("with --layout, --verify-materials names one folder")
        .remedy("put the links of all earlier steps into a folder")
}
