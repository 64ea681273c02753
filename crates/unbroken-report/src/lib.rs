//! The one Report value drawn as text, JSON, SARIF and JUnit.
//!
//! A [`Report`] is made from a verdict and a few facts of the caller. Every drawing is a function
//! of the report alone: equal reports give equal bytes, on every machine and at every time.
//!
//! Most words in a report come from metadata that somebody else wrote. No drawing lets them act on
//! a terminal, a browser or a parser: characters that steer or hide are shown by their number.

mod digests;
pub mod explain;
mod index;
mod json;
mod junit;
mod report;
mod sarif;
mod text;
mod visible;

pub use self::report::{Bound, BoundBy, Counts, Coverage, Facts, Report, Subject, Tally, Verdict};
pub use self::text::{Colour, Detail, Glyphs, TextStyle};
