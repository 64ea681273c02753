//! `unbroken record`: records a step that is no single command.

use clap::{Args, Subcommand};
use unbroken_crypto::{Functionary, KeySet, SignatureBudget, Signer, authenticate, sign};
use unbroken_model::envelope::{Envelope, Payload};
use unbroken_model::limits::Limits;
use unbroken_model::link::Link;
use unbroken_model::name::StepName;
use unbroken_record::atomic::Overwrite;
use unbroken_record::{
    read_unfinished, record_start, record_stop, remove_unfinished, write_unfinished,
};

use super::binding::BindingOptions;
use super::earlier::EarlierOptions;
use super::recording::{HashingOptions, LinkOptions, record_error, require_folder};
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::images::{ImageMaterials, ImageProducts, MissingImage, add_images};
use crate::keys::SigningOptions;
use crate::output::{Output, count};
use crate::registries::RegistryOptions;

/// Record a step that is no single command: start before it, stop after it
#[derive(Debug, Subcommand)]
pub(crate) enum Record {
    Start(Start),
    Stop(Stop),
}

/// Record what the step is about to use
#[derive(Args, Debug)]
pub(crate) struct Start {
    /// The name of the step, as the layout has it
    step: StepName,
    /// What the step uses
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    materials: Vec<String>,
    #[command(flatten)]
    images: ImageMaterials,
    /// Forget a recording of this step that was started and not stopped
    #[arg(long)]
    force: bool,
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
}

/// Record what the step made, and sign the link
#[derive(Args, Debug)]
pub(crate) struct Stop {
    /// The name of the step, as it was started
    step: StepName,
    /// What the step made
    #[arg(short, long, value_name = "PATH", num_args = 1..)]
    products: Vec<String>,
    #[command(flatten)]
    images: ImageProducts,
    #[command(flatten)]
    signing: SigningOptions,
    #[command(flatten)]
    hashing: HashingOptions,
    #[command(flatten)]
    link: LinkOptions,
    #[command(flatten)]
    registries: RegistryOptions,
}

impl Record {
    pub(crate) fn run(self, output: &Output) -> Result<Exit> {
        match self {
            Self::Start(start) => start.run(output),
            Self::Stop(stop) => stop.run(output),
        }
    }
}

impl Start {
    fn run(self, output: &Output) -> Result<Exit> {
        require_folder(&self.link.link_dir)?;
        let key = self.signing.load()?;
        let binding = self.binding.read()?;
        let earlier = self.earlier.load(&self.step, &self.materials)?;
        self.link.check_key(&*key)?;
        let mut link = self
            .hashing
            .with_options(output, |options| record_start(&self.step, &self.materials, options))?;
        let images = &self.images.image_material;
        link.materials = add_images(link.materials, images, &self.registries, MissingImage::Fail)?;
        if let Some(earlier) = earlier {
            earlier.hold(&self.step, &link.materials, output)?;
        }
        if let Some(binding) = binding {
            binding.bind(&mut link);
        }
        let style = self.signing.style.key_id_style;
        let mut envelope = Envelope::unsigned(self.link.kind(), link.to_value());
        sign(&mut envelope, &*key, style)
            .map_err(|error| CliError::undecided("cannot sign the recording").because(error))?;
        let overwrite = if self.force { Overwrite::Replace } else { Overwrite::Refuse };
        let id = key.key_id(style);
        let folder = &self.link.link_dir;
        let path = write_unfinished(folder, &self.step, &id, &envelope.to_bytes(), overwrite)
            .map_err(|error| {
                let started = error.is_exists();
                let failed = record_error(error);
                if started {
                    failed.remedy("stop the recording that was started, or forget it with --force")
                } else {
                    failed
                }
            })?;
        output.talk(&format!("{} ({})", path.display(), count(link.materials.len(), "material")));
        Ok(Exit::Success)
    }
}

impl Stop {
    fn run(self, output: &Output) -> Result<Exit> {
        require_folder(&self.link.link_dir)?;
        let key = self.signing.load()?;
        self.link.check_key(&*key)?;
        let style = self.signing.style.key_id_style;
        let id = key.key_id(style);
        let folder = &self.link.link_dir;
        let bytes = read_unfinished(folder, &self.step, &id).map_err(|error| {
            record_error(error).remedy("start the recording first, with the same key and folder")
        })?;
        let started = self.started(&bytes, &*key)?;
        let mut link = self
            .hashing
            .with_options(output, |options| record_stop(started, &self.products, options))?;
        let images = &self.images.image_product;
        link.products = add_images(link.products, images, &self.registries, MissingImage::Fail)?;
        link.form = self.link.form();
        self.signing.warn_of_key_in(&link, output);
        self.link.write_signed(&link, &*key, style, output)?;
        remove_unfinished(folder, &self.step, &id).map_err(record_error)?;
        Ok(Exit::Success)
    }

    /// Opens the recording that was started: somebody may have changed it since.
    fn started(&self, bytes: &[u8], key: &dyn Signer) -> Result<Link> {
        let limits = Limits::default();
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| {
            CliError::usage(format!("the recording of {} cannot be completed", self.step))
                .because(error)
                .remedy("start it again: what was started was changed, or belongs to another key")
        };
        let envelope = Envelope::parse(bytes, &limits).map_err(|error| refused(error.into()))?;
        let keys = KeySet::<Functionary>::new([key.public().clone()]);
        let one = std::num::NonZeroU32::MIN;
        let mut budget = SignatureBudget::default();
        let link = authenticate::<Link, _>(envelope, &keys, one, &limits, &mut budget)
            .map_err(|error| refused(error.into()))?;
        if link.get().name != self.step {
            return Err(refused(format!("it is of the step {}", link.get().name).into()));
        }
        Ok(link.get().clone())
    }
}
