//! Random numbers from a seed: a case is its seed and its length, so that proptest shrinks a failing run to its shortest
//! beginning and no time goes into value trees.

/// SplitMix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `n` - 1.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// True in one case of `n`.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Runs `law` on `cases` seeds with sequences of up to `most` operations; `CXROUTE_LAW_PERCENT` changes their number, for
/// mutation tests (few) and long nights (many).
pub(crate) fn run(cases: u32, most: usize, law: impl Fn(u64, usize)) {
    use proptest::test_runner::{Config, RngSeed, TestRunner};
    let percent = std::env::var("CXROUTE_LAW_PERCENT").ok().and_then(|percent| percent.parse::<u32>().ok());
    let cases = (u64::from(cases) * u64::from(percent.unwrap_or(100))).div_ceil(100) as u32;
    let config = Config {
        cases,
        failure_persistence: None,
        verbose: 0,
        rng_seed: RngSeed::Fixed(20_260_131),
        ..Config::default()
    };
    let case = (proptest::prelude::any::<u64>(), 1..=most);
    let outcome = TestRunner::new(config).run(&case, |(seed, operations)| {
        law(seed, operations);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
