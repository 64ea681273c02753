//! Signed links in place of running inspections: which are asked for, and what is told of them.

use unbroken_crypto::KeySet;
use unbroken_testkit::{Case, Chain, Draft, keys, link};
use unbroken_verify::{
    AwaitingInspections, InspectionCommands, Inspectors, Judgement, LinkBond, NamedEvidence,
    Product, Submission,
};

use crate::{rejected, the, warned};

const NAME: &str = "no-critical";
const FILES: [(&str, &str); 2] =
    [("image.tar", "the layers of an image"), ("report.json", "{\"critical\": 0}\n")];

/// The link of the inspection, signed by nobody.
fn draft() -> Draft {
    let mut draft = Draft::of(&link(NAME, &FILES, &FILES));
    draft.set_json("command", r#"["grep", "-q", "\"critical\": 0", "report.json"]"#);
    draft
}

/// The pipeline where no command runs, with this link of its inspection.
fn handed_in(draft: Draft) -> Chain {
    let mut chain = Chain::pipeline();
    chain.options.inspections = InspectionCommands::Never;
    chain.forget_outcome(NAME);
    chain.put(keys::stem(NAME, "owner"), draft);
    chain
}

/// Judges the steps of a chain without sublayouts.
fn waiting(case: &Case) -> AwaitingInspections {
    let mut session = case.open().unwrap();
    let request = session.requests().remove(0);
    let named = case.evidence.iter().map(|(stem, bytes)| {
        NamedEvidence::new(&format!("{stem}.link"), stem.clone(), bytes.clone()).unwrap()
    });
    let named: Vec<NamedEvidence> = named.collect();
    let pieces: Vec<Submission<'_>> =
        named.iter().filter_map(|piece| piece.for_request(&request)).collect();
    session.submit_all(request.chain, &pieces);
    session.evaluate().unwrap()
}

#[test]
fn links_of_inspections_are_asked_for_where_somebody_may_sign_them() {
    let asked = |chain: &Chain| {
        let requests = chain.case().open().unwrap().requests();
        assert_eq!(requests.len(), 1);
        requests[0].inspections.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut chain = Chain::pipeline();
    assert_eq!(asked(&chain), [NAME]);
    chain.options.inspectors =
        Inspectors::AnyOf(KeySet::new([keys::key("auditor").public().clone()]));
    assert_eq!(asked(&chain), [NAME]);
    chain.options.inspectors = Inspectors::Nobody;
    assert!(asked(&chain).is_empty());
    // What has the name of a step is evidence of the step.
    let mut chain = Chain::pipeline();
    chain.layout.set("inspect/0/name", "scan");
    assert!(asked(&chain).is_empty());
}

#[test]
fn a_link_that_may_stand_in_is_known_before_the_product_is_asked_for() {
    let due = |waiting: &AwaitingInspections| {
        let due = waiting.requests().into_iter().map(|request| (request.name, request.run.len()));
        due.collect::<Vec<_>>()
    };
    let the_command = [(NAME.to_owned(), 4)];
    let none = waiting(&Chain::pipeline().case());
    assert!(!none.has_signed_links());
    assert_eq!(due(&none), the_command);

    for (by, counts) in [("owner", true), ("mallory", false)] {
        let mut chain = Chain::pipeline();
        chain.put(keys::stem(NAME, by), draft().signed_by(by));
        let case = chain.case();
        let mut one = waiting(&case);
        assert_eq!(one.has_signed_links(), counts, "{by}");
        assert_eq!(due(&one), the_command, "{by}: nothing stands in before it is looked at");
        one.stand_in(Product::Files(case.product.as_ref().unwrap()));
        assert_eq!(due(&one).is_empty(), counts, "{by}");
    }

    let mut chain = Chain::pipeline();
    chain.options.inspections = InspectionCommands::Never;
    assert!(due(&waiting(&chain.case())).is_empty());
}

#[test]
fn the_report_says_whose_link_stood_in_and_how_its_command_ended() {
    let chain = handed_in(draft().signed_by("owner"));
    let verified = chain.case().verify().unwrap();
    let inspection = &verified.assessment().chains[0].inspections[0];
    let stand_in = inspection.stand_in.as_ref().unwrap();
    assert_eq!(stand_in.source, format!("{}.link", keys::stem(NAME, "owner")));
    assert_eq!(stand_in.signers, [keys::key("owner").public().describe()]);
    assert_eq!(stand_in.bond, LinkBond::Unbound);
    assert_eq!(inspection.ending.as_deref(), Some("exit 0"));
    assert_eq!((inspection.isolated, inspection.judgement), (None, Judgement::Passed));

    for status in [1, -1, 3] {
        let mut failed = draft();
        failed.set("byproducts/return-value", status);
        let verdict = rejected(&handed_in(failed.signed_by("owner")), &["inspection-failed"]);
        let message = &the(&verdict, "inspection-failed").message;
        assert!(message.ends_with(&format!(": exit {status}")), "{message}");
    }
}

#[test]
fn what_is_wrong_with_a_link_is_why_it_stands_in_for_nothing() {
    let mut layout = draft();
    layout.set("_type", "layout");
    let mut other = draft();
    other.set("command/0", "true");
    let mut endless = draft();
    endless.remove("byproducts/return-value");
    let mut changed = draft().signed_by("owner");
    changed.tamper("image.tar", "image.tax");
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    let mallory = keys::id("mallory");
    let by_mallory = mallory.get(..8).unwrap();
    let owner = keys::key("owner").public().describe();
    let not_signed = format!("not signed by {owner}, who may inspect for this layout; ");
    for (piece, code, words) in [
        (Draft::raw("no JSON"), "link-malformed", ""),
        (Draft::raw(deep), "budget-exceeded", ""),
        (layout.signed_by("owner"), "payload-type-mismatch", ""),
        (other.signed_by("owner"), "inspection-link-refused", "the link is of the command"),
        (endless.signed_by("owner"), "inspection-link-refused", "how the command ended"),
        (draft().signed_by("mallory"), "inspector-not-authorised", by_mallory),
        (changed, "inspector-not-authorised", &not_signed),
    ] {
        let mut codes = [code, "inspection-not-run"];
        codes.sort_unstable();
        let verdict = rejected(&handed_in(piece.clone()), &codes);
        let finding = the(&verdict, code);
        assert!(finding.message.contains(words), "{code}: {}", finding.message);
        assert_eq!(finding.item.as_deref(), Some(NAME));

        // Where the command was run, it is a warning, but for what the verification could not afford.
        let mut chain = Chain::pipeline();
        chain.put(keys::stem(NAME, "owner"), piece);
        if code == "budget-exceeded" {
            rejected(&chain, &[code]);
        } else {
            warned(&chain, &[code]);
        }
    }
    let mut chain = handed_in(draft().signed_by("owner"));
    chain.options.inspectors = Inspectors::AnyOf(KeySet::new([]));
    let verdict = rejected(&chain, &["inspection-not-run", "inspector-not-authorised"]);
    let message = &the(&verdict, "inspector-not-authorised").message;
    assert!(message.contains("not signed by nobody, who may"), "{message}");
}

#[test]
fn evidence_has_its_place_by_its_name() {
    let mut root = Chain::pipeline().case().open().unwrap().requests().remove(0);
    let piece = |name: &str| NamedEvidence::new(name, "here".to_owned(), b"bytes".to_vec());
    let build = piece("build.210dcc50.link").unwrap();
    let submission = build.for_request(&root).unwrap();
    assert_eq!((submission.step.as_str(), submission.stem), ("build", "build.210dcc50"));
    assert_eq!((submission.source, submission.bytes), ("here", &b"bytes"[..]));
    assert!(piece("no-critical.210dcc50.link").unwrap().for_request(&root).is_some());
    assert!(piece("other.210dcc50.link").unwrap().for_request(&root).is_none());
    assert!(piece("a/build.210dcc50.link").unwrap().for_request(&root).is_none());
    for name in ["build.link", "build.210dcc50", "", "build.210dcc50.link/"] {
        assert!(piece(name).is_none(), "{name}");
    }

    // Folders of sublayouts: each has one of its names, and there are as many.
    root.folders = vec![vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]];
    for (folder, lies_there) in [
        ("a/c/", true),
        ("b/c/", true),
        ("", false),
        ("a/", false),
        ("c/a/", false),
        ("a/d/", false),
        ("a/c/c/", false),
    ] {
        let piece = piece(&format!("{folder}build.210dcc50.link")).unwrap();
        assert_eq!(piece.for_request(&root).is_some(), lies_there, "{folder}");
    }
}
