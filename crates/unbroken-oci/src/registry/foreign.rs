//! The readers of what registries, files of credentials and helpers say, on their own: for fuzzing.

use super::{challenge, credentials};
use crate::error::Result;
use crate::reference::Repository;

/// Reads a `WWW-Authenticate` header, and returns the realm that it names.
///
/// # Errors
/// What is wrong with it, in words of this program alone.
pub fn realm(header: &[u8]) -> std::result::Result<Option<String>, &'static str> {
    Ok(match challenge::parse(std::iter::once(header))? {
        challenge::Challenge::Basic => None,
        challenge::Challenge::Bearer { realm, .. } => Some(realm),
    })
}

/// Tells whether a text, as of a file of credentials, has any for a repository, or names a helper; no
/// helper is asked.
///
/// # Errors
/// [`crate::OciError::Credentials`] for a text that is none of docker's or podman's.
pub fn has_credentials(place: &str, text: &[u8], repository: &Repository) -> Result<bool> {
    credentials::entry_in(place, text, repository).map(|entry| entry.is_some())
}

/// Tells whether an answer of a helper holds credentials.
///
/// # Errors
/// What is wrong with it, in words of this program alone.
pub fn is_credential(answer: &[u8]) -> std::result::Result<bool, &'static str> {
    credentials::said_by_helper(answer).map(|credential| credential.is_some())
}
