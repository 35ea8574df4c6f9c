//! Every line of domain.md §5, as a table: these signals, in this order, end in this state.

use cxroute_core::call::{
    Acceptance, Action, CallEventKind, CallState, Effect, EndReason, Outcome, RecordStatus, Signal,
    UpdateWord,
};
use cxroute_core::config::RuleDirection;

use crate::calls::{Line, cdr, dial_agent, result, spooled, update, voice};
use crate::world::{START, at};

use CallState::{Busy, Completed, Connected, Connecting, Failed, NoAnswer, Queued, Received, Routing};

fn rings() -> Signal {
    voice(1, 0, dial_agent(1), 0)
}

fn talks() -> Signal {
    update(UpdateWord::Connected, "connected", 5, None)
}

const HANGUP: Action = Action::End(EndReason::AttemptsFailed);

#[track_caller]
fn check(signals: impl IntoIterator<Item = Signal>, state: CallState) -> Line {
    let line = Line::of(signals);
    assert_eq!(line.call().state, state, "{:#?}", line.history);
    line
}

fn entered(line: &Line) -> Vec<CallState> {
    line.history.iter().filter(|entry| entry.effect == Effect::Entered).map(|entry| entry.state).collect()
}

fn last_effect(line: &Line) -> Effect {
    line.history.last().unwrap().effect
}

#[test]
fn a_voice_request_leads_from_received_to_connecting_by_every_state_between() {
    let line = check([rings()], Connecting);
    assert_eq!(entered(&line), [Received, Queued, Routing, Connecting]);
    assert!(line.history.iter().all(|entry| entry.at == at(START)));
    assert_eq!(line.call().direction, RuleDirection::Outbound);
}

#[test]
fn a_call_that_no_rule_matches_fails_for_want_of_a_route() {
    let line = check([voice(1, 0, Action::End(EndReason::NoRoute), 0)], Failed);
    assert_eq!(line.call().reason, Some(EndReason::NoRoute));
    assert_eq!(entered(&line), [Received, Queued, Routing, Failed]);
}

#[test]
fn a_dial_result_ends_the_call_as_it_says() {
    for (outcome, state) in [
        (Outcome::Completed, Completed),
        (Outcome::Busy, Busy),
        (Outcome::NoAnswer, NoAnswer),
        (Outcome::Failed, Failed),
    ] {
        let line = check([rings(), result(1, outcome, 9, HANGUP, 1)], state);
        let reason = (state != Completed).then_some(EndReason::AttemptsFailed);
        assert_eq!(line.call().reason, reason, "{outcome:?}");
        assert_eq!(line.call().end_time, Some(at(START + 9_000)));
        assert_eq!(line.call().attempts[0].outcome, Some(outcome));
        assert_eq!(line.call().attempts[0].ended_at, Some(at(START + 9_000)));
        assert_eq!(line.call().attempts[0].word.as_deref(), Some(outcome.as_str()));
        let words = format!("attempt 1: {}", outcome.as_str());
        let noted = line.history.iter().find(|entry| entry.detail.as_deref() == Some(words.as_str()));
        assert_eq!(noted.unwrap().effect, Effect::Recorded);
        check([rings(), talks(), result(1, outcome, 9, HANGUP, 1)], state);
    }
}

#[test]
fn a_completed_result_walks_through_connected() {
    let line = check([rings(), result(1, Outcome::Completed, 9, HANGUP, 1)], Completed);
    assert_eq!(entered(&line), [Received, Queued, Routing, Connecting, Connected, Completed]);
}

#[test]
fn a_fail_over_goes_back_to_routing_and_dials_again() {
    let line = check([rings(), result(1, Outcome::Busy, 9, dial_agent(2), 1)], Connecting);
    assert_eq!(entered(&line), [Received, Queued, Routing, Connecting, Routing, Connecting]);
    assert_eq!(line.call().attempts.len(), 2);
    assert_eq!(line.call().open_attempt().unwrap().number, 2);
}

#[test]
fn a_fail_over_of_a_call_whose_media_is_up_stays_connected() {
    let line = check([rings(), talks(), result(1, Outcome::Failed, 9, dial_agent(2), 1)], Connected);
    assert_eq!(line.call().attempts.len(), 2);
}

