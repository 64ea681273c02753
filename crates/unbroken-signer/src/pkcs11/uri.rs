//! URIs of objects on tokens (RFC 7512).

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use crate::error::SignerError;

/// Which key on which token is meant. What is not said fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenUri {
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) slot: Option<u64>,
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    /// The shared library of the token.
    pub module: Option<PathBuf>,
    /// The file whose first line is the PIN.
    pub pin_source: Option<PathBuf>,
}

impl TokenUri {
    /// Reads a URI, `pkcs11:` at its beginning included.
    ///
    /// # Errors
    /// [`SignerError::Uri`] for an attribute that is unknown or stands there twice, for another
    /// `type` than a private key, and for a PIN within the URI: arguments can be seen by everybody.
    pub fn parse(text: &str) -> Result<Self, SignerError> {
        let rest = text.strip_prefix("pkcs11:").ok_or_else(|| refused("it is none"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        let path = path.split(';').filter(|part| !part.is_empty());
        for (part, is_query) in path
            .map(|part| (part, false))
            .chain(query.split('&').filter(|part| !part.is_empty()).map(|part| (part, true)))
        {
            let (name, value) =
                part.split_once('=').ok_or_else(|| refused(format!("{part:?} has no value")))?;
            let bytes: Vec<u8> = percent_decode_str(value).collect();
            uri.set(name, bytes, is_query)?;
        }
        Ok(uri)
    }

    fn set(&mut self, name: &str, bytes: Vec<u8>, is_query: bool) -> Result<(), SignerError> {
        if name == "id" && !is_query {
            return once(&mut self.id, bytes, name);
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| refused(format!("the value of {name:?} is not UTF-8")))?;
        match (name, is_query) {
            ("token", false) => once(&mut self.token, text, name),
            ("manufacturer", false) => once(&mut self.manufacturer, text, name),
            ("model", false) => once(&mut self.model, text, name),
            ("serial", false) => once(&mut self.serial, text, name),
            ("object", false) => once(&mut self.object, text, name),
            ("slot-id", false) => {
                let slot = text.parse().map_err(|_| refused("its slot-id is no number"))?;
                once(&mut self.slot, slot, name)
            }
            ("type", false) if text == "private" => Ok(()),
            ("type", false) => Err(refused("only a private key signs: its type is another")),
            ("module-path", true) => once(&mut self.module, text.into(), name),
            ("pin-source", true) => {
                let path = text.strip_prefix("file:").unwrap_or(&text);
                once(&mut self.pin_source, path.into(), name)
            }
            ("pin-value", true) => Err(refused(
                "it holds the PIN, which everybody on the machine can see: use pin-source, \
                 --passphrase-file or --passphrase-env",
            )),
            _ => Err(refused(format!("the attribute {name:?} is not supported"))),
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), SignerError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(refused(format!("the attribute {name:?} stands there twice"))),
    }
}

fn refused(reason: impl Into<String>) -> SignerError {
    SignerError::Uri { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_decoded() {
        let uri = TokenUri::parse(
            "pkcs11:token=My%20token;id=%01%FF;object=key;slot-id=3;type=private?module-path=/lib/a.so&pin-source=file:/pin",
        );
        let uri = uri.unwrap();
        assert_eq!(uri.token.as_deref(), Some("My token"));
        assert_eq!((uri.id, uri.slot), (Some(vec![1, 255]), Some(3)));
        assert_eq!(uri.module, Some("/lib/a.so".into()));
        assert_eq!(uri.pin_source, Some("/pin".into()));
        assert_eq!(TokenUri::parse("pkcs11:").unwrap(), TokenUri::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, reason) in [
            ("pkcs12:token=a", "it is none"),
            ("pkcs11:token=a;token=b", "twice"),
            ("pkcs11:colour=red", "not supported"),
            ("pkcs11:token", "no value"),
            ("pkcs11:type=cert", "another"),
            ("pkcs11:slot-id=x", "no number"),
            ("pkcs11:token=%ff", "not UTF-8"),
            ("pkcs11:?id=%01", "not supported"),
        ] {
            let error = TokenUri::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_pin_in_the_uri_is_refused_and_not_repeated() {
        let error = TokenUri::parse("pkcs11:token=a?pin-value=1234").unwrap_err().to_string();
        assert!(error.contains("pin-source") && !error.contains("1234"), "{error}");
    }
}
