//! Registries, honest and hostile: a test of the hostile ones is named after its line in the catalogue of attacks.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: they stop the test"
)]

mod archives;
mod credentials;
mod evidence;
mod honest;
mod hostile;
mod hosts;
mod others;
mod proxies;
mod support;