#[test]
fn new_processing_and_answer_have_no_effect() {
    for raw in ["new", "processing", "answer"] {
        let line = check([rings(), update(UpdateWord::Progress, raw, 2, None)], Connecting);
        assert_eq!(last_effect(&line), Effect::Recorded);
    }
}

#[test]
fn ringing_leads_to_connecting_and_is_stale_after_it() {
    let line = check([rings(), update(UpdateWord::Ringing, "ringing", 2, None)], Connecting);
    assert_eq!(last_effect(&line), Effect::Stale);
    let line = check([rings(), talks(), update(UpdateWord::Ringing, "ringing", 9, None)], Connected);
    assert_eq!(last_effect(&line), Effect::Stale);
}

#[test]
fn ringing_walks_a_call_that_is_still_being_routed_to_connecting() {
    // Another stage that overtook the signal that made the attempt leaves a call that it creates in routing.
    let overtook = voice(2, 0, Action::Repeat { attempt: 1 }, 1);
    check([overtook.clone()], Routing);
    let line = check([overtook, update(UpdateWord::Ringing, "ringing", 2, None)], Connecting);
    assert_eq!(entered(&line), [Received, Queued, Routing, Connecting]);
}

#[test]
fn connected_counts_while_an_attempt_is_open_only() {
    check([rings(), talks()], Connected);
    let overtook = voice(2, 0, Action::Repeat { attempt: 1 }, 1);
    let line = check([overtook, talks()], Routing);
    assert_eq!(last_effect(&line), Effect::Stale);
    let line = check([rings(), talks(), update(UpdateWord::Connected, "connected", 9, None)], Connected);
    assert_eq!(last_effect(&line), Effect::Stale);
}

#[test]
fn a_legs_busy_does_not_end_a_call_that_fails_over() {
    for (word, raw) in [
        (UpdateWord::End(Outcome::Busy), "busy"),
        (UpdateWord::End(Outcome::NoAnswer), "cancel"),
        (UpdateWord::End(Outcome::NoAnswer), "noanswer"),
        (UpdateWord::Unknown, "recalcitrant"),
    ] {
        let line = check([rings(), update(word, raw, 3, None)], Connecting);
        assert_eq!(last_effect(&line), Effect::Recorded);
        assert!(!line.call().is_over());
    }
}

#[test]
fn an_update_with_an_end_time_ends_the_session() {
    for (word, talking, state) in [
        (UpdateWord::End(Outcome::Busy), false, Busy),
        (UpdateWord::End(Outcome::NoAnswer), false, NoAnswer),
        (UpdateWord::End(Outcome::Failed), true, Failed),
        (UpdateWord::End(Outcome::Completed), true, Completed),
        // Success is never counted from an update alone.
        (UpdateWord::End(Outcome::Completed), false, NoAnswer),
        (UpdateWord::Unknown, false, Failed),
        (UpdateWord::Unknown, true, Completed),
    ] {
        let before = if talking { vec![rings(), talks()] } else { vec![rings()] };
        let line = check(before.into_iter().chain([update(word, "word", 9, Some(8))]), state);
        assert_eq!(line.call().session_ended, Some(at(START + 8_000)), "{word:?}");
        assert!(line.history.iter().any(|entry| entry.detail.as_deref() == Some("word")));
        assert_eq!(line.call().end_time, Some(at(START + 8_000)));
        let reason = (state != Completed).then_some(EndReason::SessionEnded);
        assert_eq!(line.call().reason, reason);
    }
}

#[test]
fn an_update_of_an_unknown_token_is_recorded_and_creates_nothing() {
    let line = Line::of([talks()]);
    assert!(line.call.is_none() && line.history.is_empty());
    assert_eq!(line.steps[0].acceptance, Acceptance::UnknownCall);
}

