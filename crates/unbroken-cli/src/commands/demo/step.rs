//! `unbroken demo-step`: the commands that the demo's functionaries run where no other program does
//! the work. They are commands of their own so that their links tell what was run.

use std::path::PathBuf;

use clap::Subcommand;

use super::{assemble, scanner};
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::output::Output;

/// Do a step of the demo
#[derive(Debug, Subcommand)]
pub(crate) enum DemoStep {
    /// Pack a folder into an OCI image layout
    Assemble { source: PathBuf, image: PathBuf, digest_file: PathBuf },
    /// Write an SBOM and a vulnerability report
    Scan { source: PathBuf, folder: PathBuf, result: String },
}

impl DemoStep {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let failed = |error| CliError::undecided("the step of the demo failed").because(error);
        match self {
            Self::Assemble { source, image, digest_file } => {
                assemble::assemble(&source, &image, &digest_file).map_err(failed)?;
            }
            Self::Scan { source, folder, result } => {
                let by = scanner::scan(&source, &folder, result == "critical").map_err(failed)?;
                output.data(&format!("{by}\n"));
            }
        }
        Ok(Exit::Success)
    }
}
