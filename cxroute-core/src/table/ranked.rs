//! Rules that are kept with their pattern (all but literal numbers), and short sorted lists of them.

use std::sync::Arc;

use crate::id::RuleId;
use crate::pattern::Pattern;

/// A rule with its pattern.
#[derive(Clone, Debug)]
pub(super) struct Ranked<T> {
    pub(super) pattern: Arc<Pattern>,
    pub(super) priority: u32,
    pub(super) id: RuleId,
    pub(super) payload: T,
}

/// Rules with one and the same pattern, best first.
#[derive(Clone, Debug)]
pub(super) struct Twins<T>(Vec<Ranked<T>>);

impl<T> Default for Twins<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Twins<T> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn first(&self) -> Option<&Ranked<T>> {
        self.0.first()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Ranked<T>> {
        self.0.iter()
    }

    /// Adds a rule, or replaces the one with its priority and id; returns the old payload.
    pub(super) fn insert(&mut self, rule: Ranked<T>) -> Option<T> {
        match self.position(rule.priority, rule.id) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at], rule).payload),
            Err(at) => {
                self.0.insert(at, rule);
                None
            }
        }
    }

    pub(super) fn remove(&mut self, priority: u32, id: RuleId) -> Option<T> {
        let at = self.position(priority, id).ok()?;
        Some(self.0.remove(at).payload)
    }

    fn position(&self, priority: u32, id: RuleId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&(priority, id), |rule| (rule.priority, rule.id))
    }
}
