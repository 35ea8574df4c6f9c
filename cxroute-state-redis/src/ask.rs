//! What is asked of a tenant's plane.

use std::sync::Arc;

use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::id::AgentId;
use cxroute_core::port::LiveError;
use cxroute_core::strategy::{
    Choice, ChooseRequest, LastResort, LedgerDelta, PlaneImage, Preferences, Roster, Settle, Settled,
};
use cxroute_core::time::Timestamp;
use tokio::sync::oneshot;

use crate::wire::{Choose, Operation};

/// Whom an answer goes to.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, LiveError>>;

/// What is asked of a tenant's plane.
pub(crate) enum Ask {
    Choose(Box<Asked>, Reply<Choice>),
    Preview(Box<Asked>, Reply<Choice>),
    Settle(SessionToken, Settle, Timestamp, Reply<(Settled, LedgerDelta)>),
    /// Has no answer; without a reply nobody waits for it either.
    Tell(Operation, Option<Timestamp>, Option<Reply<()>>),
    Restore(Box<PlaneImage>, Reply<()>),
}

/// A choice that is asked for.
pub(crate) struct Asked {
    pub(crate) token: SessionToken,
    pub(crate) key: EventKey,
    pub(crate) now: Timestamp,
    settle: Option<Settle>,
    pub(crate) stages: Vec<Arc<Roster>>,
    preferences: Vec<Preferences>,
    last_resort: LastResort,
    tried: Vec<AgentId>,
}

impl Asked {
    pub(crate) fn of(request: &ChooseRequest<'_>) -> Self {
        Self {
            token: request.token.clone(),
            key: request.key,
            now: request.now,
            settle: request.settle,
            stages: request.stages.to_vec(),
            preferences: request.preferences.to_vec(),
            last_resort: request.last_resort,
            tried: request.tried.to_vec(),
        }
    }

    pub(crate) fn request(&self) -> ChooseRequest<'_> {
        ChooseRequest {
            token: &self.token,
            key: self.key,
            now: self.now,
            settle: self.settle,
            stages: &self.stages,
            preferences: &self.preferences,
            last_resort: self.last_resort,
            tried: &self.tried,
        }
    }

    pub(crate) fn operation(&self) -> Operation {
        Operation::Choose(Choose {
            token: self.token.clone(),
            key: self.key,
            settle: self.settle,
            stages: self.stages.iter().map(|roster| roster.fingerprint).collect(),
            preferences: self.preferences.clone(),
            last_resort: self.last_resort,
            tried: self.tried.clone(),
        })
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
