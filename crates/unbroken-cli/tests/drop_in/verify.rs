//! `in-toto-verify`, over the demo of the field: clone, edit, package; unpack as inspection.

use unbroken_model::json::Value;

use crate::pair::{Ended, Pair, drop_in, key_id, public_key};

const TAR: &str = "tar --mtime=@0 --sort=name --owner=0 --group=0 --numeric-owner --mode=644";

/// Writes the layout of the demo into both folders, and has alice sign it there.
fn write_layout(pair: &Pair, change: impl Fn(String) -> String) {
    let keys: Vec<String> = ["bob", "carl"]
        .map(|name| {
            let key =
                public_key(name).to_layout_key(unbroken_crypto::KeyIdStyle::default()).unwrap();
            format!(r#""{}": {}"#, key_id(name), Value::from(key.object).to_compact())
        })
        .into();
    let step = |name: &str, key: &str, command: &str, materials: &str, products: &str| {
        let key = key_id(key);
        format!(
            r#"{{"_type": "step", "name": "{name}", "threshold": 1, "pubkeys": ["{key}"],
            "expected_command": {command}, "expected_materials": {materials}, "expected_products": {products}}}"#
        )
    };
    let steps = [
        step(
            "clone",
            "bob",
            r#"["cp", "-r", "upstream", "demo"]"#,
            "[]",
            r#"[["CREATE", "demo/foo.py"], ["DISALLOW", "*"]]"#,
        ),
        step(
            "update-version",
            "bob",
            "[]",
            r#"[["MATCH", "demo/*", "WITH", "PRODUCTS", "FROM", "clone"], ["DISALLOW", "*"]]"#,
            r#"[["MODIFY", "demo/foo.py"], ["DISALLOW", "*"]]"#,
        ),
        step(
            "package",
            "carl",
            r#"["tar"]"#,
            r#"[["MATCH", "demo/*", "WITH", "PRODUCTS", "FROM", "update-version"], ["DISALLOW", "*"]]"#,
            r#"[["CREATE", "demo.tar"], ["DISALLOW", "*"]]"#,
        ),
    ];
    let rules = r#"[["MATCH", "demo.tar", "WITH", "PRODUCTS", "FROM", "package"], ["ALLOW", "keys/*"], ["ALLOW", "root.layout"],
        ["MATCH", "demo/foo.py", "WITH", "PRODUCTS", "FROM", "update-version"], ["DISALLOW", "*"]]"#;
    let layout = format!(
        r#"{{"signatures": [], "signed": {{"_type": "layout", "expires": "2100-01-01T00:00:00Z", "readme": "",
        "keys": {{{}}}, "steps": [{}], "inspect": [{{"_type": "inspection", "name": "untar", "run": ["tar", "xf", "demo.tar"],
        "expected_materials": [["ALLOW", "*"]], "expected_products": {rules}}}]}}}}"#,
        keys.join(", "),
        steps.join(", ")
    );
    pair.write("root.layout", change(layout).as_bytes());
    pair.same("in-toto-sign", "-f root.layout -k alice");
}

/// Carries the demo out in both folders, and leaves what the verifier gets in `final`.
fn demo(test: &str, change: impl Fn(String) -> String) -> Option<Pair> {
    let pair = Pair::new(test)?;
    pair.write("upstream/foo.py", b"VERSION = 'foo-v1'\n");
    write_layout(&pair, change);
    pair.same(
        "in-toto-run",
        "-v --step-name clone --products demo/foo.py --signing-key bob -- cp -r upstream demo",
    );
    pair.same(
        "in-toto-record",
        "start -v --step-name update-version --signing-key bob --materials demo/foo.py",
    );
    pair.write("demo/foo.py", b"VERSION = 'foo-v2'\n");
    pair.same(
        "in-toto-record",
        "stop -v --step-name update-version --signing-key bob --products demo/foo.py",
    );
    pair.same("in-toto-run", &format!("-v --step-name package --materials demo/foo.py --products demo.tar --signing-key carl --record-streams -- {TAR} -cvf demo.tar demo"));
    pair.each(|folder| {
        let target = folder.join("final");
        std::fs::create_dir_all(target.join("keys")).unwrap();
        std::fs::copy(folder.join("alice.pub"), target.join("keys/alice.pub")).unwrap();
        std::fs::copy(folder.join("bob.pub"), target.join("keys/bob.pub")).unwrap();
        for (name, key) in [("clone", "bob"), ("update-version", "bob"), ("package", "carl")] {
            let file = format!("{name}.{}.link", key_id(key).get(..8).unwrap());
            std::fs::copy(folder.join(&file), target.join(&file)).unwrap();
        }
        for file in ["root.layout", "demo.tar"] {
            std::fs::copy(folder.join(file), target.join(file)).unwrap();
        }
    });
    Some(pair.within("final"))
}

const VERIFY: &str = "-v --layout root.layout --verification-keys keys/alice.pub";

