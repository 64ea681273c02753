//! Maintenance commands of the repository: `cargo xtask test`, `bench` and `fuzz`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal: printing is its work"
)]

mod bench;
mod components;
mod examples;
mod fuzz;
mod process;
mod tally;
mod test_run;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--no-install]   install what the real-component tests need, where that is missing and possible,
                        then run every test, doc test and example
  bench [--quick]       build the release program and print the speed table, each figure beside a peer
  fuzz [TARGET...] [--seconds N]
                        run the fuzz targets under libFuzzer, 60 seconds each unless told otherwise
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test_run::run(components::Installing::Allowed),
        ["test", "--no-install"] => test_run::run(components::Installing::Forbidden),
        ["bench"] => bench::run(&bench::Sizes::FULL),
        ["bench", "--quick"] => bench::run(&bench::Sizes::QUICK),
        ["fuzz", rest @ ..] => match rest {
            [targets @ .., "--seconds", seconds] => match seconds.parse() {
                Ok(seconds) => fuzz::run(targets, seconds),
                Err(_) => Err(format!("{seconds:?} is no number of seconds").into()),
            },
            targets => fuzz::run(targets, 60),
        },
        ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
