//! The leaves of the table of numbers: a sorted array of a few thousand literal rules, with an index over the next
//! digits. Look-up reads one slot of the index and, usually, one entry. A block is rebuilt when one of its rules
//! changes, so everything in it can be worked out beforehand.

use std::cmp::Reverse;

use super::literal::Literal;
use crate::id::RuleId;
use crate::number::DigitCode;

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    pub(super) literal: Literal,
    pub(super) id: RuleId,
    pub(super) priority: u32,
    /// The rule that wins where this one is the longest that matches: this one or one that covers it.
    best: u32,
    /// The nearest entry that covers this one (an equal literal counts), or `NONE`.
    parent: u32,
    pub(super) payload: T,
}

impl<T> Entry<T> {
    pub(super) const fn new(literal: Literal, priority: u32, id: RuleId, payload: T) -> Self {
        Self { literal, id, priority, best: NONE, parent: NONE, payload }
    }

    /// Entries are sorted by literal; of equal ones the better comes later, as the last that matches is taken.
    pub(super) const fn order(&self) -> (Literal, Reverse<(u32, RuleId)>) {
        (self.literal, Reverse((self.priority, self.id)))
    }
}

const NONE: u32 = u32::MAX;
/// Slots count in 16 bits; a larger block (thousands of equal literals) goes without an index.
const MAX_INDEXED: usize = u16::MAX as usize;
const NO_COVER: u16 = u16::MAX;
/// From so many entries in a slot on, the search halves instead of walking.
const MAX_WALK: usize = 8;

/// Rules whose numbers begin with the same `depth` digits.
#[derive(Clone, Debug)]
pub(super) struct Block<T> {
    entries: Box<[Entry<T>]>,
    /// For every value of the next `width` nibbles (base 11), and one more as the end of the last.
    slots: Box<[Slot]>,
    depth: u8,
    width: u8,
}

/// The entries with given next nibbles.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The index of the first; the last is before the next slot's first.
    first: u16,
    /// The winner among the shorter prefixes that cover the slot, or `NO_COVER`.
    cover: u16,
}

