//! Artifacts that are no plain paths, beside the reference: `file:`, `dir:` and `ostree:`.

use std::process::Command;

use unbroken_testkit::skip;

use crate::pair::{Pair, key_id};

/// `find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum` over the files below.
const FOLDER: &str = "29b08aa99192ec996d5ebcbcd39e894371745d77fdd18f573e80b1947fde6453";

fn pair(test: &str) -> Option<Pair> {
    let pair = Pair::new(test)?;
    for (path, content) in [("d/b", "one"), ("d/sub/a", "two"), ("d/Z", "three"), ("d/é", "x")] {
        pair.write(path, content.as_bytes());
        pair.write(&format!("base/{path}"), format!("{content} of base").as_bytes());
    }
    pair.each(|folder| std::fs::create_dir(folder.join("empty")).unwrap());
    let commit = "f0b5e1ee6f0b9e3d9bf1a3e3f0f7d6c5b4a3928170605f4e3d2c1b0a99887766";
    let (head, tail) = commit.split_at(2);
    for place in ["", "base/"] {
        pair.write(&format!("{place}refs/heads/os/stable"), format!("{commit}\n").as_bytes());
        let object = format!("{place}objects/{head}/{tail}.commit");
        pair.write(&object, format!("a commit below {place:?}").as_bytes());
    }
    Some(pair)
}

#[test]
fn links_over_every_resolver_are_the_same() {
    let Some(pair) = pair("resolvers in in-toto-run") else { return };
    let key = "-x --signing-key bob";
    for (name, line) in [
        ("file", "-m file:src file:./d/b file:d//sub/a"),
        ("dir", "-m dir:d dir:empty dir:d/sub -p dir:src"),
        ("ostree", "-m ostree:os/stable -p ostree:os/stable"),
        ("mixed", "-m d dir:d file:d ostree:os/stable src/main.c"),
        ("twice", "-m dir:d dir:d ostree:os/stable ostree:os/stable"),
        ("base", "-m d/b file:d/Z dir:d ostree:os/stable --base-path base"),
        ("strip", "-m d dir:d/sub ostree:os/stable --lstrip-paths d/ os/"),
        ("exclude", "-m dir:d d --exclude sub *b"),
        ("unknown", "-m https://host/x nothing"),
    ] {
        let ended = pair.same_code("in-toto-run", &format!("-n {name} {line} {key}")).1;
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
    }
    let file = |name: &str| {
        let file = format!("{name}.{}.link", key_id("bob").get(..8).unwrap());
        std::fs::read_to_string(pair.ours().join(file)).unwrap()
    };
    assert!(file("dir").contains(FOLDER), "{}", file("dir"));
    assert!(file("dir").contains("e3b0c44298fc1c149afbf4c8996fb924"), "{}", file("dir"));
    pair.same("in-toto-record", "start -n rec -m dir:d ostree:os/stable --signing-key bob");
    pair.same("in-toto-record", "stop -n rec -p dir:src --signing-key bob");
    pair.same("in-toto-run", &format!("-n gone -m dir:gone {key}"));
    for line in ["-m dir:src/main.c", "-p dir:", "-m ostree:none", "-m ostree:", "-m ostree:os"] {
        let ended = pair.same_code("in-toto-run", &format!("-n s {line} {key}")).1;
        assert_eq!(ended.code, Some(1), "{line}: {}", ended.stderr);
    }
}

#[test]
fn products_of_every_resolver_are_compared_alike() {
    let Some(pair) = pair("resolvers in in-toto-match-products") else { return };
    pair.same("in-toto-run", "-n x -p dir:d file:src ostree:os/stable -x --signing-key bob");
    let link = format!("x.{}.link", key_id("bob").get(..8).unwrap());
    let line = format!("-l {link} -v -p dir:d file:src ostree:os/stable -e *.pyc");
    pair.same("in-toto-match-products", &line);
    pair.write("d/sub/a", b"changed");
    assert_eq!(pair.same("in-toto-match-products", &line).code, Some(1));
}

#[test]
fn commits_of_the_real_program_are_recorded_by_their_ids() {
    const TEST: &str = "commits of ostree";
    let Some(program) = std::env::var_os("UNBROKEN_TEST_OSTREE") else {
        return skip(TEST, "UNBROKEN_TEST_OSTREE is not set");
    };
    let Some(pair) = Pair::new(TEST) else { return };
    for mode in ["archive", "bare-user"] {
        let ostree = |words: &[&str]| {
            let mut command = Command::new(&program);
            command.arg(words[0]).arg("--repo").arg(mode).args(&words[1..]);
            let output = command.current_dir(pair.ours()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{words:?}: {said}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        ostree(&["init", "--mode", mode]);
        ostree(&["commit", "--branch", "os/x86_64/stable", "--subject", "first", "src"]);
        let due = ostree(&["rev-parse", "os/x86_64/stable"]);
        let copy =
            Command::new("cp").arg("-a").args([pair.ours().join(mode), pair.theirs()]).status();
        assert!(copy.unwrap().success());
        let line =
            format!("-n {mode} -m ostree:os/x86_64/stable -x --base-path {mode} --signing-key bob");
        pair.same("in-toto-run", &line);
        let link = format!("{mode}.{}.link", key_id("bob").get(..8).unwrap());
        assert!(std::fs::read_to_string(pair.ours().join(link)).unwrap().contains(&due));
    }
}
