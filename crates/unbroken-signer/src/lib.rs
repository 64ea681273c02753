//! Signs with keys that are kept elsewhere: in an ssh-agent, on a PKCS#11 token, in a GnuPG keyring, or issued by a SPIFFE agent.
//!
//! Each of them is a [`unbroken_crypto::Signer`]. The private half never comes here, but for the short-lived one of a SPIFFE agent; what comes back
//! is foreign, bounded while it is read, and checked before it is used.

mod ecdsa;
mod error;
mod gpg;
mod pkcs11;
mod spiffe;
mod ssh_agent;

pub use self::error::SignerError;
pub use self::gpg::{Gpg, GpgKey, GpgKeyId, GpgUri, ProgramSearch};
pub use self::pkcs11::{Pin, TokenKey, TokenUri};
pub use self::spiffe::WorkloadIdentity;
pub use self::ssh_agent::{AgentKey, AgentKeyName};
