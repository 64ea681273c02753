//! What binds a link to one layout and one run of its pipeline: members of its environment.
//!
//! The specification has no place for it, and every implementation keeps the environment. All three
//! are texts, since some readers take no other.

use data_encoding::HEXLOWER;

use super::Link;
use crate::json::{Object, Value};
use crate::timestamp::Timestamp;

const LAYOUT: &str = "bound_layout_sha256";
const NONCE: &str = "bound_nonce";
const TIME: &str = "bound_time";

/// What a link says of the layout and the run that it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkBinding<'a> {
    /// The SHA-256 digest of the signed bytes of the layout, in lower-case hexadecimal.
    pub layout: Option<&'a str>,
    /// A word that whoever started the run chose for it.
    pub nonce: Option<&'a str>,
    /// When the step was begun, as the functionary's clock had it.
    pub time: Option<&'a str>,
}

impl<'a> LinkBinding<'a> {
    /// Reads the binding of a link.
    pub fn of(link: &'a Link) -> Self {
        let text = |name| link.environment.get(name).and_then(Value::as_str);
        Self { layout: text(LAYOUT), nonce: text(NONCE), time: text(TIME) }
    }
}

/// Binds a link that is being made.
pub fn bind(
    environment: &mut Object<'static>,
    layout: &[u8; 32],
    nonce: Option<&str>,
    time: Timestamp,
) {
    environment.insert(LAYOUT, HEXLOWER.encode(layout));
    if let Some(nonce) = nonce {
        environment.insert(NONCE, nonce.to_owned());
    }
    environment.insert(TIME, time.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::Payload;
    use crate::limits::Limits;

    #[test]
    fn a_binding_is_read_as_it_was_written() {
        let text = br#"{"_type":"link","name":"a","materials":{},"products":{},"environment":{"bound_nonce":1}}"#;
        let mut link = Link::decode(Value::parse(text, &Limits::default()).unwrap()).unwrap();
        assert_eq!(LinkBinding::of(&link), LinkBinding { layout: None, nonce: None, time: None });
        bind(&mut link.environment, &[0xab; 32], Some("run 7"), Timestamp::from_unix(0));
        let hex = "ab".repeat(32);
        let due = LinkBinding {
            layout: Some(&hex),
            nonce: Some("run 7"),
            time: Some("1970-01-01T00:00:00Z"),
        };
        assert_eq!(LinkBinding::of(&link), due);
    }
}
