//! Cheap random bits for record ids: no lock and no system call per request.

use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64 (Steele, Lea, Flood 2014) over a shared counter, seeded by the system. Not for secrets: an id takes eleven
/// of its bits, and nothing relies on their being hard to guess.
pub(crate) struct Random(AtomicU64);

impl Random {
    /// Seeded by the operating system.
    pub(crate) fn from_system() -> Result<Self, getrandom::Error> {
        getrandom::u64().map(|seed| Self(AtomicU64::new(seed)))
    }

    /// The next 64 bits.
    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        // The reference implementation's first outputs for the seed 1234567.
        let random = Random(AtomicU64::new(1_234_567));
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn two_servers_draw_different_bits() {
        let (one, two) = (Random::from_system().unwrap(), Random::from_system().unwrap());
        assert_ne!(one.next(), two.next());
    }
}