#[test]
fn a_signal_after_the_end_is_refused_and_recorded() {
    let ended = || vec![rings(), result(1, Outcome::Completed, 9, HANGUP, 1)];
    for late in [
        update(UpdateWord::Ringing, "ringing", 20, None),
        update(UpdateWord::Connected, "connected", 20, None),
        update(UpdateWord::End(Outcome::Busy), "busy", 20, Some(20)),
        voice(2, 20, HANGUP, 1),
    ] {
        let line = check(ended().into_iter().chain([late]), Completed);
        assert_eq!(last_effect(&line), Effect::Refused);
        assert_eq!(line.call().end_time, Some(at(START + 9_000)));
    }
}

#[test]
fn the_end_time_of_an_update_after_the_end_is_kept_as_the_sessions_end_once() {
    let ended = [rings(), result(1, Outcome::Busy, 9, HANGUP, 1)];
    let line = Line::of(ended.into_iter().chain([
        update(UpdateWord::End(Outcome::Busy), "busy", 20, Some(19)),
        update(UpdateWord::End(Outcome::Busy), "busy", 30, Some(29)),
    ]));
    assert_eq!(line.call().session_ended, Some(at(START + 19_000)));
}

#[test]
fn the_cdr_has_the_last_word_on_status_and_times() {
    for (outcome, state) in [
        (Outcome::Completed, Completed),
        (Outcome::Busy, Busy),
        (Outcome::NoAnswer, NoAnswer),
        (Outcome::Failed, Failed),
    ] {
        let line = check([rings(), cdr(Some(outcome), "WORD", 61, 200)], state);
        let call = line.call();
        assert_eq!(call.duration, Some(61), "billsec, not the duration of 100 s");
        assert_eq!((call.start_time, call.end_time), (at(START + 500), Some(at(START + 100_500))));
        assert_eq!(call.attempts[0].outcome, Some(outcome), "an open attempt closes with the call's outcome");
        assert_eq!(call.attempts[0].word.as_deref(), Some("WORD"));
        assert_eq!(call.attempts[0].ended_at, Some(at(START + 200_000)));
        assert_eq!(call.received_at, at(START));
        assert!(call.is_over());
    }
}

#[test]
fn a_billsec_of_zero_is_real() {
    assert_eq!(Line::of([rings(), cdr(Some(Outcome::NoAnswer), "CANCEL", 0, 200)]).call().duration, Some(0));
}

#[test]
fn an_unknown_disposition_keeps_a_terminal_state_and_else_asks_billsec() {
    let busy = || vec![rings(), result(1, Outcome::Busy, 9, HANGUP, 1)];
    check(busy().into_iter().chain([cdr(None, "SHRUG", 50, 200)]), Busy);
    check([rings(), cdr(None, "SHRUG", 50, 200)], Completed);
    check([rings(), cdr(None, "SHRUG", 0, 200)], Failed);
}

#[test]
fn a_dial_result_after_the_cdr_is_stale() {
    let late = result(1, Outcome::Busy, 300, HANGUP, 1);
    let line = check([rings(), cdr(Some(Outcome::Completed), "ANSWER", 60, 200), late], Completed);
    assert_eq!(line.call().attempts[0].outcome, Some(Outcome::Completed));
    assert!(line.history.iter().any(|entry| entry.effect == Effect::Stale));
}

#[test]
fn a_cdr_that_contradicts_a_terminal_state_wins_and_the_history_keeps_both() {
    let signals =
        [rings(), result(1, Outcome::Busy, 9, HANGUP, 1), cdr(Some(Outcome::Completed), "ANSWER", 60, 200)];
    let line = check(signals, Completed);
    assert_eq!(last_effect(&line), Effect::Corrected);
    assert!(entered(&line).contains(&Busy));
    assert_eq!(line.call().reason, None);
    let events: Vec<_> = line.steps[2].events.iter().map(|event| (event.kind, event.status)).collect();
    assert_eq!(events, [(CallEventKind::CallCompleted, RecordStatus::Completed)]);
}

#[test]
fn a_cdr_that_agrees_corrects_nothing() {
    let signals = [rings(), result(1, Outcome::Busy, 9, HANGUP, 1), cdr(Some(Outcome::Busy), "BUSY", 0, 200)];
    let line = check(signals, Busy);
    assert_eq!(last_effect(&line), Effect::Recorded);
    assert!(line.steps[2].events.is_empty());
    assert_eq!(line.call().reason, Some(EndReason::AttemptsFailed));
}

