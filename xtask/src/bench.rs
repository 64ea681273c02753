//! `cargo xtask bench`: the speed table, each figure beside a peer or a limit of the same run.

pub(crate) mod admission;
mod chain;
mod measure;
mod recording;
mod registries;
mod signatures;
mod table;
mod tools;
mod verifying;

use std::fs;

use crate::components::{self, Installing};
use crate::process::{Failure, announce};
use crate::workspace::Workspace;

use table::Table;
use tools::Tools;

/// How much is measured.
pub(crate) struct Sizes {
    start_up_runs: usize,
    small_files: usize,
    large_files: usize,
    large_file_mebibytes: usize,
    artifacts: usize,
    image_mebibytes: usize,
    repeats: usize,
}

impl Sizes {
    /// The sizes that the project's targets are stated for.
    pub(crate) const FULL: Self = Self {
        start_up_runs: 200,
        small_files: 50_000,
        large_files: 20,
        large_file_mebibytes: 256,
        artifacts: 40_000,
        image_mebibytes: 1024,
        repeats: 5,
    };
    /// Smaller ones, for a look in between; the targets are not stated for these.
    pub(crate) const QUICK: Self = Self {
        start_up_runs: 40,
        small_files: 10_000,
        large_files: 4,
        large_file_mebibytes: 128,
        artifacts: 10_000,
        image_mebibytes: 256,
        repeats: 3,
    };
}

/// Builds, measures, prints; says whether every row could be measured.
pub(crate) fn run(sizes: &Sizes) -> Result<bool, Failure> {
    let workspace = Workspace::load()?;
    announce("the release program and the bar it is held to");
    let python =
        components::python_with(&workspace, &components::NEWEST_REFERENCE, Installing::Allowed);
    if let Err(reason) = &python {
        eprintln!("    no peer in this run: python in-toto 3.1.0: {reason}");
    }
    let tools = Tools::build(&workspace, python.ok())?;
    // The name says what is inside: the folder may hold gibibytes until the run is over.
    let folder = workspace.target.join("bench-data");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;

    let mut table = Table::default();
    table.add("start-up", verifying::start_up(&tools, &folder, sizes));
    let room = recording::small_files_of_the_room(&workspace, sizes);
    table.add("record small files by the room", room);
    table.add("record small files", recording::small_files(&tools, &folder, sizes));
    table.add("record large files", recording::large_files(&tools, &folder, sizes));
    table.add("verify many artifacts", verifying::many_artifacts(&tools, &folder, sizes));
    table.add("verify by name", registries::by_name(&tools, &folder, sizes));
    table.add("copy an image", registries::copy(&tools, &folder, sizes));
    table.add("signature checks", signatures::rows(&workspace));
    fs::remove_dir_all(&folder)?;
    table.print();
    Ok(table.is_complete())
}
