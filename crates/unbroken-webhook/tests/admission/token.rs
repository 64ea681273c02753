//! The program's own token of the cluster: it goes to the API server, and nowhere else.

use serde_json::{Value, json};
use unbroken_testkit::registry::{Reply, lasting_root};
use unbroken_webhook::cluster::api::{Api, Endpoint};

use crate::api_server::other::{Call, OtherWebhook};
use crate::cluster::wait_until;
use crate::server::Server;
use crate::world::{POLICY, World, pod_of};

const CANARY: &str = "CANARY-5e1f";

/// What is needed to speak to a server as to an API server.
fn endpoint(world: &World, of: &OtherWebhook) -> Endpoint {
    world.keep("token", CANARY.as_bytes());
    world.keep("api.crt", lasting_root(Server::AUTHORITY).as_bytes());
    let path = |name: &str| Some(world.folder().join(name));
    Endpoint {
        address: of.address().to_owned(),
        authorities: path("api.crt"),
        token: path("token"),
    }
}

fn has_token(call: &Call) -> bool {
    call.headers.get("authorization").is_some_and(|it| it == format!("Bearer {CANARY}").as_str())
}

#[test]
fn an_api_server_that_redirects_is_not_followed_with_the_token() {
    let world = World::new();
    // It has a certificate that is trusted, so that nothing but the redirect is in the way.
    let elsewhere = OtherWebhook::start(|_, _| (200, vec![], "{}".to_owned()));
    let place: &'static str = format!("{}/api/v1/x", elsewhere.address()).leak();
    for status in [301, 302, 303, 307, 308] {
        let server =
            OtherWebhook::start(move |_, _| (status, vec![("location", place)], String::new()));
        let api = Api::new(endpoint(&world, &server)).unwrap();
        let object = json!({});
        let answers = [
            api.get("/api/v1/x").map(drop),
            api.create("/api/v1/x", &object).map(drop),
            api.replace("/api/v1/x", &object).map(drop),
            api.merge("/api/v1/x", &object).map(drop),
            api.watch("/api/v1/x").map(drop),
        ];
        for answer in answers {
            let error = answer.unwrap_err();
            assert!(!error.to_string().contains(CANARY), "{error}");
        }
        let calls = server.calls();
        assert!(calls.len() == 5 && calls.iter().all(has_token), "{status}: {calls:?}");
    }
    assert_eq!(elsewhere.calls().len(), 0);
    // It would have answered.
    let api = Api::new(endpoint(&world, &elsewhere)).unwrap();
    assert_eq!(api.get("/api/v1/x").unwrap(), json!({}));
}

#[test]
fn the_token_of_the_program_goes_to_the_api_server_alone() {
    let world = World::new();
    let image = world.push_signed("acme/app");
    let lists = OtherWebhook::start(|_, _| {
        let list = json!({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []});
        (200, vec![("content-type", "application/json")], list.to_string())
    });
    let Endpoint { address, authorities, token } = endpoint(&world, &lists);
    let host = world.registry.host().to_owned();
    // A registry that asks for any token there is, from a realm on itself.
    world.registry.rule(move |request| {
        let realm = format!("Bearer realm=\"http://{host}/token\",service=\"kubernetes\"");
        match request.target.starts_with("/token") {
            true => Some(Reply::ok("application/json", br#"{"token":"t"}"#.to_vec())),
            false if request.header("authorization") == Some("Bearer t") => None,
            false => Some(Reply::status(401).header("www-authenticate", &realm)),
        }
    });
    world.registry.forget_requests();
    world.keep("policies.yaml", POLICY.replace("HOST", world.registry.host()).as_bytes());
    let policies = world.folder().join("policies.yaml").display().to_string();
    let [authorities, token] = [authorities, token].map(|it| it.unwrap().display().to_string());
    let arguments = ["--cluster", "--api-server", &address, "--api-ca", &authorities];
    let further =
        ["--api-token", &token, "--own-namespace", "security", "--pull-secrets", &policies];
    let server = Server::launch(&world, &[&arguments[..], &further].concat());
    wait_until("the image comes in", || {
        let answer = server.review("/verify?timeout=10s", &pod_of(&image));
        answer.pointer("/response/allowed").and_then(Value::as_bool) == Some(true)
    });
    assert!(lists.calls().iter().all(has_token));
    let asked = world.registry.requests();
    let tokens = asked.iter().filter(|request| request.target.starts_with("/token"));
    assert!(tokens.count() > 0, "the realm was asked");
    for request in &asked {
        assert!(!format!("{request:?}").contains(CANARY), "{request:?}");
    }
}
