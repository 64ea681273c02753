//! The drop-ins beside 1.3.2 and 2.2.0: the options, variables, key files and key ids of their time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::pair::{Ended, Generation, Pair, drop_in};

const TYPES: [&str; 3] = ["rsa", "ed25519", "ecdsa"];
/// Digits of a signature by ed25519: the one that is not random.
const ED25519_SIGNATURE: usize = 128;
const OLDER: [Generation; 2] = [Generation::First, Generation::Second];

/// Makes keys of three types in the formats of 1.x, in both folders.
fn with_keys(generation: Generation, test: &str) -> Option<Pair> {
    let pair = Pair::of(generation, test)?;
    for kind in TYPES {
        let mut make = drop_in("in-toto-keygen", pair.ours());
        assert!(make.args(["-b", "2048", "-t", kind, kind]).output().unwrap().status.success());
        for name in [kind.to_owned(), format!("{kind}.pub")] {
            std::fs::copy(pair.ours().join(&name), pair.theirs().join(&name)).unwrap();
        }
    }
    Some(pair)
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').filter(|word| !word.is_empty()).collect()
}

/// Runs a tool in both folders; both succeed without a word (but for what 2.2 says about `-k`).
fn succeeds(pair: &Pair, tool: &str, line: &str) -> (Ended, Ended) {
    let (theirs, ours) = pair.run(tool, &words(line));
    assert_eq!(
        (theirs.code, ours.code),
        (Some(0), Some(0)),
        "{tool} {line}: {}{}",
        theirs.stderr,
        ours.stderr
    );
    let told: Vec<&str> =
        theirs.stderr.lines().filter(|line| !line.contains(" is deprecated, use ")).collect();
    assert!(told.is_empty() && ours.stderr.is_empty(), "{tool} {line}: {told:?} {}", ours.stderr);
    (theirs, ours)
}

/// The metadata files, without the values of signatures, which are random but for ed25519.
fn metadata(ended: &Ended) -> BTreeMap<PathBuf, String> {
    let is_metadata = |path: &Path| {
        let name = path.to_string_lossy();
        name.ends_with(".link") || name.ends_with(".layout") || name.ends_with("-unfinished")
    };
    let files = ended.files.iter().filter(|(path, _)| is_metadata(path));
    files
        .map(|(path, bytes)| {
            let mut text = String::from_utf8(bytes.clone()).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            for signature in value["signatures"].as_array().unwrap() {
                let signature = signature["sig"].as_str().unwrap();
                if signature.len() != ED25519_SIGNATURE {
                    text = text.replace(signature, "..");
                }
            }
            (path.clone(), text)
        })
        .collect()
}

#[test]
fn links_are_the_same_for_every_type_of_key() {
    for generation in OLDER {
        let Some(pair) = with_keys(generation, "links of older generations") else { return };
        for kind in TYPES {
            let key = format!("-k {kind} -t {kind}");
            for line in [
                format!("-n plain -m src -p src {key} -- true"),
                format!(
                    "--step-name streams --products src --key {kind} --key-type {kind} -s -- echo said"
                ),
                format!("-n none -m src/main.c {key} --exclude *.txt --lstrip-paths src/ -x"),
            ] {
                let (theirs, ours) = pair.run("in-toto-run", &words(&line));
                assert_eq!((theirs.code, ours.code), (Some(0), Some(0)), "{line}: {}", ours.stderr);
                assert_eq!(ours.stdout, theirs.stdout);
                assert_eq!(metadata(&ours), metadata(&theirs), "{generation:?} {line}");
            }
            for line in [
                format!("start -n recorded -m src {key}"),
                format!("stop -n recorded -p src {key}"),
            ] {
                let (theirs, ours) = succeeds(&pair, "in-toto-record", &line);
                assert_eq!(metadata(&ours), metadata(&theirs), "{generation:?} {line}");
            }
        }
        assert_eq!(pair.run("in-toto-mock", &["-n", "mocked", "--", "true"]).1.code, Some(0));
        let name = Path::new("mocked.link");
        let text = |folder: PathBuf| std::fs::read_to_string(folder.join(name)).unwrap();
        // Whatever was there is recorded: the signatures above differ.
        let command = |text: String| {
            serde_json::from_str::<Value>(&text).unwrap()["signed"]["command"].clone()
        };
        assert_eq!(command(text(pair.ours())), command(text(pair.theirs())));
    }
}

