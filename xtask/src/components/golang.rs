//! Programs in Go, built by the toolchain of the machine: that of in-toto-golang, a servant of its library, a
//! Workload API made of go-spiffe, a registry made of go-containerregistry, the library of cosign, and oras.

use std::path::PathBuf;
use std::process::Command;

use super::Installing;
use crate::process::{find, output};
use crate::workspace::Workspace;

/// A module of Go in the repository.
pub(super) struct Module {
    /// What is built, for people.
    pub(super) what: &'static str,
    folder: &'static str,
    packages: &'static [&'static str],
    /// The variables of the tests, and what `go build` names their programs by: the last part of a path.
    pub(super) programs: &'static [(&'static str, &'static str)],
    /// What tests find beside these programs.
    beside: &'static [&'static str],
}

/// Two modules, for they do not agree on the releases that they are built with.
pub(super) const MODULES: [Module; 2] = [
    Module {
        what: "in-toto-golang and go-containerregistry",
        folder: "xtask/go",
        packages: &["github.com/in-toto/in-toto-golang", ".", "./registry", "./workload"],
        programs: &[
            ("UNBROKEN_TEST_IN_TOTO_GO", "in-toto-golang"),
            ("UNBROKEN_TEST_OCI_REGISTRY", "registry"),
        ],
        beside: &["peer", "workload"],
    },
    Module {
        what: "the library of cosign, and oras",
        folder: "xtask/go/oci",
        packages: &[".", "oras.land/oras/cmd/oras"],
        programs: &[("UNBROKEN_TEST_COSIGN", "oci-peer"), ("UNBROKEN_TEST_ORAS", "oras")],
        beside: &[],
    },
];

/// Builds the releases that the module's `go.mod` names, from the Go module proxy, into `target/go`.
///
/// Go's own cache makes a second build a matter of a second. The programs are not optimised and hold
/// nothing for debuggers: that halves the time of the first build.
pub(super) fn build(
    workspace: &Workspace,
    module: &Module,
    installing: Installing,
) -> Result<Vec<(&'static str, PathBuf)>, String> {
    let folder = workspace.target.join("go");
    let of = |(variable, program): &(&'static str, &str)| (*variable, folder.join(program));
    let programs: Vec<_> = module.programs.iter().map(of).collect();
    let go = find("go").ok_or("there is no go")?;
    if installing == Installing::Forbidden {
        let named = programs.iter().map(|(_, program)| program.clone());
        let there = named
            .chain(module.beside.iter().map(|program| folder.join(program)))
            .all(|file| file.is_file());
        let here = there.then_some(programs);
        return here
            .ok_or_else(|| "not in the target folder, and --no-install was given".to_owned());
    }
    let mut command = Command::new(go);
    command
        .current_dir(workspace.root.join(module.folder))
        // Nothing but what go.sum names, by the toolchain that is here.
        .env("GOFLAGS", "-mod=readonly -buildvcs=false -trimpath")
        .env("GOTOOLCHAIN", "local")
        .env("CGO_ENABLED", "0")
        .args(["build", "-gcflags=all=-N -l", "-ldflags=-s -w", "-o"])
        .arg(&folder)
        .args(module.packages);
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    eprintln!("    building {} in Go into {}", module.what, folder.display());
    output(&mut command).map_err(|error| error.to_string())?;
    Ok(programs)
}
