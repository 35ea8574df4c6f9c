//! The road from a voice request or dial result to its answer: decide, render, make durable; again if the store turns
//! out to know better.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::answer::{Line, Parties, Secrets};
use super::choose::{Plane, trace};
use super::gate::Admitted;
use super::patience::Moment;
use super::route::{Dialled, Route, Way};
use super::snapshot::Snapshot;
use super::{Answer, Arrival, Durability, Engine};
use crate::call::{
    Action, Audit, Basis, Call, Decision, DialReport, EndReason, EventKey, Ingested, NewCall, SessionToken,
    Signal, SignalKind,
};
use crate::cxml::Response;
use crate::id::{AgentId, CallId};
use crate::port::{Committed, LiveState};
use crate::secret::{Place, SealError, Sealed};
use crate::strategy::{
    Adopted, AttemptSeat, Choice, ChooseRequest, LedgerDelta, OpenAttempt, Pick, Picked, SessionImage, Settle,
};
use crate::time::Timestamp;

/// So often a decision that turned out to be made in ignorance of the call is made again.
const MOST_TRIES: usize = 4;

/// A voice request or dial result, read.
pub(super) struct Asking<'a> {
    pub(super) token: SessionToken,
    pub(super) key: EventKey,
    pub(super) dialled: Dialled,
    /// What a dial result says.
    pub(super) result: Option<DialReport>,
    /// The attempt's seat, as the result's URL names it.
    pub(super) seat: Option<AttemptSeat>,
    pub(super) raw: &'a Bytes,
    pub(super) arrival: Arrival,
    /// Its arrival, and how long ago that is.
    pub(super) moment: Moment,
}

/// What was decided, before it is durable.
struct Proposal<'a> {
    decision: Decision,
    cxml: Bytes,
    basis: u16,
    /// The plane's choice, if this signal made it.
    made: Option<Arc<Pick>>,
    plane: Plane<'a>,
}

