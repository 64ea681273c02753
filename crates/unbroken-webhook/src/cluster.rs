//! The API server as a client sees it: what is read from the cluster, and what is written to it.
//!
//! Nothing that is read here decides by itself: policies pass the same parser as those of a file, and
//! what is not known yet, or cannot be read, denies.

pub mod api;
pub mod certificates;
pub mod events;
mod follow;
mod lease;
mod list;
pub mod options;
mod policies;
pub mod pull_secrets;
pub mod recheck;
mod report;
pub mod resource;
pub mod rotation;
mod sources;
mod status;
pub mod watch;

pub use self::follow::Follower;
