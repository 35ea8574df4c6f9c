//! The step: how a signal changes a call. Total, pure, and the same for a live webhook, a drained spool and a replay.
//!
//! Laws (each has a test): states move along the edges of domain.md §5 only; nothing but a CDR changes a terminal
//! state; a copy of a signal never gets here (receipts see to that), a late or reordered one never moves a call back;
//! every signal leaves at least one line of history; the CDR has the last word on status and times; signals that were
//! spooled come to the same call in any order.

use compact_str::{CompactString, format_compact};
use smallvec::SmallVec;

use super::aggregate::{Call, CdrFigures, EndReason, Outcome};
use super::attempts::Heard;
use super::cdr::CdrReport;
use super::decision::{Action, Decision, NewAttempt};
use super::effect::{CallEvent, CallEventKind, Effect, HistoryEntry};
use super::signal::{Basis, DialReport, NewCall, Signal, SignalKind};
use super::state::CallState;
use super::token::{EventKind, SessionToken};
use super::update::{UpdateReport, UpdateWord};
use crate::config::RuleDirection;
use crate::id::{AgentId, GroupId};
use crate::time::Timestamp;

/// What a signal does to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The call afterwards; none if the signal concerns no call that we know. Where the signal is not taken for a
    /// [conflict](Acceptance::Conflict), the call that it did not know of: for whoever decides anew, not to be stored.
    pub call: Option<Call>,
    /// What is added to its history.
    pub history: SmallVec<[HistoryEntry; 4]>,
    /// What is published once this is committed.
    pub events: SmallVec<[CallEvent; 3]>,
    /// Whether the signal was taken.
    pub acceptance: Acceptance,
}

/// Whether a signal was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It was, and its decision counts.
    Taken,
    /// It was, but its decision does not count: another was made first. Only spooled signals come to this.
    Outrun,
    /// Its decision was made in ignorance of the call: nothing is kept, it is to be made again.
    Conflict,
    /// It names a call that we do not know, and creates none.
    UnknownCall,
}

/// Applies `signal` to `call`, which is `None` if the store knows no such call.
///
/// | signal | moves the call |
/// |---|---|
/// | voice request, dial result | as its decision says: to `Connecting` for an attempt, to a terminal state for an end |
/// | update `ringing` | to `Connecting`, never back |
/// | update `connected` | to `Connected`, if an attempt is open |
/// | update with an end word | to the terminal state that it names, if it says when the session ended; else nowhere |
/// | CDR | to the terminal state of its disposition, also from another terminal state |
///
/// Steps in between are written to the history, so that the states that a call [entered](super::Effect::Entered) always
/// follow the edges of [`CallState::may_become`]; a CDR's correction of a terminal state is a line of its own kind,
/// [`Corrected`](super::Effect::Corrected).
pub fn step(call: Option<Call>, signal: &Signal) -> Step {
    let Some(token) = &signal.token else { return Step::of(None, Acceptance::UnknownCall) };
    let at = signal.received_at;
    match &signal.kind {
        SignalKind::Voice { call: new, decision, basis } => {
            Walk::begin(call, token, new, at, EventKind::VoiceRequest).decide(None, decision, *basis)
        }
        SignalKind::Dial { call: new, report, decision, basis } => {
            Walk::begin(call, token, new, at, EventKind::DialResult).decide(Some(report), decision, *basis)
        }
        SignalKind::Update(report) => match call {
            Some(call) => Walk::resume(call, at, EventKind::SessionUpdate).update(report),
            None => Step::of(None, Acceptance::UnknownCall),
        },
        SignalKind::Cdr(report) => {
            let new =
                NewCall { id: report.id, from: report.from.clone(), to: report.to.clone(), live_until: at };
            Walk::begin(call, token, &new, at, EventKind::Cdr).cdr(report)
        }
        SignalKind::AuditOnly => Step::of(call, Acceptance::UnknownCall),
    }
}

impl Step {
    const fn of(call: Option<Call>, acceptance: Acceptance) -> Self {
        Self { call, history: SmallVec::new_const(), events: SmallVec::new_const(), acceptance }
    }
}

/// A call on its way through one step.
struct Walk {
    call: Call,
    known: bool,
    at: Timestamp,
    source: EventKind,
    step: Step,
}

