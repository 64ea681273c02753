//! The report as JSON. `docs/schema/verify-report-v1.json` describes the document; members may be
//! added within a version, and none changes its meaning or goes away.

mod document;

use self::document::Document;
pub(crate) use self::document::{list, pinning};
use crate::report::Report;

/// Writes the document.
pub(crate) fn write(report: &Report) -> String {
    #[expect(
        clippy::expect_used,
        reason = "structs with text members always serialise, and a string takes every write"
    )]
    let mut text = serde_json::to_string_pretty(&Document::of(report)).expect("plain data");
    text.push('\n');
    text
}
