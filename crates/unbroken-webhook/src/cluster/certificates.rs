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
    /// The names of the server.
    #[serde(default)]
    pub names: Vec<String>,
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
        let names = names.to_vec();
        Ok(Self { made, names, authority, certificate, key: key.serialize_pem() })
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
    /// Reads what lies in the secret: the latest of what is an account of generations, and what is wrong
    /// with the rest.
    pub fn parse(bytes: &[u8]) -> (Self, Option<String>) {
        if bytes.is_empty() {
            return (Self::default(), None);
        }
        let mut found: Vec<Generation> = match serde_json::from_slice(bytes) {
            Ok(found) => found,
            // The error could quote a key.
            Err(_) => return (Self::default(), Some("it holds no account of them".to_owned())),
        };
        found.sort_by_key(|generation| generation.made);
        let too_many = found.len().saturating_sub(GENERATIONS);
        found.drain(..too_many);
        let fault = format!("it holds more than {GENERATIONS}; the latest count");
        (Self(found), (too_many > 0).then_some(fault))
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
        let young = kept.last().filter(|last| last.age(now) < renew_after);
        let missing = |of: &Generation| names.iter().any(|name| !of.names.contains(name));
        let fresh = young.is_some_and(|last| !missing(last));
        if fresh && kept.len() == self.0.len() {
            return Ok(None);
        }
        if !fresh {
            // Replicas whose names differ while they are replaced want all of them, and not each its own again
            // and again. A name that nobody asks for any more goes with the next one.
            let before = young.map(|last| last.names.clone()).unwrap_or_default();
            let further = before.into_iter().filter(|name| !names.contains(name));
            let all: Vec<String> = names.iter().cloned().chain(further).collect();
            kept.push(Generation::make(&all, now)?);
            kept.drain(..kept.len().saturating_sub(GENERATIONS));
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
        let (read, fault) = Generations::parse(made.to_json().as_bytes());
        assert_eq!((read.to_json(), fault), (made.to_json(), None));
        assert_eq!(Generations::parse(b"").1, None);
        for junk in ["{}", "[1]", "[{\"made\":1}]", "null"] {
            let (read, fault) = Generations::parse(junk.as_bytes());
            assert_eq!((read.0.len(), fault.is_some()), (0, true), "{junk}");
        }
    }

    #[test]
    fn of_too_many_the_latest_count_and_it_is_told() {
        let names = ["localhost".to_owned()];
        let all = (0..6).map(|days| Generation::make(&names, at(5 - days)).unwrap());
        let (read, fault) = Generations::parse(Generations(all.collect()).to_json().as_bytes());
        let made: Vec<i64> = read.0.iter().map(|generation| generation.made).collect();
        assert_eq!(made, [2, 3, 4, 5].map(|days| at(days).unix()));
        assert_eq!(fault.unwrap(), "it holds more than 4; the latest count");
    }

    #[test]
    fn a_name_that_is_not_in_the_certificate_makes_another_one() {
        let names = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let (old, new) = (names(&["a.svc", "b.svc"]), names(&["a.svc", "c.svc"]));
        let renewed =
            |of: &Generations, names: &[String]| of.renewed(names, at(0), 60 * DAY).unwrap();
        let first = renewed(&Generations::default(), &old).unwrap();
        assert!(renewed(&first, &old).is_none());
        let second = renewed(&first, &new).unwrap();
        assert_eq!(second.0[1].names, ["a.svc", "c.svc", "b.svc"]);
        // Neither replica makes another one while both are there.
        assert!(renewed(&second, &old).is_none() && renewed(&second, &new).is_none());
        let later = second.renewed(&new, at(61), 60 * DAY).unwrap().unwrap();
        assert_eq!(later.0.last().unwrap().names, new);
        // However often names change, so many are kept.
        let mut all = later;
        for number in 0..6 {
            let names = [format!("n{number}.svc")];
            all = all.renewed(&names, at(61), 60 * DAY).unwrap().unwrap();
        }
        assert_eq!(all.0.len(), GENERATIONS);
    }
}
