//! Reading one tenant's shelf.

use std::sync::{Arc, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{CallShelf, Shelf};
use crate::call::{Call, EventKey, SessionToken};
use crate::config::{Configuration, Tenant};
use crate::port::{
    AuditEntry, CallDetail, CallFilter, CallReader, Changes, ConfigReader, Names, Page, StoreError,
};
use crate::secret::Sealed;
use crate::strategy::{PlaneImage, SessionImage};
use crate::time::Timestamp;

pub(super) struct MemoryRead {
    pub(super) shelf: Arc<Shelf>,
}

impl MemoryRead {
    fn locked(&self) -> MutexGuard<'_, CallShelf> {
        self.shelf.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ConfigReader for MemoryRead {
    async fn tenant(&mut self) -> Result<Tenant, StoreError> {
        Ok(self.shelf.configuration().tenant.clone())
    }

    async fn revision(&mut self) -> Result<u64, StoreError> {
        Ok(self.shelf.configuration().revision)
    }

    async fn configuration(&mut self) -> Result<Configuration, StoreError> {
        Ok(Configuration::clone(&self.shelf.configuration()))
    }

    async fn names(&mut self) -> Result<Names, StoreError> {
        Ok(self.shelf.config.read().unwrap_or_else(PoisonError::into_inner).names.clone())
    }

    async fn changes_since(&mut self, revision: u64) -> Result<Changes, StoreError> {
        let config = self.shelf.config.read().unwrap_or_else(PoisonError::into_inner);
        if revision < config.changes_after || revision > config.configuration.revision {
            return Ok(Changes::Everything);
        }
        let changes = config.changes.iter().filter(|(led_to, _)| *led_to > revision);
        Ok(Changes::Rules {
            revision: config.configuration.revision,
            changes: changes.map(|(_, change)| change.clone()).collect(),
        })
    }
}

#[async_trait]
impl CallReader for MemoryRead {
    async fn call(&mut self, token: &SessionToken) -> Result<Option<Call>, StoreError> {
        Ok(self.locked().calls.get(token).and_then(|stored| stored.call.as_deref().cloned()))
    }

    async fn call_detail(&mut self, token: &SessionToken) -> Result<Option<CallDetail>, StoreError> {
        let shelf = self.locked();
        let Some(stored) = shelf.calls.get(token) else { return Ok(None) };
        let detail = |call: &Call| CallDetail {
            call: call.clone(),
            history: stored.history.to_vec(),
            traces: stored.traces.to_vec(),
        };
        Ok(stored.call.as_deref().map(detail))
    }

    async fn calls(&mut self, filter: &CallFilter, page: Page) -> Result<Vec<Call>, StoreError> {
        let wanted = |call: &&Call| {
            filter.agent.is_none_or(|agent| call.agent() == Some(agent))
                && filter.group.is_none_or(|group| call.group() == Some(group))
                && filter.from.is_none_or(|from| call.received_at >= from)
                && filter.until.is_none_or(|until| call.received_at < until)
        };
        let shelf = self.locked();
        Ok(shelf.calls.newest_first(page.after).filter(wanted).take(page.limit as usize).cloned().collect())
    }

    async fn answer(&mut self, token: &SessionToken, key: EventKey) -> Result<Option<Sealed>, StoreError> {
        let shelf = self.locked();
        let stored = shelf.calls.get(token);
        Ok(stored
            .and_then(|stored| stored.receipts.iter().find(|receipt| receipt.key == key)?.answer.clone()))
    }

    async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError> {
        let shelf = self.locked();
        let live = shelf.calls.all().filter(|call| !call.state.is_terminal() && call.live_until > now);
        Ok(PlaneImage {
            at: now,
            seq: shelf.books.seq(),
            groups: shelf.books.groups(now),
            health: shelf.books.health(),
            sessions: live.map(SessionImage::of).collect(),
        })
    }

    async fn audit(&mut self, token: &SessionToken) -> Result<Vec<AuditEntry>, StoreError> {
        let shelf = self.locked();
        let Some(stored) = shelf.calls.get(token) else { return Ok(Vec::new()) };
        let entry =
            |(kind, at, audit): &(crate::call::EventKind, Timestamp, crate::call::Audit)| AuditEntry {
                event_type: kind.as_str().to_owned(),
                session_token: token.as_str().to_owned(),
                payload: audit.payload(),
                received_at: *at,
            };
        Ok(stored.audit.iter().map(entry).collect())
    }

    async fn audit_count(&mut self) -> Result<u64, StoreError> {
        Ok(self.locked().audited)
    }
}
