//! Signs what the inspections of a verified chain gave, for those who cannot or must not run them.

use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_crypto::{KeyIdStyle, Signer, sign};
use unbroken_model::envelope::{Envelope, EnvelopeKind, Payload};
use unbroken_model::json::Object;
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::timestamp::Timestamp;
use unbroken_record::atomic::Overwrite;
use unbroken_record::link_file_name;
use unbroken_verify::{InspectionOutcome, InspectionRequest, VerifiedSupplyChain};

use crate::commands::binding::Binding;
use crate::commands::recording::record_error;
use crate::error::{CliError, Result};
use crate::files;
use crate::keys::{PassphraseSource, load_signer, styles};
use crate::output::Output;

/// How links of inspections are signed.
#[derive(Args, Debug)]
pub(crate) struct InspectionSigning {
    /// Run every inspection, and sign a link of each with this key when the chain is verified
    ///
    /// The key is a file, or one that is kept elsewhere: pkcs11:..., ssh-agent:..., gpg:... The links then
    /// stand in for running the inspections, for those who trust this key with it.
    #[arg(long, value_name = "KEY", help_heading = "Inspections")]
    #[arg(conflicts_with_all = ["no_run_inspections", "inspector", "up_to"])]
    sign_inspections: Option<String>,
    /// The folder that these links are written to [default: that of the links]
    #[arg(long, value_name = "DIR", requires = "sign_inspections", hide_short_help = true)]
    #[arg(help_heading = "Inspections")]
    links_out: Option<PathBuf>,
    /// Write DSSE envelopes, not Metablocks
    #[arg(long, requires = "sign_inspections", hide_short_help = true)]
    #[arg(help_heading = "Inspections")]
    dsse: bool,
    /// The form of the key ids that are written [default: securesystemslib]
    #[arg(long, value_name = "STYLE", requires = "sign_inspections", hide_short_help = true)]
    #[arg(value_parser = styles(), help_heading = "Inspections")]
    key_id_style: Option<KeyIdStyle>,
    /// Read the passphrase of that key from the first line of a file
    #[arg(long, value_name = "FILE", requires = "sign_inspections", hide_short_help = true)]
    #[arg(help_heading = "Inspections")]
    passphrase_file: Option<PathBuf>,
    /// Read the passphrase of that key from this environment variable
    #[arg(long, value_name = "NAME", requires = "sign_inspections", hide_short_help = true)]
    #[arg(conflicts_with = "passphrase_file", help_heading = "Inspections")]
    passphrase_env: Option<String>,
}

/// What will sign, found before the work begins.
pub(crate) struct InspectionSigner {
    key: Box<dyn Signer>,
    begun: Timestamp,
}

impl InspectionSigning {
    /// Tells whether links are to be signed: then every inspection is run.
    pub(crate) fn is_due(&self) -> bool {
        self.sign_inspections.is_some()
    }

    /// Finds the key, where one was named.
    pub(crate) fn load(&self, begun: Timestamp) -> Result<Option<InspectionSigner>> {
        let Some(name) = &self.sign_inspections else { return Ok(None) };
        let source =
            PassphraseSource::of(self.passphrase_file.clone(), self.passphrase_env.clone());
        let key = load_signer(name, &source)?;
        key.check_kind(self.kind()).map_err(|error| {
            CliError::usage("nothing was verified").because(error).remedy("leave --dsse out")
        })?;
        Ok(Some(InspectionSigner { key, begun }))
    }

    fn kind(&self) -> EnvelopeKind {
        if self.dsse { EnvelopeKind::Dsse } else { EnvelopeKind::Metablock }
    }

    /// Signs a link of each inspection and writes them, those of sublayouts into the folders of these.
    pub(crate) fn write(
        &self,
        signer: &InspectionSigner,
        chain: &VerifiedSupplyChain,
        outcomes: Vec<(InspectionRequest, InspectionOutcome)>,
        (nonce, links): (Option<&str>, &Path),
        output: &Output,
    ) -> Result<()> {
        let root = self.links_out.as_deref().unwrap_or(links);
        if outcomes.is_empty() {
            output.warning("the layout has no inspection: no link was signed");
        }
        let mut signed = Vec::new();
        for (request, outcome) in outcomes {
            let mut link = link_of(&request, outcome)?;
            let chains = &chain.assessment().chains;
            let pin = chains.iter().find(|chain| chain.chain == request.path).map(|it| it.pin);
            let pin = pin.ok_or_else(|| CliError::undecided("an inspection has no layout"))?;
            Binding::to(pin.digest, nonce.map(str::to_owned), signer.begun).bind(&mut link);
            let style = self.key_id_style.unwrap_or_default();
            let mut envelope = Envelope::unsigned(self.kind(), link.to_value());
            sign(&mut envelope, &*signer.key, style).map_err(|error| {
                let message = format!("cannot sign the link of {}", request.name);
                CliError::undecided(message).because(error)
            })?;
            let name = link_file_name(&link.name, &signer.key.key_id(style));
            let folder: PathBuf =
                root.iter().chain(request.path.iter().map(AsRef::as_ref)).collect();
            signed.push((folder, name.map_err(record_error)?, envelope.to_bytes()));
        }
        for (folder, name, bytes) in signed {
            let failed = |error| {
                CliError::undecided(format!("cannot make {}", folder.display())).because(error)
            };
            std::fs::create_dir_all(&folder).map_err(failed)?;
            let path = folder.join(name);
            files::write(&path, &bytes, 0o644, Overwrite::Replace)?;
            output.talk(&format!("signed {}", path.display()));
        }
        Ok(())
    }
}

fn link_of(request: &InspectionRequest, outcome: InspectionOutcome) -> Result<Link> {
    let name = request.name.parse().map_err(|error| {
        CliError::undecided("an inspection has no name for a file").because(error)
    })?;
    let mut byproducts = Object::new();
    // No other ending is that of a verified chain.
    byproducts.insert("return-value", 0_i64);
    byproducts.insert("stdout", "");
    byproducts.insert("stderr", "");
    Ok(Link {
        form: LinkForm::default(),
        name,
        command: request.run.clone(),
        materials: outcome.materials,
        products: outcome.products,
        byproducts,
        environment: Object::new(),
        extra: Object::new(),
    })
}
