//! Exclusion patterns in the manner of `.gitignore`, on names relative to the base folder.
//!
//! The order of precedence is that of the reference's pattern library: of the patterns that match
//! the very path the last one counts; only when none does, the last one that matches a folder
//! above it. So `build/` with `!build/keep` keeps one file, which git itself would not.

use std::cell::OnceCell;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::RecordError;

/// What the reference leaves out when nothing else is asked for.
pub const DEFAULT_EXCLUDES: &[&str] = &["*.link*", ".git", "*.pyc", "*~"];

/// A compiled list of exclusions.
#[derive(Debug, Default)]
pub(crate) struct Excludes {
    patterns: Vec<Exclude>,
}

#[derive(Debug)]
struct Exclude {
    matcher: Matcher,
    negated: bool,
}

/// The plain forms are by far the most used, and several times faster than a glob set; each file of
/// a tree meets every pattern.
#[derive(Debug)]
enum Matcher {
    Name(Box<str>),
    Ends(Box<str>),
    Begins(Box<str>),
    Holds(Box<str>),
    Glob(Gitignore),
}

/// The last pattern that matches a folder above a path: its place, and whether it excludes.
pub(crate) type Inherited = Option<(usize, bool)>;

impl Excludes {
    pub(crate) fn compile(patterns: &[String]) -> Result<Self, RecordError> {
        let mut compiled = Vec::new();
        for pattern in patterns {
            if let Some(matcher) = plain(pattern) {
                compiled.push(Exclude { matcher, negated: false });
                continue;
            }
            let failed = |error: ignore::Error| RecordError::Pattern {
                pattern: pattern.clone(),
                reason: error.to_string(),
            };
            let mut builder = GitignoreBuilder::new("");
            builder.add_line(None, &literal_braces(pattern)).map_err(failed)?;
            let glob = builder.build().map_err(failed)?;
            if !glob.is_empty() {
                let negated = glob.num_whitelists() > 0;
                compiled.push(Exclude { matcher: Matcher::Glob(glob), negated });
            }
        }
        Ok(Self { patterns: compiled })
    }

    /// Tells whether the entry `name` of a folder is excluded, given the beginning of the names in
    /// that folder, empty or with a slash at its end, and what they inherit.
    pub(crate) fn excludes(&self, prefix: &str, name: &str, inherited: Inherited) -> bool {
        self.last_match(prefix, name, false).or(inherited).is_some_and(|(_, excluded)| excluded)
    }

    /// Tells what the entries of the folder `name` inherit, given what the folder inherits.
    pub(crate) fn inherit(&self, prefix: &str, name: &str, inherited: Inherited) -> Inherited {
        self.last_match(prefix, name, true).max(inherited)
    }

    /// Tells whether a path is excluded, looking at all folders above it.
    pub(crate) fn excludes_anywhere(&self, path: &str) -> bool {
        let (prefix, name) = split(path);
        self.excludes(prefix, name, self.inherited_by(path))
    }

    /// Tells what the entries of the folder `path` inherit, looking at all folders above it.
    pub(crate) fn inherited_in(&self, path: &str) -> Inherited {
        let (prefix, name) = split(path);
        self.inherit(prefix, name, self.inherited_by(path))
    }

    /// Tells what `path` inherits of the folders above it.
    pub(crate) fn inherited_by(&self, path: &str) -> Inherited {
        let parents = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
        parents.filter(|parent| !parent.is_empty()).fold(None, |inherited, parent| {
            let (prefix, name) = split(parent);
            self.inherit(prefix, name, inherited)
        })
    }

    fn last_match(&self, prefix: &str, name: &str, is_folder: bool) -> Inherited {
        // Most lists need the name alone: every file of a tree comes by here.
        let path = OnceCell::new();
        let patterns = self.patterns.iter().enumerate();
        patterns.rev().find_map(|(index, pattern)| {
            let matched = match &pattern.matcher {
                Matcher::Name(text) => *name == **text,
                Matcher::Ends(text) => name.ends_with(&**text),
                Matcher::Begins(text) => name.starts_with(&**text),
                Matcher::Holds(text) => name.contains(&**text),
                Matcher::Glob(glob) => {
                    let path = path.get_or_init(|| [prefix, name].concat());
                    !glob.matched(path.trim_start_matches('/'), is_folder).is_none()
                }
            };
            matched.then_some((index, !pattern.negated))
        })
    }
}

