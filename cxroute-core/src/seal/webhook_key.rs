//! Webhook keys: stored as HMAC-SHA256 under a key of the master key, so that a stolen table opens no webhook, and a
//! check costs less than a microsecond. They are random keys, not passwords: no slow hash is needed.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use smallvec::SmallVec;
use subtle::{Choice, ConstantTimeEq as _};

use super::master::{MasterKey, Purpose};
use super::signature::is_signed;
use crate::id::TenantId;
use crate::secret::{Authenticator, Clear, Verified};

/// A webhook key as it is stored: HMAC-SHA256 over the tenant's id (8 bytes, big-endian) and the key.
pub type WebhookKeyHash = [u8; 32];

/// Hashes and checks webhook keys.
#[derive(Clone)]
pub struct WebhookKeyHasher {
    /// Under the current master key first, then under former ones.
    keyed: SmallVec<[Hmac<Sha256>; 2]>,
}

impl WebhookKeyHasher {
    pub(super) fn new<'a>(keys: impl Iterator<Item = &'a MasterKey>) -> Self {
        let keyed = keys.filter_map(|key| Hmac::new_from_slice(&*key.derive(Purpose::WebhookKeys)).ok());
        Self { keyed: keyed.collect() }
    }

    /// What to store for a tenant's webhook key; none only for a hasher without a master key, which cannot be made.
    pub fn hash(&self, tenant: TenantId, key: &[u8]) -> WebhookKeyHash {
        self.hashes(tenant, key).next().unwrap_or_default()
    }

    /// Whether the presented key is one of the stored ones, under whichever master key it was hashed. Takes the same
    /// time whether one matches, which, and how far.
    pub fn admits(&self, tenant: TenantId, presented: &[u8], stored: &[WebhookKeyHash]) -> bool {
        let mut found = Choice::from(0);
        for hash in self.hashes(tenant, presented) {
            for known in stored {
                found |= hash.ct_eq(known);
            }
        }
        found.into()
    }

    fn hashes(&self, tenant: TenantId, key: &[u8]) -> impl Iterator<Item = WebhookKeyHash> {
        self.keyed.iter().map(move |keyed| {
            let mut mac = keyed.clone();
            mac.update(&tenant.get().to_be_bytes());
            mac.update(key);
            mac.finalize().into_bytes().into()
        })
    }
}

impl Authenticator for WebhookKeyHasher {
    fn check_key(&self, tenant: TenantId, presented: &str, stored: &[WebhookKeyHash]) -> Verified {
        verified(self.admits(tenant, presented.as_bytes(), stored))
    }

    fn check_signature(&self, secret: &Clear, body: &[u8], signature: &str) -> Verified {
        verified(is_signed(secret, body, signature))
    }
}

const fn verified(genuine: bool) -> Verified {
    if genuine { Verified::Genuine } else { Verified::Forged }
}

impl fmt::Debug for WebhookKeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookKeyHasher({} keys)", self.keyed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Keyring;
    use super::*;

    fn hasher(keys: &[u8]) -> WebhookKeyHasher {
        let mut keys = keys.iter().map(|key| MasterKey::new([*key; 32]));
        Keyring::new(keys.next().unwrap(), keys).webhook_keys()
    }

    #[test]
    fn a_key_is_admitted_only_for_the_tenant_it_was_stored_for() {
        let hasher = hasher(&[1]);
        let (one, two) = (TenantId::new(1), TenantId::new(2));
        let stored = [hasher.hash(one, b"new"), hasher.hash(one, b"old")];
        assert!(hasher.admits(one, b"new", &stored) && hasher.admits(one, b"old", &stored));
        assert!(!hasher.admits(one, b"ol", &stored) && !hasher.admits(two, b"new", &stored));
        assert!(!hasher.admits(one, b"", &stored) && !hasher.admits(one, b"new", &[]));
        assert_ne!(hasher.hash(one, b"same"), hasher.hash(two, b"same"));
    }

    #[test]
    fn a_key_that_was_stored_under_a_former_master_key_is_admitted() {
        let tenant = TenantId::new(1);
        let stored = [hasher(&[1]).hash(tenant, b"key")];
        assert!(hasher(&[2, 1]).admits(tenant, b"key", &stored));
        assert!(!hasher(&[2]).admits(tenant, b"key", &stored));
        assert_eq!(format!("{:?}", hasher(&[2, 1])), "WebhookKeyHasher(2 keys)");
    }
}
