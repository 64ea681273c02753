//! Points in time as in-toto metadata writes them.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use thiserror::Error;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// A second in UTC, written `YYYY-MM-DDTHH:MM:SSZ` (specification 1.0, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is not a point in time in the one form that metadata may use.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{text:?} is not a time of the form YYYY-MM-DDTHH:MM:SSZ")]
pub struct TimestampError {
    text: String,
}

impl Timestamp {
    /// Makes the point in time that lies `seconds` after 1970-01-01T00:00:00Z; beyond the years
    /// that can be written it is the nearest one that can.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(-62_167_219_200, 253_402_300_799))
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z.
    pub fn unix(self) -> i64 {
        self.0
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        // The shape first: the calendar's own parser also takes offsets, fractions and lower case.
        const SHAPE: &[u8] = b"0000-00-00T00:00:00Z";
        let fault = || TimestampError { text: text.chars().take(40).collect() };
        let shaped = text.len() == SHAPE.len()
            && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                literal => byte == *literal,
            });
        // jiff reads a leap second as the second before it; metadata has none.
        if !shaped || text.get(17..19) == Some("60") {
            return Err(fault());
        }
        // Civil time reaches to the last second of the year 9999; jiff's own point in time ends a day before.
        let civil = text.get(..19).and_then(|civil| civil.parse::<DateTime>().ok());
        Ok(Self(civil.ok_or_else(fault)?.duration_since(EPOCH).as_secs()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = EPOCH.saturating_add(SignedDuration::from_secs(self.0));
        write!(out, "{}", moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_one_form() {
        for text in [
            "2030-11-18T16:06:36Z",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "2028-02-29T23:59:59Z",
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert_eq!("1970-01-02T00:00:00Z".parse::<Timestamp>().unwrap().unix(), 86_400);
    }

    #[test]
    fn every_other_form_is_refused() {
        for text in [
            "2030-11-18t16:06:36z",
            "2030-11-18T16:06:36+00:00",
            "2030-11-18T16:06:36.5Z",
            "2030-02-30T00:00:00Z",
            "2030-11-18T24:00:00Z",
            "2030-11-18T23:59:60Z",
            "2030-11-18 16:06:36Z",
            "2030-11-18T16:06Z",
            "",
            "٢٠٣٠-11-18T16:06:36Z",
            " 2030-11-18T16:06:36Z",
            "2030-13-01T00:00:00Z",
            "-030-11-18T16:06:36Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn extremes_stay_writable() {
        for seconds in [i64::MIN, i64::MAX] {
            let moment = Timestamp::from_unix(seconds);
            assert_eq!(moment.to_string().parse::<Timestamp>().unwrap(), moment);
        }
    }
}
