//! The inbound rule table: which rule a dialled number takes, among a million, while rules come and go.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::block::Entry;
use super::classes::Classes;
use super::found::{Match, Matches};
use super::literal::{Literal, head};
use super::names::Names;
use super::numbers::Numbers;
use super::ranked::{Ranked, Twins};
use crate::country::Region;
use crate::id::RuleId;
use crate::number::{DialKey, DigitCode};
use crate::pattern::{Form, Pattern, Position};

/// An enabled rule, as it is put into a [`RuleTable`].
#[derive(Clone, Debug)]
pub struct Rule<T> {
    /// Unique in its tenant and direction.
    pub id: RuleId,
    /// The lowest wins.
    pub priority: u32,
    /// What it matches.
    pub pattern: Pattern,
    /// What a match returns; small, as it is copied when a neighbour changes.
    pub payload: T,
}

/// The enabled rules of one tenant, ready for look-up.
///
/// # Contract
/// - [`find`](Self::find) returns exactly what a scan over all rules would: of those that match, the one with the
///   lowest priority, then the more specific pattern, then the lower id. It allocates nothing.
/// - For literal patterns the cost depends on the length of the number, not on the number of rules; class and `?`
///   patterns are searched best first and no further than they could win; a country costs one short descent.
/// - The table is persistent: `clone` is O(1), and a change to one version copies a path and leaves the others as they
///   were. So readers go on with the version they hold, and never wait:
///
/// ```
/// use arc_swap::ArcSwap;
/// use cxroute_core::{id::RuleId, number::DialKey, pattern::Pattern};
/// use cxroute_core::table::{Rule, RuleTable};
///
/// let rule = |id, priority, pattern| {
///     Ok::<_, cxroute_core::pattern::PatternError>(Rule {
///         id: RuleId::new(id), priority, pattern: Pattern::parse(pattern)?, payload: "desk",
///     })
/// };
/// let shared = ArcSwap::from_pointee(RuleTable::from_iter([rule(1, 1, "+1212*")?, rule(2, 1, "*")?]));
/// let number = DialKey::of("+1 212 555 1234");
/// let before = shared.load_full();
///
/// let mut next = RuleTable::clone(&before);
/// next.insert(rule(3, 1, "+1212555*")?);
/// shared.store(next.into());
///
/// assert_eq!(before.find(&number).unwrap().id(), RuleId::new(1));
/// assert_eq!(shared.load().find(&number).unwrap().id(), RuleId::new(3));
/// assert_eq!(shared.load().find(&number).unwrap().pattern().to_string(), "1212555*");
/// # Ok::<(), cxroute_core::pattern::PatternError>(())
/// ```
#[derive(Debug)]
pub struct RuleTable<T> {
    numbers: Numbers<T>,
    names: Names<T>,
    /// All that is neither literal nor the pattern of everything; absent in most tables.
    others: Option<Arc<Others<T>>>,
    len: usize,
}

/// Rules whose patterns are not literal.
#[derive(Clone, Debug)]
pub(super) struct Others<T> {
    pub(super) classes: Classes<T>,
    pub(super) countries: BTreeMap<Region, Twins<T>>,
    pub(super) everything: Twins<T>,
}

/// Where a pattern is kept.
enum Place {
    Number(Literal),
    Name,
    Class,
    Country(Region),
    Everything,
}

impl Place {
    fn of(pattern: &Pattern) -> Self {
        match (Literal::of(pattern), pattern.form()) {
            (Some(literal), _) => Self::Number(literal),
            (_, Form::Everything) => Self::Everything,
            (_, Form::Country(region)) => Self::Country(*region),
            (_, Form::Positions(positions, _)) => {
                let is_class = |position: &Position| matches!(position, Position::Digits(_));
                if positions.iter().any(is_class) { Self::Class } else { Self::Name }
            }
        }
    }
}

impl<T> Default for Others<T> {
    fn default() -> Self {
        Self { classes: Classes::default(), countries: BTreeMap::new(), everything: Twins::default() }
    }
}

impl<T> Others<T> {
    fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.countries.is_empty() && self.everything.is_empty()
    }
}

impl<T> Clone for RuleTable<T> {
    fn clone(&self) -> Self {
        Self {
            numbers: self.numbers.clone(),
            names: self.names.clone(),
            others: self.others.clone(),
            len: self.len,
        }
    }
}

impl<T> Default for RuleTable<T> {
    fn default() -> Self {
        Self { numbers: Numbers::default(), names: Names::default(), others: None, len: 0 }
    }
}

impl<T> RuleTable<T> {
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

