//! The outbound rule table: which rule a pair of caller and destination takes.

use std::sync::Arc;

use smallvec::SmallVec;

use super::found::Match;
use super::rules::{Rule, RuleTable};
use crate::id::RuleId;
use crate::number::DialKey;
use crate::pattern::Pattern;

/// An enabled outbound rule, as it is put into an [`OutboundTable`].
#[derive(Clone, Debug)]
pub struct OutboundRule<T> {
    /// Unique in its tenant and direction.
    pub id: RuleId,
    /// What the calling number must match.
    pub caller: Pattern,
    /// What the dialled number must match.
    pub destination: Pattern,
    /// What a match returns.
    pub payload: T,
}

/// The enabled outbound rules of one tenant, ready for look-up.
///
/// [`find`](Self::find) returns exactly what a scan would: of the rules whose patterns both match, the one with the
/// more specific destination, then the more specific caller, then the lower id. Persistent like [`RuleTable`].
///
/// ```
/// use cxroute_core::{id::RuleId, number::DialKey, pattern::Pattern};
/// use cxroute_core::table::{OutboundRule, OutboundTable};
///
/// let rule = |id, caller, destination| {
///     Ok::<_, cxroute_core::pattern::PatternError>(OutboundRule {
///         id: RuleId::new(id), caller: Pattern::parse(caller)?, destination: Pattern::parse(destination)?,
///         payload: "trunk",
///     })
/// };
/// let table = OutboundTable::from_iter([rule(1, "*", "+44*")?, rule(2, "30??", "+44*")?, rule(3, "30??", "*")?]);
/// let london = DialKey::of("+44 20 7946 0000");
/// assert_eq!(table.find(&DialKey::of("3001"), &london).unwrap().id(), RuleId::new(2));
/// assert_eq!(table.find(&DialKey::of("4001"), &london).unwrap().id(), RuleId::new(1));
/// # Ok::<(), cxroute_core::pattern::PatternError>(())
/// ```
#[derive(Debug)]
pub struct OutboundTable<T> {
    /// One rule per destination pattern, all with `SAME` priority and id, whose payload is the callers' table.
    destinations: RuleTable<Arc<RuleTable<T>>>,
    len: usize,
}

/// Rank among outbound rules is by patterns alone.
const PRIORITY: u32 = 0;
const SAME: RuleId = RuleId::new(0);

/// An outbound rule that matches, borrowed from the table.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboundMatch<'a, T> {
    destination: Match<'a, Arc<RuleTable<T>>>,
    caller: Match<'a, T>,
}

impl<T> Clone for OutboundMatch<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OutboundMatch<'_, T> {}

impl<'a, T> OutboundMatch<'a, T> {
    fn of(destination: Match<'a, Arc<RuleTable<T>>>, caller: &DialKey) -> Option<Self> {
        Some(Self { destination, caller: destination.payload().find(caller)? })
    }

    /// The rule's id.
    pub const fn id(&self) -> RuleId {
        self.caller.id()
    }

    /// The rule's caller pattern, canonical.
    pub fn caller(&self) -> Pattern {
        self.caller.pattern()
    }

    /// The rule's destination pattern, canonical.
    pub fn destination(&self) -> Pattern {
        self.destination.pattern()
    }

    /// What the rule was put in with.
    pub const fn payload(&self) -> &'a T {
        self.caller.payload()
    }
}

impl<T> Clone for OutboundTable<T> {
    fn clone(&self) -> Self {
        Self { destinations: self.destinations.clone(), len: self.len }
    }
}

impl<T> Default for OutboundTable<T> {
    fn default() -> Self {
        Self { destinations: RuleTable::new(), len: 0 }
    }
}

