//! What the checks read: the files of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Reads a file, or says which one could not be read.
pub(crate) fn read(file: &Path) -> String {
    match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => unreachable!("{}: {error}", file.display()),
    }
}

/// All files below a folder with the given ending, sorted; none when the folder does not exist.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The folders of the rooms that exist.
pub(crate) fn rooms() -> Vec<PathBuf> {
    let crates = root().join("crates");
    let mut rooms: Vec<PathBuf> = fs::read_dir(crates)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|folder| folder.join("Cargo.toml").exists())
        .collect();
    rooms.sort();
    rooms
}

/// The lines of code before the unit tests, with their numbers: no blank lines, no comments.
pub(crate) fn code_lines(text: &str) -> Vec<(usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines
        .windows(2)
        .position(|pair| matches!(pair, ["#[cfg(test)]", next] if next.starts_with("mod tests")));
    let end = tests.unwrap_or(lines.len());
    (1..)
        .zip(lines)
        .take(end)
        .filter(|(_, line)| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with("//")
        })
        .collect()
}

#[test]
fn code_lines_leave_out_comments_blanks_and_unit_tests() {
    let text = "//! Doc.\n\nfn a() {}\n// why\n    fn b() {}\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
    assert_eq!(code_lines(text), [(3, "fn a() {}"), (5, "    fn b() {}")]);
}
