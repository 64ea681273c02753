//! The in-toto types and wire formats: layouts, links, envelopes, artifact rules, canonical JSON.
//!
//! This crate reads and writes bytes and decides nothing. Everything that it parses is untrusted:
//! an [`envelope::Envelope`] keeps its payload sealed until `unbroken-crypto` has checked a
//! signature over the very bytes that came.
//!
//! Formats follow the in-toto specification 1.0 and the DSSE protocol 1.0; each module names the
//! section that it implements.

pub mod artifact;
pub mod canonical_json;
pub mod decode;
pub mod digest;
pub mod envelope;
pub mod json;
pub mod layout;
pub mod limits;
pub mod link;
pub mod name;
pub mod pae;
pub mod path;
pub mod pattern;
pub mod rule;
pub mod statement;
pub mod timestamp;
