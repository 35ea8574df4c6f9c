//! Sealing (feature `seal`): the [`Vault`](crate::secret::Vault) of real servers, the keyed hashes of webhook keys, and
//! the check of signatures. Everything hangs on one master key of 32 bytes; several are held while it is rotated.
//!
//! | from the master key, by HKDF-SHA256 | used for |
//! |---|---|
//! | a key per tenant | AES-256-GCM of provider credentials, signature secrets and recorded answers: [`Keyring`] |
//! | one key | HMAC-SHA256 over tenant and webhook key: [`WebhookKeyHasher`] |
//!
//! A sealed value is bound to its place (tenant, table, row, field): a row copied to another place does not open.
//!
//! ```
//! use cxroute_core::id::TenantId;
//! use cxroute_core::seal::{Keyring, MasterKey};
//! use cxroute_core::secret::{Place, Vault};
//!
//! let keyring = Keyring::new(MasterKey::new([7; 32]), []);
//! let place = Place { tenant: TenantId::new(1), table: "voice_agents", row: "5", field: "password" };
//! let sealed = keyring.seal(place, b"secret")?;
//! assert_eq!(keyring.open(place, &sealed)?.expose(), "secret");
//! assert!(keyring.open(Place { row: "6", ..place }, &sealed).is_err());
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
