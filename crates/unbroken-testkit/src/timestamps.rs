//! Time-stamp tokens (RFC 3161) that are the same in every run, good ones and ones with one thing wrong.
//!
//! Like certificates, they are written by hand: a real authority refuses to make the bad ones.

use unbroken_crypto::{Certificate, TimestampAuthorities, hash};

use crate::certificates::{self, CertificateDraft, ED25519, oid, sequence, subject, tlv};
use crate::keys;

const SHA1: &[u8] = &[0x2b, 14, 3, 2, 26];
const SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];
/// The prefixes of PKCS#9 and of the S/MIME types below it.
const PKCS9: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9];
const SMIME: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16];
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const POLICY: &[u8] = &[0x2a, 3, 4, 1];

/// A digest by its name in a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampDigest {
    /// SHA-512.
    Sha512,
    /// SHA-1, which proves nothing: the value is made up.
    Sha1,
}

/// How a token names the certificate of who signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerName {
    /// By a digest that is named (RFC 5816).
    Strong,
    /// By SHA-1 (RFC 2634).
    Sha1,
    /// Not at all.
    Missing,
    /// By a digest that is none of its certificate.
    Other,
}

/// A token before it is signed. Every part can be changed.
#[derive(Clone, Debug)]
pub struct TokenDraft {
    /// What is stamped, where it is not the signature that the token will stand with.
    pub stamped: Option<Vec<u8>>,
    /// The time, `YYYYMMDDHHMMSSZ`.
    pub time: String,
    /// The digest of what is stamped.
    pub digest: StampDigest,
    /// The certificate of who signs.
    pub signer: CertificateDraft,
    /// Who issued it.
    pub issuer: String,
    /// Further certificates that the token brings.
    pub more: Vec<Vec<u8>>,
    /// How the certificate of who signs is named.
    pub names: SignerName,
    /// The id of the signer's key, by which his certificate is identified; none where it is by its
    /// issuer and serial number.
    pub key_id: Option<Vec<u8>>,
    /// The accuracy in seconds.
    pub accuracy: Option<u8>,
    /// Whether an extension that nobody knows is there and critical.
    pub has_unknown_critical: bool,
    /// Whether the signature is changed afterwards.
    pub is_forged: bool,
    /// The status of the answer that it stands in; none for a token by itself.
    pub status: Option<u8>,
}

/// Returns the root certificate of the authority whose tokens are good.
pub fn root() -> Vec<u8> {
    certificates::root("tsa-ca")
}

/// Returns authorities that are this root alone.
///
/// # Panics
/// When it cannot be read.
pub fn authorities() -> TimestampAuthorities {
    let root = Certificate::from_der(&root()).expect("an own certificate");
    TimestampAuthorities::new(vec![root]).expect("it is a root")
}

impl TokenDraft {
    /// Begins with a good token of this time.
    pub fn at(time: &str) -> Self {
        Self {
            stamped: None,
            time: time.to_owned(),
            digest: StampDigest::Sha512,
            signer: CertificateDraft::time_stamper("tsa"),
            issuer: "tsa-ca".to_owned(),
            more: Vec::new(),
            names: SignerName::Strong,
            key_id: None,
            accuracy: None,
            has_unknown_critical: false,
            is_forged: false,
            status: None,
        }
    }

    /// Signs it over these bytes, where it is not over others, and returns it in DER.
    ///
    /// # Panics
    /// When the key does not sign.
    pub fn over(&self, signature: &[u8]) -> Vec<u8> {
        let info = self.info(self.stamped.as_deref().unwrap_or(signature));
        let certificate = self.signer.issued_by(&self.issuer);
        let attribute = |kind: &[u8], value: Vec<u8>| sequence(&[oid(kind), tlv(0x31, &value)]);
        let mut attributes = vec![
            attribute(&[&PKCS9[..], &[3]].concat(), tst_info()),
            attribute(&[&PKCS9[..], &[4]].concat(), tlv(4, &hash::sha512(&info))),
        ];
        let named = |parts: &[Vec<u8>]| sequence(&[sequence(&[sequence(parts)])]);
        attributes.extend(match self.names {
            SignerName::Missing => None,
            SignerName::Sha1 => {
                Some(attribute(&[&SMIME[..], &[2, 12]].concat(), named(&[tlv(4, &[7; 20])])))
            }
            other => {
                let digest = match other {
                    SignerName::Other => hash::sha256(b"another"),
                    _ => hash::sha256(&certificate),
                };
                Some(attribute(&[&SMIME[..], &[2, 47]].concat(), named(&[tlv(4, &digest)])))
            }
        });
        let mut signature = keys::key(&self.signer.name)
            .sign(&tlv(0x31, &attributes.concat()))
            .expect("the key signs");
        if self.is_forged
            && let Some(last) = signature.last_mut()
        {
            *last ^= 1;
        }
        let (version, identifier) = if let Some(id) = &self.key_id {
            (3, tlv(0x80, id))
        } else {
            let issuer = subject(Some(&self.issuer), &[]);
            (1, sequence(&[issuer, tlv(2, &self.signer.serial)]))
        };
        let signer = sequence(&[
            tlv(2, &[version]),
            identifier,
            sequence(&[oid(SHA512)]),
            tlv(0xa0, &attributes.concat()),
            sequence(&[oid(ED25519)]),
            tlv(4, &signature),
        ]);
        let mut carried = vec![certificate];
        carried.extend(self.more.iter().cloned());
        let data = sequence(&[
            tlv(2, &[3]),
            tlv(0x31, &sequence(&[oid(SHA512)])),
            sequence(&[tst_info(), tlv(0xa0, &tlv(4, &info))]),
            tlv(0xa0, &carried.concat()),
            tlv(0x31, &signer),
        ]);
        let token = sequence(&[oid(SIGNED_DATA), tlv(0xa0, &data)]);
        match self.status {
            None => token,
            Some(status) => sequence(&[sequence(&[tlv(2, &[status])]), token]),
        }
    }

    fn info(&self, stamped: &[u8]) -> Vec<u8> {
        let (digest, value) = match self.digest {
            StampDigest::Sha512 => (SHA512, hash::sha512(stamped).to_vec()),
            StampDigest::Sha1 => (SHA1, vec![7; 20]),
        };
        let mut parts = vec![
            tlv(2, &[1]),
            oid(POLICY),
            sequence(&[sequence(&[oid(digest)]), tlv(4, &value)]),
            tlv(2, &[1]),
            tlv(0x18, self.time.as_bytes()),
        ];
        parts.extend(self.accuracy.map(|seconds| sequence(&[tlv(2, &[seconds])])));
        if self.has_unknown_critical {
            let extension = sequence(&[oid(&[0x69, 1]), tlv(1, &[0xff]), tlv(4, &[5, 0])]);
            parts.push(tlv(0xa1, &extension));
        }
        sequence(&parts)
    }
}

/// The type of what a token says.
fn tst_info() -> Vec<u8> {
    oid(&[&SMIME[..], &[1, 4]].concat())
}
