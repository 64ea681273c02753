//! What can be wrong with paths and digests in a link.

use super::Defect;

pub(super) fn all() -> Vec<Defect> {
    [paths(), digests()].concat()
}

/// One byte more than a path may have.
const LONG_PATH: &str = {
    const BYTES: &[u8; 4097] = &[b'x'; 4097];
    match std::str::from_utf8(BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

fn paths() -> Vec<Defect> {
    let product = |name, title, reference, path: &'static str| {
        Defect::of(name, title, reference, move |chain| {
            let place = format!("products/{}", path.replace('/', "~1"));
            let digests = chain.link("build").get("products/image.tar").clone();
            chain.link("build").set(&place, digests);
        })
    };
    let not_normal = ["path-not-normal", "link-threshold-not-met"];
    vec![
        product(
            "path-dot-slash",
            "a product is called ./evil",
            "it slips past DISALLOW evil",
            "./evil",
        )
        .rejected(&not_normal),
        product(
            "path-dotdot",
            "a product is called src/../evil",
            "it slips past a MATCH of the folder src",
            "src/../evil",
        )
        .rejected(&not_normal),
        product("path-absolute", "a product has an absolute path", "a prefix is dropped", "/evil")
            .rejected(&not_normal),
        product(
            "path-duplicate-after-normalising",
            "two products are one file once their paths are normalised",
            "one hides the other",
            "image.tar/.",
        )
        .rejected(&not_normal),
        Defect::of(
            "path-composed-in-two-ways",
            "two products are called café, once with a letter and once with an accent behind it",
            "a rule for one of them does not see the other",
            |chain| {
                let link = chain.link("build");
                let digests = link.get("products/image.tar").clone();
                link.set("products/caf\u{e9}", digests.clone());
                link.set("products/cafe\u{301}", digests);
            },
        )
        .rejected(&["link-threshold-not-met", "path-not-normal"]),
        product(
            "path-with-empty-segment",
            "a product is called src//f",
            "an uncaught exception in the reference implementation",
            "src//f",
        )
        .rejected(&not_normal),
        product(
            "path-with-line-feed",
            "a product's name ends with a line feed",
            "it slips past DISALLOW *.sh",
            "evil.sh\n",
        )
        .rejected(&not_normal),
        product(
            "path-with-direction-override",
            "a product's name reads backwards on a terminal",
            "evil.sh is shown as another file",
            "ev\u{202e}hs.li",
        )
        .rejected(&not_normal),
        product(
            "path-ends-with-slash",
            "a product is called evil/",
            "it slips past DISALLOW evil",
            "evil/",
        )
        .rejected(&not_normal),
        product("path-empty", "a product has an empty path", "no rule can name it", "")
            .rejected(&not_normal),
        product(
            "path-with-zero-width-character",
            "a product's name holds a character that nobody sees",
            "it looks like image.tar and is another file",
            "image\u{200b}.tar",
        )
        .rejected(&not_normal),
        product(
            "path-with-escape",
            "a product's name holds a sequence that steers a terminal",
            "what is printed of it could hide the lines before it",
            "\u{1b}[2Jevil",
        )
        .rejected(&not_normal),
        product(
            "path-too-long",
            "a product's path has 4,097 bytes",
            "no system opens it",
            LONG_PATH,
        )
        .rejected(&not_normal),
        product(
            "path-with-backslash",
            "a product is called image\\tar beside image.tar",
            "the reference implementation takes a backslash for a slash and hides one of two",
            "image\\tar",
        )
        .rejected(&["rule-disallow"]),
    ]
}

fn digests() -> Vec<Defect> {
    let image = |name, title, reference, json: &str| {
        let json = json.to_owned();
        Defect::of(name, title, reference, move |chain| {
            chain.link("build").set_json("products/image.tar", &json);
            chain.link("scan").set_json("materials/image.tar", &json);
            chain.layout.set_rules("inspect/0/expected_materials", "ALLOW *");
        })
    };
    // Both links hold the image by the same record: only its strength can tell.
    let refused = |code| [code, "link-threshold-not-met"];
    let sha256 = |text: &str| format!(r#"{{"sha256": "{text}"}}"#);
    vec![
        image(
            "digestset-empty",
            "an artifact has no digest at all",
            "nothing equals nothing: any content would match",
            "{}",
        )
        .rejected(&refused("digest-not-strong")),
        image(
            "digest-md5-only",
            "an artifact has an MD5 digest only",
            "two contents with one digest are made in seconds",
            r#"{"md5": "d41d8cd98f00b204e9800998ecf8427e"}"#,
        )
        .rejected(&refused("digest-not-strong")),
        image(
            "digest-sha1-only",
            "an artifact has a SHA-1 digest only",
            "two contents with one digest have been made",
            r#"{"sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}"#,
        )
        .rejected(&refused("digest-not-strong")),
        image(
            "digest-git-id-of-file",
            "a file that is no git object has a git id only",
            "it is SHA-1 under another name",
            r#"{"gitBlob": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"}"#,
        )
        .rejected(&refused("digest-not-strong")),
        image(
            "digest-algorithm-unknown-only",
            "an artifact has a digest of an unknown algorithm only",
            "nobody can tell what it proves",
            r#"{"rot13": "whatever"}"#,
        )
        .rejected(&refused("digest-not-strong")),
        image(
            "digest-algorithm-unknown-beside-strong",
            "an artifact has a digest of an unknown algorithm beside SHA-256",
            "control",
            &format!(r#"{{"rot13": "whatever", "sha256": "{}"}}"#, "ab".repeat(32)),
        ),
        image(
            "digest-wrong-length",
            "a SHA-256 digest has two digits",
            "a comparison of prefixes matches far too much",
            &sha256("ab"),
        )
        .rejected(&refused("digest-invalid")),
        image(
            "digest-one-digit-too-long",
            "a SHA-256 digest has 65 digits",
            "a comparison of prefixes matches it",
            &sha256(&"a".repeat(65)),
        )
        .rejected(&refused("digest-invalid")),
        image(
            "digest-is-number",
            "a SHA-256 digest is a number",
            "specification 1.0, 4.2.3",
            r#"{"sha256": 1}"#,
        )
        .rejected(&refused("link-malformed")),
        image(
            "digest-not-hex",
            "a SHA-256 digest is no hexadecimal",
            "specification 1.0, 4.2.3",
            &sha256(&"zz".repeat(32)),
        )
        .rejected(&refused("digest-invalid")),
        Defect::of(
            "digest-upper-case",
            "one of two equal digests is in upper case",
            "control: it is the same digest",
            |chain| {
                let lower = chain.link("build").get("products/image.tar/sha256").clone();
                let upper = lower.as_str().unwrap().to_uppercase();
                chain.link("scan").set("materials/image.tar/sha256", upper);
            },
        ),
        Defect::of(
            "digest-second-differs",
            "two records agree on SHA-256 and differ on SHA-512",
            "a comparison that stops at the first algorithm",
            |chain| {
                chain.link("build").set("products/image.tar/sha512", "ab".repeat(64));
                chain.link("scan").set("materials/image.tar/sha512", "cd".repeat(64));
                chain.layout.set_json("inspect", "[]");
            },
        )
        .rejected(&["rule-disallow"]),
        Defect::of(
            "digest-algorithms-disjoint",
            "one step records SHA-256, the other SHA-512",
            "nothing is compared, so nothing matches",
            |chain| {
                let place = "materials/image.tar";
                chain.link("scan").set_json(place, "{}");
                chain.link("scan").set(&format!("{place}/sha512"), "ab".repeat(64));
            },
        )
        .rejected(&["rule-disallow"]),
        Defect::of(
            "digest-weak-in-common",
            "one step records SHA-256 and SHA-1, the other the same SHA-1 beside another SHA-256",
            "GHSA-pgpm-j729-qcvh: records compared by the weakest algorithm that they share",
            |chain| {
                let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
                chain.link("build").set("products/image.tar/sha1", sha1);
                chain.link("scan").set("materials/image.tar/sha1", sha1);
                chain.link("scan").set("materials/image.tar/sha256", "ab".repeat(32));
            },
        )
        .rejected(&["rule-disallow"]),
        Defect::of(
            "digest-weak-against-strong",
            "one step records SHA-256 and SHA-1, the other the same SHA-1 alone",
            "GHSA-pgpm-j729-qcvh: records compared by the weakest algorithm that they share",
            |chain| {
                let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
                chain.link("build").set("products/image.tar/sha1", sha1);
                chain.link("scan").set_json("materials/image.tar", "{}");
                chain.link("scan").set("materials/image.tar/sha1", sha1);
            },
        )
        .rejected(&refused("digest-not-strong")),
        Defect::of(
            "digest-second-on-one-side",
            "one step records SHA-256, the other the same SHA-256 and a SHA-512",
            "specification 1.0, 4.3.3.2: records are compared whole",
            |chain| {
                chain.link("build").set("products/image.tar/sha512", "ab".repeat(64));
                chain.layout.set_json("inspect", "[]");
            },
        )
        .rejected(&["rule-disallow"]),
    ]
}
