//! The drop-ins beside the reference's own tools: the same arguments in the same files, and the same
//! exit code, the same files byte by byte, the same lines.
//!
//! Without `UNBROKEN_TEST_PYTHON` the comparisons skip and say so.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which stop the test"
)]

mod generations;
mod golang;
mod gpg;
mod installed;
mod keygen;
mod match_products;
mod misuse;
#[path = "../../../unbroken-signer/tests/support/mock_workload_api.rs"]
mod mock_workload_api;
mod pair;
mod passwords;
mod record;
mod resolvers;
mod run;
mod schemes;
mod sign;
mod verify;
mod workload;
mod workload_api;
