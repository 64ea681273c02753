//! Keys in an ssh-agent (draft-ietf-sshm-ssh-agent): the agent signs, this program never sees them.
//!
//! RSA keys sign by RSASSA-PKCS1-v1_5 there, so their public half carries that scheme; a layout has to
//! list them so. Keys on security tokens (`sk-`) sign something else than what they are given.

mod wire;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::{BASE64, BASE64_NOPAD};
use unbroken_crypto::{
    KeyError, PublicKey, SignatureEntry, SignatureScheme, Signer, SigningError, hash,
};
use unbroken_model::envelope::EnvelopeKind;

use self::wire::{Reader, string};
use crate::ecdsa;
use crate::error::SignerError;

/// How long the agent may take: somebody may have to confirm, or to touch a token.
const PATIENCE: Duration = Duration::from_mins(2);
/// OpenSSH's own bound of a message.
const LONGEST: usize = 256 * 1024;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const FAILURE: u8 = 5;
/// RSA with SHA-256, and not SHA-1.
const RSA_SHA2_256: u32 = 2;

/// Which key of the agent is meant.
#[derive(Clone, Debug)]
pub enum AgentKeyName {
    /// The only one that can be used.
    Only,
    /// The one of this fingerprint (`SHA256:...`) or comment.
    Named(String),
    /// The one whose public half is this.
    Public(PublicKey),
}

/// A key in an ssh-agent.
#[derive(Debug)]
pub struct AgentKey {
    socket: PathBuf,
    blob: Vec<u8>,
    public: PublicKey,
}

/// A key that the agent offers.
struct Offer {
    blob: Vec<u8>,
    comment: String,
    public: Result<PublicKey, KeyError>,
}

impl AgentKey {
    /// Finds a key in the agent behind a socket (`SSH_AUTH_SOCK`).
    ///
    /// # Errors
    /// [`SignerError`] when there is no agent, when no key fits, and when several do.
    pub fn find(socket: &Path, name: &AgentKeyName) -> Result<Self, SignerError> {
        let (mut fitting, others): (Vec<_>, Vec<_>) =
            offers(socket)?.into_iter().partition(|offer| offer.fits(name));
        let names = |offers: &[Offer]| offers.iter().map(Offer::describe).collect();
        if fitting.len() > 1 {
            return Err(SignerError::SeveralKeys { found: names(&fitting) });
        }
        let Some(offer) = fitting.pop() else {
            return Err(SignerError::NoKey { found: names(&others) });
        };
        let key = offer.describe();
        let public = offer.public.map_err(|source| SignerError::Unusable { key, source })?;
        Ok(Self { socket: socket.to_owned(), blob: offer.blob, public })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let flags = if self.public.key_type() == "rsa" { RSA_SHA2_256 } else { 0 };
        let mut request = vec![SIGN_REQUEST];
        request.extend(string(&self.blob)?);
        request.extend(string(message)?);
        request.extend(flags.to_be_bytes());
        let answer = ask(&self.socket, &request)?;
        let mut reader = Reader::new(&answer, SIGN_RESPONSE)?;
        let signature = reader.string()?;
        reader.end()?;
        let mut reader = Reader::bare(signature);
        let algorithm = reader.string()?;
        let bytes = reader.string()?;
        match algorithm {
            b"ssh-ed25519" | b"rsa-sha2-256" => Ok(bytes.to_vec()),
            _ if algorithm.starts_with(b"ecdsa-sha2-") => {
                let mut numbers = Reader::bare(bytes);
                let (r, s) = (numbers.string()?, numbers.string()?);
                numbers.end()?;
                ecdsa::der(r, s)
            }
            _ => Err(SignerError::Signature {
                reason: "it is by an algorithm that is not asked for",
            }),
        }
    }
}

impl Signer for AgentKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign_entry(&self, message: &[u8], _: EnvelopeKind) -> Result<SignatureEntry, SigningError> {
        self.sign(message).map(SignatureEntry::plain).map_err(|source| SigningError::Elsewhere {
            key: self.public.describe(),
            source: source.into(),
        })
    }
}

impl Offer {
    fn read(blob: &[u8], comment: &[u8]) -> Self {
        let comment = String::from_utf8_lossy(comment).into_owned();
        Self { public: public(blob), blob: blob.to_vec(), comment }
    }

    fn fingerprint(&self) -> String {
        format!("SHA256:{}", BASE64_NOPAD.encode(&hash::sha256(&self.blob)))
    }

    fn describe(&self) -> String {
        format!("{} ({})", self.fingerprint(), self.comment.escape_debug())
    }

    fn fits(&self, name: &AgentKeyName) -> bool {
        match name {
            AgentKeyName::Only => self.public.is_ok(),
            AgentKeyName::Named(name) => self.fingerprint() == *name || self.comment == *name,
            AgentKeyName::Public(key) => self.public.as_ref().is_ok_and(|own| own == key),
        }
    }
}

/// Reads a public key as SSH carries it (RFC 4253, 6.6).
fn public(blob: &[u8]) -> Result<PublicKey, KeyError> {
    let malformed = KeyError::Malformed { what: "public key of the ssh-agent" };
    let Ok(algorithm) = Reader::bare(blob).string() else { return Err(malformed) };
    let Ok(algorithm) = std::str::from_utf8(algorithm) else { return Err(malformed) };
    // The line of a .pub file: crypto has the one reader of these.
    let line = format!("{algorithm} {}", BASE64.encode(blob));
    let key = PublicKey::from_pem_or_other(line.as_bytes())?;
    if key.key_type() == "rsa" {
        return key.with_scheme(SignatureScheme::RsaPkcs1v15Sha256);
    }
    Ok(key)
}

fn offers(socket: &Path) -> Result<Vec<Offer>, SignerError> {
    let answer = ask(socket, &[REQUEST_IDENTITIES])?;
    let mut reader = Reader::new(&answer, IDENTITIES_ANSWER)?;
    let count = reader.number()?;
    let mut offers = Vec::new();
    // The count is the agent's word; the bytes that came bound the loop.
    for _ in 0..count {
        let blob = reader.string()?;
        offers.push(Offer::read(blob, reader.string()?));
    }
    reader.end()?;
    Ok(offers)
}

/// Sends one message and returns the answer.
fn ask(socket: &Path, request: &[u8]) -> Result<Vec<u8>, SignerError> {
    let unreachable = |source| SignerError::AgentUnreachable { socket: socket.to_owned(), source };
    let mut stream = UnixStream::connect(socket).map_err(unreachable)?;
    let patience = Some(PATIENCE);
    stream.set_read_timeout(patience).map_err(unreachable)?;
    stream.set_write_timeout(patience).map_err(unreachable)?;
    if request.len() > LONGEST {
        // Agents end the conversation there, without a word.
        return Err(SignerError::TooLarge { limit: LONGEST });
    }
    let silent = |source| SignerError::AgentSilent { source };
    stream.write_all(&string(request)?).map_err(silent)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).map_err(silent)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length == 0 || length > LONGEST {
        return Err(SignerError::AgentAnswer { reason: "its length is out of bounds" });
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).map_err(silent)?;
    Ok(answer)
}
