//! The real components that some tests run against: found, or installed where that is possible.
//!
//! A test learns of a component by an environment variable; without it the test skips and says so
//! in the file that `UNBROKEN_SKIP_LOG` names. Nothing here makes a missing component a failure.

mod docker;
mod golang;
mod kubernetes;

use std::path::{Path, PathBuf};
use std::process::Command;

use self::docker::Docker;
pub(crate) use self::kubernetes::build as build_kube_assets;
use crate::process::{Failure, announce, find, output, succeeds};
use crate::workspace::Workspace;

/// Whether missing components may be installed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installing {
    Allowed,
    Forbidden,
}

/// What was found, as variables for the tests, and what was not, as sentences for the summary.
#[derive(Default)]
pub(crate) struct Components {
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
    pub(crate) missing: Vec<String>,
    /// The daemon ends with this value.
    docker: Option<Docker>,
}

/// A program of a Debian package and the variable that names it to the tests.
struct DebianProgram {
    program: &'static str,
    package: &'static str,
    variable: &'static str,
}

const DEBIAN_PROGRAMS: [DebianProgram; 11] = [
    DebianProgram { program: "git", package: "git", variable: "UNBROKEN_TEST_GIT" },
    DebianProgram { program: "openssl", package: "openssl", variable: "UNBROKEN_TEST_OPENSSL" },
    DebianProgram { program: "buildah", package: "buildah", variable: "UNBROKEN_TEST_BUILDAH" },
    DebianProgram { program: "podman", package: "podman", variable: "UNBROKEN_TEST_PODMAN" },
    DebianProgram { program: "skopeo", package: "skopeo", variable: "UNBROKEN_TEST_SKOPEO" },
    DebianProgram { program: "cc", package: "gcc", variable: "UNBROKEN_TEST_CC" },
    DebianProgram { program: "strace", package: "strace", variable: "UNBROKEN_TEST_STRACE" },
    DebianProgram { program: "gpg", package: "gnupg", variable: "UNBROKEN_TEST_GPG" },
    DebianProgram { program: "ostree", package: "ostree", variable: "UNBROKEN_TEST_OSTREE" },
    DebianProgram {
        program: "docker-registry",
        package: "docker-registry",
        variable: "UNBROKEN_TEST_DOCKER_REGISTRY",
    },
    DebianProgram {
        program: "ssh-agent",
        package: "openssh-client",
        variable: "UNBROKEN_TEST_SSH_AGENT",
    },
];

/// Where Debian's softhsm2 puts the module of its tokens.
const SOFTHSM: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];

/// A release of a project in python, in a virtual environment of its own.
pub(crate) struct Reference {
    project: &'static str,
    version: &'static str,
    /// The folder in `target/venv` and the stem of the file in `xtask/python`.
    name: &'static str,
    variable: &'static str,
    /// Sets `found` to the version that is there.
    imports: &'static str,
}

/// The newest release: the one that the speed table runs beside.
pub(crate) const NEWEST_REFERENCE: Reference =
    Reference::in_toto("3.1.0", "in-toto-3.1", "UNBROKEN_TEST_PYTHON");

const REFERENCES: [Reference; 4] = [
    NEWEST_REFERENCE,
    Reference::in_toto("2.2.0", "in-toto-2.2", "UNBROKEN_TEST_PYTHON_2_2"),
    Reference::in_toto("1.3.2", "in-toto-1.3", "UNBROKEN_TEST_PYTHON_1_3"),
    // The client of OCI registries that is on PyPI.
    Reference {
        project: "oras",
        version: "0.2.43",
        name: "oras",
        variable: "UNBROKEN_TEST_ORAS_PYTHON",
        imports: "import oras.client, oras.version; found = oras.version.__version__",
    },
];

impl Reference {
    const fn in_toto(version: &'static str, name: &'static str, variable: &'static str) -> Self {
        let imports = "import cryptography, in_toto.runlib; found = in_toto.__version__";
        Self { project: "in-toto", version, name, variable, imports }
    }
}

