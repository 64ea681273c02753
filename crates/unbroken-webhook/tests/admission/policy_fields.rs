//! Every member of a policy and of the settings changes a decision: none is read and then forgotten.
//!
//! CVE-2025-29778: conditions that were written down had no effect. The members are those that the reader
//! names when it meets one that it does not know, so that a new one without a case here fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use unbroken_crypto::hash::sha256;
use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;
use unbroken_model::link::binding::bind;
use unbroken_testkit::{Draft, keys, link};
use unbroken_webhook::review::Verdict;

use crate::world::{POLICY, World, pipeline, pod_of, request, settings};

/// Two ways to write policies, one of which lets an object in and one does not.
struct Case {
    /// The structure and its member.
    member: (&'static str, &'static str),
    admits: String,
    denies: String,
    request: Value,
}

/// The structures, each with policies in which it has a member that nobody knows.
const STRUCTURES: [(&str, &str, &str); 9] = [
    ("policy", "  images:", "  unknown: 1\n  images:"),
    ("policy.layout", "{file: root.layout}", "{file: root.layout, unknown: 1}"),
    ("policy.owners", "[{file: owner.pub}]", "[{file: owner.pub, unknown: 1}]"),
    ("policy.inspectors", "  layout:", "  inspectors: [{file: owner.pub, unknown: 1}]\n  layout:"),
    ("policy.binding", "  layout:", "  binding: {required: true, unknown: 1}\n  layout:"),
    ("policy.selector", "  layout:", "  namespaceSelector: {unknown: 1}\n  layout:"),
    (
        "policy.selector.expressions",
        "  layout:",
        "  namespaceSelector: {matchExpressions: [{unknown: 1}]}\n  layout:",
    ),
    ("policy.configMap", "{file: root.layout}", "{configMap: {unknown: 1}}"),
    ("settings", "", "unknown: 1"),
];
/// Members that a file of policies cannot use. Those of a cluster are changed, with what comes of it, in
/// `layouts_come_from_config_maps_and_registries_and_are_followed`,
/// `the_policy_of_a_namespace_asks_for_more_there_and_lets_nothing_in_by_itself` and
/// `where_the_settings_say_so_the_policy_of_a_namespace_is_enough`.
const OF_A_CLUSTER: [(&str, &str); 10] = [
    ("policy.layout", "configMap"),
    ("policy.layout", "image"),
    ("policy.owners", "configMap"),
    ("policy.owners", "image"),
    ("policy.inspectors", "configMap"),
    ("policy.inspectors", "image"),
    ("policy.configMap", "namespace"),
    ("policy.configMap", "name"),
    ("policy.configMap", "key"),
    ("settings", "delegatedNamespaces"),
];
const LISTS: [(&str, &str); 3] = [
    ("settings.breakGlass", "breakGlass: [{unknown: 1}]"),
    ("settings.exemptions", "exemptions: [{unknown: 1}]"),
    ("settings.kinds", "kinds: [{unknown: 1}]"),
];

fn admits(world: &World, policies: &str, request: &Value) -> bool {
    // Settings that cannot be used are no policies at all.
    let Ok(mut policies) = world.read_policies(policies) else { return false };
    let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    policies.namespaces = Arc::new(BTreeMap::from([("prod".to_owned(), labels)]));
    matches!(world.judge(&policies, request).verdict, Verdict::Allowed(_))
}

#[test]
fn every_member_of_a_policy_changes_a_decision() {
    let world = World::new();
    let cases = cases(&world);
    for Case { member, admits: good, denies, request } in &cases {
        assert!(admits(&world, good, request), "{member:?} does not admit: {good}");
        assert!(!admits(&world, denies, request), "{member:?} does not deny: {denies}");
    }
    let tested: BTreeSet<(&str, &str)> =
        cases.iter().map(|case| case.member).chain(OF_A_CLUSTER).collect();
    let members = members(&world);
    let all = members.iter().map(|(structure, member)| (*structure, member.as_str())).collect();
    assert_eq!(tested, all, "every member has a case, and every case a member");
}

