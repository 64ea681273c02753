//! Evidence beside an image: attached, found, and not confused by what others put there.

use unbroken_oci::attach::{Piece, attach};
use unbroken_oci::classify::Kind;
use unbroken_oci::content::Content;
use unbroken_oci::evidence::{Scope, find};
use unbroken_oci::image_layout::ImageLayout;
use unbroken_oci::limits::Limits;
use unbroken_oci::manifest::{Due, Fetched};
use unbroken_oci::reference::Selector;
use unbroken_oci::referrers::fallback_tag;
use unbroken_oci::registry::Settings;
use unbroken_oci::{Result, media_type};
use unbroken_testkit::registry::{INDEX, MANIFEST, Referrers, Reply, TestRegistry};

use crate::support::{kind, repository, repository_with, status};

fn link(step: &str) -> Piece {
    let text = format!(
        r#"{{"signatures":[{{"keyid":"c5e52e1b","sig":"ab"}}],"signed":{{"_type":"link","name":"{step}"}}}}"#
    );
    let title = format!("{step}.c5e52e1b.link");
    Piece { title, media_type: None, bytes: text.into_bytes() }
}

fn image(content: &dyn Content) -> Fetched {
    content.manifest(&Selector::Tag("1.0".to_owned())).unwrap()
}

fn attach_links(content: &dyn Content, steps: &[&str]) -> Result<usize> {
    let pieces: Vec<Piece> = steps.iter().map(|step| link(step)).collect();
    attach(content, &image(content).descriptor, &pieces).map(|attached| attached.len())
}

fn titles(content: &dyn Content) -> Vec<String> {
    let found = find(content, &image(content), Scope::Chain).unwrap();
    let mut titles: Vec<String> =
        found.evidence.into_iter().filter_map(|piece| piece.title).collect();
    titles.sort();
    titles
}

#[test]
fn what_is_attached_is_found_in_registries_of_both_kinds_and_once() {
    for referrers in [Referrers::Listed, Referrers::Unknown] {
        let registry = TestRegistry::start(referrers);
        registry.put_image("app", "1.0", b"layer");
        let content = repository(&registry);
        attach_links(&content, &["build", "scan"]).unwrap();
        registry.forget_requests();
        attach_links(&content, &["build"]).unwrap();
        assert!(registry.requests().len() <= 8, "{} requests", registry.requests().len());
        assert_eq!(titles(&content), ["build.c5e52e1b.link", "scan.c5e52e1b.link"]);
        let found = find(&content, &image(&content), Scope::All).unwrap();
        assert_eq!(found.evidence[0].recognised.kind, Kind::Link);
        assert_eq!(found.evidence[0].recognised.signers, ["c5e52e1b"]);
        assert!(found.skipped.is_empty());
        let fallback = registry.manifest("app", &fallback_tag(&image(&content).descriptor.digest));
        assert_eq!(fallback.is_some(), referrers == Referrers::Unknown);
    }
}

#[test]
fn three_links_are_found_by_name_in_eight_requests() {
    for referrers in [Referrers::Listed, Referrers::Unknown] {
        let registry = TestRegistry::start(referrers);
        registry.put_image("app", "1.0", b"layer");
        let content = repository(&registry);
        attach_links(&content, &["checkout", "build", "scan"]).unwrap();
        registry.forget_requests();
        assert_eq!(titles(&content).len(), 3);
        assert!(registry.requests().len() <= 8, "{}", registry.requests().len());
    }
}

#[test]
fn an_image_layout_keeps_evidence_as_a_registry_does() {
    let folder = tempfile::tempdir().unwrap();
    let layout = ImageLayout::create(folder.path(), &Limits::default()).unwrap();
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    let bytes = registry.manifest("app", "1.0").unwrap();
    let fetched =
        Fetched::check("x", bytes, Some(MANIFEST), &Due::Tag, &Limits::default()).unwrap();
    layout.push_manifest(&fetched, &Selector::Tag("1.0".to_owned())).unwrap();
    attach_links(&layout, &["build", "scan"]).unwrap();
    attach_links(&layout, &["build"]).unwrap();
    assert_eq!(titles(&layout), ["build.c5e52e1b.link", "scan.c5e52e1b.link"]);
    assert_eq!(layout.index().unwrap().manifests.len(), 3);
}

