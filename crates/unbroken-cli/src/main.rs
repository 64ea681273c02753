//! The `unbroken` command line: arguments in, exit code out.

mod args;
mod commands;
mod drop_in;
mod error;
mod evidence;
mod exit;
mod files;
mod images;
mod keys;
mod memory;
mod output;
mod progress;
mod registries;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::exit::Exit;
use crate::output::Output;

fn main() -> ExitCode {
    // Before anything else, so that no way to a key goes past it.
    if let Err(error) = memory::close() {
        return output::not_begun(&error).into();
    }
    if let Some(code) = drop_in::run() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error).into(),
    };
    let output = Output::new(&cli.global);
    let exit = commands::run(cli.command, &output).unwrap_or_else(|error| {
        output.error(&error);
        error.exit()
    });
    // What could not be written was not said: a broken pipe is no success.
    if output.is_broken() { Exit::BrokenPipe.into() } else { exit.into() }
}
