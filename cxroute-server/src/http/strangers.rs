//! Domains that turned out to belong to nobody, remembered for a moment: whoever tries names does not get to ask the
//! store each time, and learns nothing from how long the answer took.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cxroute_core::config::Domain;
use std::collections::HashSet;

/// More are not remembered; they cost a look-up each.
const MOST: usize = 10_000;

/// Unknown domains since the last [`Strangers::forget`], which comes with every poll of the configurations: a new
/// tenant is served within a second.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<HashSet<Domain>>);

impl Strangers {
    pub(super) fn knows(&self, domain: &Domain) -> bool {
        self.known().contains(domain)
    }

    pub(super) fn remember(&self, domain: &Domain) {
        let mut known = self.known();
        if known.len() < MOST {
            known.insert(domain.clone());
        }
    }

    pub(crate) fn forget(&self) {
        self.known().clear();
    }

    fn known(&self) -> MutexGuard<'_, HashSet<Domain>> {
        // A set that was left in the middle of an insertion is a set all the same.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_remembered_up_to_a_bound_and_forgotten() {
        let strangers = Strangers::default();
        let domain = |number: usize| Domain::parse(&format!("d{number}")).unwrap();
        (0..=MOST).for_each(|number| strangers.remember(&domain(number)));
        assert!(strangers.knows(&domain(0)) && strangers.knows(&domain(MOST - 1)));
        assert!(!strangers.knows(&domain(MOST)));
        strangers.forget();
        assert!(!strangers.knows(&domain(0)));
    }
}
