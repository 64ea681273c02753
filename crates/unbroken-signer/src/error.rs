//! Why a key that is kept elsewhere cannot be had.

use std::path::PathBuf;

use thiserror::Error;
use unbroken_crypto::{CertificateError, KeyError, SignatureError};

/// Why a key that is kept elsewhere cannot be had, or did not sign.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The socket of the ssh-agent cannot be opened.
    #[error("cannot reach the ssh-agent at {}", .socket.display())]
    AgentUnreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The conversation with the ssh-agent broke off.
    #[error("the ssh-agent did not answer")]
    AgentSilent {
        /// What the system said.
        source: std::io::Error,
    },
    /// The ssh-agent answered what is no answer.
    #[error("the answer of the ssh-agent is not one of its protocol: {reason}")]
    AgentAnswer {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The ssh-agent refused: it is locked, somebody said no, or the key is gone.
    #[error("the ssh-agent refused: it is locked, or does not sign with this key")]
    AgentRefused,
    /// More than an ssh-agent takes.
    #[error(
        "an ssh-agent signs no more than {limit} bytes, and this is more: use a key of another kind"
    )]
    TooLarge {
        /// The bound of the protocol's implementations.
        limit: usize,
    },
    /// The socket of the SPIFFE Workload API cannot be opened, or nobody answers there.
    #[error("cannot reach the SPIFFE Workload API at {}", .socket.display())]
    WorkloadApiUnreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The conversation with the SPIFFE Workload API broke off.
    #[error("the SPIFFE Workload API did not answer")]
    WorkloadApiBroken {
        /// What is wrong with it.
        source: Box<h2::Error>,
    },
    /// The SPIFFE Workload API has nothing for this process.
    #[error("the SPIFFE Workload API refused ({status}): {message:?}")]
    WorkloadApiRefused {
        /// The status of gRPC; 7 says that it knows no identity for this process.
        status: String,
        /// What it said.
        message: String,
    },
    /// The SPIFFE Workload API answered what is no answer.
    #[error("the answer of the SPIFFE Workload API is not one: {reason}")]
    WorkloadApiAnswer {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The certificate that came with a key cannot be used.
    #[error("the certificate cannot be used")]
    Certificate {
        /// Why.
        source: CertificateError,
    },
    /// A URI that is not one of RFC 7512, or asks for what it must not.
    #[error("the PKCS#11 URI cannot be used: {reason}")]
    Uri {
        /// What is wrong with it.
        reason: String,
    },
    /// The module of the token cannot be loaded.
    #[error("cannot load the PKCS#11 module {}", .module.display())]
    Module {
        /// The shared library.
        module: PathBuf,
        /// What the loader or the module said.
        source: Box<cryptoki::error::Error>,
    },
    /// The token did not do what was asked of it.
    #[error("the token failed to {action}")]
    Token {
        /// What was asked.
        action: &'static str,
        /// What the module said.
        source: Box<cryptoki::error::Error>,
    },
    /// The PIN is wrong. It was tried once: tokens lock themselves after a few.
    #[error("the token refused the PIN; it was tried once")]
    PinRefused,
    /// There is no gpg program, or none that may be run.
    #[error(
        "there is no program {tried} on an absolute path of PATH, outside of the working directory"
    )]
    GpgMissing {
        /// What was looked for.
        tried: String,
    },
    /// The gpg program cannot be run.
    #[error("cannot run {}", .program.display())]
    GpgRun {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The gpg program did not come to an end.
    #[error("gpg did not answer in {seconds} seconds")]
    GpgSilent {
        /// How long it may take.
        seconds: u64,
    },
    /// The gpg program printed more than what was asked for can have.
    #[error("gpg printed more than {limit} bytes")]
    GpgAnswer {
        /// The bound.
        limit: usize,
    },
    /// The gpg program failed.
    #[error("gpg failed to {action}: {said}")]
    GpgRefused {
        /// What was asked.
        action: &'static str,
        /// What it said.
        said: String,
    },
    /// The gpg program made no signature that can be used.
    #[error("the signature that gpg made cannot be used")]
    GpgSignature {
        /// What is wrong with it.
        source: SignatureError,
    },
    /// A name that is none of a key in a GnuPG keyring.
    #[error("the name of the gpg key cannot be used: {reason}")]
    GpgName {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No key fits.
    #[error("no key fits{}", list(.found))]
    NoKey {
        /// The keys that are there.
        found: Vec<String>,
    },
    /// Several keys fit, and which one is meant would be a guess.
    #[error("several keys fit{}", list(.found))]
    SeveralKeys {
        /// The keys that fit.
        found: Vec<String>,
    },
    /// The key is of a kind that cannot be used.
    #[error("the key {key} cannot be used")]
    Unusable {
        /// The key, as its store names it.
        key: String,
        /// Why.
        source: KeyError,
    },
    /// The public half of a key is missing where it is kept.
    #[error("the token has no public half for the key {key}")]
    NoPublicHalf {
        /// The key, as the token names it.
        key: String,
    },
    /// A signature that is not of the form it must have.
    #[error("what came back is no signature: {reason}")]
    Signature {
        /// What is wrong with it.
        reason: &'static str,
    },
}

fn list(found: &[String]) -> String {
    if found.is_empty() { String::new() } else { format!("; there is: {}", found.join(", ")) }
}
