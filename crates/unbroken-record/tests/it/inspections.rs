//! Inspections with real commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use unbroken_record::inspection_run::{InspectionOutcome, InspectionRun, ProductCopy};
use unbroken_record::{ExitOutcome, RecordError};

use crate::helper::{job, on_product, until};
use crate::tree::{Tree, names, strings};

fn run_in(product: &Path, run: &InspectionRun<'_>) -> Result<InspectionOutcome, RecordError> {
    ProductCopy::of(product)?.run(run)
}

fn inspect(tree: &Tree, script: &str) -> Result<InspectionOutcome, RecordError> {
    let words = strings(&["sh", "-c", script]);
    run_in(tree.path(), &InspectionRun::new(&words))
}

fn stdout(outcome: &InspectionOutcome) -> String {
    String::from_utf8(outcome.process.stdout.as_ref().unwrap().tail.clone()).unwrap()
}

#[test]
fn an_inspection_sees_the_product_and_changes_a_copy() {
    let tree = Tree::new(&[("app.tar", "x"), ("sub/b", "y"), ("step.0123abcd.link", "{}")]);
    tree.link("../app.tar", "sub/link");
    let script = "cat sub/link step.0123abcd.link; echo new > out; rm app.tar sub/link";
    let outcome = inspect(&tree, script).unwrap();
    assert_eq!(outcome.process.exit, ExitOutcome::Exited(0));
    assert_eq!(stdout(&outcome), "x{}");
    assert_eq!(names(&outcome.materials), ["app.tar", "sub/b", "sub/link"]);
    assert_eq!(names(&outcome.products), ["out", "sub/b"]);
    assert!(tree.at("app.tar").exists() && !tree.at("out").exists());
}

#[test]
fn two_runs_give_the_same_answer() {
    let tree = Tree::new(&[("a", "1")]);
    let run = || inspect(&tree, "ls; echo x >> a; cat a").unwrap();
    let (one, two) = (run(), run());
    assert_eq!((one.materials, one.products), (two.materials, two.products));
    assert_eq!(one.process.stdout, two.process.stdout);
}

#[test]
fn every_way_to_fail_is_told() {
    let tree = Tree::new(&[("data", "")]);
    assert_eq!(inspect(&tree, "exit 1").unwrap().process.exit, ExitOutcome::Exited(1));
    assert_eq!(inspect(&tree, "exit 127").unwrap().process.exit, ExitOutcome::Exited(127));
    // The shell may be the first process of its namespace, which its own signals do not end.
    let killed = inspect(&tree, "sh -c 'kill -KILL $$'; exit $?").unwrap();
    assert_eq!(killed.process.exit, ExitOutcome::Exited(137));
    for words in [&["no-such-program"][..], &["./none"], &["./data"]] {
        let error = run_in(tree.path(), &InspectionRun::new(&strings(words))).unwrap_err();
        assert!(matches!(error, RecordError::Spawn { .. }), "{words:?}");
    }
    let empty = run_in(tree.path(), &InspectionRun::new(&[]));
    assert!(matches!(empty, Err(RecordError::NoCommand)));
}

#[test]
fn a_program_of_the_product_runs_only_when_it_is_named_as_one() {
    let tree = Tree::new(&[]);
    tree.script("true", "echo from the product");
    let words = strings(&["true"]);
    let outcome = run_in(tree.path(), &InspectionRun::new(&words)).unwrap();
    assert_eq!(stdout(&outcome), "");
    let words = strings(&["./true"]);
    let outcome = run_in(tree.path(), &InspectionRun::new(&words)).unwrap();
    assert_eq!(stdout(&outcome), "from the product\n");
}

#[test]
fn the_environment_is_bare_and_standard_input_empty() {
    let tree = Tree::new(&[]);
    let outcome =
        inspect(&tree, "env | cut -d= -f1 | sort; echo; wc -c; echo $PATH $LANG").unwrap();
    let printed = stdout(&outcome);
    let (variables, rest) = printed.split_once("\n\n").unwrap();
    let known = ["HOME", "LANG", "OLDPWD", "PATH", "PWD", "TMPDIR", "_"];
    assert!(variables.lines().all(|name| known.contains(&name)), "{variables}");
    assert_eq!(rest, "0\n/usr/local/bin:/usr/bin:/bin C.UTF-8\n");
    let outcome = inspect(&tree, "cd; pwd; cd $TMPDIR; touch x; ls").unwrap();
    assert!(stdout(&outcome).ends_with("/home\nx\n"), "{}", stdout(&outcome));
}

#[test]
fn endless_output_is_bounded() {
    let tree = Tree::new(&[]);
    let outcome =
        inspect(&tree, "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero").unwrap();
    let (stdout, stderr) = (outcome.process.stdout.unwrap(), outcome.process.stderr.unwrap());
    assert_eq!((stdout.length, stdout.tail.len()), (3_000_000, 1 << 20));
    assert_eq!((stderr.length, stderr.tail.len()), (3_000_000, 1 << 20));
}