#[test]
fn o07_what_does_not_refer_to_the_image_is_passed_over_and_told() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let digest = registry.put_image("app", "1.0", b"layer");
    let other = registry.put_image("app", "other", b"other");
    let content = repository(&registry);
    attach_links(&content, &["build"]).unwrap();
    // Evidence of another image, listed as if it were of this one; and an index, and nothing at all.
    let foreign = content.manifest(&Selector::Tag("other".to_owned())).unwrap();
    attach(&content, &foreign.descriptor, &[link("forged")]).unwrap();
    let tag = |digest: &str| digest.replace(':', "-");
    let text = |tag: &str| String::from_utf8(registry.manifest("app", tag).unwrap()).unwrap();
    let (own, theirs) = (text(&tag(&digest)), text(&tag(&other)));
    let entries = |text: &str| {
        let (_, rest) = text.split_once("\"manifests\": [").unwrap();
        rest.split_once(']').unwrap().0.to_owned()
    };
    let hex = "ab".repeat(32);
    let absent = format!(r#"{{"mediaType":"{MANIFEST}","digest":"sha256:{hex}","size":1}}"#);
    let plain = format!(r#"{{"mediaType":"{MANIFEST}","digest":"{other}","size":1}}"#);
    let all = [entries(&own), entries(&theirs), absent, plain].join(",");
    let forged = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{all}]}}"#);
    registry.put_manifest("app", &tag(&digest), INDEX, forged.as_bytes());
    let found = find(&content, &image(&content), Scope::Chain).unwrap();
    assert_eq!(found.evidence.len(), 1);
    assert_eq!(found.evidence[0].title.as_deref(), Some("build.c5e52e1b.link"));
    assert_eq!(found.skipped.len(), 3, "{:?}", found.skipped);
}

#[test]
fn o07_a_fallback_tag_that_is_no_list_is_an_error() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let digest = registry.put_image("app", "1.0", b"layer");
    registry.put_image("app", &digest.replace(':', "-"), b"an image");
    let content = repository(&registry);
    assert_eq!(kind(find(&content, &image(&content), Scope::Chain)), "Malformed");
    // And nobody writes over what he cannot read.
    assert_eq!(kind(attach_links(&content, &["build"])), "Malformed");
}

#[test]
fn a_registry_that_fails_is_not_one_without_evidence() {
    let registry = TestRegistry::start(Referrers::Unknown);
    registry.put_image("app", "1.0", b"layer");
    let content = repository(&registry);
    let image = image(&content);
    attach_links(&content, &["build"]).unwrap();
    for part in ["/referrers/", "/manifests/sha256-", ".att", "/manifests/sha256:"] {
        registry.rule(move |request| request.target.contains(part).then(|| Reply::status(500)));
        assert_eq!(status(&find(&content, &image, Scope::Chain)), Some(500), "{part}");
    }
    // A list that cannot be read is never begun anew: that would lose the entries of others.
    registry.rule(|request| {
        let list = request.method == "GET" && request.target.contains("/manifests/sha256-");
        list.then(|| Reply::status(500))
    });
    assert_eq!(status(&attach(&content, &image.descriptor, &[link("scan")])), Some(500));
    registry.rule(|_| None);
    assert_eq!(titles(&content), ["build.c5e52e1b.link"]);
}

#[test]
fn types_that_a_registry_has_wrong_hide_nothing() {
    let registry = TestRegistry::start(Referrers::Unknown);
    let digest = registry.put_image("app", "1.0", b"layer");
    let content = repository(&registry);
    attach_links(&content, &["build"]).unwrap();
    let tag = digest.replace(':', "-");
    let list = String::from_utf8(registry.manifest("app", &tag).unwrap()).unwrap();
    let wrong = list.replace(media_type::LINK, media_type::EMPTY);
    assert_ne!(wrong, list);
    registry.put_manifest("app", &tag, INDEX, wrong.as_bytes());
    assert_eq!(titles(&content), ["build.c5e52e1b.link"]);
}

#[test]
fn many_writers_lose_nothing() {
    let registry = TestRegistry::start(Referrers::Unknown);
    registry.put_image("app", "1.0", b"layer");
    let content = repository(&registry);
    let steps: Vec<String> = (0..24).map(|number| format!("step-{number}")).collect();
    std::thread::scope(|scope| {
        for step in &steps {
            let content = &content;
            scope.spawn(move || attach_links(content, &[step]).unwrap());
        }
    });
    assert_eq!(titles(&content).len(), steps.len());
}

#[test]
fn all_evidence_beside_an_image_is_bounded() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1.0", b"layer");
    attach_links(&repository(&registry), &["build", "scan"]).unwrap();
    let both = u64::try_from(link("build").bytes.len() + link("scan").bytes.len()).unwrap();
    for (evidence_total, due) in [(both, "Ok"), (both - 1, "Limit")] {
        let limits = Limits { evidence_total, ..crate::support::settings().limits };
        let settings = Settings { limits, ..crate::support::settings() };
        let content = repository_with(&registry, settings);
        let found = find(&content, &image(&content), Scope::Chain);
        let outcome = found.map(|found| assert_eq!(found.evidence.len(), 2));
        assert_eq!(kind(outcome), due, "{evidence_total}");
    }
}
