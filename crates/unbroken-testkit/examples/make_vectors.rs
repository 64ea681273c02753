//! Writes the defect vectors to `tests/vectors`, every folder anew, and the tables of the threat model.
#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;

use unbroken_testkit::{catalogue, defects, vectors_folder};

fn main() -> Result<(), Box<dyn Error>> {
    let root = vectors_folder();
    let all = defects::all();
    let names: BTreeSet<&str> = all.iter().map(|defect| defect.name).collect();
    assert_eq!(names.len(), all.len(), "two vectors have one name");
    for entry in fs::read_dir(&root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    for defect in &all {
        for (path, bytes) in defect.vector.files() {
            let file = root.join(defect.name).join(path);
            fs::create_dir_all(file.parent().unwrap_or(&root))?;
            fs::write(file, bytes)?;
        }
    }
    let threat_model = catalogue::threat_model();
    let text = fs::read_to_string(&threat_model)?;
    fs::write(threat_model, catalogue::with_tables(&text, &all))?;
    println!("{} vectors in {}", all.len(), root.display());
    Ok(())
}
