//! What the holder of an OpenPGP certificate signed about its keys, and what of it counts at a time.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{
    PublicKey as MainKey, PublicSubkey, RevocationCode, Signature, SignatureType, SignatureVersion,
    SubpacketData,
};
use pgp::types::{Duration, KeyDetails, Tag};
use unbroken_model::timestamp::Timestamp;

use crate::error::KeyError;

/// The most self-signatures of one certificate that are checked: each costs a verification, and a
/// certificate of twenty years has some dozens.
const MAX_CHECKS: u32 = 256;

/// Judges the self-signatures of one certificate at one time.
pub(super) struct Judge {
    now: i64,
    checks: u32,
}

/// What the newest self-signatures say about a key.
pub(super) struct Terms {
    /// For how many seconds the key is valid.
    pub(super) validity: Option<u32>,
    pub(super) may_sign: bool,
}

impl Judge {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now: now.unix(), checks: MAX_CHECKS }
    }

    /// Reads the terms of the main key.
    ///
    /// The newest signature over each user id that was not taken back counts, and the newest one
    /// over the key alone. Among them the newest that has key flags says whether the key signs. The
    /// key ends when the newest over a user id says so, or the one over the key, if that is earlier.
    pub(super) fn main_key(&mut self, certificate: &SignedPublicKey) -> Result<Terms, KeyError> {
        let key = &certificate.primary_key;
        self.revocation(&certificate.details.revocation_signatures, key, |signature| {
            signature.typ() == Some(SignatureType::KeyRevocation)
                && signature.verify_key(key).is_ok()
        })?;
        let direct = self.newest(&certificate.details.direct_signatures, key, |signature| {
            signature.typ() == Some(SignatureType::Key) && signature.verify_key(key).is_ok()
        })?;
        let mut over_users = Vec::new();
        for user in &certificate.details.users {
            let holds = |signature: &Signature| {
                signature.verify_certification(key, Tag::UserId, &user.id).is_ok()
            };
            let is_revocation =
                |signature: &Signature| signature.typ() == Some(SignatureType::CertRevocation);
            let newest = self.newest(&user.signatures, key, |signature| {
                !is_revocation(signature) && holds(signature)
            })?;
            let revoked = self.newest(&user.signatures, key, |signature| {
                is_revocation(signature) && holds(signature)
            })?;
            if let Some(newest) = newest
                && revoked.is_none_or(|revoked| made(revoked) < made(newest))
            {
                over_users.push(newest);
            }
        }
        let over_user = over_users.iter().copied().max_by_key(|signature| made(signature));
        if over_user.is_none() && direct.is_none() {
            return Err(KeyError::Certificate {
                reason: "its main key has no self-signature that holds (SHA-1 and MD5 do not)",
            });
        }
        let ends = [over_user, direct].into_iter().flatten().filter_map(validity);
        let with_flags = over_users.iter().copied().chain(direct).filter(|one| has_flags(one));
        let flags = with_flags.max_by_key(|signature| made(signature));
        Ok(Terms {
            validity: ends.min(),
            may_sign: flags.is_some_and(|signature| signature.key_flags().sign()),
        })
    }

    /// Reads the terms of a subkey: those of its newest binding.
    pub(super) fn subkey(
        &mut self,
        subkey: &SignedPublicSubKey,
        main: &MainKey,
    ) -> Result<Terms, KeyError> {
        let key = &subkey.key;
        let of_kind = |signature: &Signature, kind| {
            signature.typ() == Some(kind) && signature.verify_subkey_binding(main, key).is_ok()
        };
        self.revocation(&subkey.signatures, main, |signature| {
            of_kind(signature, SignatureType::SubkeyRevocation)
        })?;
        let binding = self.newest(&subkey.signatures, key, |signature| {
            of_kind(signature, SignatureType::SubkeyBinding)
        })?;
        let Some(binding) = binding else {
            return Err(KeyError::Certificate { reason: "no binding of the subkey holds" });
        };
        let may_sign = binding.key_flags().sign();
        if may_sign && !self.agreed(binding, key, main)? {
            return Err(KeyError::Certificate {
                reason: "the subkey did not agree to be one of the certificate",
            });
        }
        Ok(Terms { validity: validity(binding), may_sign })
    }

    /// Tells whether the subkey signed that it belongs to the main key: else anybody could take
    /// another's key for a subkey, and its signatures for theirs.
    fn agreed(
        &mut self,
        binding: &Signature,
        subkey: &PublicSubkey,
        main: &MainKey,
    ) -> Result<bool, KeyError> {
        let Some(back) = binding.embedded_signature() else { return Ok(false) };
        if !self.counts(back, i64::from(subkey.created_at().as_secs())) {
            return Ok(false);
        }
        self.spend()?;
        Ok(back.verify_primary_key_binding(subkey, main).is_ok())
    }

    /// Finds the newest signature that counts and holds.
    fn newest<'a>(
        &mut self,
        signatures: &'a [Signature],
        key: &impl KeyDetails,
        holds: impl Fn(&Signature) -> bool,
    ) -> Result<Option<&'a Signature>, KeyError> {
        let not_before = i64::from(key.created_at().as_secs());
        let mut candidates: Vec<&Signature> =
            signatures.iter().filter(|signature| self.counts(signature, not_before)).collect();
        candidates.sort_by_key(|signature| std::cmp::Reverse(made(signature)));
        for signature in candidates {
            if !is_foreign(signature, key) {
                self.spend()?;
                if holds(signature) {
                    return Ok(Some(signature));
                }
            }
        }
        Ok(None)
    }

    /// Refuses a key that its holder revoked. That counts whatever the hash is: who can forge one
    /// takes a key away and gains nothing.
    fn revocation(
        &mut self,
        signatures: &[Signature],
        main: &MainKey,
        holds: impl Fn(&Signature) -> bool,
    ) -> Result<(), KeyError> {
        for signature in signatures {
            let (is_soft, said) = match signature.revocation_reason_code() {
                Some(RevocationCode::KeySuperseded) => (true, ": it was superseded"),
                Some(RevocationCode::KeyRetired) => (true, ": it was retired"),
                Some(RevocationCode::KeyCompromised) => (false, ": it was compromised"),
                _ => (false, ""),
            };
            let at = made(signature);
            if (is_soft && at > self.now) || is_foreign(signature, main) {
                continue;
            }
            self.spend()?;
            if holds(signature) {
                return Err(KeyError::Revoked { at: Timestamp::from_unix(at).to_string(), said });
            }
        }
        Ok(())
    }

    /// Tells whether a signature counts, if it holds: of version 4, by a strong hash, made when the
    /// key was there and not later than now, not expired, without a demand that is not understood.
    fn counts(&self, signature: &Signature, not_before: i64) -> bool {
        let strong = matches!(
            signature.hash_alg(),
            Some(HashAlgorithm::Sha256 | HashAlgorithm::Sha384 | HashAlgorithm::Sha512)
        );
        let made = made(signature);
        let lifetime = signature.signature_expiration_time().map_or(0, Duration::as_secs);
        let understood = signature.config().is_some_and(|config| {
            config.hashed_subpackets().all(|subpacket| {
                let unknown = matches!(
                    subpacket.data,
                    SubpacketData::Experimental(..)
                        | SubpacketData::Other(..)
                        | SubpacketData::Notation(_)
                );
                !(subpacket.is_critical && unknown)
            })
        });
        signature.version() == SignatureVersion::V4
            && strong
            && understood
            && signature.created().is_some()
            && (not_before..=self.now).contains(&made)
            && (lifetime == 0 || self.now < made + i64::from(lifetime))
    }

    fn spend(&mut self) -> Result<(), KeyError> {
        let reason = "it has more self-signatures than are looked at";
        self.checks = self.checks.checked_sub(1).ok_or(KeyError::Certificate { reason })?;
        Ok(())
    }
}

/// Tells signatures that name another issuer: what others certified is not looked at.
fn is_foreign(signature: &Signature, key: &impl KeyDetails) -> bool {
    // A subkey's binding names the main key: the caller's check decides there.
    if signature.typ() == Some(SignatureType::SubkeyBinding) {
        return false;
    }
    let (ids, fingerprints) = (signature.issuer_key_id(), signature.issuer_fingerprint());
    let (id, fingerprint) = (key.legacy_key_id(), key.fingerprint());
    !(ids.is_empty() || ids.contains(&&id))
        || !(fingerprints.is_empty() || fingerprints.contains(&&fingerprint))
}

fn made(signature: &Signature) -> i64 {
    signature.created().map_or(0, |time| i64::from(time.as_secs()))
}

fn validity(signature: &Signature) -> Option<u32> {
    signature.key_expiration_time().map(Duration::as_secs).filter(|seconds| *seconds > 0)
}

fn has_flags(signature: &Signature) -> bool {
    signature.config().is_some_and(|config| {
        config.hashed_subpackets().any(|one| matches!(one.data, SubpacketData::KeyFlags(_)))
    })
}
