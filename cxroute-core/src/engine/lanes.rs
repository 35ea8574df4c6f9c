//! Loading in lanes: a tenant's gate is loaded once however many calls wait for it, and a large one holds up few others.

use std::hash::BuildHasher as _;

use rustc_hash::FxBuildHasher;
use tokio::sync::{Mutex, MutexGuard};

use crate::config::Domain;

/// So many gates are loaded at once at most: that many configurations are in memory beside their compiled form.
const LANES: usize = 8;

/// Locks that gates are loaded under.
#[derive(Default)]
pub(super) struct Lanes([Mutex<()>; LANES]);

impl Lanes {
    /// Waits until nobody else loads this domain's gate.
    pub(super) async fn enter(&self, domain: &Domain) -> MutexGuard<'_, ()> {
        self.0[lane_of(domain)].lock().await
    }
}

fn lane_of(domain: &Domain) -> usize {
    // The lower bits of a product know nothing of the higher bits of its factors.
    (FxBuildHasher.hash_one(domain) >> 32) as usize % LANES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_spread_over_all_lanes_and_each_keeps_its_own() {
        let mut used = [0; LANES];
        for number in 0..800 {
            let domain = Domain::parse(&format!("d{number}.example.net")).unwrap();
            assert_eq!(lane_of(&domain), lane_of(&domain.clone()));
            used[lane_of(&domain)] += 1;
        }
        assert!(used.iter().all(|domains| (50..200).contains(domains)), "{used:?}");
    }
}