/// What the plane came to.
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once, and the large one is the usual one"
)]
enum Found<'a> {
    Proposal(Proposal<'a>),
    Answered(Sealed),
    Unknown(Plane<'a>),
}

impl Engine {
    /// Decides, makes the decision durable, answers.
    pub(super) async fn answer(&self, admitted: &Admitted, asking: &Asking<'_>) -> Answer {
        let snapshot = admitted.gate().snapshot();
        let mut settles = Settles::IfKnown;
        for _ in 0..MOST_TRIES {
            match self.decide(admitted, &snapshot, asking, settles).await {
                Found::Proposal(proposal) => {
                    if let Some(answer) = self.keep(admitted, asking, proposal).await {
                        return answer;
                    }
                }
                Found::Answered(sealed) => return self.repeat(admitted, asking, sealed).await,
                Found::Unknown(plane) if self.learn(admitted, plane, asking).await == Learned::Call => {}
                Found::Unknown(_) => settles = Settles::Never,
            }
        }
        let cxml = Response::hangup().render().into();
        Answer { cxml, durability: Durability::NotDurable }
    }

    async fn decide<'a>(
        &'a self,
        admitted: &Admitted,
        snapshot: &Snapshot,
        asking: &Asking<'_>,
        settles: Settles,
    ) -> Found<'a> {
        let route = self.route_of(snapshot, asking);
        let settle = asking.settle(snapshot).filter(|_| settles == Settles::IfKnown);
        let tried: Option<AgentId> = asking.seat.map(|seat| seat.agent);
        let Asking { token, dialled, arrival, .. } = asking;
        let preferences = self.preferences(snapshot, &route, dialled, token, arrival.at);
        let request = ChooseRequest {
            token: &asking.token,
            key: asking.key,
            now: asking.arrival.at,
            settle,
            stages: route.way.stages(),
            preferences: &preferences,
            last_resort: route.way.last_resort(),
            tried: tried.as_slice(),
        };
        let (choice, plane) = self.choose(admitted, &request, asking.moment).await;
        let fresh = matches!(choice, Ok(Choice::Made(_)));
        let (action, pick, open, basis) = match choice {
            Ok(Choice::Made(pick) | Choice::Recorded(pick)) => {
                let basis = pick.attempts_before;
                (route.way.action(&pick, &asking.dialled.to), Some(pick), None, basis)
            }
            Ok(Choice::Open(open)) => {
                (Action::Repeat { attempt: open.attempt }, None, Some(open), open.attempt)
            }
            Ok(Choice::Ended { attempts }) => (Action::End(EndReason::Hangup), None, None, attempts),
            Ok(Choice::Answered(sealed)) => return Found::Answered(sealed),
            // A plane that is away although it is this process's own leaves one thing to say.
            Ok(Choice::Unknown) | Err(_) => return Found::Unknown(plane),
        };
        let parties = asking.parties(&self.parts.public_url);
        let line = line_of(snapshot, &route.way, &action, pick.as_deref(), open);
        let cxml = snapshot.document(&line, parties, self.parts.vault.as_ref(), Secrets::Shown);
        let degraded = plane.is_spare();
        let decision = Decision {
            revision: snapshot.revision(),
            direction: route.direction,
            trace: trace(
                route,
                pick.as_deref(),
                &asking.dialled,
                snapshot.revision(),
                asking.arrival.at,
                degraded,
            ),
            delta: pick.as_deref().map_or_else(LedgerDelta::default, |pick| pick.delta.clone()),
            action,
        };
        let made = pick.filter(|_| fresh);
        Found::Proposal(Proposal { decision, cxml: cxml.into(), basis, made, plane })
    }

    /// The way that an asking goes: by the rules, or on from the attempt that has ended.
    fn route_of(&self, snapshot: &Snapshot, asking: &Asking<'_>) -> Route {
        let mut route = snapshot.route(&asking.dialled);
        let Some(report) = &asking.result else { return route };
        let Some(seat) = asking.seat else {
            // A number's end, or a result that names nobody: nothing comes after it.
            route.way = Way::Over;
            return route;
        };
        let chain = seat.group.and_then(|group| snapshot.way_on(group));
        route.way = match (chain, seat.group) {
            (Some(chain), _) if chain.retries(report.outcome) => Way::Agents(chain),
            // The group was deleted while it rang: the rules decide anew.
            (None, Some(_)) if report.outcome != crate::call::Outcome::Completed => return route,
            _ => Way::Over,
        };
        route
    }

    /// Makes a decision durable; none if it has to be made again.
    async fn keep(&self, admitted: &Admitted, asking: &Asking<'_>, proposal: Proposal<'_>) -> Option<Answer> {
        let Proposal { decision, cxml, basis, made, plane } = proposal;
        let scope = admitted.scope();
        let live = plane.live();
        let open_until = self.live_until(admitted, asking.arrival);
        let own = plane.is_spare().then(|| decision.clone());
        let sealed = self.seal(admitted, &asking.token, &cxml).ok();
        let signal = asking.signal(decision, basis, sealed.clone(), open_until);
        let committed = self.parts.commit.commit(Arc::clone(scope), signal).await;
        let durability = match committed {
            Ok(Committed::Stored(Ingested::Duplicate { answer, choice })) => {
                if made.as_ref().is_some_and(|pick| pick.seq != choice) {
                    let _kept_by_its_lease = live.retract(scope, &asking.token, asking.key).await;
                }
                let first = answer.and_then(|sealed| self.open(admitted, &asking.token, &sealed));
                return Some(Answer { cxml: first.unwrap_or(cxml), durability: Durability::Duplicate });
            }
            Ok(Committed::Stored(Ingested::Conflict(call))) => {
                if made.is_some() {
                    let _kept_by_its_lease = live.retract(scope, &asking.token, asking.key).await;
                }
                let _learned_next_time = live.hydrate(scope, SessionImage::of(&call)).await;
                return None;
            }
            Ok(Committed::Stored(Ingested::Committed(call))) => {
                if let (Some(call), Some(decision)) = (&call, own) {
                    let adopted = Adopted::of(call, asking.key, &decision, asking.moment.now());
                    self.tell_shared(admitted, adopted, asking.arrival.at).await;
                }
                if let Some(call) = call.filter(|call| call.is_over()) {
                    self.close(admitted, &call, asking.arrival.at).await;
                }
                Durability::Stored
            }
            Ok(Committed::Spooled) => Durability::Spooled,
            Err(_) => Durability::NotDurable,
        };
        if let Some(sealed) = sealed {
            // Should this be lost, the lease runs out early and the receipt still knows the answer.
            let _best_effort = live.complete(scope, &asking.token, asking.key, &sealed, open_until).await;
        }
        Some(Answer { cxml, durability })
    }

    /// Tells the shared plane what was decided without it and is durable. One that has no state is built from the store.
    async fn tell_shared(&self, admitted: &Admitted, adopted: Adopted, now: Timestamp) {
        let _plane_keeps_it_or_is_built_anew = self.parts.live.adopt(admitted.scope(), adopted, now).await;
    }

    /// Tells the plane that a call is over; the shared one in any case.
    pub(super) async fn close(&self, admitted: &Admitted, call: &Call, now: Timestamp) {
        let spare: Option<&dyn LiveState> = admitted.gate().outage.lasts().then_some(&self.spare);
        for live in [Some(self.parts.live.as_ref()), spare].into_iter().flatten() {
            let scope = admitted.scope();
            let _next_signal_tells = match call.cdr.is_some() || call.open_attempt().is_none() {
                true => live.end(scope, &call.token, now).await,
                false => live.stop_attempts(scope, &call.token).await,
            };
        }
    }

    /// A copy of a signal that was answered: the same bytes, and a line in the audit.
    async fn repeat(&self, admitted: &Admitted, asking: &Asking<'_>, sealed: Sealed) -> Answer {
        let signal = Signal {
            token: Some(asking.token.clone()),
            key: asking.key,
            received_at: asking.arrival.at,
            kind: SignalKind::AuditOnly,
            answer: None,
            audit: Audit::of(asking.raw.clone()),
        };
        // What it is a copy of is durable already; a copy that the audit misses is no loss.
        let _audited = self.parts.commit.commit(Arc::clone(admitted.scope()), signal).await;
        let first = self.open(admitted, &asking.token, &sealed);
        let cxml = first.unwrap_or_else(|| Response::hangup().render().into());
        Answer { cxml, durability: Durability::Duplicate }
    }

    /// Looks a call up that the plane does not know, and tells the plane.
    async fn learn(&self, admitted: &Admitted, plane: Plane<'_>, asking: &Asking<'_>) -> Learned {
        let found = self.recorded_soon(admitted, &asking.token, asking.arrival.at).await;
        let Some(call) = found else { return Learned::Nothing };
        match plane.live().hydrate(admitted.scope(), SessionImage::of(&call)).await {
            Ok(()) => Learned::Call,
            Err(_) => Learned::Nothing,
        }
    }

    pub(super) fn live_until(&self, admitted: &Admitted, arrival: Arrival) -> Timestamp {
        let seconds = admitted.gate().snapshot().tenant().settings.max_call_seconds;
        arrival.at.after(Duration::from_secs(seconds.into()))
    }

    fn seal(&self, admitted: &Admitted, token: &SessionToken, cxml: &[u8]) -> Result<Sealed, SealError> {
        self.parts.vault.seal(answer_place(admitted, token), cxml)
    }

    fn open(&self, admitted: &Admitted, token: &SessionToken, sealed: &Sealed) -> Option<Bytes> {
        let clear = self.parts.vault.open(answer_place(admitted, token), sealed).ok()?;
        Some(Bytes::copy_from_slice(clear.expose().as_bytes()))
    }
}