impl Walk {
    fn begin(
        call: Option<Call>,
        token: &SessionToken,
        new: &NewCall,
        at: Timestamp,
        source: EventKind,
    ) -> Self {
        match call {
            Some(call) => Self::resume(call, at, source),
            None => {
                let mut walk = Self::resume(fresh(token, new, at), at, source);
                walk.known = false;
                walk.note(Effect::Entered, None);
                walk.event(CallEventKind::CallQueued);
                walk
            }
        }
    }

    const fn resume(call: Call, at: Timestamp, source: EventKind) -> Self {
        Self { call, known: true, at, source, step: Step::of(None, Acceptance::Taken) }
    }

    fn finish(mut self) -> Step {
        self.step.call = Some(self.call);
        self.step
    }

    fn note(&mut self, effect: Effect, detail: Option<CompactString>) {
        let (state, at, source) = (self.call.state, self.at, self.source);
        self.step.history.push(HistoryEntry { state, at, source, effect, detail });
    }

    fn event(&mut self, kind: CallEventKind) {
        self.event_of(kind, self.call.agent(), self.call.group());
    }

    fn event_of(&mut self, kind: CallEventKind, agent_id: Option<AgentId>, group_id: Option<GroupId>) {
        let call = &self.call;
        self.step.events.push(CallEvent {
            kind,
            at: self.at,
            call_id: call.id,
            session_token: call.token.clone(),
            agent_id,
            group_id,
            status: call.state.status(),
            duration: call.duration,
        });
    }

    /// Enters every state on the way to `goal`.
    fn go(&mut self, goal: CallState) {
        for state in self.call.state.path_to(goal) {
            self.call.state = *state;
            self.note(Effect::Entered, None);
        }
    }

    fn end(&mut self, goal: CallState, reason: Option<EndReason>) {
        if self.call.state.is_terminal() {
            return;
        }
        self.go(goal);
        self.call.reason = reason.filter(|_| goal != CallState::Completed);
        self.call.end_time.get_or_insert(self.at);
        self.announce_end();
    }

    fn announce_end(&mut self) {
        self.event(match self.call.state {
            CallState::Failed => CallEventKind::CallFailed,
            _ => CallEventKind::CallCompleted,
        });
    }

    fn decide(mut self, report: Option<&DialReport>, decision: &Decision, basis: Basis) -> Step {
        let outrun = self.outrun(report, &decision.action, basis);
        if !basis.answered && (outrun || self.out_of_date(&decision.action)) {
            return Step { call: Some(self.call), ..Step::of(None, Acceptance::Conflict) };
        }
        self.begins_with(decision);
        if !self.known {
            self.go(CallState::Routing);
        }
        let outcome = report.and_then(|report| {
            // Who counted the call's attempts from anew did not know it: the result is of another attempt than the next.
            let anew = matches!(&decision.action, Action::Dial(new) if new.number <= report.attempt);
            let known = basis.answered || basis.attempts >= report.attempt;
            self.close_attempt(report, known && !anew)
        });
        if outrun {
            self.step.acceptance = Acceptance::Outrun;
            self.note(Effect::Recorded, Some("conflicting_answer".into()));
            return self.finish();
        }
        match &decision.action {
            Action::Dial(new) => self.dial(new),
            Action::Repeat { attempt } => {
                self.note(Effect::Recorded, Some(format_compact!("attempt {attempt} dialled again")));
            }
            Action::End(reason) if self.call.state.is_terminal() => self.end_late(*reason, outcome),
            Action::End(reason) => self.end_decided(*reason, outcome),
        }
        self.finish()
    }

    /// A call has the direction of its first decision, and begins with its first signal until the CDR says when.
    fn begins_with(&mut self, decision: &Decision) {
        let call = &mut self.call;
        let is_first = match &decision.action {
            Action::Dial(new) => call.attempts.first().is_none_or(|first| new.number < first.number),
            Action::Repeat { .. } | Action::End(_) => call.attempts.is_empty(),
        };
        if is_first {
            call.direction = decision.direction;
        }
        if call.cdr.as_ref().is_none_or(|cdr| cdr.start.is_none()) {
            call.start_time = call.start_time.min(self.at);
        }
    }

    /// Whether another decision was made first. What was answered before it is committed may be ahead of decisions that
    /// are still in another server's spool; so may what follows on an attempt's result, since that attempt was made.
    fn outrun(&self, report: Option<&DialReport>, action: &Action, basis: Basis) -> bool {
        let (attempts, follows) = (self.call.attempts.len(), report.is_some());
        match action {
            Action::Dial(new) if basis.answered => self.call.has_attempt(new.number),
            Action::Dial(new) => {
                let next = self.call.last_number().saturating_add(1);
                let ahead = follows && basis.attempts >= new.number.saturating_sub(1);
                next > new.number || next < new.number && !ahead
            }
            // A copy of another stage can overtake the signal that made the attempt.
            Action::Repeat { attempt } => self.known && !self.call.has_attempt(*attempt),
            Action::End(_) if basis.answered || follows => attempts > usize::from(basis.attempts),
            Action::End(_) => self.known && attempts != usize::from(basis.attempts),
        }
    }

