//! The table of literal numbers: a persistent tree over digits whose leaves are blocks. A change copies the nodes on
//! one path and rebuilds one block; everything else is shared with the older versions.

use std::cmp::Reverse;
use std::sync::Arc;

use super::block::{Block, Entry, Order};
use super::literal::Literal;
use crate::id::RuleId;
use crate::number::DigitCode;

/// Literal rules of up to 15 digits.
#[derive(Debug)]
pub(super) struct Numbers<T> {
    root: Option<Arc<Node<T>>>,
}

/// The rules whose numbers begin with the same `depth` digits.
#[derive(Clone, Debug)]
struct Node<T> {
    /// All of them, or those that end before the children begin.
    block: Block<T>,
    /// By the next `stride` digits; none in a leaf.
    children: Box<[Option<Arc<Node<T>>>]>,
    /// How many rules there are, the children's included.
    len: usize,
    depth: u8,
    stride: u8,
}

/// A leaf with more rules is split, and a node with a quarter of it becomes a leaf again. Small in unit tests, so that
/// their tables have every shape; `tests/rule_table.rs` uses the real size.
const MAX_LEAF: usize = if cfg!(test) { 96 } else { 8192 };
const MAX_DEPTH: u8 = DigitCode::MAX_DIGITS as u8;

impl<T> Clone for Numbers<T> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone() }
    }
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<T> Numbers<T> {
    /// The winner among the rules that match.
    #[inline]
    pub(super) fn find(&self, key: DigitCode) -> Option<&Entry<T>> {
        let mut node = self.root.as_deref()?;
        let mut best = None;
        let place = key.ended();
        loop {
            if !node.block.is_empty() {
                best = better(best, node.block.find(key, place));
            }
            match node.child(place) {
                Some(child) => node = child,
                None => return best,
            }
        }
    }

    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        self.root.as_ref().map_or(0, |root| root.len)
    }

    /// Every rule that matches, in no particular order.
    pub(super) fn matches(&self, key: DigitCode) -> impl Iterator<Item = &Entry<T>> {
        let path = std::iter::successors(self.root.as_deref(), move |node| node.child(key.ended()));
        path.flat_map(move |node| node.block.matches(key))
    }

    /// The rules with exactly this literal.
    pub(super) fn same(&self, literal: Literal) -> &[Entry<T>] {
        let mut node = self.root.as_deref();
        while let Some(here) = node {
            match here.child_index(literal) {
                Some(at) => node = here.children.get(at).and_then(Option::as_deref),
                None => return here.block.same(literal),
            }
        }
        &[]
    }
}

impl<T: Clone> Numbers<T> {
    /// A table of these rules; of rules with equal literal, priority and id the last stays.
    pub(super) fn of(mut entries: Vec<Entry<T>>) -> Self {
        entries.reverse();
        entries.sort_by_key(Entry::order);
        entries.dedup_by_key(|entry| entry.order());
        Self { root: (!entries.is_empty()).then(|| Arc::new(Node::of(entries, 0))) }
    }

    /// Adds a rule, or replaces the one with its literal, priority and id; returns the old payload.
    pub(super) fn insert(&mut self, entry: Entry<T>) -> Option<T> {
        match &mut self.root {
            Some(root) => Arc::make_mut(root).insert(entry),
            root => {
                *root = Some(Arc::new(Node::of(vec![entry], 0)));
                None
            }
        }
    }

    /// Takes a rule out.
    pub(super) fn remove(&mut self, literal: Literal, priority: u32, id: RuleId) -> Option<T> {
        let order = (literal, Reverse((priority, id)));
        // Looked for first: a rule that is not there copies nothing.
        self.same(literal).iter().find(|entry| entry.order() == order)?;
        let root = Arc::make_mut(self.root.as_mut()?);
        let removed = root.remove(order);
        if root.len == 0 {
            self.root = None;
        }
        removed
    }
}

impl<T> Node<T> {
    #[inline]
    fn child(&self, key: DigitCode) -> Option<&Self> {
        if self.stride == 0 {
            None
        } else {
            self.children.get(child_of(key, self.depth, self.stride)?)?.as_deref()
        }
    }

    /// Which child holds a rule; `None` if it is this node's own.
    fn child_index(&self, literal: Literal) -> Option<usize> {
        if self.stride == 0 { None } else { child_of(literal.digits_only(), self.depth, self.stride) }
    }
}

impl<T: Clone> Node<T> {
    /// A node for sorted entries that share their first `depth` digits.
    fn of(entries: Vec<Entry<T>>, depth: u8) -> Self {
        let len = entries.len();
        if len <= MAX_LEAF || depth == MAX_DEPTH {
            return Self {
                block: Block::of(entries, depth),
                children: Box::default(),
                len,
                depth,
                stride: 0,
            };
        }
        let stride = if depth == 0 { 3 } else { 1 };
        let mut node =
            Self { block: Block::of(Vec::new(), depth), children: Box::default(), len, depth, stride };
        let mut own = Vec::new();
        let mut children: Vec<Vec<Entry<T>>> = Vec::new();
        children.resize_with(10_usize.pow(u32::from(stride)), Vec::new);
        for entry in entries {
            match node.child_index(entry.literal) {
                Some(at) => children[at].push(entry),
                None => own.push(entry),
            }
        }
        node.block = Block::of(own, depth);
        let child =
            |entries: Vec<_>| (!entries.is_empty()).then(|| Arc::new(Self::of(entries, depth + stride)));
        node.children = children.into_iter().map(child).collect();
        node
    }

