//! Every place where foreign bytes enter the webhook, as functions of bytes: for the fuzz targets, which take
//! this file as it is, and for the short run among the tests.

use std::path::Path;

use serde_json::{Value, json};
use unbroken_model::digest::Digest;
use unbroken_model::timestamp::Timestamp;
use unbroken_oci::reference::Reference;
use unbroken_policy::kind::{CustomKind, GroupKind};
use unbroken_policy::pattern::{ImagePattern, NamePattern};
use unbroken_policy::{Policy, PolicySet};
use unbroken_testkit::entries::Entry;
use unbroken_webhook::admission::{Occasion, Verify, judge};
use unbroken_webhook::answer::answer;
use unbroken_webhook::decision::{Decision, Failure, Verified};
use unbroken_webhook::review::Request;
use unbroken_webhook::workload::image_slots;

/// All entries of the webhook; those of the rooms below are in `unbroken_testkit::entries`.
pub(crate) const ALL: [Entry; 5] = [
    Entry { name: "admission_review", run: admission_review },
    Entry { name: "policy_file", run: policy_file },
    Entry { name: "image_pattern", run: image_pattern },
    Entry { name: "image_in_object", run: image_in_object },
    Entry { name: "workload_images", run: workload_images },
];

/// Proves nothing: without even a reason, an open demand is no admission either.
pub(crate) struct Nobody;

impl Verify for Nobody {
    fn verify(
        &self,
        _: &Reference,
        policies: &[&Policy],
        _: Occasion,
    ) -> Vec<Result<Verified, Vec<Failure>>> {
        policies.iter().map(|_| Err(Vec::new())).collect()
    }

    fn resolve(&self, _: &Reference, _: Occasion) -> Result<Digest, Box<Failure>> {
        panic!("nothing is resolved here")
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_780_000_000)
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Runs the entry of this name.
#[cfg_attr(test, expect(dead_code, reason = "the fuzz targets call it"))]
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let entry = ALL.into_iter().find(|entry| entry.name == name);
    (entry.unwrap().run)(bytes);
}

/// What is no review has no verdict; of a review nothing comes in for which something would have to be proved.
fn admission_review(bytes: &[u8]) {
    let request = match Request::parse(bytes, &[]) {
        Ok(request) => request,
        Err(malformed) => return assert!(malformed.uid.is_none_or(|uid| uid.len() <= 128)),
    };
    let ruling = judge(&request, &PolicySet::default(), now(), &Nobody);
    if let Decision::Admit(proof) = &ruling.decision {
        assert!(proof.relief().is_some() && proof.settled().next().is_none());
    }
    let answer = answer(&request, &ruling).to_json(&request.uid);
    assert_eq!(answer.pointer("/response/uid").and_then(Value::as_str), Some(&*request.uid));
    let allowed = answer.pointer("/response/allowed").and_then(Value::as_bool);
    assert_eq!(allowed, Some(matches!(ruling.decision, Decision::Admit(_))));
    assert!(answer.to_string().len() < 16 << 10, "what is answered is short");
}

/// A file is policies or none at all, the same each time; one that cannot be used is kept.
fn policy_file(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    // Nothing of this machine is read.
    if text.contains("file") {
        return;
    }
    let folder = Path::new("/nowhere");
    let read = || PolicySet::parse(text, folder, now());
    let (Ok(set), Ok(again)) = (read(), read()) else { return assert!(read().is_err()) };
    assert_eq!(set.policies.len(), again.policies.len());
    for policy in &set.policies {
        let before = "SupplyChainPolicy/".len() + 63 + "/".len();
        assert!(!policy.name.is_empty() && policy.name.len() <= before + 253);
        assert!(policy.chain.is_err() || !policy.images.is_empty());
    }
    assert!(set.settings.exempt_namespaces.iter().all(|name| !name.contains('*')));
}

