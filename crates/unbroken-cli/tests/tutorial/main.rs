//! The usual container tutorial: as it is written, with the drop-ins; and with `unbroken` itself, as
//! `docs/migrating.md` and `docs/registries.md` have it. The image is built for real.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which stop the test")]

mod as_written;
mod migrating;
mod registries;
mod workshop;
