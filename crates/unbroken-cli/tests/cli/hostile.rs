//! Files that are made to harm whoever reads them.

use crate::support::Sandbox;

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let sandbox = Sandbox::of("chain");
    let verify = |layout: &str| {
        sandbox.run(&format!(
            "verify --layout {layout} --trust test-owner.pub --link-dir links --at 2026-01-01T00:00:00Z"
        ))
    };
    let outcome = verify("/dev/zero");
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("larger than 16777216 bytes"), "{}", outcome.stderr);

    // White space behind the document is part of it: the last byte that may be, and one more.
    let layout = String::from_utf8(sandbox.read("root.layout")).unwrap();
    let padded = |size: usize| format!("{layout}{}", " ".repeat(size - layout.len()));
    sandbox.write("large.layout", &padded(16 << 20));
    assert_eq!(verify("large.layout").code, verify("root.layout").code);
    sandbox.write("large.layout", &padded((16 << 20) + 1));
    assert_eq!(verify("large.layout").code, Some(3));
}
