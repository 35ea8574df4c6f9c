//! The ciphers of the tenants in use: a key schedule is far dearer than a seal, and there can be any number of tenants.

use std::sync::{Arc, PoisonError, RwLock};

use aes_gcm::Aes256Gcm;
use rustc_hash::FxHashMap;

use crate::id::TenantId;

/// A generation of the cache is full at so many ciphers (about 1 KiB each).
const GENERATION: usize = 1_024;

/// Ciphers by master key and tenant, in two generations: when the young one is full it becomes the old one, and what
/// was not used meanwhile is forgotten.
#[derive(Default)]
pub(super) struct CipherCache(RwLock<Generations>);

type Ciphers = FxHashMap<(u32, TenantId), Arc<Aes256Gcm>>;

#[derive(Default)]
struct Generations {
    young: Ciphers,
    old: Ciphers,
}

impl CipherCache {
    /// The cipher of a tenant under a master key; `make` is called when it is not at hand.
    pub(super) fn cipher(
        &self,
        key_id: u32,
        tenant: TenantId,
        make: impl FnOnce() -> Aes256Gcm,
    ) -> Arc<Aes256Gcm> {
        let name = (key_id, tenant);
        // Poison is harmless: every change leaves the maps whole.
        if let Some(cipher) = self.0.read().unwrap_or_else(PoisonError::into_inner).young.get(&name) {
            return Arc::clone(cipher);
        }
        let mut generations = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let cipher = generations.old.remove(&name).unwrap_or_else(|| Arc::new(make()));
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(name, Arc::clone(&cipher));
        cipher
    }
}

#[cfg(test)]
mod tests {
    use aes_gcm::{Key, KeyInit as _};

    use super::*;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let cache = CipherCache::default();
        let make = || Aes256Gcm::new(&Key::<Aes256Gcm>::from([0; 32]));
        let busy = cache.cipher(1, TenantId::new(0), make);
        for tenant in 1..10 * GENERATION as u64 {
            cache.cipher(1, TenantId::new(tenant), make);
            let again =
                cache.cipher(1, TenantId::new(0), || panic!("the busy tenant's cipher was forgotten"));
            assert!(Arc::ptr_eq(&busy, &again));
        }
        let generations = cache.0.read().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
    }
}
