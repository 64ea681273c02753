//! The program as a client of the API server, which is a mock here, and in `real` the real one.

mod credentials;
mod events;
mod policies;
mod real;
mod reports;
mod rotation;
mod tenants;

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unbroken_testkit::mock_api::MockApi;

use crate::server::Server;
use crate::world::{World, pod_of};

pub(crate) const POLICIES: &str = "/apis/in-toto.io/v1alpha1/namespaces/prod/supplychainpolicies";
pub(crate) const CLUSTER_POLICIES: &str = "/apis/in-toto.io/v1alpha1/clustersupplychainpolicies";

/// A server of admission that follows a mock.
pub(crate) struct Followed {
    pub(crate) api: MockApi,
    pub(crate) world: World,
    pub(crate) server: Server,
}

impl Followed {
    /// Starts both, with further arguments for the server.
    pub(crate) fn start(prepare: impl FnOnce(&MockApi, &World), arguments: &[&str]) -> Self {
        let (api, world) = (MockApi::start(), World::new());
        api.put("/api/v1/namespaces/prod", json!({"metadata": {"labels": {"env": "prod"}}}));
        prepare(&api, &world);
        let of_cluster =
            ["--cluster", "--api-server", api.address(), "--own-namespace", "security"];
        let server = Server::launch(&world, &[&of_cluster, arguments].concat());
        Self { api, world, server }
    }

    /// Asks for a pod of an image.
    pub(crate) fn ask(&self, image: &str) -> Value {
        self.server.review("/verify?timeout=10s", &pod_of(image))
    }

    /// Waits until the answer to a pod of an image is this: `admit`, or what a message holds.
    pub(crate) fn wait_for(&self, image: &str, due: &str) {
        self.wait_for_in("prod", image, due);
    }

    /// Does so in another namespace.
    pub(crate) fn wait_for_in(&self, namespace: &str, image: &str, due: &str) {
        let mut request = pod_of(image);
        request["namespace"] = json!(namespace);
        wait_until(due, || {
            let answer = self.server.review("/verify?timeout=10s", &request);
            let message = answer.pointer("/response/status/message").and_then(Value::as_str);
            match message {
                None => due == "admit",
                Some(message) => message.contains(due),
            }
        });
    }
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_mins(1), "not yet: {what}");
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// The specification of a policy for the images below `acme`, with everything inline.
pub(crate) fn spec(world: &World) -> Value {
    let text = |name: &str| fs::read_to_string(world.folder().join(name)).unwrap();
    json!({
        "images": [format!("{}/acme/**", world.registry.host())],
        "layout": {"inline": text("root.layout")},
        "owners": [{"inline": text("owner.pub")}],
    })
}

/// What the status of a policy says: whether it is valid, why, and of which generation.
pub(crate) fn status(object: &Value) -> (String, String, i64) {
    let condition = &object["status"]["conditions"][0];
    let text = |member: &str| condition[member].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"), condition["observedGeneration"].as_i64().unwrap_or(0))
}