/// A layout of one step and one inspection, in the members of 1.x, for keys of one type.
fn layout(pair: &Pair, kind: &str) -> String {
    let mut show = std::process::Command::new(env!("CARGO_BIN_EXE_unbroken"));
    show.current_dir(pair.ours()).args([
        "key",
        "show",
        "--format",
        "layout",
        "--key-id-style",
        "legacy",
    ]);
    let output = show.arg(format!("{kind}.pub")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key = String::from_utf8(output.stdout).unwrap();
    let keys: Value = serde_json::from_str(&format!("{{{key}}}")).unwrap();
    let id = keys.as_object().unwrap().keys().next().unwrap();
    format!(
        r#"{{"signatures": [], "signed": {{"_type": "layout", "expires": "2100-01-01T00:00:00Z", "readme": "",
        "keys": {keys}, "steps": [{{"_type": "step", "name": "build", "threshold": 1, "pubkeys": ["{id}"],
        "expected_command": [], "expected_materials": [], "expected_products": [["CREATE", "src/*"], ["DISALLOW", "*"]]}}],
        "inspect": [{{"_type": "inspection", "name": "look", "run": ["true"],
        "expected_materials": [["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", "build"], ["ALLOW", "*"]],
        "expected_products": []}}]}}}}"#
    )
}

#[test]
fn layouts_are_signed_and_verified_alike_for_every_type_of_key() {
    for generation in OLDER {
        for kind in TYPES {
            let Some(pair) = with_keys(generation, "layouts of older generations") else { return };
            pair.write("root.layout", layout(&pair, kind).as_bytes());
            if generation == Generation::First {
                let line = format!("-f root.layout -k {kind} -t {kind}");
                let (theirs, ours) = succeeds(&pair, "in-toto-sign", &line);
                assert_eq!(metadata(&ours), metadata(&theirs), "{kind}");
                let line = format!("-f root.layout --verify -k {kind}.pub -t {kind}");
                succeeds(&pair, "in-toto-sign", &line);
            } else {
                // in-toto-sign of 2.2 reads no key files of 1.x, its verifier does.
                let mut sign = drop_in("in-toto-sign", pair.ours());
                sign.args(["-f", "root.layout", "-k", kind, "-t", kind]);
                assert!(sign.output().unwrap().status.success());
                let signed = std::fs::read(pair.ours().join("root.layout")).unwrap();
                pair.write("root.layout", &signed);
            }
            succeeds(&pair, "in-toto-run", &format!("-n build -p src -k {kind} -t {kind} -x"));

            // Each verifies what the other has made, by every spelling of the options.
            let (theirs, ours) = (pair.theirs(), pair.ours());
            let exchange = tempfile::tempdir().unwrap();
            let link = |folder: &Path| {
                let mut files =
                    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
                files.find(|name| name.to_string_lossy().starts_with("build.")).unwrap()
            };
            for name in [link(&ours), "root.layout".into()] {
                std::fs::rename(ours.join(&name), exchange.path().join(&name)).unwrap();
                std::fs::rename(theirs.join(&name), ours.join(&name)).unwrap();
                std::fs::rename(exchange.path().join(&name), theirs.join(&name)).unwrap();
            }
            for line in [
                format!("-l root.layout -k {kind}.pub -t {kind}"),
                format!("--layout root.layout --layout-keys {kind}.pub --key-types {kind}"),
                format!(
                    "--layout root.layout --layout-key {kind}.pub --key-type {kind} --link-dir ./"
                ),
            ] {
                let (theirs, ours) = succeeds(&pair, "in-toto-verify", &line);
                let look = |ended: &Ended| ended.files.get(Path::new("look.link")).cloned();
                assert!(look(&ours).is_some());
                let materials = |ended: &Ended| {
                    let value: Value = serde_json::from_slice(&look(ended).unwrap()).unwrap();
                    value["signed"]["materials"]
                        .as_object()
                        .unwrap()
                        .keys()
                        .cloned()
                        .collect::<Vec<_>>()
                };
                assert_eq!(materials(&ours), materials(&theirs), "{line}");
                pair.each(|folder| std::fs::remove_file(folder.join("look.link")).unwrap());
            }
            pair.write("src/main.c", b"changed");
            let (theirs, ours) = pair
                .run("in-toto-verify", &words(&format!("-l root.layout -k {kind}.pub -t {kind}")));
            // The link matches nothing any more, which the layout allows; the signature does not.
            assert_eq!((theirs.code, ours.code), (Some(0), Some(0)));
            let signed = std::fs::read_to_string(pair.ours().join("root.layout")).unwrap();
            pair.write("root.layout", signed.replace("2100-", "2101-").as_bytes());
            let (theirs, ours) = pair
                .run("in-toto-verify", &words(&format!("-l root.layout -k {kind}.pub -t {kind}")));
            assert_eq!((theirs.code, ours.code), (Some(1), Some(1)), "{}", ours.stderr);
        }
    }
}

