//! "A pipeline that ends in a registry" of `docs/registries.md`: its blocks of commands are run, one after the other.

use std::fs;
use std::path::Path;

use unbroken_testkit::DockerBuilder;
use unbroken_testkit::registry::RegistryProcess;

use crate::workshop::{HARMLESS, Workshop, component, told};

const PAGE: &str = include_str!("../../../../docs/registries.md");

/// The commands of the section.
fn blocks() -> [&'static str; 3] {
    let (_, section) = PAGE.split_once("## A pipeline that ends in a registry\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn a_pipeline_ends_in_a_registry_and_is_verified_elsewhere() {
    let name = "a_pipeline_ends_in_a_registry_and_is_verified_elsewhere";
    let Some(workshop) = Workshop::new(name) else { return };
    follow(workshop, name);
}

#[test]
fn a_pipeline_with_docker_itself_ends_in_a_registry() {
    let name = "a_pipeline_with_docker_itself_ends_in_a_registry";
    let builder = DockerBuilder::BuildKit;
    let Some(workshop) = Workshop::with_docker(builder, name) else { return };
    follow(workshop, name);
}

fn follow(workshop: Workshop, name: &str) {
    let Some(program) = component("UNBROKEN_TEST_DOCKER_REGISTRY", name) else { return };
    let workshop = workshop.with_plain_git();
    let registry = RegistryProcess::docker(&program, None);
    let repository = workshop.repository("repository", HARMLESS);
    let image = format!("{}/app", registry.host());
    let names = format!("REPO={}\nREPOSITORY={image}\n", repository.display());
    let [layout, pipeline, elsewhere] = blocks().map(|block| format!("{names}{block}"));
    let folder = workshop.folder("pipeline");
    workshop.must(&folder, &layout);
    workshop.must(&folder, &pipeline);

    // Another machine: the layout, the owner's public key, and nothing else.
    let away = workshop.folder("away");
    fs::create_dir(away.join("keys")).unwrap();
    for file in ["root.layout", "keys/owner.pub"] {
        fs::copy(folder.join(file), away.join(file)).unwrap();
    }
    let said = told(&workshop.must(&away, &elsewhere));
    let digest = told(&workshop.must(&away, &format!("unbroken image digest {image}:1.4")));
    let digest = digest.trim();
    assert!(said.contains("PASS") && said.contains(&format!("{image}@{digest}")), "{said}");

    // The same build of other sources, with the same layout and all that lies beside the first.
    fs::write(repository.join("src/app.py"), "print('goodbye')\n").unwrap();
    let evil = format!(
        "docker build -t {image}:evil {} && docker push {image}:evil
        unbroken image pull {image}:1.4 --output links
        unbroken image attach {image}:evil links",
        repository.display()
    );
    workshop.must(&away, &evil);
    let verify = |tag: &str, folder: &Path| {
        let line =
            format!("unbroken verify {image}:{tag} --layout root.layout --trust keys/owner.pub");
        let output = workshop.bash(folder, &line);
        (output.status.code(), told(&output))
    };
    let (code, said) = verify("evil", &away);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error[subject-not-covered]"), "{said}");
    // And the first one's tag, moved to it.
    workshop.must(&away, &format!("unbroken image copy {image}:evil {image}:1.4"));
    let (code, said) = verify("1.4", &away);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(verify(&format!("1.4@{digest}"), &away).0, Some(0));
}
