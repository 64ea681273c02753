//! The rights that the chart grants, before a real API server: what the program does by them, and what it may not.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Value, json};
use unbroken_testkit::api_server::ApiServer;
use unbroken_testkit::component;
use unbroken_testkit::registry::{Reply, lasting_root};

use super::deployed::said;
use super::{created, pod};
use crate::cluster::{spec, status, wait_until};
use crate::deployment::{documents, folder, of_kind, render};
use crate::server::Server;
use crate::world::{World, pod_of};

const ACCOUNT: &str = "/api/v1/namespaces/security/serviceaccounts/in-toto-webhook/token";
const POLICIES: &str = "/apis/in-toto.io/v1alpha1/clustersupplychainpolicies";

/// Reports, as far as the program needs them to be defined.
const REPORTS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: reports.openreports.io, annotations: {api-approved.kubernetes.io: unapproved}}
spec:
  group: openreports.io
  scope: Namespaced
  names: {kind: Report, plural: reports}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// Installs the chart as it is rendered; returns what the kubelet would give the program: its token.
fn install(api: &ApiServer, rendered: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rendered).unwrap();
    let definitions = folder().join("crds.yaml");
    for path in [file.path(), &definitions] {
        apply(api, path);
    }
    let request = json!({"spec": {"expirationSeconds": 3600}});
    let token = api.call("POST", ACCOUNT, Some(&request)).body["status"]["token"].clone();
    token.as_str().unwrap().to_owned()
}