#[test]
fn a_call_whose_only_success_was_an_announcement_stays_failed() {
    let say = || voice(1, 0, Action::End(EndReason::Announcement), 0);
    let answered = || cdr(Some(Outcome::Completed), "ANSWER", 12, 200);
    let line = check([say(), answered()], Failed);
    assert_eq!(line.call().reason, Some(EndReason::Announcement));
    assert_eq!(line.call().duration, Some(12));
    // The answer went out while the store was away, and was committed after the CDR.
    let line = check([answered(), spooled(say())], Failed);
    assert_eq!(line.call().reason, Some(EndReason::Announcement));
    assert_eq!(last_effect(&line), Effect::Corrected);
    let events: Vec<_> = line.steps[1].events.iter().map(|event| event.kind).collect();
    assert_eq!(events, [CallEventKind::CallFailed]);
    // Whatever is no success, the CDR has its word on.
    check([say(), cdr(Some(Outcome::NoAnswer), "CANCEL", 0, 200)], NoAnswer);
    check([say(), cdr(Some(Outcome::NoAnswer), "CANCEL", 0, 200), answered()], Failed);
}

#[test]
fn only_an_announcement_after_the_cdr_puts_a_completed_call_right() {
    let answered = || cdr(Some(Outcome::Completed), "ANSWER", 12, 200);
    check([answered(), spooled(voice(1, 0, Action::End(EndReason::NoRoute), 0))], Completed);
    let busy = cdr(Some(Outcome::Busy), "BUSY", 0, 200);
    check([busy, spooled(voice(1, 0, Action::End(EndReason::Announcement), 0))], Busy);
    let talked = [rings(), result(1, Outcome::Completed, 9, HANGUP, 1)];
    check(
        talked.into_iter().chain([spooled(voice(2, 9, Action::End(EndReason::Announcement), 1))]),
        Completed,
    );
}

#[test]
fn a_cdr_of_an_unknown_token_creates_a_record() {
    let line = check([cdr(Some(Outcome::Completed), "ANSWER", 60, 200)], Completed);
    assert_eq!(entered(&line), [Received, Queued, Routing, Connecting, Connected, Completed]);
    assert_eq!(line.call().id.get(), 8);
    assert_eq!(line.call().live_until, at(START + 200_000));
    let kinds: Vec<_> = line.steps[0].events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [CallEventKind::CallQueued, CallEventKind::CallCompleted]);
}

#[test]
fn a_second_different_cdr_replaces_the_figures_and_the_history_keeps_both() {
    let first = cdr(Some(Outcome::Completed), "ANSWER", 60, 200);
    let second = cdr(Some(Outcome::Completed), "ANSWER", 61, 300);
    let line = check([rings(), first, second], Completed);
    assert_eq!(line.call().duration, Some(61));
    let details: Vec<_> = line.history.iter().filter_map(|entry| entry.detail.as_deref()).collect();
    assert_eq!(details, ["cdr: ANSWER", "another cdr: ANSWER"]);
}

#[test]
fn a_cdr_without_figures_takes_nothing_away() {
    let mut bare = cdr(Some(Outcome::Completed), "ANSWER", 60, 200);
    if let cxroute_core::call::SignalKind::Cdr(report) = &mut bare.kind {
        (report.figures.billsec, report.figures.start, report.figures.end) = (None, None, None);
    }
    let line = check([rings(), bare.clone()], Completed);
    let call = line.call();
    assert_eq!((call.duration, call.start_time), (None, at(START)));
    assert_eq!((call.end_time, call.session_ended), (Some(at(START + 200_000)), Some(at(START + 200_000))));
    let ended = update(UpdateWord::End(Outcome::Busy), "busy", 9, Some(8));
    assert_eq!(Line::of([rings(), ended, bare]).call().end_time, Some(at(START + 8_000)));
}

