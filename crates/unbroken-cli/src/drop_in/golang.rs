//! `in-toto`: the program of in-toto-golang, with its subcommands, options, files and exit codes.

mod completion;
mod files;
mod key;
mod match_products;
mod pflag;
mod record;
mod recording;
mod run;
mod sign;
mod verify;

use std::fmt::Write;

use self::pflag::{Flag, Parsed, Stop, Takes, parse};
use super::log::{print, say};

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

const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        arguments: " -- [command]",
        about: "Run the command of a step, and write a signed link of what it used and made",
        flags: run::FLAGS,
        act: run::act,
    },
    Command {
        name: "record start",
        arguments: "",
        about: "Record the materials of a step, signed, in .<name>.<keyid prefix>.link-unfinished",
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
    Command {
        name: "match-products",
        arguments: "",
        about: "Check if local files match the products of a link, which is not verified",
        flags: match_products::FLAGS,
        act: match_products::act,
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
        name: "completion",
        arguments: " [bash|zsh|fish|powershell]",
        about: "Print a script that completes commands and options in a shell",
        flags: &[],
        act: completion::act,
    },
];

pub(super) fn main(arguments: &[String]) -> u8 {
    dispatch(arguments).unwrap_or_else(|message| {
        say(&message);
        1
    })
}

fn dispatch(arguments: &[String]) -> Result<u8, String> {
    let (first, rest) = match arguments.split_first() {
        // `in-toto help run` is `in-toto run --help`.
        Some((help, rest)) if help == "help" => return Ok(help_on(&rest.join(" "))),
        Some((first, rest)) => (first.as_str(), rest),
        None => return Ok(help_on("")),
    };
    if let Some(command) = COMMANDS.iter().find(|command| command.name == first) {
        return act(command, rest);
    }
    let is_group = COMMANDS.iter().any(|command| command.name.split(' ').next() == Some(first));
    if is_group {
        return group(first, rest);
    }
    match parse(&[], arguments) {
        Err(Stop::Help) => Ok(help_on("")),
        Err(Stop::Error(message)) => Err(message),
        Ok(_) => Err(format!("unknown command {first:?} for \"in-toto\"")),
    }
}

/// Finds the second word, which may stand behind options: `in-toto record -n build start`.
fn group(first: &str, arguments: &[String]) -> Result<u8, String> {
    let is_of_group = |command: &&Command| command.name.split(' ').next() == Some(first);
    let all: Vec<&'static [Flag]> =
        COMMANDS.iter().filter(is_of_group).flat_map(|command| command.flags).copied().collect();
    let mut takes_value = false;
    for (at, argument) in arguments.iter().enumerate() {
        if std::mem::take(&mut takes_value) {
            continue;
        }
        if argument.starts_with('-') {
            takes_value = !argument.contains('=') && wants_value(&all, argument);
            continue;
        }
        let name = format!("{first} {argument}");
        let Some(command) = COMMANDS.iter().find(|command| command.name == name) else { break };
        let (before, after) = arguments.split_at_checked(at).unwrap_or_default();
        let rest = before.iter().chain(after.get(1..).unwrap_or_default()).cloned();
        return act(command, &rest.collect::<Vec<_>>());
    }
    match parse(&all, arguments) {
        Err(Stop::Error(message)) => Err(message),
        _ => Ok(help_on(first)),
    }
}

/// Tells whether the argument behind an option is its value.
fn wants_value(flags: &[&'static [Flag]], option: &str) -> bool {
    let named = |flag: &&Flag| {
        option.strip_prefix("--") == Some(flag.name)
            || option.strip_prefix('-').is_some_and(|short| {
                let mut letters = short.chars();
                letters.next() == flag.short && flag.short.is_some() && letters.next().is_none()
            })
    };
    let flag = flags.iter().flat_map(|flags| flags.iter()).find(named);
    flag.is_some_and(|flag| flag.takes != Takes::Nothing)
}

fn act(command: &Command, arguments: &[String]) -> Result<u8, String> {
    match parse(command.flags, arguments) {
        Ok(parsed) => (command.act)(&parsed),
        Err(Stop::Help) => Ok(help_on(command.name)),
        Err(Stop::Error(message)) => Err(message),
    }
}

/// Prints the help of a command, or of all whose words begin like this.
fn help_on(name: &str) -> u8 {
    let mut out = String::new();
    // Writing to a String cannot fail.
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        let Command { about, arguments, flags, .. } = command;
        let _ = write!(out, "{about}\n\nUsage:\n  in-toto {name}{arguments} [flags]\n\nFlags:\n");
        for flag in flags.iter().flat_map(|flags| flags.iter()) {
            let short = flag.short.map_or_else(|| "    ".to_owned(), |short| format!("-{short}, "));
            let value = match flag.takes {
                Takes::Nothing => "",
                Takes::One => " string",
                Takes::Each => " stringArray",
                Takes::Commas => " strings",
            };
            let option = format!("{}{value}", flag.name);
            let _ = writeln!(out, "  {short}--{option:<38} {}", flag.help);
        }
        let _ = writeln!(out, "  -h, --{:<38} help for {name}", "help");
    } else {
        let _ = write!(
            out,
            "The program of in-toto-golang, as unbroken {} does it\n\nUsage:\n  in-toto {}[command]\n\nAvailable Commands:\n",
            env!("CARGO_PKG_VERSION"),
            if name.is_empty() { String::new() } else { format!("{name} ") }
        );
        for command in COMMANDS.iter().filter(|command| command.name.starts_with(name)) {
            let _ = writeln!(out, "  {:<15} {}", command.name, command.about);
        }
    }
    print(&out);
    0
}
