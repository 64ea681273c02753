//! in-toto-golang, built by the Go toolchain of the machine: its program, and a servant of its library.

use std::path::PathBuf;
use std::process::Command;

use super::Installing;
use crate::process::{find, output};
use crate::workspace::Workspace;

/// What `go build` names the program by: the last part of its module's path.
const PROGRAM: &str = "in-toto-golang";

/// Builds the release that `xtask/go/go.mod` names, from the Go module proxy, into `target/go`.
///
/// Go's own cache makes a second build a matter of a second. The programs are not optimised and hold
/// nothing for debuggers: that halves the time of the first build.
pub(super) fn build(workspace: &Workspace, installing: Installing) -> Result<PathBuf, String> {
    let folder = workspace.target.join("go");
    let program = folder.join(PROGRAM);
    let go = find("go").ok_or("there is no go")?;
    if installing == Installing::Forbidden {
        let here = program.is_file().then_some(program);
        return here
            .ok_or_else(|| "not in the target folder, and --no-install was given".to_owned());
    }
    let mut command = Command::new(go);
    command
        .current_dir(workspace.root.join("xtask/go"))
        // Nothing but what go.sum names, by the toolchain that is here.
        .env("GOFLAGS", "-mod=readonly -buildvcs=false -trimpath")
        .env("GOTOOLCHAIN", "local")
        .env("CGO_ENABLED", "0")
        .args(["build", "-gcflags=all=-N -l", "-ldflags=-s -w", "-o"])
        .arg(&folder)
        .args(["github.com/in-toto/in-toto-golang", "."]);
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    eprintln!("    building {PROGRAM} into {}", folder.display());
    output(&mut command).map_err(|error| error.to_string())?;
    Ok(program)
}
