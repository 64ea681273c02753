//! How a verdict is reached and printed.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use unbroken_model::pattern::PatternDialect;
use unbroken_model::timestamp::Timestamp;
use unbroken_report::{Colour, Detail, Glyphs, Report, TextStyle};
use unbroken_verify::{CommandPolicy, Options};

use crate::output::Output;

/// How a verdict is reached and printed.
#[derive(Args, Debug)]
pub(crate) struct VerdictOptions {
    /// A value for a parameter of the layout; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameter: Vec<(String, String)>,
    /// Reject a step whose recorded command differs from the expected one
    #[arg(long)]
    enforce_commands: bool,
    /// How the patterns of artifact rules are read
    #[arg(long, value_name = "DIALECT", default_value = "python", hide_short_help = true)]
    pattern_dialect: Dialect,
    /// Verify as if it were this time, YYYY-MM-DDTHH:MM:SSZ, for audits
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The form of the report
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dialect {
    /// as python in-toto does
    Python,
    /// as in-toto-golang does
    Go,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Sarif,
    Junit,
}

pub(crate) fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has not the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl VerdictOptions {
    pub(crate) fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(super::clock)
    }

    /// Returns what these arguments choose; the rest is as by default.
    pub(crate) fn options(&self) -> Options {
        let parameters: BTreeMap<String, String> = self.parameter.iter().cloned().collect();
        let commands =
            if self.enforce_commands { CommandPolicy::Enforce } else { CommandPolicy::Warn };
        let patterns = match self.pattern_dialect {
            Dialect::Python => PatternDialect::Python,
            Dialect::Go => PatternDialect::Go,
        };
        Options { parameters, commands, patterns, ..Options::default() }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn print(&self, report: &Report, output: &Output) {
        let text = match self.format {
            Format::Text if output.is_quiet() => return,
            Format::Text => report.to_text(&text_style(output)),
            Format::Json => report.to_json(),
            Format::Sarif => report.to_sarif(),
            Format::Junit => report.to_junit(),
        };
        output.data(&text);
    }
}

/// Returns how text is drawn on this terminal.
pub(crate) fn text_style(output: &Output) -> TextStyle {
    TextStyle {
        colour: if output.is_colored() { Colour::Always } else { Colour::Never },
        glyphs: if is_utf8() { Glyphs::Unicode } else { Glyphs::Ascii },
        detail: if output.verbose { Detail::Full } else { Detail::Brief },
        ..TextStyle::default()
    }
}

/// Tells whether the locale has more than ASCII.
fn is_utf8() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    // Without a locale, as in most containers, terminals and logs still take UTF-8.
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
