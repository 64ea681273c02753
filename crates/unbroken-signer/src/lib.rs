//! Signs with keys that are kept elsewhere: in an ssh-agent, or on a PKCS#11 token.
//!
//! Each of them is a [`unbroken_crypto::Signer`]. The private half never comes here; what comes back
//! is foreign, bounded while it is read, and [`unbroken_crypto::sign`] checks it before it is used.

mod ecdsa;
mod error;
mod pkcs11;
mod ssh_agent;

pub use self::error::SignerError;
pub use self::pkcs11::{Pin, TokenKey, TokenUri};
pub use self::ssh_agent::{AgentKey, AgentKeyName};
