//! Documents before they are signed: made well, then changed in one place.

use std::sync::Arc;

use data_encoding::BASE64;
use unbroken_crypto::{KeyIdStyle, SigningKey, hash};
use unbroken_model::artifact::ArtifactSet;
use unbroken_model::digest::DigestSet;
use unbroken_model::envelope::{
    CERTIFICATE_MEMBER, Envelope, EnvelopeKind, Payload, Signature, TIMESTAMPS_MEMBER,
    timestamp_entry,
};
use unbroken_model::json::{Object, Value};
use unbroken_model::limits::Limits;
use unbroken_model::link::{Link, LinkForm};
use unbroken_model::pae;

use crate::keys;
use crate::timestamps::TokenDraft;

/// A layout or a link as JSON, with those who will sign it.
#[derive(Clone, Debug)]
pub struct Draft {
    value: Value<'static>,
    kind: EnvelopeKind,
    signers: Vec<Signer>,
    /// Replacements in the text after it was signed.
    tampered: Vec<(String, String)>,
    /// The document itself, where it cannot be made in the usual way.
    raw: Option<Vec<u8>>,
}

/// Who signs, and under which key id.
#[derive(Clone, Debug)]
pub struct Signer {
    key: Arc<SigningKey>,
    key_id: Option<String>,
    certificate: Option<String>,
    /// Whether the certificate stands there as witness writes it.
    as_witness: bool,
    stamps: Vec<TokenDraft>,
}

impl Signer {
    /// Signs under the key's own id in the default style.
    pub fn of(key: Arc<SigningKey>) -> Self {
        let key_id = Some(key.public().key_id(KeyIdStyle::default()));
        Self { key, key_id, certificate: None, as_witness: false, stamps: Vec::new() }
    }

    /// Signs with the seeded key of this name.
    pub fn named(name: &str) -> Self {
        Self::of(keys::key(name))
    }

    /// Signs with the seeded key of this name, under the id that certificates' keys go by, with this
    /// text as the certificate.
    pub fn certified(name: &str, certificate: &str) -> Self {
        let key = keys::key(name);
        let key_id = Some(key.public().key_id(KeyIdStyle::Legacy));
        Self { key_id, certificate: Some(certificate.to_owned()), ..Self::of(key) }
    }

    /// Writes the certificate, and those behind it, in the way of witness.
    #[must_use]
    pub fn as_witness(self) -> Self {
        Self { as_witness: true, ..self }
    }

    /// Puts a time-stamp token beside the signature, by default one over it.
    #[must_use]
    pub fn stamped(mut self, token: TokenDraft) -> Self {
        self.stamps.push(token);
        self
    }

    /// Writes another key id, or none, beside the signature.
    #[must_use]
    pub fn under(self, key_id: Option<&str>) -> Self {
        Self { key_id: key_id.map(str::to_owned), ..self }
    }
}

impl Draft {
    /// Begins with good metadata. It will be a Metablock that nobody signs.
    pub fn of(payload: &impl Payload) -> Self {
        let value = payload.to_value().into_owned();
        Self {
            value,
            kind: EnvelopeKind::Metablock,
            signers: Vec::new(),
            tampered: Vec::new(),
            raw: None,
        }
    }

