//! Certificates that the webhook makes for itself, as they lie in a secret of its namespace.
//!
//! Each generation has an authority of its own, whose private key is gone once it has signed the one
//! certificate: there is none that could be stolen.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use unbroken_model::timestamp::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// How long a certificate is good.
pub const LIFE_DAYS: i64 = 90;
/// How far clocks may be apart.
const BEFORE_DAYS: i64 = 1;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// Generations that are kept.
const GENERATIONS: usize = 4;

/// An authority and the certificate that it signed.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// When it was made, in seconds since 1970.
    pub made: i64,
    /// The certificate of the authority, in PEM.
    pub authority: String,
    /// The certificate of the server, in PEM.
    pub certificate: String,
    /// The private key of the server, in PEM.
    pub key: String,
}

/// The generations, the latest last.
#[derive(Clone, Default)]
pub struct Generations(Vec<Generation>);

impl Generation {
    /// Makes an authority and a certificate for these names.
    ///
    /// # Errors
    /// What the library says of names that are none.
    pub fn make(names: &[String], now: Timestamp) -> Result<Self, rcgen::Error> {
        let made = now.unix();
        let mut of_authority = CertificateParams::default();
        of_authority
            .distinguished_name
            .push(DnType::CommonName, format!("unbroken-webhook {made}"));
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        of_authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate()?;
        let mut of_server = CertificateParams::new(names)?;
        of_server.distinguished_name.push(DnType::CommonName, "unbroken-webhook");
        of_server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        of_server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        for params in [&mut of_authority, &mut of_server] {
            let (year, month, date) = day(made.saturating_sub(BEFORE_DAYS * DAY));
            params.not_before = date_time_ymd(year, month, date);
            let (year, month, date) = day(made.saturating_add(LIFE_DAYS * DAY));
            params.not_after = date_time_ymd(year, month, date);
        }
        let authority = of_authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(of_authority, authority_key);
        let key = KeyPair::generate()?;
        let certificate = of_server.signed_by(&key, &issuer)?.pem();
        Ok(Self { made, authority, certificate, key: key.serialize_pem() })
    }

    fn age(&self, now: Timestamp) -> i64 {
        now.unix().saturating_sub(self.made)
    }

    /// Tells whether it is good now, and will be for another day: days are whole ones.
    fn is_good(&self, now: Timestamp) -> bool {
        (-DAY..(LIFE_DAYS - 1) * DAY).contains(&self.age(now))
    }
}

impl Generations {
    /// Reads what lies in the secret; nothing of what is no account of generations.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut found: Vec<Generation> = serde_json::from_slice(bytes).unwrap_or_default();
        found.truncate(GENERATIONS);
        found.sort_by_key(|generation| generation.made);
        Self(found)
    }

    /// Writes them down.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Makes a new generation where the latest is of this age, and forgets those that nobody serves any more.
    /// Returns nothing where all is well.
    ///
    /// # Errors
    /// Those of [`Generation::make`].
    pub fn renewed(
        &self,
        names: &[String],
        now: Timestamp,
        renew_after: i64,
    ) -> Result<Option<Self>, rcgen::Error> {
        // A replica takes up a generation within seconds of its authority being in the bundle.
        let retire_after = (renew_after / 2).min(DAY);
        let mut kept: Vec<Generation> = Vec::new();
        for (index, generation) in self.0.iter().enumerate() {
            let next = self.0.get(index + 1);
            let has_followed = next.is_some_and(|next| next.age(now) > retire_after);
            if !has_followed && generation.is_good(now) {
                kept.push(generation.clone());
            }
        }
        let fresh = kept.last().is_some_and(|last| last.age(now) < renew_after);
        if fresh && kept.len() == self.0.len() {
            return Ok(None);
        }
        if !fresh {
            kept.push(Generation::make(names, now)?);
        }
        Ok(Some(Self(kept)))
    }

    /// Returns the authorities of all generations in PEM, the latest first.
    pub fn bundle(&self) -> String {
        self.0.iter().rev().map(|generation| generation.authority.as_str()).collect()
    }

    /// Goes through them, the latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = &Generation> {
        self.0.iter().rev()
    }
}

/// The day of a moment, as year, month and day.
fn day(unix: i64) -> (i32, u8, u8) {
    let moment = jiff::Timestamp::from_second(unix).unwrap_or_default();
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    (i32::from(date.year()), part(date.month()), part(date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_unix(1_790_000_000 + days * DAY)
    }

    #[test]
    fn generations_overlap_and_end() {
        let names = ["webhook.security.svc".to_owned()];
        let month = 60 * DAY;
        let renewed = |of: &Generations, days| of.renewed(&names, at(days), month).unwrap();
        let count = |of: &Generations| of.0.len();
        let first = renewed(&Generations::default(), 0).unwrap();
        assert_eq!(count(&first), 1);
        assert!(renewed(&first, 59).is_none());
        // Both authorities are trusted for a day.
        let second = renewed(&first, 61).unwrap();
        assert_eq!((count(&second), second.bundle().matches("BEGIN").count()), (2, 2));
        assert!(second.bundle().starts_with(&second.0[1].authority), "the latest is first");
        assert!(renewed(&second, 61).is_none());
        let third = renewed(&second, 63).unwrap();
        assert_eq!((count(&third), third.0[0].made), (1, at(61).unix()));
        // Nobody was there for long: what has ended is not shown.
        let late = renewed(&first, 400).unwrap();
        assert_eq!((count(&late), late.0[0].made), (1, at(400).unix()));
        // A clock that was wrong once: what is from the future is replaced in time, not believed.
        assert_eq!(count(&renewed(&first, -400).unwrap()), 1);
    }

    #[test]
    fn what_lies_in_the_secret_is_read_again_and_junk_is_nothing() {
        let names = ["localhost".to_owned()];
        let made = Generations::default().renewed(&names, at(0), DAY).unwrap().unwrap();
        let read = Generations::parse(made.to_json().as_bytes());
        assert_eq!(read.to_json(), made.to_json());
        for junk in ["", "{}", "[1]", "[{\"made\":1}]", "null"] {
            assert_eq!(Generations::parse(junk.as_bytes()).0.len(), 0, "{junk}");
        }
    }
}
