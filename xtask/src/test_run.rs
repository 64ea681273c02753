//! `cargo xtask test`: every test, doc test and example, against the real components that are there.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use crate::components::{self, Components, Installing};
use crate::examples::{self, ExamplesRun};
use crate::process::{Failure, announce};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Runs it all and says whether it all passed.
pub(crate) fn run(installing: Installing) -> Result<bool, Failure> {
    let start = Instant::now();
    let workspace = Workspace::load()?;
    let components = components::prepare(&workspace, installing);
    let skip_log = workspace.target.join("unbroken-skipped-tests.txt");
    fs::create_dir_all(&workspace.target)?;
    fs::write(&skip_log, "")?;

    announce("tests");
    let tests = cargo_test(&workspace, &components, &skip_log, &["--workspace", "--all-targets"])?;
    announce("documentation tests");
    let documentation = cargo_test(&workspace, &components, &skip_log, &["--workspace", "--doc"])?;
    let examples = examples::run(&workspace)?;

    let summary = Summary { tests, documentation, examples, components, skipped: read(&skip_log)? };
    summary.print(start.elapsed().as_secs());
    Ok(summary.passed())
}

/// One `cargo test`: whether it succeeded, and what its result lines count.
struct TestRun {
    succeeded: bool,
    tally: Tally,
}

fn cargo_test(
    workspace: &Workspace,
    components: &Components,
    skip_log: &Path,
    selection: &[&str],
) -> Result<TestRun, Failure> {
    let mut command = workspace.cargo();
    command
        .arg("test")
        .args(selection)
        .arg("--no-fail-fast")
        .env("UNBROKEN_SKIP_LOG", skip_log)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for (variable, file) in &components.variables {
        command.env(variable, file);
    }
    let mut child = command.spawn()?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes)? > 0 {
            // A test may print anything: pass the bytes on as they came.
            std::io::stdout().write_all(&bytes)?;
            if let Some(result) = Tally::of_line(String::from_utf8_lossy(&bytes).trim_end()) {
                tally += result;
            }
            bytes.clear();
        }
    }
    Ok(TestRun { succeeded: child.wait()?.success(), tally })
}

fn read(skip_log: &Path) -> Result<Vec<String>, Failure> {
    let mut lines: Vec<String> = fs::read_to_string(skip_log)?.lines().map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    Ok(lines)
}

struct Summary {
    tests: TestRun,
    documentation: TestRun,
    examples: ExamplesRun,
    components: Components,
    skipped: Vec<String>,
}

impl Summary {
    fn passed(&self) -> bool {
        self.tests.succeeded && self.documentation.succeeded && self.examples.failed.is_empty()
    }

    fn print(&self, seconds: u64) {
        println!();
        println!("Summary, after {seconds} s");
        print_tally("tests", &self.tests);
        print_tally("documentation tests", &self.documentation);
        println!("  examples: {} ran, {} failed", self.examples.ran, self.examples.failed.len());
        for name in &self.examples.failed {
            println!("    FAILED {name}");
        }
        if !self.components.missing.is_empty() {
            println!("  components that are not here:");
            for line in &self.components.missing {
                println!("    {line}");
            }
        }
        if self.skipped.is_empty() {
            println!("  no test was skipped");
        } else {
            println!("  skipped, {} in all, each with its reason:", self.skipped.len());
            for line in &self.skipped {
                println!("    {line}");
            }
        }
        let (tests, documentation) = (self.tests.tally, self.documentation.tally);
        let failed = tests.failed + documentation.failed;
        // A test program that does not build, or an example that fails, has no result line of its own.
        if !self.passed() && failed == 0 {
            println!("  FAILED: see the errors above");
        }
        // A test that finds its component missing returns early: the runner counts it as passed,
        // this line as skipped.
        let skipped = u64::try_from(self.skipped.len()).unwrap_or(0);
        println!(
            "{} passed, {failed} failed, {} skipped",
            (tests.passed + documentation.passed).saturating_sub(skipped),
            tests.ignored + documentation.ignored + skipped,
        );
    }
}

fn print_tally(what: &str, run: &TestRun) {
    let Tally { passed, failed, ignored, programs } = run.tally;
    println!(
        "  {what}: {passed} passed, {failed} failed, {ignored} ignored, in {programs} programs{}",
        if run.succeeded { "" } else { " (cargo test FAILED)" }
    );
}
