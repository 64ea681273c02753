//! `unbroken mock`: records a command without signing, to try things out.

use std::ffi::OsString;

use clap::Args;
use unbroken_model::envelope::{Envelope, Payload};
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_record::{HashOptions, StepRun, Streams, run_step, unsigned_link_file_name};

use super::recording::{HashingOptions, LinkOptions, record_error, require_folder};
use super::run::{child_exit, words};
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::HashingBar;

/// Run a command and write a link of everything around it, unsigned: to see what a step uses
#[derive(Args, Debug)]
pub(crate) struct Mock {
    /// The name of the step
    step: StepName,
    #[command(flatten)]
    hashing: HashingOptions,
    #[command(flatten)]
    link: LinkOptions,
    /// The command, as words
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Mock {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        require_folder(&self.link.link_dir)?;
        let command = words(self.command)?;
        let everything = [".".to_owned()];
        let bar = HashingBar::new(output);
        let step = StepRun {
            materials: &everything,
            products: &everything,
            streams: Streams::Record,
            options: HashOptions { progress: Some(&bar), ..self.hashing.options() },
            ..StepRun::new(self.step, &command)
        };
        let recorded = run_step(&step).map_err(record_error)?;
        self.hashing.end(bar, output);
        let link = Link { form: self.link.form(), ..recorded.link };
        let envelope = Envelope::unsigned(self.link.kind(), link.to_value());
        self.link.write(&unsigned_link_file_name(&link.name), &envelope, &link, output)?;
        Ok(child_exit(recorded.exit))
    }
}
