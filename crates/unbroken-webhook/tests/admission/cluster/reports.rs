//! Pods that run already are judged again, and a report says what would not come in.

use serde_json::{Value, json};

use super::{CLUSTER_POLICIES, Followed, spec, wait_until};

const REPORT: &str = "/apis/openreports.io/v1alpha1/namespaces/prod/reports/unbroken-webhook";

fn runs(image: &str) -> Value {
    json!({"spec": {"containers": [{"name": "app", "image": image}]}, "status": {"phase": "Running"}})
}

#[test]
fn what_runs_is_judged_again_and_reported() {
    let followed = Followed::start(|_, _| {}, &["--recheck", "1"]);
    let (signed, unsigned) =
        (followed.world.push_signed("acme/app"), followed.world.push("acme/other"));
    followed.api.put("/api/v1/namespaces/prod/pods/good", runs(&signed));
    let mut mirror = runs(&unsigned);
    mirror["metadata"]["annotations"]["kubernetes.io/config.mirror"] = json!("x");
    followed.api.put("/api/v1/namespaces/prod/pods/bad", mirror);
    let mut ended = runs(&unsigned);
    ended["status"]["phase"] = json!("Succeeded");
    followed.api.put("/api/v1/namespaces/prod/pods/ended", ended);
    let policy = json!({"spec": spec(&followed.world)});
    followed.api.put(&format!("{CLUSTER_POLICIES}/acme"), policy);
    let summary = || followed.api.get(REPORT).map(|report| report["summary"].clone());
    let due = |pass: u64, fail: u64, error: u64| {
        Some(json!({"pass": pass, "fail": fail, "error": error, "warn": 0, "skip": 0}))
    };
    wait_until("the report is there", || summary() == due(1, 1, 0));
    let report = followed.api.get(REPORT).unwrap();
    let results = report["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result["resources"][0]["name"] == "bad"), "{results:?}");
    assert_eq!(results[0]["rule"], "link-missing");
    assert_eq!(results[0]["policy"], "ClusterSupplyChainPolicy/acme");
    assert_eq!(results[0]["properties"]["static-pod"], "true");
    // Nothing new is not written again.
    let version = report["metadata"]["resourceVersion"].clone();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(followed.api.get(REPORT).unwrap()["metadata"]["resourceVersion"], version);
    followed.api.delete("/api/v1/namespaces/prod/pods/bad");
    wait_until("the report is new", || summary() == due(1, 0, 0));
    // Where nothing runs any more, nothing is told of.
    followed.api.delete("/api/v1/namespaces/prod/pods/good");
    followed.api.delete("/api/v1/namespaces/prod/pods/ended");
    wait_until("the report is empty", || summary() == due(0, 0, 0));
}

#[test]
fn one_of_the_replicas_judges_again() {
    const LEASE: &str =
        "/apis/coordination.k8s.io/v1/namespaces/security/leases/unbroken-webhook-recheck";
    let lease = |seconds: u64| json!({"spec": {"holderIdentity": "another", "leaseDurationSeconds": seconds, "renewTime": "2026-06-01T12:00:00.000000Z"}});
    let followed = Followed::start(|api, _| api.put(LEASE, lease(3600)), &["--recheck", "1"]);
    let image = followed.world.push_signed("acme/app");
    followed.api.put("/api/v1/namespaces/prod/pods/good", runs(&image));
    followed.api.put(&format!("{CLUSTER_POLICIES}/acme"), json!({"spec": spec(&followed.world)}));
    followed.wait_for(&image, "admit");
    let asked =
        || followed.api.requests().iter().filter(|(_, path)| path.contains("leases")).count();
    wait_until("the lease is looked at again and again", || asked() > 2);
    assert!(followed.api.get(REPORT).is_none(), "another one holds the lease");
    // It does not renew it for as long as it said.
    followed.api.put(LEASE, lease(1));
    wait_until("the report is there", || followed.api.get(REPORT).is_some());
    let holder = followed.api.get(LEASE).unwrap()["spec"]["holderIdentity"].clone();
    assert_ne!(holder, "another");
}
