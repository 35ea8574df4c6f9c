//! The keyring: AES-256-GCM under a key per tenant.
//!
//! A sealed value is `format (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The additional data are the first
//! five bytes, the tenant, and table, row and field, each behind its length, so that no two places read alike. Nonces
//! are random: one tenant key is good for 2^32 seals (NIST SP 800-38D §8.3), a hundred years at a seal a second.

use std::fmt;

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, Key, KeyInit as _, Nonce, Tag};
use smallvec::SmallVec;
use zeroize::Zeroizing;

use super::cipher_cache::CipherCache;
use super::master::{MasterKey, Purpose};
use super::nonce::{NONCE, Nonces};
use super::webhook_key::WebhookKeyHasher;
use crate::id::TenantId;
use crate::secret::{Clear, Place, SealError, Sealed, Vault};

const FORMAT: u8 = 1;
const HEAD: usize = 1 + 4;
const TAG: usize = 16;

/// Seals with the current master key, opens with any that it holds. Shared by the whole server.
pub struct Keyring {
    /// The current one first.
    keys: Vec<(u32, MasterKey)>,
    ciphers: CipherCache,
    nonces: Nonces,
    webhook_keys: WebhookKeyHasher,
}

impl Keyring {
    /// Seals with `current`; opens with it and with the `former` ones.
    pub fn new(current: MasterKey, former: impl IntoIterator<Item = MasterKey>) -> Self {
        let keys: Vec<_> = std::iter::once(current).chain(former).map(|key| (key.id(), key)).collect();
        let webhook_keys = WebhookKeyHasher::new(keys.iter().map(|(_, key)| key));
        Self { keys, ciphers: CipherCache::default(), nonces: Nonces::new(), webhook_keys }
    }

    /// The hasher of webhook keys under the same master keys.
    pub fn webhook_keys(&self) -> WebhookKeyHasher {
        self.webhook_keys.clone()
    }

    /// The id of the key that sealed a value is the current one's: it need not be sealed anew before a former master
    /// key is given up.
    pub fn is_current(&self, sealed: &Sealed) -> bool {
        match (self.keys.first(), split(sealed.as_bytes())) {
            (Some((current, _)), Some((head, ..))) => key_id(head) == *current,
            _ => false,
        }
    }

    fn cipher(&self, id: u32, tenant: TenantId) -> Option<std::sync::Arc<Aes256Gcm>> {
        let (_, key) = self.keys.iter().find(|(key_id, _)| *key_id == id)?;
        Some(self.ciphers.cipher(id, tenant, || {
            let derived = key.derive(Purpose::Sealing(tenant));
            Aes256Gcm::new(<&Key<Aes256Gcm>>::from(&*derived))
        }))
    }
}

impl Vault for Keyring {
    fn seal(&self, place: Place<'_>, clear: &[u8]) -> Result<Sealed, SealError> {
        let missing = SealError::UnknownKey { key_id: 0 };
        let id = self.keys.first().ok_or(missing)?.0;
        let cipher = self.cipher(id, place.tenant).ok_or(missing)?;
        let nonce = self.nonces.next()?;
        let mut bytes = Vec::with_capacity(HEAD + NONCE + clear.len() + TAG);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&id.to_be_bytes());
        let data = additional_data(&bytes, place);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(clear);
        let body = InOutBuf::from(&mut bytes[HEAD + NONCE..]);
        let tag = cipher
            .encrypt_inout_detached(&Nonce::from(nonce), &data, body)
            .map_err(|_| SealError::Malformed { len: clear.len() })?;
        bytes.extend_from_slice(&tag);
        Ok(Sealed::from_bytes(bytes))
    }

    fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Clear, SealError> {
        let malformed = SealError::Malformed { len: sealed.as_bytes().len() };
        let (head, nonce, body, tag) = split(sealed.as_bytes()).ok_or(malformed)?;
        let id = key_id(head);
        let cipher = self.cipher(id, place.tenant).ok_or(SealError::UnknownKey { key_id: id })?;
        let mut clear = Zeroizing::new(body.to_vec());
        let data = additional_data(head, place);
        cipher
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                &data,
                clear.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| SealError::NotAuthentic)?;
        match String::from_utf8(std::mem::take(&mut *clear)) {
            Ok(text) => Ok(Clear::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(malformed)
            }
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}

