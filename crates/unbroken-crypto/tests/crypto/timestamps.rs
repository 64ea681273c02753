//! Time-stamp tokens of a real authority; what others could be made of is among the vectors.

use unbroken_crypto::{Certificate, SignatureBudget, TimestampAuthorities, TimestampError};
use unbroken_model::timestamp::Timestamp;

macro_rules! data {
    ($name:literal) => {
        include_bytes!(concat!("../data/timestamps/", $name))
    };
}

const STAMPED: &[u8] = data!("stamped");
const ANSWER: &[u8] = data!("answer.der");
const TOKEN: &[u8] = data!("token.der");

fn root() -> Certificate {
    Certificate::read(data!("root.pem")).unwrap()
}

fn authorities() -> TimestampAuthorities {
    TimestampAuthorities::new(vec![root()]).unwrap()
}

fn now() -> Timestamp {
    "2026-12-24T00:00:00Z".parse().unwrap()
}

fn time_of(token: &[u8], stamped: &[u8]) -> Result<Timestamp, TimestampError> {
    authorities().time_of(token, stamped, now(), &mut SignatureBudget::default())
}

#[test]
fn tokens_of_a_real_authority_tell_their_time() {
    for token in [TOKEN, ANSWER] {
        let time = time_of(token, STAMPED).unwrap().to_string();
        assert!(time.starts_with("2026-11-24T14:"), "{time}");
        assert!(matches!(time_of(token, b"other"), Err(TimestampError::OtherBytes)));
    }
    // Within the second of the token, and in the one before it.
    let time = time_of(TOKEN, STAMPED).unwrap();
    let at = |now: i64| {
        let now = Timestamp::from_unix(now);
        authorities().time_of(TOKEN, STAMPED, now, &mut SignatureBudget::default())
    };
    assert_eq!(at(time.unix()).unwrap(), time);
    assert!(matches!(at(time.unix() - 1), Err(TimestampError::Future { .. })));
}

#[test]
fn a_token_without_its_certificate_needs_it_from_the_verifier() {
    let token = data!("without-certificate.der");
    assert!(matches!(time_of(token, STAMPED), Err(TimestampError::SignerUnknown)));
    let signer = Certificate::read(data!("signer.pem")).unwrap();
    // Whoever signs is no root: alone he proves nothing.
    assert!(TimestampAuthorities::new(vec![signer.clone()]).is_err());
    let both = TimestampAuthorities::new(vec![signer, root()]).unwrap();
    assert!(both.time_of(token, STAMPED, now(), &mut SignatureBudget::default()).is_ok());
}

#[test]
fn sha1_is_refused_in_a_real_token() {
    for token in [&data!("imprint-sha1.der")[..], data!("certificate-sha1.der")] {
        assert!(matches!(time_of(token, STAMPED), Err(TimestampError::Weak { .. })));
    }
}

/// Of the tokens that differ from a good one in one bit, a bit of each byte, none is believed to tell
/// another time. Those that are believed differ in what nobody signed, such as the version of the frame.
#[test]
fn no_bit_of_what_was_signed_can_be_changed() {
    let due = time_of(TOKEN, STAMPED).unwrap();
    let mut believed = 0;
    for position in 0..TOKEN.len() {
        let mut changed = TOKEN.to_vec();
        changed[position] ^= 1 << (position % 8);
        if let Ok(time) = time_of(&changed, STAMPED) {
            assert_eq!(time, due);
            believed += 1;
        }
    }
    assert!(believed < 32, "{believed} of {} changes went unnoticed", TOKEN.len());
}

#[test]
fn a_token_spends_from_the_budget() {
    let mut budget = SignatureBudget::new(2);
    let fault = authorities().time_of(TOKEN, STAMPED, now(), &mut budget);
    // Its own signature, and that of the root on its certificate.
    assert!(fault.is_ok() && budget.remaining() == 0, "{fault:?}, {budget:?}");
    let mut budget = SignatureBudget::new(1);
    let fault = authorities().time_of(TOKEN, STAMPED, now(), &mut budget);
    assert!(matches!(fault, Err(TimestampError::BudgetExhausted)));
    // Nothing is read where nothing is left.
    for token in [TOKEN, b"no token"] {
        let mut budget = SignatureBudget::new(0);
        let fault = authorities().time_of(token, STAMPED, now(), &mut budget);
        assert!(matches!(fault, Err(TimestampError::BudgetExhausted)));
    }
    let mut budget = SignatureBudget::new(1);
    let fault = authorities().time_of(b"no token", STAMPED, now(), &mut budget);
    assert!(matches!(fault, Err(TimestampError::Malformed { .. })) && budget.remaining() == 0);
}