impl<T> OutboundTable<T> {
    /// A table without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rules there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no rule.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The rule that a call from `caller` to `destination` takes.
    pub fn find(&self, caller: &DialKey, destination: &DialKey) -> Option<OutboundMatch<'_, T>> {
        // Nearly always the most specific destination has a rule for the caller.
        if let Some(best) = OutboundMatch::of(self.destinations.find(destination)?, caller) {
            return Some(best);
        }
        let mut all: SmallVec<[_; 16]> = self.destinations.every_match(destination).collect();
        all.sort_unstable();
        all.into_iter().find_map(|to| OutboundMatch::of(to, caller))
    }

    /// The rules that match, best first: the winner and the next best ones, at most `limit`.
    pub fn matches(
        &self,
        caller: &DialKey,
        destination: &DialKey,
        limit: usize,
    ) -> Vec<OutboundMatch<'_, T>> {
        let destinations = self.destinations.matches(destination, usize::MAX);
        let both = destinations.into_iter().flat_map(|to| {
            let callers = to.payload().matches(caller, limit);
            callers.into_iter().map(move |caller| OutboundMatch { destination: to, caller })
        });
        both.take(limit).collect()
    }

    /// Another rule with the same canonical patterns: the one with the lowest id.
    ///
    /// `except` is the rule that is being changed, if it is in the table already.
    pub fn conflict(
        &self,
        caller: &Pattern,
        destination: &Pattern,
        except: Option<RuleId>,
    ) -> Option<RuleId> {
        self.callers_of(destination)?.conflict(caller, PRIORITY, except)
    }

    /// The rule because of which a rule can never win: the best one that ranks before it and matches all that it
    /// matches. Exact for shadowing by a single rule, as [`RuleTable::shadowed_by`].
    pub fn shadowed_by(&self, caller: &Pattern, destination: &Pattern, id: RuleId) -> Option<RuleId> {
        let twin = || self.callers_of(destination)?.shadowed_by(caller, PRIORITY, id);
        let broader = || {
            let covering = self.destinations.covering(destination);
            let before = covering.filter(|to| to.pattern().specificity() < destination.specificity());
            let mut before: Vec<_> = before.collect();
            before.sort_unstable();
            before
                .into_iter()
                .find_map(|to| to.payload().covering(caller).filter(|rule| rule.id() != id).min())
        };
        broader().map(|rule| rule.id()).or_else(twin)
    }

    fn callers_of(&self, destination: &Pattern) -> Option<&RuleTable<T>> {
        self.destinations.twins(destination).first().map(|twin| &**twin.payload())
    }
}

impl<T: Clone> OutboundTable<T> {
    /// Adds a rule; one with its patterns and id is replaced, and its payload returned.
    pub fn insert(&mut self, rule: OutboundRule<T>) -> Option<T> {
        let OutboundRule { id, caller, destination, payload } = rule;
        let mut callers = self.callers_of(&destination).cloned().unwrap_or_default();
        let replaced = callers.insert(Rule { id, priority: PRIORITY, pattern: caller, payload });
        self.put(destination, callers);
        self.len += usize::from(replaced.is_none());
        replaced
    }

    /// Takes out the rule with these patterns and id, if it is there, and returns its payload.
    pub fn remove(&mut self, caller: &Pattern, destination: &Pattern, id: RuleId) -> Option<T> {
        let mut callers = self.callers_of(destination)?.clone();
        let removed = callers.remove(caller, PRIORITY, id)?;
        if callers.is_empty() {
            self.destinations.remove(destination, PRIORITY, SAME);
        } else {
            self.put(destination.clone(), callers);
        }
        self.len -= 1;
        Some(removed)
    }

    fn put(&mut self, destination: Pattern, callers: RuleTable<T>) {
        let payload = Arc::new(callers);
        self.destinations.insert(Rule { id: SAME, priority: PRIORITY, pattern: destination, payload });
    }
}

/// Builds a table at once; of rules with equal patterns and id the last stays.
impl<T: Clone> FromIterator<OutboundRule<T>> for OutboundTable<T> {
    fn from_iter<I: IntoIterator<Item = OutboundRule<T>>>(rules: I) -> Self {
        let mut by_destination: std::collections::HashMap<Pattern, Vec<Rule<T>>> = Default::default();
        for OutboundRule { id, caller, destination, payload } in rules {
            let rule = Rule { id, priority: PRIORITY, pattern: caller, payload };
            by_destination.entry(destination).or_default().push(rule);
        }
        let tables = by_destination.into_iter().map(|(pattern, rules)| {
            let payload = Arc::new(RuleTable::from_iter(rules));
            Rule { id: SAME, priority: PRIORITY, pattern, payload }
        });
        let destinations: Vec<_> = tables.collect();
        let len = destinations.iter().map(|rule| rule.payload.len()).sum();
        Self { destinations: destinations.into_iter().collect(), len }
    }
}
