//! Maintenance commands of the repository: `cargo xtask test`, `bench`, and those that prove at length.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal: printing is its work"
)]

mod assurance;
mod bench;
mod compare;
mod components;
mod examples;
mod fuzz;
mod image;
mod process;
mod record;
mod tally;
mod test_run;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--no-install]   install what the real-component tests need, where that is missing and possible,
                        then run every test, doc test and example
  bench [--quick]       build the release program and print the speed table, each figure beside a peer
  bench admission [--quick]
                        build the admission controller, put it under load, and print what it holds
  fuzz [--seconds N | --minutes N] [TARGET...]
                        run the fuzz targets under libFuzzer, each for a minute unless told otherwise
  compare patterns [--pairs N]
                        compare the matcher with CPython's fnmatch, on ten million pairs unless told otherwise
  compare chains [--count N]
                        compare verdicts with python in-toto's on random chains, ten thousand unless told otherwise
  image [FOLDER] [--push REGISTRY/REPOSITORY:TAG] [--twice] [--program FILE]
                        build the image of the admission controller with its chain and its bill of materials, from what is
                        committed; send it and write the values of the chart; build it again elsewhere and compare;
                        pack a program that is built already, with the `unbroken` beside this program
  kube-assets           build the API server of Kubernetes, kubectl and helm, in many minutes, for the tests against them
  assurance             measure anew what takes minutes, and draw docs/assurance.md
";

/// What a command comes to: whether all that it checked held.
type Outcome = Result<bool, process::Failure>;

fn counted(number: &str, run: impl FnOnce(u64) -> Outcome) -> Outcome {
    match number.parse() {
        Ok(count) => run(count),
        Err(_) => Err(format!("{number:?} is no number").into()),
    }
}

/// The names of targets, with the time among them.
fn fuzz(rest: &[&str]) -> Outcome {
    let unit = rest.iter().position(|word| ["--seconds", "--minutes"].contains(word));
    let Some((before, [unit, number, after @ ..])) = unit.map(|at| rest.split_at(at)) else {
        return fuzz::run(rest, 60);
    };
    let targets = [before, after].concat();
    let factor = if *unit == "--minutes" { 60 } else { 1 };
    counted(number, |count| fuzz::run(&targets, count.saturating_mul(factor)))
}

fn compare(what: &str, rest: &[&str]) -> Outcome {
    let all = [compare::PATTERNS, compare::CHAINS];
    let Some(comparison) = all.iter().find(|one| one.name == what) else {
        return Err(format!("nothing to compare is called {what:?}").into());
    };
    match rest {
        [] => compare::run(comparison, comparison.usual),
        [option, number] if *option == comparison.option => {
            counted(number, |count| compare::run(comparison, count))
        }
        _ => Err(format!("compare {what} takes {} N", comparison.option).into()),
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test_run::run(components::Installing::Allowed),
        ["test", "--no-install"] => test_run::run(components::Installing::Forbidden),
        ["bench"] => bench::run(&bench::Sizes::FULL),
        ["bench", "admission"] => bench::admission::run(&bench::admission::Load::FULL),
        ["bench", "admission", "--quick"] => bench::admission::run(&bench::admission::Load::QUICK),
        ["bench", "--quick"] => bench::run(&bench::Sizes::QUICK),
        ["fuzz", rest @ ..] => fuzz(rest),
        ["compare", what, rest @ ..] => compare(what, rest),
        ["image", rest @ ..] => image::run(rest),
        // The last step of the image's own chain calls it.
        ["assemble", program, source, image, bill] => image::assemble(program, source, image, bill),
        ["kube-assets"] => components::build_kube_assets(),
        ["assurance"] => assurance::run(),
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
