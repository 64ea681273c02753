//! The pure rooms neither read files nor open sockets, run processes, ask the environment or the clock.

use std::path::PathBuf;

use crate::source::{code_lines, files, read, root};

const PURE_ROOMS: [&str; 4] = ["model", "crypto", "verify", "report"];

/// What `clippy.toml` of a pure room must ban by name.
const BANS: [&str; 6] = [
    "\"std::fs::",
    "\"std::net::",
    "\"std::process::",
    "\"std::env::",
    "\"std::time::SystemTime::now\"",
    "\"std::time::Instant::now\"",
];

fn room(name: &str) -> PathBuf {
    root().join("crates").join(format!("unbroken-{name}"))
}

#[test]
fn clippy_bans_the_outside_world_in_pure_rooms() {
    for name in PURE_ROOMS {
        let text = read(&room(name).join("clippy.toml"));
        for ban in BANS {
            assert!(text.contains(ban), "clippy.toml of {name} does not ban {ban}..");
        }
    }
}

/// clippy bans named items; a module has more of them than any list. This looks at the modules.
fn reaches_outside(line: &str) -> bool {
    let modules = ["fs", "net", "process", "env"];
    let named = modules.iter().any(|module| {
        line.split(&format!("std::{module}"))
            .skip(1)
            .any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    });
    // `use std::{fs, io}` hides the module behind a brace.
    let grouped = line.contains("std::{")
        && line
            .split(|part: char| !(part.is_alphanumeric() || part == '_'))
            .any(|word| modules.contains(&word));
    let clock = line.contains("::now(");
    named || grouped || clock
}

#[test]
fn code_of_pure_rooms_names_no_module_of_the_outside_world() {
    for name in PURE_ROOMS {
        for file in files(&room(name).join("src"), ".rs") {
            for (number, line) in code_lines(&read(&file)) {
                assert!(!reaches_outside(line), "{}:{number}: {}", file.display(), line.trim());
            }
        }
    }
}

#[test]
fn the_ways_outside_are_recognised() {
    for line in [
        "use std::fs::File;",
        "use std::{collections::BTreeMap, net};",
        "let home = std::env::var(\"HOME\");",
        "let now = Timestamp::now();",
    ] {
        assert!(reaches_outside(line), "{line}");
    }
    for line in
        ["use std::fmt;", "use std::{fmt, str};", "let crate_name = env!(\"CARGO_PKG_NAME\");"]
    {
        assert!(!reaches_outside(line), "{line}");
    }
}
