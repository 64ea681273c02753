//! Records a step: its materials, its command, its products.

use std::path::Path;
use std::time::Duration;

use unbroken_model::artifact::ArtifactSet;
use unbroken_model::json::Object;
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::name::StepName;

use crate::error::RecordError;
use crate::exec::{CommandRun, ExitOutcome, ProcessOutcome, run_command};
use crate::executable::StepProgram;
use crate::options::{HashOptions, MissingPolicy};
use crate::program::FoundProgram;
use crate::resolve::hash_artifacts;
use crate::streams::{CapturedStream, Streams};

/// A step to record.
#[derive(Clone, Debug)]
pub struct StepRun<'a> {
    /// The step's name.
    pub name: StepName,
    /// What is hashed before the command, as [`hash_artifacts`] takes it.
    pub materials: &'a [String],
    /// What is hashed after the command.
    pub products: &'a [String],
    /// The command; without words nothing is run.
    pub command: &'a [String],
    /// The folder that the command runs in, instead of the working directory.
    pub directory: Option<&'a Path>,
    /// Variables of the environment that the command does not get: those that hold our secrets.
    pub hidden_variables: &'a [String],
    /// Where the command's output goes.
    pub streams: Streams,
    /// After how long the command is ended; never, by default.
    pub time_limit: Option<Duration>,
    /// Whether the working directory is told in the link's environment.
    pub record_workdir: bool,
    /// Whether the program that is run is told in the link's environment.
    pub executable: Executable,
    /// How artifacts are named and hashed.
    pub options: HashOptions<'a>,
}

/// Whether a link tells which program was run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Executable {
    /// It tells the words of the command alone, as every tool of the field does.
    #[default]
    NotRecorded,
    /// Its environment holds `executable`, where the program lies, and `executable-sha256`; a program
    /// that others may have put on the `PATH` is refused.
    Recorded,
}

impl<'a> StepRun<'a> {
    /// Makes a step without artifacts, with inherited streams and the default options.
    pub fn new(name: StepName, command: &'a [String]) -> Self {
        Self {
            name,
            materials: &[],
            products: &[],
            command,
            directory: None,
            hidden_variables: &[],
            streams: Streams::default(),
            time_limit: None,
            record_workdir: false,
            executable: Executable::default(),
            options: HashOptions::default(),
        }
    }
}

/// A step that was recorded.
#[derive(Clone, Debug)]
pub struct RecordedStep {
    /// The link, unsigned.
    pub link: Link,
    /// How the command ended; nothing when none was run.
    pub exit: Option<ExitOutcome>,
}

/// A step whose materials are recorded and whose command has not been run: the moment to look at
/// what it is about to use.
#[derive(Debug)]
pub struct BegunStep<'s> {
    step: &'s StepRun<'s>,
    program: StepProgram,
    materials: ArtifactSet,
}

/// Finds the program of a step and records its materials.
///
/// # Errors
/// Those of [`hash_artifacts`] and [`find_program`](crate::find_program).
pub fn begin_step<'s>(step: &'s StepRun<'s>) -> Result<BegunStep<'s>, RecordError> {
    let program = StepProgram::of(step)?;
    Ok(BegunStep { step, program, materials: hash_artifacts(step.materials, &step.options)? })
}

/// Runs a step and records it, also when its command fails.
///
/// # Errors
/// Those of [`begin_step`] and [`BegunStep::run`].
pub fn run_step(step: &StepRun<'_>) -> Result<RecordedStep, RecordError> {
    begin_step(step)?.run()
}

impl BegunStep<'_> {
    /// Returns the materials, as the link will tell them.
    pub fn materials(&self) -> &ArtifactSet {
        &self.materials
    }

    /// Returns the program that was found by its bare name.
    pub fn program(&self) -> Option<&FoundProgram> {
        self.program.found.as_ref()
    }

    /// Runs the command and records the products.
    ///
    /// A command that failed need not have made all of its products: those that are missing are left
    /// out of its link. After one that succeeded they are an error, if the options say so.
    ///
    /// # Errors
    /// Those of [`hash_artifacts`] and [`run_command`].
    pub fn run(self) -> Result<RecordedStep, RecordError> {
        let Self { step, program, materials } = self;
        let mut options = step.options.clone();
        let (mut byproducts, mut exit) = (Object::new(), None);
        if !step.command.is_empty() {
            let outcome = run_command(&CommandRun {
                program: program.found.as_ref().map(|found| found.path.as_path()),
                directory: step.directory,
                hidden_variables: step.hidden_variables,
                streams: step.streams,
                time_limit: step.time_limit,
                ..CommandRun::new(step.command)
            })?;
            byproducts = outcome.byproducts();
            exit = Some(outcome.exit);
            if !outcome.exit.is_success() {
                options.missing = MissingPolicy::Skip;
            }
        }
        let products = hash_artifacts(step.products, &options)?;
        let environment = environment(step, program.facts)?;
        let link = Link {
            form: LinkForm::default(),
            name: step.name.clone(),
            command: step.command.to_vec(),
            materials,
            products,
            byproducts,
            environment,
            extra: Object::new(),
        };
        Ok(RecordedStep { link, exit })
    }
}

fn environment(
    step: &StepRun<'_>,
    executable: Object<'static>,
) -> Result<Object<'static>, RecordError> {
    let mut environment = step.options.environment();
    for (name, value) in executable {
        environment.insert(name, value);
    }
    if step.record_workdir {
        let directory = step.directory.unwrap_or(Path::new("."));
        let workdir = std::path::absolute(directory)
            .map_err(|source| RecordError::Stat { path: directory.to_owned(), source })?;
        let utf8 = workdir.into_os_string().into_string();
        let text = utf8.map_err(|path| RecordError::NonUtf8Name { path: path.into() })?;
        environment.insert("workdir", text);
    }
    Ok(environment)
}

impl ProcessOutcome {
    /// Returns the byproducts of a link as the reference writes them: `return-value`, `stdout`,
    /// `stderr`.
    ///
    /// A recorded stream also has its `-length` and `-sha256`, which cover all of it where the text
    /// is only its end; `-encoding` is `"utf-8, lossy"` when bytes were replaced in the text.
    /// Lengths are strings because some readers take no other by-products.
    pub fn byproducts(&self) -> Object<'static> {
        let mut byproducts = Object::new();
        byproducts.insert("return-value", i64::from(self.exit.return_value()));
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            match stream {
                None => byproducts.insert(name, ""),
                Some(stream) => insert(&mut byproducts, name, stream),
            }
        }
        byproducts
    }
}

fn insert(byproducts: &mut Object<'static>, name: &'static str, stream: &CapturedStream) {
    let (text, exact) = stream.text();
    byproducts.insert(name, text.into_owned());
    byproducts.insert(format!("{name}-length"), stream.length.to_string());
    let sha256 = data_encoding::HEXLOWER.encode(&stream.sha256);
    byproducts.insert(format!("{name}-sha256"), sha256);
    if !exact {
        byproducts.insert(format!("{name}-encoding"), "utf-8, lossy");
    }
}
