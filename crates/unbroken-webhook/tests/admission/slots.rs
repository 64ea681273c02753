//! Where images stand, and requests that say something else of it than the object does.

use serde_json::{Value, json};
use unbroken_testkit::registry::Reply;
use unbroken_webhook::mutation::pin_tags;
use unbroken_webhook::review::{Answer, Change, Verdict};

use crate::world::{
    POLICY, World, admitted, denied, now, pod, pod_of, read, read_of, request, settings,
};

/// The lists of a pod in which images stand.
const LISTS: [&str; 4] = ["containers", "initContainers", "ephemeralContainers", "volumes"];

fn update(kind: (&str, &str), old: &Value, new: &Value) -> Value {
    let mut request = request(kind.0, kind.1, "UPDATE", new);
    request["oldObject"] = old.clone();
    request
}

/// A pod with one image in a list, beside a container of another.
fn pod_with(list: &str, image: &str, beside: &str) -> Value {
    let mut spec = json!({"containers": [{"name": "app", "image": beside}]});
    let item = if list == "volumes" {
        json!({"name": "x", "image": {"reference": image}})
    } else {
        json!({"name": "x", "image": image})
    };
    match spec[list].as_array_mut() {
        Some(items) => items.push(item),
        None => spec[list] = json!([item]),
    }
    json!({"spec": spec})
}

/// What was mounted and is run now, or prepared and serves now, is judged as if it were new.
#[test]
fn an_image_that_moves_to_another_list_is_judged() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    for from in LISTS {
        for to in LISTS {
            let (old, new) = (pod_with(from, &unsigned, &signed), pod_with(to, &unsigned, &signed));
            let answer = world.judge(&policies, &update(("", "Pod"), &old, &new));
            if from == to {
                admitted(&answer);
            } else {
                let message = denied(&answer, 403, "link-missing");
                assert!(message.contains(&format!("spec.{to}[")), "{message}");
            }
        }
    }
}

/// `kubectl debug` with an image that the pod has, under another name of it.
#[test]
fn another_name_of_an_image_that_runs_is_another_image() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    let (repository, digest) = image.split_once('@').unwrap();
    let old = json!({"spec": {"containers": [{"name": "app", "image": image}]}});
    for other in [image.clone(), format!("{repository}:2@{digest}")] {
        let mut new = old.clone();
        new["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": other}]);
        let mut request = update(("", "Pod"), &old, &new);
        request["subResource"] = "ephemeralcontainers".into();
        denied(&world.judge(&policies, &request), 403, "link-missing");
    }
}

#[test]
fn resizing_a_pod_changes_no_image() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (running, other) = (world.push("acme/running"), world.push("acme/other"));
    let old = json!({"spec": {"containers": [{"name": "app", "image": running}]}});
    let mut new = old.clone();
    new["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "2"}});
    let resize = |new: &Value| {
        let mut request = update(("", "Pod"), &old, new);
        request["subResource"] = "resize".into();
        world.judge(&policies, &request)
    };
    admitted(&resize(&new));
    new["spec"]["containers"][0]["image"] = other.into();
    denied(&resize(&new), 403, "link-missing");
}

/// The name of a subresource is no reason by itself: what comes along is looked at.
#[test]
fn a_whole_object_is_none_of_a_subresource_without_images() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    for subresource in ["scale", "binding", "eviction", "exec", "proxy", "log"] {
        for operation in ["CREATE", "UPDATE"] {
            let mut request = pod_of(&image);
            request["operation"] = operation.into();
            request["subResource"] = subresource.into();
            denied(&world.judge(&policies, &request), 403, "link-missing");
        }
    }
    let kinds = settings("kinds: [{group: a.example, kind: A, podSpecs: [spec]}]");
    let of_kind = world.policies(&(kinds + POLICY));
    let object = json!({"spec": {"containers": [{"name": "app", "image": image}]}});
    let mut whole = request("a.example", "A", "UPDATE", &object);
    whole["subResource"] = "scale".into();
    denied(&world.judge(&of_kind, &whole), 403, "link-missing");
    // Of an update of the status the API server takes the status; nothing is made by one.
    let mut status = pod_of(&image);
    status["subResource"] = "status".into();
    denied(&world.judge(&policies, &status), 403, "link-missing");
    status["operation"] = "UPDATE".into();
    admitted(&world.judge(&policies, &status));
    // Scaling what is of a kind that nobody told of is scaling.
    let mut scale = request("autoscaling", "Scale", "UPDATE", &json!({"spec": {"replicas": 9}}));
    scale["subResource"] = "scale".into();
    scale["requestKind"] = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
    admitted(&world.judge(&policies, &scale));
}

