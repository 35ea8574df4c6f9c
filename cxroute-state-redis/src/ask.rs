//! What is asked of a tenant's plane.

use std::sync::Arc;

use cxroute_core::call::SessionToken;
use cxroute_core::port::LiveError;
use cxroute_core::strategy::{Choice, ChooseRequest, LedgerDelta, PlaneImage, Roster, Settle, Settled};
use cxroute_core::time::Timestamp;
use smallvec::SmallVec;
use tokio::sync::oneshot;

use crate::wire::{Choose, Operation};

/// Whom an answer goes to.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, LiveError>>;

/// What is asked of a tenant's plane.
pub(crate) enum Ask {
    Choose(Asked, Reply<Choice>),
    Preview(Asked, Reply<Choice>),
    Settle(SessionToken, Settle, Timestamp, Reply<(Settled, LedgerDelta)>),
    /// Has no answer; without a reply nobody waits for it either.
    Tell(Operation, Option<Timestamp>, Option<Reply<()>>),
    Restore(Box<PlaneImage>, Reply<()>),
}

/// A choice that is asked for.
pub(crate) struct Asked {
    pub(crate) choose: Arc<Choose>,
    pub(crate) now: Timestamp,
    pub(crate) stages: SmallVec<[Arc<Roster>; 2]>,
}

impl Asked {
    pub(crate) fn of(request: &ChooseRequest<'_>) -> Self {
        let choose = Choose {
            token: request.token.clone(),
            key: request.key,
            settle: request.settle,
            stages: request.stages.iter().map(|roster| roster.fingerprint).collect(),
            preferences: request.preferences.to_vec(),
            last_resort: request.last_resort,
            tried: request.tried.to_vec(),
        };
        Self { choose: Arc::new(choose), now: request.now, stages: request.stages.iter().cloned().collect() }
    }

    pub(crate) fn request(&self) -> ChooseRequest<'_> {
        ChooseRequest {
            token: &self.choose.token,
            key: self.choose.key,
            now: self.now,
            settle: self.choose.settle,
            stages: &self.stages,
            preferences: &self.choose.preferences,
            last_resort: self.choose.last_resort,
            tried: &self.choose.tried,
        }
    }
}

impl Ask {
    /// Whether somebody waits for its answer.
    pub(crate) fn is_awaited(&self) -> bool {
        match self {
            Self::Choose(_, reply) | Self::Preview(_, reply) => !reply.is_closed(),
            Self::Settle(.., reply) => !reply.is_closed(),
            Self::Tell(.., reply) => reply.is_some(),
            Self::Restore(_, reply) => !reply.is_closed(),
        }
    }

    /// Whether it is pointless once nobody waits for its answer.
    pub(crate) const fn is_question(&self) -> bool {
        !matches!(self, Self::Tell(..))
    }

    pub(crate) fn refuse(self, why: LiveError) {
        // Whoever is gone needs no answer.
        let _gone = match self {
            Self::Choose(_, reply) | Self::Preview(_, reply) => reply.send(Err(why)).is_err(),
            Self::Settle(.., reply) => reply.send(Err(why)).is_err(),
            Self::Tell(.., Some(reply)) | Self::Restore(_, reply) => reply.send(Err(why)).is_err(),
            Self::Tell(.., None) => false,
        };
    }
}