/// A pattern on the first line and a name on the second: matched as the slow way does, and the host first.
fn image_pattern(bytes: &[u8]) {
    let Some((pattern, name)) = text(bytes).and_then(|text| text.split_once('\n')) else { return };
    if let Ok(names) = pattern.parse::<NamePattern>()
        && name.len() <= 64
    {
        assert_eq!(names.matches(name), slowly(pattern.as_bytes(), name.as_bytes()));
    }
    let (Ok(parsed), Ok(image)) = (pattern.parse::<ImagePattern>(), name.parse::<Reference>())
    else {
        return;
    };
    let written = parsed.to_string();
    assert_eq!(written.parse::<ImagePattern>(), Ok(parsed.clone()));
    let repository = image.repository();
    if parsed.matches(repository) && pattern != "**" {
        let (host, path) = pattern.split_once('/').unwrap();
        let found = repository.registry().to_string();
        let below = host.strip_prefix('*').is_some_and(|end| found.ends_with(end));
        let same = host.parse() == Ok(repository.registry().clone());
        assert!(below || same, "{pattern} {image}");
        let words = (path.split('/').count(), repository.path().split('/').count());
        assert!(words.0 == words.1 || (path.ends_with("**") && words.1 >= words.0));
    }
}

/// Tells after each letter of the pattern at which places of the name it can have ended: in as many steps for every
/// pattern, where trying all ways would take years for some.
fn slowly(pattern: &[u8], name: &[u8]) -> bool {
    let mut ends = vec![false; name.len() + 1];
    if let Some(begin) = ends.first_mut() {
        *begin = true;
    }
    for due in pattern {
        if *due == b'*' {
            let mut before = false;
            for end in &mut ends {
                before |= *end;
                *end = before;
            }
        } else {
            let after = ends.iter().zip(name).map(|(end, found)| *end && found == due);
            ends = std::iter::once(false).chain(after).collect();
        }
    }
    ends.last() == Some(&true)
}

/// A name is one for every reader, or none; and no name comes in where there is no policy.
fn image_in_object(bytes: &[u8]) {
    let Some(name) = text(bytes) else { return };
    let spec = json!({"containers": [{"name": "a", "image": name}]});
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "u", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "name": "a",
            "namespace": "prod", "operation": "CREATE", "object": {"spec": spec},
        },
    });
    let request = Request::parse(review.to_string().as_bytes(), &[]).unwrap();
    let ruling = judge(&request, &PolicySet::default(), now(), &Nobody);
    let Decision::Deny(failures) = &ruling.decision else { panic!("{name:?} came in") };
    let codes: Vec<&str> = failures.iter().map(|failure| failure.code.as_str()).collect();
    let due = match name.parse::<Reference>() {
        _ if name.is_empty() => "image-missing",
        Ok(_) if !name.contains("://") => "no-policy",
        _ => "image-name-invalid",
    };
    assert_eq!(codes, [due], "{name:?}");
}

/// A path on the first line and an object behind it: each image that is found stands where it is said to
/// stand, and none of a list of containers is passed over.
fn workload_images(bytes: &[u8]) {
    let Some((path, object)) = text(bytes).and_then(|text| text.split_once('\n')) else { return };
    let Ok(object) = serde_json::from_str::<Value>(object) else { return };
    let kind = |group: &str, kind: &str| GroupKind { group: group.into(), kind: kind.into() };
    let custom = CustomKind {
        kind: kind("a.example", "A"),
        pod_specs: vec![path.split('.').map(str::to_owned).collect()],
    };
    let pods = [
        (kind("", "Pod"), "/spec".to_owned()),
        (kind("apps", "Deployment"), "/spec/template/spec".to_owned()),
        (kind("a.example", "A"), {
            let escaped = path.replace('~', "~0").replace('/', "~1");
            format!("/{}", escaped.replace('.', "/"))
        }),
    ];
    for (kind, spec) in pods {
        let Ok(slots) = image_slots(&kind, &object, std::slice::from_ref(&custom)) else {
            continue;
        };
        for slot in &slots {
            let found = object.pointer(&slot.pointer).and_then(Value::as_str);
            assert_eq!(found, Some(slot.image.as_str()));
        }
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            let items = object.pointer(&format!("{spec}/{list}")).and_then(Value::as_array);
            for index in 0..items.map_or(0, Vec::len) {
                let place = format!("{spec}/{list}/{index}/image");
                assert!(slots.iter().any(|slot| slot.pointer == place), "{place}");
            }
        }
    }
}
