//! The laws of the lifecycle over random sequences of late, doubled and reordered signals.

use std::collections::BTreeMap;

use cxroute_core::call::{
    Acceptance, Action, Call, CallState, Effect, EndReason, EventKind, Figures, Outcome, RollupKind, Signal,
    Step, UpdateWord, rollup,
};

use crate::calls::{Line, cdr, result, spooled, update, voice};
use crate::dice::{self, Dice};
use crate::world::{START, at};

use CallState::{Busy, Completed, Connected, Connecting, Failed, NoAnswer, Queued, Received, Routing};

/// The table of domain.md §5, once more and by hand.
const EDGES: [(CallState, CallState); 15] = [
    (Received, Queued),
    (Received, Failed),
    (Queued, Routing),
    (Queued, Failed),
    (Routing, Connecting),
    (Routing, Failed),
    (Connecting, Connected),
    (Connecting, Busy),
    (Connecting, NoAnswer),
    (Connecting, Routing),
    (Connecting, Failed),
    (Connected, Completed),
    (Connected, Busy),
    (Connected, NoAnswer),
    (Connected, Failed),
];

const OUTCOMES: [Outcome; 4] = [Outcome::Completed, Outcome::Busy, Outcome::NoAnswer, Outcome::Failed];

/// What a platform sends in the course of one call; what is decided for it depends on when it arrives.
#[derive(Clone, Copy, Debug)]
enum Event {
    Voice(u128),
    Result { attempt: u16, outcome: Outcome, retry: bool },
    Update(UpdateWord, &'static str, Option<i64>),
    Cdr(Option<Outcome>, &'static str, u32),
    Announcement,
}

fn event(dice: &mut Dice) -> Event {
    let ended = if dice.one_in(3) { Some(50 + dice.below(40) as i64) } else { None };
    match dice.below(12) {
        0 => Event::Voice(2 + dice.below(2) as u128),
        1..=5 => Event::Result {
            attempt: 1 + dice.below(3) as u16,
            outcome: dice.pick(&OUTCOMES),
            retry: dice.one_in(2),
        },
        6 => Event::Update(UpdateWord::Progress, dice.pick(&["new", "processing", "answer"]), None),
        7 => Event::Update(UpdateWord::Ringing, "ringing", None),
        8 => Event::Update(UpdateWord::Connected, "connected", None),
        9 => Event::Update(UpdateWord::Unknown, "hm", ended),
        _ => Event::Update(UpdateWord::End(dice.pick(&OUTCOMES)), "end", ended),
    }
}

/// The signal that an event arrives as, decided on what the store knows; now and then on a guess.
fn signal(event: Event, line: &Line, second: i64, dice: &mut Dice) -> Signal {
    match event {
        Event::Voice(stage) => {
            let (action, attempts) = line.next_action(true);
            voice(stage, second, action, attempts)
        }
        Event::Result { attempt, outcome, retry } => {
            let over = line.call.as_ref().is_some_and(Call::is_over);
            let attempts = line.call.as_ref().map_or(0, |call| call.attempts.len() as u16);
            let open = line.call.as_ref().and_then(|call| call.open_attempt()).map(|open| open.number);
            let action = match open {
                _ if over => Action::End(EndReason::Hangup),
                Some(open) if open != attempt => Action::Repeat { attempt: open },
                _ if retry && outcome != Outcome::Completed => crate::calls::dial_agent(attempts + 1),
                _ => Action::End(EndReason::AttemptsFailed),
            };
            let signal = result(attempt, outcome, second, action, attempts);
            if dice.one_in(4) { spooled(signal) } else { signal }
        }
        Event::Update(word, raw, ended) => update(word, raw, second, ended),
        Event::Cdr(outcome, word, billsec) => cdr(outcome, word, billsec, second),
        Event::Announcement => spooled(voice(1, second, Action::End(EndReason::Announcement), 0)),
    }
}

/// Delivers events in this order, one a second, and checks every step.
fn deliver(events: &[Event], dice: &mut Dice) -> Line {
    let mut line = Line::default();
    let mut rollups = BTreeMap::new();
    for (second, event) in events.iter().enumerate() {
        let signal = signal(*event, &line, 100 + second as i64, dice);
        let (before, known) = (line.call.clone(), line.history.len());
        match line.take(&signal) {
            None | Some(Acceptance::UnknownCall) => assert_eq!(line.call, before),
            Some(Acceptance::Conflict) => panic!("decided on what is known: {signal:#?}"),
            Some(Acceptance::Taken | Acceptance::Outrun) => {
                assert!(line.history.len() > known, "a signal left no trace: {signal:#?}");
                check_step(before.as_ref(), line.steps.last().unwrap(), &signal);
                for delta in rollup(before.as_ref(), line.call()) {
                    assert_ne!(delta.figures, Figures::default());
                    sum(rollups.entry((delta.kind, delta.quarter)).or_default(), delta.figures);
                }
            }
        }
        assert_eq!(line.take(&signal), None, "a copy is swallowed whole");
    }
    check_rollups(&line, rollups);
    line
}

/// Added up by hand: a sum that flips every sign twice would flip none.
fn sum(total: &mut Figures, change: Figures) {
    total.calls += change.calls;
    total.completed += change.completed;
    total.busy += change.busy;
    total.failed += change.failed;
    total.no_answer += change.no_answer;
    total.completed_seconds += change.completed_seconds;
}

fn check_step(before: Option<&Call>, step: &Step, signal: &Signal) {
    let after = step.call.as_ref().unwrap();
    let mut state = before.map(|call| call.state);
    for entry in &step.history {
        assert_eq!((entry.at, entry.source), (signal.received_at, signal.key.kind));
        match (entry.effect, state) {
            (Effect::Entered, None) => assert_eq!(entry.state, Received),
            (Effect::Entered, Some(from)) => {
                assert!(EDGES.contains(&(from, entry.state)), "{from:?} {entry:?}")
            }
            (Effect::Corrected, Some(from)) => {
                assert!(from.is_terminal() && entry.state.is_terminal() && from != entry.state);
                let late_announcement = after.reason == Some(EndReason::Announcement) && after.cdr.is_some();
                assert!(entry.source == EventKind::Cdr || late_announcement);
            }
            (Effect::Refused, Some(from)) => assert!(from.is_terminal() && entry.state == from),
            (Effect::Recorded | Effect::Stale, Some(from)) => assert_eq!(entry.state, from),
            (_, None) => panic!("a call begins with {entry:?}"),
        }
        state = Some(entry.state);
    }
    assert_eq!(state, Some(after.state));
    check_attempts(before, after);
    assert_eq!(after.state.is_terminal(), after.end_time.is_some());
    let Some(before) = before else { return };
    assert_eq!((before.received_at, before.id), (after.received_at, after.id));
    assert!(before.session_ended.is_none_or(|ended| after.session_ended == Some(ended)));
}

fn check_attempts(before: Option<&Call>, after: &Call) {
    let before = before.map_or(&[][..], |call| &call.attempts[..]);
    for (index, attempt) in after.attempts.iter().enumerate() {
        assert_eq!(usize::from(attempt.number), index + 1);
        assert_eq!(attempt.ended_at.is_some(), attempt.outcome.is_some());
        if let Some(known) = before.get(index) {
            assert_eq!((&known.target, known.started_at), (&attempt.target, attempt.started_at));
            assert!(known.ended_at.is_none() || known == attempt, "attempts close once");
        }
    }
    assert!(after.attempts.len() >= before.len());
    assert!(after.attempts.iter().filter(|attempt| attempt.ended_at.is_none()).count() <= 1);
    assert!(after.cdr.is_none() || after.open_attempt().is_none());
}

/// The figures of the call as it stands now, by hand, against the sum of all changes.
fn check_rollups(line: &Line, mut rollups: BTreeMap<(RollupKind, i64), Figures>) {
    rollups.retain(|_, figures| *figures != Figures::default());
    let Some(call) = &line.call else { return assert!(rollups.is_empty()) };
    let mut figures = Figures { calls: 1, ..Figures::default() };
    match call.state {
        Completed => {
            figures.completed = 1;
            figures.completed_seconds = call.duration.unwrap_or(0).into();
        }
        Busy => figures.busy = 1,
        Failed => figures.failed = 1,
        NoAnswer => figures.no_answer = 1,
        _ => {}
    }
    let quarter = call.received_at.as_millis() / (15 * 60 * 1_000);
    let mut expected = BTreeMap::from([((RollupKind::Tenant, quarter), figures)]);
    if let Some(last) = call.attempts.last() {
        expected.insert((RollupKind::Agent(last.target.agent().unwrap()), quarter), figures);
        expected.insert((RollupKind::Group(last.target.group().unwrap()), quarter), figures);
    }
    assert_eq!(rollups, expected);
}

fn shuffle(events: &mut [Event], dice: &mut Dice) {
    for index in (1..events.len()).rev() {
        events.swap(index, dice.below(index + 1));
    }
}

/// A few places earlier or later, as a network does it.
fn jostle(events: &mut [Event], dice: &mut Dice) {
    for index in 1..events.len() {
        if dice.one_in(3) {
            events.swap(index, index - 1);
        }
    }
}

#[test]
fn whatever_comes_late_twice_or_out_of_order_states_move_along_the_table_only() {
    dice::run(60_000, 24, |seed, length| {
        let mut dice = Dice::new(seed);
        let mut events = vec![Event::Voice(1)];
        events.extend((0..length).map(|_| event(&mut dice)));
        for _ in 0..dice.below(3) {
            let outcome = if dice.one_in(3) { None } else { Some(dice.pick(&OUTCOMES)) };
            events.push(Event::Cdr(outcome, "WORD", dice.below(2) as u32 * 30));
        }
        jostle(&mut events, &mut dice);
        deliver(&events, &mut dice);
    });
}

#[test]
fn any_order_of_the_same_signals_with_a_cdr_ends_in_the_cdrs_status_and_times() {
    dice::run(60_000, 16, |seed, length| {
        let mut dice = Dice::new(seed);
        let announced = dice.one_in(4);
        let outcome = dice.pick(&OUTCOMES);
        let mut events = vec![Event::Cdr(Some(outcome), "WORD", 30)];
        events.push(if announced { Event::Announcement } else { Event::Voice(1) });
        for _ in 0..length {
            let event = event(&mut dice);
            let attempts = matches!(event, Event::Result { .. } | Event::Voice(_));
            events.extend(Some(event).filter(|_| !(announced && attempts)));
        }
        let expected = match outcome {
            Outcome::Completed if announced => Failed,
            Outcome::Completed => Completed,
            Outcome::Busy => Busy,
            Outcome::NoAnswer => NoAnswer,
            Outcome::Failed => Failed,
        };
        for _ in 0..2 {
            shuffle(&mut events, &mut dice);
            let line = deliver(&events, &mut dice);
            let call = line.call();
            assert_eq!(call.state, expected, "{events:?}");
            assert_eq!(call.duration, Some(30));
            assert_eq!((call.start_time, call.end_time), (at(START + 500), Some(at(START + 100_500))));
            assert!(call.is_over() && call.open_attempt().is_none());
        }
    });
}
