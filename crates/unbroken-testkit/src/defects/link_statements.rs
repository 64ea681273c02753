//! Links that are statements of the attestation framework, and what is none in their place.

use unbroken_model::envelope::Payload;
use unbroken_model::json::Object;
use unbroken_model::statement::Statement;

use super::Defect;
use super::envelopes::build_refused;
use crate::draft::Draft;

pub(super) fn all() -> Vec<Defect> {
    let changed = |name, title, reference, change: fn(&mut Draft)| {
        Defect::of(name, title, reference, move |chain| {
            let mut link = chain.link("build").clone().statement();
            change(&mut link);
            *chain.link("build") = link;
        })
    };
    let refused = |name, title, reference, change, code| {
        changed(name, title, reference, change).rejected(&build_refused(code))
    };
    vec![
        changed("link-statement", "the link is a statement", "control", |_| ()),
        changed(
            "link-statement-of-0-1",
            "the link is a statement of version 0.1, with members that no page names",
            "attestation framework: unknown members are ignored",
            |link| {
                link.set("_type", "https://in-toto.io/Statement/v0.1");
                link.set("more", "1");
                link.set("predicate/more", "1");
                link.set("subject/0/uri", "https://files.example/image.tar");
            },
        ),
        Defect::of(
            "subject-of-link-statement",
            "a subject of the statement that the link is has the image's digest",
            "control",
            |chain| {
                *chain.link("build") = chain.link("build").clone().statement();
                chain.subject = crate::draft::digest("the layers of an image").iter().next();
            },
        ),
        refused(
            "link-statement-with-two-lists-of-products",
            "the predicate has a list of products beside the statement's subjects",
            "two readers would each take one of the lists",
            |link| link.set_json("predicate/products", "{}"),
            "link-malformed",
        ),
        refused(
            "link-statement-with-two-subjects-of-a-name",
            "two subjects of the statement have one name, and different digests",
            "predicate Link 0.3: names of subjects are unique",
            |link| {
                let other = link.get("predicate/materials/0/digest").clone();
                let name = link.get("subject/0/name").clone();
                let last = link.get("subject").as_array().unwrap().len();
                link.set(&format!("subject/{last}"), Object::new());
                link.set(&format!("subject/{last}/name"), name);
                link.set(&format!("subject/{last}/digest"), other);
            },
            "path-not-normal",
        ),
        refused(
            "link-statement-without-a-name-of-a-subject",
            "a subject of the statement has no name that a rule could be for",
            "no rule would see the product, and the image might be it",
            |link| link.remove("subject/0/name"),
            "path-not-normal",
        ),
        refused(
            "link-statement-of-another-step",
            "the builder hands in the statement of another step",
            "a functionary vouches for the step that he did",
            |link| link.set("predicate/name", "checkout"),
            "link-name-mismatch",
        ),
        refused(
            "link-statement-with-a-weak-digest",
            "a subject has a digest by SHA-1 alone",
            "anybody can make two files of it",
            |link| {
                link.remove("subject/0/digest/sha256");
                link.set("subject/0/digest/sha1", "a9993e364706816aba3e25717850c26c9cd0d89d");
            },
            "digest-not-strong",
        ),
        refused(
            "link-statement-of-another-predicate",
            "a statement with the members of a link says that it is about something else",
            "what a key signs as one kind of metadata must not pass for another",
            |link| link.set("predicateType", "https://in-toto.io/attestation/scai/v0.3"),
            "payload-type-mismatch",
        ),
        refused(
            "link-statement-of-a-deprecated-predicate",
            "the statement has a predicate of links that is deprecated",
            "no page says any more what is in it",
            |link| link.set("predicateType", "https://in-toto.io/Link/v1"),
            "payload-type-mismatch",
        ),
        Defect::of(
            "link-statement-in-metablock",
            "the statement is in a Metablock",
            "attestation framework: the envelope is DSSE",
            |chain| {
                let link = chain.link("build").clone().statement();
                let statement = Statement::decode(link.value().clone()).unwrap();
                *chain.link("build") = Draft::of(&statement).signed_by("builder");
            },
        )
        .rejected(&build_refused("payload-type-mismatch")),
    ]
}
