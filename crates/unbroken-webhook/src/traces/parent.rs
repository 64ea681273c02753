//! The trace that a request belongs to already (W3C Trace Context, `traceparent`).

use axum::http::HeaderMap;

/// The span of whoever sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) trace: u128,
    pub(crate) span: u64,
    /// Whether he keeps the trace.
    pub(crate) sampled: bool,
}

impl Parent {
    /// Reads it from the headers of a request. What is no such header, or stands there twice, is not there.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        Self::parse(value.to_str().ok()?)
    }

    /// Reads `00-TRACE-SPAN-FLAGS`. Later versions may say more behind that, and mean the same before it.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let mut hex = |digits: usize| {
            let part = parts.next()?;
            let is_hex = part.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it));
            (part.len() == digits && is_hex).then_some(part)
        };
        let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|it| *it != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|it| *it != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { trace, span, sampled: flags & 1 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_parent_is_read_and_whatever_is_none_is_not_there() {
        let due = Parent {
            trace: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c,
            span: 0xb7ad_6b71_6920_3331,
            sampled: true,
        };
        assert_eq!(Parent::parse(TEXT), Some(due.clone()));
        let other = TEXT.replace("-01", "-00");
        assert_eq!(Parent::parse(&other), Some(Parent { sampled: false, ..due.clone() }));
        let later = format!("{}-more", TEXT.replacen("00", "cc", 1));
        assert_eq!(Parent::parse(&later), Some(due));
        for text in [
            "",
            "00",
            &TEXT.to_uppercase(),
            &format!("{TEXT}-more"),
            &TEXT.replacen("00", "ff", 1),
            &TEXT.replace("b7ad6b7169203331", "0000000000000000"),
            &TEXT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &TEXT.replace("-01", "-1"),
            &TEXT.replace('a', "+"),
        ] {
            assert_eq!(Parent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn two_parents_are_none() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", TEXT.parse().unwrap());
        assert!(Parent::of(&headers).is_some());
        headers.append("traceparent", TEXT.parse().unwrap());
        assert_eq!(Parent::of(&headers), None);
    }
}
