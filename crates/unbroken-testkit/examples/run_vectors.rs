//! Puts the defect vectors to a program: `run_vectors PROGRAM [ARGUMENT...]`.
//!
//! The contract is in `tests/vectors/README.md`. Exit code 0: every verdict is the one that is due;
//! 1: some are not, and they are listed; 2: it could not be carried out.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program says what it found")]

use std::ffi::OsString;
use std::process::ExitCode;

use unbroken_testkit::{Bounds, Program};

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if words.is_empty() {
        println!("usage: run_vectors PROGRAM [ARGUMENT...]");
        return ExitCode::SUCCESS;
    }
    let program = Program { words, bounds: Bounds { seconds: Some(60), mebibytes: None } };
    let answers = match program.ask_all() {
        Ok(answers) => answers,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut differences = 0_usize;
    for (name, (vector, answer)) in &answers {
        if !answer.conforms_to(vector) {
            differences += 1;
            println!("{name}: {}\n    due {:?}, found {answer:?}", vector.title, vector.errors);
        }
    }
    println!("{} of {} as they are due", answers.len() - differences, answers.len());
    ExitCode::from(u8::from(differences > 0))
}
