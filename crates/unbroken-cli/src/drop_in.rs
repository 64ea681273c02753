//! The reference's commands, under their own names: which one is meant is told by the name that
//! the program was called by. `unbroken install-drop-ins` makes the names.
//!
//! What a script sees is the reference's: flags of all its generations, file names, log lines, exit
//! codes. What is judged, and how, is ours; `docs/differences.md` lists where that shows.

mod argparse;
mod failure;
mod golang;
mod gpg;
mod keygen;
mod log;
mod match_products;
mod mock;
mod password;
mod python;
mod record;
mod recording;
mod run;
mod settings;
mod sign;
mod signing_key;
mod verify;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use self::argparse::{Parsed, Stop, Syntax};
use self::failure::Failure;
use self::log::{Log, print, say};

/// A drop-in: it takes its arguments and returns its exit code.
type Tool = fn(&[String]) -> u8;

/// The drop-ins by name.
const TOOLS: [(&str, Tool); 8] = [
    ("in-toto", golang::main),
    ("in-toto-run", run::main),
    ("in-toto-record", record::main),
    ("in-toto-verify", verify::main),
    ("in-toto-sign", sign::main),
    ("in-toto-mock", mock::main),
    ("in-toto-match-products", match_products::main),
    ("in-toto-keygen", keygen::main),
];

/// The code of a usage error, as argparse has it.
const USAGE: u8 = 2;

/// Returns the names of the drop-ins.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|(name, _)| *name)
}

/// Runs a drop-in, when the program was called by the name of one.
pub(crate) fn run() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let called = arguments.next()?;
    let stem = Path::new(&called).file_stem()?;
    let (name, tool) = TOOLS.iter().find(|(name, _)| stem == *name)?;
    let text: Result<Vec<String>, OsString> = arguments.map(OsString::into_string).collect();
    Some(match text {
        Ok(arguments) => tool(&arguments).into(),
        Err(argument) => {
            say(&format!("{name}: error: the argument {} is not UTF-8", argument.display()));
            USAGE.into()
        }
    })
}

/// Parses arguments; ends with a code where they ask for help or are no use.
fn parse(syntax: &Syntax, arguments: &[String]) -> Result<Parsed, u8> {
    parse_within(syntax, syntax, arguments)
}

/// Parses the arguments of a subcommand.
fn parse_within(outer: &Syntax, syntax: &Syntax, arguments: &[String]) -> Result<Parsed, u8> {
    match argparse::parse(syntax, arguments) {
        Ok(parsed) => Ok(parsed),
        Err(Stop::Help) => {
            print(&syntax.help());
            Err(0)
        }
        Err(Stop::Version) => {
            let name = syntax.program.split(' ').next().unwrap_or_default();
            print(&format!("{name} (unbroken {})\n", env!("CARGO_PKG_VERSION")));
            Err(0)
        }
        Err(Stop::Error(message)) => Err(misuse(syntax, &message)),
        Err(Stop::Unrecognized(message)) => Err(misuse(outer, &message)),
    }
}

/// Says what is wrong with the arguments, as argparse does, and returns the code of that.
fn misuse(syntax: &Syntax, message: &str) -> u8 {
    say(&format!("usage: {}", syntax.usage));
    say(&format!("{}: error: {message}", syntax.program));
    USAGE
}

/// Ends a tool: what failed is told under its name.
fn finish(tool: &str, log: Log, result: Result<u8, Failure>) -> u8 {
    result.unwrap_or_else(|failure| {
        log.error(&format!("({tool}) {failure}"));
        1
    })
}
