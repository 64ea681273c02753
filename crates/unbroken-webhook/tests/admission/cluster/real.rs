//! Policies as custom resources of a real API server: its schema, its watches, its subresource.

use std::fs;

use serde_json::{Value, json};
use unbroken_testkit::api_server::ApiServer;
use unbroken_testkit::registry::lasting_root;

use super::{spec, status};
use crate::api_server::{Api, Cluster, created, pod, registration};
use crate::server::Server;
use crate::world::World;

const GROUP: &str = "/apis/in-toto.io/v1alpha1";
pub(super) const POLICIES: &str = "/apis/in-toto.io/v1alpha1/clustersupplychainpolicies";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Installs what `unbroken-webhook crds` prints, and waits until the API server serves it.
fn install(api: &ApiServer) {
    let text = unbroken_webhook::crds::definitions();
    let definitions: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    for definition in definitions {
        let reply = api.call("POST", DEFINITIONS, Some(&definition));
        // Another test of the same API server may have been first.
        assert!([201, 409].contains(&reply.status), "{}", reply.body);
        let path = format!("{DEFINITIONS}/{}", definition["metadata"]["name"].as_str().unwrap());
        super::wait_until("the definition is established", || {
            let conditions = api.call("GET", &path, None).body["status"]["conditions"].clone();
            let conditions = conditions.as_array().cloned().unwrap_or_default();
            let is = |kind: &str, status: &str| {
                conditions.iter().any(|it| it["type"] == kind && it["status"] == status)
            };
            assert!(!is("NonStructuralSchema", "True"), "{conditions:?}");
            is("Established", "True")
        });
    }
}

/// Starts the program as a client of the API server, beside a namespace of its own.
pub(super) fn follow(name: &str, arguments: &[&str]) -> Option<Cluster> {
    let api = ApiServer::shared(&format!("admission::cluster::{name}"))?;
    install(api);
    let world = World::new();
    world.keep("token", ApiServer::ADMIN.as_bytes());
    world.keep("api.crt", api.authority().as_bytes());
    let path = |name: &str| world.folder().join(name).display().to_string();
    let (token, authority) = (path("token"), path("api.crt"));
    let of_cluster = [
        "--cluster",
        "--api-server",
        api.address(),
        "--api-ca",
        &authority,
        "--api-token",
        &token,
        "--own-namespace",
        "default",
    ];
    let server = Server::launch(&world, &[of_cluster.as_slice(), arguments].concat());
    let namespace = name.replace('_', "-");
    let object = json!({"metadata": {"name": namespace}});
    created(&api.call("POST", "/api/v1/namespaces", Some(&object)));
    let api = Api::Real(api);
    Some(Cluster { api, world, server, namespace })
}

#[test]
fn policies_are_resources_with_a_status() {
    let Some(cluster) = follow("policy_resources", &[]) else { return };
    let authority = lasting_root(Server::AUTHORITY);
    let url = format!("{}/verify", cluster.server.address());
    cluster.register(&registration(&cluster.namespace, &url, &authority));
    let image = cluster.world.push_signed("acme/app");
    cluster.wait_until("the registration is in force", || {
        cluster.dry_run(&image).message().contains("[no-policy]")
    });
    let all = POLICIES;
    let policy = |spec: &Value| {
        json!({
            "apiVersion": "in-toto.io/v1alpha1", "kind": "ClusterSupplyChainPolicy",
            "metadata": {"name": "policy-resources"}, "spec": spec,
        })
    };
    let mut spec = spec(&cluster.world);
    let map = json!({
        "metadata": {"name": "policy-resources"},
        "data": {"root.layout": spec["layout"]["inline"]},
    });
    created(&cluster.api.call("POST", "/api/v1/namespaces/default/configmaps", Some(&map)));
    spec["layout"] = json!({"configMap": {"name": "policy-resources", "key": "root.layout"}});
    spec["namespaceSelector"] =
        json!({"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}});
    created(&cluster.api.call("POST", all, Some(&policy(&spec))));
    cluster.wait_until("the image comes in", || cluster.dry_run(&image).status == 201);
    created(&cluster.post("/api/v1", "pods", &pod("web", &image)));
    let one = format!("{all}/policy-resources");
    let said = || status(&cluster.api.call("GET", &one, None).body);
    cluster.wait_until("the status", || said() == ("True".into(), "Usable".into(), 1));

    // A member that is not known is neither refused nor dropped: the policy says that it has one.
    spec["requireSignatures"] = json!(true);
    let text = policy(&spec).to_string();
    let file = cluster.world.folder().join("policy.json");
    fs::write(&file, text).unwrap();
    let (applied, told) = cluster.kubectl(&["apply", "-f", &file.display().to_string()]);
    assert!(applied, "{told}");
    cluster.wait_until("the status", || said() == ("False".into(), "Invalid".into(), 2));
    cluster.wait_until("the policy denies", || {
        cluster.dry_run(&image).message().contains("[policy-invalid]")
    });
    let (_, table) = cluster.kubectl(&["get", "cscp", "policy-resources"]);
    assert!(table.contains("False") && table.contains("Invalid"), "{table}");

    // What the schema can tell is told at once.
    for (member, value) in [
        ("mode", json!("never")),
        ("owners", json!([])),
        ("images", json!([])),
        ("threshold", json!(0)),
        ("layout", json!({"inline": "x", "image": "y"})),
        ("layout", json!({})),
    ] {
        let mut wrong = policy(&spec);
        wrong["spec"][member] = value.clone();
        wrong["metadata"]["name"] = json!("wrong");
        let reply = cluster.api.call("POST", all, Some(&wrong));
        assert_eq!(reply.status, 422, "{member} {value}: {}", reply.body);
    }
    // One of the namespace in which nothing can be read denies the namespace.
    let removed = cluster.api.call("DELETE", &one, None);
    assert_eq!(removed.status, 200, "{}", removed.body);
    let own = json!({
        "apiVersion": "in-toto.io/v1alpha1", "kind": "SupplyChainPolicy",
        "metadata": {"name": "own"},
        "spec": {"images": ["not a pattern"], "layout": {"inline": "x"}, "owners": [{"inline": "x"}]},
    });
    created(&cluster.post(GROUP, "supplychainpolicies", &own));
    cluster.wait_until("the policy of the namespace denies", || {
        cluster.dry_run(&image).message().contains("Policy: policy-resources/own.")
    });
}
