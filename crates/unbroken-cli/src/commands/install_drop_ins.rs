//! `unbroken install-drop-ins`: makes the names of the reference's commands.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

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
        for name in drop_in::names() {
            let path = self.dir.join(name);
            self.install(&program, &path).map_err(|error| {
                let exists = error.kind() == io::ErrorKind::AlreadyExists;
                let failed =
                    CliError::undecided(format!("cannot make {}", path.display())).because(error);
                if exists { failed.remedy("use --force to replace it") } else { failed }
            })?;
            output.talk(&path.display().to_string());
        }
        Ok(Exit::Success)
    }

    fn install(&self, program: &Path, path: &Path) -> io::Result<()> {
        match path.symlink_metadata() {
            Ok(_) if self.force => std::fs::remove_file(path)?,
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => {}
        }
        if self.copy {
            std::fs::copy(program, path).map(drop)
        } else {
            std::os::unix::fs::symlink(program, path)
        }
    }
}
