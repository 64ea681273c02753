//! Help fits a screen, and each command has its snapshot.

use crate::support::{Sandbox, cases};

/// Lines and columns of a screen that short help must fit.
const SCREEN: (usize, usize) = (40, 100);

/// Finds the subcommands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn short_help_of_every_command_fits_a_screen_and_has_a_snapshot() {
    let sandbox = Sandbox::of("source");
    let mut commands = vec![String::new()];
    let mut seen = 0;
    while let Some(command) = commands.pop() {
        let help = sandbox.succeed(&format!("{command} -h")).stdout;
        let (lines, columns) = SCREEN;
        assert!(help.lines().count() <= lines, "{command}: {} lines", help.lines().count());
        let widest = help.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= columns, "{command}: {widest}");
        let name = if command.is_empty() { "root" } else { command.trim() };
        let snapshot = cases().join("help").join(name.replace(' ', "-")).with_extension("toml");
        assert!(snapshot.is_file(), "{} is missing", snapshot.display());
        seen += 1;
        commands.extend(listed(&help).into_iter().map(|sub| format!("{command} {sub}")));
    }
    assert!(seen >= 15, "only {seen} commands were found");
}

#[test]
fn every_command_has_cases() {
    let sandbox = Sandbox::of("source");
    for command in listed(&sandbox.succeed("-h").stdout) {
        // demo.rs runs the demo whole.
        if command != "demo" {
            assert!(cases().join(&command).is_dir(), "tests/cmd/{command} is missing");
        }
    }
}
