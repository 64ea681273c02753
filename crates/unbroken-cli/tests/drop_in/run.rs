//! `in-toto-run` and `in-toto-mock`.

use crate::pair::{Pair, drop_in, key_id};

#[test]
fn runs_leave_the_same_link_the_same_lines_and_the_same_code() {
    let Some(pair) = Pair::new("in-toto-run") else { return };
    let ended = pair.same(
        "in-toto-run",
        "-v -n build -m src -p out.txt --signing-key bob -- cp src/main.c out.txt",
    );
    let link = format!("build.{}.link", key_id("bob").get(..8).unwrap());
    assert!(ended.files.contains_key(std::path::Path::new(&link)), "{link}");
    for line in [
        "-n quiet -p src --signing-key bob -- sh -c exit",
        "-n dsse --use-dsse -m . -p . --signing-key bob -v -- true",
        "-n manual -m src/main.c -x --signing-key bob -v",
        "-n all -m . src ./src/main.c src -x --signing-key bob",
        "-n exclude -m . --exclude *.c *.link* --signing-key bob -x",
        "-n base --base-path src -m . lib/a.pyc -x --signing-key bob",
        "-n nothing --base-path nowhere -x --signing-key bob",
        "-n strip -m src --lstrip-paths src/lib/ src/m -x --signing-key bob",
        "-n uri -m file:./src/main.c dir:src -x --signing-key bob",
        "-n killed --signing-key bob -- sh -c kill${IFS}-9${IFS}$$",
        "-n code --signing-key bob -- sh -c exit${IFS}42",
        "--step-name=abbreviated --mat src --prod src --sign bob --no-c -v",
        "-xvn together --signing-key bob",
        "-P secret -n encrypted --signing-key alice.enc -x",
        "-n quiet -q -x --signing-key bob",
        "-d src -n elsewhere -x --signing-key bob -v",
    ] {
        // The shell's own blanks: the line is split at ours.
        pair.same("in-toto-run", line);
    }
}

#[test]
fn streams_are_recorded_and_shown_alike() {
    let Some(pair) = Pair::new("in-toto-run -s") else { return };
    let script = "printf 'a\\r\\nb\\rc'; sleep 0.2; echo err >&2; exit 3";
    let words = ["-v", "-s", "-n", "s", "--signing-key", "bob", "--", "sh", "-c", script];
    let (theirs, ours) = pair.run("in-toto-run", &words);
    assert_eq!(ours.files, theirs.files);
    assert_eq!((ours.code, ours.stderr), (Some(3), theirs.stderr));
    // The reference changes line ends on their way to the terminal; here they pass through.
    assert_eq!(ours.stdout, "a\r\nb\rc");
}

#[test]
fn what_fails_fails_with_the_same_line_and_code() {
    let Some(pair) = Pair::new("failures of in-toto-run") else { return };
    for line in [
        "-n x --signing-key nowhere -x",
        "-n x --signing-key src -x",
        "-n x --signing-key alice.enc -x",
        "-P secret -n x --signing-key bob -x",
        "-P wrong -n x --signing-key alice.enc -x",
        "-n x --signing-key bob -m src --lstrip-paths src src/lib -x",
        "-n x --signing-key bob -m src --base-path nowhere -x",
        "-n x --signing-key bob -m src --base-path bob -x",
        "-n x --signing-key bob -- no-such-program",
        "-n x --signing-key bob -d nowhere -v -- true",
        "-n x -q --signing-key nowhere -x",
    ] {
        assert_eq!(pair.same("in-toto-run", line).code, Some(1), "{line}");
    }
    for line in [
        "-n x --signing-key alice.pub -x",
        "-n a/b --signing-key bob -x",
        "-n x --signing-key bob --run-timeout 1 -- sleep 30",
        "-n x --signing-key bob --run-timeout 0 -- sleep 1",
        "-n x --signing-key bob --run-timeout -1 -- sleep 1",
    ] {
        let (_, ours) = pair.same_code("in-toto-run", line);
        assert_eq!(ours.code, Some(1));
        assert!(ours.last().starts_with("(in-toto-run) "), "{line}: {}", ours.stderr);
    }
    // A variable of the shell that is not set.
    for key in ["bob", "alice.enc"] {
        let words = ["-n", "x", "--signing-key", key, "-P", "", "-x"];
        assert_eq!(pair.same_words("in-toto-run", &words).code, Some(1));
    }
    let words = ["-n", "x", "--signing-key", "", "-x"];
    assert_eq!(pair.same_words("in-toto-run", &words).code, Some(2));
}

