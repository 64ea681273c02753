//! Names of artifacts: arguments in normal form, prefixes stripped, schemes told.

use std::sync::atomic::{AtomicBool, Ordering};

use unbroken_model::path::ArtifactPath;

use crate::error::RecordError;

/// Schemes that a resolver of this house writes. A plain file called `git:repo` must not pass for
/// what such a resolver has recorded.
const RESERVED: &[&str] = &["file", "dir", "git", "oci", "ostree", "mode", "symlink"];

/// Makes names of artifacts.
#[derive(Debug)]
pub(crate) struct Naming<'a> {
    strip_prefixes: &'a [String],
    /// By the order of the prefixes: whether one was cut off some name.
    cut: Vec<AtomicBool>,
    reserved: &'static [&'static str],
}

impl<'a> Naming<'a> {
    pub(crate) fn new(strip_prefixes: &'a [String]) -> Result<Self, RecordError> {
        for (index, longer) in strip_prefixes.iter().enumerate() {
            let mut others = strip_prefixes.iter().enumerate().filter(|(other, _)| *other != index);
            if let Some((_, shorter)) = others.find(|(_, shorter)| longer.starts_with(*shorter)) {
                let (shorter, longer) = (shorter.clone(), longer.clone());
                return Err(RecordError::PrefixOfPrefix { shorter, longer });
            }
        }
        let cut = strip_prefixes.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Self { strip_prefixes, cut, reserved: RESERVED })
    }

    /// Names the lines of a folder's list, where nothing is stripped and nothing reserved.
    pub(crate) fn of_lines() -> Self {
        Self { strip_prefixes: &[], cut: Vec::new(), reserved: &[] }
    }

    /// Names the artifact at `local`, with a scheme such as `file:` or none.
    pub(crate) fn name(&self, scheme: &str, local: &str) -> Result<ArtifactPath, RecordError> {
        let stripped = self.strip(local);
        if stripped.is_empty() {
            return Err(RecordError::EmptyName { path: local.to_owned() });
        }
        let named = if scheme.is_empty() {
            stripped.parse::<ArtifactPath>()
        } else {
            format!("{scheme}{stripped}").parse()
        };
        let path = named.map_err(|source| RecordError::Name { source })?;
        match path.scheme() {
            Some(found) if scheme.is_empty() && self.reserved.contains(&found) => {
                let scheme = found.to_owned();
                Err(RecordError::ReservedName { path: local.to_owned(), scheme })
            }
            _ => Ok(path),
        }
    }

    fn strip<'n>(&self, local: &'n str) -> &'n str {
        let mut stripped = self.strip_prefixes.iter().zip(&self.cut).filter_map(|(prefix, cut)| {
            let stripped = local.strip_prefix(&**prefix)?;
            // Many threads come here for each file: what is known already is not written again.
            if !cut.load(Ordering::Relaxed) {
                cut.store(true, Ordering::Relaxed);
            }
            Some(stripped)
        });
        stripped.next().unwrap_or(local)
    }

    /// Goes through the prefixes that were cut off some name.
    pub(crate) fn cut(&self) -> impl Iterator<Item = &str> {
        let prefixes = self.strip_prefixes.iter().zip(&self.cut);
        prefixes.filter_map(|(prefix, cut)| cut.load(Ordering::Relaxed).then_some(prefix.as_str()))
    }
}

/// Brings a path into its lexical normal form, as `os.path.normpath` of the reference: `.` and empty
/// segments go, `..` takes the segment before it away, the empty path is `.`.
pub(crate) fn normal_path(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => match segments.last() {
                Some(&last) if last != ".." => {
                    segments.pop();
                }
                None if absolute => {}
                _ => segments.push(segment),
            },
            _ => segments.push(segment),
        }
    }
    let joined = segments.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Splits `scheme:rest`; a scheme has two lower-case letters, digits or `+.-`, or more of them.
pub(crate) fn split_scheme(spec: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = spec.split_once(':')?;
    let known = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
        });
    known.then_some((scheme, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(prefixes: &[&str]) -> Result<Vec<String>, RecordError> {
        let prefixes: Vec<String> = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        Naming::new(&prefixes)?;
        Ok(prefixes)
    }

    #[test]
    fn normal_paths_are_those_of_the_reference() {
        for (path, due) in [
            ("./a", "a"),
            ("d//f", "d/f"),
            ("a/../b", "b"),
            ("../sub/a", "../sub/a"),
            ("../../x", "../../x"),
            ("/abs/./x/", "/abs/x"),
            ("/..", "/"),
            ("", "."),
            ("./", "."),
            ("a/..", "."),
            ("b\\c", "b\\c"),
        ] {
            assert_eq!(normal_path(path), due, "{path:?}");
        }
    }

    #[test]
    fn the_first_prefix_that_fits_is_stripped() {
        let prefixes = naming(&["src/", "lib/"]).unwrap();
        let naming = Naming::new(&prefixes).unwrap();
        assert_eq!(naming.name("", "src/a").unwrap().as_str(), "a");
        assert_eq!(naming.name("file:", "lib/src/a").unwrap().as_str(), "file:src/a");
        assert_eq!(naming.name("", "b\\c").unwrap().as_str(), "b\\c");
        let error = naming.name("", "src/").unwrap_err();
        assert!(matches!(error, RecordError::EmptyName { .. }));
        assert!(matches!(naming.name("", "../a").unwrap_err(), RecordError::Name { .. }));
    }

    #[test]
    fn prefixes_that_were_cut_off_are_told_from_those_that_fit_nothing() {
        let prefixes = naming(&["src/", "lib/", "sr/"]).unwrap();
        let naming = Naming::new(&prefixes).unwrap();
        assert_eq!(naming.cut().count(), 0);
        naming.name("", "src/lib/a").unwrap();
        naming.name("dir:", "src").unwrap();
        assert_eq!(naming.cut().collect::<Vec<_>>(), ["src/"]);
    }

    #[test]
    fn a_prefix_of_a_prefix_is_refused_in_either_order() {
        for prefixes in [["src", "src/lib"], ["src/lib", "src"], ["a", "a"], ["", "a"]] {
            let error = naming(&prefixes).unwrap_err();
            assert!(matches!(error, RecordError::PrefixOfPrefix { .. }), "{prefixes:?}");
        }
    }

    #[test]
    fn a_plain_file_cannot_pass_for_an_uri() {
        let naming = Naming::new(&[]).unwrap();
        for path in ["git:repo", "oci:host/app", "mode:a", "symlink:a"] {
            let error = naming.name("", path).unwrap_err();
            assert!(matches!(error, RecordError::ReservedName { .. }), "{path}");
        }
        assert_eq!(naming.name("", "notes:today").unwrap().as_str(), "notes:today");
        assert_eq!(naming.name("git:", "repo").unwrap().as_str(), "git:repo");
    }

    #[test]
    fn schemes_are_told_from_drives_and_names() {
        assert_eq!(split_scheme("git:x@y"), Some(("git", "x@y")));
        for plain in ["c:x", "A:x", "./git:x", "a b:c", "x"] {
            assert_eq!(split_scheme(plain), None, "{plain}");
        }
    }
}
