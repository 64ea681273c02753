//! The arguments.

#[cfg(test)]
mod reference;

use clap::{Args, Parser, Subcommand};

use crate::commands;

const EXAMPLES: &str = "\
Examples:
  unbroken demo
  unbroken key generate builder
  unbroken run build --key builder --materials app.c --products app -- cc -o app app.c
  unbroken verify --layout root.layout --trust owner.pub --link-dir .";

/// Prove that software went through the pipeline that its owner signed off.
///
/// Exit codes: 0 verified or done, 1 rejected, 2 usage or configuration, 3 undecided (something
/// could not be read or run), 4 nobody read the output to its end. `unbroken run` ends with the
/// code of the command that it ran.
#[derive(Debug, Parser)]
#[command(name = "unbroken", version, subcommand_required = true)]
#[command(arg_required_else_help = true, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Global {
    /// When to colour the output: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(hide_default_value = true, hide_possible_values = true, help_heading = "Output")]
    pub(crate) color: clap::ColorChoice,
    /// Say more: full digests, and what each rule did
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Output")]
    pub(crate) verbose: bool,
    /// Say nothing but errors; the exit code tells
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(commands::demo::Demo),
    #[command(subcommand)]
    Key(commands::key::Key),
    Run(commands::run::Run),
    #[command(subcommand)]
    Record(commands::record::Record),
    Mock(commands::mock::Mock),
    Sign(commands::sign::Sign),
    Inspect(commands::inspect::Inspect),
    MatchProducts(commands::match_products::MatchProducts),
    Verify(commands::verify::Verify),
    #[command(subcommand)]
    Image(commands::image::Image),
    Explain(commands::explain::Explain),
    InstallDropIns(commands::install_drop_ins::InstallDropIns),
    #[command(subcommand, hide = true)]
    DemoStep(commands::demo::step::DemoStep),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_tree_of_arguments_is_consistent() {
        Cli::command().debug_assert();
    }
}
