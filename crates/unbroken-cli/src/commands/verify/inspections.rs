//! Runs the inspections that a verification asks for.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use unbroken_record::inspection_run::{InspectionRun, ProductCopy};
use unbroken_record::{ExitOutcome, RecordError};
use unbroken_verify::{Ending, InspectionOutcome, InspectionRequest, SublayoutInspections};

use crate::error::{CliError, Result};

/// What inspections may do.
#[derive(Args, Debug)]
pub(crate) struct InspectionOptions {
    /// The folder of the product, which inspections look at a copy of
    #[arg(long, value_name = "DIR", default_value = ".", help_heading = "Inspections")]
    product: PathBuf,
    /// End an inspection after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, hide_short_help = true)]
    #[arg(help_heading = "Inspections")]
    inspection_timeout: u64,
    /// Run the commands of sublayouts too: whoever may sign for a step may then run anything here
    #[arg(long, help_heading = "Inspections")]
    allow_sublayout_inspections: bool,
    #[arg(skip)]
    recorded: Recorded,
}

/// What an inspection is said to have seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Recorded {
    /// All but what the reference leaves out.
    #[default]
    ByDefault,
    /// All files, as in-toto-golang has it.
    Everything {
        /// Whether CRLF and CR are hashed as LF.
        normalize_line_endings: bool,
    },
}

impl InspectionOptions {
    /// Inspects a product as by default.
    pub(crate) fn of_product(product: PathBuf) -> Self {
        Self {
            product,
            inspection_timeout: 60,
            allow_sublayout_inspections: false,
            recorded: Recorded::default(),
        }
    }

    /// Inspects the working directory.
    pub(crate) fn limited_to(
        seconds: u64,
        allow_sublayout_inspections: bool,
        recorded: Recorded,
    ) -> Self {
        Self {
            inspection_timeout: seconds,
            allow_sublayout_inspections,
            recorded,
            ..Self::of_product(".".into())
        }
    }

    pub(crate) fn of_sublayouts(&self) -> SublayoutInspections {
        if self.allow_sublayout_inspections {
            SublayoutInspections::Allow
        } else {
            SublayoutInspections::Refuse
        }
    }

    /// Runs the commands one after the other on one copy of the product: a later one sees what an
    /// earlier one left there, as in the reference implementation.
    pub(crate) fn run(
        &self,
        requests: Vec<InspectionRequest>,
    ) -> Result<Vec<(InspectionRequest, InspectionOutcome)>> {
        let Some(first) = requests.first() else { return Ok(Vec::new()) };
        let copy = ProductCopy::of(&self.product).map_err(|error| not_made(first, error))?;
        let outcomes = requests.into_iter().map(|request| {
            let outcome = self.run_one(&copy, &request)?;
            Ok((request, outcome))
        });
        outcomes.collect()
    }

    fn run_one(
        &self,
        copy: &ProductCopy,
        request: &InspectionRequest,
    ) -> Result<InspectionOutcome> {
        let mut run = InspectionRun {
            time_limit: Duration::from_secs(self.inspection_timeout),
            ..InspectionRun::new(&request.run)
        };
        if let Recorded::Everything { normalize_line_endings } = self.recorded {
            run.excludes = Vec::new();
            run.normalize_line_endings = normalize_line_endings;
        }
        match copy.run(&run) {
            Ok(outcome) => {
                let process = &outcome.process;
                let streams = [&process.stdout, &process.stderr].into_iter().flatten();
                let output: Vec<_> = streams.map(|stream| stream.text().0.into_owned()).collect();
                Ok(InspectionOutcome {
                    materials: outcome.materials,
                    products: outcome.products,
                    ending: ending(process.exit),
                    isolated: outcome.isolation.network,
                    output: output.concat(),
                })
            }
            // The layout asks for a program that is not to be run, or is not there: that is a fault
            // of the chain, as if the command had failed.
            Err(
                error @ (RecordError::ProgramRefused { .. }
                | RecordError::Spawn { .. }
                | RecordError::NoCommand),
            ) => Ok(InspectionOutcome {
                materials: unbroken_model::artifact::ArtifactSet::default(),
                products: unbroken_model::artifact::ArtifactSet::default(),
                ending: Ending::NotStarted(error.to_string()),
                isolated: true,
                output: String::new(),
            }),
            Err(error) => Err(not_made(request, error)),
        }
    }
}

fn not_made(request: &InspectionRequest, error: RecordError) -> CliError {
    CliError::undecided(format!("the inspection {} was not made", request.name))
        .because(error)
        .remedy("name the folder of the product with --product")
}

fn ending(exit: ExitOutcome) -> Ending {
    match exit {
        ExitOutcome::Exited(status) => Ending::Exited(status),
        ExitOutcome::Signalled(signal) => Ending::Signalled(signal),
        ExitOutcome::TimedOut => Ending::TimedOut,
        other => Ending::NotStarted(format!("it ended in an unknown way: {other:?}")),
    }
}