/// The kind that the webhook is told of is the one that the object was converted to.
#[test]
fn the_kind_is_that_of_the_object_and_not_what_else_the_request_says() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    let mut asked = pod_of(&image);
    asked["requestKind"] = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
    asked["requestSubResource"] = "scale".into();
    denied(&world.judge(&policies, &asked), 403, "link-missing");
    // A pod that comes as a kind in whose place of images it has none, and the other way round.
    let mut object = pod_of(&image)["object"].clone();
    object["apiVersion"] = "v1".into();
    object["kind"] = "Pod".into();
    object["spec"]["template"] =
        json!({"spec": {"containers": [{"image": world.push_signed("acme/good")}]}});
    let as_deployment = request("apps", "Deployment", "CREATE", &object);
    denied(&world.judge(&policies, &as_deployment), 403, "object-unreadable");
}

/// An old object that is none of ours relaxes nothing.
#[test]
fn an_old_object_of_another_kind_or_without_a_form_relaxes_nothing() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let image = world.push("acme/app");
    let new =
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": image}]}});
    let mut old = new.clone();
    admitted(&world.judge(&policies, &update(("", "Pod"), &old, &new)));
    for (member, value) in [("kind", "PodTemplate"), ("apiVersion", "apps/v1")] {
        let mut other = old.clone();
        other[member] = value.into();
        denied(&world.judge(&policies, &update(("", "Pod"), &other, &new)), 403, "link-missing");
    }
    old["spec"]["volumes"] = json!("none");
    denied(&world.judge(&policies, &update(("", "Pod"), &old, &new)), 403, "link-missing");
    // What is made has no old object, whatever the request says.
    let mut creation = pod(&new["spec"]);
    creation["oldObject"] = new.clone();
    denied(&world.judge(&policies, &creation), 403, "link-missing");
}

#[test]
fn an_exempt_namespace_is_that_of_the_request_alone() {
    let world = World::new();
    let kinds = "kinds: [{group: evil.example, kind: ClusterThing, podSpecs: [spec]}]";
    let settings = settings(&format!("exemptNamespaces: [kube-system, ''], {kinds}"));
    let policies = world.policies(&(settings + POLICY));
    let image = world.push("acme/app");
    // The object says that it is in the namespace, the API server that it is in another or in none,
    // and having none is no name of one.
    for namespace in ["prod", ""] {
        let mut asked = pod_of(&image);
        asked["namespace"] = namespace.into();
        asked["object"]["metadata"]["namespace"] = "kube-system".into();
        denied(&world.judge(&policies, &asked), 403, "link-missing");
        asked["kind"] = json!({"group": "evil.example", "version": "v1", "kind": "ClusterThing"});
        asked["name"] = "kube-system".into();
        denied(&world.judge(&policies, &asked), 403, "link-missing");
    }
}

#[test]
fn two_descriptions_of_a_kind_are_one_too_many() {
    let world = World::new();
    for kinds in [
        "{group: a.example, kind: A, podSpecs: [spec]}, {group: a.example, kind: A, podSpecs: [spec.other]}",
        "{group: '', kind: Pod, podSpecs: [spec.nothing]}",
        "{group: apps, kind: Deployment, podSpecs: [spec]}",
    ] {
        let text = settings(&format!("kinds: [{kinds}]")) + POLICY;
        assert!(world.read_policies(&text).is_err(), "{kinds}");
    }
}