#[test]
fn another_stage_with_an_open_attempt_is_recorded_and_changes_nothing() {
    let line = check([rings(), voice(2, 3, Action::Repeat { attempt: 1 }, 1)], Connecting);
    assert_eq!(line.call().attempts.len(), 1);
    assert_eq!(last_effect(&line), Effect::Recorded);
}

#[test]
fn another_stage_can_overtake_the_signal_that_made_the_attempt() {
    let mut line = Line::default();
    assert_eq!(line.take(&voice(2, 3, Action::Repeat { attempt: 1 }, 1)), Some(Acceptance::Taken));
    assert_eq!(line.take(&rings()), Some(Acceptance::Taken));
    assert_eq!((line.call().state, line.call().attempts.len()), (Connecting, 1));
}

#[test]
fn another_stage_after_a_result_gets_a_new_attempt() {
    let line = check([rings(), result(1, Outcome::Busy, 9, dial_agent(2), 1)], Connecting);
    let line = check(
        [
            rings(),
            result(1, Outcome::Busy, 9, dial_agent(2), 1),
            result(2, Outcome::Busy, 12, dial_agent(3), 2),
        ],
        Connecting,
    )
    .call()
    .attempts
    .len()
        - line.call().attempts.len();
    assert_eq!(line, 1);
}

#[test]
fn a_decision_made_in_ignorance_of_the_call_is_a_conflict_and_keeps_nothing() {
    let ended = || vec![rings(), result(1, Outcome::Busy, 9, HANGUP, 1)];
    let closed = || vec![rings(), result(1, Outcome::Busy, 9, dial_agent(2), 1)];
    let late = update(UpdateWord::End(Outcome::NoAnswer), "cancel", 9, Some(8));
    for (before, ignorant) in [
        (vec![], voice(2, 20, dial_agent(2), 1)),
        (vec![rings()], voice(2, 20, dial_agent(1), 0)),
        (vec![rings()], voice(2, 20, HANGUP, 0)),
        (ended(), voice(2, 20, dial_agent(2), 1)),
        (ended(), voice(2, 20, Action::Repeat { attempt: 1 }, 1)),
        (ended(), voice(2, 20, Action::End(EndReason::Announcement), 1)),
        (ended(), voice(2, 20, Action::End(EndReason::Rejected), 1)),
        (closed(), voice(2, 20, Action::Repeat { attempt: 1 }, 2)),
        (closed(), voice(2, 20, Action::Repeat { attempt: 3 }, 2)),
        (vec![rings(), late], result(1, Outcome::Busy, 20, dial_agent(2), 1)),
    ] {
        let mut line = Line::of(before);
        let known = line.call.clone();
        assert_eq!(line.take(&ignorant), Some(Acceptance::Conflict), "{ignorant:#?}");
        assert_eq!(line.call, known);
        let step = line.steps.last().unwrap();
        assert!(step.history.is_empty());
        let shown = step.call.as_ref().unwrap();
        assert!(known.as_ref().is_none_or(|known| known == shown), "a conflict shows the call as it is");
    }
}

#[test]
fn an_answer_that_was_on_the_line_already_and_lost_is_recorded_and_does_not_count() {
    let mut line = Line::of([rings()]);
    assert_eq!(line.take(&spooled(voice(2, 20, dial_agent(1), 0))), Some(Acceptance::Outrun));
    assert_eq!(line.call().attempts.len(), 1);
    assert_eq!(line.history.last().unwrap().detail.as_deref(), Some("conflicting_answer"));
    assert_eq!(line.take(&spooled(voice(3, 21, HANGUP, 0))), Some(Acceptance::Outrun));
    assert_eq!(line.take(&spooled(voice(4, 21, Action::Repeat { attempt: 2 }, 0))), Some(Acceptance::Outrun));
    assert_eq!(line.take(&spooled(voice(5, 22, Action::Repeat { attempt: 1 }, 1))), Some(Acceptance::Taken));
}

