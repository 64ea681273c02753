//! What the program asks of the system, as strace sees it: what it opens and executes, and what
//! becomes of its files when the system says no.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: they stop the test"
)]

mod faults;
mod planted;
mod quiet;
mod secrets;
mod short;
mod strace;
#[path = "../cli/support.rs"]
mod support;
