//! `--help` of `in-toto`, its groups and its commands.

use std::fmt::Write;

use super::pflag::{Flag, Takes};
use super::{COMMANDS, Command, GROUPS};
use crate::drop_in::log::print;

/// What the program is, in a line.
pub(super) const ABOUT: &str =
    concat!("The program of in-toto-golang, as unbroken ", env!("CARGO_PKG_VERSION"), " does it");

/// The option that all have.
pub(super) const HELP: Flag =
    Flag::new("help", Some('h'), Takes::Nothing, "say what this does, and do nothing");

/// Prints the help of a command or of a group; of all where there is no such topic, as the original does.
pub(super) fn help_on(topic: &str) -> u8 {
    let group = GROUPS.iter().find(|group| group.name == topic);
    print(&match (COMMANDS.iter().find(|command| command.name == topic), group) {
        (Some(command), _) => {
            let own = options(command.flags.iter().copied().flatten().chain([&HELP]));
            format!("{}\n\nUsage:\n  {}\n\nFlags:\n{own}", command.about, usage(command))
        }
        (None, Some(group)) => {
            let own = options(group.flags.iter().chain([&HELP]));
            let commands = listed(group.about, &format!("{} ", group.name));
            format!("{commands}\nFlags:\n{own}")
        }
        (None, None) if topic.is_empty() => listed(ABOUT, ""),
        (None, None) => format!("Unknown help topic [`{topic}`]\n\n{}", listed(ABOUT, "")),
    });
    0
}

/// How a command is called.
pub(super) fn usage(command: &Command) -> String {
    format!("in-toto {}{} [flags]", command.name, command.arguments)
}

/// Lists options.
pub(super) fn options<'f>(flags: impl IntoIterator<Item = &'f Flag>) -> String {
    let mut out = String::new();
    for flag in flags {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
        let value = match flag.takes {
            Takes::Nothing => "",
            Takes::One => " string",
            Takes::Each => " stringArray",
            Takes::Commas => " strings",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {short}--{:<38} {}", format!("{}{value}", flag.name), flag.help);
    }
    out
}

/// Lists the commands that begin with a word.
fn listed(about: &str, word: &str) -> String {
    let mut out = format!("{about}\n\nUsage:\n  in-toto {word}[command]\n\nAvailable Commands:\n");
    for command in COMMANDS.iter().filter(|command| command.name.starts_with(word)) {
        let _ = writeln!(out, "  {:<15} {}", command.name, command.about);
    }
    out
}