fn answer_place<'a>(admitted: &Admitted, token: &'a SessionToken) -> Place<'a> {
    Place { tenant: admitted.tenant(), table: "receipts", row: token.as_str(), field: "answer" }
}

/// Whether a result's attempt is settled.
#[derive(Clone, Copy, PartialEq)]
enum Settles {
    IfKnown,
    /// Neither plane nor store know the call.
    Never,
}

/// What looking a call up came to.
#[derive(Clone, Copy, PartialEq)]
enum Learned {
    Call,
    Nothing,
}

impl Asking<'_> {
    fn parties<'p>(&'p self, public_url: &'p str) -> Parties<'p> {
        Parties { token: &self.token, from: &self.dialled.from, to: &self.dialled.to, public_url }
    }

    /// The settling of the attempt that a result names, with the thresholds of the group that reports.
    fn settle(&self, snapshot: &Snapshot) -> Option<Settle> {
        let report = self.result.as_ref()?;
        let group = self.seat.and_then(|seat| seat.group);
        let roster =
            group.and_then(|group| snapshot.way_on(group)).and_then(|chain| chain.stages.first().cloned());
        let health = roster.map(|roster| roster.health).unwrap_or_default();
        Some(Settle { attempt: report.attempt, sign: report.sign, health })
    }

    fn signal(
        &self,
        decision: Decision,
        basis: u16,
        answer: Option<Sealed>,
        live_until: Timestamp,
    ) -> Signal {
        let call = NewCall {
            id: CallId::mint(self.arrival.at, self.arrival.random),
            from: self.dialled.from.clone(),
            to: self.dialled.to.clone(),
            live_until,
        };
        let basis = Basis { attempts: basis, answered: false };
        let kind = match &self.result {
            None => SignalKind::Voice { call, decision, basis },
            Some(report) => SignalKind::Dial { call, report: report.clone(), decision, basis },
        };
        Signal {
            token: Some(self.token.clone()),
            key: self.key,
            received_at: self.arrival.at,
            kind,
            answer,
            audit: Audit::of(self.raw.clone()),
        }
    }
}

