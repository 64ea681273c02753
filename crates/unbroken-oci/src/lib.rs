//! Images and the evidence beside them: registries, image layouts and archives.
//!
//! This room moves opaque bytes and trusts nothing. Whatever it fetches has been held against the
//! digest, the size and the media type that it was asked for; what the bytes mean is for
//! `unbroken-verify` to say. A place that does not answer, or answers with something else, is an
//! [`OciError`] and never a verdict.

pub mod archive;
pub mod attach;
pub mod classify;
pub mod content;
pub mod copy;
pub mod cosign;
pub mod descriptor;
pub mod digest;
mod error;
pub mod evidence;
pub mod image;
pub mod image_layout;
pub mod limits;
pub mod location;
pub mod manifest;
pub mod media_type;
mod open;
pub mod programs;
pub mod reference;
pub mod referrers;
pub mod registry;
pub mod store;

pub use self::error::{OciError, Result};
pub use self::open::{Identified, identify, look_up, open};
