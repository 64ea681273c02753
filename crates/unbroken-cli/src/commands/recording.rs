//! What the recording commands have in common: which artifacts, how they are hashed, and where the
//! link goes.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use unbroken_crypto::{KeyIdStyle, Signer, sign};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::DigestAlgorithm;
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::link::{Link, LinkForm};
use unbroken_record::atomic::Overwrite;
use unbroken_record::{
    HashOptions, Metadata, MissingPolicy, RecordError, RecordErrorKind, SymlinkPolicy,
    hash_artifacts, link_file_name,
};

use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::files;
use crate::output::{Output, count, escape_line};
use crate::progress::HashingBar;

/// How artifacts are named and hashed.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct HashingOptions {
    /// Leave out what matches, in the manner of .gitignore; may be repeated
    #[arg(long, value_name = "PATTERN", help_heading = "Artifacts")]
    exclude: Vec<String>,
    /// Record also what is left out otherwise: *.link*, .git, *.pyc and *~
    #[arg(long, hide_short_help = true, help_heading = "Artifacts")]
    no_default_excludes: bool,
    /// The folder that artifacts are relative to
    #[arg(long, value_name = "DIR", help_heading = "Artifacts")]
    base_path: Option<PathBuf>,
    /// Cut this off the names of artifacts; may be repeated, the first that fits is cut
    #[arg(long, value_name = "PREFIX", help_heading = "Artifacts")]
    strip_prefix: Vec<String>,
    /// Hash CRLF and CR as LF
    #[arg(long, hide_short_help = true, help_heading = "Artifacts")]
    normalize_line_endings: bool,
    /// What to do with symbolic links
    #[arg(long, value_name = "POLICY", default_value = "follow-inside")]
    #[arg(hide_short_help = true, help_heading = "Artifacts")]
    symlinks: Symlinks,
    /// Record also the modes of files and folders and the targets of links, as mode:PATH and
    /// symlink:PATH
    #[arg(long, hide_short_help = true, help_heading = "Artifacts")]
    record_metadata: bool,
    /// Record nothing for a path that matches nothing, instead of failing
    #[arg(long, hide_short_help = true, help_heading = "Artifacts")]
    allow_missing: bool,
    /// The digest to record; may be repeated
    #[arg(long, value_name = "ALGORITHM", default_value = "sha256")]
    #[arg(hide_short_help = true, help_heading = "Artifacts")]
    digest: Vec<Hash>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Symlinks {
    /// Follow a link whose target lies inside the tree; any other is an error
    FollowInside,
    /// Follow every link
    FollowAll,
    /// Follow no link, and record where it leads
    Record,
    /// Take every link as an error
    Refuse,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hash {
    Sha256,
    Sha512,
    Blake3,
}

impl HashingOptions {
    /// Hashes what the user named, to compare it. The bar is gone when this returns.
    pub(crate) fn hash(&self, paths: &[String], output: &Output) -> Result<ArtifactSet> {
        self.with_bar(output, |options| hash_artifacts(paths, options))
            .map_err(|error| hashing_error("nothing was compared", error))
    }

    /// Records something with these options and a bar that is gone when it is done.
    pub(crate) fn with_options<T>(
        &self,
        output: &Output,
        record: impl FnOnce(&HashOptions<'_>) -> std::result::Result<T, RecordError>,
    ) -> Result<T> {
        self.with_bar(output, record).map_err(record_error)
    }

    fn with_bar<T>(
        &self,
        output: &Output,
        record: impl FnOnce(&HashOptions<'_>) -> std::result::Result<T, RecordError>,
    ) -> std::result::Result<T, RecordError> {
        let bar = HashingBar::new(output);
        let recorded = record(&HashOptions { progress: Some(&bar), ..self.options() })?;
        self.end(bar, output);
        Ok(recorded)
    }

    /// Ends the bar, and warns of a prefix that fits nothing: it is a slip, and the names that it was
    /// meant for stand in the link whole.
    pub(crate) fn end(&self, bar: HashingBar, output: &Output) {
        let idle: Vec<_> = self.strip_prefix.iter().filter(|one| !bar.has_cut(one)).collect();
        drop(bar);
        for prefix in idle {
            output.warning(&format!(
                "--strip-prefix {} was cut off nothing: no name begins with it",
                escape_line(prefix)
            ));
        }
    }

    pub(crate) fn options(&self) -> HashOptions<'static> {
        let mut options = HashOptions {
            base_path: self.base_path.clone(),
            strip_prefixes: self.strip_prefix.clone(),
            normalize_line_endings: self.normalize_line_endings,
            symlinks: match self.symlinks {
                Symlinks::FollowInside => SymlinkPolicy::FollowInside,
                Symlinks::FollowAll => SymlinkPolicy::FollowAll,
                Symlinks::Record => SymlinkPolicy::Record,
                Symlinks::Refuse => SymlinkPolicy::Refuse,
            },
            metadata: if self.record_metadata { Metadata::Recorded } else { Metadata::NotRecorded },
            missing: if self.allow_missing { MissingPolicy::Skip } else { MissingPolicy::Fail },
            ..HashOptions::default()
        };
        if self.no_default_excludes {
            options.excludes.clear();
        }
        options.excludes.extend(self.exclude.iter().cloned());
        options.told_excludes.clone_from(&self.exclude);
        options.algorithms = self
            .digest
            .iter()
            .map(|digest| match digest {
                Hash::Sha256 => DigestAlgorithm::Sha256,
                Hash::Sha512 => DigestAlgorithm::Sha512,
                Hash::Blake3 => DigestAlgorithm::Blake3,
            })
            .collect();
        options
    }
}

/// Where a link goes and in which envelope.
#[derive(Args, Clone, Debug)]
pub(crate) struct LinkOptions {
    /// The folder that the link is written to
    #[arg(short = 'd', long, value_name = "DIR", default_value = ".", help_heading = "Link")]
    pub(crate) link_dir: PathBuf,
    /// Write a DSSE envelope, not a Metablock
    #[arg(long, help_heading = "Link")]
    pub(crate) dsse: bool,
    /// Write the link as a statement of the attestation framework, in a DSSE envelope
    #[arg(long, help_heading = "Link", hide_short_help = true)]
    pub(crate) statement: bool,
}

impl LinkOptions {
    pub(crate) fn kind(&self) -> EnvelopeKind {
        if self.dsse || self.statement { EnvelopeKind::Dsse } else { EnvelopeKind::Metablock }
    }

    pub(crate) fn form(&self) -> LinkForm {
        if self.statement { LinkForm::Statement } else { LinkForm::Plain }
    }

    /// Checks before any work that the key signs envelopes of this kind.
    pub(crate) fn check_key(&self, key: &dyn Signer) -> Result<()> {
        key.check_kind(self.kind()).map_err(|error| {
            CliError::usage("nothing was recorded")
                .because(error)
                .remedy("leave --dsse and --statement out")
        })
    }

    /// Signs a link and writes it as `{step}.{first eight digits of the key id}.link`.
    pub(crate) fn write_signed(
        &self,
        link: &Link,
        key: &dyn Signer,
        style: KeyIdStyle,
        output: &Output,
    ) -> Result<()> {
        let mut envelope = Envelope::unsigned(self.kind(), link.to_value());
        sign(&mut envelope, key, style)
            .map_err(|error| CliError::undecided("cannot sign the link").because(error))?;
        let id = key.key_id(style);
        let file = link_file_name(&link.name, &id).map_err(record_error)?;
        self.write(&file, &envelope, link, output)
    }

    /// Writes a link as it is.
    pub(crate) fn write(
        &self,
        name: &str,
        envelope: &Envelope<'_>,
        link: &Link,
        output: &Output,
    ) -> Result<()> {
        let path = in_folder(&self.link_dir, name);
        // A step that is done again replaces its link, as everywhere in the field.
        files::write(&path, &envelope.to_bytes(), 0o644, Overwrite::Replace)?;
        output.talk(&format!(
            "{} ({}, {})",
            path.display(),
            count(link.materials.len(), "material"),
            count(link.products.len(), "product")
        ));
        Ok(())
    }
}

/// Joins a folder and a name, without the `./` of the default folder.
fn in_folder(folder: &Path, name: &str) -> PathBuf {
    if folder == Path::new(".") { name.into() } else { folder.join(name) }
}

/// Checks before any work that the folder of the link is there.
pub(crate) fn require_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    Err(CliError::usage(format!("the folder {} does not exist", path.display())))
}

/// Turns a fault of recording into one of the program.
pub(crate) fn record_error(error: RecordError) -> CliError {
    hashing_error("nothing was recorded", error)
}

/// Says what was not done because artifacts could not be hashed, or a command not be run.
fn hashing_error(not_done: &str, error: RecordError) -> CliError {
    let remedy = match &error {
        RecordError::Missing { .. } => {
            "correct the path, or use --allow-missing if it need not be there"
        }
        RecordError::Name { .. } => {
            "name it relative to the working directory or --base-path, or cut a prefix off with --strip-prefix"
        }
        RecordError::UnknownScheme { .. } => "use a path, or a URI of file:, dir:, ostree: or git:",
        RecordError::SymlinkOutside { .. } => {
            "record the target itself, or use --symlinks record to record where the link leads, or \
             follow-all to record what lies there"
        }
        RecordError::SymlinkDangling { .. }
        | RecordError::SymlinkLoop { .. }
        | RecordError::Special { .. }
        | RecordError::NonUtf8Name { .. } => "remove it, or leave it out with --exclude",
        RecordError::Changed { .. } => "let whatever writes the file end, and record again",
        RecordError::ProgramRefused { .. } => {
            "name the program by its path if it is the one that is meant, or mend PATH"
        }
        RecordError::Collision { .. } => "rename one of the two, or strip another prefix",
        _ => "",
    };
    let failed = match (&error, error.kind()) {
        (RecordError::Spawn { source, .. }, _) => {
            let code = if source.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
            CliError::undecided("the command was not run").with_exit(Exit::Child(code))
        }
        (RecordError::ProgramRefused { .. }, _) => {
            CliError::undecided("the command was not run").with_exit(Exit::Child(126))
        }
        (_, RecordErrorKind::Usage) => CliError::usage(not_done),
        _ => CliError::undecided(not_done),
    };
    let failed = failed.because(error);
    if remedy.is_empty() { failed } else { failed.remedy(remedy) }
}
