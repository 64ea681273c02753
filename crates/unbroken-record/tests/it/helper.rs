//! Lets a test be another process: signals go to whole processes.
//!
//! The test binary starts itself again with one test selected, which does nothing unless the
//! environment tells it a job.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGINT;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use unbroken_record::inspection_run::{InspectionRun, ProductCopy};
use unbroken_record::{CommandRun, RecordError, run_command};

const JOB: &str = "UNBROKEN_TEST_JOB";
const SCRIPT: &str = "UNBROKEN_TEST_SCRIPT";
const PRODUCT: &str = "UNBROKEN_TEST_PRODUCT";

/// Makes a command that does `job` with a shell script, in a process of its own.
pub(crate) fn job(job: &str, script: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "helper::does_its_job", "--nocapture", "--test-threads=1"])
        .env(JOB, job)
        .env(SCRIPT, script)
        .stdin(Stdio::null());
    command
}

pub(crate) fn on_product(mut command: Command, product: &Path) -> Command {
    command.env(PRODUCT, product);
    command
}

/// Waits until `done`, but not for ever.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(20), "waited too long: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn does_its_job() {
    let Ok(job) = env::var(JOB) else { return };
    let script = env::var(SCRIPT).unwrap();
    let words = ["/bin/sh".to_owned(), "-c".to_owned(), script.clone()];
    match job.as_str() {
        // A shell cannot count: two signals that come while it waits run its trap once.
        "count interrupts" => {
            let mut signals = SignalsInfo::<WithOrigin>::new([SIGINT]).unwrap();
            fs::write(script, "").unwrap();
            let mut interrupts = 0;
            until("the first interrupt", || {
                interrupts += signals.pending().count();
                interrupts > 0
            });
            thread::sleep(Duration::from_millis(500));
            println!("[interrupts: {}]", interrupts + signals.pending().count());
        }
        "run" => {
            let outcome = run_command(&CommandRun::new(&words)).unwrap();
            println!("[ended {}]", outcome.exit.code());
        }
        "run and stay" => {
            run_command(&CommandRun::new(&words)).unwrap();
            println!("[staying]");
            thread::sleep(Duration::from_secs(30));
            println!("[stayed]");
        }
        "inspect" => {
            let product = env::var(PRODUCT).unwrap();
            let copy = ProductCopy::of(Path::new(&product)).unwrap();
            match copy.run(&InspectionRun::new(&words)) {
                Err(RecordError::Interrupted { signal }) => println!("[interrupted by {signal}]"),
                other => println!("[{other:?}]"),
            }
        }
        other => panic!("no such job: {other}"),
    }
}
