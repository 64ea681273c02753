//! Whole chains of either side's making, each judged by both sides, untouched and with one fault.

use crate::plan::{Form, InspectionPlan, Plan, Side, StepPlan};
use crate::site::{Site, Work, write};
use crate::tools::Reference;

/// What is made in one envelope by one side, or mixed.
#[derive(Clone, Copy, Debug)]
struct Makers {
    layout: (Side, Form),
    links: [(Side, Form); 2],
}

impl Makers {
    fn of_one_side() -> impl Iterator<Item = Self> {
        let with = |side, form| Self { layout: (side, form), links: [(side, form); 2] };
        Side::BOTH.into_iter().flat_map(move |side| Form::BOTH.map(|form| with(side, form)))
    }
}

/// Lets both sides judge, and expects the same verdict of both; `fault` is ours and theirs.
#[track_caller]
fn judge(site: &Site, fault: Option<(&str, &str)>, what: &str) {
    for side in Side::BOTH {
        let verdict = site.verify(side, &["owner"]);
        let what = format!("{what}, judged by {side:?}");
        match (fault, side) {
            (None, _) => verdict.expect_accepted(&what),
            (Some((ours, _)), Side::Ours) => verdict.expect_rejected(ours, &what),
            (Some((_, theirs)), Side::Reference) => verdict.expect_rejected(theirs, &what),
        }
    }
}

fn site_with_keys(reference: &Reference, keys: &[(&str, &str)]) -> Site {
    let mut site = Site::new(reference);
    for (key, kind) in keys {
        site.make_key(Side::Ours, kind, key);
    }
    site
}

const WRITE: Work = Work {
    step: "write",
    key: "writer",
    materials: &[],
    products: &["src"],
    script: "mkdir -p src/lib && echo main > src/main.c && echo util > src/lib/util.c",
};
const BUILD: Work = Work {
    step: "build",
    key: "builder",
    materials: &["src"],
    products: &["out"],
    script: "mkdir -p out && cat src/main.c src/lib/util.c > out/app",
};
const WRITE_PLAN: StepPlan = StepPlan {
    name: "write",
    keys: &["writer"],
    threshold: 1,
    materials: "DISALLOW *",
    products: "CREATE src/*\nDISALLOW *",
};
const BUILD_PLAN: StepPlan = StepPlan {
    name: "build",
    keys: &["builder"],
    threshold: 1,
    materials: "MATCH src/* WITH PRODUCTS FROM write\nDISALLOW *",
    products: "REQUIRE out/app\nCREATE out/app\nDISALLOW *",
};
const KEYS: [(&str, &str); 3] =
    [("owner", "ed25519"), ("writer", "ecdsa-p256"), ("builder", "ed25519")];

fn two_steps(site: &mut Site, makers: Makers) {
    let plan = Plan { steps: vec![WRITE_PLAN, BUILD_PLAN], inspections: Vec::new() };
    site.layout(makers.layout.0, makers.layout.1, &plan, &["owner"], "links/root.layout");
    let [write, build] = makers.links;
    site.run(write.0, write.1, &WRITE, "links");
    site.run(build.0, build.1, &BUILD, "links");
}

#[test]
fn a_file_changed_between_steps_is_seen_by_both() {
    let name = "a_file_changed_between_steps_is_seen_by_both";
    let Some(reference) = Reference::find(name) else { return };
    let mut site = site_with_keys(&reference, &KEYS);
    for makers in Makers::of_one_side() {
        let what = format!("{makers:?}");
        two_steps(&mut site, makers);
        judge(&site, None, &what);
        write(&site.path("product/src/main.c"), "mail\n");
        site.run(makers.links[1].0, makers.links[1].1, &BUILD, "links");
        judge(&site, Some(("rule-disallow", "RuleVerificationError")), &what);
        site.clear();
    }
}

#[test]
fn envelopes_and_makers_mix() {
    let Some(reference) = Reference::find("envelopes_and_makers_mix") else { return };
    let mut site = site_with_keys(&reference, &KEYS);
    for layout in [(Side::Ours, Form::Metablock), (Side::Reference, Form::Dsse)] {
        let links = [(Side::Reference, Form::Metablock), (Side::Ours, Form::Dsse)];
        let makers = Makers { layout, links };
        let what = format!("{makers:?}");
        two_steps(&mut site, makers);
        judge(&site, None, &what);
        site.edit_digest("write", "writer");
        judge(&site, Some(("link-signature-invalid", "ThresholdVerificationError")), &what);
        site.clear();
    }
}

#[test]
fn a_step_is_started_by_one_side_and_stopped_by_the_other() {
    let name = "a_step_is_started_by_one_side_and_stopped_by_the_other";
    let Some(reference) = Reference::find(name) else { return };
    let mut site = site_with_keys(&reference, &KEYS);
    let plan = Plan { steps: vec![WRITE_PLAN, BUILD_PLAN], inspections: Vec::new() };
    for start in Side::BOTH {
        for stop in Side::BOTH {
            for form in Form::BOTH {
                let what = format!("started by {start:?}, stopped by {stop:?}, {form:?}");
                site.layout(start, form, &plan, &["owner"], "links/root.layout");
                site.record(start, stop, form, &WRITE);
                site.record(start, stop, form, &BUILD);
                judge(&site, None, &what);
                site.edit_digest("build", "builder");
                let fault = ("link-signature-invalid", "ThresholdVerificationError");
                judge(&site, Some(fault), &what);
                site.clear();
            }
        }
    }
}

