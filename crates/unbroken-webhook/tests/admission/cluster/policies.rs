//! Policies as custom resources: followed, told of in their status, and never gone by being broken.

use serde_json::json;

use super::{CLUSTER_POLICIES, Followed, POLICIES, spec, status, wait_until};

#[test]
fn policies_are_followed_and_their_status_says_what_became_of_them() {
    let followed = Followed::start(|_, _| {}, &[]);
    let image = followed.world.push_signed("acme/app");
    followed.wait_for(&image, "[no-policy]");
    let path = format!("{CLUSTER_POLICIES}/acme");
    followed.api.put(&path, json!({"spec": spec(&followed.world)}));
    followed.wait_for(&image, "admit");
    let said = || status(&followed.api.get(&path).unwrap());
    wait_until("the status", || said() == ("True".into(), "Usable".into(), 1));

    // One with a mistake stays where it is, and denies what it is for.
    let mut broken = spec(&followed.world);
    broken["requireSignatures"] = json!(true);
    followed.api.put(&path, json!({"spec": broken}));
    followed.wait_for(&image, "[policy-invalid]");
    wait_until("the status", || said() == ("False".into(), "Invalid".into(), 2));

    // What was missed while the history was lost is found by listing again.
    followed.api.compact();
    followed.api.put(&path, json!({"spec": spec(&followed.world)}));
    followed.wait_for(&image, "admit");
    // An API server that is away changes nothing.
    followed.api.fail(Some(500));
    followed.server.event("ClusterSupplyChainPolicy: the API server answered");
    followed.wait_for(&image, "admit");
    followed.api.fail(None);
    followed.api.delete(&path);
    followed.wait_for(&image, "[no-policy]");
}

#[test]
fn before_the_policies_are_known_nothing_comes_in() {
    let followed = Followed::start(|api, _| api.fail(Some(403)), &[]);
    let image = followed.world.push_signed("acme/app");
    followed.wait_for(&image, "[undecided]");
    assert_eq!(followed.server.get("/readyz"), 503);
    followed.api.put(&format!("{CLUSTER_POLICIES}/acme"), json!({"spec": spec(&followed.world)}));
    followed.api.fail(None);
    followed.wait_for(&image, "admit");
    assert_eq!(followed.server.get("/readyz"), 200);
}

#[test]
fn the_policy_of_a_namespace_asks_for_more_there_and_lets_nothing_in_by_itself() {
    let followed = Followed::start(|_, _| {}, &[]);
    let image = followed.world.push_signed("acme/app");
    let own = format!("{POLICIES}/own");
    followed.api.put(&own, json!({"spec": spec(&followed.world)}));
    wait_until("the status", || status(&followed.api.get(&own).unwrap()).0 == "True");
    // Else whoever writes into a namespace would bring his own keys.
    followed.wait_for(&image, "[no-policy]");
    let of_cluster = format!("{CLUSTER_POLICIES}/acme");
    followed.api.put(&of_cluster, json!({"spec": spec(&followed.world)}));
    followed.wait_for(&image, "admit");
    // It is heard beside that of the cluster. What cannot be read of it narrows nothing.
    for spec in [json!({"images": 1}), json!({}), json!([]), json!(null)] {
        followed.api.put(&own, json!({"spec": spec}));
        followed.wait_for(&image, "Policy: prod/own.");
    }
    let elsewhere = "/apis/in-toto.io/v1alpha1/namespaces/dev/supplychainpolicies/own";
    followed.api.put(elsewhere, json!({"spec": {}}));
    followed.api.delete(&own);
    followed.wait_for(&image, "admit");
    // It neither reaches into other namespaces nor reads what lies there.
    for (member, value) in [
        ("namespaces", json!(["dev"])),
        ("namespaceSelector", json!({})),
        ("layout", json!({"configMap": {"namespace": "dev", "name": "a", "key": "b"}})),
        ("layout", json!({"image": "registry.example/acme/layout:1"})),
        ("layout", json!({"file": "/etc/passwd"})),
        // It would be asked with the credentials of the webhook.
        ("evidence", json!(["registry.example/evidence/acme"])),
    ] {
        let mut spec = spec(&followed.world);
        spec[member] = value.clone();
        followed.api.put(&own, json!({"spec": spec}));
        wait_until(&value.to_string(), || {
            let object = followed.api.get(&own).unwrap();
            status(&object).0 == "False"
                && status(&object).2 == object["metadata"]["generation"].as_i64().unwrap()
        });
    }
}

