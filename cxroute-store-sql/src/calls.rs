//! Calls as rows with their attempts, and back; and what a webhook did to its call.

use std::borrow::Cow;
use std::sync::Arc;

use cxroute_core::call::{
    Attempt, AttemptTarget, Call, CallState, CdrFigures, HistoryEntry, SessionToken, Trace,
};
use cxroute_core::id::{AgentId, CallId, GroupId, MembershipId, PoolId};
use cxroute_core::port::{CallFilter, Page, StoreError};
use cxroute_core::strategy::AttemptSeat;
use cxroute_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::codec::{Moment, corrupt, document, key, number, optional, time, to_document, word, word_of};

/// A row of `call_records` as it is written.
#[derive(Serialize)]
pub(crate) struct CallRow<'a> {
    tenant: u64,
    id: u64,
    token: &'a str,
    direction: &'static str,
    from: &'a str,
    to: &'a str,
    agent: Option<u64>,
    group: Option<u64>,
    status: &'static str,
    state: &'static str,
    reason: Option<&'static str>,
    early: Option<String>,
    attempts: Option<String>,
    received_at: i64,
    start_time: Moment,
    end_time: Option<Moment>,
    duration: Option<u32>,
    session_ended: Option<i64>,
    cdr: Option<String>,
    live_until: i64,
    step_count: i64,
    created_at: Moment,
    updated_at: Moment,
}

impl<'a> CallRow<'a> {
    pub(crate) fn of(
        tenant: u64,
        call: &'a Call,
        step_count: i64,
        updated_at: Timestamp,
    ) -> Result<Self, StoreError> {
        let cdr = call.cdr.clone().map(|figures| Cdr { figures, received_at: call.cdr_at });
        let cdr = cdr.map(|cdr| to_document(&cdr, "call_records.cdr"));
        let early = Some(&call.early).filter(|early| !early.is_empty());
        let early = early.map(|early| to_document(early, "call_records.early"));
        Ok(Self {
            tenant,
            id: call.id.get(),
            token: call.token.as_str(),
            direction: call.direction.as_str(),
            from: &call.from,
            to: &call.to,
            agent: call.agent().map(AgentId::get),
            group: call.group().map(GroupId::get),
            status: call.state.status().as_str(),
            state: call.state.as_str(),
            reason: call.reason.map(|reason| reason.as_str()),
            early: early.transpose()?,
            attempts: attempts_of(call)?,
            received_at: call.received_at.as_millis(),
            start_time: Moment(call.start_time),
            end_time: call.end_time.map(Moment),
            duration: call.duration,
            session_ended: call.session_ended.map(|at| at.as_millis()),
            cdr: cdr.transpose()?,
            live_until: call.live_until.as_millis(),
            step_count,
            created_at: Moment(call.received_at),
            updated_at: Moment(updated_at),
        })
    }
}

/// A call's attempts as a document; none if there are none.
fn attempts_of(call: &Call) -> Result<Option<String>, StoreError> {
    if call.attempts.is_empty() {
        return Ok(None);
    }
    let attempts: Result<Vec<AttemptRow>, StoreError> = call.attempts.iter().map(AttemptRow::of).collect();
    to_document(&attempts?, "call_records.attempts").map(Some)
}

/// A CDR's figures as a record keeps them, and when the first CDR arrived.
#[derive(Serialize, Deserialize)]
struct Cdr {
    #[serde(flatten)]
    figures: CdrFigures,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    received_at: Option<Timestamp>,
}

/// An attempt as a call's record keeps it. Its keys are read by people, too.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct AttemptRow {
    number: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialled: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<u32>,
    started_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<String>,
}

impl AttemptRow {
    fn of(attempt: &Attempt) -> Result<Self, StoreError> {
        let (seat, dialled) = match &attempt.target {
            AttemptTarget::Agent(seat) => (Some(*seat), None),
            AttemptTarget::Number { number, .. } => (None, Some(number.as_ref().to_owned())),
        };
        Ok(Self {
            number: attempt.number,
            agent: seat.map(|seat| seat.agent.get()),
            group: attempt.target.group().map(GroupId::get),
            membership: seat.and_then(|seat| seat.membership).map(MembershipId::get),
            pool: seat.and_then(|seat| seat.pool).map(PoolId::get),
            dialled,
            probe: attempt.probe,
            started_at: attempt.started_at.as_millis(),
            ended_at: attempt.ended_at.map(|at| at.as_millis()),
            outcome: attempt.outcome.as_ref().map(word_of).transpose()?,
            word: attempt.word.as_deref().map(str::to_owned),
        })
    }

    fn into_attempt(self, what: &str) -> Result<Attempt, StoreError> {
        let group = self.group.map(GroupId::new);
        let target = match (self.agent, self.dialled) {
            (Some(agent), None) => AttemptTarget::Agent(AttemptSeat {
                agent: AgentId::new(agent),
                group,
                membership: self.membership.map(MembershipId::new),
                pool: self.pool.map(PoolId::new),
            }),
            (None, Some(number)) => AttemptTarget::Number { group, number: number.into() },
            _ => return Err(corrupt(what, "an attempt has neither or both of agent and number")),
        };
        Ok(Attempt {
            number: self.number,
            target,
            probe: self.probe,
            started_at: time(self.started_at),
            ended_at: self.ended_at.map(time),
            outcome: self.outcome.as_deref().map(|outcome| word(outcome, what)).transpose()?,
            word: self.word.map(Into::into),
        })
    }
}

