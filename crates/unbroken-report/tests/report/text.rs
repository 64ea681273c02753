//! The text, held to files that people have read.

use snapbox::{assert_data_eq, file};
use unbroken_model::layout::Layout;
use unbroken_report::{Colour, Detail, Glyphs, Report, TextStyle};
use unbroken_verify::{Ending, FindingCode};

use crate::world::{
    Evidence, World, alice, builder, built, evidence, file, image_digest_file, inspected, key,
    layout, link, rules, scanner, signed, sources, stem, step,
};

fn text(report: &Report) -> String {
    report.to_text(&TextStyle::default())
}

fn full(report: &Report) -> String {
    report.to_text(&TextStyle { detail: Detail::Full, ..TextStyle::default() })
}

fn codes(report: &Report) -> Vec<FindingCode> {
    report.findings().iter().map(|finding| finding.code).collect()
}

/// A chain whose builder used one changed file and one that nobody made.
pub(crate) fn changed_file() -> World {
    let mut world = World::sound();
    let mut tampered = sources();
    tampered[1] = file("src/app/main.py", "print('evil')");
    tampered.push(file("src/app/.evil.so", "evil"));
    world.replace("build", vec![evidence(&builder(), &built(&tampered))]);
    world
}

/// A chain without evidence of its build.
pub(crate) fn missing_link() -> World {
    let mut world = World::sound();
    world.replace("build", Vec::new());
    world
}

/// A chain whose scan is signed by the builder and by a stranger.
pub(crate) fn unauthorised() -> World {
    let mut world = World::sound();
    let report = [image_digest_file(), file("scan.json", "[]")];
    let scan = link("scan", &[image_digest_file()], &report);
    world.replace("scan", vec![evidence(&builder(), &scan), evidence(&key(9), &scan)]);
    world
}

/// A chain whose inspection found something.
pub(crate) fn failed_inspection() -> World {
    let mut world = World::sound();
    let report = [image_digest_file(), file("scan.json", "[]")];
    let output = "scan.json: 2 critical vulnerabilities\n\
                  CVE-2026-31337\topenssl 3.0.11, fixed in 3.0.15\n\
                  CVE-2026-20002\tlog4j-core 2.14.1, fixed in 2.17.1\n";
    world.outcome = Some(inspected(&report, Ending::Exited(1), output));
    world
}

/// A chain whose build is divided further, with a fault inside.
pub(crate) fn sublayout() -> World {
    let mut world = World::sound();
    let steps = vec![
        step("compile", &[&scanner()], &["ALLOW src/*", "DISALLOW *"], &["ALLOW *"]),
        step("pack", &[&alice()], &["ALLOW *"], &["ALLOW *"]),
    ];
    let inner: Layout = layout(steps, Vec::new(), &[&scanner(), &alice()]);
    let stem = stem("build", &builder());
    let piece = Evidence {
        step: "build".parse().unwrap(),
        source: format!("links/{stem}.link"),
        bytes: signed(&inner, &builder()),
        folder: None,
    };
    let mut below = evidence(&scanner(), &link("compile", &sources(), &sources()));
    below.folder = Some(stem);
    world.replace("build", vec![piece, below]);
    world
}

#[test]
fn a_chain_that_passes() {
    let report = World::sound().subject(crate::world::IMAGE).report();
    assert!(report.is_verified());
    assert_data_eq!(text(&report), file!["snapshots/pass.txt"].raw());
}

#[test]
fn everything_about_a_chain_that_passes() {
    assert_data_eq!(full(&World::sound().report()), file!["snapshots/pass-full.txt"].raw());
}

#[test]
fn a_file_that_changed_between_two_steps() {
    let report = changed_file().report();
    assert!(codes(&report).iter().all(|code| *code == FindingCode::RuleDisallow));
    assert_data_eq!(text(&report), file!["snapshots/changed-file.txt"].raw());
    assert_data_eq!(full(&report), file!["snapshots/changed-file-full.txt"].raw());
}

#[test]
fn a_step_without_evidence() {
    let report = missing_link().report();
    assert_eq!(codes(&report), [FindingCode::LinkMissing]);
    assert_data_eq!(text(&report), file!["snapshots/missing-link.txt"].raw());
}

#[test]
fn evidence_of_somebody_who_may_not_give_it() {
    let report = unauthorised().report();
    assert_data_eq!(text(&report), file!["snapshots/unauthorised.txt"].raw());
}

#[test]
fn an_inspection_that_failed() {
    let report = failed_inspection().report();
    assert_eq!(codes(&report), [FindingCode::InspectionFailed]);
    assert_data_eq!(text(&report), file!["snapshots/failed-inspection.txt"].raw());
}

#[test]
fn a_layout_past_its_end() {
    let mut world = World::sound().subject(crate::world::IMAGE);
    world.now = "2027-06-03T09:00:00Z".parse().unwrap();
    let report = world.report();
    assert_eq!(codes(&report), [FindingCode::LayoutExpired]);
    assert_data_eq!(text(&report), file!["snapshots/expired.txt"].raw());
}

#[test]
fn a_layout_of_somebody_else() {
    let mut world = World::sound();
    world.layout_signer = key(9);
    assert_data_eq!(text(&world.report()), file!["snapshots/foreign-layout.txt"].raw());
}

#[test]
fn an_image_of_another_chain() {
    let report = World::sound().subject(&"ab".repeat(32)).report();
    assert!(!report.is_verified());
    assert_eq!(codes(&report), [FindingCode::SubjectNotCovered]);
    assert_data_eq!(text(&report), file!["snapshots/other-image.txt"].raw());
}

#[test]
fn a_sublayout_with_a_fault_inside() {
    assert_data_eq!(text(&sublayout().report()), file!["snapshots/sublayout.txt"].raw());
}

#[test]
fn findings_of_one_shape_are_shown_together() {
    let mut world = World::sound();
    let many: Vec<_> = (0..47).map(|at| file(&format!("src/gen/{at:02}.c"), "x")).collect();
    let all: Vec<_> = sources().into_iter().chain(many).collect();
    world.replace("build", vec![evidence(&builder(), &built(&all))]);
    assert_data_eq!(text(&world.report()), file!["snapshots/many-files.txt"].raw());
}

#[test]
fn rules_that_say_the_same_are_summed_up() {
    let mut world = World::sound();
    let each = ["CREATE src/Dockerfile", "ALLOW src/app/util.py", "CREATE src/*", "DISALLOW *"];
    world.step_mut("checkout").expected_products = rules(&each);
    assert!(text(&world.report()).contains("3 out (2 created, 1 allowed)\n"));
}

#[test]
fn ascii_and_narrow() {
    let style = TextStyle { glyphs: Glyphs::Ascii, width: 60, ..TextStyle::default() };
    let drawn = changed_file().report().to_text(&style);
    assert!(drawn.is_ascii());
    assert_data_eq!(drawn, file!["snapshots/changed-file-ascii-60.txt"].raw());
}

#[test]
fn colours_stand_beside_the_same_words() {
    for world in [World::sound(), changed_file(), unauthorised()] {
        let report = world.report();
        let coloured =
            report.to_text(&TextStyle { colour: Colour::Always, ..TextStyle::default() });
        assert!(coloured.contains("\u{1b}["));
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, code)) = rest.split_once("\u{1b}[") {
            plain.push_str(before);
            rest = code.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        assert_eq!(plain, text(&report));
    }
}