impl<T> Block<T> {
    /// A block of entries that are sorted by [`Entry::order`].
    pub(super) fn of(entries: Vec<Entry<T>>, depth: u8) -> Self {
        let mut entries = entries.into_boxed_slice();
        link(&mut entries);
        let mut block = Self { width: index_width(entries.len()), slots: Box::default(), entries, depth };
        block.index();
        block
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn into_entries(self) -> Vec<Entry<T>> {
        self.entries.into_vec()
    }

    /// The winner among the rules that match; the key shares the block's first `depth` digits.
    #[inline]
    pub(super) fn find(&self, key: DigitCode) -> Option<&Entry<T>> {
        let at = slot_of(key.bits(), self.depth, self.width);
        let (range, cover) = match self.slots.get(at..at + 2) {
            Some([slot, next]) => (usize::from(slot.first)..usize::from(next.first), slot.cover),
            _ => (0..self.entries.len(), NO_COVER),
        };
        let winner = match self.longest(range, key) {
            Some(longest) => longest.best as usize,
            None => usize::from(cover),
        };
        self.entries.get(winner)
    }

    /// The longest match within a slot.
    #[inline]
    fn longest(&self, slot: std::ops::Range<usize>, key: DigitCode) -> Option<&Entry<T>> {
        let first = slot.start;
        let entries = self.entries.get(slot)?;
        if entries.len() <= MAX_WALK {
            return entries.iter().rev().find(|entry| entry.literal.matches(key));
        }
        let mut at = entries.partition_point(|entry| entry.literal.is_up_to(key)).checked_sub(1)?;
        loop {
            let entry = entries.get(at)?;
            if entry.literal.matches(key) {
                return Some(entry);
            }
            at = (entry.parent as usize).wrapping_sub(first);
        }
    }

    /// Every rule that matches, longer ones first.
    pub(super) fn matches(&self, key: DigitCode) -> impl Iterator<Item = &Entry<T>> {
        let last = self.entries.partition_point(|entry| entry.literal.is_up_to(key)).checked_sub(1);
        let mut next = last.and_then(|at| self.entries.get(at));
        std::iter::from_fn(move || {
            let entry = next?;
            next = self.entries.get(entry.parent as usize);
            Some(entry)
        })
        .filter(move |entry| entry.literal.matches(key))
    }

    /// The rules with exactly this literal.
    pub(super) fn same(&self, literal: Literal) -> &[Entry<T>] {
        let start = self.entries.partition_point(|entry| entry.literal < literal);
        let rest = &self.entries[start..];
        &rest[..rest.partition_point(|entry| entry.literal == literal)]
    }

    /// Adds an entry, or replaces the one with its literal, priority and id; returns the old payload.
    pub(super) fn insert(&mut self, entry: Entry<T>) -> Option<T> {
        let mut entries = std::mem::take(&mut self.entries).into_vec();
        let replaced = match entries.binary_search_by_key(&entry.order(), Entry::order) {
            Ok(at) => Some(std::mem::replace(&mut entries[at], entry).payload),
            Err(at) => {
                entries.reserve_exact(1);
                entries.insert(at, entry);
                None
            }
        };
        *self = Self::of(entries, self.depth);
        replaced
    }

    /// Takes out the entry with this place in the order.
    pub(super) fn remove(&mut self, order: (Literal, Reverse<(u32, RuleId)>)) -> Option<T> {
        let at = self.entries.binary_search_by_key(&order, Entry::order).ok()?;
        let mut entries = std::mem::take(&mut self.entries).into_vec();
        let removed = entries.remove(at).payload;
        *self = Self::of(entries, self.depth);
        Some(removed)
    }

    fn index(&mut self) {
        if self.width == 0 {
            return;
        }
        let count = 11_usize.pow(u32::from(self.width));
        let mut slots = vec![Slot { first: 0, cover: NO_COVER }; count + 1];
        for entry in &self.entries {
            let at = slot_of(entry.literal.as_key().bits(), self.depth, self.width);
            slots[at + 1].first += 1;
            let open = u32::from(self.depth + self.width).saturating_sub(entry.literal.digits());
            if open > 0 && !entry.literal.is_exact() {
                let covered = 11_usize.pow(open);
                slots[at..at + covered].iter_mut().for_each(|slot| slot.cover = entry.best as u16);
            }
        }
        let mut first = 0;
        for slot in &mut slots {
            first += slot.first;
            slot.first = first;
        }
        self.slots = slots.into_boxed_slice();
    }
}

/// As many nibbles as leave about one entry to a slot, or a few.
fn index_width(entries: usize) -> u8 {
    match entries {
        0..=8 => 0,
        9..=80 => 1,
        81..=880 => 2,
        881..MAX_INDEXED => 3,
        _ => 0,
    }
}

/// The value of `width` nibbles from the `depth`th on, base 11; a nibble that is no digit counts as the end.
#[inline]
fn slot_of(bits: u64, depth: u8, width: u8) -> usize {
    let mut rest = bits << (4 * depth);
    let mut slot = 0;
    for _ in 0..width {
        let nibble = (rest >> 60) as usize;
        slot = slot * 11 + if nibble > 10 { 0 } else { nibble };
        rest <<= 4;
    }
    slot
}

/// Works out `parent` and `best` of sorted entries.
fn link<T>(entries: &mut [Entry<T>]) {
    let mut above: Vec<u32> = Vec::new();
    for at in 0..entries.len() {
        let literal = entries[at].literal;
        while let Some(top) = above.last()
            && !covers(entries[*top as usize].literal, literal)
        {
            above.pop();
        }
        let twin = at.checked_sub(1).filter(|before| entries[*before].literal == literal);
        let parent = twin.map(|before| before as u32).or(above.last().copied());
        let better = parent
            .map(|parent| entries[parent as usize].best)
            .filter(|best| entries[*best as usize].priority < entries[at].priority);
        entries[at].parent = parent.unwrap_or(NONE);
        entries[at].best = better.unwrap_or(at as u32);
        if !literal.is_exact() {
            above.push(at as u32);
        }
    }
}

/// Whether a literal is a prefix of another, or its equal.
const fn covers(wide: Literal, narrow: Literal) -> bool {
    !wide.is_exact() && wide.matches(narrow.as_key())
}
