//! Figures that tests measure, for `docs/assurance.md`, and how much they measure.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;

/// Notes what a test counted: a line in the file that `UNBROKEN_FIGURES` names, and nothing where it
/// names none.
///
/// # Panics
/// When that file cannot be written.
pub fn figure(name: &str, value: impl Display) {
    if let Some(log) = std::env::var_os("UNBROKEN_FIGURES") {
        let file = OpenOptions::new().append(true).create(true).open(log);
        let written =
            file.and_then(|mut file| file.write_all(format!("{name} = {value}\n").as_bytes()));
        written.expect("the file of figures can be written");
    }
}

/// Returns how much of something a test does: the number in this variable of the environment, where
/// `cargo xtask compare` sets one, else the usual one.
///
/// # Panics
/// When the variable holds no number.
pub fn amount(variable: &str, usual: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().expect("the variable holds a number"),
        Err(_) => usual,
    }
}
