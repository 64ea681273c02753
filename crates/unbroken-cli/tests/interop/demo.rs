//! The chain of `unbroken demo` verifies in the reference, and its attacks fail there too.

use crate::tools::{Reference, Run, unbroken};
use crate::verdict::judge_reference;

#[test]
fn the_demo_verifies_in_the_reference() {
    let Some(reference) = Reference::find("the_demo_verifies_in_the_reference") else { return };
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    Run::must(unbroken(folder.path()).args(["demo", "--builder", "embedded"]).arg(&demo));
    let owner = [demo.join("keys/owner.pub").to_str().unwrap().to_owned()];
    let judge = |place: &str| {
        let place = demo.join(place);
        let (links, product) = (place.join("links"), place.join("product"));
        judge_reference(&reference, &demo.join("root.layout"), &links, &owner, &product)
    };
    judge("").expect_accepted("the demo's chain");
    judge("attacks/1").expect_rejected("RuleVerificationError", "a changed source file");
    judge("attacks/2").expect_rejected("ThresholdVerificationError", "a forged link");
    judge("attacks/3").expect_rejected("BadReturnValueError", "a critical vulnerability");
}