    /// The rule that a number takes.
    #[inline]
    pub fn find(&self, key: &DialKey) -> Option<Match<'_, T>> {
        let best = self.numbers.find(key.code()).map(Match::from);
        if self.others.is_none() && (self.names.is_empty() || key.code().is_whole()) {
            return best;
        }
        self.find_beyond_numbers(key, best)
    }

    fn find_beyond_numbers<'a>(
        &'a self,
        key: &DialKey,
        so_far: Option<Match<'a, T>>,
    ) -> Option<Match<'a, T>> {
        let named = self.names.firsts(key.as_bytes()).map(Match::from);
        let best = so_far.into_iter().chain(named).min();
        let Some(others) = &self.others else { return best };
        let could_win = |rule: &Ranked<T>| best.is_none_or(|best| Match::from(rule) < best);
        let class = others.classes.matches(key, could_win).next();
        let country = others.country(key).and_then(Twins::first);
        let rest = class.into_iter().chain(country).chain(others.everything.first());
        best.into_iter().chain(rest.map(Match::from)).min()
    }

    /// The rules that match, best first: the winner and the next best ones, at most `limit`.
    pub fn matches(&self, key: &DialKey, limit: usize) -> Matches<'_, T> {
        let mut best = Matches::new();
        for found in self.every_match(key) {
            let place = best.partition_point(|better| *better < found);
            if place < limit {
                best.truncate(limit - 1);
                best.insert(place, found);
            }
        }
        best
    }

    /// Every rule that matches, in no particular order.
    pub(super) fn every_match<'a>(&'a self, key: &DialKey) -> impl Iterator<Item = Match<'a, T>> {
        let numbers = self.numbers.matches(key.code()).map(Match::from);
        let names = self.names.matches(key.as_bytes()).map(Match::from);
        let others = self.others.as_deref().into_iter().flat_map(|others| {
            let classes = others.classes.matches(key, |_| true);
            let countries = others.country(key).into_iter().flat_map(Twins::iter);
            classes.chain(countries).chain(others.everything.iter()).map(Match::from)
        });
        numbers.chain(names).chain(others)
    }

    /// Another rule with the same canonical pattern and priority: the one with the lowest id.
    ///
    /// `except` is the rule that is being changed, if it is in the table already.
    pub fn conflict(&self, pattern: &Pattern, priority: u32, except: Option<RuleId>) -> Option<RuleId> {
        let twins = self.twins(pattern);
        let conflicts = twins.iter().filter(|twin| twin.priority() == priority && Some(twin.id()) != except);
        conflicts.map(Match::id).min()
    }

    /// The rules with exactly this pattern.
    pub(super) fn twins(&self, pattern: &Pattern) -> SmallVec<[Match<'_, T>; 4]> {
        let literals = |literal| self.numbers.same(literal).iter().map(Match::from).collect();
        let others = self.others.as_deref();
        let twins = match Place::of(pattern) {
            Place::Number(literal) => return literals(literal),
            Place::Name => {
                let text = head(pattern);
                let same = self.names.matches(&text).filter(|rule| *rule.pattern == *pattern);
                return same.map(Match::from).collect();
            }
            Place::Class => {
                let all = others.into_iter().flat_map(|others| others.classes.iter());
                return all.filter(|rule| *rule.pattern == *pattern).map(Match::from).collect();
            }
            Place::Country(region) => others.and_then(|others| others.countries.get(&region)),
            Place::Everything => others.map(|others| &others.everything),
        };
        twins.into_iter().flat_map(Twins::iter).map(Match::from).collect()
    }

    /// The rule because of which a rule can never win: the best one that ranks before it and matches all that it
    /// matches.
    ///
    /// The rule asked about need not be in the table, and an older state of it there does not count. Exact for
    /// shadowing by a single rule; that several rules together leave nothing for one (`10*` to `19*` and `1` for
    /// `1*`) is not looked for.
    pub fn shadowed_by(&self, pattern: &Pattern, priority: u32, id: RuleId) -> Option<RuleId> {
        let rank = |rule: &Match<'_, T>| {
            let by_pattern = rule.pattern().specificity().cmp(&pattern.specificity());
            rule.priority().cmp(&priority).then(by_pattern).then(rule.id().cmp(&id))
        };
        let before = self.covering(pattern).filter(|rule| rule.id() != id && rank(rule) == Ordering::Less);
        before.min().map(|rule| rule.id())
    }

    /// Every rule whose pattern matches all that a pattern matches, in no particular order.
    pub(super) fn covering<'a>(&'a self, pattern: &Pattern) -> impl Iterator<Item = Match<'a, T>> {
        let text = match pattern.form() {
            Form::Country(region) => region.common_digits(),
            _ => head(pattern),
        };
        let code = Literal::of(pattern).map_or_else(|| DigitCode::of_head(&text), Literal::as_key);
        let numbers = self.numbers.matches(code).map(Match::from);
        // Collected, as they are found by a text that ends here.
        let names: SmallVec<[_; 4]> = self.names.matches(&text).map(Match::from).collect();
        let others = self.others.as_deref().into_iter().flat_map(Others::iter).map(Match::from);
        numbers.chain(names).chain(others).filter(|rule| rule.pattern().covers(pattern))
    }
}

