//! What a user of the command line sees: arguments, stdout, stderr and exit code.
//!
//! One case is one file `tests/cmd/<verb>/<case>.toml`, with `.stdout` and `.stderr` beside it, and
//! `.out/` for the files that it makes. `TRYCMD=overwrite cargo test -p unbroken-cli --test cli`
//! writes the snapshots anew. The private keys in `tests/cmd` are made for these tests alone.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: they stop the test"
)]

mod certificates;
mod demo;
mod earlier;
mod files;
mod forgotten;
mod formats;
mod help;
mod hostile;
mod images;
mod inspection_links;
mod key_files;
mod link_statements;
mod logins;
mod metadata;
mod others;
mod path;
mod pipes;
mod policies;
mod replay;
mod secrets;
mod several_keys;
mod support;
mod terminal;

use std::time::Duration;

#[test]
fn cases() {
    trycmd::TestCases::new()
        .case("tests/cmd/*/*.toml")
        .default_bin_name("unbroken")
        .env("COLUMNS", "100")
        .env("LC_ALL", "C.UTF-8")
        .env("CLICOLOR_FORCE", "")
        .env("NO_COLOR", "")
        .timeout(Duration::from_mins(1));
}
