//! Whoever writes into one namespace: what it may cost the others is bounded.

use serde_json::{Value, json};

use super::{CLUSTER_POLICIES, Followed, spec, status, wait_until};

const OF_DEV: &str = "/apis/in-toto.io/v1alpha1/namespaces/dev/supplychainpolicies";

/// Starts a server with a policy of the cluster, and what a tenant made before.
fn beside(tenant: impl FnOnce(&Followed, &Value), arguments: &[&str]) -> (Followed, String) {
    let followed = Followed::start(|api, _| api.fail(Some(500)), arguments);
    let image = followed.world.push_signed("acme/app");
    let spec = spec(&followed.world);
    followed.api.put(&format!("{CLUSTER_POLICIES}/acme"), json!({"spec": spec}));
    tenant(&followed, &spec);
    followed.api.fail(None);
    (followed, image)
}

#[test]
fn large_policies_of_one_namespace_are_for_that_one_and_fail_no_list() {
    // Together they are more than is read of one answer.
    let large = "x".repeat(3 << 20);
    let (followed, image) = beside(
        |followed, _| {
            for number in 0..6 {
                let spec = json!({"images": ["registry.example/none"], "x": large});
                followed.api.put(&format!("{OF_DEV}/p{number}"), json!({"spec": spec}));
            }
        },
        &[],
    );
    followed.wait_for(&image, "admit");
    followed.wait_for_in("dev", &image, "the specification has more than 262144 bytes");
    let condition = || status(&followed.api.get(&format!("{OF_DEV}/p0")).unwrap());
    wait_until("the status", || condition() == ("False".into(), "Invalid".into(), 1));
    // One that is changed to be as large comes as an event.
    for number in 0..6 {
        followed.api.delete(&format!("{OF_DEV}/p{number}"));
    }
    followed.wait_for_in("dev", &image, "admit");
    followed.api.put(&format!("{OF_DEV}/late"), json!({"spec": {"x": large}}));
    followed.wait_for_in("dev", &image, "the specification has more than 262144 bytes");
    followed.wait_for(&image, "admit");
}

#[test]
fn more_policies_than_a_namespace_may_have_deny_there_alone() {
    let (followed, image) = beside(
        |followed, spec| {
            for number in 0..65 {
                followed.api.put(&format!("{OF_DEV}/p{number}"), json!({"spec": spec}));
            }
        },
        &[],
    );
    followed.wait_for(&image, "admit");
    followed.wait_for_in("dev", &image, "there are more than 64 policies");
    // It is seen to be over when all are listed again.
    followed.api.delete(&format!("{OF_DEV}/p0"));
    followed.api.compact();
    followed.wait_for_in("dev", &image, "admit");
    // One more comes as an event.
    followed.api.put(&format!("{OF_DEV}/more"), json!({"spec": {}}));
    followed.wait_for_in("dev", &image, "there are more than 64 policies");
    followed.wait_for(&image, "admit");
}

#[test]
fn config_maps_of_one_namespace_take_none_of_those_of_others() {
    let map = |name: &str| json!({"configMap": {"name": name, "key": "root.layout"}});
    let (followed, image) = beside(
        |followed, spec| {
            for number in 0..20 {
                let mut spec = spec.clone();
                spec["layout"] = map(&format!("m{number:02}"));
                followed.api.put(&format!("{OF_DEV}/p{number:02}"), json!({"spec": spec}));
            }
            let mut spec = spec.clone();
            let data = json!({"data": {"root.layout": spec["layout"]["inline"]}});
            followed.api.put("/api/v1/namespaces/security/configmaps/layouts", data);
            spec["layout"] = map("layouts");
            followed.api.put(&format!("{CLUSTER_POLICIES}/acme"), json!({"spec": spec}));
        },
        &[],
    );
    followed.wait_for(&image, "admit");
    let of = |number: &str| status(&followed.api.get(&format!("{OF_DEV}/{number}")).unwrap());
    wait_until("it is not there", || of("p15").0 == "False");
    wait_until("there are too many", || of("p16") == ("Unknown".into(), "SourceUnread".into(), 1));
    let requests = followed.api.requests();
    let mut asked: Vec<&str> = requests
        .iter()
        .filter_map(|(_, target)| target.strip_prefix("/api/v1/namespaces/dev/configmaps?"))
        .filter_map(|query| query.split('&').next())
        .collect();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), 16, "{asked:?}");
    // What nobody names any more counts until its watch has ended, and no longer.
    followed.api.delete(&format!("{OF_DEV}/p00"));
    wait_until("there is room again", || of("p16").0 == "False");
}

#[test]
fn a_layout_that_is_refused_is_no_valid_policy() {
    let followed = Followed::start(|_, _| {}, &[]);
    let path = format!("{CLUSTER_POLICIES}/acme");
    let other = unbroken_testkit::keys::key("builder").public().spki_pem();
    let good = spec(&followed.world);
    let mut unsigned: Value =
        serde_json::from_str(good["layout"]["inline"].as_str().unwrap()).unwrap();
    unsigned["signatures"] = json!([]);
    let unsigned = json!({"inline": unsigned.to_string()});
    for (member, value, code) in [
        ("owners", json!([{"inline": other}]), "[signature-threshold-not-met]"),
        ("layout", unsigned, "[signature-threshold-not-met]"),
        ("layout", json!({"inline": "no layout"}), "[envelope-malformed]"),
    ] {
        let mut spec = good.clone();
        spec[member] = value;
        followed.api.put(&path, json!({"spec": spec}));
        let object = || followed.api.get(&path).unwrap();
        wait_until("the status", || {
            status(&object()).2 == object()["metadata"]["generation"].as_i64().unwrap()
        });
        let (valid, reason, _) = status(&object());
        assert_eq!((valid.as_str(), reason.as_str()), ("False", "LayoutRefused"));
        let message = object()["status"]["conditions"][0]["message"].clone();
        assert!(message.as_str().unwrap().contains(code), "{message}");
    }
}

#[test]
fn a_file_that_breaks_beside_the_cluster_keeps_its_settings() {
    let settings = |namespaces: &str| {
        format!(
            "apiVersion: in-toto.io/v1alpha1\nkind: AdmissionSettings\nmetadata: {{name: settings}}\nspec: {{unmatched: admit, exemptNamespaces: [{namespaces}]}}\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.yaml");
    std::fs::write(&file, settings("")).unwrap();
    let (followed, _) = beside(|_, _| {}, &[&file.display().to_string()]);
    let other = followed.world.push("other/app");
    followed.wait_for(&other, "admit");
    std::fs::write(&file, "no policies").unwrap();
    followed.server.event("the policies in ");
    followed.wait_for(&other, "admit");
    std::fs::write(&file, settings("").replace("admit", "deny")).unwrap();
    followed.server.event("the policies can be used again");
    followed.wait_for(&other, "[no-policy]");
}