#[test]
fn where_the_settings_say_so_the_policy_of_a_namespace_is_enough() {
    let settings = "apiVersion: in-toto.io/v1alpha1\nkind: AdmissionSettings\nmetadata: {name: settings}\nspec: {delegatedNamespaces: ['pro*']}\n";
    let followed = Followed::start(
        |api, world| {
            world.keep("settings.yaml", settings.as_bytes());
            api.put(&format!("{POLICIES}/own"), json!({"spec": spec(world)}));
        },
        &[],
    );
    let image = followed.world.push_signed("acme/app");
    followed.wait_for(&image, "[no-policy]");
    drop(followed.server);
    let file = followed.world.folder().join("settings.yaml");
    let arguments = [
        "--cluster",
        "--api-server",
        followed.api.address(),
        "--own-namespace",
        "security",
        &file.display().to_string(),
    ];
    let server = crate::server::Server::launch(&followed.world, &arguments);
    let followed = Followed { server, api: followed.api, world: followed.world };
    followed.wait_for(&image, "admit");
}

#[test]
fn labels_of_namespaces_choose_and_what_is_not_known_lets_nothing_in() {
    let followed = Followed::start(|_, _| {}, &[]);
    let image = followed.world.push_signed("acme/app");
    let path = format!("{CLUSTER_POLICIES}/acme");
    let put = |selector| {
        let mut spec = spec(&followed.world);
        spec["namespaceSelector"] = selector;
        followed.api.put(&path, json!({"spec": spec}));
    };
    put(json!({"matchLabels": {"env": "prod"}}));
    followed.wait_for(&image, "admit");
    let not_dev = json!({"key": "env", "operator": "NotIn", "values": ["prod"]});
    put(json!({"matchExpressions": [not_dev]}));
    followed.wait_for(&image, "[no-policy]");
    let namespace = "/api/v1/namespaces/prod";
    followed.api.put(namespace, json!({"metadata": {"labels": {"env": "dev"}}}));
    followed.wait_for(&image, "admit");
    followed.api.put(namespace, json!({"metadata": {"labels": {"env": "prod"}}}));
    followed.wait_for(&image, "[no-policy]");
    // A namespace that is not known may be meant, and nothing comes in because it may.
    followed.api.delete(namespace);
    followed.wait_for(&image, "the labels of the namespace are not known");
    // Labels of the object are its author's: no policy goes by them.
    let mut by_object = spec(&followed.world);
    by_object["objectSelector"] = json!({"matchLabels": {"skip": "no"}});
    followed.api.put(&path, json!({"spec": by_object}));
    followed.wait_for(&image, "[policy-invalid]");
}

#[test]
fn layouts_come_from_config_maps_and_registries_and_are_followed() {
    let followed = Followed::start(|_, _| {}, &[]);
    let image = followed.world.push_signed("acme/app");
    let path = format!("{CLUSTER_POLICIES}/acme");
    let layout = spec(&followed.world)["layout"]["inline"].clone();
    let put = |source: serde_json::Value| {
        let mut spec = spec(&followed.world);
        spec["layout"] = source;
        followed.api.put(&path, json!({"spec": spec}));
    };
    put(json!({"configMap": {"name": "layouts", "key": "root.layout"}}));
    followed.wait_for(&image, "security/layouts is not there");
    let map = "/api/v1/namespaces/security/configmaps/layouts";
    followed.api.put(map, json!({"data": {"other": "x"}}));
    followed.wait_for(&image, "has no \"root.layout\"");
    followed.api.put(map, json!({"data": {"root.layout": layout}}));
    followed.wait_for(&image, "admit");
    followed.api.put(map, json!({"data": {"root.layout": "no layout"}}));
    followed.wait_for(&image, "[envelope-malformed]");

    // An artifact of a registry, by its tag and by its digest.
    let registry = &followed.world.registry;
    let bytes = layout.as_str().unwrap().as_bytes().to_vec();
    let digest = registry.put_image("policies/layout", "1", &bytes);
    for name in ["policies/layout:1".to_owned(), format!("policies/layout@{digest}")] {
        put(json!({"image": followed.world.repository(&name)}));
        followed.wait_for(&image, "admit");
    }
    put(json!({"image": followed.world.repository("policies/absent:1")}));
    followed.wait_for(&image, "[undecided]");
    // Of a key the digest is named: whoever may push the tag would be the owner.
    let owner = spec(&followed.world)["owners"][0]["inline"].clone();
    let owner = owner.as_str().unwrap().as_bytes().to_vec();
    let digest = registry.put_image("policies/owner", "1", &owner);
    for member in ["owners", "inspectors"] {
        let named = |name: &str| {
            let mut spec = spec(&followed.world);
            spec[member] = json!([{"image": followed.world.repository(name)}]);
            followed.api.put(&path, json!({"spec": spec}));
        };
        named("policies/owner:1");
        followed.wait_for(&image, &format!("{member}: a key of a registry is named by its digest"));
        named(&format!("policies/owner@{digest}"));
        followed.wait_for(&image, "admit");
    }
    // An earlier layout cannot be put back.
    let mut spec = spec(&followed.world);
    spec["minLayoutVersion"] = json!(7);
    followed.api.put(&path, json!({"spec": spec}));
    followed.wait_for(&image, "[layout-replayed]");
}
