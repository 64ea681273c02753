//! Certificates as users name them.

use std::path::{Path, PathBuf};

use clap::Args;
use unbroken_crypto::{
    Certificate, CertificateError, CertifiedSigner, Signer, TimestampAuthorities,
};

use crate::commands::verify::clock;
use crate::error::{CliError, Result};
use crate::files;

/// The certificate that goes along with signatures.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CertificateOptions {
    /// A certificate of the key, to be put beside the signature
    ///
    /// For steps that name functionaries by certificates. In PEM; the certificates of authorities
    /// that stand behind it in the file go along.
    #[arg(long, value_name = "FILE", help_heading = "Keys")]
    cert: Option<PathBuf>,
    /// The certificates of the authorities between that one and the root; may be repeated
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "cert", help_heading = "Keys")]
    #[arg(hide_short_help = true)]
    intermediates: Vec<PathBuf>,
}

impl CertificateOptions {
    /// Puts the certificate together with its key, where one was named.
    pub(crate) fn certify(&self, signer: Box<dyn Signer>) -> Result<Box<dyn Signer>> {
        let Some(path) = &self.cert else { return Ok(signer) };
        let mut certificates = read_all(path)?.into_iter();
        let Some(own) = certificates.next() else { return Ok(signer) };
        let mut intermediates: Vec<Certificate> = certificates.collect();
        intermediates.extend(load_intermediates(&self.intermediates)?);
        let signer = CertifiedSigner::new(signer, &own, &intermediates, clock());
        Ok(Box::new(signer.map_err(|error| unusable(path, error))?))
    }
}

/// Reads the intermediate certificates of these files.
pub(crate) fn load_intermediates(paths: &[PathBuf]) -> Result<Vec<Certificate>> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(read_all(path)?);
    }
    Ok(all)
}

/// Reads the time-stamp authorities of these files.
pub(crate) fn load_timestamp_authorities(paths: &[PathBuf]) -> Result<TimestampAuthorities> {
    let (Some(first), all) = (paths.first(), load_intermediates(paths)?) else {
        return Ok(TimestampAuthorities::default());
    };
    TimestampAuthorities::new(all).map_err(|error| {
        let failed = format!("cannot use the time-stamp authority {}", first.display());
        let remedy = "name the file with the authority's root certificate, which it publishes";
        CliError::usage(failed).because(error).remedy(remedy)
    })
}

/// Reads a certificate where a file holds one and not a key.
pub(crate) fn find_certificate(
    bytes: &[u8],
) -> Option<std::result::Result<Certificate, CertificateError>> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let is_one = bytes.windows(BEGIN.len()).any(|window| window == BEGIN);
    is_one.then(|| Certificate::read(bytes))
}

fn read_all(path: &Path) -> Result<Vec<Certificate>> {
    let bytes = files::read_key(path)?;
    Certificate::read_all(&bytes).map_err(|error| unusable(path, error))
}

pub(crate) fn unusable(path: &Path, error: CertificateError) -> CliError {
    let remedy = match &error {
        CertificateError::OtherKey { .. } => {
            "name the key and the certificate that was issued for it"
        }
        CertificateError::NotInForce { .. } => "have the authority issue a new one",
        CertificateError::Usage { .. } => "have the authority issue one for signing",
        _ => "",
    };
    let failed = format!("cannot use the certificate {}", path.display());
    let failed = CliError::usage(failed).because(error);
    if remedy.is_empty() { failed } else { failed.remedy(remedy) }
}
