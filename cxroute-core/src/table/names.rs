//! The table of the other literals: names, dialled `*` and `#`, numbers of more than 15 digits. A persistent radix tree
//! over bytes; its cost depends on the length of what is dialled.

use std::sync::Arc;

use super::ranked::{Ranked, Twins};
use crate::pattern::{Form, Pattern, Tail};

/// Literal rules by their text.
#[derive(Debug)]
pub(super) struct Names<T> {
    root: Option<Arc<Node<T>>>,
}

/// The rules whose text begins with what the labels down to this node spell.
#[derive(Clone, Debug)]
struct Node<T> {
    label: Box<[u8]>,
    /// Rules with exactly this text.
    exact: Twins<T>,
    /// Rules with this prefix.
    prefix: Twins<T>,
    /// Sorted by the first byte of their labels, which differ.
    children: Vec<Arc<Node<T>>>,
}

impl<T> Clone for Names<T> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone() }
    }
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<T> Names<T> {
    pub(super) const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Every rule that matches, shorter ones first and twins best first.
    pub(super) fn matches<'a>(&'a self, text: &[u8]) -> impl Iterator<Item = &'a Ranked<T>> {
        self.nodes(text).flat_map(|(node, rest)| {
            let exact = rest.is_empty().then_some(&node.exact);
            node.prefix.iter().chain(exact.into_iter().flat_map(Twins::iter))
        })
    }

    /// The best of each set of twins that matches, shorter ones first.
    pub(super) fn firsts<'a>(&'a self, text: &[u8]) -> impl Iterator<Item = &'a Ranked<T>> {
        self.nodes(text).flat_map(|(node, rest)| {
            let exact = rest.is_empty().then(|| node.exact.first()).flatten();
            node.prefix.first().into_iter().chain(exact)
        })
    }

    /// The nodes whose text the given text begins with, and what follows it.
    fn nodes<'a, 'k>(&'a self, text: &'k [u8]) -> impl Iterator<Item = (&'a Node<T>, &'k [u8])> {
        let root = self.root.as_deref().map(|root| (root, text));
        std::iter::successors(root, |(node, rest)| {
            let child = &node.children[node.child(*rest.first()?).ok()?];
            Some((&**child, rest.strip_prefix(&*child.label)?))
        })
    }
}

impl<T: Clone> Names<T> {
    /// Adds a literal rule, or replaces the one with its pattern, priority and id; returns the old payload.
    pub(super) fn insert(&mut self, text: &[u8], rule: Ranked<T>) -> Option<T> {
        let root = self.root.get_or_insert_with(|| Arc::new(Node::labelled(&[])));
        Arc::make_mut(root).twins(text, &rule.pattern.clone()).insert(rule)
    }

    /// Takes a rule out; `rule_of` removes it from the twins that have its pattern.
    pub(super) fn remove(
        &mut self,
        text: &[u8],
        pattern: &Pattern,
        rule_of: impl FnOnce(&mut Twins<T>) -> Option<T>,
    ) -> Option<T> {
        // Looked for first: a rule that is not there copies nothing.
        self.nodes(text).find(|(_, rest)| rest.is_empty())?;
        let root = Arc::make_mut(self.root.as_mut()?);
        let removed = root.remove(text, pattern, rule_of);
        if root.is_bare() && root.children.is_empty() {
            self.root = None;
        }
        removed
    }
}

impl<T> Node<T> {
    fn labelled(label: &[u8]) -> Self {
        Self { label: label.into(), exact: Twins::default(), prefix: Twins::default(), children: Vec::new() }
    }

    /// Where the child is, or belongs, whose label begins with a byte.
    fn child(&self, first: u8) -> Result<usize, usize> {
        self.children.binary_search_by_key(&Some(first), |child| child.label.first().copied())
    }

    const fn is_bare(&self) -> bool {
        self.exact.is_empty() && self.prefix.is_empty()
    }

    fn own_twins(&mut self, pattern: &Pattern) -> &mut Twins<T> {
        match pattern.form() {
            Form::Positions(_, Tail::Exact) => &mut self.exact,
            _ => &mut self.prefix,
        }
    }
}

impl<T: Clone> Node<T> {
    /// The twins at `text` below this node; the nodes on the way are made.
    fn twins(&mut self, text: &[u8], pattern: &Pattern) -> &mut Twins<T> {
        let Some(first) = text.first() else { return self.own_twins(pattern) };
        let at = match self.child(*first) {
            Ok(at) => at,
            Err(at) => {
                self.children.insert(at, Arc::new(Self::labelled(text)));
                at
            }
        };
        let child = Arc::make_mut(&mut self.children[at]);
        let common = child.label.iter().zip(text).take_while(|(a, b)| a == b).count();
        if common < child.label.len() {
            child.split(common);
        }
        child.twins(&text[common..], pattern)
    }

    /// Puts a node above this one that has the first `common` bytes of its label.
    fn split(&mut self, common: usize) {
        let mut above = Self::labelled(&self.label[..common]);
        self.label = self.label[common..].into();
        std::mem::swap(self, &mut above);
        self.children.push(Arc::new(above));
    }

    fn remove(
        &mut self,
        text: &[u8],
        pattern: &Pattern,
        rule_of: impl FnOnce(&mut Twins<T>) -> Option<T>,
    ) -> Option<T> {
        let Some(first) = text.first() else { return rule_of(self.own_twins(pattern)) };
        let at = self.child(*first).ok()?;
        let child = Arc::make_mut(&mut self.children[at]);
        let rest = text.strip_prefix(&*child.label)?;
        let removed = child.remove(rest, pattern, rule_of);
        if child.is_bare() {
            match child.children.as_mut_slice() {
                [] => drop(self.children.remove(at)),
                [only] => {
                    let mut below = Arc::unwrap_or_clone(only.clone());
                    below.label = [&*child.label, &*below.label].concat().into();
                    *child = below;
                }
                _ => {}
            }
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RuleId;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    fn with(texts: &[&str]) -> Names<()> {
        let mut names = Names::default();
        for text in texts {
            let rule =
                Ranked { pattern: Arc::new(pattern(text)), priority: 1, id: RuleId::new(1), payload: () };
            assert!(names.insert(text.trim_end_matches('*').as_bytes(), rule).is_none());
        }
        names
    }

    fn remove(names: &mut Names<()>, text: &str) {
        let without = |twins: &mut Twins<()>| twins.remove(1, RuleId::new(1));
        let removed = names.remove(text.trim_end_matches('*').as_bytes(), &pattern(text), without);
        assert!(removed.is_some(), "{text}");
    }

    #[test]
    fn nothing_stays_of_rules_that_were_taken_out() {
        let texts = ["alice", "alice*", "alicia", "al", "bob*", "ali-baba"];
        for first in 0..texts.len() {
            let mut names = with(&texts);
            for at in 0..texts.len() {
                assert!(!names.is_empty());
                remove(&mut names, texts[(first + at) % texts.len()]);
            }
            assert!(names.is_empty());
        }
    }

    #[test]
    fn what_a_neighbour_had_split_is_whole_again_without_it() {
        let mut names = with(&["alice", "alan"]);
        let label = |names: &Names<()>| names.root.as_ref().map(|root| root.children[0].label.clone());
        assert_eq!(label(&names).as_deref(), Some(&b"al"[..]));
        remove(&mut names, "alan");
        assert_eq!(label(&names).as_deref(), Some(&b"alice"[..]));
    }
}