    /// Whether the call is past what the decision asks for, so that another one would be made now.
    fn out_of_date(&self, action: &Action) -> bool {
        match action {
            Action::Dial(_) => self.call.is_over(),
            Action::Repeat { attempt } if self.known => {
                self.call.is_over() || self.call.open_attempt().is_none_or(|open| open.number != *attempt)
            }
            Action::End(EndReason::Announcement | EndReason::Rejected) => self.call.is_over(),
            Action::Repeat { .. } | Action::End(_) => false,
        }
    }

    fn dial(&mut self, new: &NewAttempt) {
        // A later attempt is known: this one's signal was on its way for longer, and moves nothing.
        let behind = self.call.last_number() > new.number;
        // A fail-over of a call whose media is up stays `connected`: the table has no way back, and the caller is there.
        if self.call.state == CallState::Connecting && !behind {
            self.call.state = CallState::Routing;
            self.note(Effect::Entered, None);
        }
        self.call.add_attempt(new, self.at);
        match self.call.state {
            CallState::Received | CallState::Queued | CallState::Routing | CallState::Connecting
                if !behind =>
            {
                self.go(CallState::Connecting);
            }
            _ => self.note(Effect::Recorded, Some(format_compact!("attempt {}", new.number))),
        }
        let (agent, group) = (new.target.agent(), new.target.group());
        if new.number == 1 {
            self.event_of(CallEventKind::CallStarted, agent, group);
        }
        self.event_of(CallEventKind::CallRouted, agent, group);
    }

    /// A call that has ended was decided to end. If the CDR came before the announcement was known of, and took it for
    /// an answer, it is put right; and so is what the CDR did not know of an end that was decided before it arrived.
    fn end_late(&mut self, reason: EndReason, outcome: Option<Outcome>) {
        let words = Some("the call has ended".into());
        let announced = reason == EndReason::Announcement && self.call.cdr.is_some();
        let goal = self.goal_of_end(reason, outcome);
        if announced && self.call.state == CallState::Completed {
            self.call.state = CallState::Failed;
            self.call.reason = Some(reason);
            self.note(Effect::Corrected, words);
            self.announce_end();
        } else {
            self.note(Effect::Refused, words);
        }
        let call = &mut self.call;
        if call.cdr_at.is_none_or(|cdr_at| self.at > cdr_at) {
            return;
        }
        // `Hangup` says that the call was over by then.
        let known_since = call.reason == Some(EndReason::SessionEnded) && reason != EndReason::Hangup;
        if known_since && goal != CallState::Completed {
            call.reason = Some(reason);
        }
        if call.cdr.as_ref().is_some_and(|cdr| cdr.end.is_none()) {
            call.end_time = call.end_time.map(|end| end.min(self.at));
        }
    }

    fn end_decided(&mut self, reason: EndReason, outcome: Option<Outcome>) {
        self.end(self.goal_of_end(reason, outcome), Some(reason));
    }

    /// The terminal state that a decision to end asks for.
    fn goal_of_end(&self, reason: EndReason, outcome: Option<Outcome>) -> CallState {
        let last = outcome.or_else(|| self.call.attempts.last().and_then(|attempt| attempt.outcome));
        match (reason, last) {
            (EndReason::Announcement | EndReason::NoRoute, _) | (_, None) => CallState::Failed,
            (_, Some(outcome)) => CallState::from(outcome),
        }
    }

    /// Closes the attempt that a dial result names; the outcome, if it was not stale.
    fn close_attempt(&mut self, report: &DialReport, may_be_early: bool) -> Option<Outcome> {
        let terminal = self.call.state.is_terminal();
        let words = format_compact!("attempt {}: {}", report.attempt, report.word);
        let heard = self.call.hear(report, self.at, may_be_early);
        let effect = match heard {
            Heard::Stale => Effect::Stale,
            Heard::Closed | Heard::Early if terminal => Effect::Refused,
            Heard::Closed | Heard::Early => Effect::Recorded,
        };
        self.note(effect, Some(words));
        (heard != Heard::Stale || !self.known).then_some(report.outcome)
    }

