//! Values that must not be printed, copied or left in memory.

use std::fmt;

use zeroize::Zeroizing;

/// A passphrase: wiped from memory when dropped, and never printed.
///
/// It can be neither cloned nor displayed:
/// ```compile_fail
/// let passphrase = unbroken_crypto::Passphrase::new("secret".to_owned());
/// let copy = passphrase.clone();
/// ```
/// ```compile_fail
/// println!("{}", unbroken_crypto::Passphrase::new("secret".to_owned()));
/// ```
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Tells whether there is no character in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passphrase(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_tells_nothing_about_it() {
        assert_eq!(format!("{:?}", Passphrase::new("hunter2".to_owned())), "Passphrase(redacted)");
    }
}
