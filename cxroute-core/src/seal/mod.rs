//! Sealing (feature `seal`): the [`Vault`](crate::secret::Vault) of real servers, the keyed hashes of webhook keys, and
//! the check of signatures. Everything hangs on one master key of 32 bytes; several are held while it is rotated.
//!
//! | from the master key, by HKDF-SHA256 | used for |
//! |---|---|
//! | a key per tenant | AES-256-GCM of provider credentials, signature secrets and recorded answers: [`Keyring`] |
//! | one key | HMAC-SHA256 over tenant and webhook key: [`WebhookKeyHasher`] |
//!
//! A sealed value is bound to its [`Place`](crate::secret::Place) (tenant, table, row, field): a row copied to another
//! place does not open. The places that the engine opens have functions:
//! [`AgentField::place`](crate::config::AgentField::place) for an agent's credentials,
//! [`GateKeys::signature_place`](crate::config::GateKeys::signature_place) for a tenant's signature secret.
//!
//! ```
//! use cxroute_core::config::AgentField;
//! use cxroute_core::id::TenantId;
//! use cxroute_core::seal::{Keyring, MasterKey};
//! use cxroute_core::secret::Vault;
//!
//! let keyring = Keyring::new(MasterKey::new([7; 32]), []);
//! // The password of agent 5 of tenant 1.
//! let place = AgentField::Password.place(TenantId::new(1), "5");
//! let sealed = keyring.seal(place, b"secret")?;
//! assert_eq!(keyring.open(place, &sealed)?.expose(), "secret");
//! assert!(keyring.open(AgentField::Password.place(TenantId::new(1), "6"), &sealed).is_err());
//! # Ok::<(), cxroute_core::secret::SealError>(())
//! ```

mod cipher_cache;
mod keyring;
mod master;
mod nonce;
mod signature;
mod webhook_key;

pub use keyring::Keyring;
pub use master::MasterKey;
pub use signature::is_signed;
pub use webhook_key::{WebhookKeyHash, WebhookKeyHasher};
