//! Nonces: 12 random bytes each, fetched from the system in blocks, because a system call per seal would be the most
//! expensive part of it.

use std::sync::{Mutex, PoisonError};

use crate::secret::SealError;

/// The length of a nonce of AES-GCM.
pub(super) const NONCE: usize = 12;

const BLOCK: usize = 340 * NONCE;

/// Random nonces. None is ever given twice: the block is refilled before it starts again.
pub(super) struct Nonces(Mutex<Block>);

struct Block {
    bytes: Box<[u8; BLOCK]>,
    used: usize,
}

impl Nonces {
    /// Nothing is fetched before the first nonce is wanted.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Block { bytes: Box::new([0; BLOCK]), used: BLOCK }))
    }

    /// The next nonce.
    pub(super) fn next(&self) -> Result<[u8; NONCE], SealError> {
        // A poisoned block is sound: `used` only moves once the bytes are there.
        let mut block = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if block.used == BLOCK {
            getrandom::fill(block.bytes.as_mut_slice()).map_err(|_| SealError::NoRandomness)?;
            block.used = 0;
        }
        let mut nonce = [0; NONCE];
        let used = block.used;
        nonce.copy_from_slice(&block.bytes[used..used + NONCE]);
        block.used += NONCE;
        Ok(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_do_not_repeat_across_blocks() {
        let nonces = Nonces::new();
        let drawn: std::collections::HashSet<_> = (0..1_000).map(|_| nonces.next().unwrap()).collect();
        assert_eq!(drawn.len(), 1_000);
    }
}
