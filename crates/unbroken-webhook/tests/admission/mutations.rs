//! Reviews with something turned over: none lets in what was not verified, none ends the program.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use unbroken_policy::PolicySet;
use unbroken_testkit::Random;
use unbroken_testkit::registry::Reply;
use unbroken_webhook::admission::{Occasion, judge};
use unbroken_webhook::answer::answer;
use unbroken_webhook::cache::Bounds;
use unbroken_webhook::decision::{Decision, Relief};
use unbroken_webhook::recall::judge_at_once;
use unbroken_webhook::review::{Operation, Request};

use crate::entries::Nobody;
use crate::world::{POLICY, World, admitted, judge_by, now, pod_of, request, settings};

/// How many reviews are turned over.
const REVIEWS: u64 = 10_000;

fn good() -> Value {
    let digest = "a".repeat(64);
    review_of(&|name: &str| format!("registry.example/acme/{name}@sha256:{digest}"))
}

fn review_of(image: &dyn Fn(&str) -> String) -> Value {
    let spec = |app: &str| {
        json!({
            "containers": [{"name": "app", "image": image(app)}],
            "initContainers": [{"name": "init", "image": image("init")}],
            "volumes": [{"name": "data", "image": {"reference": image("data")}}],
        })
    };
    let object = |app: &str| {
        json!({
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"replicas": 2, "template": {"spec": spec(app)}},
        })
    };
    let mut request = request("apps", "Deployment", "UPDATE", &object("new"));
    request["oldObject"] = object("old");
    request["subResource"] = "".into();
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})
}

/// The places of a value, as JSON pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), all));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, value)| places(value, &format!("{at}/{index}"), all));
        }
        _ => {}
    }
}

fn turn_over(review: &mut Value, random: &mut Random) {
    let mut all = Vec::new();
    places(review, "", &mut all);
    let elsewhere: &String = random.pick(&all);
    let other = review.pointer(elsewhere).cloned().unwrap_or_default();
    let words = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("x"),
        json!([]),
        json!({}),
        json!("CREATE"),
        json!("DELETE"),
        json!("CONNECT"),
        json!("scale"),
        json!("status"),
        json!("ephemeralcontainers"),
        json!("Pod"),
        json!("kube-system"),
        json!({"image": "evil.example/x"}),
        other,
    ];
    let place = random.pick(&all).clone();
    let word = random.pick(&words).clone();
    if let Some(value) = review.pointer_mut(&place) {
        match (random.below(3), value) {
            (0, Value::Array(items)) => items.push(word),
            (0, Value::Object(members)) => {
                let names: Vec<String> = members.keys().cloned().collect();
                if let Some(name) = names.first() {
                    members.remove(name);
                }
            }
            (_, value) => *value = word,
        }
    }
}

/// The body of a review in which a few things are turned over.
pub(crate) fn turned_over(random: &mut Random) -> Vec<u8> {
    turn_over_some(good(), random)
}

fn turn_over_some(mut review: Value, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(4) {
        turn_over(&mut review, random);
    }
    let mut body = review.to_string().into_bytes();
    if random.below(8) == 0 {
        let place = random.below(body.len());
        body[place] ^= 1 << random.below(8);
    }
    body
}

/// The images that an object of this kind would run, found by the shape of their places.
fn images_of(kind: &str, object: Option<&Value>) -> BTreeSet<String> {
    let pod = if kind == "Pod" { "/spec/" } else { "/spec/template/spec/" };
    let Some(object) = object else { return BTreeSet::new() };
    let mut all = Vec::new();
    places(object, "", &mut all);
    let runs = |place: &&String| {
        let words: Vec<&str> = place.strip_prefix(pod).unwrap_or_default().split('/').collect();
        match words.as_slice() {
            [list, _, "image"] => list.to_ascii_lowercase().ends_with("containers"),
            ["volumes", _, "image", "reference"] => true,
            _ => false,
        }
    };
    let text = |place: &String| object.pointer(place)?.as_str().map(str::to_owned);
    all.iter().filter(runs).filter_map(text).collect()
}