    /// Takes a finished document as it is.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        let raw = Some(bytes.into());
        let (value, kind) = (Value::Null, EnvelopeKind::Metablock);
        Self { value, kind, signers: Vec::new(), tampered: Vec::new(), raw }
    }

    /// Adds a signature of the seeded key of this name.
    #[must_use]
    pub fn signed_by(self, name: &str) -> Self {
        self.signed(Signer::named(name))
    }

    /// Adds a signature.
    #[must_use]
    pub fn signed(mut self, signer: Signer) -> Self {
        self.signers.push(signer);
        self
    }

    /// Takes all signatures away.
    pub fn unsign(&mut self) {
        self.signers.clear();
    }

    /// Makes it a DSSE envelope.
    #[must_use]
    pub fn dsse(mut self) -> Self {
        self.kind = EnvelopeKind::Dsse;
        self
    }

    /// Writes the link that it is as a statement, in a DSSE envelope.
    ///
    /// # Panics
    /// When it is no link.
    #[must_use]
    pub fn statement(self) -> Self {
        let link = Link::decode(self.value).expect("the draft is a link");
        let value = Link { form: LinkForm::Statement, ..link }.to_value().into_owned();
        Self { value, ..self }.dsse()
    }

    /// Returns the payload.
    pub fn value(&self) -> &Value<'static> {
        &self.value
    }

    /// Finds a value by its place: `steps/1/threshold`; a `/` in a name is written `~1`.
    ///
    /// # Panics
    /// When there is nothing at the place.
    pub fn get(&self, place: &str) -> &Value<'static> {
        self.find(place).unwrap_or_else(|| panic!("the draft has nothing at {place}"))
    }

    fn find(&self, place: &str) -> Option<&Value<'static>> {
        segments(place).iter().try_fold(&self.value, |value, name| match value {
            Value::Object(object) => object.get(name),
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Tells whether there is a value at a place.
    pub fn has(&self, place: &str) -> bool {
        self.find(place).is_some()
    }

    /// Sets a value; an index behind the end of an array appends.
    ///
    /// # Panics
    /// When there is no place to set it at.
    pub fn set(&mut self, place: &str, value: impl Into<Value<'static>>) {
        put(&mut self.value, &segments(place), Some(value.into()), place);
    }

    /// Sets a value that is written as JSON.
    ///
    /// # Panics
    /// When the text is no strict JSON, or there is no place to set it at.
    pub fn set_json(&mut self, place: &str, text: &str) {
        let value = Value::parse(text.as_bytes(), &Limits::default());
        self.set(place, value.expect("the test gives strict JSON").into_owned());
    }

    /// Sets a list of rules that are written as people write them, one a line.
    pub fn set_rules(&mut self, place: &str, rules: &str) {
        let rules = rules.lines().map(str::trim).filter(|rule| !rule.is_empty());
        let rules = rules.map(|rule| {
            let words = rule.split_whitespace().map(|word| Value::from(word.to_owned()));
            Value::Array(words.collect())
        });
        self.set(place, rules.collect::<Vec<_>>());
    }

    /// Takes a value away.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove(&mut self, place: &str) {
        put(&mut self.value, &segments(place), None, place);
    }

    /// Replaces text in the document after it was signed.
    pub fn tamper(&mut self, from: &str, to: &str) {
        self.tampered.push((from.to_owned(), to.to_owned()));
    }

    /// Signs the draft and writes the document.
    ///
    /// # Panics
    /// When a text to be replaced is not there.
    pub fn bytes(&self) -> Vec<u8> {
        let bytes = match &self.raw {
            Some(bytes) => bytes.clone(),
            None => self.envelope_bytes(),
        };
        if self.tampered.is_empty() {
            return bytes;
        }
        let mut text = String::from_utf8(bytes).expect("documents are text");
        for (from, to) in &self.tampered {
            assert!(text.contains(from), "the document does not hold {from:?}:\n{text}");
            text = text.replacen(from, to, 1);
        }
        text.into_bytes()
    }

    fn envelope_bytes(&self) -> Vec<u8> {
        let mut envelope = Envelope::unsigned(self.kind, self.value.clone());
        for signer in &self.signers {
            let bytes = signer.key.sign(envelope.signing_input()).expect("the key signs");
            let extra = signer.members(&bytes);
            let key_id = signer.key_id.clone();
            envelope.push_signature(Signature { key_id, bytes, extra });
        }
        envelope.to_bytes()
    }
}

impl Signer {
    /// Makes what stands beside this signature.
    fn members(&self, signature: &[u8]) -> Object<'static> {
        let mut extra = Object::new();
        if let Some(text) = self.certificate.as_ref().filter(|_| !self.as_witness) {
            extra.insert(CERTIFICATE_MEMBER, text.clone());
        } else if let Some(text) = &self.certificate {
            let pieces = text.split_inclusive("-----END CERTIFICATE-----\n");
            let mut pieces = pieces.map(|one| BASE64.encode(one.as_bytes()));
            extra.insert("certificate", pieces.next().unwrap_or_default());
            let behind: Vec<Value<'static>> = pieces.map(Value::from).collect();
            if !behind.is_empty() {
                extra.insert("intermediates", behind);
            }
        }
        if !self.stamps.is_empty() {
            let tokens = self.stamps.iter().map(|stamp| timestamp_entry(&stamp.over(signature)));
            extra.insert(TIMESTAMPS_MEMBER, tokens.collect::<Vec<_>>());
        }
        extra
    }
}

