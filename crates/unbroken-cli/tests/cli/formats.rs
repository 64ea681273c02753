//! The forms of a report, and what colours and silence do to it.

use crate::support::{Outcome, Sandbox};

const VERIFY: &str =
    "verify --layout root.layout --trust test-owner.pub --at 2026-01-01T00:00:00Z --link-dir";
/// A folder of links, the exit code that it leads to, and the code of its finding.
const VERDICTS: [(&str, i32, Option<&str>); 3] = [
    ("links", 0, None),
    ("links-extra", 1, Some("rule-disallow")),
    ("links-none", 1, Some("link-missing")),
];

#[test]
fn json_is_one_document_that_says_its_type() {
    let sandbox = Sandbox::of("chain");
    for (links, code, finding) in VERDICTS {
        let outcome = sandbox.run(&format!("{VERIFY} {links} --format json"));
        assert_eq!(outcome.code, Some(code));
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert!(report["mediaType"].is_string(), "{report}");
        if let Some(finding) = finding {
            assert!(outcome.stdout.contains(&format!("\"{finding}\"")), "{report}");
        }
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn sarif_names_the_finding_as_its_rule() {
    let sandbox = Sandbox::of("chain");
    for (links, code, finding) in VERDICTS {
        let outcome = sandbox.run(&format!("{VERIFY} {links} --format sarif"));
        assert_eq!(outcome.code, Some(code));
        let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(report["version"], "2.1.0");
        let first = &report["runs"][0]["results"][0]["ruleId"];
        assert_eq!(first.as_str(), finding, "{report}");
    }
}

#[test]
fn junit_closes_every_element_and_counts_failures() {
    let sandbox = Sandbox::of("chain");
    for (links, code, finding) in VERDICTS {
        let outcome = sandbox.run(&format!("{VERIFY} {links} --format junit"));
        assert_eq!(outcome.code, Some(code));
        assert!(outcome.stdout.starts_with("<?xml"), "{}", outcome.stdout);
        assert_well_formed(&outcome.stdout);
        assert_eq!(outcome.stdout.contains("<failure"), finding.is_some(), "{}", outcome.stdout);
    }
}

/// Checks that elements nest; attributes of this report hold no `<` or `>`.
fn assert_well_formed(xml: &str) {
    let mut open = Vec::new();
    for tag in xml.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.trim_matches('/').split_whitespace().next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{xml}");
        } else if !tag.ends_with('/') && !tag.starts_with(['?', '!']) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} in {xml}");
}

fn with_environment(sandbox: &Sandbox, line: &str, variables: &[(&str, &str)]) -> Outcome {
    let mut command = sandbox.unbroken(line);
    command.envs(variables.iter().copied());
    Outcome::of(command.output().unwrap())
}

#[test]
fn colour_is_forced_by_a_variable_and_taken_away_by_another() {
    let sandbox = Sandbox::of("chain");
    let line = format!("{VERIFY} links-extra");
    let escapes = |variables: &[(&str, &str)], line: &str| {
        with_environment(&sandbox, line, variables).stdout.contains('\u{1b}')
    };
    assert!(!escapes(&[], &line), "a pipe is no terminal");
    assert!(escapes(&[("CLICOLOR_FORCE", "1")], &line));
    assert!(!escapes(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &line));
    assert!(!escapes(&[("CLICOLOR_FORCE", "1")], &format!("{line} --color never")));
    assert!(escapes(&[("NO_COLOR", "1")], &format!("{line} --color always")));
}

#[test]
fn colour_changes_no_word() {
    let sandbox = Sandbox::of("chain");
    let plain = sandbox.run(&format!("{VERIFY} links-extra --color never")).stdout;
    let coloured = sandbox.run(&format!("{VERIFY} links-extra --color always")).stdout;
    let mut parts = coloured.split('\u{1b}');
    let mut stripped = parts.next().unwrap().to_owned();
    for part in parts {
        stripped.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(stripped, plain);
}

#[test]
fn machine_formats_are_never_coloured() {
    let sandbox = Sandbox::of("chain");
    for format in ["json", "sarif", "junit"] {
        let line = format!("{VERIFY} links-extra --color always --format {format}");
        assert!(!sandbox.run(&line).stdout.contains('\u{1b}'), "{format}");
    }
}

#[test]
fn a_locale_without_utf8_gets_ascii() {
    let sandbox = Sandbox::of("chain");
    let outcome = with_environment(&sandbox, &format!("{VERIFY} links-extra"), &[("LC_ALL", "C")]);
    assert!(outcome.stdout.is_ascii(), "{}", outcome.stdout);
}

#[test]
fn quiet_text_is_silent_and_the_code_stays() {
    let sandbox = Sandbox::of("chain");
    for (links, code, _) in VERDICTS {
        let outcome = sandbox.run(&format!("{VERIFY} {links} --quiet"));
        assert_eq!((outcome.code, &*outcome.stdout, &*outcome.stderr), (Some(code), "", ""));
    }
}
