//! A voice request: a call has arrived, or goes on with another stage; it is answered with CXML, whatever it says.

use std::sync::Arc;

use bytes::Bytes;

use super::decide::{Asking, text};
use super::gate::Admitted;
use super::patience::Moment;
use super::route::{Dialled, Origin};
use super::{Answer, Arrival, Durability, Engine};
use crate::call::{Audit, EventKey, EventKind, SessionToken, Signal, SignalKind};
use crate::cloudonix::{Direction, VoiceRequest};
use crate::cxml::Response;
use crate::port::Committed;

impl Engine {
    /// Answers a voice request with CXML (domain.md §5, §7). One that names another tenant's domain is the host's to refuse,
    /// with a 401: [`VoiceRequest::disagreeing_domain`].
    pub async fn voice_request(
        &self,
        admitted: &Admitted,
        request: &VoiceRequest<'_>,
        arrival: Arrival,
    ) -> Answer {
        let key = EventKey::new(EventKind::VoiceRequest, &request.event_name());
        let raw = request.webhook().kept();
        let Some(token) = request.session.as_deref().and_then(SessionToken::new) else {
            return self.unnamed(admitted, key, raw, arrival).await;
        };
        let dialled = dialled(request);

        let moment = Moment::of(arrival.at);
        let asking = Asking { token, key, dialled, result: None, seat: None, raw: &raw, arrival, moment };
        self.answer(admitted, &asking).await
    }

    /// A webhook that names no call: the answer is a hang-up, and only the audit keeps it.
    pub(super) async fn unnamed(
        &self,
        admitted: &Admitted,
        key: EventKey,
        raw: Bytes,
        arrival: Arrival,
    ) -> Answer {
        let signal = unnamed(key, raw, arrival);
        let durability = match self.parts.commit.commit(Arc::clone(admitted.scope()), signal).await {
            Ok(Committed::Stored(_)) => Durability::Stored,
            Ok(Committed::Spooled) => Durability::Spooled,
            Err(_) => Durability::NotDurable,
        };
        Answer { cxml: Response::hangup().render().into(), durability }
    }
}

/// The signal of a webhook that names no call.
pub(super) fn unnamed(key: EventKey, raw: Bytes, arrival: Arrival) -> Signal {
    Signal {
        token: None,
        key,
        received_at: arrival.at,
        kind: SignalKind::AuditOnly,
        answer: None,
        audit: Audit::of(raw),
    }
}

/// Who called whom, as received.
pub(super) fn dialled(request: &VoiceRequest<'_>) -> Dialled {
    let origin = match request.direction {
        Direction::Inbound => Origin::Inbound,
        _ => Origin::Other,
    };
    Dialled { from: text(request.from.as_ref()).into(), to: text(request.to.as_ref()).into(), origin }
}
