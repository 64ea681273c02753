//! Keys that are kept elsewhere sign a step, and the chain is verified by this program and by the
//! reference implementation; authorities elsewhere tell when it was signed.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails, its helpers too")]

mod bench;
mod gpg;
mod ssh_agent;
mod stamped;
mod token;