fn policies(world: &World) -> PolicySet {
    let settings = settings("exemptNamespaces: [kube-system]");
    world.policies(&(settings + &POLICY.replace("HOST", "registry.example")))
}

#[test]
fn nothing_comes_in_without_a_proof_whatever_is_turned_over() {
    let world = World::new();
    let policies = policies(&world);
    let (mut read, mut relieved) = (0, 0);
    for seed in 0..REVIEWS {
        let body = turned_over(&mut Random::new(seed));
        let Ok(request) = Request::parse(&body, &[]) else { continue };
        read += 1;
        let ruling = judge(&request, &policies, now(), &Nobody);
        let answer = answer(&request, &ruling).to_json(&request.uid);
        assert_eq!(answer.pointer("/response/uid").and_then(Value::as_str), Some(&*request.uid));
        let Decision::Admit(proof) = &ruling.decision else {
            assert_eq!(answer.pointer("/response/allowed"), Some(&json!(false)), "{seed}");
            continue;
        };
        relieved += 1;
        // The verifier proves nothing, so there has to be nothing to prove; and that has to be so.
        let holds = match proof.relief() {
            // Nobody may break glass here.
            None | Some(Relief::BreakGlass) => false,
            Some(Relief::Deleted) => request.operation == Operation::Delete,
            Some(Relief::NoImages) => {
                request.operation == Operation::Connect
                    || ["scale", "status"].contains(&&*request.subresource)
            }
            Some(Relief::ExemptNamespace) => request.namespace == "kube-system",
            Some(Relief::SameImages) => {
                request.operation == Operation::Update
                    && images_of(&request.kind.kind, request.object.as_ref())
                        .is_subset(&images_of(&request.kind.kind, request.old_object.as_ref()))
            }
        };
        let body = String::from_utf8_lossy(&body);
        assert!(holds, "{seed}: {:?} of {body}", proof.relief());
    }
    assert!(read > 1000 && relieved > 50, "{read} were read, {relieved} asked for nothing");
}

/// With verdicts at hand for three images, and a registry that is gone.
#[test]
fn nothing_comes_in_by_what_is_remembered_of_others() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let names = ["old", "new", "init", "data"];
    let images = names.map(|name| world.push_signed(&format!("acme/{name}")));
    let image = |name: &str| {
        let index = names.iter().position(|it| *it == name).unwrap_or_default();
        images[index].clone()
    };
    let verifier = world.remembering(Bounds::default());
    for image in &images {
        admitted(&judge_by(&verifier, &policies, &pod_of(image), now().into()));
    }
    world.registry.rule(|_| Some(Reply::status(404)));
    world.registry.forget_requests();
    let verified: BTreeSet<String> = images.iter().cloned().collect();
    let (mut at_once, mut admitted, mut denied) = (0, 0, 0);
    for seed in 0..REVIEWS {
        let body = turn_over_some(review_of(&image), &mut Random::new(seed));
        let Ok(request) = Request::parse(&body, &[]) else { continue };
        let occasion = Occasion::from(now());
        let recalled = judge_at_once(&request, &policies, occasion, &verifier);
        at_once += usize::from(recalled.is_some());
        let ruling = recalled.unwrap_or_else(|| judge(&request, &policies, occasion, &verifier));
        let Decision::Admit(proof) = &ruling.decision else {
            denied += 1;
            continue;
        };
        if proof.relief().is_some() {
            continue;
        }
        admitted += 1;
        let mut run = images_of(&request.kind.kind, request.object.as_ref());
        // A template may have a container without an image; no pod may.
        run.remove("");
        if request.operation == Operation::Update {
            let before = images_of(&request.kind.kind, request.old_object.as_ref());
            run.retain(|image| !before.contains(image));
        }
        assert!(run.is_subset(&verified), "{seed}: {run:?}");
        let asked: BTreeSet<&String> = proof.settled().map(|(demand, _)| &demand.image).collect();
        assert!(!asked.is_empty(), "{seed}: nothing was proven");
    }
    let counted = format!("{at_once} at once, {admitted} admitted, {denied} denied");
    assert!(at_once > 1000 && admitted > 1000 && denied > 1000, "{counted}");
}
