//! A dial result: an attempt has ended; the next candidate is dialled, or the call ends.

use compact_str::CompactString;

use super::decide::Asking;
use super::gate::Admitted;
use super::patience::Moment;
use super::voice::dialled;
use super::{Answer, Arrival, Engine};
use crate::call::{Call, DialReport, EventKey, EventKind, Outcome, SessionToken};
use crate::cloudonix::{AGENT_PARAMETER, DialOutcome, DialResult, GROUP_PARAMETER};
use crate::id::{AgentId, GroupId};
use crate::strategy::{AttemptSeat, HealthSign};
use crate::time::Timestamp;

impl Engine {
    /// Answers a dial result with CXML (domain.md §4): the next agent's, or the end. The attempt is the one that our action
    /// URL names; what its query has lost is taken from the record, without any it is the attempt that is under way.
    pub async fn dial_result(
        &self,
        admitted: &Admitted,
        result: &DialResult<'_>,
        arrival: Arrival,
    ) -> Answer {
        let (webhook, moment) = (result.request.webhook(), Moment::of(arrival.at));
        let raw = webhook.kept();
        let kind = EventKind::DialResult;
        let key = EventKey::new(kind, &result.event_name());
        let Some(token) = result.request.session.as_deref().and_then(SessionToken::new) else {
            return self.unnamed(admitted, key, raw, arrival).await;
        };
        let named = result.attempt.and_then(|number| u16::try_from(number).ok());
        let named = named.map(|number| (number, seat_of_query(webhook.query)));
        let mut dialled = dialled(&result.request);
        // The platform repeats who called whom; should it leave something out, the record knows.
        let whole = named.is_some_and(|(_, seat)| seat.is_some_and(|seat| seat.group.is_some()));
        let known = match !whole || dialled.from.is_empty() || dialled.to.is_empty() {
            true => self.recorded_soon(admitted, &token, arrival.at).await,
            false => None,
        };
        if let Some(call) = &known {
            let given = |said: CompactString, known: &CompactString| match said.is_empty() {
                true => known.clone(),
                false => said,
            };
            (dialled.from, dialled.to) = (given(dialled.from, &call.from), given(dialled.to, &call.to));
        }
        let (attempt, seat) = match named {
            Some((number, seat)) => (number, known.as_ref().and_then(|call| call.seat_of(number)).or(seat)),
            None => attempt_under_way(known.as_ref()),
        };
        let report = report(result, attempt);
        let asking = Asking { token, key, dialled, result: Some(report), seat, raw: &raw, arrival, moment };
        self.answer(admitted, &asking).await
    }

    /// What the store keeps of a call; nothing while it is away.
    pub(super) async fn recorded(&self, admitted: &Admitted, token: &SessionToken) -> Option<Call> {
        let mut reader = self.parts.store.read(admitted.scope().read()).await.ok()?;
        reader.call(token).await.ok().flatten()
    }

    /// What the store keeps of a call; nothing if it does not say so as soon as a live call needs to know.
    pub(super) async fn recorded_soon(
        &self,
        admitted: &Admitted,
        token: &SessionToken,
        now: Timestamp,
    ) -> Option<Call> {
        self.patience.soon(now, self.recorded(admitted, token)).await.flatten()
    }
}

/// The attempt of a result that names none: the one that is open, else the last.
fn attempt_under_way(call: Option<&Call>) -> (u16, Option<AttemptSeat>) {
    let attempt = call.and_then(|call| Some((call, call.open_attempt().or(call.attempts.last())?)));
    attempt.map_or((0, None), |(call, attempt)| (attempt.number, call.seat_of(attempt.number)))
}

fn report(result: &DialResult<'_>, attempt: u16) -> DialReport {
    let (outcome, sign) = match result.outcome {
        DialOutcome::Completed => (Outcome::Completed, HealthSign::Answered),
        DialOutcome::Busy => (Outcome::Busy, HealthSign::Neutral),
        DialOutcome::NoAnswer => (Outcome::NoAnswer, HealthSign::Failed),
        DialOutcome::Failed if result.is_canceled() => (Outcome::Failed, HealthSign::Neutral),
        DialOutcome::Failed => (Outcome::Failed, HealthSign::Failed),
    };
    let word: String = result.word.as_deref().unwrap_or("").chars().take(64).collect();
    DialReport { attempt, outcome, sign, word: word.into() }
}

/// Agent and group as our action URL names them. They choose thresholds and the chain that goes on; what is settled is
/// the attempt that the plane knows by its number.
fn seat_of_query(query: &str) -> Option<AttemptSeat> {
    let mut agent = None;
    let mut group = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            AGENT_PARAMETER if agent.is_none() => agent = value.parse().ok().map(AgentId::new),
            GROUP_PARAMETER if group.is_none() => group = value.parse().ok().map(GroupId::new),
            _ => {}
        }
    }
    Some(AttemptSeat { agent: agent?, group, membership: None, pool: None })
}
