//! The demo, whole: what it shows and what it says to type next.

use std::path::Path;

use crate::support::{Sandbox, UNBROKEN};

#[test]
fn the_demo_verifies_once_rejects_three_attacks_and_can_be_repeated() {
    let sandbox = Sandbox::of("source");
    for _ in 0..2 {
        let demo = sandbox.succeed("demo tour --builder embedded");
        let verdicts = |word| demo.stdout.lines().filter(|line| line.starts_with(word)).count();
        assert_eq!((verdicts("PASS"), verdicts("FAIL")), (1, 3), "{}", demo.stdout);
    }
}

#[test]
fn what_the_demo_says_to_type_can_be_typed() {
    let sandbox = Sandbox::of("source");
    let demo = sandbox.succeed("demo tour --builder embedded").stdout;
    let (_, next) = demo.split_once("Go on with:\n").unwrap();
    assert!(next.contains("  unbroken verify "), "{next}");
    let folder = Path::new(UNBROKEN).parent().unwrap().display();
    let path = std::env::var("PATH").unwrap();
    let mut shell = sandbox.program("sh");
    shell.args(["-ec", next]).env("PATH", format!("{folder}:{path}"));
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{next}\n{}", String::from_utf8_lossy(&output.stderr));
}