/// What a decision puts on the line.
pub(super) fn line_of<'a>(
    snapshot: &Snapshot,
    way: &'a Way,
    action: &Action,
    pick: Option<&Pick>,
    open: Option<OpenAttempt>,
) -> Line<'a> {
    let seated = |attempt, seat: AttemptSeat| {
        let chain = seat.group.and_then(|group| snapshot.way_on(group));
        let ring_timeout = chain.and_then(|chain| chain.stages.first()?.ring_timeout);
        Line::Agent { agent: seat.agent, group: seat.group, attempt, ring_timeout }
    };
    let number = |attempt| match way {
        Way::Trunks(config) => Line::Outbound { config, attempt },
        Way::Agents(chain) => Line::Ending { ending: &chain.ending, attempt },
        Way::Nowhere | Way::Over => Line::Hangup,
    };
    match (pick.map(|pick| &pick.picked), open) {
        (Some(Picked::Seat(seat)), _) => seated(seat.attempt, seat.seat),
        (Some(Picked::Number { attempt }), _) => number(*attempt),
        (None, Some(OpenAttempt { attempt, seat: Some(seat) })) => seated(attempt, seat),
        (None, Some(OpenAttempt { attempt, seat: None })) => number(attempt),
        (Some(Picked::Nobody), _)
            if matches!(action, Action::End(EndReason::Announcement | EndReason::Rejected)) =>
        {
            number(0)
        }
        _ => Line::Hangup,
    }
}

/// A text that is not there is empty.
pub(super) fn text<'a>(text: Option<&Cow<'a, str>>) -> Cow<'a, str> {
    text.cloned().unwrap_or_default()
}
