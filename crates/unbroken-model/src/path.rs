//! Paths of artifacts in their one normal form.
//!
//! Rules compare paths as text. A path that two texts can name (`./evil` and `evil`) would slip
//! past a rule that names one of them, so only the normal form is a path.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::name::is_unprintable;

/// The longest path in bytes, as the Linux kernel has it.
const LONGEST: usize = 4096;

/// The name of an artifact: a relative path in normal form, or a URI such as `git:` or `oci:`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactPath(Box<str>);

/// A text that is not the normal form of an artifact's path.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{path:?} is not a path in normal form: {fault}")]
pub struct PathError {
    path: String,
    fault: &'static str,
}

impl ArtifactPath {
    /// Returns the path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the scheme of a URI: `git` of `git:repo@HEAD`.
    pub fn scheme(&self) -> Option<&str> {
        split_scheme(&self.0).map(|(scheme, _)| scheme)
    }
}

/// Splits `scheme:rest`, where the scheme is lower case and has two letters or more (one letter is
/// a drive).
fn split_scheme(path: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = path.split_once(':')?;
    let known = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        });
    known.then_some((scheme, rest))
}

fn fault(path: &str) -> Option<&'static str> {
    if path.len() > LONGEST {
        return Some("it is longer than 4096 bytes");
    }
    let plain = path.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !plain && path.chars().any(is_unprintable) {
        return Some("it holds a control or direction character");
    }
    let local = match split_scheme(path) {
        Some((_, rest)) => rest.strip_prefix("//").unwrap_or(rest),
        None => path,
    };
    if local.is_empty() {
        return Some("it is empty");
    }
    if local.starts_with('/') {
        return Some("it is absolute");
    }
    local.split('/').find_map(|segment| match segment {
        "" => Some("it has an empty segment"),
        "." => Some("it has a segment \".\""),
        ".." => Some("it has a segment \"..\""),
        _ => None,
    })
}

impl FromStr for ArtifactPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        match fault(path) {
            None => Ok(Self(path.into())),
            Some(fault) => Err(PathError { path: path.chars().take(200).collect(), fault }),
        }
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms_are_paths() {
        for path in [
            "a",
            "src/app.py",
            ".keep",
            "b\\c",
            "a b",
            "ü/ö",
            "...",
            "dir:d",
            "git:repo",
            "oci:reg.example/app",
            "https://host/x",
            "c:x",
            "a:b",
        ] {
            assert_eq!(path.parse::<ArtifactPath>().unwrap().as_str(), path);
        }
        assert!("x".repeat(LONGEST).parse::<ArtifactPath>().is_ok());
    }

    #[test]
    fn a_second_way_to_write_a_path_is_none() {
        let long = "x".repeat(4097);
        for path in [
            "",
            "./evil",
            "a/../b",
            "../a",
            "a//b",
            "a/",
            "/abs",
            ".",
            "..",
            "a/.",
            "x.sh\n",
            "a\u{202e}b",
            "dir:",
            "file:./a",
            "git:/abs",
            "https:///x",
            &long,
        ] {
            assert!(path.parse::<ArtifactPath>().is_err(), "{path:?}");
        }
    }

    #[test]
    fn schemes_are_told() {
        assert_eq!("git:x".parse::<ArtifactPath>().unwrap().scheme(), Some("git"));
        assert_eq!("c:x".parse::<ArtifactPath>().unwrap().scheme(), None);
        assert_eq!("A:x".parse::<ArtifactPath>().unwrap().scheme(), None);
    }
}
