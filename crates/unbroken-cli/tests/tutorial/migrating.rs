//! What `docs/migrating.md` says: its blocks of commands are run, one after the other.

use std::fs;
use std::path::{Path, PathBuf};

use unbroken_testkit::DockerBuilder;

use crate::workshop::{HARMLESS, VULNERABLE, Workshop, component, told};

const PAGE: &str = include_str!("../../../../docs/migrating.md");
const NEW_KEYS: &str = "# new keys\n";
const OLD_KEYS: &str = "# keys of 1.x";

/// The commands of the page, without the block that begins so.
fn script(without: &str) -> String {
    let blocks = PAGE.split("```sh\n").skip(1);
    let blocks: Vec<&str> = blocks.map(|block| block.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 5);
    let kept: Vec<&str> = blocks.into_iter().filter(|block| !block.starts_with(without)).collect();
    assert_eq!(kept.len(), 4, "{without}");
    kept.concat()
}

/// Makes keys of 1.x in `old`.
fn old_keys(workshop: &Workshop, folder: &Path) {
    workshop.must(
        folder,
        "in-toto-keygen --type ed25519 old/owner
         in-toto-keygen --type ecdsa old/builder
         in-toto-keygen --type rsa old/scanner",
    );
}

/// Follows the page; returns the folder, the exit code and what was said.
fn follow(workshop: &Workshop, script: &str, requirements: &str) -> (PathBuf, Option<i32>, String) {
    let repository = workshop.repository("repository", requirements);
    let folder = workshop.folder("tutorial");
    old_keys(workshop, &folder);
    let script = format!("REPO={}\n{script}", repository.display());
    let output = workshop.bash(&folder, &script);
    (folder, output.status.code(), told(&output))
}

const VERIFY: &str = "unbroken verify --layout root.layout --trust keys/owner.pub \
    --link-dir link-metadata --product app";

#[test]
fn the_page_verifies_with_new_keys_and_with_old_ones() {
    let name = "the_page_verifies_with_new_keys_and_with_old_ones";
    for without in [NEW_KEYS, OLD_KEYS] {
        let Some(workshop) = Workshop::new(name) else { return };
        assert_verifies(workshop, without);
    }
}

#[test]
fn the_page_verifies_with_docker_itself() {
    let name = "the_page_verifies_with_docker_itself";
    let Some(workshop) = Workshop::with_docker(DockerBuilder::Classic, name) else { return };
    assert_verifies(workshop, OLD_KEYS);
}

fn assert_verifies(workshop: Workshop, without: &str) {
    let workshop = workshop.with_plain_git();
    let (folder, code, said) = follow(&workshop, &script(without), HARMLESS);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("PASS"), "{said}");

    let other = format!("sha256:{}", "0".repeat(64));
    let output = workshop.bash(&folder, &format!("{VERIFY} --subject {other}"));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    fs::write(folder.join("app/src/app.py"), "print('goodbye')\n").unwrap();
    let output = workshop.bash(&folder, VERIFY);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("src/app.py"), "{}", told(&output));
}

#[test]
fn the_page_rejects_a_critical_vulnerability() {
    let Some(workshop) = Workshop::new("the_page_rejects_a_critical_vulnerability") else { return };
    let workshop = workshop.with_plain_git();
    let (_, code, said) = follow(&workshop, &script(OLD_KEYS), VULNERABLE);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error[inspection-failed]"), "{said}");
}

/// "Layouts that you have": signed with 1.x, carried on with converted keys.
#[test]
fn a_layout_of_1_x_goes_on_with_converted_keys() {
    let name = "a_layout_of_1_x_goes_on_with_converted_keys";
    let Some(python) = component("UNBROKEN_TEST_PYTHON_1_3", name) else { return };
    let Some(workshop) = Workshop::new(name) else { return };
    let repository = workshop.repository("repository", HARMLESS);
    let folder = workshop.folder("tutorial");
    let layout = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tutorial/layout.py");
    for style in ["securesystemslib", "legacy"] {
        let (python, layout) = (python.display(), layout.display());
        let verifier = python.to_string().replace("/python", "/in-toto-verify");
        let repository = repository.display();
        workshop.must(
            &folder,
            &format!(
                "rm -rf ./* ./.git
                for name in owner builder scanner; do
                    in-toto-keygen --type ed25519 keys/$name
                    unbroken key convert keys/$name --output keys/new/$name
                done
                {python} {layout}
                mkdir link-metadata
                run() {{ unbroken run $1 --key keys/new/$2 --key-id-style {style} --link-dir link-metadata \"${{@:3}}\"; }}
                run checkout builder --products Dockerfile requirements.txt -- git clone {repository} .
                run build builder --materials Dockerfile 'src/*' --products image-digest.txt -- \\
                    bash -c \"docker build -t app:latest . && docker inspect --format='{{{{.Id}}}}' app:latest > image-digest.txt\"
                run scan scanner --materials image-digest.txt --products vulnerability-report.json sbom.json -- \\
                    scan-image image-digest.txt
                unbroken verify --layout root.layout --trust keys/new/owner.pub --link-dir link-metadata"
            ),
        );
        // Tools of 1.x look for links by the ids of 1.x.
        let verify = format!(
            "{verifier} -l root.layout -k keys/owner.pub -t ed25519 --link-dir link-metadata"
        );
        let expected = if style == "legacy" { Some(0) } else { Some(1) };
        let output = workshop.bash(&folder, &verify);
        assert_eq!(output.status.code(), expected, "{}", told(&output));
    }
}