#[test]
fn variables_leave_out_the_same_files() {
    let Some(pair) = with_keys(Generation::First, "variables of 1.x") else { return };
    for variable in [
        ("IN_TOTO_ARTIFACT_EXCLUDE_PATTERNS", "*.pyc:main*"),
        ("IN_TOTO_ARTIFACT_BASE_PATH", "src"),
    ] {
        let path = if variable.1 == "src" { "lib" } else { "src" };
        let line = format!("-n x -m {path} -k ed25519 -t ed25519 -x");
        let (theirs, ours) = pair.run_with("in-toto-run", &words(&line), &[variable]);
        assert_eq!((theirs.code, ours.code), (Some(0), Some(0)), "{}", ours.stderr);
        assert_eq!(metadata(&ours), metadata(&theirs), "{variable:?}");
    }
    let limit = [("IN_TOTO_LINK_CMD_EXEC_TIMEOUT", "1")];
    let (theirs, ours) =
        pair.run_with("in-toto-run", &words("-n slow -k ed25519 -t ed25519 -- sleep 20"), &limit);
    assert_eq!((theirs.code, ours.code), (Some(1), Some(1)), "{}", ours.stderr);
    let signed = "-k ed25519 -t ed25519";
    for (limit, command, code) in [
        ("x", "-x", 0),
        ("x", "-- true", 1),
        (" 1e2 ", "-- true", 0),
        ("0", "-- sleep 1", 1),
        ("-2", "-- sleep 1", 1),
    ] {
        let line = format!("-n limit {signed} {command}");
        let line = words(&line);
        let limit = [("IN_TOTO_LINK_CMD_EXEC_TIMEOUT", limit)];
        let (theirs, ours) = pair.run_with("in-toto-run", &line, &limit);
        let codes = (theirs.code, ours.code);
        assert_eq!(codes, (Some(code), Some(code)), "{limit:?} {line:?} {}", ours.stderr);
    }
    // What records no step by an option of its own does not look at them.
    let all = [
        ("IN_TOTO_ARTIFACT_EXCLUDE_PATTERNS", "*.pyc:main*"),
        ("IN_TOTO_ARTIFACT_BASE_PATH", "src"),
        ("IN_TOTO_LINK_CMD_EXEC_TIMEOUT", "0"),
    ];
    let (theirs, ours) = pair.run_with("in-toto-mock", &words("-n mock -- true"), &all);
    assert_eq!((theirs.code, ours.code), (Some(0), Some(0)), "{}", ours.stderr);
    assert_eq!(metadata(&ours), metadata(&theirs));
    assert!(metadata(&ours)[Path::new("mock.link")].contains("main.c"));
    for half in ["start -m .", "stop -p ."] {
        let line = format!("{half} -n both {signed}");
        let line = words(&line);
        let (theirs, ours) = pair.run_with("in-toto-record", &line, &all);
        assert_eq!((theirs.code, ours.code), (Some(0), Some(0)), "{}", ours.stderr);
        assert_eq!(metadata(&ours), metadata(&theirs));
    }
}

/// Where the generations differ, ours does as the newest.
#[test]
fn the_newest_generation_decides() {
    for generation in OLDER {
        let Some(pair) = with_keys(generation, "differences of the generations") else { return };
        // The code of a command that fails.
        let mut arguments = words("-n failed -k ed25519 -t ed25519 -- bash -c");
        arguments.push("exit 3");
        let (theirs, ours) = pair.run("in-toto-run", &arguments);
        assert_eq!((theirs.code, ours.code), (Some(0), Some(3)));
        assert_eq!(metadata(&ours), metadata(&theirs));
        // A key file tells its type itself.
        let (theirs, ours) = pair.run("in-toto-run", &words("-n typed -k ed25519 -x"));
        assert_eq!((theirs.code, ours.code), (Some(1), Some(0)), "{}", ours.stderr);
        // Lines under -v.
        let (theirs, ours) =
            pair.run("in-toto-run", &words("-v -n loud -k ed25519 -t ed25519 -- true"));
        assert_eq!((theirs.code, ours.code), (Some(0), Some(0)));
        assert!(
            ours.stderr.contains("Generating link metadata using Metablock..."),
            "{}",
            ours.stderr
        );
        assert_ne!(ours.stderr, theirs.stderr);
    }
}

#[test]
fn trees_are_compared_with_links_as_by_2_2() {
    let Some(pair) = with_keys(Generation::Second, "in-toto-match-products of 2.2") else { return };
    let (theirs, _) = pair.run("in-toto-run", &words("-n x -p src -k ed25519 -t ed25519 -x"));
    let name = theirs.files.keys().find(|path| path.extension().is_some_and(|end| end == "link"));
    let link = name.unwrap().display().to_string();
    pair.same("in-toto-match-products", &format!("-l {link} -p src -v"));
    pair.write("src/main.c", b"changed");
    let ended = pair.same("in-toto-match-products", &format!("-l {link} -p src -v"));
    assert_eq!(ended.code, Some(1));
}

#[test]
fn standard_keys_of_2_2_go_by_the_id_of_today() {
    let Some(pair) = Pair::of(Generation::Second, "--signing-key of 2.2") else { return };
    for line in
        ["-n x -p src --signing-key bob -- true", "-n y -p src --signing-key bob --use-dsse -x"]
    {
        pair.same("in-toto-run", line);
    }
}
