//! What every filter shares: the engine and what surrounds it.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cxroute_core::engine::{Arrival, Engine};
use cxroute_core::port::Spool;
use cxroute_core::secret::Authenticator;
use cxroute_core::time::Timestamp;
use tokio::sync::watch;

use super::readiness::Readiness;
use super::strangers::Strangers;
use crate::id_bits::IdBits;
use crate::meters::Meters;
use crate::seldom::Seldom;

/// The state of a server.
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    /// The engine's own; asked here only to spend as much time on unknown domains as on known ones.
    pub(crate) authenticator: Arc<dyn Authenticator>,
    /// The engine's own, if it has one.
    pub(crate) spool: Option<Arc<dyn Spool>>,
    pub(crate) meters: Meters,
    pub(crate) id_bits: IdBits,
    pub(crate) readiness: Readiness,
    pub(crate) strangers: Strangers,
    pub(crate) guests: Guests,
    /// Refused webhooks are logged this often.
    pub(crate) refusals: Seldom,
    /// Session updates and CDRs that nobody could keep are logged this often.
    pub(crate) unkept: Seldom,
    /// A voice request or dial result is answered so long after its last byte at the latest.
    pub(crate) deadline: Duration,
    /// The engine's base of action URLs, without a slash at the end.
    pub(crate) public_url: String,
}

impl App {
    /// This moment, with fresh bits for an id.
    pub(super) fn arrival(&self) -> Arrival {
        Arrival { at: now(), random: self.id_bits.next() }
    }
}

/// The system clock; a clock before 1970 reads as 1970.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Counts what must end before the server may: connections, and work that goes on without one.
#[derive(Clone)]
pub(crate) struct Guests(Arc<watch::Sender<usize>>);

/// One of them, until it is dropped.
pub(crate) struct Guest(Guests);

impl Guests {
    /// Nobody yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// One more.
    pub(crate) fn enter(&self) -> Guest {
        self.0.send_modify(|count| *count += 1);
        Guest(self.clone())
    }

    /// Returns once nobody is left.
    pub(crate) async fn left(&self) {
        let mut count = self.0.subscribe();
        // The sender is our own: it cannot be closed.
        let _left = count.wait_for(|count| *count == 0).await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
