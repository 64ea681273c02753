//! Names of steps and inspections.

use super::Defect;
use crate::chain::Chain;
use crate::keys;

pub(super) fn all() -> Vec<Defect> {
    let renamed = |name, title, reference, place: &'static str, new: &str| {
        Defect::of(name, title, reference, |chain| {
            chain.layout.set(&format!("{place}/name"), new.to_owned());
        })
    };
    let inspection_named = |chain: &mut Chain, name: &str| {
        chain.layout.set("inspect/0/name", name.to_owned());
        chain.layout.set_json("inspect/0/expected_products", "[]");
    };
    let invalid = |name, title, reference, new: &str| {
        renamed(name, title, reference, "steps/1", new).rejected(&["name-invalid"])
    };
    let files = "a name becomes part of a file's name";
    vec![
        invalid("step-name-absolute", "a step's name is an absolute path", files, "/abs"),
        invalid("step-name-dot", "a step's name is a dot", files, "."),
        invalid("step-name-dot-dot", "a step's name is two dots", files, ".."),
        invalid(
            "step-name-of-option",
            "a step's name begins with a dash",
            "a command takes it for an option",
            "-rf",
        ),
        invalid(
            "step-name-with-set",
            "a step's name is a set of characters",
            "an implementation that looks for {step}.*.link takes it for a pattern",
            "[a-z]",
        ),
        invalid("step-name-with-nul", "a step's name ends with NUL", files, "build\0"),
        invalid("step-name-with-line-feed", "a step's name has two lines", files, "build\nscan"),
        invalid("step-name-too-long", "a step's name has 300 letters", files, &"x".repeat(300)),
        invalid(
            "step-name-of-device",
            "a step has the name of a device",
            "Windows opens the device, whatever ending the name has",
            "CON",
        ),
        Defect::of(
            "step-named-twice",
            "two steps have one name",
            "specification 1.0, 4.3.1",
            |chain| {
                chain.layout.set("steps/1/name", "checkout");
                chain.layout.set_rules("steps/1/expected_materials", "ALLOW *");
                chain.layout.set_rules("steps/2/expected_materials", "ALLOW *");
                chain.layout.set_rules("inspect/0/expected_materials", "ALLOW *");
            },
        )
        .rejected(&["name-duplicate", "link-missing", "rule-disallow"]),
        Defect::of(
            "names-composed-in-two-ways",
            "an inspection and a step are called café, with a letter and with an accent behind it",
            "some file systems take them for one",
            |chain| {
                chain.layout.set("steps/0/name", "caf\u{e9}");
                let mut link = chain.take(&keys::stem("checkout", "developer"));
                link.set("name", "caf\u{e9}");
                chain.put(keys::stem("caf\u{e9}", "developer"), link);
                let rules = "MATCH src/* WITH PRODUCTS FROM caf\u{e9}\nDISALLOW *";
                chain.layout.set_rules("steps/1/expected_materials", rules);
                inspection_named(chain, "cafe\u{301}");
            },
        )
        .rejected(&["name-duplicate"]),
        renamed(
            "step-name-with-slash",
            "a step's name leads out of the folder of links",
            "the reference implementation reads and writes there",
            "steps/1",
            "../other/build",
        )
        .rejected(&["name-invalid"]),
        renamed(
            "step-name-with-glob",
            "a step's name is a pattern",
            "an implementation that looks for {step}.*.link takes it for one",
            "steps/1",
            "b*",
        )
        .rejected(&["name-invalid"]),
        renamed(
            "step-name-empty",
            "a step has an empty name",
            "the reference implementation accepts it",
            "steps/1",
            "",
        )
        .rejected(&["name-invalid"]),
        renamed(
            "inspection-name-leads-out",
            "an inspection's name leads out of the working directory",
            "the reference implementation writes a link file there",
            "inspect/0",
            "../../PWN",
        )
        .rejected(&["name-invalid"]),
        Defect::of(
            "inspection-named-as-step",
            "an inspection has the name of a step",
            "specification 1.0, 4.3.2",
            |chain| inspection_named(chain, "scan"),
        )
        .rejected(&["name-duplicate"]),
        Defect::of(
            "names-differ-in-case",
            "an inspection and a step have names that differ in case only",
            "some file systems take them for one",
            |chain| inspection_named(chain, "Scan"),
        )
        .rejected(&["name-duplicate"]),
    ]
}
