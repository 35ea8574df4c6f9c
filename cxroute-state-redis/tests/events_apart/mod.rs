//! Events on the Redis servers that the environment names, each test with tenants and a publisher of its own.

use std::time::Duration;

use async_trait::async_trait;
use cxroute_core::authority::{IngestScope, Operator, ReadScope};
use cxroute_core::id::TenantId;
use cxroute_core::port::{Events, EventsError, Outgoing, Since, Subscription, Term};
use cxroute_state_redis::{RedisEvents, RedisEventsOptions};

use crate::support::url;

/// Events whose tenants nobody else has.
pub(crate) struct EventsApart {
    events: RedisEvents,
    operator: Operator,
    offset: u64,
}

impl EventsApart {
    /// On the Redis that this variable names.
    #[expect(clippy::disallowed_methods, reason = "the test plays the host")]
    pub(crate) fn on(variable: &str) -> Self {
        let offset = (getrandom::u64().unwrap() >> 24) << 12;
        let options = RedisEventsOptions {
            // A busy machine is not an absent Redis.
            patience: Duration::from_secs(20),
            kept: 500,
            keep: Duration::from_secs(600),
            publisher: String::leak(format!("cxroute:events:publisher:{offset}")),
            ..RedisEventsOptions::default()
        };
        let events = RedisEvents::open(&url(variable), options).unwrap();
        Self { events, operator: Operator::assume(), offset }
    }

    fn tenant(&self, tenant: TenantId) -> TenantId {
        TenantId::new(self.offset + tenant.get())
    }
}

#[async_trait]
impl Events for EventsApart {
    async fn lead(&self, operator: &Operator) -> Result<Option<Term>, EventsError> {
        self.events.lead(operator).await
    }

    async fn publish(
        &self,
        scope: &IngestScope,
        term: Term,
        waiting: &[Outgoing],
    ) -> Result<(), EventsError> {
        let scope = self.operator.ingest(self.tenant(scope.tenant()));
        self.events.publish(&scope, term, waiting).await
    }

    async fn subscribe(&self, scope: &ReadScope, since: Since) -> Result<Box<dyn Subscription>, EventsError> {
        let scope = self.operator.read(self.tenant(scope.tenant()));
        self.events.subscribe(&scope, since).await
    }
}