/// Runs the verification in both folders; both reject it, with the same kind of exception.
fn rejected(pair: &Pair, line: &str, exception: &str) -> Ended {
    let words: Vec<&str> = line.split(' ').collect();
    let (theirs, ours) = pair.run("in-toto-verify", &words);
    assert_eq!((theirs.code, ours.code), (Some(1), Some(1)), "{}\n{}", theirs.stderr, ours.stderr);
    let told = format!("(in-toto-verify) {exception}");
    let lines = |ended: &Ended| {
        let lines = ended.stderr.lines().map(str::to_owned);
        lines.take_while(|line| !line.starts_with("(in-toto-verify)")).collect::<Vec<_>>()
    };
    assert!(theirs.stderr.contains(&told), "{}", theirs.stderr);
    assert!(ours.stderr.contains(&told), "{}\n{}", theirs.stderr, ours.stderr);
    assert_eq!(lines(&ours), lines(&theirs));
    ours
}

#[test]
fn the_demo_verifies_with_the_same_lines_and_leaves_the_same_files() {
    let Some(pair) = demo("the demo", |layout| layout) else { return };
    // Nobody tells of the link of a key that the step does not name.
    pair.same("in-toto-sign", &format!("-f clone.{:.8}.link -k ../alice", key_id("bob")));
    let words: Vec<&str> = VERIFY.split(' ').collect();
    let (theirs, ours) = pair.run("in-toto-verify", &words);
    assert_eq!(ours.stderr, theirs.stderr);
    assert_eq!((ours.code, theirs.code), (Some(0), Some(0)));
    // The reference unpacks beside the product; here that happens in a copy. The links are the same.
    let link = |ended: &Ended| ended.files.get(std::path::Path::new("untar.link")).cloned();
    assert!(link(&ours).is_some());
    assert_eq!(
        link(&ours).map(|bytes| String::from_utf8(bytes).unwrap()),
        link(&theirs).map(|bytes| String::from_utf8(bytes).unwrap())
    );
    let mut unpacked = theirs.files;
    unpacked.remove(std::path::Path::new("demo/foo.py"));
    assert_eq!(unpacked, ours.files);

    let mut quiet = drop_in("in-toto-verify", pair.ours());
    quiet.args([
        "--layout",
        "root.layout",
        "--layout-key",
        "keys/alice.pub",
        "-t",
        "ed25519",
        "-q",
    ]);
    let output = quiet.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty());
}

#[test]
fn commands_that_differ_are_told_without_being_asked_for() {
    let Some(pair) = demo("commands that differ", |layout| layout) else { return };
    let line = VERIFY.trim_start_matches("-v ");
    let words: Vec<&str> = line.split(' ').collect();
    let (theirs, ours) = pair.run("in-toto-verify", &words);
    assert_eq!((ours.code, &ours.stderr), (Some(0), &theirs.stderr));
    assert!(ours.stderr.starts_with("Run command '['tar', '--mtime=@0'"), "{}", ours.stderr);
}

#[test]
fn what_is_tampered_with_is_rejected_at_the_same_point() {
    let Some(pair) = demo("tampering", |layout| layout) else { return };
    rejected(&pair, &VERIFY.replace("alice", "bob"), "SignatureVerificationError: ");
    rejected(
        &pair,
        &VERIFY.replace("root", "no"),
        "FileNotFoundError: [Errno 2] No such file or directory: 'no.layout'",
    );
    rejected(
        &pair,
        &VERIFY.replace("alice", "nobody"),
        "FileNotFoundError: [Errno 2] No such file or directory: 'keys/nobody.pub'",
    );
    let missing = "LinkNotFoundError: Step 'clone' requires '1' link metadata file(s), found '0'.";
    rejected(&pair, &format!("{VERIFY} --link-dir keys"), missing);

    let link = format!("clone.{}.link", key_id("bob").get(..8).unwrap());
    let good = std::fs::read_to_string(pair.ours().join(&link)).unwrap();
    pair.write(&link, good.replace("foo.py", "bar.py").as_bytes());
    let threshold = "ThresholdVerificationError: Step 'clone' requires at least '1' links validly signed by different authorized functionaries. Only found '0'";
    rejected(&pair, VERIFY, threshold);
    pair.write(&link, good.as_bytes());

    pair.write("extra", b"not of the chain");
    rejected(
        &pair,
        VERIFY,
        "RuleVerificationError: 'DISALLOW *' matched the following artifacts: ['extra']",
    );
    pair.each(|folder| std::fs::remove_file(folder.join("extra")).unwrap());
    pair.write("demo.tar", b"not an archive");
    let command = "BadReturnValueError: Got non-zero return value '2' from command '['tar', 'xf', 'demo.tar']'.";
    rejected(&pair, VERIFY, command);
}

