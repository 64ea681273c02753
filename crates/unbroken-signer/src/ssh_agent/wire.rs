//! The strings and numbers of SSH messages (RFC 4251, 5).

use super::FAILURE;
use crate::error::SignerError;

/// Reads what an agent answered, and nothing beyond it.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Opens a message that must be of this kind.
    pub(super) fn new(message: &'a [u8], kind: u8) -> Result<Self, SignerError> {
        match message.split_first() {
            Some((found, rest)) if *found == kind => Ok(Self { rest }),
            Some((&FAILURE, _)) => Err(SignerError::AgentRefused),
            _ => Err(SignerError::AgentAnswer { reason: "it is of another kind" }),
        }
    }

    /// Reads what stands within a string.
    pub(super) fn bare(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn number(&mut self) -> Result<u32, SignerError> {
        let (number, rest) = self.rest.split_first_chunk::<4>().ok_or(CUT)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*number))
    }

    pub(super) fn string(&mut self) -> Result<&'a [u8], SignerError> {
        let length = usize::try_from(self.number()?).map_err(|_| CUT)?;
        let (string, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
        self.rest = rest;
        Ok(string)
    }

    pub(super) fn end(&self) -> Result<(), SignerError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(SignerError::AgentAnswer { reason: "there is something behind its end" })
    }
}

const CUT: SignerError = SignerError::AgentAnswer { reason: "it ends too early" };

/// Writes a string with its length before it.
pub(super) fn string(bytes: &[u8]) -> Result<Vec<u8>, SignerError> {
    let length = u32::try_from(bytes.len());
    let length = length.map_err(|_| SignerError::AgentAnswer { reason: "a string is too long" })?;
    Ok([&length.to_be_bytes()[..], bytes].concat())
}
