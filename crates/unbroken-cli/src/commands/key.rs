//! `unbroken key`: makes and shows keys.

mod generate;
pub(crate) mod show;

use clap::Subcommand;

use crate::error::Result;
use crate::exit::Exit;
use crate::output::Output;

/// Make and show keys
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    Generate(generate::Generate),
    Show(show::Show),
}

impl Key {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        match self {
            Self::Generate(generate) => generate.run(output),
            Self::Show(show) => show.run(output),
        }
    }
}