#[test]
fn rules_and_expiry_reject_at_the_same_point() {
    let forbid =
        |layout: String| layout.replacen("\"MODIFY\", \"demo/foo.py\"", "\"DELETE\", \"*\"", 1);
    let Some(pair) = demo("rules", forbid) else { return };
    rejected(
        &pair,
        VERIFY,
        "RuleVerificationError: 'DISALLOW *' matched the following artifacts: ['demo/foo.py']",
    );
    let require = |layout: String| {
        layout.replacen("[\"CREATE\", \"demo.tar\"]", "[\"REQUIRE\", \"sbom.json\"]", 1)
    };
    let Some(pair) = demo("requirements", require) else { return };
    rejected(&pair, VERIFY, "RuleVerificationError: 'REQUIRE sbom.json' did not find sbom.json");
    let Some(pair) = demo("expiry", |layout| layout.replace("2100-", "2020-")) else { return };
    rejected(&pair, VERIFY, "LayoutExpiredError: Layout expired");
    let line = VERIFY.trim_start_matches("-v ");
    let mut audit = drop_in("in-toto-verify", pair.ours());
    let output = audit.args(line.split(' ')).args([
        "-q",
        "--at",
        "2019-06-01T00:00:00Z",
        "--format",
        "json",
    ]);
    let output = output.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && report.is_object());
}

#[test]
fn what_only_we_reject_names_its_finding() {
    let Some(pair) = demo("stricter", |layout| layout.replace("FROM\", \"clone", "FROM\", \"clon"))
    else {
        return;
    };
    let (_, ours) = pair.run("in-toto-verify", &VERIFY.split(' ').collect::<Vec<_>>());
    assert_eq!(ours.code, Some(1));
    assert!(
        ours.last().starts_with("(in-toto-verify) Finding: [match-source-missing] "),
        "{}",
        ours.stderr
    );
}

#[test]
fn misuse_of_verify_ends_with_code_2() {
    let Some(pair) = Pair::new("misuse of in-toto-verify") else { return };
    for line in [
        "",
        "-l x --ver",
        "-l x --verification-keys",
        "-l x --verification-keys y --inspection-timeout z",
    ] {
        assert_eq!(pair.same("in-toto-verify", line).code, Some(2), "{line}");
    }
    let (_, ours) = pair.same_code("in-toto-verify", "-l x");
    assert!(
        ours.code == Some(2)
            && ours.last().contains("specify at least one layout verification key")
    );
    for line in ["--format xml", "--at tomorrow", "-t dsa"] {
        let mut command = drop_in("in-toto-verify", pair.ours());
        command.args(["-l", "x", "-k", "alice.pub"]).args(line.split(' '));
        assert_eq!(command.output().unwrap().status.code(), Some(2), "{line}");
    }
}

#[test]
fn inspections_of_a_sublayout_run_where_that_is_allowed() {
    let Some(pair) = Pair::new("inspections of sublayouts") else { return };
    let layout = |members: &str| {
        format!(
            r#"{{"signatures": [], "signed": {{"_type": "layout", "expires": "2100-01-01T00:00:00Z", "readme": "", {members}}}}}"#
        )
    };
    let one_step = |name: &str, key: &str, inspect: &str| {
        let listed = public_key(key).to_layout_key(unbroken_crypto::KeyIdStyle::default());
        let (id, listed) = (key_id(key), Value::from(listed.unwrap().object).to_compact());
        layout(&format!(
            r#""keys": {{"{id}": {listed}}}, "inspect": [{inspect}], "steps": [{{"_type": "step", "name": "{name}",
            "threshold": 1, "pubkeys": ["{id}"], "expected_command": [], "expected_materials": [],
            "expected_products": []}}]"#
        ))
    };
    let look = r#"{"_type": "inspection", "name": "look", "run": ["true"],
        "expected_materials": [], "expected_products": []}"#;
    let (inner, outer) = (one_step("make", "carl", look), one_step("sub", "bob", ""));
    let folder = format!("sub.{}", key_id("bob").get(..8).unwrap());
    pair.each(|place| std::fs::create_dir(place.join(&folder)).unwrap());
    pair.same("in-toto-run", &format!("-n make -x --signing-key carl -d {folder}"));
    pair.write("inner.layout", inner.as_bytes());
    pair.write("root.layout", outer.as_bytes());
    pair.same("in-toto-sign", &format!("-f inner.layout -k bob -o {folder}.link"));
    pair.same("in-toto-sign", "-f root.layout -k alice");
    let line = "-l root.layout --verification-keys alice.pub";
    let (theirs, ours) = pair.run("in-toto-verify", &line.split(' ').collect::<Vec<_>>());
    assert_eq!((theirs.code, ours.code), (Some(0), Some(1)), "{}", theirs.stderr);
    let told = "(in-toto-verify) Finding: [sublayout-inspection-refused] ";
    assert!(ours.last().starts_with(told), "{}", ours.stderr);
    let mut allowed = drop_in("in-toto-verify", pair.ours());
    let output = allowed.args(line.split(' ')).arg("--allow-sublayout-inspections").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        std::fs::read(pair.ours().join("look.link")).unwrap(),
        std::fs::read(pair.theirs().join("look.link")).unwrap()
    );
}
