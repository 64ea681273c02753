//! The same payload and the same Ed25519 key give the same file, byte for byte.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::plan::{Form, Plan, Side, StepPlan};
use crate::site::{Site, Work, write};
use crate::tools::{Reference, Run, unbroken};

/// Paths and texts that JSON writers differ over.
const TRICKY: &str =
    "\"quoted\" back\\slash /slash tab\t newline\n \u{7f}\u{1f} é \u{2028} \u{ffff} 📦";

fn same(ours: &Path, theirs: &Path, what: &str) {
    let (ours, theirs) = (fs::read_to_string(ours).unwrap(), fs::read_to_string(theirs).unwrap());
    assert_eq!(ours, theirs, "{what}");
}

#[test]
fn a_recorded_step_is_the_same_file() {
    let Some(reference) = Reference::find("a_recorded_step_is_the_same_file") else { return };
    let mut site = Site::new(&reference);
    site.make_key(Side::Ours, "ed25519", "builder");
    for name in ["a", "src/ä b", "src/deep/er/%20.txt", "src/.hidden", "src/x.link"] {
        write(&site.path("product").join(name), name);
    }
    let work = Work {
        step: "build",
        key: "builder",
        materials: &["a", "./src//"],
        products: &["src/deep", "a"],
        script: "echo out; echo err >&2; echo more >> a",
    };
    let link = site.link_name("build", "builder");
    for form in Form::BOTH {
        for side in Side::BOTH {
            write(&site.path("product/a"), "a");
            let folder = format!("{side:?}");
            fs::create_dir_all(site.path(&folder)).unwrap();
            site.run(side, form, &work, &folder);
        }
        let [ours, theirs] = Side::BOTH.map(|side| site.path(&format!("{side:?}")).join(&link));
        same(&ours, &theirs, &format!("{form:?}"));
        for (start, stop) in [(Side::Ours, Side::Ours), (Side::Reference, Side::Reference)] {
            write(&site.path("product/a"), "a");
            site.record(start, stop, form, &work);
            let target = site.path(&format!("{stop:?}")).join(&link);
            fs::rename(site.path("links").join(&link), target).unwrap();
        }
        same(&ours, &theirs, &format!("{form:?}, started and stopped"));
    }
}

#[test]
fn a_signed_payload_is_the_same_file() {
    let Some(reference) = Reference::find("a_signed_payload_is_the_same_file") else { return };
    let mut site = Site::new(&reference);
    site.make_key(Side::Reference, "ed25519", "builder");
    site.make_key(Side::Ours, "ed25519", "second");
    let digest = "5f".repeat(32);
    let bare = json!({
        "_type": "link",
        "name": "build",
        "command": ["sh", "-c", TRICKY, ""],
        "materials": {"z": {"sha256": digest}, "a/é": {"sha512": digest.repeat(2), "sha256": digest}, "📦": {"sha256": digest}},
        "products": {},
        "byproducts": {"return-value": -1, "stdout": TRICKY, "stderr": "", "deep": [[], {}, null, true, 12_345_678_901_u64]},
        "environment": {"workdir": "/é"},
    });
    for form in Form::BOTH {
        compare_signed(&mut site, form, &bare);
    }
}

#[test]
fn a_signed_layout_is_the_same_file() {
    let Some(reference) = Reference::find("a_signed_layout_is_the_same_file") else { return };
    let mut site = Site::new(&reference);
    site.make_key(Side::Ours, "ed25519", "builder");
    site.make_key(Side::Ours, "rsa-3072", "second");
    let step = StepPlan {
        name: "build",
        keys: &["builder", "second"],
        threshold: 2,
        materials: "MATCH * IN a WITH MATERIALS IN b FROM build\nDISALLOW *",
        products: "CREATE ä*",
    };
    let plan = Plan { steps: vec![step], inspections: Vec::new() };
    for form in Form::BOTH {
        for side in Side::BOTH {
            site.layout(side, form, &plan, &["builder"], &format!("{side:?}.layout"));
        }
        let [ours, theirs] = Side::BOTH.map(|side| site.path(&format!("{side:?}.layout")));
        same(&ours, &theirs, &format!("{form:?}"));
    }
}

/// Lets both sides sign the same bare payload with two keys.
fn compare_signed(site: &mut Site, form: Form, bare: &Value) {
    let [payload, ours, theirs] = ["payload", "ours", "theirs"].map(|name| site.path(name));
    fs::write(&payload, bare.to_string()).unwrap();
    let keys = [site.key_file("builder"), site.key_file("second")];
    let mut command = unbroken(site.folder.path());
    command.args(["sign", "--key", &keys[0], "--key", &keys[1]]);
    command.args((form == Form::Dsse).then_some("--dsse"));
    Run::must(command.arg("--output").arg(&ours).arg(&payload));
    site.servant.ask(&json!({
        "do": "sign", "payload": payload, "signers": keys, "dsse": form == Form::Dsse, "out": theirs,
    }));
    same(&ours, &theirs, &format!("{form:?}"));
}
