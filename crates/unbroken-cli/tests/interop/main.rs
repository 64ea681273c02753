//! Live interoperability: the real program beside the real python in-toto 3.1.0, each making what the other judges.
//!
//! Nothing here is simulated: every test spawns `unbroken` and the reference's own tools in folders
//! of its own. Without `UNBROKEN_TEST_PYTHON` or `UNBROKEN_TEST_BUILDAH` the tests that need them
//! skip and say so; a component that is there but broken fails them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests, which stop the test"
)]

mod bytes;
mod certified;
mod demo;
mod image;
mod image_stores;
mod keys;
mod match_products;
mod matrix;
mod patterns;
mod peers;
mod plan;
mod random;
mod reference;
mod registry;
mod scenarios;
mod site;
mod tools;
mod verdict;
