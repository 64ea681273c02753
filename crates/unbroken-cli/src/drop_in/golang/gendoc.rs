//! `in-toto gendoc`: the helps as pages in Markdown, named and parted as cobra writes them.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use super::help::{ABOUT, HELP, options, usage};
use super::pflag::{Flag, Parsed, Takes};
use super::recording::write;
use super::{COMMANDS, Command, GROUPS, Group};

pub(super) const FLAGS: &[&[Flag]] = &[&[Flag::new(
    "dir",
    Some('d'),
    Takes::One,
    "folder of the pages, which must be there; by default doc",
)]];

/// What a page is about.
struct Topic {
    /// `record start`; of the program itself nothing.
    name: &'static str,
    about: &'static str,
    /// The command, if it is one and no group.
    command: Option<&'static Command>,
    options: Vec<&'static Flag>,
    inherited: &'static [Flag],
}

pub(super) fn act(parsed: &Parsed) -> Result<u8, String> {
    if let Some(word) = parsed.words.first() {
        return Err(format!("unknown command {word:?} for \"in-toto gendoc\""));
    }
    let folder = if parsed.has("dir") { parsed.one("dir").unwrap_or_default() } else { "doc" };
    let topics = topics();
    for topic in &topics {
        let path = Path::new(folder).join(file_name(topic.name));
        // Go says `doc` of `./doc//`.
        let path: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
        write(&path.to_string_lossy(), page(topic, &topics).as_bytes())?;
    }
    Ok(0)
}

/// Lists all topics in the order in which cobra writes their pages: what is under one comes before it.
fn topics() -> Vec<Topic> {
    let of_command = |command: &'static Command| {
        let inherited = command.group().map_or(Default::default(), |group| group.flags);
        let is_own = |flag: &&Flag| inherited.iter().all(|other| other.name != flag.name);
        let own = command.flags.iter().copied().flatten().filter(is_own);
        let Command { name, about, .. } = command;
        let options = own.chain([&HELP]).collect();
        Topic { name, about, command: Some(command), options, inherited }
    };
    let of_group = |group: &'static Group| {
        let options = group.flags.iter().chain([&HELP]).collect();
        Topic { name: group.name, about: group.about, command: None, options, inherited: &[] }
    };
    let program =
        Topic { name: "", about: ABOUT, command: None, options: vec![&HELP], inherited: &[] };
    let mut topics: Vec<Topic> = COMMANDS.iter().map(of_command).collect();
    topics.extend(GROUPS.iter().map(of_group).chain([program]));
    // A tilde comes behind all letters, and behind the space in `record start`.
    topics.sort_by_cached_key(|topic| format!("{}~", topic.name));
    topics
}

fn page(topic: &Topic, topics: &[Topic]) -> String {
    let mut out = format!("## {}\n\n{}\n\n", called(topic.name), topic.about);
    // Writing to a String cannot fail.
    if let Some(command) = topic.command {
        let _ = write!(out, "```\n{}\n```\n\n", usage(command));
    }
    let _ = write!(out, "### Options\n\n```\n{}```\n\n", options(topic.options.iter().copied()));
    if !topic.inherited.is_empty() {
        let inherited = options(topic.inherited);
        let _ =
            write!(out, "### Options inherited from parent commands\n\n```\n{inherited}```\n\n");
    }
    let above = topics.iter().filter(|other| parent(topic.name) == Some(other.name));
    let below = topics.iter().filter(|other| parent(other.name) == Some(topic.name));
    out.push_str("### SEE ALSO\n\n");
    for Topic { name, about, .. } in above.chain(below) {
        let _ = writeln!(out, "* [{}]({})\t - {about}", called(name), file_name(name));
    }
    out.push('\n');
    out
}

/// The topic that another is under.
fn parent(name: &str) -> Option<&str> {
    match name.rsplit_once(' ') {
        Some((parent, _)) => Some(parent),
        None => (!name.is_empty()).then_some(""),
    }
}

fn called(name: &str) -> String {
    format!("in-toto {name}").trim_end().to_owned()
}

fn file_name(name: &str) -> String {
    format!("{}.md", called(name).replace(' ', "_"))
}
