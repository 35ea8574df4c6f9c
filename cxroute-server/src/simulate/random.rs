//! The seeded random numbers of a simulation: one seed and one call number always give the same call.
//!
//! SplitMix64 (Steele, Lea, Flood 2014): a few instructions, independent streams, no state outside the value.

use super::share::Share;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The stream named by a seed, a number within the run, and a purpose within the call.
    pub(super) fn stream(seed: u64, number: u64, purpose: u64) -> Self {
        let mut mixed = Self(seed);
        mixed.0 = mixed.next() ^ number.wrapping_mul(GOLDEN);
        mixed.0 = mixed.next() ^ purpose.wrapping_mul(GOLDEN);
        mixed
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when the bound is 0. (The bias of the multiplication is below 2⁻³² here.)
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A fraction from 0 (included) to 1 (excluded).
    pub(super) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the probability `share`.
    pub(super) fn chance(&mut self, share: Share) -> bool {
        self.fraction() < share.as_fraction()
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`, which are never empty here.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len() as u64) as usize)
    }

    /// One of these words.
    pub(super) fn word<const N: usize>(&mut self, words: [&'static str; N]) -> &'static str {
        const { assert!(N > 0) };
        words[self.below(N as u64) as usize]
    }

    /// 16 hexadecimal digits.
    pub(super) fn hex16(&mut self) -> String {
        format!("{:016x}", self.next())
    }

    /// 32 hexadecimal digits.
    pub(super) fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// A random UUID (version 4, RFC 9562).
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_itself_and_differs_from_its_neighbours() {
        let draw = |seed, number, purpose| Random::stream(seed, number, purpose).hex32();
        assert_eq!(draw(7, 1, 0), draw(7, 1, 0));
        let all = [draw(7, 1, 0), draw(7, 1, 1), draw(7, 2, 0), draw(8, 1, 0), draw(1, 7, 0)];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn shares_are_met() {
        let mut random = Random::stream(1, 2, 3);
        let share: Share = "20%".parse().unwrap();
        let hits = (0..100_000).filter(|_| random.chance(share)).count();
        assert!((19_000..21_000).contains(&hits), "{hits}");
        assert!(!(0..1_000).any(|_| random.chance(Share::NONE)));
        assert!((0..1_000).all(|_| random.chance("1".parse().unwrap())));
    }

    #[test]
    fn bounds_are_kept_and_reached() {
        let mut random = Random::stream(9, 9, 9);
        let drawn: std::collections::BTreeSet<_> = (0..1_000).map(|_| random.between(3, 6)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn ids_have_the_shape_of_their_kind() {
        let mut random = Random::stream(0, 0, 0);
        assert_eq!((random.hex16().len(), random.hex32().len()), (16, 32));
        let uuid = random.uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
    }
}