/// The members of each structure, as its reader knows them.
fn members(world: &World) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for (structure, here, there) in STRUCTURES {
        let text = match structure {
            "settings" => settings(there) + POLICY,
            _ => POLICY.replace(here, there),
        };
        all.extend(known(world, &text).into_iter().map(|member| (structure, member)));
    }
    for (structure, text) in LISTS {
        let text = settings(text) + POLICY;
        all.extend(known(world, &text).into_iter().map(|member| (structure, member)));
    }
    all
}

/// Returns what the reader says that it knows: "unknown field `unknown`, expected one of `a`, `b`".
fn known(world: &World, text: &str) -> Vec<String> {
    let fault = match world.read_policies(text) {
        Err(fault) => fault,
        Ok(set) => set.policies[0].chain.as_ref().map(|_| ()).unwrap_err().to_string(),
    };
    let (_, expected) = fault
        .split_once("unknown field `unknown`, expected ")
        .unwrap_or_else(|| panic!("{fault}\n{text}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn cases(world: &World) -> Vec<Case> {
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/bare"));
    world.keep("stranger.pub", keys::key("stranger").public().spki_pem().as_bytes());
    let with = |more: &str| format!("{POLICY}  {more}\n");
    let without = |old: &str, new: &str| POLICY.replace(old, new);
    let mut cases = Vec::new();
    let mut case = |structure, member, admits: String, denies: String, image: &str| {
        let (member, request) = ((structure, member), pod_of(image));
        cases.push(Case { member, admits, denies, request });
    };
    let good = || POLICY.to_owned();
    case("policy", "images", good(), without("HOST/acme/**", "HOST/other/**"), &signed);
    case("policy", "namespaces", good(), with("namespaces: [dev]"), &signed);
    case("policy", "mode", with("mode: warn"), good(), &unsigned);
    let foreign = pipeline("sha256:00", |chain| {
        chain.layout.unsign();
        chain.layout = chain.layout.clone().signed_by("stranger");
    });
    world.keep("foreign.layout", &foreign.case().layout);
    case("policy", "layout", good(), without("root.layout", "foreign.layout"), &signed);
    case("policy", "owners", good(), without("owner.pub", "stranger.pub"), &signed);
    let version = with("minLayoutVersion: 1");
    case("policy", "minLayoutVersion", good(), version, &signed);
    let two = without("[{file: owner.pub}]", "[{file: owner.pub}, {file: stranger.pub}]");
    case("policy", "threshold", format!("{two}  threshold: 1\n"), two, &signed);
    let select = |selector: &str| with(&format!("namespaceSelector: {{{selector}}}"));
    let labels = |value: &str| select(&format!("matchLabels: {{env: {value}}}"));
    case("policy", "namespaceSelector", good(), labels("dev"), &signed);
    case("policy.selector", "matchLabels", labels("prod"), labels("dev"), &signed);
    let expression = |key: &str, operator: &str, values: &str| {
        let values =
            if values.is_empty() { String::new() } else { format!(", values: [{values}]") };
        select(&format!("matchExpressions: [{{key: {key}, operator: {operator}{values}}}]"))
    };
    let chosen = || expression("env", "In", "prod");
    let others = expression("env", "DoesNotExist", "");
    case("policy.selector", "matchExpressions", good(), others, &signed);
    for (member, other) in [
        ("key", expression("team", "In", "prod")),
        ("operator", expression("env", "NotIn", "prod")),
        ("values", expression("env", "In", "dev")),
    ] {
        case("policy.selector.expressions", member, chosen(), other, &signed);
    }
    let elsewhere = world.push("acme/elsewhere");
    world.attach_at(&world.repository("evidence/acme"), &elsewhere, |_| {});
    case("policy", "evidence", with("evidence: [HOST/evidence/acme]"), good(), &elsewhere);

    // A source is the file or the text.
    let root = pipeline("sha256:00", |_| {}).case().layout;
    let (root, other) = (String::from_utf8(root).unwrap(), "{}".to_owned());
    let inline =
        |text: &str| without("{file: root.layout}", &json!({ "inline": text }).to_string());
    case("policy.layout", "inline", inline(&root), inline(&other), &signed);
    case("policy.layout", "file", good(), without("root.layout", "foreign.layout"), &signed);
    let pem = |name: &str| keys::key(name).public().spki_pem();
    let owned =
        |name: &str| without("{file: owner.pub}", &json!({ "inline": pem(name) }).to_string());
    case("policy.owners", "inline", owned("owner"), owned("stranger"), &signed);
    case("policy.owners", "file", good(), without("owner.pub", "stranger.pub"), &signed);

    parameters(world, &mut case);
    inspectors(world, &mut case);
    bindings(world, &mut case);
    of_settings(world, &mut case, &signed, &unsigned);
    cases.extend(of_kinds(&signed));
    cases.extend(of_break_glass(&unsigned));
    cases
}

type Add<'a> = dyn FnMut(&'static str, &'static str, String, String, &str) + 'a;

fn parameters(world: &World, case: &mut Add<'_>) {
    let layout = pipeline("sha256:00", |chain| {
        let rules = "MATCH {sources}/* WITH PRODUCTS FROM checkout\nDISALLOW *";
        chain.layout.set_rules("steps/1/expected_materials", rules);
    });
    world.keep("parameters.layout", &layout.case().layout);
    let given = |value: &str| {
        let policy = POLICY.replace("root.layout", "parameters.layout");
        format!("{policy}  parameters: {{sources: {value}}}\n")
    };
    let image = world.push_signed("acme/app");
    case("policy", "parameters", given("src"), given("elsewhere"), &image);
}

fn inspectors(world: &World, case: &mut Add<'_>) {
    let inspected = unbroken_testkit::Chain::pipeline();
    world.keep("inspected.layout", &inspected.case().layout);
    let image = world.push("acme/inspected");
    world.attach(&image, |chain| {
        let product =
            [("image.tar", "the layers of an image"), ("report.json", "{\"critical\": 0}\n")];
        let mut draft = Draft::of(&link("no-critical", &product, &product));
        draft.set_json("command", r#"["grep", "-q", "\"critical\": 0", "report.json"]"#);
        chain.put(keys::stem("no-critical", "scanner"), draft.signed_by("scanner"));
    });
    world.keep("scanner.pub", keys::key("scanner").public().spki_pem().as_bytes());
    let named = |source: &str| {
        let policy = POLICY.replace("root.layout", "inspected.layout");
        format!("{policy}  inspectors: [{source}]\n")
    };
    let pem = |name: &str| json!({ "inline": keys::key(name).public().spki_pem() }).to_string();
    let nobody = POLICY.replace("root.layout", "inspected.layout");
    case("policy", "inspectors", named("{file: scanner.pub}"), nobody, &image);
    let files = (named("{file: scanner.pub}"), named("{file: stranger.pub}"));
    case("policy.inspectors", "file", files.0, files.1, &image);
    case("policy.inspectors", "inline", named(&pem("scanner")), named(&pem("stranger")), &image);
}

fn bindings(world: &World, case: &mut Add<'_>) {
    let image = world.push("acme/bound");
    world.attach(&image, |chain| {
        let layout = chain.layout.bytes();
        let layout = Envelope::parse(&layout, &Limits::default()).unwrap();
        let layout = sha256(layout.signing_input());
        for step in ["checkout", "build", "scan"] {
            let mut environment = unbroken_model::json::Object::new();
            bind(&mut environment, &layout, None, "2026-06-01T11:00:00Z".parse().unwrap());
            chain.link(step).set("environment", environment);
        }
    });
    let unbound = world.push_signed("acme/unbound");
    let asked = |binding: &str| format!("{POLICY}  binding: {{{binding}}}\n");
    case("policy", "binding", POLICY.to_owned(), asked("required: true"), &unbound);
    case("policy.binding", "required", asked("required: false"), asked("required: true"), &unbound);
    let aged = |seconds: u32| asked(&format!("required: true, maxAgeSeconds: {seconds}"));
    case("policy.binding", "maxAgeSeconds", aged(3600), aged(3599), &image);
}

fn of_settings(world: &World, case: &mut Add<'_>, signed: &str, unsigned: &str) {
    let set = |text: &str| settings(text) + POLICY;
    let elsewhere = world.push("elsewhere/app");
    case("settings", "unmatched", set("unmatched: admit"), set("unmatched: deny"), &elsewhere);
    let tag = format!("{}:1", signed.split_once('@').unwrap().0);
    case("settings", "tags", set("tags: warn"), set("tags: deny"), &tag);
    let exempt = |name: &str| set(&format!("exemptNamespaces: [{name}]"));
    case("settings", "exemptNamespaces", exempt("prod"), exempt("dev"), unsigned);
    let exemption = |images: &str, namespaces: &str, reason: &str, until: &str| {
        set(&format!(
            "exemptions: [{{images: [{images}], namespaces: [{namespaces}], reason: '{reason}', until: '{until}'}}]"
        ))
    };
    let (images, until) = ("HOST/acme/bare", "2026-06-01T12:00:01Z");
    let good = || exemption(images, "prod", "ticket 7", until);
    case("settings", "exemptions", good(), set(""), unsigned);
    let other = exemption("HOST/acme/app", "prod", "ticket 7", until);
    case("settings.exemptions", "images", good(), other, unsigned);
    let other = exemption(images, "dev", "ticket 7", until);
    case("settings.exemptions", "namespaces", good(), other, unsigned);
    case("settings.exemptions", "reason", good(), exemption(images, "prod", " ", until), unsigned);
    let over = exemption(images, "prod", "ticket 7", "2026-06-01T12:00:00Z");
    case("settings.exemptions", "until", good(), over, unsigned);
}

fn of_break_glass(unsigned: &str) -> Vec<Case> {
    let mut request = pod_of(unsigned);
    request["userInfo"] = json!({"username": "alice", "groups": ["on-call"]});
    let given = |who: &str, namespaces: &str, reason: &str, until: &str| {
        settings(&format!(
            "breakGlass: [{{{who}, namespaces: [{namespaces}], reason: '{reason}', until: '{until}'}}]"
        )) + POLICY
    };
    let (alice, until) = ("users: [alice]", "2026-06-01T12:00:01Z");
    let good = || given(alice, "prod", "incident 9", until);
    let group = |name: &str| given(&format!("groups: [{name}]"), "prod", "incident 9", until);
    [
        (("settings", "breakGlass"), good(), settings("") + POLICY),
        (
            ("settings.breakGlass", "users"),
            good(),
            given("users: [bob]", "prod", "incident 9", until),
        ),
        (("settings.breakGlass", "groups"), group("on-call"), group("devs")),
        (("settings.breakGlass", "namespaces"), good(), given(alice, "dev", "incident 9", until)),
        (("settings.breakGlass", "reason"), good(), given(alice, "prod", " ", until)),
        (
            ("settings.breakGlass", "until"),
            good(),
            given(alice, "prod", "incident 9", "2026-06-01T12:00:00Z"),
        ),
    ]
    .map(|(member, admits, denies)| Case { member, admits, denies, request: request.clone() })
    .into()
}

fn of_kinds(signed: &str) -> Vec<Case> {
    let spec = json!({"containers": [{"name": "app", "image": signed}]});
    let rollout =
        request("argoproj.io", "Rollout", "CREATE", &json!({"spec": {"template": {"spec": spec}}}));
    let told = |group: &str, kind: &str, path: &str| {
        settings(&format!("kinds: [{{group: {group}, kind: {kind}, podSpecs: [{path}]}}]")) + POLICY
    };
    let good = || told("argoproj.io", "Rollout", "spec.template.spec");
    [
        (("settings", "kinds"), settings("") + POLICY),
        (("settings.kinds", "group"), told("argoproj.example", "Rollout", "spec.template.spec")),
        (("settings.kinds", "kind"), told("argoproj.io", "Rollback", "spec.template.spec")),
        (("settings.kinds", "podSpecs"), told("argoproj.io", "Rollout", "spec.template")),
    ]
    .map(|(member, denies)| Case { member, admits: good(), denies, request: rollout.clone() })
    .into()
}
