//! Foreign text cannot act on whatever shows a report.

use unbroken_model::name::StepName;
use unbroken_report::{Colour, Detail, Glyphs, Report, TextStyle};
use unbroken_verify::Ending;

use crate::agreement::junit_failures;
use crate::world::{
    World, builder, built, evidence, file, image_digest_file, inspected, link, scanner, sources,
};

/// Text that steers terminals, turns writing around, hides, closes tags, or is wide.
const HOSTILE: &str = "\u{1b}[2K\u{1b}]0;pwn\u{7}\r\nPASS  all is well\u{202e}gnp.exe\u{200b}\u{9b}31m\
    ]]></failure><script>alert(1)</script>&\"'日本語日本語\u{ffff}\t\0";

/// A chain whose every free text is hostile.
fn hostile() -> Report {
    let mut world = World::sound();
    HOSTILE.clone_into(&mut world.layout.readme);
    let name = "a b\"><x y='1'>&日本語".parse::<StepName>().unwrap();
    world.layout.inspections[0].name = name;
    world.layout.inspections[0].run = vec![HOSTILE.to_owned()];
    let mut build = built(&sources());
    build.command = vec![HOSTILE.to_owned()];
    world.step_mut("build").expected_command = vec![format!("make {HOSTILE}")];
    let mut piece = evidence(&builder(), &build);
    piece.source = format!("links/{HOSTILE}.link");
    world.replace("build", vec![piece]);
    let report = [image_digest_file(), file("scan.json", "[]")];
    world.outcome = Some(inspected(&report, Ending::NotStarted(HOSTILE.to_owned()), HOSTILE));
    world.subject(&"ab".repeat(32)).report()
}

impl World {
    fn long_path(mut self) -> Self {
        let path = format!("src/{}", "deep/日本/".repeat(60) + "x");
        let files: Vec<_> = sources().into_iter().chain([file(&path, "x")]).collect();
        self.replace("build", vec![evidence(&builder(), &built(&files))]);
        self
    }
}

fn styles() -> Vec<TextStyle> {
    let mut styles = Vec::new();
    for width in [0, 40, 80, 100, 120] {
        for detail in [Detail::Brief, Detail::Full] {
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                styles.push(TextStyle { colour: Colour::Never, glyphs, detail, width });
            }
        }
    }
    styles
}

fn columns(line: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(line)
}

#[test]
fn nothing_steers_a_terminal() {
    let report = hostile();
    assert!(!report.is_verified());
    for style in styles() {
        let text = report.to_text(&style);
        assert!(text.contains("\\u{1b}") && text.contains("\\u{202e}"));
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
        assert!(!text.chars().any(|c| "\u{202e}\u{200b}\u{ffff}".contains(c)));
        // No foreign line feed begins a line that looks like a verdict.
        assert_eq!(text.lines().filter(|line| line.starts_with("PASS")).count(), 0);
        assert_eq!(text.lines().filter(|line| line.starts_with("FAIL")).count(), 1);
    }
}

#[test]
fn nothing_leaves_its_element() {
    assert_eq!(junit_failures(&hostile()), 1);
    let xml = hostile().to_junit();
    assert!(!xml.contains("<script>") && !xml.contains('\u{1b}') && !xml.contains('\u{202e}'));
    let sarif = hostile().to_sarif();
    assert!(!sarif.contains('\u{202e}') && !sarif.contains("\\u001b"));
}

#[test]
fn no_line_is_wider_than_it_may_be() {
    for report in [hostile(), World::sound().long_path().report(), World::sound().report()] {
        for style in styles() {
            for line in report.to_text(&style).lines() {
                assert!(columns(line) <= style.width.max(40), "{} columns: {line}", columns(line));
            }
        }
    }
}

#[test]
fn each_of_many_findings_is_told() {
    const MANY: usize = 1_000;
    let mut world = World::sound();
    let template = world.step_mut("scan").clone();
    for at in 0..MANY {
        let mut step = template.clone();
        step.name = format!("scan{at}").parse().unwrap();
        world.layout.steps.push(step);
    }
    let report = world.report();
    assert_eq!(report.findings().len(), MANY);
    assert_eq!(junit_failures(&report), MANY);
    let text = report.to_text(&TextStyle::default());
    assert_eq!(
        text.lines().filter(|line| line.ends_with("✗ no evidence · link-missing")).count(),
        MANY
    );
    assert!(text.contains("│ … and 995 more"));
}

#[test]
fn an_empty_link_is_no_trouble() {
    let mut world = World::sound();
    world.replace("scan", vec![evidence(&scanner(), &link("scan", &[], &[]))]);
    assert!(junit_failures(&world.report()) > 0);
}
