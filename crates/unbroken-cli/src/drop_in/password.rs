//! Passwords, asked for as the reference asks.

use std::io::BufRead;

use unbroken_crypto::Passphrase;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::log::say;
use crate::output::escape_line;

/// Asks for a password.
pub(super) fn ask(prompt: &str) -> Result<Passphrase, Failure> {
    answer(prompt).map(|mut text| Passphrase::new(std::mem::take(&mut *text)))
}

/// Asks for a new password until it is the same twice; an empty one means that there is none.
pub(super) fn ask_new(prompt: &str) -> Result<Option<Passphrase>, Failure> {
    loop {
        let (mut first, second) = (answer(prompt)?, answer("Confirm: ")?);
        if first == second {
            let password = Passphrase::new(std::mem::take(&mut *first));
            return Ok(Some(password).filter(|password| !password.is_empty()));
        }
        say("Mismatch; try again.");
    }
}

/// Reads an answer from the terminal; without one, a line from stdin.
fn answer(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if let Ok(text) = rpassword::prompt_password(escape_line(prompt)) {
        return Ok(Zeroizing::new(text));
    }
    let mut line = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().read_line(&mut line);
    match read {
        Ok(0) => Err(Failure::new("EOFError", "there is nobody to ask for a password")),
        Ok(_) => {
            let end = line.trim_end_matches(['\r', '\n']).len();
            line.truncate(end);
            Ok(line)
        }
        Err(error) => Err(Failure::new("EOFError", error.to_string())),
    }
}