    fn insert(&mut self, entry: Entry<T>) -> Option<T> {
        let replaced = match self.child_index(entry.literal) {
            None => self.block.insert(entry),
            Some(at) => match &mut self.children[at] {
                Some(child) => Arc::make_mut(child).insert(entry),
                child => {
                    *child = Some(Arc::new(Self::of(vec![entry], self.depth + self.stride)));
                    None
                }
            },
        };
        self.len += usize::from(replaced.is_none());
        if self.stride == 0 && self.len > MAX_LEAF && self.depth < MAX_DEPTH {
            self.rebuild();
        }
        replaced
    }

    fn remove(&mut self, order: Order) -> Option<T> {
        let removed = match self.child_index(order.0) {
            None => self.block.remove(order)?,
            Some(at) => {
                let child = Arc::make_mut(self.children.get_mut(at)?.as_mut()?);
                let removed = child.remove(order)?;
                if child.len == 0 {
                    self.children[at] = None;
                }
                removed
            }
        };
        self.len -= 1;
        if self.stride > 0 && self.len <= MAX_LEAF / 4 {
            self.rebuild();
        }
        Some(removed)
    }

    fn rebuild(&mut self) {
        let mut entries = Vec::with_capacity(self.len);
        self.drain_into(&mut entries);
        entries.sort_by_key(Entry::order);
        *self = Self::of(entries, self.depth);
    }

    fn drain_into(&mut self, entries: &mut Vec<Entry<T>>) {
        let block = std::mem::replace(&mut self.block, Block::of(Vec::new(), self.depth));
        entries.extend(block.into_entries());
        for child in self.children.iter_mut().flatten() {
            Arc::make_mut(child).drain_into(entries);
        }
    }
}

/// The number that the next `stride` (1 or 3) digits form; `None` if there are fewer.
#[inline]
const fn child_of(place: DigitCode, depth: u8, stride: u8) -> Option<usize> {
    let next = place.bits() << (4 * depth);
    let [first, second, third] = [next >> 60, next >> 56 & 15, next >> 52 & 15];
    // Digits are 1 to 10 here, and what follows the last one is 0.
    match stride {
        1 if first > 0 => Some(first as usize - 1),
        3 if third > 0 => Some((first * 100 + second * 10 + third - 111) as usize),
        _ => None,
    }
}

/// The better of the best so far and a longer match: the longer one, unless its priority is worse.
#[inline]
fn better<'a, T>(so_far: Option<&'a Entry<T>>, longer: Option<&'a Entry<T>>) -> Option<&'a Entry<T>> {
    match (so_far, longer) {
        (Some(so_far), Some(longer)) if so_far.priority < longer.priority => Some(so_far),
        (so_far, longer) => longer.or(so_far),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    fn literal(text: &str) -> Literal {
        Literal::of(&Pattern::parse(text).unwrap()).unwrap()
    }

    /// Checks the shape of a node and of all below it, and returns how many rules there are.
    fn checked(node: &Node<u64>) -> usize {
        let own = node.block.clone().into_entries();
        let mut len = own.len();
        for child in node.children.iter().flatten() {
            assert_eq!(child.depth, node.depth + node.stride);
            len += checked(child);
        }
        assert!(len > 0 && len == node.len, "{len} rules, and {} are said", node.len);
        match node.stride {
            0 => assert!(len <= MAX_LEAF || node.depth == MAX_DEPTH, "a leaf of {len} rules"),
            _ => {
                assert!(len > MAX_LEAF / 4, "a node with children and {len} rules");
                // Its own are those that end before its children begin: the last digit of the stride is none.
                let last = 4 * (node.depth + node.stride - 1);
                let is_own = |entry: &Entry<u64>| entry.literal.digits_only().bits() << last >> 60 == 0;
                assert!(own.iter().all(is_own), "a rule that is a child's");
            }
        }
        len
    }

    #[test]
    fn leaves_are_split_and_merged_as_rules_come_and_go_so_that_a_change_stays_cheap() {
        let text = |id: u64| {
            let digits = (id + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            // Half of them under one prefix, some shorter than where a node's children begin.
            let digits = format!("{digits:014}");
            let (head, count) = if id.is_multiple_of(2) { ("1212", 8) } else { ("", 2 + (id % 8) as usize) };
            // One ends exactly where a node below begins.
            if id == 700 { "121*".to_owned() } else { format!("{head}{}*", &digits[..count]) }
        };
        let mut numbers = Numbers::default();
        for id in 0..1_500 {
            let entry = Entry { literal: literal(&text(id)), id: RuleId::new(id), priority: 1, payload: id };
            assert_eq!(numbers.insert(entry), None);
            if id % 50 == 0 {
                assert_eq!(numbers.root.as_deref().map(checked), Some(id as usize + 1));
            }
        }
        let root = numbers.root.as_deref().unwrap();
        assert_eq!(root.stride, 3);
        assert!(root.children.iter().flatten().any(|child| child.stride == 1), "1212 is split further");
        for id in 0..1_500 {
            assert_eq!(numbers.remove(literal(&text(id)), 1, RuleId::new(id)), Some(id));
            if id % 50 == 0 {
                assert_eq!(numbers.root.as_deref().map(checked), Some(1_499 - id as usize));
            }
        }
        assert!(numbers.root.is_none());
    }
}
