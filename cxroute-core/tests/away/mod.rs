//! A store and an execution plane that can be away.

mod store;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use cxroute_core::authority::IngestScope;
use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::memory::MemoryLive;
use cxroute_core::port::{LiveError, LiveState};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, PlaneImage, SessionImage, Settle, Settled,
};
use cxroute_core::time::Timestamp;

pub(crate) use store::Away;

/// A plane that can be away, and hears what it was told of choices and ends once it is back.
#[derive(Default)]
pub(crate) struct AwayLive {
    live: MemoryLive,
    pub(crate) away: AtomicBool,
    owed: Mutex<Vec<Owed>>,
}

enum Owed {
    Adopt(Box<Adopted>, Timestamp),
    End(SessionToken, Timestamp),
}

impl AwayLive {
    async fn there(&self, scope: &IngestScope) -> Result<&MemoryLive, LiveError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(LiveError::Unavailable { reason: "the test says so".into() });
        }
        let owed = std::mem::take(&mut *self.owed.lock().unwrap());
        for told in owed {
            match told {
                Owed::Adopt(adopted, now) => self.live.adopt(scope, *adopted, now).await?,
                Owed::End(token, now) => self.live.end(scope, &token, now).await?,
            }
        }
        Ok(&self.live)
    }

    fn owe(&self, told: Owed) -> impl FnOnce(&LiveError) {
        move |_| self.owed.lock().unwrap().push(told)
    }
}

#[async_trait::async_trait]
impl LiveState for AwayLive {
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.there(scope).await?.choose(scope, request).await
    }

    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.there(scope).await?.preview(scope, request).await
    }

    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError> {
        self.there(scope).await?.settle(scope, token, settle, now).await
    }

    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError> {
        self.there(scope).await?.complete(scope, token, key, answer, open_until).await
    }

    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError> {
        self.there(scope).await?.retract(scope, token, key).await
    }

    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
        self.there(scope)
            .await
            .inspect_err(self.owe(Owed::End(token.clone(), now)))?
            .end(scope, token, now)
            .await
    }

    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
        self.there(scope).await?.stop_attempts(scope, token).await
    }

    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
        self.there(scope).await?.hydrate(scope, image).await
    }

    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
        let owed = self.owe(Owed::Adopt(Box::new(adopted.clone()), now));
        self.there(scope).await.inspect_err(owed)?.adopt(scope, adopted, now).await
    }

    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
        self.there(scope).await?.restore(scope, image).await
    }
}