#[test]
fn no_time_is_over_however_quick_the_command_is() {
    let folder = tempfile::tempdir().unwrap();
    for limit in ["0", "-1"] {
        let mut mock = drop_in("in-toto-run", folder.path());
        mock.args(["-n", "x", "--run-timeout", limit, "-k", "key", "--", "true"]);
        let key = unbroken_testkit::keys::key("alice").to_pkcs8_pem(None).unwrap();
        std::fs::write(folder.path().join("key"), key.as_bytes()).unwrap();
        let output = mock.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.starts_with("(in-toto-run) TimeoutExpired: Command '['true']'"), "{told}");
    }
}

#[test]
fn what_is_not_there_is_left_out_and_told() {
    let Some(pair) = Pair::new("missing materials") else { return };
    let (_, ours) =
        pair.same_code("in-toto-run", "-n x -m src/main.c no*pe -p nope -x --signing-key bob");
    let told =
        "'no*pe' is not there and is not recorded\n'nope' is not there and is not recorded\n";
    assert_eq!((ours.code, ours.stderr.as_str()), (Some(0), told));
}

#[test]
fn what_is_no_file_is_left_out_and_told() {
    let Some(pair) = Pair::new("dangling links and sockets") else { return };
    pair.each(|folder| {
        std::os::unix::fs::symlink("nowhere", folder.join("src/lost [x]")).unwrap();
        std::os::unix::fs::symlink("main.c", folder.join("src/link.c")).unwrap();
        std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
    });
    let words = ["-n", "x", "-m", ".", "src/lost [x]", "-x", "--signing-key", "bob"];
    let ours = drop_in("in-toto-run", pair.ours()).args(words).output().unwrap();
    let theirs = pair.run("in-toto-run", &words).0;
    let told = String::from_utf8(ours.stderr).unwrap();
    assert_eq!((theirs.code, ours.status.code()), (Some(0), Some(0)), "{told}");
    assert_eq!(told.lines().count(), 3, "{told}");
    let name = format!("x.{}.link", key_id("bob").get(..8).unwrap());
    let link = std::fs::read(pair.ours().join(&name)).unwrap();
    assert_eq!(&link, theirs.files.get(std::path::Path::new(&name)).unwrap());
}

#[test]
fn mock_runs_leave_the_same_link_and_always_succeed() {
    let Some(pair) = Pair::new("in-toto-mock") else { return };
    pair.same("in-toto-mock", "--name touch -- touch made");
    pair.same("in-toto-mock", "--na dsse --use-dsse -- sh -c echo");
    pair.same("in-toto-mock", "-n fails -- false");
    pair.same("in-toto-mock", "-n x -- no-such-program");
}

#[test]
fn the_flags_of_1_x_are_taken() {
    let Some(pair) = Pair::new("flags of 1.x") else { return };
    let (theirs, _) =
        pair.run("in-toto-run", &["-n", "x", "-m", "src", "-x", "--signing-key", "bob"]);
    for line in ["--key bob -t ed25519", "-k bob", "--key-type=ed25519 --key=bob"] {
        let mut command = drop_in("in-toto-run", pair.ours());
        command.args(["-n", "x", "-m", "src", "-x"]).args(line.split(' '));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let name = format!("x.{}.link", key_id("bob").get(..8).unwrap());
        let link = std::fs::read(pair.ours().join(&name)).unwrap();
        assert_eq!(&link, theirs.files.get(std::path::Path::new(&name)).unwrap());
    }
}
