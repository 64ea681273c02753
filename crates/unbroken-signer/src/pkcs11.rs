//! Keys on PKCS#11 tokens: security modules, smart cards, SoftHSM.

mod public;
mod uri;

use std::path::PathBuf;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsPssParams};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use unbroken_crypto::{PublicKey, SignatureEntry, SignatureScheme, Signer, SigningError, hash};
use unbroken_model::envelope::EnvelopeKind;
use zeroize::Zeroizing;

pub use self::uri::TokenUri;
use crate::ecdsa;
use crate::error::SignerError;

/// The PIN of a token: wiped from memory when it is dropped.
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Takes a PIN.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Pin(redacted)")
    }
}

/// A private key on a token, with a session that is logged in.
pub struct TokenKey {
    // Closed before the module is unloaded: fields are dropped in their order.
    session: Session,
    _module: Pkcs11,
    key: ObjectHandle,
    public: PublicKey,
}

impl TokenKey {
    /// Loads the module, finds the token, logs in, and finds the key.
    ///
    /// The PIN is tried once.
    ///
    /// # Errors
    /// [`SignerError`] when any of that fails, when no key fits, and when several do.
    pub fn find(uri: &TokenUri, module: PathBuf, pin: &Pin) -> Result<Self, SignerError> {
        let context = load(module)?;
        let slot = find_slot(&context, uri)?;
        let session = context.open_ro_session(slot).map_err(token("open a session"))?;
        let secret = AuthPin::new(pin.0.as_str().into());
        match session.login(UserType::User, Some(&secret)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(Error::Pkcs11(
                RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
                _,
            )) => return Err(SignerError::PinRefused),
            Err(error) => return Err(token("log in")(error)),
        }
        let key = find_key(&session, uri)?;
        let public = public::of(&session, key)?;
        Ok(Self { session, _module: context, key, public })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let ecdsa = |digest: &[u8]| {
            let made = self.session.sign(&Mechanism::Ecdsa, self.key, digest);
            let made = made.map_err(token("sign"))?;
            let (r, s) = made.split_at_checked(made.len() / 2).unwrap_or_default();
            ecdsa::der(r, s)
        };
        let mechanism = match self.public.scheme() {
            SignatureScheme::EcdsaSha2Nistp256 => return ecdsa(&hash::sha256(message)),
            SignatureScheme::EcdsaSha2Nistp384 => return ecdsa(&hash::sha384(message)),
            SignatureScheme::EcdsaSha2Nistp521 => return ecdsa(&hash::sha512(message)),
            SignatureScheme::Ed25519 => {
                Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))
            }
            SignatureScheme::RsassaPssSha256 => Mechanism::Sha256RsaPkcsPss(PkcsPssParams {
                hash_alg: MechanismType::SHA256,
                mgf: PkcsMgfType::MGF1_SHA256,
                s_len: 32.into(),
            }),
            _ => return Err(SignerError::Signature { reason: "no scheme for this key" }),
        };
        self.session.sign(&mechanism, self.key, message).map_err(token("sign"))
    }
}

impl Signer for TokenKey {
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

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "TokenKey({:?})", self.public)
    }
}

/// Says what the token was asked to do when it failed.
fn token(action: &'static str) -> impl Fn(Error) -> SignerError {
    move |source| SignerError::Token { action, source: Box::new(source) }
}

fn load(module: PathBuf) -> Result<Pkcs11, SignerError> {
    let context = Pkcs11::new(&module);
    let context = context
        .map_err(|error| SignerError::Module { module: module.clone(), source: Box::new(error) })?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(context),
        Err(error) => Err(SignerError::Module { module, source: Box::new(error) }),
    }
}

/// Finds the one token that the URI names.
fn find_slot(context: &Pkcs11, uri: &TokenUri) -> Result<Slot, SignerError> {
    let slots = context.get_slots_with_initialized_token().map_err(token("list its slots"))?;
    let (mut fitting, mut found) = (Vec::new(), Vec::new());
    for slot in slots {
        let info = context.get_token_info(slot).map_err(token("describe itself"))?;
        let name = format!("token={};serial={}", info.label(), info.serial_number());
        let says = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found.trim_end())
        };
        let fits = says(&uri.token, info.label())
            && says(&uri.manufacturer, info.manufacturer_id())
            && says(&uri.model, info.model())
            && says(&uri.serial, info.serial_number())
            && uri.slot.is_none_or(|wanted| wanted == slot.id());
        if fits {
            fitting.push((slot, name));
        } else {
            found.push(name);
        }
    }
    one(fitting, found)
}

/// Finds the one private key that the URI names.
fn find_key(session: &Session, uri: &TokenUri) -> Result<ObjectHandle, SignerError> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(uri.id.clone().map(Attribute::Id));
    let named = |template: &[Attribute]| -> Result<Vec<(ObjectHandle, String)>, SignerError> {
        let keys = session.find_objects(template).map_err(token("list its keys"))?;
        keys.into_iter().map(|key| Ok((key, describe(session, key)?))).collect()
    };
    let fitting = named(&template)?;
    let others = if fitting.is_empty() {
        named(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])?
    } else {
        Vec::new()
    };
    one(fitting, others.into_iter().map(|(_, name)| name).collect())
}

/// Names a key as a URI would.
fn describe(session: &Session, key: ObjectHandle) -> Result<String, SignerError> {
    let wanted = [AttributeType::Label, AttributeType::Id];
    let attributes = session.get_attributes(key, &wanted).map_err(token("describe a key"))?;
    let parts = attributes.iter().filter_map(|attribute| match attribute {
        Attribute::Label(label) => {
            Some(format!("object={}", String::from_utf8_lossy(label).escape_debug()))
        }
        Attribute::Id(id) => Some(format!("id={}", percent_encode(id, NON_ALPHANUMERIC))),
        _ => None,
    });
    Ok(parts.collect::<Vec<_>>().join(";"))
}

fn one<T>(mut fitting: Vec<(T, String)>, others: Vec<String>) -> Result<T, SignerError> {
    if fitting.len() > 1 {
        let found = fitting.into_iter().map(|(_, name)| name).collect();
        return Err(SignerError::SeveralKeys { found });
    }
    fitting.pop().map(|(thing, _)| thing).ok_or(SignerError::NoKey { found: others })
}
