//! What `deploy/` installs: held to what the program needs, and to what a cluster should grant it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use unbroken_policy::PolicySet;
use unbroken_policy::kind::GroupKind;
use unbroken_testkit::component;
use unbroken_webhook::workload::{Unreadable, image_slots};

use crate::world::now;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The manifests that are applied without helm.
pub(crate) fn installed() -> Vec<Value> {
    documents(&fs::read_to_string(folder().join("install.yaml")).unwrap())
}

pub(crate) fn of_kind<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = documents.iter().filter(|it| it["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

fn words(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// The kinds of the rules, by group and plural, and the kind of which the program is asked.
const KINDS: [(&str, &str, &str); 10] = [
    ("", "pods", "Pod"),
    ("", "pods/ephemeralcontainers", "Pod"),
    ("", "podtemplates", "PodTemplate"),
    ("", "replicationcontrollers", "ReplicationController"),
    ("apps", "daemonsets", "DaemonSet"),
    ("apps", "deployments", "Deployment"),
    ("apps", "replicasets", "ReplicaSet"),
    ("apps", "statefulsets", "StatefulSet"),
    ("batch", "cronjobs", "CronJob"),
    ("batch", "jobs", "Job"),
];

/// Holds the rules of a registration to the kinds that the program knows.
fn check_rules(webhook: &Value) {
    let mut found = BTreeSet::new();
    for rule in webhook["rules"].as_array().unwrap() {
        assert_eq!(words(&rule["operations"]), ["CREATE", "UPDATE"].into(), "{rule}");
        assert_eq!(words(&rule["apiVersions"]), ["v1"].into(), "{rule}");
        for group in words(&rule["apiGroups"]) {
            found.extend(words(&rule["resources"]).into_iter().map(|plural| (group, plural)));
        }
    }
    let due = KINDS.map(|(group, plural, _)| (group, plural));
    assert_eq!(found, due.into());
    for (group, _, kind) in KINDS {
        let kind = GroupKind { group: group.to_owned(), kind: kind.to_owned() };
        let found = image_slots(&kind, &json!({}), &[]);
        assert!(found.is_err() && found != Err(Unreadable::UnknownKind), "{kind:?}");
    }
}

fn check_registration(webhook: &Value, exempt: &[&str]) {
    check_rules(webhook);
    assert_eq!(webhook["failurePolicy"], "Fail");
    assert_eq!(webhook["sideEffects"], "None");
    assert_eq!(webhook["matchPolicy"], "Equivalent");
    assert_eq!(webhook["admissionReviewVersions"], json!(["v1"]));
    // Users set the labels of objects: nothing of them may open a way.
    assert!(webhook.get("objectSelector").is_none());
    let selector = json!({"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": exempt}]});
    assert_eq!(webhook["namespaceSelector"], selector);
}

#[test]
fn the_registration_asks_of_every_kind_and_fails_closed() {
    let documents = installed();
    let registration = of_kind(&documents, "ValidatingWebhookConfiguration");
    assert_eq!(registration["metadata"]["name"], "in-toto-verifier");
    let [webhook] = registration["webhooks"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!(webhook["name"], "verify.in-toto.io");
    check_registration(webhook, &["kube-system", "security"]);
    let service =
        json!({"name": "in-toto-webhook", "namespace": "security", "path": "/verify", "port": 443});
    assert_eq!(webhook["clientConfig"]["service"], service);
    let fixed =
        fs::read_to_string(folder().join("static/validating/in-toto-verifier.yaml")).unwrap();
    let [registration] = documents_of(&fixed);
    // What the API server asks of a file that it reads itself.
    let name = registration["metadata"]["name"].as_str().unwrap();
    assert!(name.ends_with(".static.k8s.io"), "{name}");
    assert!(registration["webhooks"][0]["clientConfig"].get("service").is_none());
    check_registration(&registration["webhooks"][0], &["kube-system"]);
    // Conditions in CEL and conversions are not simulated: what is installed has none.
    for registration in [&registration, of_kind(&documents, "ValidatingWebhookConfiguration")] {
        assert!(registration["webhooks"][0].get("matchConditions").is_none());
    }
    let [one, other]: [Value; 2] =
        documents_of(&fs::read_to_string(folder().join("crds.yaml")).unwrap());
    for definition in [one, other] {
        assert_eq!(definition["kind"], "CustomResourceDefinition");
        assert!(definition["spec"].get("conversion").is_none());
    }
}

fn documents_of<const COUNT: usize>(text: &str) -> [Value; COUNT] {
    documents(text).try_into().unwrap()
}

#[test]
fn the_program_runs_with_nothing_that_it_does_not_need() {
    let documents = installed();
    let deployment = of_kind(&documents, "Deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(deployment["spec"]["replicas"], 2);
    assert!(pod["affinity"]["podAntiAffinity"].is_object());
    assert_eq!(of_kind(&documents, "PodDisruptionBudget")["spec"]["minAvailable"], 1);
    assert_eq!(pod["automountServiceAccountToken"], false);
    for kind in ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"] {
        assert!(documents.iter().all(|document| document["kind"] != kind), "{kind}");
    }
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    let due = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        "privileged": false, "readOnlyRootFilesystem": true});
    assert_eq!(container["securityContext"], due);
    assert!(container["resources"]["limits"]["memory"].is_string());
    // Whoever forgets to replace it gets no pods: names of images have no capital letters.
    assert_eq!(container["image"], "IMAGE");
    // The 5 s and the 25 s of the program's end, and some.
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 30);
    let network = of_kind(&documents, "NetworkPolicy");
    assert_eq!(network["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    // Names, registries, and API servers, which listen on either port behind the service of the cluster.
    let ports = network["spec"]["egress"].as_array().unwrap().iter();
    let ports = ports.flat_map(|rule| rule["ports"].as_array().unwrap());
    let ports: Vec<u64> = ports.map(|it| it["port"].as_u64().unwrap()).collect();
    assert_eq!(ports, [53, 53, 443, 6443]);
    assert!(container["resources"]["requests"]["cpu"].is_string());
    assert_eq!(of_kind(&documents, "Namespace")["metadata"]["name"], "security");
    for kind in ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "ConfigMap"] {
        let metadata = &of_kind(&documents, kind)["metadata"];
        assert_eq!(
            (&metadata["name"], &metadata["namespace"]),
            (&json!("in-toto-webhook"), &json!("security"))
        );
    }
    // Whatever selects the pods selects these.
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for selector in [
        &deployment["spec"]["selector"]["matchLabels"],
        &of_kind(&documents, "Service")["spec"]["selector"],
        &of_kind(&documents, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        &network["spec"]["podSelector"]["matchLabels"],
    ] {
        let selector = selector.as_object().unwrap();
        assert!(!selector.is_empty() && selector.iter().all(|(key, value)| labels[key] == *value));
    }
}

#[test]
fn the_program_takes_the_arguments_and_the_policies_that_are_installed() {
    let documents = installed();
    let arguments =
        &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"];
    let arguments: Vec<&str> =
        arguments.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    // All of them are understood: what is missing is the file.
    let output =
        Command::new(env!("CARGO_BIN_EXE_unbroken-webhook")).args(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot read /etc/unbroken/policies/policies.yaml"), "{said}");
    let data = of_kind(&documents, "ConfigMap")["data"].as_object().unwrap();
    let policies = data["policies.yaml"].as_str().unwrap();
    let policies = PolicySet::parse(policies, Path::new("/"), now()).unwrap();
    assert!(policies.settings.exempt_namespaces.is_empty());
}

/// Renders the chart; `--set` for each of the values.
pub(crate) fn render(helm: &Path, values: &[&str]) -> Result<String, String> {
    let mut command = Command::new(helm);
    command.args([
        "template",
        "in-toto-webhook",
        "--kube-version",
        "1.34.0",
        "--namespace",
        "security",
    ]);
    command.arg(folder().join("chart"));
    command.args(["--set", &format!("image={OWN}")]);
    for value in values {
        command.args(["--set", value]);
    }
    let output = command.output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The values of the manifests that are applied without helm.
const PLAIN: [&str; 3] = ["createNamespace=true", "image=IMAGE", "tls.caBundle=CA_BUNDLE"];
/// An image as the chart asks for it.
const OWN: &str = "registry.example/unbroken-webhook@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn the_chart_is_in_order_and_gives_the_manifests() {
    let Some(helm) = component("UNBROKEN_TEST_HELM", "admission::deployment::the_chart") else {
        return;
    };
    let lint = Command::new(&helm)
        .args(["lint", "--strict", "--set", "image=IMAGE", "--set", "tls.caBundle=CA_BUNDLE"])
        .arg(folder().join("chart"))
        .output()
        .unwrap();
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
    let text = fs::read_to_string(folder().join("install.yaml")).unwrap();
    let (_, kept) = text.split_once("---\n").unwrap();
    let rendered = render(&helm, &PLAIN).unwrap();
    let (_, rendered) = rendered.split_once("---\n").unwrap();
    assert_eq!(kept, rendered, "install.yaml is made by `helm template`, as its first lines say");
    for image in ["", "registry.example/unbroken-webhook:1", "registry.example/a@sha256:0"] {
        let fault = render(&helm, &["tls.caBundle=CA", &format!("image={image}")]).unwrap_err();
        assert!(fault.contains("set image, by its digest"), "{fault}");
    }
    let fault = render(&helm, &[]).unwrap_err();
    assert!(fault.contains("set tls.caBundle, tls.certManager or tls.selfIssued"), "{fault}");
}

#[test]
fn the_chart_gives_what_its_values_say() {
    let Some(helm) = component("UNBROKEN_TEST_HELM", "admission::deployment::the_values") else {
        return;
    };
    let values = [
        "tls.certManager=security/in-toto-webhook",
        "mutate.enabled=true",
        "registrySecret=registries",
        "webhook.exemptNamespaces={monitoring}",
        "webhook.timeoutSeconds=20",
        "webhook.matchConditions[0].name=a",
        "webhook.matchConditions[0].expression=!request.dryRun",
        "networkPolicy.egressPorts={443,5000}",
        "tls.clientCa=api-server",
        "tls.clientNames={kube-apiserver-admission,other}",
    ];
    let documents = documents(&render(&helm, &values).unwrap());
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        let registration = of_kind(&documents, kind);
        let annotation = &registration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"];
        assert_eq!(annotation, "security/in-toto-webhook");
        let webhook = &registration["webhooks"][0];
        check_registration(webhook, &["kube-system", "security", "monitoring"]);
        assert_eq!(webhook["timeoutSeconds"], 20);
        assert_eq!(webhook["matchConditions"][0]["name"], "a");
    }
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["volumes"][2]["secret"]["secretName"], "registries");
    assert_eq!(pod["volumes"][3]["configMap"]["name"], "api-server");
    let arguments: Vec<&str> =
        pod["containers"][0]["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let due = [
        "--client-ca=/etc/unbroken/clients/ca.crt",
        "--client-name=kube-apiserver-admission",
        "--client-name=other",
        "--auth-file=/etc/unbroken/registries/.dockerconfigjson",
    ];
    assert_eq!(arguments[5..], due);
    let mounts = pod["containers"][0]["volumeMounts"].to_string();
    assert!(mounts.contains("/etc/unbroken/clients"), "{mounts}");
    let egress = &of_kind(&documents, "NetworkPolicy")["spec"]["egress"][1]["ports"];
    assert_eq!(egress[1]["port"], 5000);

    // The program takes all arguments together, up to where it asks for its pod.
    let values = [
        "cluster.enabled=true",
        "tls.selfIssued=true",
        "mutate.enabled=true",
        "metrics.enabled=true",
        "traces.endpoint=http://collector.observability:4318",
        "cluster.pullSecrets=true",
        "cluster.events=true",
        "cluster.recheckSeconds=3600",
    ];
    let documents = self::documents(&render(&helm, &values).unwrap());
    let container = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let arguments: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(arguments.contains(&"--self-issued") && arguments.contains(&"--metrics=0.0.0.0:9090"));
    assert!(arguments.contains(&"--otlp-endpoint=http://collector.observability:4318"));
    for argument in ["--pull-secrets", "--events", "--recheck=3600"] {
        assert!(arguments.contains(&argument), "{arguments:?}");
    }
    // Which secrets may be read is said by their names alone.
    assert!(
        documents.iter().all(|document| !document["rules"].to_string().contains("serviceaccounts"))
    );
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        assert_eq!(of_kind(&documents, kind)["webhooks"][0]["sideEffects"], "NoneOnDryRun");
    }
    let output =
        Command::new(env!("CARGO_BIN_EXE_unbroken-webhook")).args(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("this is no pod of a cluster"), "{said}");
    let fault = render(&helm, &["tls.selfIssued=true"]).unwrap_err();
    assert!(fault.contains("tls.selfIssued needs cluster.enabled"), "{fault}");
    let nowhere = ["cluster.enabled=true", "cluster.pullSecrets=true", "tls.caBundle=CA_BUNDLE"];
    let nowhere = [&nowhere[..], &["cluster.pullSecretsOf[0].secrets={registry}"]].concat();
    let fault = render(&helm, &nowhere).unwrap_err();
    assert!(fault.contains("cluster.pullSecretsOf needs a namespace"), "{fault}");
}
