//! Retention: whose calls are looked at next, and which of them are too old.

use std::sync::atomic::{AtomicI64, Ordering};

use cxroute_core::config::TenantSettings;
use cxroute_core::id::CallId;
use cxroute_core::port::StoreError;
use cxroute_core::time::Timestamp;

use crate::codec::{key, number};

/// So many tenants are looked at in one run.
pub const TENANTS: i64 = 64;

/// So many calls go in one transaction: webhooks wait for it.
pub const CALLS: i64 = 200;

/// So many webhooks of no call, and sessions of a month that goes, are deleted in one statement.
pub const ROWS: i64 = 2_000;

/// How many days calls are kept by who says nothing.
pub fn usual_days() -> i64 {
    TenantSettings::default().retention_days.into()
}

/// A tenant, and what of its own is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aged {
    /// The tenant.
    pub tenant: i64,
    /// Ids of calls before this.
    pub id: i64,
    /// Milliseconds before this.
    pub millis: i64,
}

impl Aged {
    /// What is too old at `now` of a tenant that keeps calls for so many days.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn of(tenant: i64, days: i64, now: Timestamp) -> Result<Self, StoreError> {
        let retention_days = number(days, "tenants.settings")?;
        let settings = TenantSettings { retention_days, ..TenantSettings::default() };
        let id = key(CallId::get(settings.oldest_kept(now)));
        let millis = now.as_millis().saturating_sub(i64::from(retention_days) * 86_400_000);
        Ok(Self { tenant, id, millis })
    }
}

/// Goes round the tenants, a page a run: the tenants after this one are the next.
#[derive(Debug, Default)]
pub struct Round(AtomicI64);

impl Round {
    /// After whom to go on.
    pub fn after(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// These were looked at, in order. While something of theirs was deleted there may be more.
    pub fn looked_at(&self, page: &[Aged], deleted: bool) {
        let full = i64::try_from(page.len()).is_ok_and(|tenants| tenants >= TENANTS);
        if !deleted {
            let last = page.last().filter(|_| full);
            self.0.store(last.map_or(0, |last| last.tenant), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_goes_on_once_nothing_is_left_of_a_page_and_begins_anew_after_the_last() {
        let (round, now) = (Round::default(), Timestamp::from_millis(1_767_225_600_000));
        let page = |tenants: std::ops::RangeInclusive<i64>| -> Vec<Aged> {
            tenants.map(|tenant| Aged::of(tenant, 30, now).unwrap()).collect()
        };
        round.looked_at(&page(1..=TENANTS), true);
        assert_eq!(round.after(), 0);
        round.looked_at(&page(1..=TENANTS), false);
        assert_eq!(round.after(), TENANTS);
        round.looked_at(&page(TENANTS + 1..=TENANTS + 5), false);
        assert_eq!(round.after(), 0);
        round.looked_at(&[], false);
        assert_eq!(round.after(), 0);
    }

    #[test]
    fn ids_and_times_grow_too_old_together() {
        let now = Timestamp::from_millis(1_767_225_600_000);
        let aged = Aged::of(1, 30, now).unwrap();
        assert_eq!(aged.millis, now.as_millis() - 30 * 86_400_000);
        let at = |millis| key(CallId::mint(Timestamp::from_millis(millis), 0).get());
        assert_eq!(aged.id, at(aged.millis));
        assert!(Aged::of(1, -1, now).is_err());
    }
}
