//! Earlier layouts and links: what is kept between verifications, and what links are bound to.

use crate::support::{Outcome, Sandbox};

/// A chain whose layout has a version and whose link is bound to it.
struct Site(Sandbox);

impl Site {
    fn new() -> Self {
        let site = Self(Sandbox::of("chain"));
        site.layout(2, "root.layout");
        site.run("--bind root.layout --nonce run-7", "made");
        site
    }

    /// Signs the layout of this version.
    fn layout(&self, version: u32, name: &str) {
        let text = String::from_utf8(self.0.read("bare.layout")).unwrap();
        let readme = format!("tests.\\nunbroken: layout-version {version}\"");
        let changed = text.replacen("tests.\"", &readme, 1);
        assert_ne!(text, changed, "{text}");
        self.0.write(name, &changed);
        self.0.succeed(&format!("sign {name} --key test-owner"));
    }

    fn run(&self, options: &str, folder: &str) {
        std::fs::create_dir_all(self.0.file(folder)).unwrap();
        self.0.succeed(&format!(
            "run build --key test-builder -d {folder} {options} --materials app.c --products app app.c -- true"
        ));
    }

    fn verify(&self, layout: &str, options: &str) -> Outcome {
        self.0.run(&format!("verify -l {layout} -t test-owner.pub -d made {options}"))
    }
}

#[test]
fn a_state_file_lets_no_earlier_layout_pass_again() {
    let site = Site::new();
    let state = || site.0.read("state.json");
    let first = site.verify("root.layout", "--state state.json");
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(first.stdout.contains("version 2 · first seen"), "{}", first.stdout);
    let kept = state();
    assert!(String::from_utf8_lossy(&kept).contains("\"version\": 2"));

    let again = site.verify("root.layout", "--state state.json");
    assert_eq!(again.code, Some(0));
    assert!(again.stdout.contains("version 2 · pinned"), "{}", again.stdout);

    site.layout(1, "earlier.layout");
    let earlier = site.verify("earlier.layout", "--state state.json");
    assert_eq!(earlier.code, Some(1));
    assert!(earlier.stdout.contains("layout-replayed"), "{}", earlier.stdout);
    assert_eq!(state(), kept, "a failure changes nothing");
    assert_eq!(site.verify("earlier.layout", "").code, Some(0));
    let named = site.verify("earlier.layout", "--state state.json --layout-name other");
    assert_eq!(named.code, Some(0), "the name is another layout's");

    site.layout(3, "later.layout");
    assert_eq!(site.verify("later.layout", "--state state.json").code, Some(0));
    assert_eq!(site.verify("root.layout", "--state state.json").code, Some(1));
}

#[test]
fn nothing_is_kept_of_a_layout_whose_chain_fails() {
    let site = Site::new();
    let digest = format!("sha256:{}", "ab".repeat(32));
    for options in
        ["-d links-none", "--nonce run-8 --require-binding", &format!("--subject {digest}")]
    {
        let outcome = site.0.run(&format!(
            "verify -l root.layout -t test-owner.pub --state state.json {} {options}",
            if options.starts_with("-d") { "" } else { "-d made" }
        ));
        assert_eq!(outcome.code, Some(1), "{options}");
        assert!(!site.0.file("state.json").exists(), "{options}");
    }
}

#[test]
fn a_state_file_that_is_damaged_or_cannot_be_written_is_no_verdict() {
    let site = Site::new();
    site.0.write("state.json", "{}");
    let damaged = site.verify("root.layout", "--state state.json");
    assert_eq!((damaged.code, damaged.stdout.as_str()), (Some(3), ""));
    assert!(damaged.stderr.contains("state.json cannot be used"), "{}", damaged.stderr);
    let nowhere = site.verify("root.layout", "--state nowhere/state.json");
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (Some(3), ""));
}

#[test]
fn a_lowest_version_needs_no_memory() {
    let site = Site::new();
    for (lowest, code) in [(1, 0), (2, 0), (3, 1)] {
        let outcome = site.verify("root.layout", &format!("--min-layout-version {lowest}"));
        assert_eq!(outcome.code, Some(code), "{}", outcome.stdout);
    }
    assert_eq!(site.verify("root.layout", "--min-layout-version 0").code, Some(2));
}

