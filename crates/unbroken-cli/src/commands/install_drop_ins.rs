//! `unbroken install-drop-ins`: makes the names of the reference's commands.

use std::path::PathBuf;

use clap::Args;
use unbroken_record::atomic::{self, Overwrite};

use crate::drop_in;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::output::Output;

/// Make in-toto-run, in-toto-verify and the other names of the reference's commands in a folder
///
/// They are links to this program, which does what it is called by. Put the folder before others
/// in PATH.
#[derive(Args, Debug)]
pub(crate) struct InstallDropIns {
    /// The folder; it is made if it is not there
    dir: PathBuf,
    /// Make copies of this program, not symbolic links to it
    #[arg(long)]
    copy: bool,
    /// Replace what is there under these names
    #[arg(long)]
    force: bool,
}

impl InstallDropIns {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        let program = std::env::current_exe()
            .and_then(std::fs::canonicalize)
            .map_err(|error| CliError::undecided("cannot find this program").because(error))?;
        std::fs::create_dir_all(&self.dir).map_err(|error| {
            CliError::undecided(format!("cannot make {}", self.dir.display())).because(error)
        })?;
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        let install = if self.copy { atomic::copy } else { atomic::symlink };
        for name in drop_in::names() {
            let path = self.dir.join(name);
            install(&program, &path, overwrite).map_err(|error| {
                let exists = error.is_exists();
                let failed =
                    CliError::undecided(format!("cannot make {}", path.display())).because(error);
                if exists { failed.remedy("use --force to replace it") } else { failed }
            })?;
            output.talk(&path.display().to_string());
        }
        Ok(Exit::Success)
    }
}
