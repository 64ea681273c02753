//! What `deploy/` installs, in a cluster of its own: every object is taken, and the cluster is not locked out.

use std::process::Output;

use data_encoding::BASE64;
use serde_json::{Value, json};
use unbroken_testkit::api_server::ApiServer;
use unbroken_testkit::component;
use unbroken_testkit::registry::lasting_root;

use super::kinds::templated;
use super::pod;
use crate::cluster::wait_until;
use crate::deployment::{folder, installed, of_kind, render};
use crate::server::Server;

pub(super) fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].concat().escape_ascii().to_string()
}

#[test]
fn a_cluster_takes_the_manifests_and_can_still_start_without_the_program() {
    let name = "admission::api_server::deployed";
    let Some(assets) = component("KUBEBUILDER_ASSETS", name) else { return };
    let api = ApiServer::start(&assets);
    let text = std::fs::read_to_string(folder().join("install.yaml")).unwrap();
    let bundle = BASE64.encode(lasting_root(Server::AUTHORITY).as_bytes());
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    // Without an authority nothing is registered: with a wrong one nothing would come in.
    std::fs::write(path, &text).unwrap();
    let output = api.kubectl(&["apply", "--dry-run=server", "-f", path]);
    assert!(said(&output).contains("illegal base64 data"), "{}", said(&output));
    std::fs::write(path, text.replace("CA_BUNDLE", &bundle)).unwrap();
    let output = api.kubectl(&["apply", "-f", path]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), installed().len(), "{lines}");

    // No program answers: nothing comes in, but where the cluster has to start from.
    let wanted = |namespace: &str, group: &str, plural: &str, object: &Value| {
        let path = format!("{group}/namespaces/{namespace}/{plural}?dryRun=All");
        api.call("POST", &path, Some(object))
    };
    let object = json!({"metadata": {"name": "prod", "labels": {"kubernetes.io/metadata.name": "kube-system"}}});
    assert_eq!(api.call("POST", "/api/v1/namespaces", Some(&object)).status, 201);
    wait_until("the registration is in force", || {
        wanted("prod", "/api/v1", "pods", &pod("web", "example.com/app")).status != 201
    });
    let set = templated("ReplicaSet", "web", "example.com/app");
    let reply = wanted("prod", "/apis/apps/v1", "replicasets", &set);
    let begin = "Internal error occurred: failed calling webhook \"verify.in-toto.io\"";
    assert!(reply.message().starts_with(begin), "{}", reply.body);
    assert_eq!(wanted("kube-system", "/apis/apps/v1", "replicasets", &set).status, 201);
    // The pods of the program itself, which stand the restricted profile of the namespace.
    let documents = installed();
    let template = &of_kind(&documents, "Deployment")["spec"]["template"];
    let object = json!({"metadata": {"name": "own", "labels": template["metadata"]["labels"]}, "spec": template["spec"]});
    let reply = wanted("security", "/api/v1", "pods", &object);
    assert_eq!((reply.status, &reply.warnings), (201, &Vec::new()), "{}", reply.body);
    // And whoever may can take the registration away: no webhook is asked of that.
    let path =
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/in-toto-verifier";
    assert_eq!(api.call("DELETE", path, None).status, 200);
}

#[test]
fn a_cluster_takes_the_chart_with_all_that_can_be_switched_on() {
    let name = "admission::api_server::deployed::chart";
    let Some(helm) = component("UNBROKEN_TEST_HELM", name) else { return };
    let Some(api) = ApiServer::shared(name) else { return };
    let namespace = json!({"metadata": {"name": "security"}});
    assert_eq!(api.call("POST", "/api/v1/namespaces", Some(&namespace)).status, 201);
    let bundle = BASE64.encode(lasting_root(Server::AUTHORITY).as_bytes());
    let values = [
        &format!("tls.caBundle={bundle}"),
        "mutate.enabled=true",
        "registrySecret=registries",
        "webhook.exemptNamespaces={monitoring}",
        "webhook.matchConditions[0].name=not-nodes",
        "webhook.matchConditions[0].expression=!('system:nodes' in request.userInfo.groups)",
    ];
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), render(&helm, &values).unwrap()).unwrap();
    let path = file.path().to_str().unwrap();
    let output = api.kubectl(&["apply", "--dry-run=server", "-f", path]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
}
