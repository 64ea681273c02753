//! `unbroken run`: runs the command of a step and records it.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::name::StepName;
use unbroken_record::{Executable, ExitOutcome, HashOptions, StepRun, Streams, begin_step};

use super::binding::BindingOptions;
use super::earlier::EarlierOptions;
use super::recording::{HashingOptions, LinkOptions, record_error, require_folder};
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::images::{ImageMaterials, ImageProducts, MissingImage, add_images, join};
use crate::keys::SigningOptions;
use crate::output::Output;
use crate::progress::HashingBar;
use crate::registries::RegistryOptions;

/// Run the command of a step, and sign a link that tells what it used and made
///
/// The command's output, input, signals and exit code pass through. The link is written also when
/// the command fails.
///
/// Artifacts are files, folders, globs, or URIs: file:PATH, dir:FOLDER (one digest for a folder),
/// git:REPOSITORY or git:REPOSITORY@REVISION, ostree:BRANCH (where --base-path is a repository). Images
/// have options of their own: --image-material and --image-product.
#[derive(Args, Debug)]
#[command(
    override_usage = "unbroken run STEP --key FILE [--materials PATH...] [--products PATH...] -- COMMAND..."
)]
pub(crate) struct Run {
    /// The name of the step, as the layout has it
    step: StepName,
    /// What the command uses: recorded before it runs
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    materials: Vec<String>,
    /// What the command makes: recorded after it ran
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    products: Vec<String>,
    #[command(flatten)]
    images_used: ImageMaterials,
    #[command(flatten)]
    images_made: ImageProducts,
    /// Record the end of what the command prints in the link
    #[arg(short = 's', long)]
    record_streams: bool,
    /// Tell in the link's environment where the program lies that is run, and its digest
    #[arg(long, hide_short_help = true)]
    record_executable: bool,
    /// End the command after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    #[command(flatten)]
    signing: SigningOptions,
    #[command(flatten)]
    hashing: HashingOptions,
    #[command(flatten)]
    link: LinkOptions,
    #[command(flatten)]
    earlier: EarlierOptions,
    #[command(flatten)]
    registries: RegistryOptions,
    #[command(flatten)]
    binding: BindingOptions,
    /// The command, as words, without a shell; none records artifacts alone
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Run {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        require_folder(&self.link.link_dir)?;
        // A key that cannot sign should be known before the work, not after it.
        let key = self.signing.load()?;
        let binding = self.binding.read()?;
        let earlier = self.earlier.load(&self.step, &self.materials)?;
        self.link.check_key(&*key)?;
        let command = words(self.command)?;
        let hidden: Vec<String> =
            self.signing.passphrase.variable().map(str::to_owned).into_iter().collect();
        let used = &self.images_used.image_material;
        let used = add_images(ArtifactSet::default(), used, &self.registries, MissingImage::Fail)?;
        let bar = HashingBar::new(output);
        let step = StepRun {
            hidden_variables: &hidden,
            materials: &self.materials,
            products: &self.products,
            streams: if self.record_streams { Streams::Record } else { Streams::Inherit },
            time_limit: self.timeout.map(Duration::from_secs),
            executable: if self.record_executable {
                Executable::Recorded
            } else {
                Executable::NotRecorded
            },
            options: HashOptions { progress: Some(&bar), ..self.hashing.options() },
            ..StepRun::new(self.step, &command)
        };
        let begun = begin_step(&step).map_err(record_error)?;
        if let Some(found) = begun.program()
            && let Some(suspicion) = found.suspicion
        {
            let (path, reason) = (found.path.display(), suspicion.reason());
            output.warning(&format!("the command is {path}: {reason}"));
        }
        if let Some(earlier) = earlier {
            earlier.hold(&step.name, &join(begun.materials(), &used)?, output)?;
        }
        let mut recorded = begun.run().map_err(record_error)?;
        self.hashing.end(bar, output);
        let failed = recorded.exit.is_some_and(|exit| !exit.is_success());
        let missing = if failed { MissingImage::Skip } else { MissingImage::Fail };
        let made = &self.images_made.image_product;
        let link = &mut recorded.link;
        link.materials = join(&link.materials, &used)?;
        let products = std::mem::take(&mut link.products);
        link.products = add_images(products, made, &self.registries, missing)?;
        if let Some(binding) = binding {
            binding.bind(&mut recorded.link);
        }
        self.signing.warn_of_key_in(&recorded.link, output);
        recorded.link.form = self.link.form();
        let style = self.signing.style.key_id_style;
        self.link.write_signed(&recorded.link, &*key, style, output)?;
        Ok(child_exit(recorded.exit))
    }
}

/// Passes the command's own code on.
pub(super) fn child_exit(exit: Option<ExitOutcome>) -> Exit {
    match exit {
        None => Exit::Success,
        Some(exit) => Exit::Child(u8::try_from(exit.code()).unwrap_or(u8::MAX)),
    }
}

/// Links hold commands as text.
pub(super) fn words(command: Vec<OsString>) -> Result<Vec<String>> {
    let text = command.into_iter().map(|word| {
        word.into_string().map_err(|word| {
            CliError::usage(format!("the word {} of the command is not UTF-8", word.display()))
                .remedy("a link holds text alone: put the command into a script")
        })
    });
    text.collect()
}
