//! Session updates and CDRs: what the platform tells us of a call, acknowledged once it is durable.

use std::sync::Arc;

use bytes::Bytes;

use super::decide::text;
use super::gate::Admitted;
use super::voice::unnamed;
use super::{Arrival, Engine, EngineError, Receipt};
use crate::authority::IngestScope;
use crate::call::{
    Audit, CdrFigures, CdrReport, EventKey, EventKind, Ingested, Outcome, SessionToken, Signal, SignalKind,
    UpdateReport, UpdateWord,
};
use crate::cloudonix::{Cdr, Disposition, SessionUpdate, UpdateStatus};
use crate::id::CallId;
use crate::port::Committed;

impl Engine {
    /// Takes a session update (domain.md §5). `Ok` means durable.
    ///
    /// # Errors
    /// [`EngineError::Store`] if neither store nor spool took it: the platform is to send it again.
    pub async fn session_update(
        &self,
        admitted: &Admitted,
        update: &SessionUpdate<'_>,
        arrival: Arrival,
    ) -> Result<Receipt, EngineError> {
        let key = EventKey::new(EventKind::SessionUpdate, &update.event_name());
        let raw = update.webhook().kept();
        let Some(token) = update.token.as_deref().and_then(SessionToken::new) else {
            return self.take(admitted, unnamed(key, raw, arrival)).await;
        };
        let kind = SignalKind::Update(update_report(update));
        self.take(admitted, signal(token, key, kind, raw, arrival)).await
    }

    /// Takes a CDR (domain.md §5). `Ok` means durable.
    ///
    /// # Errors
    /// [`EngineError::Store`] if neither store nor spool took it: the platform is to send it again.
    pub async fn cdr(
        &self,
        admitted: &Admitted,
        cdr: &Cdr<'_>,
        arrival: Arrival,
    ) -> Result<Receipt, EngineError> {
        let key = EventKey::new(EventKind::Cdr, &cdr.event_name());
        let raw = cdr.webhook().kept();
        let Some(token) = cdr.token.as_deref().and_then(SessionToken::new) else {
            return self.take(admitted, unnamed(key, raw, arrival)).await;
        };
        let kind = SignalKind::Cdr(cdr_report(cdr, CallId::mint(arrival.at, arrival.random)));
        self.take(admitted, signal(token, key, kind, raw, arrival)).await
    }

    async fn take(&self, admitted: &Admitted, signal: Signal) -> Result<Receipt, EngineError> {
        let scope: Arc<IngestScope> = Arc::clone(admitted.scope());
        let (at, token) = (signal.received_at, signal.token.clone());
        let is_cdr = signal.key.kind == EventKind::Cdr;
        let live = self.parts.live.as_ref();
        match self.parts.commit.commit(scope, signal).await? {
            Committed::Stored(Ingested::Duplicate { .. }) => return Ok(Receipt::Duplicate),
            Committed::Stored(Ingested::Committed(Some(call)) | Ingested::Conflict(call)) => {
                if call.is_over() {
                    self.close(admitted, &call, at).await;
                }
            }
            Committed::Spooled => {
                if let Some(token) = token.filter(|_| is_cdr) {
                    let _next_signal_tells = live.end(admitted.scope(), &token, at).await;
                }
            }
            Committed::Stored(Ingested::Committed(None)) => {}
        }
        Ok(Receipt::Taken)
    }
}

fn signal(token: SessionToken, key: EventKey, kind: SignalKind, raw: Bytes, arrival: Arrival) -> Signal {
    Signal { token: Some(token), key, received_at: arrival.at, kind, answer: None, audit: Audit::of(raw) }
}

fn update_report(update: &SessionUpdate<'_>) -> UpdateReport {
    let raw = update.status_word.as_deref().unwrap_or("");
    let word = match update.status {
        UpdateStatus::New | UpdateStatus::Processing | UpdateStatus::Answer => UpdateWord::Progress,
        UpdateStatus::Ringing => UpdateWord::Ringing,
        UpdateStatus::Connected => UpdateWord::Connected,
        UpdateStatus::Other => outcome_of(Disposition::of(raw)).map_or(UpdateWord::Unknown, UpdateWord::End),
    };
    UpdateReport { word, raw: raw.chars().take(64).collect::<String>().into(), ended_at: update.ended_at }
}

const fn outcome_of(disposition: Disposition) -> Option<Outcome> {
    match disposition {
        Disposition::Answered => Some(Outcome::Completed),
        Disposition::Busy => Some(Outcome::Busy),
        Disposition::NoAnswer => Some(Outcome::NoAnswer),
        Disposition::Failed => Some(Outcome::Failed),
        Disposition::Unknown => None,
    }
}

fn cdr_report(cdr: &Cdr<'_>, id: CallId) -> CdrReport {
    let figures = CdrFigures {
        disposition: text(cdr.disposition_word.as_ref()).chars().take(64).collect::<String>().into(),
        call_id: cdr.call_id.as_deref().map(Into::into),
        duration: cdr.duration,
        billsec: cdr.billsec,
        start: cdr.start(),
        answer: cdr.answered_at,
        end: cdr.end(),
        recording_url: cdr.recording_url.as_deref().map(Into::into),
    };
    CdrReport {
        outcome: outcome_of(cdr.disposition),
        figures,
        id,
        from: text(cdr.from.as_ref()).into(),
        to: text(cdr.to.as_ref()).into(),
    }
}
