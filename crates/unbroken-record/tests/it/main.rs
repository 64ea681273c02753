//! Recording against real files, folders, processes and signals.

#![expect(clippy::unwrap_used, reason = "what fails in a test or in its helpers shall panic there")]

mod artifacts;
mod executables;
mod git_objects;
mod helper;
mod hostile_trees;
mod inspections;
mod link_folders;
mod metadata;
mod ostree_commits;
mod signals;
mod special_files;
mod steps;
mod tree;