#[test]
fn two_functionaries_have_to_agree() {
    let Some(reference) = Reference::find("two_functionaries_have_to_agree") else { return };
    let mut keys = KEYS.to_vec();
    keys.push(("second", "ecdsa-p384"));
    let mut site = site_with_keys(&reference, &keys);
    let both = StepPlan { keys: &["builder", "second"], threshold: 2, ..BUILD_PLAN };
    let plan = Plan { steps: vec![WRITE_PLAN, both], inspections: Vec::new() };
    let second = Work { key: "second", ..BUILD };
    for makers in Makers::of_one_side() {
        let what = format!("{makers:?}");
        let (side, form) = makers.layout;
        two_steps(&mut site, makers);
        site.layout(side, form, &plan, &["owner"], "links/root.layout");
        judge(&site, Some(("link-threshold-not-met", "LinkNotFoundError")), &what);
        site.run(side, form, &second, "links");
        judge(&site, None, &what);
        let other = Work { script: "echo other > out/app", ..second };
        site.run(side, form, &other, "links");
        judge(&site, Some(("links-disagree", "ThresholdVerificationError")), &what);
        site.clear();
    }
}

#[test]
fn a_step_may_be_a_layout_of_its_own() {
    let Some(reference) = Reference::find("a_step_may_be_a_layout_of_its_own") else { return };
    let mut keys = KEYS.to_vec();
    keys.extend([("compiler", "ecdsa-p521"), ("stranger", "ed25519")]);
    let mut site = site_with_keys(&reference, &keys);
    let compile = StepPlan {
        name: "compile",
        keys: &["compiler"],
        threshold: 1,
        materials: "REQUIRE src/main.c\nALLOW src/*\nDISALLOW *",
        products: "CREATE out/app\nDISALLOW *",
    };
    let inner = Plan { steps: vec![compile], inspections: Vec::new() };
    for makers in Makers::of_one_side() {
        let what = format!("{makers:?}");
        let (side, form) = makers.layout;
        two_steps(&mut site, makers);
        // The builder hands in a signed layout where a link was due.
        let link = site.link_name("build", "builder");
        site.layout(side, form, &inner, &["builder"], &format!("links/{link}"));
        let below = format!("links/{}", link.trim_end_matches(".link"));
        std::fs::create_dir(site.path(&below)).unwrap();
        let work = Work { step: "compile", key: "compiler", ..BUILD };
        site.run(side, form, &work, &below);
        judge(&site, None, &what);
        site.layout(side, form, &inner, &["stranger"], &format!("links/{link}"));
        let fault = ("link-threshold-not-met", "ThresholdVerificationError");
        judge(&site, Some(fault), &what);
        site.layout(side, form, &inner, &["builder"], &format!("links/{link}"));
        write(&site.path("product/src/extra.c"), "extra\n");
        site.run(side, form, &work, &below);
        judge(&site, Some(("rule-disallow", "RuleVerificationError")), &what);
        site.clear();
    }
}

#[test]
fn inspections_look_at_the_product() {
    let Some(reference) = Reference::find("inspections_look_at_the_product") else { return };
    let mut site = site_with_keys(&reference, &KEYS);
    let rules = "MATCH src/* WITH PRODUCTS FROM write\nMATCH out/* WITH PRODUCTS FROM build\n\
                 DISALLOW *";
    let inspect = |name, run| InspectionPlan { name, run, materials: rules, products: rules };
    let inspections = vec![
        inspect("has-main", &["grep", "-q", "main", "out/app"]),
        inspect("no-backdoor", &["sh", "-c", "! grep -rq backdoor src out"]),
    ];
    let plan = Plan { steps: vec![WRITE_PLAN, BUILD_PLAN], inspections };
    for makers in Makers::of_one_side() {
        let what = format!("{makers:?}");
        two_steps(&mut site, makers);
        site.layout(makers.layout.0, makers.layout.1, &plan, &["owner"], "links/root.layout");
        judge(&site, None, &what);
        write(&site.path("product/extra"), "extra\n");
        judge(&site, Some(("rule-disallow", "RuleVerificationError")), &what);
        std::fs::remove_file(site.path("product/extra")).unwrap();
        write(&site.path("product/out/app"), "backdoor\n");
        judge(&site, Some(("inspection-failed", "BadReturnValueError")), &what);
        site.clear();
    }
}

#[test]
fn match_takes_prefixes_on_both_sides() {
    let Some(reference) = Reference::find("match_takes_prefixes_on_both_sides") else { return };
    let mut site = site_with_keys(&reference, &KEYS);
    let install = StepPlan {
        name: "build",
        materials: "MATCH * IN src WITH PRODUCTS IN src FROM write\nDISALLOW *",
        products: "MATCH *.c IN image/usr WITH PRODUCTS IN src/ FROM write\nDISALLOW *",
        ..BUILD_PLAN
    };
    let plan = Plan { steps: vec![WRITE_PLAN, install], inspections: Vec::new() };
    for makers in Makers::of_one_side() {
        let what = format!("{makers:?}");
        let (side, form) = makers.layout;
        two_steps(&mut site, makers);
        site.layout(side, form, &plan, &["owner"], "links/root.layout");
        let copy =
            Work { products: &["image"], script: "mkdir -p image && cp -r src image/usr", ..BUILD };
        site.run(side, form, &copy, "links");
        judge(&site, None, &what);
        // A good file at another place below the prefix is not the file that was written.
        let elsewhere = Work { script: "mv image/usr/main.c image/usr/lib/main.c", ..copy };
        site.run(side, form, &elsewhere, "links");
        judge(&site, Some(("rule-disallow", "RuleVerificationError")), &what);
        site.clear();
    }
}