#[test]
fn a_time_limit_ends_the_inspection_and_its_children() {
    let tree = Tree::new(&[]);
    let words = strings(&["sh", "-c", "sleep 300 & sleep 300"]);
    let begin = Instant::now();
    let time_limit = Duration::from_millis(300);
    let run = InspectionRun { time_limit, ..InspectionRun::new(&words) };
    let outcome = run_in(tree.path(), &run).unwrap();
    assert_eq!(outcome.process.exit, ExitOutcome::TimedOut);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_an_inspection_leaves_running_is_ended() {
    let tree = Tree::new(&[]);
    // The number of a namespace tells nothing outside, so the process is known by its file.
    let alive = tree.path().with_extension("alive");
    let script = format!(
        "setsid sh -c 'while :; do echo >> {}; sleep 0.05; done' < /dev/null > /dev/null 2>&1 & \
         sleep 0.3",
        alive.display()
    );
    inspect(&tree, &script).unwrap();
    let length = || fs::metadata(&alive).unwrap().len();
    let before = length();
    assert!(before > 0);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(length(), before);
    fs::remove_file(&alive).unwrap();
}

#[test]
fn a_change_of_the_product_itself_is_detected() {
    let tree = Tree::new(&[("app", "1"), ("sub/x", "")]);
    for change in ["echo 2 > app", "rm sub/x", "touch sub/new", "chmod 700 app"] {
        let script = format!("cd {} && {change}", tree.path().display());
        let error = inspect(&tree, &script).unwrap_err();
        assert!(matches!(error, RecordError::OriginalChanged { .. }), "{change}: {error:?}");
    }
}

#[test]
fn links_that_would_leave_the_copy_are_refused() {
    for target in ["/etc/passwd", "../outside"] {
        let outer = Tree::new(&[("outside", "x"), ("product/a", "")]);
        outer.link(target, "product/link");
        let words = strings(&["true"]);
        let error = run_in(&outer.at("product"), &InspectionRun::new(&words)).unwrap_err();
        assert!(matches!(error, RecordError::SymlinkOutside { .. }), "{target}: {error:?}");
    }
    let tree = Tree::new(&[("a", "")]);
    tree.link(fs::canonicalize(tree.at("a")).unwrap(), "absolute");
    let error = inspect(&tree, "true").unwrap_err();
    assert!(matches!(error, RecordError::SymlinkOutside { .. }), "{error:?}");
}

#[test]
fn network_and_processes_are_out_of_reach_where_it_is_said_so() {
    let tree = Tree::new(&[]);
    let script = format!(
        "tail -n +3 /proc/self/net/dev | cut -d: -f1; cat /proc/{}/environ > /dev/null && echo read",
        std::process::id()
    );
    let outcome = inspect(&tree, &script).unwrap();
    if outcome.isolation.network {
        let printed = stdout(&outcome);
        assert!(printed.lines().all(|name| name.trim() == "lo"), "{printed}");
    }
    if outcome.isolation.processes {
        assert!(!stdout(&outcome).contains("read"));
    }
    if outcome.isolation.limits {
        let outcome = inspect(&tree, "ulimit -f").unwrap();
        assert_ne!(stdout(&outcome), "unlimited\n");
    }
}

#[test]
fn modes_and_times_of_files_are_kept() {
    let tree = Tree::new(&[]);
    tree.script("tool", "true");
    fs::create_dir(tree.at("locked")).unwrap();
    fs::set_permissions(tree.at("locked"), fs::Permissions::from_mode(0o500)).unwrap();
    let outcome = inspect(&tree, "stat -c '%a %Y' tool; test -d locked").unwrap();
    let modified = fs::metadata(tree.at("tool")).unwrap().modified().unwrap();
    let seconds = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(stdout(&outcome), format!("755 {seconds}\n"));
    assert!(outcome.process.exit.is_success());
}

#[test]
fn a_signal_that_would_end_us_ends_the_inspection_and_leaves_nothing() {
    let tree = Tree::new(&[]);
    let started = tree.path().with_extension("started");
    let script = format!("pwd > {}; sleep 300", started.display());
    let mut command = on_product(job("inspect", &script), tree.path());
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let folder = || fs::read_to_string(&started).unwrap_or_default();
    until("the inspection runs", || folder().ends_with('\n'));
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let printed = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(printed.contains("[interrupted by 15]"), "{printed}");
    assert!(test_kill_process(pid).is_err());
    assert!(!Path::new(folder().trim()).exists(), "the scratch folder is gone");
    fs::remove_file(&started).unwrap();
}

#[test]
fn a_later_inspection_sees_what_an_earlier_one_left() {
    let tree = Tree::new(&[("archive", "content")]);
    let copy = ProductCopy::of(tree.path()).unwrap();
    let unpack = strings(&["cp", "archive", "unpacked"]);
    let first = copy.run(&InspectionRun::new(&unpack)).unwrap();
    assert!(first.products.contains("unpacked") && !first.materials.contains("unpacked"));
    let look = strings(&["cat", "unpacked"]);
    let second = copy.run(&InspectionRun::new(&look)).unwrap();
    assert!(second.process.exit.is_success() && second.materials.contains("unpacked"));
    assert!(!tree.at("unpacked").exists());
}
