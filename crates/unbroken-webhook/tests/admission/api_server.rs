//! The program against an API server: the simulator everywhere, and a real one where it is there.
//!
//! What the simulator does was seen of the real one, by the same scenarios. Each of them has a namespace
//! and a registration of its own, and all share the real API server.

/// Makes two tests of each scenario: against the simulator, and against a real API server.
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod simulated {
            $(#[test] fn $scenario() { super::$scenario(crate::api_server::Front::Simulated); })+
        }
        mod real {
            $(#[test] fn $scenario() { super::$scenario(crate::api_server::Front::Real); })+
        }
    };
}

mod contract;
mod deployed;
mod golden;
mod kinds;
mod kubectl;
pub(crate) mod other;
mod places;
mod rights;
mod service;
mod updates;

use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use data_encoding::BASE64;
use serde_json::{Value, json};
use unbroken_testkit::api_server::{ApiReply, ApiServer};
use unbroken_testkit::api_simulator::{ApiFront, ApiSimulator};
use unbroken_testkit::component;
use unbroken_testkit::registry::lasting_root;

use crate::cluster;
use crate::server::Server;
use crate::world::{POLICY, World};

/// How many make objects at the same time.
const MAKERS: usize = 4;

/// Which API server a scenario runs against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    Simulated,
    Real,
}

/// An API server.
pub(crate) enum Api {
    Simulated(Arc<ApiSimulator>),
    Real(&'static ApiServer),
}

impl Front {
    /// Returns an API server; where there is no real one, the test is skipped.
    pub(crate) fn api(self, name: &str) -> Option<Api> {
        match self {
            Self::Simulated => Some(Api::Simulated(Arc::default())),
            Self::Real => {
                ApiServer::shared(&format!("admission::api_server::{name}")).map(Api::Real)
            }
        }
    }
}

impl Api {
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> ApiReply {
        match self {
            Self::Simulated(api) => api.call(method, path, body),
            Self::Real(api) => api.call(method, path, body),
        }
    }

    pub(crate) fn audit(&self) -> Vec<Value> {
        match self {
            Self::Simulated(api) => api.audit(),
            Self::Real(api) => api.audit(),
        }
    }
}

/// A namespace of the API server whose objects the program judges.
pub(crate) struct Cluster {
    pub(crate) api: Api,
    pub(crate) world: World,
    pub(crate) server: Server,
    pub(crate) namespace: String,
}

impl Cluster {
    /// Makes the namespace and starts the program; nothing is registered yet.
    pub(crate) fn new(front: Front, name: &str, policies: &str) -> Option<Self> {
        let api = front.api(name)?;
        let world = World::new();
        let server = Server::start(&world, policies);
        let namespace = name.replace('_', "-");
        let object = json!({"metadata": {"name": namespace}});
        created(&api.call("POST", "/api/v1/namespaces", Some(&object)));
        Some(Self { api, world, server, namespace })
    }

    /// Makes the namespace, starts the program and registers it.
    pub(crate) fn registered(front: Front, name: &str) -> Option<Self> {
        let cluster = Self::new(front, name, POLICY)?;
        cluster.register(&cluster.registration());
        cluster.wait_until_judged();
        Some(cluster)
    }

    /// Returns the registration of the program for the namespace.
    pub(crate) fn registration(&self) -> Value {
        let authority = lasting_root(Server::AUTHORITY);
        registration(&self.namespace, &format!("{}/verify", self.server.address()), &authority)
    }

    /// Registers what judges objects.
    pub(crate) fn register(&self, registration: &Value) {
        let plural = match registration["kind"].as_str() {
            Some("MutatingWebhookConfiguration") => "mutatingwebhookconfigurations",
            _ => "validatingwebhookconfigurations",
        };
        let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}");
        created(&self.api.call("POST", &path, Some(registration)));
    }

    /// Waits until an unsigned image does not come in any more.
    pub(crate) fn wait_until_judged(&self) {
        let unsigned = self.world.push("acme/sentinel");
        self.wait_until("the registration is in force", || {
            self.dry_run(&unsigned).message().contains("denied the request")
        });
    }

    pub(crate) fn dry_run(&self, image: &str) -> ApiReply {
        let path = format!("{}?dryRun=All", self.path("/api/v1", "pods"));
        self.api.call("POST", &path, Some(&pod("sentinel", image)))
    }

