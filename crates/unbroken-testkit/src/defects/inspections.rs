//! What inspections must find.

use unbroken_verify::Ending;

use super::Defect;
use crate::draft::artifacts;

const NAME: &str = "no-critical";
const IMAGE: (&str, &str) = ("image.tar", "the layers of an image");
const REPORT: (&str, &str) = ("report.json", "{\"critical\": 0}\n");

pub(super) fn all() -> Vec<Defect> {
    let ended = |name, title, reference, ending: Ending| {
        Defect::of(name, title, reference, |chain| chain.outcome(NAME).ending = ending)
            .in_process()
            .rejected(&["inspection-failed"])
    };
    let found = |name, title, reference, files: &[(&str, &str)]| {
        let hashed = artifacts(files);
        Defect::of(name, title, reference, |chain| {
            chain.set_outcome(NAME, hashed.clone(), hashed);
            chain.deliver(files);
        })
        .rejected(&["rule-disallow"])
    };
    vec![
        ended(
            "inspection-exit-nonzero",
            "the inspection found something",
            "one implementation ignores how the command ends",
            Ending::Exited(1),
        ),
        ended(
            "inspection-killed",
            "a signal ended the inspection",
            "no exit status is not success",
            Ending::Signalled(9),
        ),
        ended(
            "inspection-timed-out",
            "the inspection did not end in time",
            "no answer is not success",
            Ending::TimedOut,
        ),
        ended(
            "inspection-not-started",
            "the inspection's command is not there",
            "no answer is not success",
            Ending::NotStarted("not found".to_owned()),
        ),
        Defect::of(
            "inspection-not-run",
            "the inspection was not run",
            "no answer is not success",
            |chain| chain.forget_outcome(NAME),
        )
        .in_process()
        .rejected(&["inspection-not-run"]),
        Defect::of(
            "inspection-output-missing",
            "the inspection ended well and did not leave what the layout requires",
            "specification 1.0, 4.3.2",
            |chain| {
                let rules = "REQUIRE verdict.txt\nALLOW *";
                chain.layout.set_rules("inspect/0/expected_products", rules);
            },
        )
        .rejected(&["rule-require"]),
        Defect::of(
            "inspection-leaves-file",
            "the inspection left a file that no rule allows",
            "specification 1.0, 4.3.2",
            |chain| {
                let after = [IMAGE, REPORT, ("core", "memory")];
                let before = chain.outcome(NAME).materials.clone();
                chain.set_outcome(NAME, before, artifacts(&after));
            },
        )
        .in_process()
        .rejected(&["rule-disallow"]),
        found(
            "product-swapped",
            "the image that is delivered is not the one that was built",
            "what in-toto is for",
            &[("image.tar", "another image"), REPORT],
        ),
        found(
            "product-with-stranger-file",
            "a file that no step made lies beside the image",
            "what in-toto is for",
            &[IMAGE, REPORT, ("install.sh", "curl | sh")],
        ),
    ]
}
