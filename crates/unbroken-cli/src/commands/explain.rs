//! `unbroken explain`: the page of a finding.

use clap::Args;
use unbroken_verify::FindingCode;

use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::output::Output;

/// Say what a finding means and how it is mended
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// The code of a finding, such as rule-disallow; without one, all codes are listed
    code: Option<String>,
}

impl Explain {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let Some(word) = self.code else {
            let codes: Vec<String> = FindingCode::all().map(|code| format!("{code}\n")).collect();
            output.data(&codes.concat());
            return Ok(Exit::Success);
        };
        let code = FindingCode::from_word(&word).ok_or_else(|| {
            let near =
                nearest(&word).map_or_else(String::new, |code| format!("did you mean {code}? "));
            CliError::usage(format!("{word:?} is no code of a finding"))
                .remedy(format!("{near}`unbroken explain` lists all codes"))
        })?;
        output.data(unbroken_report::explain::page(code));
        Ok(Exit::Success)
    }
}

/// Finds the code that shares the most words with what was typed.
fn nearest(word: &str) -> Option<FindingCode> {
    let shared = |code: FindingCode| {
        word.split('-').filter(|part| code.as_str().split('-').any(|own| own == *part)).count()
    };
    FindingCode::all().max_by_key(|code| shared(*code)).filter(|code| shared(*code) > 0)
}