#[test]
fn an_attempt_that_was_made_before_the_end_was_known_is_kept() {
    // Answered while the store was away, drained after another server took the CDR.
    let mut line = Line::of([cdr(Some(Outcome::Completed), "ANSWER", 60, 200)]);
    assert_eq!(line.take(&spooled(rings())), Some(Acceptance::Taken));
    assert_eq!(line.call().state, Completed);
    assert_eq!(line.call().attempts[0].outcome, Some(Outcome::Completed));
    assert_eq!(line.call().direction, RuleDirection::Outbound);
    // Ended by an update only: its result or the CDR is still to come.
    let late = update(UpdateWord::End(Outcome::NoAnswer), "cancel", 9, Some(8));
    let failed_over = spooled(result(1, Outcome::Busy, 7, dial_agent(2), 1));
    let line = check([rings(), late, failed_over], NoAnswer);
    assert_eq!(line.call().open_attempt().unwrap().number, 2);
}

#[test]
fn a_result_of_a_call_that_nobody_knows_ends_it_as_it_says() {
    let line = check([result(1, Outcome::Busy, 9, HANGUP, 0)], Busy);
    assert!(line.call().attempts.is_empty());
    check([rings(), result(4, Outcome::Busy, 9, Action::Repeat { attempt: 1 }, 1)], Connecting);
}

#[test]
fn a_signal_that_names_no_call_concerns_none() {
    let mut nameless = rings();
    nameless.token = None;
    let line = Line::of([nameless]);
    assert!(line.call.is_none());
    assert_eq!(line.steps[0].acceptance, Acceptance::UnknownCall);
    let mut audited = rings();
    audited.kind = cxroute_core::call::SignalKind::AuditOnly;
    audited.key.hash = 99;
    let mut line = Line::of([rings()]);
    line.take(&audited);
    assert_eq!(line.call().state, Connecting);
}

#[test]
fn events_tell_a_call_from_queued_to_its_end() {
    let signals = [
        rings(),
        talks(),
        result(1, Outcome::Failed, 9, dial_agent(2), 1),
        result(2, Outcome::Failed, 12, HANGUP, 2),
    ];
    let line = Line::of(signals);
    let events: Vec<_> =
        line.steps.iter().flat_map(|step| &step.events).map(|event| (event.kind, event.status)).collect();
    use CallEventKind::{CallConnected, CallFailed, CallQueued, CallRouted, CallStarted};
    use RecordStatus::{InProgress, Queued as New, Ringing};
    assert_eq!(
        events,
        [
            (CallQueued, New),
            (CallStarted, Ringing),
            (CallRouted, Ringing),
            (CallConnected, InProgress),
            (CallRouted, InProgress),
            (CallFailed, RecordStatus::Failed),
        ]
    );
    let agents: Vec<_> =
        line.steps.iter().flat_map(|step| &step.events).map(|event| event.agent_id).collect();
    assert_eq!(agents[0], None);
    assert_eq!(agents[4].unwrap().get(), 2);
}

#[test]
fn the_record_words_each_state_as_the_specification_does() {
    let words: Vec<_> =
        CallState::ALL.iter().map(|state| (state.as_str(), state.status().as_str())).collect();
    assert_eq!(
        words,
        [
            ("received", "queued"),
            ("queued", "queued"),
            ("routing", "queued"),
            ("connecting", "ringing"),
            ("connected", "in_progress"),
            ("completed", "completed"),
            ("failed", "failed"),
            ("busy", "busy"),
            ("no_answer", "no_answer"),
        ]
    );
    for state in CallState::ALL {
        assert_eq!(CallState::parse(state.as_str()), Some(state));
    }
    assert_eq!(CallState::parse("gone"), None);
}

#[test]
fn the_result_of_an_attempt_that_is_open_after_the_end_is_refused_and_still_closes_it() {
    let gone = update(UpdateWord::End(Outcome::NoAnswer), "cancel", 9, Some(8));
    let line = check([rings(), gone, result(1, Outcome::Busy, 12, HANGUP, 1)], NoAnswer);
    assert_eq!(line.call().attempts[0].outcome, Some(Outcome::Busy));
    let refused = line.history.iter().filter(|entry| entry.effect == Effect::Refused);
    let words: Vec<_> = refused.filter_map(|entry| entry.detail.as_deref()).collect();
    assert_eq!(words, ["attempt 1: busy", "the call has ended"]);
}