/// A patch names each place by the way that leads there, also where a name needs escapes.
#[test]
fn a_patch_reaches_the_image_that_was_looked_up_and_no_other() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let (repository, digest) = image.split_once('@').unwrap();
    let tag = format!("{repository}:1");
    let kinds = "kinds: [{group: a.example, kind: A, podSpecs: ['spec.a/b~c', 'spec.second']}]";
    let policies = world.policies(&(settings(kinds) + POLICY));
    let template = |list: &str| pod_with(list, &tag, "elsewhere.example/x:1")["spec"].clone();
    let object =
        json!({"spec": {"a/b~c": template("volumes"), "second": template("initContainers")}});
    let review = request("a.example", "A", "CREATE", &object);
    let changes = |review: &Value| -> Vec<Change> {
        let asked = read_of(review, &policies.settings.kinds);
        let answer = pin_tags(&asked, &policies, now().into(), &world.verifier());
        match answer.verdict {
            Verdict::Allowed(changes) => changes,
            Verdict::Denied { message, .. } => panic!("{message}"),
        }
    };
    let found = changes(&review);
    let places: Vec<&str> = found.iter().map(|change| change.pointer.as_str()).collect();
    let due = ["/spec/a~1b~0c/volumes/0/image/reference", "/spec/second/initContainers/0/image"];
    assert_eq!(places, due);
    for change in &found {
        assert_eq!(object.pointer(&change.pointer).unwrap(), &json!(tag));
        assert_eq!((&change.from, &change.to), (&tag, &format!("{tag}@{digest}")));
    }
    // What is looked up has the bound that is judged by, so that no object makes the registry work.
    let tags = (0..65).map(|number| json!({"image": format!("{repository}:{number}")}));
    world.registry.forget_requests();
    let many = pod(&json!({"containers": tags.collect::<Vec<_>>()}));
    assert!(changes(&many).is_empty());
    assert!(world.registry.requests().is_empty());
    // An address is the name of no image, so that none is made of it.
    assert!(changes(&pod_of(&format!("docker://{tag}"))).is_empty());
    denied(
        &world.judge(&policies, &pod_of(&format!("docker://{image}"))),
        403,
        "image-name-invalid",
    );
}

/// What somebody signed off on needs no registry, least of all while it is down.
#[test]
fn an_exempt_image_is_not_looked_up() {
    let world = World::new();
    let exemption = "{images: [HOST/acme/*], reason: 'ticket 7', until: '2026-07-01T00:00:00Z'}";
    let settings = settings(&format!("exemptions: [{exemption}]"));
    let policies = world.policies(&(settings + POLICY));
    let review = pod_of(&format!("{}:1", world.repository("acme/absent")));
    let answer = pin_tags(&read(&review), &policies, now().into(), &world.verifier());
    admitted(&answer);
    admitted(&world.judge(&policies, &review));
    assert!(world.registry.requests().is_empty());
}

/// A registry that does not answer keeps nobody out who may let in what does not verify.
#[test]
fn glass_that_is_broken_is_broken_for_tags_too() {
    let world = World::new();
    world.push_signed("acme/app");
    let tag = format!("{}:1", world.repository("acme/app"));
    let permission = "breakGlass: [{users: [alice], namespaces: [prod], reason: 'incident 9', until: '2026-06-01T13:00:00Z'}]";
    let policies = world.policies(&(settings(permission) + POLICY));
    let pin = |user: &str| {
        let mut request = pod_of(&tag);
        request["userInfo"] = json!({"username": user});
        pin_tags(&read(&request), &policies, now().into(), &world.verifier())
    };
    let changes = |answer: &Answer| match &answer.verdict {
        Verdict::Allowed(changes) => changes.len(),
        Verdict::Denied { message, .. } => panic!("{message}"),
    };
    assert_eq!(changes(&pin("alice")), 1, "what can be pinned is pinned");
    world.registry.rule(|_| Some(Reply::status(500)));
    denied(&pin("bob"), 503, "undecided");
    let answer = pin("alice");
    assert_eq!(changes(&answer), 0);
    assert!(answer.warnings[0].starts_with("[undecided]"), "{:?}", answer.warnings);
}

/// What is only told of keeps nobody out, also where a tag cannot be looked up.
#[test]
fn a_tag_that_cannot_be_looked_up_keeps_out_what_is_enforced_alone() {
    let world = World::new();
    world.push_signed("acme/app");
    let asked = pod_of(&format!("{}:1", world.repository("acme/app")));
    world.registry.rule(|_| Some(Reply::status(500)));
    for mode in ["warn", "audit", "enforce"] {
        let policies = world.policies(&format!("{POLICY}  mode: {mode}\n"));
        let answer = pin_tags(&read(&asked), &policies, now().into(), &world.verifier());
        if mode == "enforce" {
            denied(&answer, 503, "undecided");
        } else {
            admitted(&answer);
            assert!(answer.warnings[0].starts_with("[undecided]"), "{:?}", answer.warnings);
        }
    }
}
