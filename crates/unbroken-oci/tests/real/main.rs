//! Against real registries and real tools, where `cargo xtask test` found them.

#![expect(clippy::unwrap_used, reason = "helpers of tests: they stop the test")]

mod attaching;
mod golang;
mod oras;
mod server;
mod tls;
mod tools;
