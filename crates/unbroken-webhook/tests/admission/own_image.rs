//! The image of the program itself: assembled with a chain of its own, verified, and let in by the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use unbroken_testkit::registry::{Referrers, TestRegistry};
use unbroken_testkit::{component, skip};

const NAME: &str = "admission::own_image";

fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn digest(image: &Path) -> String {
    json(&image.join("index.json"))["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

/// The programs that `cargo test --workspace` builds beside this one; without them the test is skipped.
fn beside(program: &Path) -> Option<[PathBuf; 2]> {
    let found = ["unbroken", "xtask"].map(|name| program.with_file_name(name));
    match found.iter().find(|file| !file.is_file()) {
        None => Some(found),
        Some(file) => {
            skip(NAME, &format!("{} is not built", file.display()));
            None
        }
    }
}

#[test]
fn the_program_lets_in_the_image_of_itself_and_no_other() {
    let program = Path::new(env!("CARGO_BIN_EXE_unbroken-webhook"));
    let Some([unbroken, xtask]) = beside(program) else { return };
    let Some(_) = component("UNBROKEN_TEST_GIT", NAME) else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = TestRegistry::start(Referrers::Listed);
    let place = format!("{}/security/unbroken-webhook", registry.host());
    let made = |folder: &Path| {
        let (code, said) = run(Command::new(&xtask)
            .arg("image")
            .arg(folder)
            .arg("--program")
            .arg(program)
            .args(["--push", &format!("{place}:1")]));
        assert_eq!(code, 0, "{said}");
        digest(&folder.join("image"))
    };
    let digest = made(&folder.path().join("one"));
    // Of the same source and the same program comes the same image, wherever it is made.
    assert_eq!(made(&folder.path().join("two")), digest);
    let values = fs::read_to_string(folder.path().join("one/values.yaml")).unwrap();
    let image = format!("{place}@{digest}");
    assert_eq!(values, format!("image: {image}\n"));
    let bill = json(&folder.path().join("one/sbom.json"));
    assert_eq!(bill["bomFormat"], "CycloneDX");

    // From the registry, where only what was attached is found.
    let at = |name: &str| folder.path().join("one").join(name).display().to_string();
    let (layout, owner) = (at("root.layout"), at("keys/owner.pub"));
    let verify = ["verify", &image, "--layout", &layout, "--trust", &owner];
    let (code, said) = run(Command::new(&unbroken).args(verify));
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(Command::new(&unbroken).args(["image", "list", &image]));
    assert!(code == 0 && said.contains("sbom.json"), "{said}");

    let policies = folder.path().join("policies.yaml");
    fs::write(
        &policies,
        format!(
            "apiVersion: in-toto.io/v1alpha1\nkind: ClusterSupplyChainPolicy\nmetadata: {{name: own}}\nspec:\n  \
             images: ['{}/security/*']\n  layout: {{file: {layout}}}\n  owners: [{{file: {owner}}}]\n  \
             binding: {{required: true}}\n",
            registry.host()
        ),
    )
    .unwrap();
    let check = |image: &str| {
        run(Command::new(program).arg("check").arg(&policies).args(["--image", image]))
    };
    let (code, said) = check(&image);
    assert_eq!(code, 0, "{said}");
    let other = registry.put_image("security/unbroken-webhook", "2", b"other");
    let (code, said) = check(&format!("{place}@{other}"));
    assert_eq!(code, 1, "{said}");
}
