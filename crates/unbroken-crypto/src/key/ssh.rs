//! OpenSSH keys: public key lines, and private keys in OpenSSH's own format.

mod reduce;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{self, PublicKeyComponents};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair};
use ssh_key::private::{EcdsaKeypair, KeypairData, RsaKeypair, RsaPrivateKey};
use ssh_key::public::{EcdsaPublicKey, KeyData, RsaPublicKey};
use ssh_key::{Kdf, Mpint, PrivateKey};
use zeroize::Zeroizing;

use super::kind::KeyKind;
use super::{PublicKey, rsa_strength};
use crate::error::KeyError;
use crate::secret::Passphrase;
use crate::signer::{Pair, ecdsa_signing};

/// The most rounds of bcrypt that opening a key may cost: each takes about 5 ms, OpenSSH writes 24.
const MAX_BCRYPT_ROUNDS: u32 = 1024;

const MALFORMED_PUBLIC: KeyError = KeyError::Malformed { what: "OpenSSH public key" };
const MALFORMED_PRIVATE: KeyError = KeyError::Malformed { what: "OpenSSH private key" };

/// Reads a public key line: `ssh-ed25519 AAAA... comment`.
pub(super) fn public_key(text: &str) -> Result<PublicKey, KeyError> {
    let lines = text.lines().map(str::trim);
    let mut key_lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = key_lines.next().unwrap_or_default();
    let is_alone = key_lines.next().is_none();
    let name = line.split(' ').next().unwrap_or_default();
    let known = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    if !known.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(KeyError::NotAKey);
    }
    if !is_alone {
        return Err(KeyError::SeveralKeys);
    }
    if name.contains("-cert-v") {
        return Err(unsupported("an OpenSSH certificate"));
    }
    let key = ssh_key::PublicKey::from_openssh(line).map_err(|_| MALFORMED_PUBLIC)?;
    match key.key_data() {
        KeyData::Ed25519(key) => from_parsable(KeyKind::Ed25519, &key.0),
        KeyData::Ecdsa(point) => from_parsable(curve(point), point.as_sec1_bytes()),
        KeyData::Rsa(key) => {
            let n = key.n().as_positive_bytes().ok_or(MALFORMED_PUBLIC)?;
            let e = key.e().as_positive_bytes().ok_or(MALFORMED_PUBLIC)?;
            rsa_strength::check(n, e)?;
            let der = PublicKeyComponents { n, e }.as_der().map_err(|_| MALFORMED_PUBLIC)?;
            PublicKey::from_spki_der(der.as_ref())
        }
        other => Err(unsupported(&format!("an OpenSSH key of type {}", other.algorithm()))),
    }
}

fn from_parsable(kind: KeyKind, bytes: &[u8]) -> Result<PublicKey, KeyError> {
    PublicKey::from_parsable(kind, kind.default_scheme(), None, bytes)
}

fn curve(point: &EcdsaPublicKey) -> KeyKind {
    match point {
        EcdsaPublicKey::NistP256(_) => KeyKind::EcdsaP256,
        EcdsaPublicKey::NistP384(_) => KeyKind::EcdsaP384,
        EcdsaPublicKey::NistP521(_) => KeyKind::EcdsaP521,
    }
}

/// Reads the contents of an `OPENSSH PRIVATE KEY` block.
pub(crate) fn private_key(der: &[u8], passphrase: Option<&Passphrase>) -> Result<Pair, KeyError> {
    let key = PrivateKey::from_bytes(der).map_err(|_| MALFORMED_PRIVATE)?;
    let key = match (key.is_encrypted(), passphrase) {
        (false, None) => key,
        (false, Some(_)) => return Err(KeyError::PassphraseNotNeeded),
        (true, None) => return Err(KeyError::PassphraseMissing),
        (true, Some(passphrase)) => decrypt(&key, passphrase)?,
    };
    match key.key_data() {
        KeypairData::Ed25519(pair) => {
            let (seed, public) = (pair.private.as_ref(), pair.public.as_ref());
            let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public);
            pair.map(Pair::Ed25519).map_err(|_| MALFORMED_PRIVATE)
        }
        KeypairData::Ecdsa(pair) => ecdsa(pair),
        KeypairData::Rsa(pair) => rsa(pair),
        other => {
            let name =
                other.algorithm().map_or_else(|_| "unknown".to_owned(), |name| name.to_string());
            Err(unsupported(&format!("an OpenSSH key of type {name}")))
        }
    }
}

fn decrypt(key: &PrivateKey, passphrase: &Passphrase) -> Result<PrivateKey, KeyError> {
    if let Kdf::Bcrypt { rounds, .. } = key.kdf()
        && *rounds > MAX_BCRYPT_ROUNDS
    {
        return Err(KeyError::DerivationTooExpensive {
            what: format!("{rounds} rounds of bcrypt"),
        });
    }
    // The format has two equal check words inside: a wrong passphrase is noticed by them.
    key.decrypt(passphrase.as_bytes()).map_err(|_| KeyError::PassphraseWrong)
}

fn ecdsa(pair: &EcdsaKeypair) -> Result<Pair, KeyError> {
    let kind = match pair {
        EcdsaKeypair::NistP256 { .. } => KeyKind::EcdsaP256,
        EcdsaKeypair::NistP384 { .. } => KeyKind::EcdsaP384,
        EcdsaKeypair::NistP521 { .. } => KeyKind::EcdsaP521,
    };
    let algorithm = ecdsa_signing(kind).ok_or(MALFORMED_PRIVATE)?;
    EcdsaKeyPair::from_private_key_and_public_key(
        algorithm,
        pair.private_key_bytes(),
        pair.public_key_bytes(),
    )
    .map(Pair::Ecdsa)
    .map_err(|_| MALFORMED_PRIVATE)
}

/// Makes an RSA key pair. The format has no d mod (p - 1) and d mod (q - 1): they are computed.
fn rsa(pair: &RsaKeypair) -> Result<Pair, KeyError> {
    rsa_components(pair.public(), pair.private()).and_then(|components| {
        rsa_strength::check(&components.public_key.n, &components.public_key.e)?;
        // The library checks that the components belong together.
        rsa::KeyPair::from_components(&components).map(Pair::Rsa).map_err(|_| MALFORMED_PRIVATE)
    })
}

type Components = rsa::KeyPairComponents<Vec<u8>, Zeroizing<Vec<u8>>>;

fn rsa_components(public: &RsaPublicKey, private: &RsaPrivateKey) -> Result<Components, KeyError> {
    let positive =
        |number: &Mpint| number.as_positive_bytes().map(<[u8]>::to_vec).ok_or(MALFORMED_PRIVATE);
    let secret = |number: &Mpint| positive(number).map(Zeroizing::new);
    let less = |number: &Mpint| {
        let (whole, prime) = (secret(private.d())?, secret(number)?);
        reduce::modulo_one_less(&whole, &prime).ok_or(MALFORMED_PRIVATE)
    };
    Ok(rsa::KeyPairComponents {
        public_key: PublicKeyComponents { n: positive(public.n())?, e: positive(public.e())? },
        d: secret(private.d())?,
        p: secret(private.p())?,
        q: secret(private.q())?,
        dP: less(private.p())?,
        dQ: less(private.q())?,
        qInv: secret(private.iqmp())?,
    })
}

fn unsupported(what: &str) -> KeyError {
    KeyError::Unsupported { what: what.to_owned() }
}
