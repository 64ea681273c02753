//! The catalogue of attacks: each of its lines with the vectors and tests that hold it.
//!
//! It is kept in `tests/vectors/catalogue.toml`. What the vectors say of it (`catalogue` in
//! `expect.toml`) and the tables of `docs/threat-model.md` are made from that file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use crate::defects::Defect;
use crate::vector::vectors_folder;

/// The groups of the catalogue by the letter that their ids begin with.
pub const GROUPS: [(&str, &str); 14] = [
    ("L", "Layouts and envelopes"),
    ("R", "Rules and artifact paths"),
    ("K", "Digests and links"),
    ("I", "Inspections"),
    ("D", "DSSE and attestations"),
    ("C", "Certificates"),
    ("P", "OpenPGP"),
    ("F", "Recording"),
    ("O", "Registries and images"),
    ("A", "Advisories and audits"),
    ("J", "JSON and YAML"),
    ("W", "Admission"),
    ("B", "Ways around admission"),
    ("G", "Advisories of admission controllers"),
];

/// Where the tables begin in the threat model; everything behind is made.
const MARK: &str = "<!-- From here on: cargo run -p unbroken-testkit --example make_vectors -->\n";

/// One attack or bad input.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    /// Its id: `L07`.
    pub id: String,
    /// What it is, and what an attacker wins by it.
    pub attack: String,
    /// The vectors, the test functions and the paths of the repository that hold it.
    pub held_by: Vec<String>,
    /// What is not held, or why something is accepted.
    #[serde(default)]
    pub note: String,
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    line: Vec<Line>,
}

/// Reads the catalogue.
///
/// # Panics
/// When the file is none.
pub fn lines() -> Vec<Line> {
    let file = vectors_folder().join("catalogue.toml");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let catalogue: Catalogue = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    catalogue.line
}

/// Tells for each name the lines that it holds.
pub(crate) fn ids_by_name() -> BTreeMap<String, Vec<String>> {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines() {
        for name in line.held_by {
            ids.entry(name).or_default().push(line.id.clone());
        }
    }
    ids
}

/// Returns the file of the threat model.
pub fn threat_model() -> PathBuf {
    vectors_folder().join("../../docs/threat-model.md")
}

/// Makes the threat model anew: its text as it is, and the tables behind it.
///
/// # Panics
/// When the text has no place for the tables.
pub fn with_tables(text: &str, defects: &[Defect]) -> String {
    let (head, _) = text.split_once(MARK).expect("the threat model says where its tables begin");
    format!("{head}{MARK}{}", tables(defects))
}

fn tables(defects: &[Defect]) -> String {
    let found: BTreeMap<&str, String> =
        defects.iter().map(|defect| (defect.name, findings(defect))).collect();
    let lines = lines();
    let mut text = String::new();
    for (letter, title) in GROUPS {
        let _ = write!(
            text,
            "\n### {letter}: {title}\n\n| line | attack or bad input | held by | findings |\n"
        );
        text.push_str("| --- | --- | --- | --- |\n");
        for line in lines.iter().filter(|line| line.id.starts_with(letter)) {
            let mut held: Vec<String> =
                line.held_by.iter().map(|name| format!("`{name}`")).collect();
            held.extend((!line.note.is_empty()).then(|| format!("*{}*", line.note)));
            let mut codes: Vec<&str> = line
                .held_by
                .iter()
                .filter_map(|name| found.get(name.as_str()))
                .map(String::as_str)
                .collect();
            codes = codes.iter().flat_map(|codes| codes.split(", ")).collect();
            codes.sort_unstable();
            codes.dedup();
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                line.id,
                line.attack.replace('|', "\\|"),
                held.join(", "),
                codes.join(", ")
            );
        }
    }
    text.push_str(
        "\n### Vectors beside the catalogue\n\n| vector | what | findings |\n| --- | --- | --- |\n",
    );
    for defect in defects.iter().filter(|defect| defect.vector.catalogue.is_empty()) {
        let title = defect.vector.title.replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | {title} | {} |", defect.name, findings(defect));
    }
    text
}

/// Names what a vector must give: codes that reject, codes that warn, or neither.
fn findings(defect: &Defect) -> String {
    let errors = defect.vector.errors.iter().map(|code| format!("`{code}`"));
    let warnings = defect.vector.warnings.iter().map(|code| format!("`{code}` (warning)"));
    let all: Vec<String> = errors.chain(warnings).collect();
    if defect.vector.errors.is_empty() && all.is_empty() {
        "verified".to_owned()
    } else {
        all.join(", ")
    }
}