/// Splits a path before its last segment.
fn split(path: &str) -> (&str, &str) {
    let end = path.rfind('/').map_or(0, |slash| slash.saturating_add(1));
    path.split_at_checked(end).unwrap_or(("", path))
}

/// Reads the forms `name`, `*end`, `begin*` and `*middle*` without any other special character.
fn plain(pattern: &str) -> Option<Matcher> {
    let special = |text: &str| {
        text.is_empty() || text.contains(['*', '?', '[', ']', '{', '}', '\\', '/', '!', '#'])
    };
    if pattern.ends_with(char::is_whitespace) || pattern.starts_with(char::is_whitespace) {
        return None;
    }
    let (open_start, rest) =
        pattern.strip_prefix('*').map_or((false, pattern), |rest| (true, rest));
    let (open_end, text) = rest.strip_suffix('*').map_or((false, rest), |text| (true, text));
    if special(text) {
        return None;
    }
    Some(match (open_start, open_end) {
        (false, false) => Matcher::Name(text.into()),
        (true, false) => Matcher::Ends(text.into()),
        (false, true) => Matcher::Begins(text.into()),
        (true, true) => Matcher::Holds(text.into()),
    })
}

/// Writes braces so that they stand for themselves: `{a,b}` is no choice in a `.gitignore`.
pub(crate) fn literal_braces(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len() + 8);
    let (mut in_class, mut escaped) = (false, false);
    for character in pattern.chars() {
        match character {
            '{' | '}' if !in_class && !escaped => {
                written.extend(['\\', character]);
                continue;
            }
            '[' if !escaped => in_class = true,
            ']' if !escaped => in_class = false,
            _ => {}
        }
        escaped = character == '\\' && !escaped;
        written.push(character);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(patterns: &[&str], path: &str) -> bool {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        Excludes::compile(&patterns).unwrap().excludes_anywhere(path)
    }

    /// The right column was asked of pathspec 1.1.1, `GitIgnoreSpec.from_lines("gitwildmatch", ..)`.
    #[test]
    fn the_reference_answers_the_same() {
        let cases: &[(&[&str], &str, bool)] = &[
            (DEFAULT_EXCLUDES, "a/build.link", true),
            (DEFAULT_EXCLUDES, "build.1234.link-unfinished", true),
            (DEFAULT_EXCLUDES, ".git/config", true),
            (DEFAULT_EXCLUDES, "a/.git", true),
            (DEFAULT_EXCLUDES, ".gitignore", false),
            (DEFAULT_EXCLUDES, "a~/b", true),
            (DEFAULT_EXCLUDES, "a.pyc.txt", false),
            (&["*.o", "!keep.o"], "a/keep.o", false),
            (&["*.o", "!keep.o"], "a/other.o", true),
            (&["!keep.o", "*.o"], "keep.o", true),
            (&["build/", "!build/keep"], "build/keep", false),
            (&["build/", "!build/keep"], "build/other", true),
            (&["build/"], "build", false),
            (&["build/"], "a/build/x", true),
            (&["/a/b"], "a/b", true),
            (&["/a/b"], "x/a/b", false),
            (&["a/b"], "x/a/b", false),
            (&["a/b/", "!a/"], "a/b/c", false),
            (&["!a/", "a/b/"], "a/b/c", true),
            (&["**/x"], "x", true),
            (&["a/**"], "a/b/c", true),
            (&["a/**/z"], "a/z", true),
            (&["a/**/z"], "a/b/c/z", true),
            (&["a/*"], "a/b/c", true),
            (&["a?c"], "abc", true),
            (&["a?c"], "a/c", false),
            (&["[ab].txt"], "b.txt", true),
            (&["[!ab].txt"], "b.txt", false),
            (&["# comment"], "# comment", false),
            (&["\\#x"], "#x", true),
            (&["\\!x"], "!x", true),
            (&[""], "a", false),
            (&["trailing   "], "trailing", true),
            (&["a b"], "a b", true),
            (&["*"], "a/b", true),
            (&["*", "!*.c"], "a/b.c", false),
            (&["{a,b}"], "a", false),
            (&["{a,b}"], "{a,b}", true),
            (&["foo*"], "x/foobar/y", true),
        ];
        for (patterns, path, due) in cases {
            assert_eq!(excluded(patterns, path), *due, "{patterns:?} on {path}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_told() {
        let error = Excludes::compile(&["[z-a]".to_owned()]).unwrap_err();
        assert!(matches!(error, RecordError::Pattern { .. }));
    }
}
