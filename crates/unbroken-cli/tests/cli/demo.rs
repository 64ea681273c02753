//! The demo, whole: what it shows and what it says to type next.

use std::path::Path;
use std::process::Command;

use unbroken_testkit::{Docker, DockerBuilder, component, containers_storage};

use crate::support::{Sandbox, UNBROKEN};

#[test]
fn the_demo_verifies_once_rejects_three_attacks_and_can_be_repeated() {
    let sandbox = Sandbox::of("source");
    for _ in 0..2 {
        let demo = sandbox.succeed("demo tour --builder embedded");
        let verdicts = |word| demo.stdout.lines().filter(|line| line.starts_with(word)).count();
        assert_eq!((verdicts("PASS"), verdicts("FAIL")), (1, 3), "{}", demo.stdout);
        for reason in [
            "error[rule-disallow]: src/app.py changed between checkout and build",
            "error[link-signature-invalid]: build: ",
            "error[inspection-failed]: no-critical-vulnerabilities: ",
        ] {
            assert!(demo.stdout.contains(reason), "{reason}: {}", demo.stdout);
        }
    }
}

#[test]
fn a_real_builder_builds_the_image_and_gets_it_back_out_of_its_store() {
    let name = "a_real_builder_builds_the_image_and_gets_it_back_out_of_its_store";
    for (builder, variable) in
        [("buildah", "UNBROKEN_TEST_BUILDAH"), ("podman", "UNBROKEN_TEST_PODMAN")]
    {
        let Some(program) = component(variable, name) else { continue };
        let sandbox = Sandbox::of("source");
        let config = containers_storage(sandbox.path());
        let tell = |command: &mut Command| {
            command.env("CONTAINERS_STORAGE_CONF", &config);
        };
        assert_builds(&sandbox, &program, builder, builder, &tell);
    }
}

#[test]
fn a_daemon_of_docker_that_answers_is_the_first_choice() {
    let name = "a_daemon_of_docker_that_answers_is_the_first_choice";
    for kind in [DockerBuilder::Classic, DockerBuilder::BuildKit] {
        let Some(docker) = Docker::find(name) else { return };
        let folder = docker.program().parent().unwrap().display();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
        let tell = |command: &mut Command| docker.tell(command.env("PATH", &path), kind);
        assert_builds(&Sandbox::of("source"), docker.program(), "docker", "auto", &tell);
    }
}

/// Runs the demo with a choice of builder that comes to this one, and looks into the builder's store.
fn assert_builds(
    sandbox: &Sandbox,
    program: &Path,
    builder: &str,
    choice: &str,
    tell: &dyn Fn(&mut Command),
) {
    let run = |mut command: Command| {
        tell(&mut command);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}{error}");
        said
    };
    let images = || {
        let mut command = Command::new(program);
        command.args(["images", "--quiet"]);
        run(command)
    };
    let before = images();
    let demo = run(sandbox.unbroken(&format!("demo tour --builder {choice}")));
    assert!(demo.contains(&format!("image app:1.0 by {builder}")), "{demo}");
    let verdicts = |word| demo.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((verdicts("PASS"), verdicts("FAIL")), (1, 3), "{demo}");
    assert_eq!(images(), before);
}

#[test]
fn a_scanner_that_is_installed_is_asked() {
    // A stand-in for trivy: the real one needs a database from the network.
    let sandbox = Sandbox::of("source");
    std::fs::create_dir(sandbox.file("bin")).unwrap();
    let script = "#!/bin/sh\nwhile [ $# -gt 2 ]; do [ \"$1\" = --output ] && out=$2; shift; done\n\
                  echo '{\"by\": \"the stand-in\"}' > \"$out\"\n";
    sandbox.write("bin/trivy", script);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sandbox.file("bin/trivy"), executable).unwrap();
    let path = format!("{}:{}", sandbox.file("bin").display(), std::env::var("PATH").unwrap());
    let mut demo = sandbox.program(UNBROKEN);
    demo.args(["demo", "tour", "--builder", "embedded"]).env("PATH", path);
    let output = demo.output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains("SBOM and scan report (trivy), signed by scanner"), "{stdout}");
    let report = sandbox.read("tour/product/scan/vulnerability-report.json");
    assert_eq!(report, b"{\"by\": \"the stand-in\"}\n");
}

#[test]
fn what_the_demo_says_to_type_can_be_typed() {
    let sandbox = Sandbox::of("source");
    let demo = sandbox.succeed("demo tour --builder embedded").stdout;
    let (_, next) = demo.split_once("Go on with:\n").unwrap();
    assert!(next.contains("  unbroken verify "), "{next}");
    let folder = Path::new(UNBROKEN).parent().unwrap().display();
    let path = std::env::var("PATH").unwrap();
    let mut shell = sandbox.program("sh");
    shell.args(["-ec", next]).env("PATH", format!("{folder}:{path}"));
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{next}\n{}", String::from_utf8_lossy(&output.stderr));
}
