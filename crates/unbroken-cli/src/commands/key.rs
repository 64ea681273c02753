//! `unbroken key`: makes, converts and shows keys.

mod convert;
mod generate;
mod key_files;
pub(crate) mod show;

use clap::Subcommand;

use crate::error::Result;
use crate::exit::Exit;
use crate::output::Output;

/// Make, convert and show keys
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    Generate(generate::Generate),
    Convert(convert::Convert),
    Show(show::Show),
}

impl Key {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        match self {
            Self::Generate(generate) => generate.run(output),
            Self::Convert(convert) => convert.run(output),
            Self::Show(show) => show.run(output),
        }
    }
}
