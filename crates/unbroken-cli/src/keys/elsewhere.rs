//! Keys that are kept elsewhere, as users name them: `pkcs11:...`, `ssh-agent:...`, `gpg:...` and
//! `spiffe:...`.
//!
//! A file of such a name is `./pkcs11:x`.

use std::path::{Path, PathBuf};

use unbroken_crypto::{CertifiedSigner, PublicKey, Signer};
use unbroken_model::timestamp::Timestamp;
use unbroken_signer::{
    AgentKey, AgentKeyName, Pin, SignerError, TokenKey, TokenUri, WorkloadIdentity,
};
use zeroize::Zeroizing;

use super::{PassphraseSource, gpg};
use crate::commands::verify::clock;
use crate::error::{CliError, Result};
use crate::files;

/// Names the module where the URI does not.
const MODULE: &str = "UNBROKEN_PKCS11_MODULE";
/// Names the socket of the Workload API where nothing else does (SPIFFE Workload Endpoint, section 4).
const ENDPOINT: &str = "SPIFFE_ENDPOINT_SOCKET";

/// Finds a key that is kept elsewhere; there is none for the name of a file.
pub(super) fn find(name: &str, source: &PassphraseSource) -> Result<Option<Box<dyn Signer>>> {
    if name.starts_with("pkcs11:") {
        return Ok(Some(Box::new(token(name, source)?)));
    }
    if let Some(wanted) = name.strip_prefix("ssh-agent:") {
        return Ok(Some(Box::new(agent(wanted)?)));
    }
    if name.starts_with("gpg:") {
        return Ok(Some(Box::new(gpg::signer(name)?)));
    }
    if let Some(socket) = name.strip_prefix("spiffe:") {
        return Ok(Some(Box::new(workload(socket)?)));
    }
    Ok(None)
}

/// Finds the public half of a key that is kept elsewhere, as it is at a time.
pub(super) fn find_public(
    name: &str,
    source: &PassphraseSource,
    now: Timestamp,
) -> Result<Option<PublicKey>> {
    if name.starts_with("gpg:") {
        return gpg::public_key(name, now).map(Some);
    }
    Ok(find(name, source)?.map(|signer| signer.public().clone()))
}

fn token(name: &str, source: &PassphraseSource) -> Result<TokenKey> {
    let uri = TokenUri::parse(name).map_err(|error| unusable("on a token", error))?;
    let Some(module) = uri.module.clone().or_else(|| std::env::var_os(MODULE).map(PathBuf::from))
    else {
        return Err(CliError::usage("no PKCS#11 module is named").remedy(format!(
            "name the token's shared library: ?module-path=... in the URI, or {MODULE}"
        )));
    };
    let pin = pin(&uri, source)?;
    TokenKey::find(&uri, module, &pin).map_err(|error| unusable("on a token", error))
}

/// Returns the PIN: of the options, else of the file that the URI names, else of the terminal.
fn pin(uri: &TokenUri, source: &PassphraseSource) -> Result<Pin> {
    let mut text = match (source.given_text()?, &uri.pin_source) {
        (Some(text), _) => text,
        (None, Some(file)) => {
            let bytes = Zeroizing::new(files::read_key(file)?);
            let text = std::str::from_utf8(&bytes).map_err(|_| {
                CliError::usage(format!("the PIN in {} is not UTF-8", file.display()))
            })?;
            Zeroizing::new(super::first_line(text))
        }
        (None, None) => {
            let asked = rpassword::prompt_password("PIN of the token: ").map_err(|error| {
                CliError::usage("the token needs a PIN")
                    .because(error)
                    .remedy("name it with --passphrase-file, --passphrase-env or pin-source")
            });
            Zeroizing::new(asked?)
        }
    };
    Ok(Pin::new(std::mem::take(&mut *text)))
}

fn agent(wanted: &str) -> Result<AgentKey> {
    let Some(socket) = std::env::var_os("SSH_AUTH_SOCK") else {
        return Err(CliError::usage("there is no ssh-agent: SSH_AUTH_SOCK is not set")
            .remedy("start one with `eval $(ssh-agent)` and add the key with ssh-add"));
    };
    let name = match wanted {
        "" => AgentKeyName::Only,
        path if !path.starts_with("SHA256:") && Path::new(path).is_file() => {
            AgentKeyName::Public(public_file(Path::new(path))?)
        }
        name => AgentKeyName::Named(name.to_owned()),
    };
    AgentKey::find(Path::new(&socket), &name).map_err(|error| unusable("in the ssh-agent", error))
}

/// Fetches the identity of this process from a SPIFFE Workload API: the key with its certificate.
fn workload(socket: &str) -> Result<CertifiedSigner> {
    let given = match socket {
        "" => std::env::var(ENDPOINT).ok(),
        socket => Some(socket.to_owned()),
    };
    let Some(socket) = given else {
        return Err(CliError::usage("no SPIFFE Workload API is named").remedy(format!(
            "name its socket: --key spiffe:unix:///path/to/socket, or {ENDPOINT}"
        )));
    };
    let WorkloadIdentity { key, certificate, intermediates } = workload_identity(&socket)?;
    CertifiedSigner::new(Box::new(key), &certificate, &intermediates, clock()).map_err(|error| {
        CliError::usage("cannot use the identity of the SPIFFE Workload API").because(error)
    })
}

/// Fetches the parts of that identity, for whoever keeps them otherwise.
pub(crate) fn workload_identity(socket: &str) -> Result<WorkloadIdentity> {
    WorkloadIdentity::fetch(&WorkloadIdentity::socket_of(socket))
        .map_err(|error| unusable("of the SPIFFE Workload API", error))
}

fn public_file(path: &Path) -> Result<PublicKey> {
    let bytes = files::read_key(path)?;
    PublicKey::from_pem_or_other(&bytes).map_err(|error| {
        CliError::usage(format!("cannot use the key {}", path.display())).because(error)
    })
}

fn unusable(place: &str, error: SignerError) -> CliError {
    let remedy = match &error {
        SignerError::NoKey { .. } => "name one that is there, or add the key",
        SignerError::SeveralKeys { .. } => "say more of the one that is meant",
        SignerError::PinRefused => "look the PIN up before trying again: tokens lock themselves",
        SignerError::NoPublicHalf { .. } => "write the public key to the token, under the same id",
        _ => "",
    };
    let failed = CliError::usage(format!("cannot use the key {place}")).because(error);
    if remedy.is_empty() { failed } else { failed.remedy(remedy) }
}
