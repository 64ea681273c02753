//! Admission against a registry that holds signed and unsigned images.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails, its helpers too"
)]

mod advisories;
mod api_server;
mod bypasses;
mod cache;
mod callers;
mod cluster;
mod cookbook;
mod decisions;
mod deployment;
mod entries;
mod floods;
mod fuzz;
mod golden;
mod hostile;
mod intruders;
mod mutations;
mod observed;
mod own_image;
mod policy_fields;
mod registries;
mod schemas;
mod scopes;
mod server;
mod slots;
mod token;
mod traces;
mod world;
