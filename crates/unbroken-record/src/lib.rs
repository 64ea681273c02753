//! Records steps: hashes trees, runs commands, writes links; runs inspections in a scratch folder.
//!
//! This is the only room that reads trees and executes commands. It decides nothing about trust:
//! what it reads of others (link files) leaves it as bytes, what it makes (links) leaves it
//! unsigned.
//!
//! - [`hash_artifacts`] turns files, folders, globs and `file:`, `dir:`, `git:` URIs into artifacts.
//! - [`run_step`] records the materials, runs the command, records the products.
//! - [`link_dir`] reads the evidence of a folder, [`inspection_run`] runs inspections on a copy.
//!
//! Nothing is left out in silence: what cannot be recorded is an error that names its path.
//!
//! ```
//! use unbroken_record::{HashOptions, hash_artifacts};
//!
//! let options = HashOptions { base_path: Some("src".into()), ..HashOptions::default() };
//! let artifacts = hash_artifacts(&["walk.rs".to_owned(), "resolve/*.rs".to_owned()], &options)?;
//! assert!(artifacts.contains("resolve/glob.rs"));
//! # Ok::<(), unbroken_record::RecordError>(())
//! ```

pub mod atomic;
mod change_clock;
mod error;
mod exclude;
mod exec;
mod executable;
mod git;
mod hash_file;
mod hash_tree;
pub mod inspection_run;
pub mod link_dir;
mod link_file;
mod metadata;
mod naming;
mod options;
mod program;
mod resolve;
mod step_run;
mod streams;
mod unfinished;
mod walk;

pub use self::error::{RecordError, RecordErrorKind};
pub use self::exclude::DEFAULT_EXCLUDES;
pub use self::exec::{CommandRun, ExitOutcome, ProcessOutcome, run_command};
pub use self::link_file::{
    link_file_name, sublayout_dir_name, unfinished_file_name, unsigned_link_file_name,
};
pub use self::options::{HashOptions, Metadata, MissingPolicy, Progress, SymlinkPolicy};
pub use self::program::{FoundProgram, PROGRAM_PATH, Suspicion, find_program};
pub use self::resolve::hash_artifacts;
pub use self::step_run::{BegunStep, Executable, RecordedStep, StepRun, begin_step, run_step};
pub use self::streams::{CapturedStream, Streams};
pub use self::unfinished::{
    read_unfinished, record_start, record_stop, remove_unfinished, write_unfinished,
};
