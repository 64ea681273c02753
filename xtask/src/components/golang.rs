//! Programs in Go, built by the toolchain of the machine: that of in-toto-golang, a servant of its library, a
//! Workload API made of go-spiffe, and a registry made of go-containerregistry.

use std::path::PathBuf;
use std::process::Command;

use super::Installing;
use crate::process::{find, output};
use crate::workspace::Workspace;

/// The variables of the tests, and what `go build` names their programs by: the last part of a path.
pub(super) const PROGRAMS: [(&str, &str); 2] =
    [("UNBROKEN_TEST_IN_TOTO_GO", "in-toto-golang"), ("UNBROKEN_TEST_OCI_REGISTRY", "registry")];

/// What tests find beside the program of in-toto-golang.
const BESIDE: [&str; 2] = ["peer", "workload"];

/// Builds the releases that `xtask/go/go.mod` names, from the Go module proxy, into `target/go`.
///
/// Go's own cache makes a second build a matter of a second. The programs are not optimised and hold
/// nothing for debuggers: that halves the time of the first build.
pub(super) fn build(
    workspace: &Workspace,
    installing: Installing,
) -> Result<[(&'static str, PathBuf); 2], String> {
    let folder = workspace.target.join("go");
    let programs = PROGRAMS.map(|(variable, program)| (variable, folder.join(program)));
    let go = find("go").ok_or("there is no go")?;
    if installing == Installing::Forbidden {
        let named = programs.iter().map(|(_, program)| program.clone());
        let there =
            named.chain(BESIDE.map(|program| folder.join(program))).all(|file| file.is_file());
        let here = there.then_some(programs);
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
        .args(["github.com/in-toto/in-toto-golang", ".", "./registry", "./workload"]);
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    eprintln!("    building programs in Go into {}", folder.display());
    output(&mut command).map_err(|error| error.to_string())?;
    Ok(programs)
}
