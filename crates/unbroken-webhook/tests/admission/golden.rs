//! Reviews that a real API server sent, each judged with images that are signed and that are not.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::world::{POLICY, World, admitted, denied};

/// The image that the recorded objects were made with, and the one that they were changed to.
pub(crate) const OLD: &str = "registry.example/acme/app@sha256:1111111111111111111111111111111111111111111111111111111111111111";
pub(crate) const NEW: &str = "registry.example/acme/app@sha256:2222222222222222222222222222222222222222222222222222222222222222";

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/admission/golden")
}

/// Reviews that bring no image that was not there before.
const WITHOUT_NEW_IMAGES: [&str; 4] = ["Deployment-scale", "Job-update", "Pod-delete", "Pod-exec"];

#[test]
fn each_review_of_an_api_server_is_judged_by_its_new_images() {
    let world = World::new();
    let policies = world.policies(POLICY);
    let (signed, unsigned) = (world.push_signed("acme/app"), world.push("acme/other"));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let judge = |old: &str, new: &str| {
            let review: Value =
                serde_json::from_str(&text.replace(OLD, old).replace(NEW, new)).unwrap();
            world.judge(&policies, &review["request"])
        };
        admitted(&judge(&signed, &signed));
        if WITHOUT_NEW_IMAGES.contains(&name.as_str()) {
            admitted(&judge(&unsigned, &unsigned));
        } else if name.ends_with("-update") {
            // What runs already is not asked for again, and what is new is.
            admitted(&judge(&unsigned, &signed));
            admitted(&judge(&unsigned, &unsigned));
            denied(&judge(&signed, &unsigned), 403, "link-missing");
        } else if name == "Pod-ephemeralcontainers" {
            // The container of the recorded pod was changed before the debugger came with its image.
            admitted(&judge(&signed, &unsigned));
            denied(&judge(&unsigned, &signed), 403, "link-missing");
        } else {
            denied(&judge(&unsigned, &signed), 403, "link-missing");
        }
        names.push(name);
    }
    assert_eq!(names.len(), 23, "{names:?}");
}
