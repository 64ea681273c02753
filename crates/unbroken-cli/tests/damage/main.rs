//! The program on damaged and hostile files: it ends by itself, within bounds, with one of its exit codes
//! and without a panic; and it never verifies what was changed after signing.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which stop the test")]

mod hostile;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use unbroken_model::envelope::Envelope;
use unbroken_model::limits::Limits;
use unbroken_testkit::entries::{self, fuzz_folder};
use unbroken_testkit::{Case, Chain, Random, Vector, defects, figure, vectors_folder};

/// Runs the program with the words, in two seconds of the processor and 256 MiB; returns its exit code.
fn run(folder: &Path, words: &[&OsStr]) -> i32 {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -t 2; ulimit -v 262144; exec \"$@\"", "sh"]);
    command.arg(env!("CARGO_BIN_EXE_unbroken")).args(words);
    let output = command.current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{words:?}\n{said}");
    assert!(!said.contains("overflowed"), "{words:?}\n{said}");
    let code = output.status.code();
    assert!(matches!(code, Some(0..=3)), "{words:?}: {}\n{said}", output.status);
    code.unwrap()
}

/// The commands that read one foreign file, each with the place of the file.
fn readers(file: &Path) -> [Vec<&OsStr>; 3] {
    let words = |line: &'static str| line.split(' ').map(OsStr::new);
    let name = file.as_os_str();
    [
        words("inspect").chain([name]).collect(),
        words("key show").chain([name]).collect(),
        words("verify --link-dir . --trust owner.pub --layout").chain([name]).collect(),
    ]
}

/// A folder with an owner's key, to read files in.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let owner = unbroken_testkit::keys::key("owner").public().spki_pem();
    fs::write(folder.path().join("owner.pub"), owner).unwrap();
    folder
}

/// Cuts the end off, or turns a bit over.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = random.below(bytes.len());
    match (random.below(2), bytes.get_mut(place)) {
        (1, Some(byte)) => *byte ^= 1 << random.below(8),
        _ => bytes.truncate(place),
    }
    bytes
}

#[test]
fn every_seed_of_every_fuzz_target_is_classified_whole_and_damaged() {
    let (folder, mut random, mut runs) = (folder(), Random::new(8), 0);
    let file = folder.path().join("file");
    for entry in entries::ALL {
        let corpus = fuzz_folder().join("corpus").join(entry.name);
        for seed in fs::read_dir(corpus).unwrap() {
            let seed = fs::read(seed.unwrap().path()).unwrap();
            fs::write(&file, &seed).unwrap();
            for words in readers(&file) {
                run(folder.path(), &words);
                runs += 1;
            }
            for words in readers(&file) {
                fs::write(&file, damaged(&seed, &mut random)).unwrap();
                run(folder.path(), &words);
                runs += 1;
            }
        }
    }
    assert!(runs > 300);
    figure("runs on seeds of fuzz targets, whole and damaged: all classified", runs);
}

#[test]
fn hostile_files_are_classified_within_bounds() {
    let (folder, mut runs) = (folder(), 0);
    let file = folder.path().join("file");
    for (name, bytes) in hostile::files() {
        fs::write(&file, bytes).unwrap();
        for words in readers(&file) {
            let code = run(folder.path(), &words);
            // `inspect` may say what such a file is.
            assert!(code != 0 || words[0] == "inspect", "{name}: {words:?}");
            runs += 1;
        }
    }
    figure("runs on files of great depth, size and number: all classified within bounds", runs);
}

/// The files of a vector, and a damaged one among them.
fn put(vector: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(vector).unwrap() {
        let path = entry.unwrap().path();
        let place = folder.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&place).unwrap();
            files.extend(put(&path, &place));
        } else {
            fs::copy(&path, &place).unwrap();
            files.push(place);
        }
    }
    files.sort();
    files
}

fn verify(folder: &Path, vector: &Vector) -> i32 {
    let now = vector.case.now.to_string();
    let line = format!("verify --layout root.layout --link-dir links --product product --at {now}");
    let owners: Vec<_> =
        (0..vector.case.owners.len()).map(|nth| format!("owners/{nth}.pub")).collect();
    let mut words: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
    words.extend(owners.iter().flat_map(|owner| [OsStr::new("--trust"), OsStr::new(owner)]));
    run(folder, &words)
}

/// Damage to a vector never makes it verified where it was rejected, and is always classified.
#[test]
fn every_vector_is_classified_with_a_file_of_it_damaged() {
    let (mut random, mut runs) = (Random::new(9), 0);
    for defect in defects::all() {
        let folder = tempfile::tempdir().unwrap();
        let files = put(&vectors_folder().join(defect.name), folder.path());
        fs::create_dir_all(folder.path().join("product")).unwrap();
        let evidence: Vec<_> = files
            .into_iter()
            .filter(|file| !file.ends_with("expect.toml") && !file.ends_with("inspections.json"))
            .collect();
        let file = random.pick(&evidence);
        let whole = fs::read(file).unwrap();
        fs::write(file, damaged(&whole, &mut random)).unwrap();
        verify(folder.path(), &defect.vector);
        runs += 1;
    }
    figure("runs on vectors with a damaged file: all classified", runs);
}

/// What an envelope says and who signed it; nothing for what is no envelope.
fn meaning(bytes: &[u8]) -> Option<impl PartialEq> {
    let envelope = Envelope::parse(bytes, &Limits::default()).ok()?;
    let signatures: Vec<_> = envelope.signatures().iter().map(|it| it.bytes.clone()).collect();
    Some((envelope.signing_input().to_vec(), signatures))
}

/// Turns bits over everywhere in a chain of which every file is needed.
#[test]
fn no_changed_byte_of_what_was_signed_is_verified() {
    let case = Chain::pipeline().case();
    assert!(case.verify().is_ok());
    let mut files = vec![(None, case.layout.clone())];
    files.extend(case.evidence.iter().map(|(stem, bytes)| (Some(stem.clone()), bytes.clone())));
    let (mut random, mut changed, mut harmless) = (Random::new(10), 0, 0);
    for (stem, bytes) in files {
        for place in (0..bytes.len()).step_by(5) {
            let mut bent = bytes.clone();
            bent[place] ^= 1 << random.below(8);
            let same = meaning(&bent).is_some_and(|it| Some(it) == meaning(&bytes));
            let mut other = Case { ..case.clone() };
            match &stem {
                None => other.layout = bent,
                Some(stem) => drop(other.evidence.insert(stem.clone(), bent)),
            }
            if other.verify().is_ok() {
                assert!(same, "byte {place} of {stem:?}");
                harmless += 1;
            }
            changed += 1;
        }
    }
    assert!(changed > 1000 && harmless < changed / 10, "{harmless} of {changed}");
    figure("bits turned over in a signed chain", changed);
    figure(
        "bits turned over in a signed chain: verified, as blanks and key ids are not signed",
        harmless,
    );
}
