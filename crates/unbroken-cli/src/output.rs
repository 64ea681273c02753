//! The only door to the terminal: data goes to stdout, talk to stderr.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::args::Global;
use crate::error::CliError;
use crate::exit::Exit;

/// Where the program speaks.
pub(crate) struct Output {
    choice: Option<ColorChoice>,
    pub(crate) verbose: bool,
    quiet: bool,
    broken: Cell<bool>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let choice = match global.color {
            clap::ColorChoice::Auto => None,
            clap::ColorChoice::Always => Some(ColorChoice::AlwaysAnsi),
            clap::ColorChoice::Never => Some(ColorChoice::Never),
        };
        let (verbose, quiet) = (global.verbose, global.quiet);
        Self { choice, verbose, quiet, broken: Cell::new(false) }
    }

    /// Writes data.
    pub(crate) fn data(&self, text: &str) {
        let stdout = io::stdout();
        let choice = self.choice.unwrap_or_else(|| AutoStream::choice(&stdout));
        self.write(AutoStream::new(stdout.lock(), choice), text);
    }

    /// Writes data that must not be changed by a byte.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        self.note(&stdout.write_all(bytes).and_then(|()| stdout.flush()));
    }

    /// Says something to the user, unless he wants to hear nothing.
    pub(crate) fn talk(&self, text: &str) {
        if !self.quiet {
            self.stderr(text);
        }
    }

    /// Says that something deserves a look, also to a user who wants to hear nothing.
    pub(crate) fn warning(&self, text: &str) {
        let style = AnsiColor::Yellow.on_default().bold();
        self.stderr(&format!("{style}warning{style:#}: {}", escape(text)));
    }

    /// Says why the program ends.
    pub(crate) fn error(&self, error: &CliError) {
        let style = AnsiColor::Red.on_default().bold();
        self.stderr(&format!("{style}error{style:#}: {}", escape(&error.to_string())));
        if let Some(hint) = error.hint() {
            let style = Style::new().bold();
            self.stderr(&format!(" {style}help{style:#}: {}", escape(hint)));
        }
    }

    /// Tells whether data comes out in colour.
    pub(crate) fn is_colored(&self) -> bool {
        let choice = self.choice.unwrap_or_else(|| AutoStream::choice(&io::stdout()));
        !matches!(choice, ColorChoice::Never)
    }

    /// Tells whether a person sees what is said.
    pub(crate) fn is_watched(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Tells whether the reader of the data went away.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.get()
    }

    fn stderr(&self, text: &str) {
        let stderr = io::stderr();
        let choice = self.choice.unwrap_or_else(|| AutoStream::choice(&stderr));
        // There is nobody to tell that stderr cannot be written.
        drop(writeln!(AutoStream::new(stderr.lock(), choice), "{text}"));
    }

    fn write(&self, mut out: impl Write, text: &str) {
        self.note(&out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    fn note(&self, result: &io::Result<()>) {
        if result.is_err() {
            self.broken.set(true);
        }
    }
}

/// Makes foreign text harmless on a terminal: control and direction characters become escapes.
pub(crate) fn escape(text: &str) -> String {
    let hidden = |character: &char| {
        (character.is_control() && *character != '\n')
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if hidden(&character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Makes foreign text harmless within a line: it cannot begin another one, which would pass for ours.
pub(crate) fn escape_line(text: &str) -> String {
    escape(text).replace('\n', "\\n")
}

/// Names a file that is read in messages; `-` is stdin.
pub(crate) fn input_name(path: &Path) -> String {
    if path.as_os_str() == "-" { "stdin".to_owned() } else { path.display().to_string() }
}

/// Writes a number and its noun: `1 signature`, `2 signatures`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Says why the program does not even begin.
pub(crate) fn not_begun(error: &CliError) -> Exit {
    // There is nobody to tell that stderr cannot be written.
    drop(writeln!(io::stderr(), "error: {error}"));
    error.exit()
}

/// Prints what the parser of the arguments has to say: help and version are data, faults are talk.
pub(crate) fn usage(error: &clap::Error) -> Exit {
    match (error.print(), error.use_stderr()) {
        // There is nobody to tell that stderr cannot be written.
        (_, true) => Exit::Usage,
        (Ok(()), false) => Exit::Success,
        (Err(_), false) => Exit::BrokenPipe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(escape("a\u{1b}[2J\u{202e}b\nc"), "a\\u{1b}[2J\\u{202e}b\nc");
    }

    #[test]
    fn foreign_text_cannot_begin_a_line() {
        assert_eq!(escape_line("cc\nverified\u{1b}"), "cc\\nverified\\u{1b}");
    }
}
