//! The bits of record ids that tell calls of a millisecond apart: no lock and no system call per request.

use std::sync::atomic::{AtomicU64, Ordering};

/// A walk through all numbers, from a place and with steps that the system draws. An id takes the lowest eleven bits: those of
/// 2,048 calls in a row are different, since the step is odd, so that a server does not give two calls of a millisecond one
/// id; what two servers give meets by chance. Nothing relies on their being hard to guess.
pub(crate) struct IdBits {
    at: AtomicU64,
    step: u64,
}

impl IdBits {
    /// Drawn by the operating system.
    pub(crate) fn from_system() -> Result<Self, getrandom::Error> {
        let (at, step) = (getrandom::u64()?, getrandom::u64()? | 1);
        Ok(Self { at: AtomicU64::new(at), step })
    }

    /// The next 64 bits.
    pub(crate) fn next(&self) -> u64 {
        self.at.fetch_add(self.step, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_ids_bits_of_2_048_calls_in_a_row_are_different() {
        let bits_of_ids = IdBits::from_system().unwrap();
        for _ in 0..3 {
            let bits: BTreeSet<u64> = (0..2_048).map(|_| bits_of_ids.next() % 2_048).collect();
            assert_eq!(bits.len(), 2_048);
        }
    }

    #[test]
    fn two_servers_draw_different_bits() {
        let (one, two) = (IdBits::from_system().unwrap(), IdBits::from_system().unwrap());
        assert_ne!([one.next(), one.next()], [two.next(), two.next()]);
    }
}
