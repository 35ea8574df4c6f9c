//! The master key, and the keys that are derived from it.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::id::TenantId;

/// 32 secret bytes that every other key is derived from. Wiped when dropped; its Debug output shows nothing.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// What a derived key is for: one key is never used for two purposes.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// Names the master key in what it sealed; public.
    KeyId,
    /// Seals one tenant's secrets.
    Sealing(TenantId),
    /// Hashes webhook keys.
    WebhookKeys,
}

impl MasterKey {
    /// A master key of 32 random bytes that somebody else drew.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Four bytes that name this key and tell nothing of it.
    pub(super) fn id(&self) -> u32 {
        let bytes = self.derive(Purpose::KeyId);
        u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// HKDF-SHA256 of this key, with the purpose as info.
    pub(super) fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let (label, tenant): (&[u8], [u8; 8]) = match purpose {
            Purpose::KeyId => (b"cxroute key id", [0; 8]),
            Purpose::Sealing(tenant) => (b"cxroute sealing", tenant.get().to_be_bytes()),
            Purpose::WebhookKeys => (b"cxroute webhook keys", [0; 8]),
        };
        let expanded = Hkdf::<Sha256>::new(None, self.0.as_slice())
            .expand_multi_info(&[label, &tenant], key.as_mut_slice());
        debug_assert!(expanded.is_ok(), "HKDF-SHA256 gives up to 8,160 bytes");
        key
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(***)")
    }
}