fn apply(api: &ApiServer, path: &Path) {
    let output = api.kubectl(&["apply", "-f", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
}

/// Starts the program as the account of the token.
fn launch(api: &ApiServer, world: &World, token: &str, arguments: &[&str]) -> Server {
    world.keep("token", token.as_bytes());
    world.keep("api.crt", api.authority().as_bytes());
    let path = |name: &str| world.folder().join(name).display().to_string();
    let (token, authority) = (path("token"), path("api.crt"));
    let way = ["--api-server", api.address(), "--api-ca", &authority, "--api-token", &token];
    Server::launch(world, &[arguments, &["--own-namespace", "security"], &way].concat())
}

/// Makes a policy, and waits until the program has said that it is usable.
fn follow_policy(api: &ApiServer, spec: &Value) {
    let policy = json!({"apiVersion": "in-toto.io/v1alpha1", "kind": "ClusterSupplyChainPolicy",
        "metadata": {"name": "acme"}, "spec": spec});
    created(&api.call("POST", POLICIES, Some(&policy)));
    wait_until("the policy is told to be usable", || {
        let policy = api.call("GET", &format!("{POLICIES}/acme"), None).body;
        status(&policy) == ("True".into(), "Usable".into(), 1)
    });
}

fn refused(api: &ApiServer, token: &str, requests: &[(&str, &str)]) {
    for (method, path) in requests {
        let reply = api.call_as(token, method, path, Some(&json!({})));
        assert_eq!(reply.status, 403, "{method} {path}: {}", reply.body);
    }
}

#[test]
fn the_rights_of_the_chart_are_enough_and_no_more() {
    let name = "admission::api_server::deployed::rights";
    let Some(helm) = component("UNBROKEN_TEST_HELM", name) else { return };
    let Some(assets) = component("KUBEBUILDER_ASSETS", name) else { return };
    let api = ApiServer::start(&assets);
    let values = [
        "createNamespace=true",
        "tls.selfIssued=true",
        "mutate.enabled=true",
        "cluster.enabled=true",
        "cluster.configMaps={layouts}",
    ];
    let token = install(&api, &render(&helm, &values).unwrap());
    let world = World::new();
    let arguments = ["--cluster", "--self-issued", "--mutating-configuration", "in-toto-digests"];
    let _server = launch(&api, &world, &token, &arguments);
    let mut spec = spec(&world);
    let layouts =
        json!({"metadata": {"name": "layouts"}, "data": {"root.layout": spec["layout"]["inline"]}});
    let maps = "/api/v1/namespaces/security/configmaps";
    assert_eq!(api.call("POST", maps, Some(&layouts)).status, 201);
    spec["layout"] = json!({"configMap": {"name": "layouts", "key": "root.layout"}});
    follow_policy(&api, &spec);

    let configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let mutating =
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/in-toto-digests";
    for path in [&format!("{configurations}/in-toto-verifier"), mutating] {
        wait_until("its authority stands in the registration", || {
            let config = &api.call("GET", path, None).body["webhooks"][0]["clientConfig"];
            config["caBundle"].as_str().is_some_and(|bundle| !bundle.is_empty())
        });
    }
    let one = format!("{POLICIES}/acme");
    let requests = [
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/namespaces/security/secrets"),
        ("GET", "/api/v1/namespaces/security/secrets/registries"),
        ("POST", "/api/v1/namespaces/default/secrets"),
        ("DELETE", "/api/v1/namespaces/security/secrets/in-toto-webhook-certificates"),
        ("DELETE", mutating),
        ("GET", "/api/v1/configmaps"),
        ("GET", maps),
        ("GET", "/api/v1/namespaces/default/configmaps/layouts"),
        ("GET", "/api/v1/pods"),
        ("POST", "/apis/events.k8s.io/v1/namespaces/default/events"),
        ("GET", "/apis/openreports.io/v1alpha1/namespaces/default/reports/unbroken-webhook"),
        ("POST", "/api/v1/namespaces/default/pods"),
        ("POST", ACCOUNT),
        ("GET", configurations),
        ("POST", POLICIES),
        ("DELETE", &one),
        ("PATCH", &one),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ];
    refused(&api, &token, &requests);
}

/// A pod that names its secrets, or the account whose secrets it takes.
fn with_credentials(name: &str, image: &str, member: &str, value: Value) -> Value {
    let mut object = pod(name, image);
    object["spec"][member] = value;
    object
}

#[test]
fn the_rights_for_events_reports_and_credentials_are_enough_and_no_more() {
    let name = "admission::api_server::rights::events";
    let Some(helm) = component("UNBROKEN_TEST_HELM", name) else { return };
    let Some(assets) = component("KUBEBUILDER_ASSETS", name) else { return };
    let (api, world) = (ApiServer::start(&assets), World::new());
    let make = |path: &str, object: Value| created(&api.call("POST", path, Some(&object)));
    make("/api/v1/namespaces", json!({"metadata": {"name": "prod"}}));
    // What runs before nothing comes in any more, in a registry that asks for credentials.
    let (image, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    let pods = "/api/v1/namespaces/prod/pods";
    let secrets = json!([{"name": "registry"}]);
    make(pods, with_credentials("named", &image, "imagePullSecrets", secrets.clone()));
    make(pods, with_credentials("account", &image, "serviceAccountName", json!("builder")));
    let accounts = "/api/v1/namespaces/prod/serviceaccounts";
    make(accounts, json!({"metadata": {"name": "builder"}, "imagePullSecrets": secrets}));
    let auth = BASE64.encode(b"u:secret");
    let text = json!({"auths": {world.registry.host(): {"auth": auth}}}).to_string();
    let secret = json!({"metadata": {"name": "registry"}, "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": BASE64.encode(text.as_bytes())}});
    make("/api/v1/namespaces/prod/secrets", secret);
    let due = format!("Basic {auth}");
    world.registry.rule(move |request| {
        let known = request.header("authorization") == Some(&due);
        (!known).then(|| Reply::status(401).header("www-authenticate", "Basic realm=\"x\""))
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), REPORTS).unwrap();
    apply(&api, file.path());

    let values = [
        "createNamespace=true",
        &format!("tls.caBundle={}", BASE64.encode(lasting_root(Server::AUTHORITY).as_bytes())),
        "cluster.enabled=true",
        "cluster.events=true",
        "cluster.recheckSeconds=1",
        "cluster.pullSecrets=true",
        "cluster.pullSecretsOf[0].namespace=prod",
        "cluster.pullSecretsOf[0].secrets={registry}",
        "cluster.pullSecretsOf[0].serviceAccounts={builder}",
    ];
    let rendered = render(&helm, &values).unwrap();
    let token = install(&api, &rendered);
    let documents = documents(&rendered);
    let container = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let arguments = container["args"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    // All of them but for the files and the port, which the test has elsewhere.
    let arguments: Vec<&str> =
        arguments.skip(3).filter(|it| !it.contains("=/etc/unbroken/tls/")).collect();
    assert_eq!(arguments, ["--cluster", "--pull-secrets", "--events", "--recheck=1"]);
    let server = launch(&api, &world, &token, &arguments);
    follow_policy(&api, &spec(&world));

    // Both pods pass by the credentials that each of them names; and then there is one.
    let reports = "/apis/openreports.io/v1alpha1/namespaces/prod/reports";
    let report = format!("{reports}/unbroken-webhook");
    let passed = || api.call("GET", &report, None).body["summary"]["pass"].clone();
    wait_until("the report is made", || passed() == 2);
    assert_eq!(api.call("DELETE", &format!("{pods}/account"), None).status, 200);
    wait_until("the report is written again", || passed() == 1);
    // It is found where nothing runs any more, and emptied.
    assert_eq!(api.call("DELETE", &format!("{pods}/named"), None).status, 200);
    wait_until("the report is empty", || passed() == 0);
    let leases = "/apis/coordination.k8s.io/v1/namespaces/security/leases";
    let lease = format!("{leases}/unbroken-webhook-recheck");
    assert_eq!(api.call("GET", &lease, None).status, 200);
    // Where the cluster has reports of the older form alone, it may make these.
    let older = "/apis/wgpolicyk8s.io/v1alpha2/namespaces/prod/policyreports";
    for (method, path) in [
        ("POST", older),
        ("GET", &format!("{older}/unbroken-webhook")),
        ("PUT", &format!("{older}/unbroken-webhook")),
    ] {
        let reply = api.call_as(&token, method, path, Some(&json!({})));
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.body);
    }

    server.review("/verify", &pod_of(&unsigned));
    let events = "/apis/events.k8s.io/v1/namespaces/prod/events";
    let told = || api.call("GET", events, None).body["items"][0].clone();
    wait_until("the denial is told", || told()["reason"] == "Denied");
    let event = format!("{events}/{}", told()["metadata"]["name"].as_str().unwrap());
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-06-01T12:00:00.000000Z"}});
    let counted = api.call_as(&token, "PATCH", &event, Some(&series));
    assert_eq!(counted.status, 200, "{}", counted.body);

    let requests = [
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/namespaces/prod/secrets"),
        ("GET", "/api/v1/namespaces/prod/secrets/other"),
        ("PUT", "/api/v1/namespaces/prod/secrets/registry"),
        ("GET", "/api/v1/namespaces/default/secrets/registry"),
        ("GET", accounts),
        ("GET", "/api/v1/namespaces/prod/serviceaccounts/default"),
        ("PUT", "/api/v1/namespaces/prod/serviceaccounts/builder"),
        ("POST", "/api/v1/namespaces/prod/serviceaccounts/builder/token"),
        ("GET", "/api/v1/namespaces/default/serviceaccounts/builder"),
        ("GET", "/api/v1/pods?watch=true"),
        ("GET", "/api/v1/namespaces/prod/pods/named"),
        ("POST", pods),
        ("DELETE", "/api/v1/namespaces/prod/pods/named"),
        ("GET", events),
        ("GET", &event),
        ("PUT", &event),
        ("DELETE", &event),
        ("GET", reports),
        ("GET", &format!("{reports}/other")),
        ("PUT", &format!("{reports}/other")),
        ("PATCH", &report),
        ("DELETE", &report),
        ("GET", leases),
        ("GET", &format!("{leases}/other")),
        ("DELETE", &lease),
        ("POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases"),
        ("GET", older),
        ("PUT", &format!("{older}/other")),
        ("DELETE", &format!("{older}/unbroken-webhook")),
    ];
    refused(&api, &token, &requests);
}
