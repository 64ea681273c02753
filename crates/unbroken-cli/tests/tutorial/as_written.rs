//! The tutorial as it is written: its own commands, done by the drop-ins.

use std::fs;
use std::path::{Path, PathBuf};

use unbroken_testkit::DockerBuilder;

use crate::workshop::{HARMLESS, VULNERABLE, Workshop, component, copy_tree, told};

const KEYS: &str = "
in-toto-keygen --type ed25519 keys/owner
in-toto-keygen --type ed25519 keys/builder
in-toto-keygen --type ed25519 keys/scanner
";

const CHECKOUT: &str = "in-toto-run --step-name checkout --key keys/builder --products Dockerfile src/* requirements.txt -- git clone REPO .";

const BUILD: &str = r#"in-toto-run --step-name build --key keys/builder --materials Dockerfile src/* --products image-digest.txt -- bash -c "docker build -t app:latest . && docker inspect --format='{{.Id}}' app:latest > image-digest.txt""#;

const SCAN: &str = "in-toto-run --step-name scan --key keys/scanner --materials image-digest.txt --products vulnerability-report.json sbom.json -- scan-image image-digest.txt";

const COLLECT: &str = "mkdir link-metadata && mv *.link link-metadata/";

const VERIFY: &str =
    "in-toto-verify --layout root.layout --layout-key keys/owner.pub --link-dir ./link-metadata/";

/// Follows the tutorial up to the verification; returns the folder.
fn follow(workshop: &Workshop, python: &Path, requirements: &str) -> PathBuf {
    let repository = workshop.repository("repository", requirements);
    let folder = workshop.folder("tutorial");
    workshop.must(&folder, KEYS);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tutorial/layout.py");
    workshop.must(&folder, &format!("{} {}", python.display(), script.display()));
    workshop.must(&folder, &CHECKOUT.replace("REPO", repository.to_str().unwrap()));
    workshop.must(&folder, BUILD);
    workshop.must(&folder, SCAN);
    workshop.must(&folder, COLLECT);
    folder
}

/// The files below a folder of which the name fits.
fn files(folder: &Path, fits: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, fits));
        } else if fits(path.to_str().unwrap()) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Changes the last digit of the first hexadecimal value of a member.
