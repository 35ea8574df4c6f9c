//! The leaves of the table of numbers: a sorted array of a few thousand literal rules, with an index over the next
//! digits. Look-up reads one slot of the index and, usually, one entry. A block is rebuilt when one of its rules
//! changes, so everything in it can be worked out beforehand.

use std::cmp::Reverse;
use std::ops::Range;

use super::literal::Literal;
use crate::id::RuleId;
use crate::number::DigitCode;

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    pub(super) literal: Literal,
    pub(super) id: RuleId,
    pub(super) priority: u32,
    pub(super) payload: T,
}

impl<T> Entry<T> {
    /// Entries are sorted by literal; of equal ones the better comes later, as the last that matches is taken.
    pub(super) const fn order(&self) -> Order {
        (self.literal, Reverse((self.priority, self.id)))
    }
}

/// An entry's place in a block.
pub(super) type Order = (Literal, Reverse<(u32, RuleId)>);

/// Rules whose numbers begin with the same `depth` digits.
#[derive(Clone, Debug)]
pub(super) struct Block<T> {
    entries: Box<[Entry<T>]>,
    /// For each entry; empty where every entry wins over those that cover it, and no slot has many entries.
    links: Box<[Link]>,
    /// For every value of the next `width` nibbles (base 11), and one more as the end of the last; empty without
    /// index.
    slots: Box<[Slot]>,
    depth: u8,
    width: u8,
}

/// How an entry stands to those that cover it.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// The winner where the entry is the longest that matches: itself or one that covers it.
    best: u32,
    /// The nearest entry that covers it (an equal literal counts), or `NONE`.
    parent: u32,
}

/// The entries with given next nibbles.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The index of the first; the last is before the next slot's first.
    first: u16,
    /// The winner among the shorter prefixes that cover the slot, or `NO_COVER`.
    cover: u16,
}

const NONE: u32 = u32::MAX;
const NO_COVER: u16 = u16::MAX;
/// From so many entries in a slot on, the search halves instead of walking.
const MAX_WALK: usize = 8;

