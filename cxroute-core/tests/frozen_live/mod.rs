//! An execution plane that is written down after every operation and read back before the next: it is held against the
//! kit, so a plane that is serialised loses nothing that an answer depends on.

#![expect(clippy::unwrap_used, reason = "what cannot be written down or read back has failed the test")]

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use cxroute_core::authority::IngestScope;
use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::id::TenantId;
use cxroute_core::port::{LiveError, LiveState};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, Plane, PlaneImage, SessionImage, Settle, Settled,
};
use cxroute_core::time::Timestamp;

/// The planes as text.
#[derive(Default)]
pub(crate) struct FrozenLive(Mutex<HashMap<TenantId, String>>);

impl FrozenLive {
    fn with<T>(&self, scope: &IngestScope, operation: impl FnOnce(&mut Plane) -> T) -> Result<T, LiveError> {
        let mut planes = self.0.lock().unwrap();
        let text = planes.get_mut(&scope.tenant()).ok_or(LiveError::Lost)?;
        let mut plane: Plane = serde_json::from_str(text).unwrap();
        let done = operation(&mut plane);
        *text = serde_json::to_string(&plane).unwrap();
        Ok(done)
    }
}

#[async_trait]
impl LiveState for FrozenLive {
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.with(scope, |plane| plane.choose(request))
    }

    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.with(scope, |plane| plane.preview(request))
    }

    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError> {
        self.with(scope, |plane| plane.settle(token, settle, now))
    }

    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.complete(token, key, answer, open_until))
    }

    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.retract(token, key))
    }

    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.end(token, now))
    }

    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.stop_attempts(token))
    }

    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.hydrate(image))
    }

    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
        self.with(scope, |plane| plane.adopt(adopted, now))
    }

    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
        let fresh = || serde_json::to_string(&Plane::restore(image)).unwrap();
        self.0.lock().unwrap().entry(scope.tenant()).or_insert_with(fresh);
        Ok(())
    }
}
