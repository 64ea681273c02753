//! What a token says (RFC 3161, section 2.4.2, `TSTInfo`): which bytes were there, and when.

use unbroken_model::timestamp::Timestamp;

use super::digest::Strong;
use super::element::{
    BOOLEAN, CONTEXT_0, CONTEXT_1, Element, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER,
    OCTET_STRING, SEQUENCE,
};
use super::error::TimestampError;

/// The least exact clock that counts, in seconds: authorities say one second, or nothing.
const MAX_ACCURACY: u64 = 60;

/// What a token says.
#[derive(Debug)]
pub(super) struct Info<'a> {
    digest: Strong,
    imprint: &'a [u8],
    /// The time, in whole seconds.
    pub(super) time: Timestamp,
}

impl<'a> Info<'a> {
    /// Reads it. The policy, the number, the nonce and the name of the authority decide nothing: the
    /// certificate is bound to the token by its digest.
    pub(super) fn read(der: &'a [u8]) -> Result<Self, TimestampError> {
        let mut parts = Element::read(der)?.tagged(SEQUENCE)?.parts()?;
        if parts.due(INTEGER)?.small_number()? != 1 {
            return Err(TimestampError::malformed("it is of a version that is not known"));
        }
        parts.due(OBJECT_IDENTIFIER)?;
        let mut imprint = parts.due(SEQUENCE)?.parts()?;
        let digest = Strong::read(imprint.due(SEQUENCE)?, "the digest of what was stamped")?;
        let imprint = imprint.only(OCTET_STRING)?.content;
        parts.due(INTEGER)?;
        let time = time(parts.due(GENERALIZED_TIME)?.content)?;
        if let Some(accuracy) = parts.maybe(SEQUENCE) {
            let seconds = accuracy.parts()?.maybe(INTEGER);
            let seconds = seconds.map_or(Ok(0), |seconds| seconds.small_number())?;
            if seconds > MAX_ACCURACY {
                let reason = "its clock is off by more than a minute, by its own account";
                return Err(TimestampError::malformed(reason));
            }
        }
        parts.maybe(BOOLEAN);
        parts.maybe(INTEGER);
        parts.maybe(CONTEXT_0);
        if let Some(extensions) = parts.maybe(CONTEXT_1) {
            for extension in extensions.parts()? {
                let mut extension = extension.tagged(SEQUENCE)?.parts()?;
                extension.due(OBJECT_IDENTIFIER)?;
                if extension.maybe(BOOLEAN).is_some_and(|critical| critical.content != [0]) {
                    let reason = "it has a critical extension, and none is known";
                    return Err(TimestampError::malformed(reason));
                }
            }
        }
        parts.end()?;
        Ok(Self { digest, imprint, time })
    }

    /// Tells whether it is over these bytes.
    pub(super) fn is_over(&self, bytes: &[u8]) -> bool {
        self.digest.of(bytes) == self.imprint
    }
}

/// Reads the time, of which fractions of a second are cut off.
fn time(text: &[u8]) -> Result<Timestamp, TimestampError> {
    const FAULT: TimestampError = TimestampError::malformed("its time is none");
    let text = std::str::from_utf8(text).map_err(|_| FAULT)?;
    let text = text.strip_suffix('Z').ok_or(FAULT)?;
    let (whole, fraction) = match text.split_once('.') {
        None => (text, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // As short as it can be (RFC 3161, section 2.4.2).
    let is_fraction = |text: &str| digits(text) && text.len() <= 9 && !text.ends_with('0');
    if whole.len() != 14 || !digits(whole) || !fraction.is_none_or(is_fraction) {
        return Err(FAULT);
    }
    let part = |range: std::ops::Range<usize>| whole.get(range).unwrap_or_default();
    let [year, month, day] = [part(0..4), part(4..6), part(6..8)];
    let [hour, minute, second] = [part(8..10), part(10..12), part(12..14)];
    let text = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    text.parse().map_err(|_| FAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_forms_that_authorities_write() {
        for (text, due) in [
            ("20260501120000Z", "2026-05-01T12:00:00Z"),
            ("20260501120000.5Z", "2026-05-01T12:00:00Z"),
            ("20260501120000.123456Z", "2026-05-01T12:00:00Z"),
            ("20240229235959Z", "2024-02-29T23:59:59Z"),
        ] {
            assert_eq!(time(text.as_bytes()).unwrap().to_string(), due, "{text}");
        }
        for text in [
            "20260501120000",
            "202605011200Z",
            "20260501120000+0000",
            "20260501120000.Z",
            "20260501120000.50Z",
            "20260501120000.5.5Z",
            "20260501120000,5Z",
            "20260501120000.0000000001Z",
            "20261301120000Z",
            "20260230120000Z",
            "2026050112000\u{661}Z",
            "+0260501120000Z",
            "Z",
            "",
        ] {
            assert!(time(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(time(&[0xff]).is_err());
    }
}
