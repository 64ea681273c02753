//! What the holder of an OpenPGP certificate signed about its keys, in cases of which gpg makes no files.

use pgp::composed::{SignedKeyDetails, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::ed25519::{Mode, SecretKey as Secret};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{
    KeyFlags, Notation, PubKeyInner, PublicKey as MainPublic, PublicSubkey, RevocationCode,
    SecretKey, SecretSubkey, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData,
    UserId,
};
use pgp::ser::Serialize;
use pgp::types::{
    Duration, KeyDetails, KeyVersion, PacketHeaderVersion, Password, PlainSecretParams,
    PublicParams, SecretParams, SignedUser, Tag, Timestamp as Time,
};
use unbroken_crypto::{KeyError, PublicKey};
use unbroken_model::timestamp::Timestamp;

use crate::support::refusal;

/// When the keys were made.
const MADE: u32 = 1_700_000_000;
/// The time of reading.
const NOW: u32 = MADE + 1000;

fn inner(secret: &Secret, made: u32) -> PubKeyInner {
    let (version, algorithm) = (KeyVersion::V4, PublicKeyAlgorithm::Ed25519);
    let parameters = PublicParams::Ed25519(secret.into());
    PubKeyInner::new(version, algorithm, Time::from_secs(made), None, parameters).unwrap()
}

fn secret(seed: u8) -> Secret {
    Secret::try_from_bytes([seed; 32], Mode::Ed25519).unwrap()
}

fn plain(secret: Secret) -> SecretParams {
    SecretParams::Plain(PlainSecretParams::Ed25519(secret))
}

fn main_key(seed: u8) -> SecretKey {
    let public = MainPublic::from_inner(inner(&secret(seed), MADE)).unwrap();
    SecretKey::new(public, plain(secret(seed))).unwrap()
}

/// A subkey, a little younger than the main key.
fn subkey() -> SecretSubkey {
    let public = PublicSubkey::from_inner(inner(&secret(9), MADE + 10)).unwrap();
    SecretSubkey::new(public, plain(secret(9))).unwrap()
}

/// What is said in a signature, made at this time.
fn says(kind: SignatureType, at: u32, more: Vec<SubpacketData>) -> SignatureConfig {
    let mut config = SignatureConfig::v4(kind, PublicKeyAlgorithm::Ed25519, HashAlgorithm::Sha256);
    let made = SubpacketData::SignatureCreationTime(Time::from_secs(at));
    let all = std::iter::once(made).chain(more);
    config.hashed_subpackets = all.map(|one| Subpacket::regular(one).unwrap()).collect();
    config
}

fn flags(signs: bool) -> SubpacketData {
    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(signs);
    SubpacketData::KeyFlags(flags)
}

fn user() -> UserId {
    UserId::from_str(PacketHeaderVersion::New, "a user").unwrap()
}

fn over_user_by(signer: &SecretKey, config: SignatureConfig) -> Signature {
    let main = main_key(1);
    let none = Password::empty();
    config.sign_certification(signer, main.public_key(), &none, Tag::UserId, &user()).unwrap()
}

/// The main key certifies its user id.
fn certifies(at: u32, more: Vec<SubpacketData>) -> Signature {
    over_user_by(&main_key(1), says(SignatureType::CertPositive, at, more))
}

/// The main key takes back what it said of its user id.
fn takes_back(at: u32) -> Signature {
    over_user_by(&main_key(1), says(SignatureType::CertRevocation, at, Vec::new()))
}

fn over_key_by(signer: &SecretKey, config: SignatureConfig) -> Signature {
    config.sign_key(signer, &Password::empty(), main_key(1).public_key()).unwrap()
}

/// The main key says something of itself.
fn direct(at: u32, more: Vec<SubpacketData>) -> Signature {
    over_key_by(&main_key(1), says(SignatureType::Key, at, more))
}

/// The main key binds the subkey, which agrees by the signature `back`.
fn binds(at: u32, mut more: Vec<SubpacketData>, back: Option<Signature>) -> Signature {
    more.extend(back.map(|back| SubpacketData::EmbeddedSignature(Box::new(back))));
    let (main, config) = (main_key(1), says(SignatureType::SubkeyBinding, at, more));
    let sub = subkey();
    let none = Password::empty();
    config.sign_subkey_binding(&main, main.public_key(), &none, sub.public_key()).unwrap()
}

fn agrees(at: u32, more: Vec<SubpacketData>) -> Signature {
    let (main, sub) = (main_key(1), subkey());
    let config = says(SignatureType::KeyBinding, at, more);
    let none = Password::empty();
    config.sign_primary_key_binding(&sub, sub.public_key(), &none, main.public_key()).unwrap()
}

#[derive(Default)]
struct Draft {
    revocations: Vec<Signature>,
    direct: Vec<Signature>,
    users: Vec<Vec<Signature>>,
    subkey: Vec<Signature>,
}

impl Draft {
    fn of_user(signatures: Vec<Signature>) -> Self {
        Self { users: vec![signatures], ..Self::default() }
    }

    fn read_at(&self, now: u32) -> Result<PublicKey, KeyError> {
        let users = self.users.iter().map(|signatures| SignedUser::new(user(), signatures.clone()));
        let details = SignedKeyDetails::new(
            self.revocations.clone(),
            self.direct.clone(),
            users.collect(),
            Vec::new(),
        );
        let subkey = SignedPublicSubKey::new(subkey().public_key().clone(), self.subkey.clone());
        let main = main_key(1).public_key().clone();
        let certificate = SignedPublicKey::new(main, details, vec![subkey]);
        let bytes = certificate.to_bytes().unwrap();
        PublicKey::read_at(&bytes, Timestamp::from_unix(i64::from(now)))
    }

    fn signs_at(&self, now: u32) -> bool {
        self.read_at(now).is_ok()
    }

    #[track_caller]
    fn refused(&self, reason: &str) {
        let error = refusal(self.read_at(NOW)).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

const NO_SIGNATURE: &str = "no self-signature that holds";
const NOT_FOR_IT: &str = "the main key was not made for it";

#[test]
fn the_newest_that_counts_is_what_is_said() {
    let (old, new) = (MADE + 5, MADE + 6);
    let both = |first: bool, second: bool| {
        // In whatever order they stand.
        Draft::of_user(vec![
            certifies(new, vec![flags(second)]),
            certifies(old, vec![flags(first)]),
        ])
    };
    assert!(both(false, true).signs_at(NOW));
    both(true, false).refused(NOT_FOR_IT);
    // The second one is not there yet.
    assert!(both(true, false).signs_at(old) && !both(true, false).signs_at(new));
}

#[test]
fn a_signature_counts_from_the_making_of_the_key_to_now() {
    let made_at = |at| Draft::of_user(vec![certifies(at, vec![flags(true)])]);
    for at in [MADE, NOW] {
        assert!(made_at(at).signs_at(NOW), "{at}");
    }
    for at in [MADE - 1, NOW + 1] {
        made_at(at).refused(NO_SIGNATURE);
    }
    let untimed = SignatureConfig::v4(
        SignatureType::CertPositive,
        PublicKeyAlgorithm::Ed25519,
        HashAlgorithm::Sha256,
    );
    Draft::of_user(vec![over_user_by(&main_key(1), untimed)]).refused(NO_SIGNATURE);
}

#[test]
fn a_signature_counts_until_its_own_end() {
    let lasts = |seconds| {
        let end = SubpacketData::SignatureExpirationTime(Duration::from_secs(seconds));
        Draft::of_user(vec![certifies(MADE + 5, vec![flags(true), end])])
    };
    assert!(lasts(0).signs_at(NOW), "for ever");
    assert!(lasts(100).signs_at(MADE + 5 + 99) && !lasts(100).signs_at(MADE + 5 + 100));
    assert!(lasts(MADE).signs_at(NOW) && !lasts(1).signs_at(NOW));
    lasts(100).refused(NO_SIGNATURE);
}

#[test]
fn a_user_id_that_was_taken_back_says_nothing_until_it_is_certified_again() {
    let good = |at| certifies(at, vec![flags(true)]);
    Draft::of_user(vec![good(MADE + 5), takes_back(MADE + 6)]).refused(NO_SIGNATURE);
    Draft::of_user(vec![good(MADE + 5), takes_back(MADE + 5)]).refused(NO_SIGNATURE);
    assert!(Draft::of_user(vec![good(MADE + 6), takes_back(MADE + 5)]).signs_at(NOW));
    // One that is not there yet, and one that somebody else made in the holder's name.
    assert!(Draft::of_user(vec![good(MADE + 5), takes_back(NOW + 1)]).signs_at(NOW));
    let config = says(SignatureType::CertRevocation, MADE + 6, Vec::new());
    let forged = over_user_by(&main_key(2), config);
    assert!(Draft::of_user(vec![good(MADE + 5), forged]).signs_at(NOW));
    // What takes back certifies nothing.
    Draft::of_user(vec![takes_back(MADE + 5)]).refused(NO_SIGNATURE);
    let taken = vec![certifies(MADE + 8, vec![flags(true)]), takes_back(MADE + 9)];
    let left = vec![certifies(MADE + 7, vec![flags(false)])];
    Draft { users: vec![taken, left], ..Draft::default() }.refused(NOT_FOR_IT);
}

#[test]
fn the_newest_that_has_key_flags_says_what_the_key_is_for() {
    let with = |over_key: Vec<SubpacketData>, over_user: Vec<SubpacketData>| Draft {
        direct: vec![direct(MADE + 5, over_key)],
        ..Draft::of_user(vec![certifies(MADE + 6, over_user)])
    };
    assert!(with(vec![flags(true)], Vec::new()).signs_at(NOW));
    with(vec![flags(false)], Vec::new()).refused(NOT_FOR_IT);
    with(vec![flags(true)], vec![flags(false)]).refused(NOT_FOR_IT);
    assert!(with(vec![flags(false)], vec![flags(true)]).signs_at(NOW));
    with(Vec::new(), Vec::new()).refused(NOT_FOR_IT);
    // Over the key alone is enough; a signature of another kind over it is none.
    assert!(
        Draft { direct: vec![direct(MADE + 5, vec![flags(true)])], ..Draft::default() }
            .signs_at(NOW)
    );
    let two = |first, second| Draft {
        users: vec![
            vec![certifies(MADE + 5, vec![flags(first)])],
            vec![certifies(MADE + 6, vec![flags(second)])],
        ],
        ..Draft::default()
    };
    assert!(two(false, true).signs_at(NOW));
    two(true, false).refused(NOT_FOR_IT);
}

#[test]
fn what_another_key_signed_in_the_holders_name_says_nothing() {
    // Without the name of an issuer nothing but the signature tells whose it is.
    let (stranger, may_sign) = (main_key(2), || vec![flags(true)]);
    let over_user =
        || over_user_by(&stranger, says(SignatureType::CertPositive, MADE + 6, may_sign()));
    let over_key = || over_key_by(&stranger, says(SignatureType::Key, MADE + 6, may_sign()));
    Draft::of_user(vec![over_user()]).refused(NO_SIGNATURE);
    Draft { direct: vec![over_key()], ..Draft::default() }.refused(NO_SIGNATURE);
    let own = || certifies(MADE + 5, vec![flags(false)]);
    Draft::of_user(vec![own(), over_user()]).refused(NOT_FOR_IT);
    Draft { direct: vec![over_key()], ..Draft::of_user(vec![own()]) }.refused(NOT_FOR_IT);
}

#[test]
fn the_earlier_end_of_the_two_is_the_end() {
    let ends = |seconds| SubpacketData::KeyExpirationTime(Duration::from_secs(seconds));
    let with = |over_key, over_user| Draft {
        direct: vec![direct(MADE + 5, vec![ends(over_key)])],
        ..Draft::of_user(vec![certifies(MADE + 6, vec![flags(true), ends(over_user)])])
    };
    for draft in [with(100, 200), with(200, 100), with(0, 100), with(100, 0)] {
        assert!(draft.signs_at(MADE + 99) && !draft.signs_at(MADE + 100));
        assert!(matches!(draft.read_at(MADE + 100), Err(KeyError::Expired { .. })));
    }
    assert!(with(0, 0).signs_at(NOW));
}

#[test]
fn what_names_another_issuer_is_not_looked_at() {
    let (own, other) = (main_key(1), main_key(2));
    let id = |key: &SecretKey| SubpacketData::IssuerKeyId(key.legacy_key_id());
    let print = |key: &SecretKey| SubpacketData::IssuerFingerprint(key.fingerprint());
    let named = |names: Vec<SubpacketData>| {
        let names = names.into_iter().chain([flags(true)]).collect();
        Draft::of_user(vec![certifies(MADE + 5, names)])
    };
    for names in [vec![], vec![id(&own)], vec![print(&own)], vec![id(&own), print(&own)]] {
        assert!(named(names).signs_at(NOW));
    }
    for names in [
        vec![id(&other)],
        vec![print(&other)],
        vec![id(&own), print(&other)],
        vec![id(&other), print(&own)],
    ] {
        named(names).refused(NO_SIGNATURE);
    }
    // The names of a revocation too: others revoke nothing.
    let revoked = |names| Draft {
        revocations: vec![over_key_by(&own, says(SignatureType::KeyRevocation, MADE + 7, names))],
        ..named(Vec::new())
    };
    revoked(vec![id(&own)]).refused("revoked");
    assert!(revoked(vec![id(&other)]).signs_at(NOW));
}

#[test]
fn a_revocation_has_to_hold_and_may_say_from_when() {
    let good = || Draft::of_user(vec![certifies(MADE + 5, vec![flags(true)])]);
    let revoked = |signer: &SecretKey, kind, at, code: Option<RevocationCode>| {
        let why = code.map(|code| SubpacketData::RevocationReason(code, Vec::new().into()));
        let config = says(kind, at, why.into_iter().collect());
        Draft { revocations: vec![over_key_by(signer, config)], ..good() }
    };
    let (own, kind) = (main_key(1), SignatureType::KeyRevocation);
    let superseded = Some(RevocationCode::KeySuperseded);
    for (code, said) in [
        (None, ""),
        (superseded, "superseded"),
        (Some(RevocationCode::KeyRetired), "retired"),
        (Some(RevocationCode::KeyCompromised), "compromised"),
    ] {
        revoked(&own, kind, NOW, code).refused(said);
        assert!(matches!(
            revoked(&own, kind, NOW, None).read_at(NOW),
            Err(KeyError::Revoked { .. })
        ));
    }
    // Who leaves a key behind says from when; who lost it can not.
    assert!(revoked(&own, kind, NOW + 1, superseded).signs_at(NOW));
    revoked(&own, kind, NOW + 1, Some(RevocationCode::KeyCompromised)).refused("compromised");
    revoked(&own, kind, NOW + 1, None).refused("revoked");
    assert!(revoked(&main_key(2), kind, MADE + 7, None).signs_at(NOW), "a forged one");
}

#[test]
fn a_demand_that_is_not_understood_is_not_passed_over() {
    let demands = |data: SubpacketData, is_critical: bool| {
        let mut config = says(SignatureType::CertPositive, MADE + 5, vec![flags(true)]);
        let one = if is_critical { Subpacket::critical(data) } else { Subpacket::regular(data) };
        config.hashed_subpackets.push(one.unwrap());
        Draft::of_user(vec![over_user_by(&main_key(1), config)])
    };
    let note = Notation { readable: true, name: "a@example.com".into(), value: "b".into() };
    let private = SubpacketData::Experimental(101, vec![1].into());
    for data in [private, SubpacketData::Notation(note)] {
        assert!(demands(data.clone(), false).signs_at(NOW), "{data:?}");
        demands(data, true).refused(NO_SIGNATURE);
    }
    assert!(demands(SubpacketData::IsPrimary(true), true).signs_at(NOW), "one that is understood");
}

#[test]
fn a_subkey_signs_when_its_newest_binding_says_so_and_it_agreed_in_its_life() {
    let not_main = || vec![certifies(MADE + 5, vec![flags(false)])];
    let bound =
        |signatures: Vec<Signature>| Draft { subkey: signatures, ..Draft::of_user(not_main()) };
    let agreed = |at| binds(MADE + 20, vec![flags(true)], Some(agrees(at, Vec::new())));
    for at in [MADE + 10, NOW] {
        assert!(bound(vec![agreed(at)]).signs_at(NOW), "{at}");
    }
    for at in [MADE + 9, NOW + 1] {
        bound(vec![agreed(at)]).refused("did not agree");
    }
    let gone = SubpacketData::SignatureExpirationTime(Duration::from_secs(1));
    let back = agrees(MADE + 20, vec![gone]);
    bound(vec![binds(MADE + 20, vec![flags(true)], Some(back))]).refused("did not agree");
    let newer = binds(MADE + 30, vec![flags(false)], None);
    bound(vec![agreed(MADE + 20), newer]).refused("was not made for it");
    // A binding is of this subkey, and names the main key as who made it.
    let named = vec![flags(true), SubpacketData::IssuerKeyId(main_key(1).legacy_key_id())];
    let named = binds(MADE + 20, named, Some(agrees(MADE + 20, Vec::new())));
    assert!(bound(vec![named]).signs_at(NOW));

    let revokes = |at, code| {
        let why = SubpacketData::RevocationReason(code, Vec::new().into());
        let (main, sub) = (main_key(1), subkey());
        let config = says(SignatureType::SubkeyRevocation, at, vec![why]);
        let none = Password::empty();
        config.sign_subkey_binding(&main, main.public_key(), &none, sub.public_key()).unwrap()
    };
    let revoked = |at, code| bound(vec![agreed(MADE + 20), revokes(at, code)]);
    revoked(NOW, RevocationCode::KeySuperseded).refused("superseded");
    assert!(revoked(NOW + 1, RevocationCode::KeySuperseded).signs_at(NOW));
    bound(vec![revokes(NOW, RevocationCode::KeyCompromised)]).refused("compromised");
}
