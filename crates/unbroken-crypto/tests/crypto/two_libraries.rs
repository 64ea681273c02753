//! Two libraries give one verdict on signatures that nobody chose: random ones, bent ones, and every
//! combination of Ed25519 points that verifiers are known to differ on.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};
use unbroken_crypto::{PublicKey, SignatureScheme};
use unbroken_testkit::{Random, figure};

use crate::second;
use crate::support::private;

/// Rounds for a key: a good signature, and two that are bent.
const ROUNDS: usize = 60;

#[test]
fn they_agree_on_random_signatures() {
    let mut random = Random::new(25_519);
    let mut compared = 0;
    for (file, scheme) in [
        ("ed25519.pem", SignatureScheme::Ed25519),
        ("p256.pem", SignatureScheme::EcdsaSha2Nistp256),
        ("p384.pem", SignatureScheme::EcdsaSha2Nistp384),
        ("p521.pem", SignatureScheme::EcdsaSha2Nistp521),
        ("rsa.pem", SignatureScheme::RsassaPssSha256),
        ("rsa.pem", SignatureScheme::RsassaPssSha384),
        ("rsa.pem", SignatureScheme::RsassaPssSha512),
        ("rsa.pem", SignatureScheme::RsaPkcs1v15Sha256),
        ("rsa.pem", SignatureScheme::RsaPkcs1v15Sha384),
        ("rsa.pem", SignatureScheme::RsaPkcs1v15Sha512),
        ("ml-dsa-44.pem", SignatureScheme::MlDsa44Pure),
        ("ml-dsa-65.pem", SignatureScheme::MlDsa65Pure),
        ("ml-dsa-87.pem", SignatureScheme::MlDsa87Pure),
    ] {
        let key = private(file).with_scheme(scheme).unwrap();
        let mut verdict = |message: &[u8], signature: &[u8]| {
            let holds = key.public().verify(message, signature).is_ok();
            let second = second::holds(scheme, key.public().spki_der(), message, signature);
            assert_eq!(holds, second, "{scheme}: {message:x?} {signature:x?}");
            compared += 1;
            holds
        };
        for _ in 0..ROUNDS {
            let message: Vec<u8> =
                (0..random.below(200)).map(|_| random.next_number().to_le_bytes()[0]).collect();
            let made = key.sign(&message).unwrap();
            assert!(verdict(&message, &made), "{scheme}");
            let mut bent = made.clone();
            let place = random.below(bent.len());
            bent[place] ^= 1 << random.below(8);
            assert!(!verdict(&message, &bent), "{scheme}: byte {place}");
            bent.clone_from(&made);
            bent.truncate(place);
            assert!(!verdict(&message, &bent), "{scheme}: {place} bytes");
        }
    }
    figure("two libraries on random signatures: verdicts compared", compared);
}

/// Every way to write a point: its one canonical encoding, and where y is below 19, y + p as well; and
/// for x = 0 with the other sign.
fn encodings(point: EdwardsPoint) -> Vec<[u8; 32]> {
    let canonical = point.compress().to_bytes();
    let mut all = vec![canonical];
    let mut y = canonical;
    y[31] &= 0x7f;
    if y[1..] == [0; 31] && y[0] < 19 {
        let mut above = [0xff; 32];
        above[0] = 0xed + y[0];
        above[31] = 0x7f | (canonical[31] & 0x80);
        all.push(above);
    }
    // x = 0 has no sign, and yet there is a bit for it.
    for mut encoding in all.clone() {
        encoding[31] ^= 0x80;
        let same = CompressedEdwardsY(encoding).decompress() == Some(point);
        if same {
            all.push(encoding);
        }
    }
    all
}

fn challenge(r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(a).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// The public key as SubjectPublicKeyInfo (RFC 8410).
fn spki(a: &[u8; 32]) -> Vec<u8> {
    [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0], &a[..]].concat()
}

/// Keys and nonces with a part of small order, or of nothing else, in every encoding, for enough
/// messages that every residue comes up: with a cofactor, without, and with reencoded points, verifiers
/// decide differently on these. Ours decides as strict verification does.
#[test]
fn ed25519_is_strict_on_points_of_small_order_in_every_encoding() {
    let secret = Scalar::from_bytes_mod_order([7; 32]);
    let nonce = Scalar::from_bytes_mod_order([11; 32]);
    let (mut compared, mut accepted, mut lenient) = (0, 0, 0);
    let parts = |scalar: Scalar| {
        [(Scalar::ZERO, EdwardsPoint::default()), (scalar, ED25519_BASEPOINT_POINT * scalar)]
    };
    for (scalar_a, point_a) in parts(secret) {
        for (scalar_r, point_r) in parts(nonce) {
            for (torsion_a, torsion_r) in
                EIGHT_TORSION.iter().flat_map(|a| EIGHT_TORSION.iter().map(move |r| (a, r)))
            {
                let (a, r) = (point_a + torsion_a, point_r + torsion_r);
                for (key, nonce) in encodings(a)
                    .into_iter()
                    .flat_map(|key| encodings(r).into_iter().map(move |nonce| (key, nonce)))
                {
                    for message in 0..12u8 {
                        let k = challenge(&nonce, &key, &[message]);
                        let s = scalar_r + k * scalar_a;
                        let signature = [nonce, s.to_bytes()].concat();
                        let strict = second::holds(
                            SignatureScheme::Ed25519,
                            &spki(&key),
                            &[message],
                            &signature,
                        );
                        let ours = PublicKey::from_spki_der(&spki(&key))
                            .is_ok_and(|key| key.verify(&[message], &signature).is_ok());
                        assert_eq!(ours, strict, "A {key:x?}, R {nonce:x?}, message {message}");
                        compared += 1;
                        accepted += usize::from(ours);
                        let with_cofactor = ED25519_BASEPOINT_POINT * s - a * k - r;
                        lenient += usize::from(with_cofactor.is_small_order());
                    }
                }
            }
        }
    }
    assert_eq!(lenient, compared, "verification with a cofactor takes them all");
    assert!(accepted > 0 && accepted < compared / 4, "{accepted} of {compared}");
    figure(
        "ed25519 with points of small order: verdicts compared with strict verification",
        compared,
    );
    figure("ed25519 with points of small order: accepted", accepted);
}
