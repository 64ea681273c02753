//! Reports of real verifications: what they say, and that every drawing says the same.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod agreement;
mod examples;
mod hostile;
mod purity;
mod schema;
mod text;
mod world;
