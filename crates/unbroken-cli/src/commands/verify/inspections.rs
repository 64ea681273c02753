//! Makes the inspections that a verification asks for: signed links stand in, the others are run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use unbroken_model::timestamp::Timestamp;
use unbroken_record::inspection_run::{InspectionRun, ProductCopy};
use unbroken_record::{ExitOutcome, RecordError};
use unbroken_verify::{
    AwaitingInspections, Ending, InspectionCommands, InspectionOutcome, InspectionRequest,
    Inspectors, Product, SublayoutInspections,
};

use crate::error::{CliError, Result};
use crate::keys::{PassphraseSource, load_public_key_at};

/// What inspections may do.
#[derive(Args, Debug)]
pub(crate) struct InspectionOptions {
    /// The folder of the product; inspections see a copy [default: .]
    #[arg(long, value_name = "DIR", help_heading = "Inspections")]
    product: Option<PathBuf>,
    /// End an inspection after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, hide_short_help = true)]
    #[arg(help_heading = "Inspections")]
    inspection_timeout: u64,
    /// Run the commands of sublayouts too: whoever may sign for a step may then run anything here
    #[arg(long, help_heading = "Inspections")]
    allow_sublayout_inspections: bool,
    /// Run no command: an inspection passes by a signed link or not at all
    #[arg(long, hide_short_help = true, help_heading = "Inspections")]
    no_run_inspections: bool,
    /// The public key of one whose signed links of inspections are accepted, not those of the owners;
    /// may be repeated
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = "Inspections")]
    inspector: Vec<PathBuf>,
    #[arg(skip)]
    recorded: Recorded,
}

/// Where the product is that was not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProductBeside {
    /// The working directory is it.
    WorkingDirectory,
    /// It is an image: signed links are held against the chain alone, and a command that is run sees
    /// the working directory.
    Image,
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
            product: Some(product),
            inspection_timeout: 60,
            allow_sublayout_inspections: false,
            no_run_inspections: false,
            inspector: Vec::new(),
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

    pub(crate) fn commands(&self) -> InspectionCommands {
        if self.no_run_inspections { InspectionCommands::Never } else { InspectionCommands::Run }
    }

    /// Says whose signed links stand in for inspections.
    pub(crate) fn inspectors(&self, now: Timestamp) -> Result<Inspectors> {
        if self.inspector.is_empty() {
            return Ok(Inspectors::Owners);
        }
        let none = PassphraseSource::default();
        let keys = self.inspector.iter().map(|path| load_public_key_at(path, &none, now));
        Ok(Inspectors::AnyOf(keys.collect::<Result<_>>()?))
    }

    /// Lets signed links stand in, and runs the other commands. `beside` tells where the product is that
    /// was not named.
    pub(crate) fn make(
        &self,
        waiting: &mut AwaitingInspections,
        beside: ProductBeside,
    ) -> Result<Vec<(InspectionRequest, InspectionOutcome)>> {
        let mut copy = None;
        if waiting.has_signed_links() {
            if self.product.is_some() || beside == ProductBeside::WorkingDirectory {
                let made = self.copy("signed links of inspections were not looked at")?;
                let files = made.artifacts(&self.run_of(&[])).map_err(|error| {
                    not_made("signed links of inspections were not looked at", error)
                })?;
                waiting.stand_in(Product::Files(&files));
                copy = Some(made);
            } else {
                waiting.stand_in(Product::NotAtHand);
            }
        }
        self.run_on(copy, waiting.requests())
    }

    /// Runs the commands one after the other on one copy of the product: a later one sees what an
    /// earlier one left there, as in the reference implementation.
    pub(crate) fn run(
        &self,
        requests: Vec<InspectionRequest>,
    ) -> Result<Vec<(InspectionRequest, InspectionOutcome)>> {
        self.run_on(None, requests)
    }

    fn run_on(
        &self,
        copy: Option<ProductCopy>,
        requests: Vec<InspectionRequest>,
    ) -> Result<Vec<(InspectionRequest, InspectionOutcome)>> {
        let Some(first) = requests.first() else { return Ok(Vec::new()) };
        let copy = match copy {
            Some(copy) => copy,
            None => self.copy(&format!("the inspection {} was not made", first.name))?,
        };
        let outcomes = requests.into_iter().map(|request| {
            let outcome = self.run_one(&copy, &request)?;
            Ok((request, outcome))
        });
        outcomes.collect()
    }

    fn copy(&self, not_done: &str) -> Result<ProductCopy> {
        let product = self.product.as_deref().unwrap_or(Path::new("."));
        ProductCopy::of(product).map_err(|error| not_made(not_done, error))
    }

    fn run_of<'a>(&self, words: &'a [String]) -> InspectionRun<'a> {
        let mut run = InspectionRun {
            time_limit: Duration::from_secs(self.inspection_timeout),
            ..InspectionRun::new(words)
        };
        if let Recorded::Everything { normalize_line_endings } = self.recorded {
            run.excludes = Vec::new();
            run.normalize_line_endings = normalize_line_endings;
        }
        run
    }

    fn run_one(
        &self,
        copy: &ProductCopy,
        request: &InspectionRequest,
    ) -> Result<InspectionOutcome> {
        match copy.run(&self.run_of(&request.run)) {
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
            Err(error) => {
                Err(not_made(&format!("the inspection {} was not made", request.name), error))
            }
        }
    }
}

fn not_made(not_done: &str, error: RecordError) -> CliError {
    CliError::undecided(not_done.to_owned())
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
