//! A call as a row with its attempts, and back.

use cxroute_core::call::{Attempt, AttemptTarget, Call, CallState, SessionToken};
use cxroute_core::id::{AgentId, CallId, GroupId, MembershipId, PoolId};
use cxroute_core::port::StoreError;
use cxroute_core::strategy::AttemptSeat;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::codec::{document, number, optional, time, to_document, word, word_of};
use crate::error::{Fault, corrupt};

/// Reads calls `c` with their attempts as one column, for [`read_call`]; a `FROM` with `call_records c` follows.
macro_rules! select_calls {
    ($($rest:literal)*) => {
        concat!(
            "SELECT c.id, c.session_token, c.direction, c.from_number, c.to_number, c.state, c.reason,",
            " c.received_at, c.start_time, c.end_time, c.duration, c.session_ended, c.cdr, c.live_until,",
            " c.history_count, c.trace_count, c.tenant_id,",
            " (SELECT json_group_array(json_object('number', a.number, 'agent', a.agent_id, 'group', a.group_id,",
            " 'membership', a.membership_id, 'pool', a.pool_id, 'dialled', a.dialled, 'probe', a.probe,",
            " 'started_at', a.started_at, 'ended_at', a.ended_at, 'outcome', a.outcome, 'word', a.word)",
            " ORDER BY a.number) FROM call_attempts a WHERE a.tenant_id = c.tenant_id AND a.call_id = c.id)",
            $($rest,)*
        )
    };
}
pub(crate) use select_calls;

/// How many lines of history and traces a call has: the next sequence numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) history: i64,
    pub(crate) traces: i64,
}

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
    received_at: i64,
    start_time: i64,
    end_time: Option<i64>,
    duration: Option<u32>,
    session_ended: Option<i64>,
    cdr: Option<String>,
    live_until: i64,
    history_count: i64,
    trace_count: i64,
    updated_at: i64,
}

impl<'a> CallRow<'a> {
    pub(crate) fn of(
        tenant: u64,
        call: &'a Call,
        counts: Counts,
        updated_at: i64,
    ) -> Result<Self, StoreError> {
        let cdr = call.cdr.as_ref().map(|figures| to_document(figures, "call_records.cdr"));
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
            received_at: call.received_at.as_millis(),
            start_time: call.start_time.as_millis(),
            end_time: call.end_time.map(|at| at.as_millis()),
            duration: call.duration,
            session_ended: call.session_ended.map(|at| at.as_millis()),
            cdr: cdr.transpose()?,
            live_until: call.live_until.as_millis(),
            history_count: counts.history,
            trace_count: counts.traces,
            updated_at,
        })
    }
}

/// A row of `call_attempts` as it is written; and, without its key, as it is read back.
#[derive(Serialize, Deserialize)]
pub(crate) struct AttemptRow {
    #[serde(default)]
    tenant: u64,
    #[serde(default)]
    call: u64,
    number: u16,
    agent: Option<u64>,
    group: Option<u64>,
    membership: Option<u64>,
    pool: Option<u64>,
    dialled: Option<String>,
    probe: Option<u32>,
    started_at: i64,
    ended_at: Option<i64>,
    outcome: Option<String>,
    word: Option<String>,
}

impl AttemptRow {
    pub(crate) fn of(tenant: u64, call: CallId, attempt: &Attempt) -> Result<Self, StoreError> {
        let (seat, dialled) = match &attempt.target {
            AttemptTarget::Agent(seat) => (Some(*seat), None),
            AttemptTarget::Number { number, .. } => (None, Some(number.as_ref().to_owned())),
        };
        Ok(Self {
            tenant,
            call: call.get(),
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

/// Reads a row of [`select_calls`].
pub(crate) fn read_call(row: &SqliteRow) -> Result<(Call, Counts), StoreError> {
    let id: i64 = row.try_get(0).map_err(|error| Fault::from(error).into_store("call_records"))?;
    let what = &format!("call_records {id}");
    let columns = |error: sqlx::Error| Fault::from(error).into_store(what);
    let text = |index: usize| row.try_get::<String, _>(index).map_err(columns);
    let integer = |index: usize| row.try_get::<i64, _>(index).map_err(columns);
    let maybe = |index: usize| row.try_get::<Option<i64>, _>(index).map_err(columns);
    let reason: Option<String> = row.try_get(6).map_err(columns)?;
    let cdr: Option<String> = row.try_get(12).map_err(columns)?;
    let attempts: Vec<AttemptRow> = document(&text(17)?, what)?;
    let attempts: Result<_, _> = attempts.into_iter().map(|attempt| attempt.into_attempt(what)).collect();
    let call = Call {
        id: CallId::new(number(id, what)?),
        token: SessionToken::new(&text(1)?).ok_or_else(|| corrupt(what, "an empty session token"))?,
        direction: word(&text(2)?, what)?,
        from: text(3)?.into(),
        to: text(4)?.into(),
        state: CallState::parse(&text(5)?).ok_or_else(|| corrupt(what, "an unknown state"))?,
        reason: reason.map(|reason| word(&reason, what)).transpose()?,
        attempts: attempts?,
        received_at: time(integer(7)?),
        start_time: time(integer(8)?),
        end_time: maybe(9)?.map(time),
        duration: optional(maybe(10)?, what)?,
        session_ended: maybe(11)?.map(time),
        cdr: cdr.map(|cdr| document(&cdr, what)).transpose()?,
        live_until: time(integer(13)?),
    };
    Ok((call, Counts { history: integer(14)?, traces: integer(15)? }))
}

/// The tenant of a row of [`select_calls`].
pub(crate) fn tenant_of(row: &SqliteRow) -> Result<u64, StoreError> {
    let tenant: i64 = row.try_get(16).map_err(|error| Fault::from(error).into_store("call_records"))?;
    number(tenant, "call_records")
}
