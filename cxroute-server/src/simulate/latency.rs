//! Latencies in bounded memory: a histogram with 128 steps per power of two, so that a percentile is at most 0.8 %
//! above the exact one (the idea of HdrHistogram); the largest value is exact.

use std::time::Duration;

use serde::Serialize;

const STEPS_LOG2: u32 = 7;
const STEPS: u64 = 1 << STEPS_LOG2;

/// Durations counted by size, to the microsecond.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half were at most this.
    pub p50: f64,
    /// 90 % were at most this.
    pub p90: f64,
    /// 99 % were at most this.
    pub p99: f64,
    /// 99.9 % were at most this.
    pub p999: f64,
    /// The largest.
    pub max: f64,
}

impl Histogram {
    /// Counts one duration.
    pub(super) fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let slot = slot(micros);
        if self.counts.len() <= slot {
            self.counts.resize(slot + 1, 0);
        }
        self.counts[slot] += 1;
        self.total += 1;
        self.largest = self.largest.max(micros);
    }

    /// The percentiles; all zero when nothing was counted.
    pub(super) fn percentiles(&self) -> Percentiles {
        let at = |share: f64| self.at(share) as f64 / 1000.0;
        let max = self.largest as f64 / 1000.0;
        Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max }
    }

    fn at(&self, share: f64) -> u64 {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (slot, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return highest(slot).min(self.largest);
            }
        }
        self.largest
    }
}

fn slot(value: u64) -> usize {
    let shift = value.max(1).ilog2().saturating_sub(STEPS_LOG2);
    (u64::from(shift) * STEPS + (value >> shift)) as usize
}

/// The highest value of a slot.
fn highest(slot: usize) -> u64 {
    let slot = slot as u64;
    if slot < 2 * STEPS {
        return slot;
    }
    let shift = slot / STEPS - 1;
    let step = slot - shift * STEPS;
    (((u128::from(step) + 1) << shift) - 1).min(u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_percentile_is_at_most_a_hundredth_above_the_exact_one(
            mut micros in proptest::collection::vec(0u64..10_000_000, 1..400)
        ) {
            let mut histogram = Histogram::default();
            for value in &micros {
                histogram.record(Duration::from_micros(*value));
            }
            micros.sort_unstable();
            for share in [0.5, 0.9, 0.99, 0.999] {
                let rank = ((micros.len() as f64 * share).ceil() as usize).max(1);
                let (exact, found) = (micros[rank - 1], histogram.at(share));
                prop_assert!(found >= exact && found as f64 <= exact as f64 * 1.01 + 1.0, "{exact} {found}");
            }
            prop_assert_eq!(histogram.percentiles().max, *micros.last().unwrap() as f64 / 1000.0);
        }

        #[test]
        fn every_value_lies_in_its_slot(value in any::<u64>()) {
            let slot = slot(value);
            prop_assert!(highest(slot) >= value);
            prop_assert!(slot == 0 || highest(slot - 1) < value);
        }
    }

    #[test]
    fn nothing_counted_is_all_zero() {
        assert_eq!(Histogram::default().percentiles(), Percentiles::default());
    }
}