fn change_digit(text: &str, member: &str) -> String {
    let (before, value) = text.split_once(&format!("\"{member}\": \"")).unwrap();
    let end = before.len() + member.len() + 5 + value.split_once('"').unwrap().0.len();
    let mut bytes = text.as_bytes().to_vec();
    let digit = bytes.get_mut(end - 1).unwrap();
    *digit = if *digit == b'0' { b'1' } else { b'0' };
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_tutorial_verifies_and_any_tampering_does_not() {
    let name = "the_tutorial_verifies_and_any_tampering_does_not";
    let Some(python) = component("UNBROKEN_TEST_PYTHON_1_3", name) else { return };
    let Some(workshop) = Workshop::new(name) else { return };
    let folder = follow(&workshop, &python, HARMLESS);
    let digest = fs::read_to_string(folder.join("image-digest.txt")).unwrap();
    assert!(digest.starts_with("sha256:") && digest.trim().len() == 71, "{digest}");
    let links = files(&folder.join("link-metadata"), &|_| true);
    assert_eq!(links.len(), 3, "{links:?}");

    // A copy of the finished folder for each attempt.
    let attempt = |change: &dyn Fn(&Path)| {
        let copy = workshop.folder("attempt");
        copy_tree(&folder, &copy);
        change(&copy);
        let output = workshop.bash(&copy, VERIFY);
        fs::remove_dir_all(&copy).unwrap();
        (output.status.code(), told(&output))
    };
    let (code, said) = attempt(&|_| ());
    assert_eq!(code, Some(0), "{said}");

    // 1.3.2 agrees, in the same words: it needs to be told the type of the key.
    let peer = workshop.folder("peer");
    copy_tree(&folder, &peer);
    let reference = python.with_file_name("in-toto-verify");
    let verify = VERIFY.replacen("in-toto-verify", reference.to_str().unwrap(), 1);
    let output = workshop.must(&peer, &format!("{verify} -t ed25519"));
    assert_eq!(said, told(&output));

    let is_product = |path: &str| {
        let name = path.strip_prefix(folder.to_str().unwrap()).unwrap();
        !["/.git/", "/keys/", "/link-metadata/", "/root.layout"]
            .iter()
            .any(|part| name.starts_with(part))
    };
    let products = files(&folder, &is_product);
    assert_eq!(products.len(), 7, "{products:?}");
    for product in &products {
        let name = product.strip_prefix(&folder).unwrap();
        let (code, said) = attempt(&|copy| {
            let mut bytes = fs::read(copy.join(name)).unwrap();
            bytes.extend(b"tampered with\n");
            fs::write(copy.join(name), bytes).unwrap();
        });
        assert_eq!(code, Some(1), "{}: {said}", name.display());
        assert!(
            said.contains("RuleVerificationError") && said.contains(name.to_str().unwrap()),
            "{said}"
        );
    }
    let (code, said) = attempt(&|copy| fs::write(copy.join("src/added.py"), "added").unwrap());
    assert!(code == Some(1) && said.contains("src/added.py"), "{said}");

    let metadata: Vec<&Path> = links
        .iter()
        .map(|link| link.strip_prefix(&folder).unwrap())
        .chain([Path::new("root.layout")])
        .collect();
    for name in metadata {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let (content, error) = if name == Path::new("root.layout") {
            (text.replacen("CREATE", "DELETE", 1), "SignatureVerificationError")
        } else {
            (change_digit(&text, "sha256"), "ThresholdVerificationError")
        };
        for changed in [change_digit(&text, "sig"), content] {
            assert_ne!(changed, text);
            let (code, said) = attempt(&|copy| fs::write(copy.join(name), &changed).unwrap());
            assert_eq!(code, Some(1), "{}: {said}", name.display());
            assert!(said.contains(error), "{}: {said}", name.display());
        }
        let (code, said) = attempt(&|copy| fs::remove_file(copy.join(name)).unwrap());
        assert_eq!(code, Some(1), "{}: {said}", name.display());
    }
}

#[test]
fn the_tutorial_verifies_with_either_builder_of_docker() {
    let name = "the_tutorial_verifies_with_either_builder_of_docker";
    let Some(python) = component("UNBROKEN_TEST_PYTHON_1_3", name) else { return };
    for builder in [DockerBuilder::Classic, DockerBuilder::BuildKit] {
        let Some(workshop) = Workshop::with_docker(builder, name) else { return };
        let folder = follow(&workshop, &python, HARMLESS);
        let digest = fs::read_to_string(folder.join("image-digest.txt")).unwrap();
        let inspect = "docker inspect --format='{{.Id}}' app:latest";
        assert_eq!(told(&workshop.must(&folder, inspect)), digest);
        workshop.must(&folder, VERIFY);
        fs::write(folder.join("image-digest.txt"), digest.replacen("sha256:", "sha256:0", 1))
            .unwrap();
        let output = workshop.bash(&folder, VERIFY);
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    }
}

#[test]
fn a_critical_vulnerability_is_rejected_by_the_inspection() {
    let name = "a_critical_vulnerability_is_rejected_by_the_inspection";
    let Some(python) = component("UNBROKEN_TEST_PYTHON_1_3", name) else { return };
    let Some(workshop) = Workshop::new(name) else { return };
    let folder = follow(&workshop, &python, VULNERABLE);
    let report = fs::read_to_string(folder.join("vulnerability-report.json")).unwrap();
    assert!(report.contains("CRITICAL"), "{report}");
    let output = workshop.bash(&folder, VERIFY);
    let said = told(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("BadReturnValueError: Got non-zero return value '1'"), "{said}");
}
