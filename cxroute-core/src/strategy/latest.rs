//! A value that every choice replaces, and that a choice taken back gives back as if it never was.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The values of the choices that may still be taken back, over the last one that may not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Latest<T> {
    /// By sequence number, ascending.
    entries: SmallVec<[(u64, T); 1]>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { entries: SmallVec::new() }
    }
}

impl<T: Copy> Latest<T> {
    /// A value that is there to stay.
    pub(super) fn kept(seq: u64, value: T) -> Self {
        Self { entries: SmallVec::from_iter([(seq, value)]) }
    }

    /// The choice `seq`, the newest so far, sets `value`.
    pub(super) fn set(&mut self, seq: u64, value: T) {
        self.entries.push((seq, value));
    }

    /// The choice `seq` is there to stay: whatever came before it never shows again.
    pub(super) fn keep(&mut self, seq: u64) {
        self.entries.retain(|(at, _)| *at >= seq);
    }

    /// The choice `seq` is taken back.
    pub(super) fn take_back(&mut self, seq: u64) {
        self.entries.retain(|(at, _)| *at != seq);
    }

    /// The newest value with the choice that set it.
    pub(super) fn get(&self) -> Option<(u64, T)> {
        self.entries.last().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_taken_back_uncovers_the_one_before_in_any_order() {
        let mut latest = Latest::default();
        (1..=3).for_each(|seq| latest.set(seq, seq * 10));
        latest.take_back(2);
        assert_eq!(latest.get(), Some((3, 30)));
        latest.take_back(3);
        assert_eq!(latest.get(), Some((1, 10)));
        latest.take_back(1);
        assert_eq!(latest.get(), None);
    }

    #[test]
    fn what_came_before_a_kept_value_takes_no_room() {
        let mut latest = Latest::kept(1, 'a');
        latest.set(2, 'b');
        latest.set(3, 'c');
        latest.keep(2);
        assert_eq!(latest.entries.as_slice(), [(2, 'b'), (3, 'c')]);
    }
}
