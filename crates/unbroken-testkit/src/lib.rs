//! A virtual supply chain for tests: seeded keys, chains with one mutation, and the specification transcribed slowly.
//!
//! [`Chain::pipeline`] is a container pipeline that verifies: checkout, build, scan, and an
//! inspection. A test changes one thing of it and looks at the verdict:
//! ```
//! use unbroken_testkit::Chain;
//!
//! assert!(Chain::pipeline().case().verify().is_ok());
//!
//! let mut chain = Chain::pipeline();
//! chain.layout.set("expires", "2026-06-01T12:00:00Z");
//! let verdict = chain.case().judge();
//! assert_eq!(verdict.errors, ["layout-expired"]);
//! ```
//! [`oracle`] and [`fnmatch`] transcribe the specification and the reference implementation
//! without speed and without a line of the engine, to hold the engine against.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test kit stops the test that uses it wrongly, and says what was skipped"
)]

pub mod api_server;
pub mod api_simulator;
mod case;
pub mod catalogue;
pub mod certificates;
mod chain;
mod conformance;
pub mod defects;
mod draft;
pub mod entries;
mod figure;
pub mod fnmatch;
mod image_stores;
mod inspections;
mod keyring;
pub mod keys;
pub mod mock_api;
pub mod mutation;
pub mod oracle;
mod pipeline;
mod random;
pub mod registry;
mod skip;
pub mod timestamps;
mod vector;

pub use self::case::{Case, HandingIn, Verdict};
pub use self::chain::Chain;
pub use self::conformance::{Answer, Bounds, Program};
pub use self::draft::{Draft, Signer, artifacts, digest, dsse_of, dsse_over, link};
pub use self::figure::{amount, figure};
pub use self::image_stores::{Docker, DockerBuilder, containers_storage};
pub use self::keyring::Keyring;
pub use self::pipeline::{MAIN, RECIPE};
pub use self::random::Random;
pub use self::skip::{component, python, shared_vectors, skip};
pub use self::vector::{Vector, vectors_folder};
