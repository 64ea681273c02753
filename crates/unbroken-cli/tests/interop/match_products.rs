//! `match-products` of both sides says the same of the same trees.

use std::fs;

use crate::plan::{Form, Side};
use crate::site::{Site, Work, write};
use crate::tools::{Reference, Run, unbroken};

/// What is done to the tree, the exit code that both sides owe, and how it is done.
type Change<'a> = (&'a str, i32, &'a dyn Fn(&Site));

#[test]
fn match_products_agrees() {
    let Some(reference) = Reference::find("match_products_agrees") else { return };
    let mut site = Site::new(&reference);
    site.make_key(Side::Ours, "ed25519", "builder");
    let work = Work {
        step: "build",
        key: "builder",
        materials: &[],
        products: &["out"],
        script: "mkdir -p out/lib && echo app > out/app && echo lib > out/lib/a && echo > out/b.pyc",
    };
    let changes: [Change<'_>; 5] = [
        ("nothing", 0, &|_| ()),
        ("a changed file", 1, &|site| write(&site.path("product/out/app"), "app!\n")),
        ("a missing file", 1, &|site| {
            fs::remove_file(site.path("product/out/lib/a")).unwrap();
        }),
        ("another file", 1, &|site| write(&site.path("product/out/lib/b"), "")),
        ("a file beside the tree that is compared", 0, &|site| {
            write(&site.path("product/beside"), "");
        }),
    ];
    for producer in Side::BOTH {
        for (what, expected, change) in &changes {
            site.clear();
            // The reference reads links in a Metablock alone here.
            site.run(producer, Form::Metablock, &work, "links");
            change(&site);
            let link = site.path("links").join(site.link_name("build", "builder"));
            let product = site.path("product");
            let ours = Run::of(unbroken(&product).arg("match-products").arg(&link).arg("out"));
            // Unlike in-toto-run, this tool of the reference leaves nothing out of itself.
            let mut command = reference.tool("in-toto-match-products", &product);
            command.arg("--link").arg(&link).args(["--paths", "out", "--exclude", "*.pyc"]);
            let theirs = Run::of(&mut command);
            assert_eq!(ours.code, *expected, "{producer:?}, {what}: {}", ours.stdout);
            assert_eq!(theirs.code, *expected, "{producer:?}, {what}: {}", theirs.stderr);
        }
    }
}
