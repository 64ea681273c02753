//! Whether a verified chain names the image in question.

use unbroken_model::digest::{Digest, DigestAlgorithm};

use super::Defect;

pub(super) fn all() -> Vec<Defect> {
    let asked = |name, title, reference, subject: Digest| {
        Defect::of(name, title, reference, |chain| chain.subject = Some(subject))
    };
    let sha256 = |hex: &str| Digest::from_hex(DigestAlgorithm::Sha256, hex).unwrap();
    let image = crate::draft::digest("the layers of an image").iter().next().unwrap();
    let manifest = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
    vec![
        asked(
            "subject-not-covered",
            "the chain is in order, and the image is another one's",
            "a verified chain beside an unverified image",
            sha256(&"ab".repeat(32)),
        )
        .rejected(&["subject-not-covered"]),
        Defect::of(
            "subject-is-material-only",
            "the digest in question is that of a file that the chain only used",
            "a material vouches for nothing",
            |chain| {
                let base = crate::draft::digest("a base image").iter().next().unwrap();
                chain.link("build").set_json("materials/base.tar", "{}");
                chain.link("build").set("materials/base.tar/sha256", base.hex().to_owned());
                chain.layout.set_rules("steps/1/expected_materials", "ALLOW *");
                chain.subject = Some(base);
            },
        )
        .rejected(&["subject-not-covered"]),
        asked("subject-is-product", "the image is a product of the chain", "control", image),
        asked(
            "subject-in-digest-file",
            "a product of the chain is a file that holds the image's digest",
            "control",
            sha256(manifest),
        ),
    ]
}