    pub(crate) fn wait_until(&self, what: &str, is_so: impl FnMut() -> bool) {
        cluster::wait_until(&format!("{} in {}", what, self.namespace), is_so);
    }

    /// Returns the path of objects of the namespace.
    pub(crate) fn path(&self, group: &str, plural: &str) -> String {
        format!("{group}/namespaces/{}/{plural}", self.namespace)
    }

    pub(crate) fn post(&self, group: &str, plural: &str, object: &Value) -> ApiReply {
        self.api.call("POST", &self.path(group, plural), Some(object))
    }

    pub(crate) fn patch(&self, group: &str, place: &str, patch: &Value) -> ApiReply {
        self.api.call("PATCH", &self.path(group, place), Some(patch))
    }

    pub(crate) fn get(&self, group: &str, place: &str) -> Value {
        let reply = self.api.call("GET", &self.path(group, place), None);
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// Runs kubectl in the namespace: whether it succeeded, and what it said. Against the simulator it is
    /// that of `UNBROKEN_TEST_KUBECTL`.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> (bool, String) {
        let namespace = ["--namespace", &self.namespace];
        let output = match &self.api {
            Api::Real(api) => api.kubectl(&[&namespace, arguments].concat()),
            Api::Simulated(api) => {
                let front = ApiFront::start(Arc::clone(api));
                let kept = tempfile::tempdir().unwrap();
                Command::new(std::env::var_os("UNBROKEN_TEST_KUBECTL").unwrap())
                    .env("KUBECONFIG", "/dev/null")
                    .env("KUBECACHEDIR", kept.path())
                    .args(["--server", front.address()])
                    .args(namespace)
                    .args(arguments)
                    .output()
                    .unwrap()
            }
        };
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }
}

/// Makes objects without a pause, each of a number of its own, while something else goes on; tells how many.
pub(crate) fn under_load(make: impl Fn(usize) + Sync, meanwhile: impl FnOnce()) -> usize {
    let (ended, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..MAKERS {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    make(made.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
        // Whatever fails here must not leave the makers at work for ever.
        let outcome = catch_unwind(AssertUnwindSafe(meanwhile));
        ended.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    });
    made.into_inner()
}

/// Returns a registration for the objects of one namespace.
pub(crate) fn registration(namespace: &str, url: &str, authority: &str) -> Value {
    let workloads = json!(["deployments", "replicasets", "statefulsets", "daemonsets"]);
    let core =
        json!(["pods", "pods/ephemeralcontainers", "replicationcontrollers", "podtemplates"]);
    let operations = json!(["CREATE", "UPDATE"]);
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [{
            "name": "verify.in-toto.io",
            "clientConfig": {"url": url, "caBundle": BASE64.encode(authority.as_bytes())},
            "rules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": operations, "resources": core},
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": operations, "resources": workloads},
                {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": operations, "resources": ["jobs", "cronjobs"]},
            ],
            "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 10, "namespaceSelector": selector,
        }],
    })
}

/// A pod of one container.
pub(crate) fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "app", "image": image}]},
    })
}

#[test]
fn an_api_server_ends_with_whoever_started_it_and_leaves_nothing() {
    let name = "admission::api_server::an_api_server_ends";
    let Some(assets) = component("KUBEBUILDER_ASSETS", name) else { return };
    let server = ApiServer::start(&assets);
    let folder = server.kubeconfig().parent().unwrap().to_owned();
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let connect = || TcpStream::connect(format!("127.0.0.1:{port}"));
    assert!(folder.is_dir() && connect().is_ok());
    drop(server);
    assert!(!folder.exists() && connect().is_err());
}

/// Expects that an object was made or changed.
pub(crate) fn created(reply: &ApiReply) {
    assert!([200, 201].contains(&reply.status), "{}: {}", reply.status, reply.body);
}

/// Expects the refusal of the program for this reason; returns what the user reads.
pub(crate) fn refused(reply: &ApiReply, code: &str) -> String {
    let message = reply.message();
    let begin = "admission webhook \"verify.in-toto.io\" denied the request: ";
    assert!(message.starts_with(begin), "{}: {}", reply.status, reply.body);
    assert!(message.contains(&format!("[{code}]")), "{message}");
    assert_eq!((reply.status, &reply.body["reason"]), (403, &json!("Forbidden")));
    message.to_owned()
}
