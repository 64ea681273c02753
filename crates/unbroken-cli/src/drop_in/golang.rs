//! `in-toto`: the program of in-toto-golang, with its subcommands, options, files and exit codes.

mod completion;
mod files;
mod gendoc;
mod help;
mod key;
mod match_products;
mod pflag;
mod record;
mod recording;
mod run;
mod sign;
mod verify;

use self::help::help_on;
use self::pflag::{Flag, Parsed, Stop, Takes, parse};
use super::log::say;

/// A subcommand.
struct Command {
    /// Its words: `run`, `record start`.
    name: &'static str,
    /// What stands behind the words.
    arguments: &'static str,
    about: &'static str,
    flags: &'static [&'static [Flag]],
    /// Does it and returns the exit code, or says what failed.
    act: fn(&Parsed) -> Result<u8, String>,
}

/// By name, as helps and pages list them.
const COMMANDS: &[Command] = &[
    Command {
        name: "completion",
        arguments: " [bash|zsh|fish|powershell]",
        about: "Print a script that completes commands and options in a shell",
        flags: &[],
        act: completion::act,
    },
    Command {
        name: "gendoc",
        arguments: "",
        about: "Write these helps as pages in Markdown",
        flags: gendoc::FLAGS,
        act: gendoc::act,
    },
    Command {
        name: "key id",
        arguments: " <file>",
        about: "Print the id of a key",
        flags: &[],
        act: key::id,
    },
    Command {
        name: "key layout",
        arguments: " <file>",
        about: "Print a key as the member of a layout's keys",
        flags: &[],
        act: key::layout,
    },
    Command {
        name: "match-products",
        arguments: "",
        about: "Check if local files match the products of a link, which is not verified",
        flags: match_products::FLAGS,
        act: match_products::act,
    },
    Command {
        name: "record start",
        arguments: "",
        about: "Record the materials of a step, signed, in .NAME.KEYID.link-unfinished",
        flags: record::START,
        act: record::start,
    },
    Command {
        name: "record stop",
        arguments: "",
        about: "Record the products of the step, and write the signed link",
        flags: record::STOP,
        act: record::stop,
    },
    Command {
        name: "run",
        arguments: " -- [command]",
        about: "Run the command of a step, and write a signed link of what it used and made",
        flags: run::FLAGS,
        act: run::act,
    },
    Command {
        name: "sign",
        arguments: "",
        about: "Sign a layout or a link, or verify its signature",
        flags: sign::FLAGS,
        act: sign::act,
    },
    Command {
        name: "verify",
        arguments: "",
        about: "Verify that the steps of a signed layout were carried out as it says",
        flags: verify::FLAGS,
        act: verify::act,
    },
];

/// Commands that have others under them.
struct Group {
    name: &'static str,
    about: &'static str,
    /// The options that all of them have.
    flags: &'static [Flag],
}

const GROUPS: &[Group] = &[
    Group { name: "key", about: "Tell what a key goes by, and how a layout lists it", flags: &[] },
    Group {
        name: "record",
        about: "Record a step that is no single command: before it, and after it",
        flags: recording::COMMON,
    },
];

impl Command {
    /// Returns the group that it is of.
    fn group(&self) -> Option<&'static Group> {
        let (first, _) = self.name.split_once(' ')?;
        GROUPS.iter().find(|group| group.name == first)
    }
}

pub(super) fn main(arguments: &[String]) -> u8 {
    dispatch(arguments).unwrap_or_else(|message| {
        say(&message);
        1
    })
}

fn dispatch(arguments: &[String]) -> Result<u8, String> {
    let Some((first, rest)) = word(&[], arguments) else {
        return match parse(&[], arguments) {
            Err(Stop::Error(message)) => Err(message),
            _ => Ok(help_on("")),
        };
    };
    if first == "help" {
        // `in-toto help run` is `in-toto run --help`.
        return Ok(help_on(&rest.join(" ")));
    }
    if let Some(command) = COMMANDS.iter().find(|command| command.name == first) {
        return act(command, &rest);
    }
    let Some(group) = GROUPS.iter().find(|group| group.name == first) else {
        return Err(format!("unknown command {first:?} for \"in-toto\""));
    };
    if let Some((second, rest)) = word(group.flags, &rest) {
        let name = format!("{first} {second}");
        if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
            return act(command, &rest);
        }
    }
    match parse(&[group.flags], &rest) {
        Err(Stop::Error(message)) => Err(message),
        _ => Ok(help_on(first)),
    }
}

/// Finds the next word of a command, which may stand behind options, `in-toto record -n build start`, and
/// returns it with all other arguments.
///
/// What stands behind an option that is not known here is its value to cobra, and is passed over.
fn word<'a>(known: &[Flag], arguments: &'a [String]) -> Option<(&'a str, Vec<String>)> {
    let is_switch = |option: &str| {
        let named = |flag: &&Flag| match option.strip_prefix("--") {
            Some(long) => long == flag.name,
            None => option.chars().nth(1) == flag.short,
        };
        known.iter().find(named).is_some_and(|flag| flag.takes == Takes::Nothing)
    };
    let mut takes_value = false;
    for (at, argument) in arguments.iter().enumerate() {
        if std::mem::take(&mut takes_value) {
            continue;
        }
        if argument == "--" {
            return None;
        }
        if !argument.starts_with('-') {
            let (before, after) = arguments.split_at_checked(at)?;
            let rest = before.iter().chain(after.get(1..)?).cloned().collect();
            return Some((argument, rest));
        }
        let is_short = argument.chars().count() == 2;
        takes_value = (argument.starts_with("--") || is_short)
            && !argument.contains('=')
            && !is_switch(argument);
    }
    None
}

fn act(command: &Command, arguments: &[String]) -> Result<u8, String> {
    match parse(command.flags, arguments) {
        Ok(parsed) => (command.act)(&parsed),
        Err(Stop::Help) => Ok(help_on(command.name)),
        Err(Stop::Error(message)) => Err(message),
    }
}
