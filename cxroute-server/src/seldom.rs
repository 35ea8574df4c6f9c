//! Logging of what an attacker can cause: once a second at most, with the number of those that went unmentioned.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lets one event through per span of time.
pub(crate) struct Seldom {
    start: Instant,
    span: Duration,
    /// Milliseconds after `start` from which the next one is let through.
    next: AtomicU64,
    unmentioned: AtomicU64,
}

impl Seldom {
    /// At most one per `span`.
    pub(crate) fn every(span: Duration) -> Self {
        Self { start: Instant::now(), span, next: AtomicU64::new(0), unmentioned: AtomicU64::new(0) }
    }

    /// Whether this event is to be mentioned, and how many went unmentioned since the last that was.
    pub(crate) fn due(&self) -> Option<u64> {
        self.due_at(self.start.elapsed())
    }

    fn due_at(&self, elapsed: Duration) -> Option<u64> {
        let now = millis(elapsed);
        let next = self.next.load(Ordering::Relaxed);
        let after = now + millis(self.span);
        let is_due = now >= next
            && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_due {
            return Some(self.unmentioned.swap(0, Ordering::Relaxed));
        }
        self.unmentioned.fetch_add(1, Ordering::Relaxed);
        None
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_span_is_mentioned_with_the_number_of_the_others() {
        let seldom = Seldom::every(Duration::from_secs(1));
        let at = |millis| seldom.due_at(Duration::from_millis(millis));
        assert_eq!((at(0), at(1), at(999)), (Some(0), None, None));
        assert_eq!((at(1_000), at(1_500), at(5_000), at(5_001)), (Some(2), None, Some(1), None));
    }
}
