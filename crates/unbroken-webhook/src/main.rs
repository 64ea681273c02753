//! The `unbroken-webhook` program: arguments in, exit code out.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use unbroken_webhook::check::Check;
use unbroken_webhook::crds::definitions;
use unbroken_webhook::failure::{Ending, Failed};
use unbroken_webhook::serve::Serve;

/// Kubernetes admission: nothing runs whose chain does not verify
#[derive(Parser)]
#[command(name = "unbroken-webhook", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(Box<Check>),
    /// Print the custom resource definitions of a cluster
    Crds,
    Serve(Box<Serve>),
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Check(check) => check.run().and_then(|(text, ending)| print(&text, ending)),
        Command::Crds => print(&definitions(), Ending::Success),
        Command::Serve(serve) => serve.run().map(|()| Ending::Success),
    };
    ended
        .unwrap_or_else(|failed| {
            // Where nobody reads what is wrong, the exit code says it.
            drop(writeln!(std::io::stderr(), "error: {failed}"));
            Ending::Usage
        })
        .into()
}

fn print(text: &str, ending: Ending) -> Result<Ending, Failed> {
    let written = std::io::stdout().write_all(text.as_bytes());
    // What could not be written was not said.
    written.map_err(|error| Failed::usage(format!("cannot write: {error}")))?;
    Ok(ending)
}
