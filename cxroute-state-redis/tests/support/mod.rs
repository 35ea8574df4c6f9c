//! Planes on the Redis servers that the environment names, each test with tenants of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use cxroute_core::authority::{IngestScope, Operator};
use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::id::TenantId;
use cxroute_core::port::{LiveError, LiveState};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, PlaneImage, SessionImage, Settle, Settled,
};
use cxroute_core::time::Timestamp;
use cxroute_state_redis::{PlaneClock, RedisLive, RedisLiveOptions};

/// A busy machine is not an absent Redis.
pub(crate) const PATIENT: RedisLiveOptions = RedisLiveOptions {
    patience: std::time::Duration::from_secs(20),
    follow: std::time::Duration::from_millis(100),
    keep: std::time::Duration::from_secs(600),
    clock: PlaneClock::Callers,
};

/// The URL in this variable.
pub(crate) fn url(variable: &str) -> String {
    let missing = format!("{variable} names a Redis server: `cargo xtask test` starts one");
    std::env::var(variable).expect(&missing)
}

/// A plane whose tenants nobody else has; of several servers, each operation goes to the next.
pub(crate) struct Apart {
    servers: Vec<RedisLive>,
    next: AtomicUsize,
    operator: Operator,
    offset: u64,
}

impl Apart {
    /// So many servers on the Redis that this variable names.
    #[expect(clippy::disallowed_methods, reason = "the test plays the host")]
    pub(crate) fn on(variable: &str, servers: usize) -> Self {
        let url = url(variable);
        Self {
            servers: (0..servers).map(|_| RedisLive::open(&url, PATIENT).unwrap()).collect(),
            next: AtomicUsize::new(0),
            operator: Operator::assume(),
            offset: (getrandom::u64().unwrap() >> 24) << 12,
        }
    }

    fn scope(&self, scope: &IngestScope) -> IngestScope {
        self.operator.ingest(TenantId::new(self.offset + scope.tenant().get()))
    }

    fn next(&self) -> &RedisLive {
        &self.servers[self.next.fetch_add(1, Ordering::Relaxed) % self.servers.len()]
    }

    /// What one server is told is known to the others once it is in the log: a server does not wait for that, the kit
    /// does.
    async fn told(
        &self,
        server: &RedisLive,
        scope: &IngestScope,
        told: Result<(), LiveError>,
    ) -> Result<(), LiveError> {
        match told {
            // There is a plane, so nothing is restored; but what was asked before has been done by then.
            Ok(()) if self.servers.len() > 1 => server.restore(scope, PlaneImage::default()).await,
            told => told,
        }
    }
}

#[async_trait]
impl LiveState for Apart {
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.next().choose(&self.scope(scope), request).await
    }

    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        self.next().preview(&self.scope(scope), request).await
    }

    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError> {
        self.next().settle(&self.scope(scope), token, settle, now).await
    }

    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError> {
        let (server, scope) = (self.next(), self.scope(scope));
        self.told(server, &scope, server.complete(&scope, token, key, answer, open_until).await).await
    }

    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError> {
        let (server, scope) = (self.next(), self.scope(scope));
        self.told(server, &scope, server.retract(&scope, token, key).await).await
    }

    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
        let (server, scope) = (self.next(), self.scope(scope));
        self.told(server, &scope, server.end(&scope, token, now).await).await
    }

    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
        let (server, scope) = (self.next(), self.scope(scope));
        self.told(server, &scope, server.stop_attempts(&scope, token).await).await
    }

    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
        let (server, scope) = (self.next(), self.scope(scope));
        self.told(server, &scope, server.hydrate(&scope, image).await).await
    }

    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
        let (server, scope) = (self.next(), self.scope(scope));
        self.told(server, &scope, server.adopt(&scope, adopted, now).await).await
    }

    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
        self.next().restore(&self.scope(scope), image).await
    }
}