type Parts<'a> = (&'a [u8; HEAD], &'a [u8; NONCE], &'a [u8], &'a [u8; TAG]);

/// Takes a sealed value apart; none for bytes of another format.
fn split(bytes: &[u8]) -> Option<Parts<'_>> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
    let (body, tag) = rest.split_last_chunk::<TAG>()?;
    (head[0] == FORMAT).then_some((head, nonce, body, tag))
}

const fn key_id(head: &[u8; HEAD]) -> u32 {
    u32::from_be_bytes([head[1], head[2], head[3], head[4]])
}

/// The head and the place, each part of it behind its length.
fn additional_data(head: &[u8], place: Place<'_>) -> SmallVec<[u8; 128]> {
    let mut data = SmallVec::from_slice(head);
    data.extend_from_slice(&place.tenant.get().to_be_bytes());
    for part in [place.table, place.row, place.field] {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> Place<'static> {
        Place { tenant: TenantId::new(3), table: "voice_agents", row: "12", field: "password" }
    }

    fn ring(key: u8) -> Keyring {
        Keyring::new(MasterKey::new([key; 32]), [])
    }

    #[test]
    fn a_sealed_value_opens_only_for_its_place() {
        let keyring = ring(1);
        let sealed = keyring.seal(place(), b"hunter2").unwrap();
        assert_eq!(keyring.open(place(), &sealed).unwrap().expose(), "hunter2");
        let others = [
            Place { tenant: TenantId::new(4), ..place() },
            Place { table: "tenants", ..place() },
            Place { row: "1", ..place() },
            Place { field: "username", ..place() },
            Place { row: "12p", field: "assword", ..place() },
        ];
        for other in others {
            assert_eq!(keyring.open(other, &sealed).unwrap_err(), SealError::NotAuthentic, "{other:?}");
        }
    }

    #[test]
    fn a_former_key_opens_but_does_not_seal() {
        let old = ring(1).seal(place(), b"old").unwrap();
        let rotated = Keyring::new(MasterKey::new([2; 32]), [MasterKey::new([1; 32])]);
        assert_eq!(rotated.open(place(), &old).unwrap().expose(), "old");
        assert!(!rotated.is_current(&old));
        let new = rotated.seal(place(), b"new").unwrap();
        assert!(rotated.is_current(&new));
        assert!(matches!(ring(1).open(place(), &new), Err(SealError::UnknownKey { .. })));
        assert_eq!(ring(2).open(place(), &new).unwrap().expose(), "new");
    }

    #[test]
    fn two_seals_of_one_text_differ_and_show_nothing_of_it() {
        let keyring = ring(1);
        let (one, two) =
            (keyring.seal(place(), b"hunter2").unwrap(), keyring.seal(place(), b"hunter2").unwrap());
        assert_ne!(one, two);
        assert!(!one.as_bytes().windows(7).any(|bytes| bytes == b"hunter2"));
        assert_eq!(format!("{keyring:?} {:?}", MasterKey::new([7; 32])), "Keyring(1 keys) MasterKey(***)");
    }

    #[test]
    fn what_is_no_sealed_text_is_refused_with_its_length_only() {
        let keyring = ring(1);
        for bytes in [vec![], vec![1; 20], [vec![2], vec![0; 60]].concat()] {
            let len = bytes.len();
            let refused = keyring.open(place(), &Sealed::from_bytes(bytes)).unwrap_err();
            assert_eq!(refused, SealError::Malformed { len });
        }
        let sealed = keyring.seal(place(), &[0xff, 0xfe]).unwrap();
        assert!(matches!(keyring.open(place(), &sealed), Err(SealError::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_and_any_changed_bit_is_noticed(
            text in ".{0,900}",
            byte in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            let keyring = ring(9);
            let sealed = keyring.seal(place(), text.as_bytes()).unwrap();
            let opened = keyring.open(place(), &sealed).unwrap();
            prop_assert_eq!(opened.expose(), text.as_str());
            let mut altered = sealed.as_bytes().to_vec();
            altered[byte.index(sealed.as_bytes().len())] ^= 1 << bit;
            prop_assert!(keyring.open(place(), &Sealed::from_bytes(altered)).is_err());
        }
    }
}
