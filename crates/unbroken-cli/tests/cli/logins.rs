//! Where credentials for a registry are looked for, and that nothing prints them.

use std::os::unix::fs::PermissionsExt;

use data_encoding::BASE64;
use unbroken_testkit::registry::{Referrers, Reply, TestRegistry};

use crate::support::{Outcome, Sandbox};

const CANARY: &str = "CANARY-7d40";

/// A registry that wants a password, and answers with its image to this one alone.
fn guarded(user: &str) -> TestRegistry {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1", b"layer");
    let due = format!("Basic {}", BASE64.encode(format!("{user}:{CANARY}").as_bytes()));
    registry.rule(move |request| match request.header("authorization") {
        Some(shown) if shown == due => None,
        Some(_) => Some(Reply::status(403)),
        None => Some(Reply::status(401).header("www-authenticate", "Basic realm=\"x\"")),
    });
    registry
}

/// The text of a file of credentials.
fn logins(registry: &TestRegistry, user: &str) -> String {
    let auth = BASE64.encode(format!("{user}:{CANARY}").as_bytes());
    format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, registry.host())
}

/// Asks for a digest with an environment in which nothing else names credentials.
fn ask(sandbox: &Sandbox, registry: &TestRegistry, set: &[(&str, &str)], more: &str) -> Outcome {
    let mut command = sandbox.unbroken(&format!("image digest {}/app:1 {more}", registry.host()));
    for name in [
        "DOCKER_AUTH_CONFIG",
        "REGISTRY_AUTH_FILE",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "DOCKER_CONFIG",
    ] {
        command.env_remove(name);
    }
    command.env("HOME", sandbox.path().join("home"));
    command.envs(set.iter().copied());
    let outcome = Outcome::of(command.output().unwrap());
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(CANARY), "{text}");
    }
    outcome
}

#[test]
fn credentials_are_found_where_docker_and_podman_keep_them() {
    let registry = guarded("u");
    let text = logins(&registry, "u");
    let sandbox = Sandbox::of("source");
    assert_eq!(ask(&sandbox, &registry, &[], "").code, Some(3), "without credentials");
    for place in
        ["home/.docker", "home/.config/containers", "docker", "run/containers", "config/containers"]
    {
        std::fs::create_dir_all(sandbox.file(place)).unwrap();
    }
    let folder = |name: &str| sandbox.file(name).display().to_string();
    let (docker, run, config) = (folder("docker"), folder("run"), folder("config"));
    let keeps = |file: &str, set: &[(&str, &str)], more: &str| {
        sandbox.write(file, &text);
        let found = ask(&sandbox, &registry, set, more);
        assert_eq!(found.code, Some(0), "{file}: {}", found.stderr);
        // And a file that cannot be read is no anonymous login.
        sandbox.write(file, &format!("{{\"auths\": {CANARY}"));
        let broken = ask(&sandbox, &registry, set, more);
        assert_eq!(broken.code, Some(3), "{file}: {}", broken.stderr);
        assert!(broken.stderr.contains("is no strict JSON"), "{}", broken.stderr);
        std::fs::remove_file(sandbox.file(file)).unwrap();
    };
    keeps("home/.docker/config.json", &[], "");
    keeps("home/.config/containers/auth.json", &[], "");
    keeps("docker/config.json", &[("DOCKER_CONFIG", &docker)], "");
    keeps("run/containers/auth.json", &[("XDG_RUNTIME_DIR", &run)], "");
    keeps("config/containers/auth.json", &[("XDG_CONFIG_HOME", &config)], "");
    keeps("auth", &[("REGISTRY_AUTH_FILE", "auth")], "");
    keeps("auth", &[], "--auth-file auth");
    assert_eq!(ask(&sandbox, &registry, &[("DOCKER_AUTH_CONFIG", &text)], "").code, Some(0));
    // The text in the environment counts before files, and --auth-file before everything.
    sandbox.write("other", &logins(&registry, "other"));
    let other = [("REGISTRY_AUTH_FILE", "other")];
    assert_eq!(ask(&sandbox, &registry, &other, "").code, Some(3));
    let both = [("DOCKER_AUTH_CONFIG", text.as_str()), other[0]];
    assert_eq!(ask(&sandbox, &registry, &both, "").code, Some(0));
    assert_eq!(ask(&sandbox, &registry, &both, "--auth-file other").code, Some(3));
}

