//! Expands patterns in arguments, where the shell has not done so.
//!
//! A segment is matched as the rules of a layout match paths. Names that begin with a dot are
//! matched like any other: a record must not lack them in silence.

use std::fs;
use std::path::{Path, PathBuf};

use unbroken_model::pattern::Pattern;

use super::{Recording, canonical, is_absent};
use crate::error::RecordError;

enum Segment<'p> {
    /// `**`: any folders, also none.
    Folders,
    Literal(&'p str),
    Pattern(Pattern),
}

impl Recording<'_> {
    /// Finds what a path with wildcards matches, in the order of names, without what is excluded.
    pub(super) fn expand(&self, path: &str) -> Result<Vec<String>, RecordError> {
        if !is_pattern(path) {
            return Ok(Vec::new());
        }
        let (start, relative) = match path.strip_prefix('/') {
            Some(relative) => ("/", relative),
            None => ("", path),
        };
        let segments: Vec<Segment<'_>> = relative.split('/').map(segment).collect();
        let mut found = Vec::new();
        self.descend(start, &segments, &mut Vec::new(), &mut found)?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Matches `segments` below `prefix`, which is empty or ends with a slash.
    fn descend(
        &self,
        prefix: &str,
        segments: &[Segment<'_>],
        above: &mut Vec<PathBuf>,
        found: &mut Vec<String>,
    ) -> Result<(), RecordError> {
        let Some((first, rest)) = segments.split_first() else {
            found.push(prefix.trim_end_matches('/').to_owned());
            return Ok(());
        };
        match first {
            Segment::Literal(name) => {
                let path = format!("{prefix}{name}");
                if !self.excludes.excludes_anywhere(&path) && self.exists(&path)? {
                    self.descend(&format!("{path}/"), rest, above, found)?;
                }
            }
            Segment::Pattern(pattern) => {
                for name in self.names(prefix, |name| pattern.matches(name))? {
                    let path = format!("{prefix}{name}");
                    if !self.excludes.excludes_anywhere(&path) {
                        self.descend(&format!("{path}/"), rest, above, found)?;
                    }
                }
            }
            // `a/**` is all of `a`, which is what the folder itself stands for.
            Segment::Folders if rest.is_empty() => {
                found.push(if prefix.is_empty() { ".".to_owned() } else { trimmed(prefix) });
            }
            Segment::Folders => {
                let physical = canonical(&self.base.join(prefix))?;
                if above.contains(&physical) {
                    return Err(RecordError::SymlinkLoop { path: self.base.join(prefix) });
                }
                self.descend(prefix, rest, above, found)?;
                above.push(physical);
                for name in self.names(prefix, |_| true)? {
                    let path = format!("{prefix}{name}");
                    if !self.excludes.excludes_anywhere(&path) && self.is_folder(&path) {
                        self.descend(&format!("{path}/"), segments, above, found)?;
                    }
                }
                above.pop();
            }
        }
        Ok(())
    }

    /// Lists the names in a folder that `wanted` takes; there are none in what is no folder.
    fn names(
        &self,
        prefix: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, RecordError> {
        let path = self.base.join(prefix);
        let failed = |source| RecordError::List { path: path.clone(), source };
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(source) if is_absent(&source) => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let os_name = entry.file_name();
            if wanted(&os_name.to_string_lossy()) {
                let path = entry.path();
                names.push(os_name.into_string().map_err(|_| RecordError::NonUtf8Name { path })?);
            }
        }
        Ok(names)
    }

    fn exists(&self, path: &str) -> Result<bool, RecordError> {
        let path = self.base.join(path);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(source) if is_absent(&source) => Ok(false),
            Err(source) => Err(RecordError::Stat { path, source }),
        }
    }

    /// A link that leads nowhere is no folder here; it is an error once it is matched itself.
    fn is_folder(&self, path: &str) -> bool {
        Path::is_dir(&self.base.join(path))
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn trimmed(prefix: &str) -> String {
    prefix.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(prefix).to_owned()
}

fn segment(text: &str) -> Segment<'_> {
    match text {
        "**" => Segment::Folders,
        _ if is_pattern(text) => Segment::Pattern(Pattern::new(text.to_owned())),
        _ => Segment::Literal(text),
    }
}