fn segments(place: &str) -> Vec<String> {
    place.split('/').map(|segment| segment.replace("~1", "/")).collect()
}

fn put(at: &mut Value<'static>, path: &[String], new: Option<Value<'static>>, place: &str) {
    let Some((name, rest)) = path.split_first() else {
        *at = new.unwrap_or(Value::Null);
        return;
    };
    match at {
        Value::Object(object) => {
            let old = object.remove(name);
            assert!(old.is_some() || rest.is_empty(), "the draft has nothing at {place}");
            if rest.is_empty() {
                assert!(old.is_some() || new.is_some(), "the draft has nothing at {place}");
                if let Some(new) = new {
                    object.insert(name.clone(), new);
                }
            } else if let Some(mut old) = old {
                put(&mut old, rest, new, place);
                object.insert(name.clone(), old);
            }
        }
        Value::Array(items) => {
            let index: usize = name.parse().expect("an array is indexed by a number");
            match (rest.is_empty(), new) {
                (true, None) => drop(items.remove(index)),
                (true, Some(new)) if index >= items.len() => items.push(new),
                (_, new) => {
                    let item = items.get_mut(index);
                    put(item.expect("the index is in the array"), rest, new, place);
                }
            }
        }
        _ => panic!("the draft has nothing at {place}"),
    }
}

/// Makes a DSSE envelope of any bytes under any payload type.
pub fn dsse_of(payload_type: &str, payload: &[u8], signers: &[Signer]) -> Vec<u8> {
    dsse_over(&pae::encode(payload_type, payload), payload_type, payload, signers)
}

/// Makes a DSSE envelope whose signatures are over `message`, whatever the payload is.
///
/// # Panics
/// When a key does not sign.
pub fn dsse_over(
    message: &[u8],
    payload_type: &str,
    payload: &[u8],
    signers: &[Signer],
) -> Vec<u8> {
    let signatures = signers.iter().map(|Signer { key, key_id, .. }| {
        let mut object = Object::new();
        if let Some(key_id) = key_id {
            object.insert("keyid", key_id.clone());
        }
        object.insert("sig", BASE64.encode(&key.sign(message).expect("the key signs")));
        Value::from(object)
    });
    let mut document = Object::new();
    document.insert("payload", BASE64.encode(payload));
    document.insert("payloadType", payload_type.to_owned());
    document.insert("signatures", signatures.collect::<Vec<_>>());
    Value::from(document).to_compact().into_bytes()
}

/// Makes a link of artifacts that are given by path and content.
///
/// # Panics
/// When a name or a path cannot be one.
pub fn link(step: &str, materials: &[(&str, &str)], products: &[(&str, &str)]) -> Link {
    let mut byproducts = Object::new();
    byproducts.insert("return-value", 0_i64);
    byproducts.insert("stdout", "");
    byproducts.insert("stderr", "");
    Link {
        form: LinkForm::default(),
        name: step.parse().expect("the test names a step"),
        command: Vec::new(),
        materials: artifacts(materials),
        products: artifacts(products),
        byproducts,
        environment: Object::new(),
        extra: Object::new(),
    }
}

/// Makes a set of artifacts that are given by path and content.
///
/// # Panics
/// When a path is not in normal form or stands twice.
pub fn artifacts(contents: &[(&str, &str)]) -> ArtifactSet {
    let entries = contents.iter().map(|(path, content)| {
        (path.parse().expect("the test gives a path in normal form"), digest(content))
    });
    ArtifactSet::from_entries(entries.collect()).expect("the test gives each path once")
}

/// Returns the digests of a content: its SHA-256.
pub fn digest(content: &str) -> DigestSet {
    DigestSet::sha256(hash::sha256(content.as_bytes()))
}
