//! A value that every choice replaces, and that a choice taken back gives back as if it never was.

use smallvec::SmallVec;

/// The values of the choices that may still be taken back, over the last one that may not.
#[derive(Clone, Debug)]
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
