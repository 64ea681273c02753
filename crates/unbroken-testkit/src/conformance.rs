//! The vectors put to programs: any implementation's executable that takes the arguments of the
//! contract in `tests/vectors/README.md`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

use unbroken_model::json::Value;
use unbroken_model::limits::Limits;
use unbroken_model::pattern::PatternDialect;
use unbroken_verify::{BindingPolicy, CommandPolicy, InspectionCommands, SublayoutInspections};

use crate::vector::{Vector, vectors_folder};

/// An executable with the arguments that come before those of the contract.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable and its arguments.
    pub words: Vec<OsString>,
    /// What it may use.
    pub bounds: Bounds,
}

/// What a program may use before the system ends it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Seconds of the processor.
    pub seconds: Option<u32>,
    /// Mebibytes of address space.
    pub mebibytes: Option<u32>,
}

/// What a program answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Exit code 0.
    Verified,
    /// Exit code 1, with the codes of the findings that reject, where it tells them.
    Rejected(Option<Vec<String>>),
    /// Exit code 4: it has nothing for one of the arguments.
    NotSupported,
    /// Anything else: an uncaught exception, a signal, a bound that it ran into.
    Failed(String),
}

impl Answer {
    /// Says it in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Rejected(_) => "rejected",
            Self::NotSupported => "not-supported",
            Self::Failed(_) => "failed",
        }
    }

    /// Tells whether it is the verdict that the vector says is due, with its findings where the
    /// program tells them.
    pub fn conforms_to(&self, vector: &Vector) -> bool {
        match self {
            Self::Verified => vector.errors.is_empty(),
            Self::Rejected(None) => !vector.errors.is_empty(),
            Self::Rejected(Some(codes)) => !vector.errors.is_empty() && *codes == vector.errors,
            Self::NotSupported | Self::Failed(_) => false,
        }
    }
}

impl Program {
    /// Puts a vector to the program: `folder` holds the vector, `scratch` is an empty folder that
    /// becomes the product. There is no answer for a vector that no program can be held to.
    ///
    /// # Errors
    /// When the product cannot be written or the program not be started.
    pub fn ask(
        &self,
        vector: &Vector,
        folder: &Path,
        scratch: &Path,
    ) -> io::Result<Option<Answer>> {
        let Some(product) = &vector.product else { return Ok(None) };
        for (path, text) in product {
            fs::write(scratch.join(path), text)?;
        }
        let mut command = self.command();
        command.current_dir(scratch).stdin(Stdio::null());
        command.arg("--layout").arg(folder.join("root.layout"));
        for owner in 0..vector.case.owners.len() {
            command.arg("--trust").arg(folder.join(format!("owners/{owner}.pub")));
        }
        command.arg("--link-dir").arg(folder.join("links"));
        command.arg("--product").arg(scratch).arg("--at").arg(vector.case.now.to_string());
        let options = &vector.case.options;
        for (name, value) in &options.parameters {
            command.arg("--parameter").arg(format!("{name}={value}"));
        }
        if options.commands == CommandPolicy::Enforce {
            command.arg("--enforce-commands");
        }
        if options.patterns == PatternDialect::Go {
            command.args(["--pattern-dialect", "go"]);
        }
        if options.sublayout_inspections == SublayoutInspections::Allow {
            command.arg("--allow-sublayout-inspections");
        }
        for inspector in 0..vector.inspectors().len() {
            command.arg("--inspector").arg(folder.join(format!("inspectors/{inspector}.pub")));
        }
        for at in 0..vector.timestamp_authorities().len() {
            let file = folder.join(format!("timestamp-authorities/{at}.pem"));
            command.arg("--timestamp-authority").arg(file);
        }
        if options.inspections == InspectionCommands::Never {
            command.arg("--no-run-inspections");
        }
        if let Some(version) = options.freshness.minimum {
            command.arg("--min-layout-version").arg(version.to_string());
        }
        if let BindingPolicy::Require(demands) = &options.bindings {
            command.arg("--require-binding");
            if let Some(nonce) = &demands.nonce {
                command.arg("--nonce").arg(nonce);
            }
            if let Some(time) = &demands.not_before {
                command.arg("--links-not-before").arg(time.to_string());
            }
        }
        if let Some(subject) = &vector.case.subject {
            command.arg("--subject").arg(subject.to_string());
        }
        let output = command.output()?;
        Ok(Some(match output.status.code() {
            Some(0) => Answer::Verified,
            Some(1) => Answer::Rejected(codes(&output.stdout)),
            Some(4) => Answer::NotSupported,
            _ => {
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said.lines().last().unwrap_or_default();
                Answer::Failed(format!("{}: {last}", output.status))
            }
        }))
    }

    /// Puts all vectors to the program, two at a time, each with a scratch folder of its own.
    ///
    /// # Errors
    /// When a vector cannot be read or put.
    pub fn ask_all(&self) -> Result<BTreeMap<String, (Vector, Answer)>, String> {
        let listed = fs::read_dir(vectors_folder()).map_err(|error| error.to_string())?;
        let mut names = Vec::new();
        for entry in listed {
            let entry = entry.map_err(|error| error.to_string())?;
            if entry.path().is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        let half = names.split_off(names.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| self.ask_each(&half));
            let mut answers = self.ask_each(&names)?;
            answers.extend(other.join().map_err(|_| "a thread panicked".to_owned())??);
            Ok(answers)
        })
    }

    fn ask_each(&self, names: &[String]) -> Result<BTreeMap<String, (Vector, Answer)>, String> {
        let mut answers = BTreeMap::new();
        for name in names {
            let folder = vectors_folder().join(name);
            let vector = Vector::read(&folder).map_err(|error| format!("{name}: {error}"))?;
            let answer = tempfile::tempdir()
                .and_then(|scratch| self.ask(&vector, &folder, scratch.path()))
                .map_err(|error| format!("{name}: {error}"))?;
            if let Some(answer) = answer {
                answers.insert(name.clone(), (vector, answer));
            }
        }
        Ok(answers)
    }

    /// The bounds are those of the shell, which every platform with processes of POSIX has.
    fn command(&self) -> Command {
        let bound = |option: &str, value: Option<u32>, unit: u32| {
            value.map_or_else(String::new, |value| format!("ulimit -{option} {}; ", value * unit))
        };
        let (time, space) =
            (bound("t", self.bounds.seconds, 1), bound("v", self.bounds.mebibytes, 1024));
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{time}{space}exec \"$@\"")).arg("sh").args(&self.words);
        command
    }
}

/// Reads the codes of a report in the form of `docs/schema/verify-report-v1.json`.
fn codes(stdout: &[u8]) -> Option<Vec<String>> {
    let report = Value::parse(stdout, &Limits::default()).ok()?;
    let findings = report.as_object()?.get("findings")?.as_array()?;
    let errors = findings
        .iter()
        .filter_map(Value::as_object)
        .filter(|finding| finding.get("severity").and_then(Value::as_str) == Some("error"));
    let codes = errors.filter_map(|finding| Some(finding.get("code")?.as_str()?.to_owned()));
    let mut codes: Vec<String> = codes.collect();
    codes.sort();
    codes.dedup();
    Some(codes)
}
