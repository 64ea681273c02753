//! A list of the API server, page by page.
//!
//! How large an object is, its author decides: a page that is too large is asked for again with fewer
//! objects, down to one, so that nobody makes the list of all others fail.

use serde_json::Value;

use super::api::{Api, ApiError};
use super::resource::metadata;

/// Objects of the first page.
const PAGE: usize = 500;

/// The pages of a list.
pub(super) struct Pages<'a> {
    api: &'a Api,
    /// The path, and what is asked of the objects.
    query: String,
    size: usize,
    /// Where the next page begins; nothing behind the last.
    next: Option<String>,
}

impl<'a> Pages<'a> {
    /// Begins at the first page.
    pub(super) fn of(api: &'a Api, path: &str, fields: Option<&str>) -> Self {
        let query = query(path, fields, "limit=");
        Self { api, query, size: PAGE, next: Some(String::new()) }
    }

    /// Returns the next page, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Value>, ApiError> {
        loop {
            let Some(next) = &self.next else { return Ok(None) };
            match self.api.get(&format!("{}{}&continue={next}", self.query, self.size)) {
                Err(ApiError::TooLarge { .. }) if self.size > 1 => self.size /= 4,
                answered => {
                    let page = answered?;
                    let next = metadata(&page, "continue");
                    self.next = (!next.is_empty()).then(|| escaped(next));
                    return Ok(Some(page));
                }
            }
            self.size = self.size.max(1);
        }
    }
}

/// Writes a path with a selector of fields and what is wished beside it.
pub(super) fn query(path: &str, fields: Option<&str>, wish: &str) -> String {
    let fields = fields.map(|fields| format!("fieldSelector={}&", escaped(fields)));
    format!("{path}?{}{wish}", fields.unwrap_or_default())
}

/// Returns a text as it can stand in a query.
fn escaped(text: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