#[test]
fn a_credential_helper_is_asked_and_its_failures_are_told() {
    let registry = guarded("helped");
    let sandbox = Sandbox::of("source");
    let path = format!("{}:{}", sandbox.path().display(), std::env::var("PATH").unwrap());
    let script = |text: &str| {
        let file = sandbox.file("docker-credential-test");
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let set = [("PATH", path.as_str()), ("REGISTRY_AUTH_FILE", "config.json")];
    let answer = format!(r#"cat > asked; echo '{{"Username":"helped","Secret":"{CANARY}"}}'"#);
    for config in [
        format!(r#"{{"credHelpers":{{"{}":"test"}}}}"#, registry.host()),
        r#"{"credsStore":"test"}"#.to_owned(),
    ] {
        sandbox.write("config.json", &config);
        script(&answer);
        let found = ask(&sandbox, &registry, &set, "");
        assert_eq!(found.code, Some(0), "{}", found.stderr);
        assert_eq!(sandbox.read("asked"), registry.host().as_bytes());
        script(&format!("echo {CANARY}"));
        let junk = ask(&sandbox, &registry, &set, "");
        assert_eq!(junk.code, Some(3));
        assert!(junk.stderr.contains("its answer is no strict JSON"), "{}", junk.stderr);
        // One that knows nothing leaves the user without a login, and the registry says what then.
        script(&format!("echo {CANARY} >&2; exit 1"));
        let nothing = ask(&sandbox, &registry, &set, "");
        assert_eq!(nothing.code, Some(3));
        assert!(nothing.stderr.contains("401"), "{}", nothing.stderr);
    }
    sandbox.write("config.json", r#"{"credsStore":"../../bin/sh"}"#);
    let path = ask(&sandbox, &registry, &set, "");
    assert_eq!(path.code, Some(3));
    assert!(path.stderr.contains("a helper's name has letters"), "{}", path.stderr);
}

#[test]
fn a_proxy_of_the_environment_is_used_and_one_that_cannot_be_is_misuse() {
    let registry = TestRegistry::start(Referrers::Listed);
    registry.put_image("app", "1", b"layer");
    let proxy =
        unbroken_testkit::registry::TestProxy::start(&[("registry.example:80", registry.host())]);
    let sandbox = Sandbox::of("source");
    let digest = |set: &[(&str, &str)]| {
        let line = "image digest registry.example/app:1 --plain-http registry.example";
        let mut command = sandbox.unbroken(line);
        for name in [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "NO_PROXY",
            "no_proxy",
        ] {
            command.env_remove(name);
        }
        Outcome::of(command.envs(set.iter().copied()).output().unwrap())
    };
    let address = format!("http://{}", proxy.host());
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let found = digest(&[(name, &address)]);
        assert_eq!(found.code, Some(0), "{name}: {}", found.stderr);
    }
    let asked = proxy.asked().len();
    assert_eq!(asked, 4);
    let secret = format!("socks5://u:{CANARY}@proxy.example");
    let misuse = digest(&[("HTTP_PROXY", &secret)]);
    assert_eq!(misuse.code, Some(2));
    assert!(
        misuse.stderr.contains("HTTP_PROXY") && !misuse.stderr.contains(CANARY),
        "{}",
        misuse.stderr
    );
    // This machine's registries are reached without.
    let line = format!("image digest {}/app:1", registry.host());
    let mut command = sandbox.unbroken(&line);
    assert!(command.env("HTTP_PROXY", &address).status().unwrap().success());
    assert_eq!(proxy.asked().len(), asked);
}