/// Finds the components, after installing the missing ones where that is allowed and possible.
pub(crate) fn prepare(workspace: &Workspace, installing: Installing) -> Components {
    announce("components of the real-component tests");
    let mut components = Components::default();
    install_debian_programs(installing);
    for wanted in &DEBIAN_PROGRAMS {
        match find(wanted.program) {
            Some(file) => components.variables.push((wanted.variable, file)),
            None => components.missing.push(format!(
                "{} ({} is not set): not on this machine; Debian's package is {}",
                wanted.program, wanted.variable, wanted.package
            )),
        }
    }
    match SOFTHSM.iter().map(PathBuf::from).find(|module| module.is_file()) {
        Some(module) => components.variables.push(("UNBROKEN_TEST_SOFTHSM", module)),
        None => components.missing.push(
            "SoftHSM (UNBROKEN_TEST_SOFTHSM is not set): not on this machine; Debian's package is softhsm2"
                .to_owned(),
        ),
    }
    match Docker::start(workspace) {
        Ok(docker) => components.variables.extend(components.docker.insert(docker).variables()),
        Err(reason) => {
            components.missing.push(format!("docker (UNBROKEN_TEST_DOCKER is not set): {reason}; Debian's package is docker.io, and a daemon of it is started by root alone"));
        }
    }
    for reference in &REFERENCES {
        match python_with(workspace, reference, installing) {
            Ok(python) => components.variables.push((reference.variable, python)),
            Err(reason) => components.missing.push(format!(
                "python {} {} ({} is not set): {reason}",
                reference.project, reference.version, reference.variable
            )),
        }
    }
    for module in &golang::MODULES {
        match golang::build(workspace, module, installing) {
            Ok(programs) => components.variables.extend(programs),
            Err(reason) => {
                let variables: Vec<&str> =
                    module.programs.iter().map(|(variable, _)| *variable).collect();
                let (what, variables) = (module.what, variables.join(" and "));
                components.missing.push(format!("{what} ({variables} not set): {reason}"));
            }
        }
    }
    match kubernetes::clients(workspace, installing) {
        Ok(programs) => components.variables.extend(programs),
        Err(reason) => components.missing.push(format!(
            "kubectl and helm (UNBROKEN_TEST_KUBECTL and UNBROKEN_TEST_HELM not set): {reason}"
        )),
    }
    match kubernetes::assets(workspace) {
        Ok(folder) => components.variables.push((kubernetes::VARIABLE, folder)),
        Err(reason) => components.missing.push(format!(
            "the API server of Kubernetes ({} not set): {reason}",
            kubernetes::VARIABLE
        )),
    }
    for (variable, file) in &components.variables {
        eprintln!("    {variable}={}", file.display());
    }
    for line in &components.missing {
        eprintln!("    missing: {line}");
    }
    components
}

/// Adds a target that links statically to the toolchain, and Debian's compiler of C for it.
pub(crate) fn install_musl(target: &str) -> Result<(), Failure> {
    announce(target);
    if find("musl-gcc").is_none() {
        may_install_packages(Installing::Allowed)?;
        install_packages(&["musl-tools"]);
    }
    find("musl-gcc").ok_or("there is no musl-gcc; Debian's package is musl-tools")?;
    let rustup = find("rustup").ok_or("there is no rustup to add the target")?;
    output(Command::new(rustup).args(["target", "add", target])).map(drop)
}

fn install_debian_programs(installing: Installing) {
    let mut missing: Vec<&str> = DEBIAN_PROGRAMS
        .iter()
        .filter(|wanted| find(wanted.program).is_none())
        .map(|wanted| wanted.package)
        .collect();
    if !SOFTHSM.iter().any(|module| Path::new(module).is_file()) {
        missing.push("softhsm2");
    }
    if find("dockerd").is_none() {
        missing.push("docker.io");
    }
    if missing.is_empty() {
        return;
    }
    match may_install_packages(installing) {
        Ok(()) => install_packages(&missing),
        Err(reason) => eprintln!("    not installing {}: {reason}", missing.join(", ")),
    }
}

fn may_install_packages(installing: Installing) -> Result<(), &'static str> {
    if installing == Installing::Forbidden {
        return Err("--no-install was given");
    }
    if find("apt-get").is_none() {
        return Err("there is no apt-get");
    }
    let user = output(Command::new("id").arg("-u")).map(|answer| answer.stdout);
    if user.is_ok_and(|id| id.trim_ascii() == b"0") { Ok(()) } else { Err("not root") }
}

fn install_packages(packages: &[&str]) {
    eprintln!("    installing {} with apt-get", packages.join(", "));
    let install = || {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(packages);
        command
    };
    if succeeds(&mut install()) {
        return;
    }
    // The package lists may be absent or old: fetch them once, then try once more.
    let refreshed = output(Command::new("apt-get").args(["update", "--quiet"]));
    if let Err(error) = refreshed.and_then(|_| output(&mut install())) {
        eprintln!("    could not install: {error}");
    }
}

/// The python of a virtual environment with that release, in the target folder.
pub(crate) fn python_with(
    workspace: &Workspace,
    reference: &Reference,
    installing: Installing,
) -> Result<PathBuf, String> {
    let environment = workspace.target.join("venv").join(reference.name);
    let python = environment.join("bin/python");
    if has_project(&python, reference) {
        return Ok(python);
    }
    if installing == Installing::Forbidden {
        return Err("not in the target folder, and --no-install was given".to_owned());
    }
    let Reference { project, version, .. } = reference;
    eprintln!("    installing python {project} {version} into {}", environment.display());
    create_environment(&environment, installing)?;
    let requirements = workspace.root.join(format!("xtask/python/{}.txt", reference.name));
    output(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--requirement"])
            .arg(requirements),
    )
    .map_err(|error| error.to_string())?;
    if has_project(&python, reference) {
        Ok(python)
    } else {
        Err("installed, but it cannot be imported".to_owned())
    }
}

fn has_project(python: &Path, reference: &Reference) -> bool {
    let program = format!("{}; assert found == '{}'", reference.imports, reference.version);
    python.exists() && succeeds(Command::new(python).args(["-c", &program]))
}

fn create_environment(environment: &Path, installing: Installing) -> Result<(), String> {
    let base = find("python3").ok_or("there is no python3")?;
    let create = || {
        let mut command = Command::new(&base);
        command.args(["-m", "venv", "--clear"]).arg(environment);
        command
    };
    if succeeds(&mut create()) {
        return Ok(());
    }
    // Debian's python3 comes without the venv module.
    if may_install_packages(installing).is_ok() {
        install_packages(&["python3-venv"]);
    }
    output(&mut create()).map(drop).map_err(|error| error.to_string())
}
