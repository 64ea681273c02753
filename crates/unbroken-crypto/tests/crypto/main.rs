//! Keys and signatures against files that other tools made, and against the attacks on them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails, its helpers too, and says what it skips"
)]

mod authentication;
mod certificates;
mod envelopes_of_others;
mod generation;
mod key_ids;
mod layout_keys;
mod old_keys;
mod openpgp;
mod private_keys;
mod public_keys;
mod second;
mod self_signatures;
mod signatures;
mod support;
mod timestamps;
mod two_libraries;
mod wycheproof;
mod x509;
mod x509_paths;