impl<T> Block<T> {
    /// A block of entries that are sorted by [`Entry::order`].
    pub(super) fn of(entries: Vec<Entry<T>>, depth: u8) -> Self {
        let width = index_width(entries.len());
        let links = links(&entries);
        let slots = slots(&entries, &links, depth, width);
        let crowded = match slots.as_slice() {
            [] => entries.len() > MAX_WALK,
            slots => slots.windows(2).any(|pair| usize::from(pair[1].first - pair[0].first) > MAX_WALK),
        };
        let needed = crowded || links.iter().zip(0..).any(|(link, at)| link.best != at);
        let links = if needed { links.into_boxed_slice() } else { Box::default() };
        Self { entries: entries.into_boxed_slice(), links, slots: slots.into_boxed_slice(), depth, width }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn into_entries(self) -> Vec<Entry<T>> {
        self.entries.into_vec()
    }

    /// The winner among the rules that match; the key shares the block's first `depth` digits, and `place` is its
    /// [`DigitCode::ended`].
    #[inline]
    pub(super) fn find(&self, key: DigitCode, place: DigitCode) -> Option<&Entry<T>> {
        let at = slot_of(place, self.depth, self.width);
        let (range, cover) = match self.slots.get(at..at + 2) {
            Some([slot, next]) => (usize::from(slot.first)..usize::from(next.first), slot.cover),
            _ => (0..self.entries.len(), NO_COVER),
        };
        let winner = match self.longest(range, key) {
            Some(longest) => self.links.get(longest).map_or(longest, |link| link.best as usize),
            None => usize::from(cover),
        };
        self.entries.get(winner)
    }

    /// The longest match within a slot.
    #[inline]
    fn longest(&self, slot: Range<usize>, key: DigitCode) -> Option<usize> {
        let first = slot.start;
        let entries = self.entries.get(slot)?;
        if entries.len() <= MAX_WALK {
            return entries.iter().rposition(|entry| entry.literal.matches(key)).map(|at| first + at);
        }
        let after = entries.partition_point(|entry| entry.literal.is_up_to(key));
        let mut at = (first + after).checked_sub(1)?;
        while at >= first {
            if self.entries.get(at)?.literal.matches(key) {
                return Some(at);
            }
            at = self.links.get(at)?.parent as usize;
        }
        None
    }

    /// Every rule that matches, longer ones first.
    pub(super) fn matches(&self, key: DigitCode) -> impl Iterator<Item = &Entry<T>> {
        Literal::all_matching(key).flat_map(|literal| self.same(literal))
    }

    /// The rules with exactly this literal.
    pub(super) fn same(&self, literal: Literal) -> &[Entry<T>] {
        let start = self.entries.partition_point(|entry| entry.literal < literal);
        let rest = &self.entries[start..];
        &rest[..rest.partition_point(|entry| entry.literal == literal)]
    }

    /// Adds an entry, or replaces the one with its literal, priority and id; returns the old payload.
    pub(super) fn insert(&mut self, entry: Entry<T>) -> Option<T> {
        let place = self.entries.binary_search_by_key(&entry.order(), Entry::order);
        let mut entries = std::mem::take(&mut self.entries).into_vec();
        let replaced = match place {
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
    pub(super) fn remove(&mut self, order: Order) -> Option<T> {
        let at = self.entries.binary_search_by_key(&order, Entry::order).ok()?;
        let mut entries = std::mem::take(&mut self.entries).into_vec();
        let removed = entries.remove(at).payload;
        *self = Self::of(entries, self.depth);
        Some(removed)
    }
}

/// As many nibbles as leave about one entry to a slot, or a few. Slots count in 16 bits, so a larger block (thousands
/// of equal literals) goes without an index.
const fn index_width(entries: usize) -> u8 {
    match entries {
        0..=8 => 0,
        9..=80 => 1,
        81..=880 => 2,
        881..=4500 => 3,
        4501..65_535 => 4,
        _ => 0,
    }
}

/// The value of `width` nibbles from the `depth`th on, base 11.
#[inline]
const fn slot_of(place: DigitCode, depth: u8, width: u8) -> usize {
    let next = place.bits() << (4 * depth);
    let [first, second, third, fourth] = [next >> 60, next >> 56 & 15, next >> 52 & 15, next >> 48 & 15];
    let slot = match width {
        0 => 0,
        1 => first,
        2 => first * 11 + second,
        3 => first * 121 + second * 11 + third,
        _ => first * 1331 + second * 121 + third * 11 + fourth,
    };
    slot as usize
}

/// The index over sorted entries.
fn slots<T>(entries: &[Entry<T>], links: &[Link], depth: u8, width: u8) -> Vec<Slot> {
    if width == 0 {
        return Vec::new();
    }
    let count = 11_usize.pow(u32::from(width));
    let mut slots = vec![Slot { first: 0, cover: NO_COVER }; count + 1];
    for (entry, link) in entries.iter().zip(links) {
        let at = slot_of(entry.literal.digits_only(), depth, width);
        slots[at + 1].first += 1;
        let open = u32::from(depth + width).saturating_sub(entry.literal.digits());
        if open > 0 && !entry.literal.is_exact() {
            // Sorted as they are, longer prefixes overwrite the shorter ones that cover them.
            let covered = at..at + 11_usize.pow(open);
            slots[covered].iter_mut().for_each(|slot| slot.cover = link.best as u16);
        }
    }
    let mut first = 0;
    for slot in &mut slots {
        first += slot.first;
        slot.first = first;
    }
    slots
}

/// The links between sorted entries.
fn links<T>(entries: &[Entry<T>]) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::with_capacity(entries.len());
    let mut above: Vec<u32> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        while let Some(top) = above.last()
            && !entries[*top as usize].literal.covers(entry.literal)
        {
            above.pop();
        }
        let twin = at.checked_sub(1).filter(|before| entries[*before].literal == entry.literal);
        let parent = twin.map(|before| before as u32).or(above.last().copied());
        let better = parent
            .map(|parent| links[parent as usize].best)
            .filter(|best| entries[*best as usize].priority < entry.priority);
        links.push(Link { best: better.unwrap_or(at as u32), parent: parent.unwrap_or(NONE) });
        if !entry.literal.is_exact() {
            above.push(at as u32);
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    /// Numbers that count up behind the block's own digits.
    fn block(count: usize, digits: usize) -> Block<()> {
        let entry = |id: usize| {
            let pattern = Pattern::parse(&format!("1212{id:0digits$}")).unwrap();
            let literal = Literal::of(&pattern).unwrap();
            Entry { literal, id: RuleId::new(id as u64), priority: 1, payload: () }
        };
        Block::of((0..count).map(entry).collect(), 4)
    }

    #[test]
    fn the_index_has_about_a_slot_for_every_entry_and_links_are_kept_where_they_are_needed_only() {
        for (count, digits, slots) in [
            (0, 1, 0),
            (8, 1, 0),
            (9, 1, 11),
            (80, 2, 11),
            (81, 2, 121),
            (880, 3, 121),
            (881, 3, 1_331),
            (4_500, 4, 1_331),
            (4_501, 4, 14_641),
            (10_000, 4, 14_641),
        ] {
            let block = block(count, digits);
            let expected = if slots == 0 { 0 } else { slots + 1 };
            assert_eq!(block.slots.len(), expected, "{count} entries");
            // Counted up, they fill the slots that they have evenly, up to ten to a slot of two digits' width.
            let fullest = block.slots.windows(2).map(|pair| pair[1].first - pair[0].first).max();
            assert!(fullest.unwrap_or(0) <= 10, "{count} entries, {fullest:?} in one slot");
            assert_eq!(block.links.is_empty(), fullest.unwrap_or(0) <= MAX_WALK as u16, "{count} entries");
            assert_eq!(block.is_empty(), count == 0);
        }
    }
}
