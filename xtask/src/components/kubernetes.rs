//! The API server of Kubernetes, its etcd, kubectl and helm: built on request alone, since that takes many minutes.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Installing, install_packages, may_install_packages};
use crate::process::{Failure, announce, find, output};
use crate::workspace::Workspace;

/// What others that test against an API server name its folder by.
pub(super) const VARIABLE: &str = "KUBEBUILDER_ASSETS";
/// The programs of such a folder.
const PROGRAMS: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// Finds a folder with the three programs: the one that the caller names, else the one that
/// `cargo xtask kube-assets` fills.
pub(super) fn assets(workspace: &Workspace) -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(VARIABLE).map(PathBuf::from) {
        return match absent(&named) {
            None => Ok(named),
            Some(program) => Err(format!("{} has no {program}", named.display())),
        };
    }
    let own = folder(workspace);
    match absent(&own) {
        None => Ok(own),
        Some(_) => Err("`cargo xtask kube-assets` builds it, in many minutes".to_owned()),
    }
}

/// Finds the helm that `cargo xtask kube-assets` builds.
pub(super) fn helm(workspace: &Workspace) -> Result<PathBuf, String> {
    let helm = folder(workspace).join("helm");
    let built = helm.is_file().then_some(helm);
    built.ok_or_else(|| "`cargo xtask kube-assets` builds it, in many minutes".to_owned())
}

/// Builds `kube-apiserver`, `kubectl` and helm of the releases that the `go.mod` of their folders in
/// `xtask/go` name, and puts etcd beside them.
pub(crate) fn build() -> Result<bool, Failure> {
    let workspace = Workspace::load()?;
    let folder = folder(&workspace);
    announce("etcd");
    let etcd = find("etcd").or_else(|| {
        may_install_packages(Installing::Allowed).ok()?;
        install_packages(&["etcd-server"]);
        find("etcd")
    });
    let etcd = etcd.ok_or("there is no etcd; Debian's package is etcd-server")?;
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(etcd, folder.join("etcd"))?;
    let go = find("go").ok_or("there is no go")?;
    // helm is not optimised and holds nothing for debuggers: that halves the time.
    for (module, flags, packages) in [
        (
            "kubernetes",
            ["-ldflags=-s -w", "-gcflags="],
            ["cmd/kube-apiserver", "cmd/kubectl"].as_slice(),
        ),
        ("helm", ["-ldflags=-s -w", "-gcflags=all=-N -l"], &["cmd/helm"]),
    ] {
        announce(&format!("{}, from the Go module proxy", packages.join(" and ")));
        let root = if module == "helm" { "helm.sh/helm/v3" } else { "k8s.io/kubernetes" };
        let mut command = Command::new(&go);
        command
            .current_dir(workspace.root.join("xtask/go").join(module))
            .env("GOFLAGS", "-mod=readonly -buildvcs=false -trimpath")
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "0")
            .arg("build")
            .args(flags)
            .arg("-o")
            .arg(&folder)
            .args(packages.iter().map(|package| format!("{root}/{package}")));
        output(&mut command)?;
    }
    eprintln!("    {VARIABLE}={}", folder.display());
    Ok(true)
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("kube-assets")
}

fn absent(folder: &Path) -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| !folder.join(program).is_file())
}
