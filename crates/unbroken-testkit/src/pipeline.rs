//! The chain that everything begins with: a container pipeline.

use std::collections::BTreeMap;
use unbroken_crypto::KeyIdStyle;
use unbroken_model::json::Object;
use unbroken_model::layout::{Inspection, Layout, Step};
use unbroken_model::rule::ArtifactRule;

use crate::chain::Chain;
use crate::draft::{Draft, artifacts, link};
use crate::keys;

/// A source of the pipeline, and what it holds.
pub const MAIN: (&str, &str) = ("src/main.c", "int main(void) { return 0; }\n");
/// The other one.
pub const RECIPE: (&str, &str) = ("src/Containerfile", "FROM scratch\nCOPY main /main\n");
/// What the pipeline makes of them.
const IMAGE: (&str, &str) = ("image.tar", "the layers of an image");
const REPORT: (&str, &str) = ("report.json", "{\"critical\": 0}\n");
/// The digest of the image's manifest as the build writes it into a file.
const IMAGE_DIGEST: (&str, &str) = (
    "image-digest.txt",
    "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0\n",
);

impl Chain {
    /// Makes a pipeline that verifies: `checkout` by `developer`, `build` by `builder`, `scan` by
    /// `scanner`, the inspection `no-critical`, and the owner `owner`, all keys Ed25519, all
    /// envelopes Metablocks.
    pub fn pipeline() -> Self {
        let mut chain = Self::new(&layout(), &["owner"]);
        let add = |chain: &mut Self, by: &str, mut made: unbroken_model::link::Link| {
            made.command = command(made.name.as_str());
            let stem = keys::stem(made.name.as_str(), by);
            chain.put(stem, Draft::of(&made).signed_by(by));
        };
        add(&mut chain, "developer", link("checkout", &[], &[MAIN, RECIPE]));
        add(&mut chain, "builder", link("build", &[MAIN, RECIPE], &[IMAGE, IMAGE_DIGEST]));
        add(&mut chain, "scanner", link("scan", &[IMAGE], &[REPORT]));
        let found = artifacts(&[IMAGE, REPORT]);
        chain.set_outcome("no-critical", found.clone(), found);
        chain.deliver(&[IMAGE, REPORT]);
        chain
    }

    /// Makes a chain of one step, `compile` by `compiler`, which turns the pipeline's sources into
    /// its image: it fits in the place of the pipeline's `build`. Its layout is signed by nobody.
    pub fn compile() -> Self {
        let mut layout = layout();
        "how the image is built".clone_into(&mut layout.readme);
        layout.inspections.clear();
        layout.keys = layout_keys(&["compiler"]);
        layout.steps = vec![step(
            "compile",
            "compiler",
            &["ALLOW src/*", "DISALLOW *"],
            &["CREATE image*", "DISALLOW *"],
        )];
        let mut chain = Self::new(&layout, &[]);
        let mut made = link("compile", &[MAIN, RECIPE], &[IMAGE, IMAGE_DIGEST]);
        made.command = command("compile");
        chain.put(keys::stem("compile", "compiler"), Draft::of(&made).signed_by("compiler"));
        chain
    }
}

fn layout() -> Layout {
    Layout {
        expires: "2030-01-01T00:00:00Z".parse().expect("a point in time"),
        readme: "checkout, build, scan".to_owned(),
        keys: layout_keys(&["developer", "builder", "scanner"]),
        root_cas: BTreeMap::new(),
        intermediate_cas: BTreeMap::new(),
        steps: vec![
            step("checkout", "developer", &["DISALLOW *"], &["CREATE src/*", "DISALLOW *"]),
            step(
                "build",
                "builder",
                &["MATCH src/* WITH PRODUCTS FROM checkout", "DISALLOW *"],
                &["CREATE image.tar", "CREATE image-digest.txt", "DISALLOW *"],
            ),
            step(
                "scan",
                "scanner",
                &["MATCH image.tar WITH PRODUCTS FROM build", "DISALLOW *"],
                &["CREATE report.json", "DISALLOW *"],
            ),
        ],
        inspections: vec![Inspection {
            name: "no-critical".parse().expect("a name"),
            expected_materials: rules(&[
                "MATCH image.tar WITH PRODUCTS FROM build",
                "MATCH report.json WITH PRODUCTS FROM scan",
                "DISALLOW *",
            ]),
            expected_products: rules(&["MATCH * WITH MATERIALS FROM no-critical", "DISALLOW *"]),
            run: ["grep", "-q", "\"critical\": 0", "report.json"].map(str::to_owned).to_vec(),
            extra: Object::new(),
        }],
        extra: Object::new(),
    }
}

fn layout_keys(
    names: &[&str],
) -> BTreeMap<unbroken_model::layout::KeyId, unbroken_model::layout::LayoutKey> {
    let keys = names.iter().map(|name| {
        let key = keys::key(name).public().to_layout_key(KeyIdStyle::default());
        let key = key.expect("the id of a seeded key is one");
        (key.id.clone(), key)
    });
    keys.collect()
}

fn step(name: &str, functionary: &str, materials: &[&str], products: &[&str]) -> Step {
    Step {
        name: name.parse().expect("a name"),
        expected_materials: rules(materials),
        expected_products: rules(products),
        pubkeys: vec![keys::id(functionary).parse().expect("a key id")],
        cert_constraints: Vec::new(),
        expected_command: command(name),
        threshold: std::num::NonZeroU32::MIN,
        extra: Object::new(),
    }
}

fn command(step: &str) -> Vec<String> {
    let words: &[&str] = match step {
        "checkout" => &["git", "clone", "https://example.invalid/app"],
        "build" => &["buildah", "build", "src"],
        "compile" => &["make", "image"],
        _ => &["scan", "image.tar"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn rules(texts: &[&str]) -> Vec<ArtifactRule> {
    let rules = texts.iter().map(|text| ArtifactRule::parse_text(text).expect("a rule"));
    rules.collect()
}