impl<T> Others<T> {
    fn country(&self, key: &DialKey) -> Option<&Twins<T>> {
        if self.countries.is_empty() { None } else { self.countries.get(&Region::of(key)?) }
    }

    fn iter(&self) -> impl Iterator<Item = &Ranked<T>> {
        let countries = self.countries.values().flat_map(Twins::iter);
        self.classes.iter().chain(countries).chain(self.everything.iter())
    }
}

impl<T: Clone> RuleTable<T> {
    /// Adds a rule; one with its pattern, priority and id is replaced, and its payload returned.
    pub fn insert(&mut self, rule: Rule<T>) -> Option<T> {
        let Rule { id, priority, pattern, payload } = rule;
        let place = Place::of(&pattern);
        let replaced = if let Place::Number(literal) = place {
            self.numbers.insert(Entry { literal, id, priority, payload })
        } else {
            let rule = Ranked { pattern: Arc::new(pattern), priority, id, payload };
            self.insert_ranked(&place, rule)
        };
        self.len += usize::from(replaced.is_none());
        replaced
    }

    fn insert_ranked(&mut self, place: &Place, rule: Ranked<T>) -> Option<T> {
        if let Place::Name | Place::Number(_) = place {
            return self.names.insert(&head(&rule.pattern), rule);
        }
        let others = Arc::make_mut(self.others.get_or_insert_default());
        match place {
            Place::Country(region) => others.countries.entry(*region).or_default().insert(rule),
            Place::Everything => others.everything.insert(rule),
            _ => others.classes.insert(rule),
        }
    }

    /// Takes out the rule with this pattern, priority and id, if it is there, and returns its payload.
    pub fn remove(&mut self, pattern: &Pattern, priority: u32, id: RuleId) -> Option<T> {
        let removed = match Place::of(pattern) {
            Place::Number(literal) => self.numbers.remove(literal, priority, id),
            Place::Name => self.names.remove(&head(pattern), pattern, |twins| twins.remove(priority, id)),
            place => self.remove_other(&place, pattern, priority, id),
        };
        self.len -= usize::from(removed.is_some());
        removed
    }

    fn remove_other(&mut self, place: &Place, pattern: &Pattern, priority: u32, id: RuleId) -> Option<T> {
        let others = Arc::make_mut(self.others.as_mut()?);
        let removed = match place {
            Place::Country(region) => {
                let twins = others.countries.get_mut(region)?;
                let removed = twins.remove(priority, id);
                if twins.is_empty() {
                    others.countries.remove(region);
                }
                removed
            }
            Place::Everything => others.everything.remove(priority, id),
            _ => others.classes.remove(pattern, priority, id),
        };
        if others.is_empty() {
            self.others = None;
        }
        removed
    }
}

impl<T: Clone> Extend<Rule<T>> for RuleTable<T> {
    fn extend<I: IntoIterator<Item = Rule<T>>>(&mut self, rules: I) {
        rules.into_iter().for_each(|rule| drop(self.insert(rule)));
    }
}

/// Builds a table at once, much faster than rule by rule; of rules with equal pattern, priority and id the last stays.
impl<T: Clone> FromIterator<Rule<T>> for RuleTable<T> {
    fn from_iter<I: IntoIterator<Item = Rule<T>>>(rules: I) -> Self {
        let (mut numbers, mut classes, mut table) = (Vec::new(), Vec::new(), Self::new());
        for Rule { id, priority, pattern, payload } in rules {
            match Place::of(&pattern) {
                Place::Number(literal) => numbers.push(Entry { literal, id, priority, payload }),
                Place::Class => classes.push(Ranked { pattern: Arc::new(pattern), priority, id, payload }),
                _ => drop(table.insert(Rule { id, priority, pattern, payload })),
            }
        }
        table.numbers = Numbers::of(numbers);
        if !classes.is_empty() {
            Arc::make_mut(table.others.get_or_insert_default()).classes = Classes::of(classes);
        }
        let classes = table.others.iter().map(|others| others.classes.iter().count()).sum::<usize>();
        table.len += table.numbers.len() + classes;
        table
    }
}
