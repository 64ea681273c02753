//! Kubernetes admission: a workload comes in only when each of its images has an unbroken chain.
//!
//! ```text
//! body -Request::parse-> Request -image_slots-> images x matching policies -Verify-> Docket
//!   Docket::decide -> Deny(failures) | Admit(Proof)  -answer-> the review that goes back
//! ```
//! Only [`decision::Docket`] makes a [`decision::Proof`], also that nothing new runs, and what is undecided is a
//! denial that says so. No command of a layout is run: the code that could is not linked in.

pub mod admission;
pub mod answer;
pub mod cache;
pub mod check;
pub mod cluster;
pub mod crds;
pub mod decision;
mod exact;
pub mod failure;
pub mod log;
pub mod metrics;
pub mod mutation;
pub mod options;
pub mod policy_file;
pub mod recall;
pub mod review;
pub mod serve;
pub mod server;
pub mod traces;
pub mod verifier;
pub mod workload;
