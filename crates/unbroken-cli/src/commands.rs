//! The commands, one file each.

pub(crate) mod binding;
pub(crate) mod demo;
mod earlier;
pub(crate) mod explain;
pub(crate) mod image;
pub(crate) mod inspect;
pub(crate) mod install_drop_ins;
pub(crate) mod key;
pub(crate) mod match_products;
pub(crate) mod mock;
pub(crate) mod record;
pub(crate) mod recording;
pub(crate) mod run;
pub(crate) mod sign;
pub(crate) mod verify;

use crate::args::Command;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Output;

/// Runs one command.
pub(crate) fn run(command: Command, output: &Output) -> Result<Exit> {
    match command {
        Command::Demo(demo) => demo.run(output),
        Command::Key(key) => key.run(output),
        Command::Run(run) => run.run(output),
        Command::Record(record) => record.run(output),
        Command::Mock(mock) => mock.run(output),
        Command::Sign(sign) => sign.run(output),
        Command::Inspect(inspect) => inspect.run(output),
        Command::MatchProducts(match_products) => match_products.run(output),
        Command::Verify(verify) => verify.run(output),
        Command::Image(image) => image.run(output),
        Command::Explain(explain) => explain.run(output),
        Command::InstallDropIns(install) => install.run(output),
        Command::DemoStep(step) => step.run(output),
    }
}