#[test]
fn links_are_bound_to_layout_run_and_time() {
    let site = Site::new();
    let link = String::from_utf8(site.0.read("made/build.b45c9cd0.link")).unwrap();
    for member in ["bound_layout_sha256", "\"bound_nonce\": \"run-7\"", "bound_time"] {
        assert!(link.contains(member), "{link}");
    }
    let with = |options: &str| {
        let outcome = site.verify("root.layout", &format!("--require-binding {options}"));
        (outcome.code, outcome.stdout)
    };
    for options in
        ["", "--nonce run-7", "--link-max-age 3600", "--links-not-before 2026-01-01T00:00:00Z"]
    {
        let (code, said) = with(options);
        assert_eq!(code, Some(0), "{options}: {said}");
        assert!(!said.contains("UNBOUND"), "{said}");
    }
    for (options, finding) in [
        ("--nonce run-8", "link-bound-elsewhere"),
        ("--links-not-before 2100-01-01T00:00:00Z", "link-time-refused"),
        ("--link-max-age 60 --at 2029-12-31T00:00:00Z", "link-time-refused"),
        ("--link-max-age 60 --at 2026-01-01T00:00:00Z", "link-time-refused"),
    ] {
        let (code, said) = with(options);
        assert_eq!(code, Some(1), "{options}: {said}");
        assert!(said.contains(finding), "{options}: {said}");
    }
    // A layout that was renewed is another one.
    site.layout(3, "later.layout");
    let later = site.verify("later.layout", "--require-binding");
    assert!(later.code == Some(1) && later.stdout.contains("link-bound-elsewhere"));
    let unasked = site.verify("later.layout", "");
    assert!(unasked.code == Some(0) && unasked.stdout.contains("warning[link-bound-elsewhere]"));
}

#[test]
fn a_recording_is_bound_when_it_is_started() {
    let site = Site::new();
    let key = "--key test-builder -d recorded";
    std::fs::create_dir(site.0.file("recorded")).unwrap();
    site.0.succeed(&format!("record start build {key} --bind root.layout --materials app.c"));
    site.0.succeed(&format!("record stop build {key} --products app app.c"));
    let verify = "verify -l root.layout -t test-owner.pub -d recorded --require-binding";
    site.0.succeed(&format!("{verify} --link-max-age 3600"));
    assert_eq!(site.0.run(&format!("{verify} --nonce run-7")).code, Some(1));
}

#[test]
fn a_binding_that_cannot_be_made_is_told_before_the_work() {
    let site = Site::new();
    let run = "run build --key test-builder --materials app.c";
    for (options, said) in [
        ("--bind app.c", "app.c is no layout"),
        ("--bind links/build.b45c9cd0.link", "is no layout"),
        ("--bind none.layout", "cannot read none.layout"),
        ("--nonce run-7", "--bind <LAYOUT>"),
        ("--bind root.layout --nonce=", "a nonce is one word"),
    ] {
        let outcome = site.0.run(&format!("{run} {options} -- touch worked"));
        assert_ne!(outcome.code, Some(0));
        assert!(outcome.stderr.contains(said), "{options}: {}", outcome.stderr);
        assert!(!site.0.file("worked").exists());
    }
}

#[test]
fn a_chain_that_is_judged_up_to_a_step_is_never_verified() {
    let site = Site::new();
    let partial = site.verify("root.layout", "--up-to build --state state.json");
    assert_eq!(partial.code, Some(0), "{}", partial.stderr);
    assert!(partial.stdout.contains("PARTIAL"), "{}", partial.stdout);
    assert!(!partial.stdout.contains("PASS"));
    assert!(!site.0.file("state.json").exists(), "what is not verified is not kept");
    let json = site.verify("root.layout", "--up-to build --format json").stdout;
    assert!(json.contains("\"verdict\": \"partial\"") && json.contains("\"upTo\": \"build\""));
    let sarif = site.verify("root.layout", "--up-to build --format sarif").stdout;
    assert!(sarif.contains("\"verdict\": \"partial\""));
    let junit = site.verify("root.layout", "--up-to build --format junit").stdout;
    assert!(junit.contains("<skipped") && !junit.contains("<failure"), "{junit}");

    let none = site.verify("root.layout", "--up-to scan");
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("the layout has no step scan"), "{}", none.stderr);
    let digest = format!("sha256:{}", "ab".repeat(32));
    assert_eq!(
        site.verify("root.layout", &format!("--up-to build --subject {digest}")).code,
        Some(2)
    );
    let missing = site.0.run("verify -l root.layout -t test-owner.pub -d links-none --up-to build");
    assert_eq!(missing.code, Some(1));
    assert!(missing.stdout.contains("link-missing") && missing.stdout.contains("FAIL"));
}
