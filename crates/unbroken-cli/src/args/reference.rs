//! Holds `docs/cli-reference.md` to the tree of arguments.

use std::fmt::Write;

use clap::builder::PossibleValue;
use clap::{Arg, Command, CommandFactory};

use super::Cli;

const HEAD: &str = "# Command-line reference

What `--help` prints, on one page. It is written from the program:
`UPDATE=1 cargo test -p unbroken-cli reference` writes it anew, and a test fails where it differs.
";

#[test]
fn the_reference_is_what_the_program_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli-reference.md");
    let mut root = Cli::command();
    root.build();
    let mut page = HEAD.to_owned();
    describe(&root, &mut page);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap();
    assert!(there == page, "{path} is not what the program says; UPDATE=1 writes it anew");
}

/// Writes the section of a command and those of its subcommands.
fn describe(command: &Command, out: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_long_about().or(command.get_about()).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    write!(out, "\n## {name}\n\n{about}\n\n```text\n{usage}\n```\n").unwrap();

    let visible: Vec<&Command> =
        command.get_subcommands().filter(|sub| !sub.is_hide_set()).collect();
    if !visible.is_empty() {
        out.push_str("\n| command | does |\n| --- | --- |\n");
        for sub in &visible {
            let name = sub.get_bin_name().unwrap_or(sub.get_name());
            let link = name.replace(' ', "-");
            let about = sub.get_about().unwrap_or_default();
            writeln!(out, "| [`{name}`](#{link}) | {about} |").unwrap();
        }
    }

    // Options of every command stand with the first alone.
    let root = !name.contains(' ');
    let own = |arg: &&Arg| !arg.is_hide_set() && (root || !arg.is_global_set());
    let rows: Vec<String> = command.get_arguments().filter(own).filter_map(row).collect();
    if !rows.is_empty() {
        out.push_str("\n| argument | means |\n| --- | --- |\n");
        out.push_str(&rows.concat());
    }
    if let Some(examples) = command.get_after_help() {
        write!(out, "\n```text\n{examples}\n```\n").unwrap();
    }
    for sub in visible {
        describe(sub, out);
    }
}

/// Writes the row of an argument; help and version are the same everywhere.
fn row(arg: &Arg) -> Option<String> {
    if matches!(arg.get_id().as_str(), "help" | "version") {
        return None;
    }
    let mut means = arg.get_long_help().or(arg.get_help()).unwrap_or_default().to_string();
    let takes_value = arg.get_action().takes_values();
    let values = arg.get_possible_values();
    if takes_value && !values.is_empty() && !arg.is_hide_possible_values_set() {
        let names: Vec<String> = values.iter().map(value).collect();
        write!(means, "; one of {}", names.join(", ")).unwrap();
    }
    if takes_value && !arg.is_hide_default_value_set() && !arg.get_default_values().is_empty() {
        let defaults: Vec<_> =
            arg.get_default_values().iter().map(|value| value.display().to_string()).collect();
        write!(means, "; by default `{}`", defaults.join(" ")).unwrap();
    }
    let means = means.replace('\n', " ").replace('|', "\\|").replace('*', "\\*");
    let short = arg.get_short().map_or_else(String::new, |short| format!("`-{short}`, "));
    Some(format!("| {short}`{arg}` | {means} |\n"))
}

fn value(value: &PossibleValue) -> String {
    let name = value.get_name();
    value.get_help().map_or_else(|| format!("`{name}`"), |help| format!("`{name}` ({help})"))
}
