//! Secrets: what is sealed, what is clear for a moment, and the port through which the one becomes the other.
//!
//! Stores and events only ever see [`Sealed`]; only the making of CXML and the checking of a signature open one.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::TenantId;

/// A sealed secret: opaque bytes that name the key that sealed them. Its Debug output shows nothing but the length.
///
/// A [`Vault`] seals it for a [`Place`]; the place of an agent's credential is
/// [`AgentField::place`](crate::config::AgentField::place).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(Bytes);

impl Sealed {
    /// Wraps bytes that a [`Vault`] made, as an adapter reads them back.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A secret in the clear, for as short a time as possible: it does not print, serialise or compare.
pub struct Clear(String);

impl Clear {
    /// Wraps a secret.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself: call it only where it leaves (an XML attribute, an HMAC).
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Clear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clear(***)")
    }
}

#[cfg(feature = "seal")]
impl Drop for Clear {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// Where a secret belongs. A sealed value opens only for the place it was sealed for.
///
/// Do not write out those that the engine opens: an agent's credentials have
/// [`AgentField::place`](crate::config::AgentField::place), a tenant's signature secret has
/// [`GateKeys::signature_place`](crate::config::GateKeys::signature_place).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The tenant whose key seals it.
    pub tenant: TenantId,
    /// The kind of row, for example `voice_agents`.
    pub table: &'static str,
    /// The row within the tenant: an id in decimal, or a session token.
    pub row: &'a str,
    /// The field of that row, for example `password`.
    pub field: &'a str,
}

/// Why a sealed value did not open. Says nothing about its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The value names a key that this vault does not hold.
    #[error("sealed with key {key_id:#010x}, which is not among the configured master keys")]
    UnknownKey {
        /// The id of the missing key.
        key_id: u32,
    },
    /// The value was altered, or belongs to another tenant, row or field.
    #[error("the sealed value does not belong to this place, or was altered")]
    NotAuthentic,
    /// The bytes are no sealed value.
    #[error("expected a sealed value of format 1, got {len} bytes of something else")]
    Malformed {
        /// How many bytes there were.
        len: usize,
    },
    /// The system gave no randomness for a nonce.
    #[error("the operating system gave no randomness")]
    NoRandomness,
}

/// Seals and opens secrets. Feature `seal` brings the AES-256-GCM `Keyring`.
pub trait Vault: Send + Sync {
    /// Seals `clear` for `place`. Two seals of one text differ.
    ///
    /// # Errors
    /// Only [`SealError::NoRandomness`].
    fn seal(&self, place: Place<'_>, clear: &[u8]) -> Result<Sealed, SealError>;

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`], [`SealError::NotAuthentic`] or [`SealError::Malformed`].
    fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Clear, SealError>;
}

/// A vault that seals nothing: for hosts whose store is memory, for doc examples and for tests. What it is to open is
/// given to it as it is: `Sealed::from_bytes("+12127773456")`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoVault;

impl Vault for NoVault {
    fn seal(&self, _place: Place<'_>, clear: &[u8]) -> Result<Sealed, SealError> {
        Ok(Sealed::from_bytes(clear.to_vec()))
    }

    fn open(&self, _place: Place<'_>, sealed: &Sealed) -> Result<Clear, SealError> {
        match std::str::from_utf8(&sealed.0) {
            Ok(text) => Ok(Clear(text.to_owned())),
            Err(_) => Err(SealError::Malformed { len: sealed.0.len() }),
        }
    }
}

/// Checks what a webhook presents. Feature `seal` brings an implementation keyed from the master key.
pub trait Authenticator: Send + Sync {
    /// Whether `presented` is one of `tenant`'s webhook keys, which are `stored` as keyed hashes
    /// ([`GateKeys`](crate::config::GateKeys)). Takes as long for a wrong key as for a right one.
    fn check_key(&self, tenant: TenantId, presented: &str, stored: &[[u8; 32]]) -> Verified;

    /// Whether `signature` is the hexadecimal HMAC-SHA256 of `body` under `secret` (specification, "Signature
    /// Verification").
    fn check_signature(&self, secret: &Clear, body: &[u8], signature: &str) -> Verified;
}

/// What checking a credential came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is right.
    Genuine,
    /// It is not.
    Forged,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_print() {
        let clear = Clear::new("hunter2".into());
        let sealed = Sealed::from_bytes(b"hunter2".to_vec());
        assert!(!format!("{clear:?} {sealed:?}").contains("hunter2"));
    }
}