/// A row of `call_records` as it is read, with its attempts. Times are milliseconds since 1970.
#[derive(Debug)]
pub struct CallColumns {
    /// The tenant.
    pub tenant: i64,
    /// The call.
    pub id: i64,
    /// Its session token.
    pub token: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// The caller.
    pub from: String,
    /// The number dialled.
    pub to: String,
    /// The state's word.
    pub state: String,
    /// The word of why it ended.
    pub reason: Option<String>,
    /// Results that came before their attempts, as a document; none if there are none.
    pub early: Option<String>,
    /// When the first signal arrived.
    pub received_at: i64,
    /// When it began.
    pub start_time: i64,
    /// When it ended.
    pub end_time: Option<i64>,
    /// Seconds.
    pub duration: Option<i64>,
    /// When its session ended.
    pub session_ended: Option<i64>,
    /// The CDR's figures, and when it arrived, as a document.
    pub cdr: Option<String>,
    /// Until when it counts as live.
    pub live_until: i64,
    /// How many webhooks have done something to it: the next one's number.
    pub step_count: i64,
    /// Its attempts, as a document; none if there are none.
    pub attempts: Option<String>,
}

impl CallColumns {
    /// The call, and how many webhooks have done something to it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_call(self) -> Result<(Call, i64), StoreError> {
        let what = &format!("call_records {}", self.id);
        let attempts = self.attempts.as_deref().unwrap_or("[]");
        let mut attempts: Vec<AttemptRow> = document(attempts, what)?;
        attempts.sort_by_key(|attempt| attempt.number);
        let early = self.early.map(|early| document(&early, what)).transpose()?;
        let attempts: Result<_, _> = attempts.into_iter().map(|attempt| attempt.into_attempt(what)).collect();
        let cdr: Option<Cdr> = self.cdr.map(|cdr| document(&cdr, what)).transpose()?;
        let call = Call {
            id: CallId::new(number(self.id, what)?),
            token: SessionToken::new(&self.token).ok_or_else(|| corrupt(what, "an empty session token"))?,
            direction: word(&self.direction, what)?,
            from: self.from.into(),
            to: self.to.into(),
            state: CallState::parse(&self.state).ok_or_else(|| corrupt(what, "an unknown state"))?,
            reason: self.reason.map(|reason| word(&reason, what)).transpose()?,
            attempts: attempts?,
            early: early.unwrap_or_default(),
            received_at: time(self.received_at),
            start_time: time(self.start_time),
            end_time: self.end_time.map(time),
            duration: optional(self.duration, what)?,
            session_ended: self.session_ended.map(time),
            cdr_at: cdr.as_ref().and_then(|cdr| cdr.received_at),
            cdr: cdr.map(|cdr| cdr.figures),
            live_until: time(self.live_until),
        };
        Ok((call, self.step_count))
    }
}

/// A line of a call's history as its webhook keeps it.
#[derive(Serialize, Deserialize)]
struct LineRow<'a> {
    state: Cow<'a, str>,
    at: i64,
    source: Cow<'a, str>,
    effect: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'a, str>>,
}

impl<'a> LineRow<'a> {
    fn of(line: &'a HistoryEntry) -> Self {
        Self {
            state: line.state.as_str().into(),
            at: line.at.as_millis(),
            source: line.source.as_str().into(),
            effect: line.effect.as_str().into(),
            detail: line.detail.as_deref().map(Cow::Borrowed),
        }
    }

    fn into_entry(self, what: &str) -> Result<HistoryEntry, StoreError> {
        Ok(HistoryEntry {
            state: CallState::parse(&self.state).ok_or_else(|| corrupt(what, "an unknown state"))?,
            at: time(self.at),
            source: word(&self.source, what)?,
            effect: word(&self.effect, what)?,
            detail: self.detail.map(|detail| detail.as_ref().into()),
        })
    }
}

/// Lines of history as a document.
pub(crate) fn history_of(lines: &[HistoryEntry]) -> Result<String, StoreError> {
    let lines: Vec<LineRow<'_>> = lines.iter().map(LineRow::of).collect();
    to_document(&lines, "webhook_audit.history")
}

/// What a webhook did to its call, as `webhook_audit` keeps it: lines of history as a document, and the trace of its
/// decision, if it made one.
pub type StepColumns = (String, Option<String>);

/// The lines of history and the traces of a call's webhooks, which are in the order of their numbers.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn steps(rows: &[StepColumns], call: CallId) -> Result<(Vec<HistoryEntry>, Vec<Arc<Trace>>), StoreError> {
    let what = &format!("the history of call {call}");
    let (mut history, mut traces) = (Vec::new(), Vec::new());
    for (lines, trace) in rows {
        for line in document::<Vec<LineRow<'static>>>(lines, what)? {
            history.push(line.into_entry(what)?);
        }
        traces.extend(trace.as_deref().map(|trace| document(trace, what)).transpose()?.map(Arc::new));
    }
    Ok((history, traces))
}

/// The ids that calls of the filter's time can have, the upper end excluded: ids are minted from the time of receipt,
/// up to `skew` milliseconds, which the books have noted.
pub fn id_range(filter: &CallFilter, page: Page, skew: i64) -> (i64, i64) {
    let below = page.after.map_or(i64::MAX, |after| key(after.get()));
    let millis = |at: Timestamp| (CallId::mint(at, 0).get() >> 11).cast_signed();
    let id = |millis: i64| millis.clamp(0, i64::MAX >> 11) << 11;
    let least = filter.from.map_or(0, |from| id(millis(from).saturating_sub(skew)));
    let until =
        filter.until.map_or(i64::MAX, |until| id(millis(until).saturating_add(skew).saturating_add(1)));
    (least, below.min(until))
}
