//! What a verified chain vouches for.

use unbroken_model::digest::{Digest, DigestAlgorithm};
use unbroken_testkit::{Chain, digest};
use unbroken_verify::{Binding, FindingCode};

const MANIFEST: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

fn sha256(hex: &str) -> Digest {
    Digest::from_hex(DigestAlgorithm::Sha256, hex).unwrap()
}

#[test]
fn a_product_binds_its_digest() {
    let chain = Chain::pipeline().case().verify().unwrap();
    let image = digest("the layers of an image").iter().next().unwrap();
    let admissible = chain.admits(&image).unwrap();
    let Binding::Product { step, artifact } = admissible.binding() else {
        unreachable!("the image is a product")
    };
    assert_eq!((step.as_str(), *artifact), ("build", "image.tar"));
}

#[test]
fn a_file_of_a_digest_binds_it_in_four_spellings() {
    let spellings = [
        MANIFEST.to_owned(),
        format!("{MANIFEST}\n"),
        format!("sha256:{MANIFEST}"),
        format!("sha256:{MANIFEST}\n"),
    ];
    for text in &spellings {
        let mut chain = Chain::pipeline();
        let recorded = digest(text).iter().next().unwrap();
        chain.link("build").set("products/image-digest.txt/sha256", recorded.hex().to_owned());
        let chain = chain.case().verify().unwrap();
        let admissible = chain.admits(&sha256(MANIFEST)).unwrap();
        let Binding::DigestFile { step, artifact } = admissible.binding() else {
            unreachable!("the digest stands in a file")
        };
        assert_eq!((step.as_str(), *artifact), ("build", "image-digest.txt"));
    }
    for text in [format!("{MANIFEST}\r\n"), format!(" {MANIFEST}"), format!("sha512:{MANIFEST}")] {
        let mut chain = Chain::pipeline();
        let recorded = digest(&text).iter().next().unwrap();
        chain.link("build").set("products/image-digest.txt/sha256", recorded.hex().to_owned());
        let chain = chain.case().verify().unwrap();
        assert!(chain.admits(&sha256(MANIFEST)).is_err(), "{text:?}");
    }
}

#[test]
fn another_digest_is_not_admitted() {
    let chain = Chain::pipeline().case().verify().unwrap();
    let stranger = sha256(&"ab".repeat(32));
    let finding = chain.admits(&stranger).unwrap_err();
    assert_eq!(finding.code, FindingCode::SubjectNotCovered);
    assert!(finding.message.contains(stranger.hex()), "{}", finding.message);
}

#[test]
fn a_weak_digest_binds_nothing() {
    let mut chain = Chain::pipeline();
    chain.link("build").set("products/image-digest.txt/sha1", "ab".repeat(20));
    let chain = chain.case().verify().unwrap();
    let weak = Digest::from_hex(DigestAlgorithm::Sha1, &"ab".repeat(20)).unwrap();
    assert!(chain.admits(&weak).is_err());
}

#[test]
fn the_digest_of_one_algorithm_is_not_that_of_another() {
    let chain = Chain::pipeline().case().verify().unwrap();
    let image = digest("the layers of an image").iter().next().unwrap();
    let other = Digest::from_hex(DigestAlgorithm::Sha3_256, image.hex()).unwrap();
    assert!(chain.admits(&other).is_err());
}

#[test]
fn the_summary_has_the_first_materials_and_the_last_products() {
    let chain = Chain::pipeline().case().verify().unwrap();
    let summary = chain.summary_link(&"pipeline".parse().unwrap()).unwrap();
    assert_eq!(summary.name.as_str(), "pipeline");
    assert!(summary.materials.is_empty());
    let products: Vec<&str> = summary.products.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(products, ["report.json"]);
    assert_eq!(summary.command, ["scan", "image.tar"]);
}