    fn update(mut self, report: &UpdateReport) -> Step {
        let open = self.call.open_attempt().is_some();
        let state = self.call.state;
        let raw = CompactString::from(report.raw.as_ref());
        match report.word {
            UpdateWord::Progress => self.note(Effect::Recorded, Some(raw)),
            _ if state.is_terminal() => {
                self.note(Effect::Refused, Some(raw));
                self.note_session_end(report);
            }
            UpdateWord::Ringing if state < CallState::Connecting => self.go(CallState::Connecting),
            UpdateWord::Connected if open && state < CallState::Connected => {
                self.go(CallState::Connected);
                self.event(CallEventKind::CallConnected);
            }
            UpdateWord::Ringing | UpdateWord::Connected => self.note(Effect::Stale, Some(raw)),
            UpdateWord::End(_) | UpdateWord::Unknown if report.ended_at.is_none() => {
                self.note(Effect::Recorded, Some(raw));
            }
            UpdateWord::End(_) | UpdateWord::Unknown => self.end_session(report),
        }
        self.finish()
    }

    fn note_session_end(&mut self, report: &UpdateReport) {
        if matches!(report.word, UpdateWord::End(_) | UpdateWord::Unknown)
            && self.call.session_ended.is_none()
        {
            self.call.session_ended = report.ended_at;
        }
    }

    fn end_session(&mut self, report: &UpdateReport) {
        self.note_session_end(report);
        self.call.end_time = report.ended_at;
        let talked = self.call.state == CallState::Connected;
        let goal = match report.word {
            UpdateWord::End(Outcome::Completed) if !talked => CallState::NoAnswer,
            UpdateWord::End(outcome) => CallState::from(outcome),
            _ if talked => CallState::Completed,
            _ => CallState::Failed,
        };
        self.note(Effect::Recorded, Some(CompactString::from(report.raw.as_ref())));
        self.end(goal, Some(EndReason::SessionEnded));
    }

    fn cdr(mut self, report: &CdrReport) -> Step {
        let first = self.call.cdr.is_none();
        let figures = &report.figures;
        let goal = self.goal_of(report);
        self.call.end_attempts(goal, &figures.disposition, self.at);
        self.take_figures(figures);
        let words = format_compact!("cdr: {}", figures.disposition);
        if !self.call.state.is_terminal() {
            self.note(Effect::Recorded, Some(words));
            let reason = Some(EndReason::SessionEnded);
            self.end(goal, reason);
        } else if self.call.state == goal {
            self.note(Effect::Recorded, Some(if first { words } else { format_compact!("another {words}") }));
        } else {
            self.call.state = goal;
            let reason = self.call.reason.or(Some(EndReason::SessionEnded));
            self.call.reason = reason.filter(|_| goal != CallState::Completed);
            self.note(Effect::Corrected, Some(words));
            self.announce_end();
        }
        self.finish()
    }

    /// The terminal state that a CDR asks for. The platform takes an announcement for an answer; we don't.
    fn goal_of(&self, report: &CdrReport) -> CallState {
        let state = self.call.state;
        let goal = match report.outcome {
            Some(outcome) => outcome.into(),
            None if state.is_terminal() => state,
            None if report.figures.billsec.is_some_and(|seconds| seconds > 0) => CallState::Completed,
            None => CallState::Failed,
        };
        let announced = self.call.reason == Some(EndReason::Announcement);
        if announced && goal == CallState::Completed { CallState::Failed } else { goal }
    }

    fn take_figures(&mut self, figures: &CdrFigures) {
        let call = &mut self.call;
        call.duration = figures.billsec.or(call.duration);
        call.start_time = figures.start.unwrap_or(call.start_time);
        call.end_time = figures.end.or(call.end_time).or(Some(self.at));
        call.session_ended = call.session_ended.or(figures.end).or(Some(self.at));
        call.cdr = Some(figures.clone());
    }
}

fn fresh(token: &SessionToken, new: &NewCall, at: Timestamp) -> Call {
    Call {
        id: new.id,
        token: token.clone(),
        direction: RuleDirection::Inbound,
        from: new.from.clone(),
        to: new.to.clone(),
        state: CallState::Received,
        reason: None,
        attempts: SmallVec::new(),
        early: Vec::new(),
        received_at: at,
        start_time: at,
        end_time: None,
        duration: None,
        session_ended: None,
        cdr: None,
        cdr_at: None,
        live_until: new.live_until,
    }
}
