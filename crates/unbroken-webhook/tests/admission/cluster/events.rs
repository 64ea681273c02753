//! Events of denials and of broken glass.

use serde_json::json;

use super::{CLUSTER_POLICIES, Followed, spec, wait_until};
use crate::world::pod_of;

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/prod/events";

#[test]
fn denials_are_events_and_equal_ones_are_one() {
    let settings = "apiVersion: in-toto.io/v1alpha1\nkind: AdmissionSettings\nmetadata: {name: settings}\nspec:\n  breakGlass:\n    - {users: [alice], namespaces: [prod], reason: 'incident 9', until: '2049-01-01T00:00:00Z'}\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.yaml");
    std::fs::write(&file, settings).unwrap();
    let followed = Followed::start(|_, _| {}, &["--events", &file.display().to_string()]);
    let policy = json!({"spec": spec(&followed.world)});
    followed.api.put(&format!("{CLUSTER_POLICIES}/acme"), policy);
    let image = followed.world.push("acme/other");
    let mut dry = pod_of(&image);
    dry["dryRun"] = json!(true);
    // It would be an event of its own: that there is one in the end tells that it left nothing behind.
    dry["name"] = json!("dry");
    wait_until("the policy is there", || {
        followed.server.review("/verify", &dry).to_string().contains("[link-missing]")
    });
    for _ in 0..5 {
        followed.ask(&image);
    }
    wait_until("the event is there", || followed.api.all(EVENTS).len() == 1);
    let event = &followed.api.all(EVENTS)[0];
    assert_eq!((&event["reason"], &event["type"]), (&json!("Denied"), &json!("Warning")));
    assert_eq!(event["regarding"], json!({"kind": "Pod", "namespace": "prod", "name": "web"}));
    assert!(event["note"].as_str().unwrap().contains("link-missing"), "{event}");
    assert!(event["eventTime"].as_str().unwrap().ends_with(".000000Z"));

    let mut broken = pod_of(&image);
    broken["userInfo"] = json!({"username": "alice", "groups": ["system:authenticated"]});
    let answer = followed.server.review("/verify", &broken);
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    wait_until("the event is there", || followed.api.all(EVENTS).len() == 2);
    let events = followed.api.all(EVENTS);
    let told = events.iter().find(|event| event["reason"] == "BreakGlass").unwrap();
    let note = told["note"].as_str().unwrap();
    assert!(note.contains("alice") && note.contains("incident 9"), "{note}");
}
