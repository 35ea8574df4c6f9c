//! Random signals: late, early, twice, decided in ignorance; with books as a plane might have kept them.

use proptest::collection::btree_map;
use proptest::option;
use proptest::prop_oneof;
use proptest::sample::select;
use proptest::strategy::Strategy;

use crate::call::{
    Action, AttemptTarget, EndReason, EventKind, NewAttempt, Outcome, SessionToken, Signal, SignalKind,
};
use crate::conformance::fixture::{START, Script, answer, seconds, token};
use crate::id::{AgentId, GroupId, MembershipId};
use crate::strategy::{
    AgentHealth, AttemptSeat, Counted, Health, HealthRow, Join, LedgerDelta, Presence, Turn,
};

/// So many calls take part.
pub(super) const TOKENS: u32 = 4;

/// One signal of one call.
#[derive(Clone, Debug)]
pub(super) struct Said {
    call: u32,
    what: What,
    /// Seconds after the start.
    at: u64,
    named: bool,
}

#[derive(Clone, Debug)]
enum What {
    Voice { action: Action, attempts: u16, answered: bool, booked: Booked },
    Dial { attempt: u16, outcome: Outcome, action: Action, attempts: u16, answered: bool, booked: Booked },
    Update(&'static str, Option<u64>),
    Cdr(&'static str, u32),
    Nothing(EventKind),
}

/// What a decision changes in the books; its sequence number is late or early by this much.
#[derive(Clone, Debug)]
struct Booked {
    early: u64,
    delta: LedgerDelta,
}

/// The token of a call.
pub(super) fn token_of(call: u32) -> SessionToken {
    token(&format!("call {call}"))
}

impl Said {
    /// The signal; `nth` tells apart the choices of a sequence.
    pub(super) fn signal(&self, nth: u64) -> Signal {
        // Two calls each were given one id.
        let script = Script::new(token_of(self.call).as_str(), 1 + self.call / 2);
        let mut signal = match &self.what {
            What::Voice { action, attempts, .. } => script.voice_with(action.clone(), *attempts),
            What::Dial { attempt, outcome, action, attempts, .. } => {
                script.dial_with(*attempt, *outcome, action.clone(), *attempts)
            }
            What::Update(word, ended) => script.update_ending(word, *ended),
            What::Cdr(disposition, billsec) => script.cdr(disposition, *billsec),
            What::Nothing(kind) => script.audit_only(*kind),
        };
        if let SignalKind::Voice { decision, basis, .. } | SignalKind::Dial { decision, basis, .. } =
            &mut signal.kind
            && let What::Voice { answered, booked, .. } | What::Dial { answered, booked, .. } = &self.what
        {
            basis.answered = *answered;
            decision.delta = LedgerDelta { seq: booked.early * 4_096 + nth + 1, ..booked.delta.clone() };
            signal.answer = Some(answer(&format!("answer {nth}")));
        }
        signal.received_at = seconds(self.at);
        signal.token = signal.token.filter(|_| self.named);
        signal
    }
}

pub(super) fn said() -> impl Strategy<Value = Said> {
    let named = proptest::bool::weighted(0.97);
    (0..TOKENS, what(), 0_u64..100, named).prop_map(|(call, what, at, named)| Said { call, what, at, named })
}

fn what() -> impl Strategy<Value = What> {
    let answered = || proptest::bool::weighted(0.2);
    let outcome = select(vec![Outcome::Completed, Outcome::Busy, Outcome::NoAnswer, Outcome::Failed]);
    let words = vec!["processing", "ringing", "connected", "busy", "completed", "cancel", "something-new"];
    let dispositions = vec!["ANSWER", "BUSY", "NOANSWER", "FAILED", "WHATEVER"];
    let kinds =
        vec![EventKind::VoiceRequest, EventKind::DialResult, EventKind::SessionUpdate, EventKind::Cdr];
    prop_oneof![
        5 => (action(), 0_u16..3, answered(), booked()).prop_map(|(action, attempts, answered, booked)| {
            What::Voice { action, attempts, answered, booked }
        }),
        5 => (1_u16..4, outcome, action(), 0_u16..3, answered(), booked()).prop_map(
            |(attempt, outcome, action, attempts, answered, booked)| What::Dial {
                attempt, outcome, action, attempts, answered, booked
            }
        ),
        4 => (select(words), option::weighted(0.2, 10_u64..50)).prop_map(|(word, ended)| What::Update(word, ended)),
        2 => (select(dispositions), 0_u32..3).prop_map(|(word, billsec)| What::Cdr(word, billsec)),
        1 => select(kinds).prop_map(What::Nothing),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let seat = (7_u64..9, option::of(20_u64..22)).prop_map(|(agent, group)| {
        let membership = group.map(|_| MembershipId::new(1_000 + agent));
        let (agent, group) = (AgentId::new(agent), group.map(GroupId::new));
        AttemptTarget::Agent(AttemptSeat { agent, group, membership, pool: None })
    });
    let number = option::of(20_u64..22)
        .prop_map(|group| AttemptTarget::Number { group: group.map(GroupId::new), number: "911".into() });
    let target = prop_oneof![4 => seat, 1 => number];
    let reasons = vec![EndReason::NoRoute, EndReason::AttemptsFailed, EndReason::Announcement];
    prop_oneof![
        6 => (1_u16..4, target, option::weighted(0.2, 1_u32..3)).prop_map(|(number, target, probe)| {
            Action::Dial(NewAttempt { number, target, probe })
        }),
        1 => (1_u16..3).prop_map(|attempt| Action::Repeat { attempt }),
        2 => select(reasons).prop_map(Action::End),
    ]
}

fn booked() -> impl Strategy<Value = Booked> {
    let counted = (20_u64..22, 7_u64..9, steps()).prop_map(|(group, agent, (step_millis, step))| Counted {
        group: GroupId::new(group),
        agent: AgentId::new(agent),
        step_millis,
        step,
    });
    let turn = (20_u64..22, option::of(1_u32..3), 7_u64..9).prop_map(|(group, level, agent)| {
        let position = (level.unwrap_or(1), MembershipId::new(1_000 + agent));
        (GroupId::new(group), Turn { level, position })
    });
    let presence = (20_u64..22, btree_map(7_u64..9, proptest::bool::ANY, 0..2)).prop_map(|(group, who)| {
        let presence =
            |(agent, present)| Presence { group: GroupId::new(group), agent: AgentId::new(agent), present };
        who.into_iter().map(presence).collect()
    });
    let health = btree_map(7_u64..9, health(), 0..2).prop_map(|rows| {
        rows.into_iter().map(|(agent, health)| HealthRow { agent: AgentId::new(agent), health }).collect()
    });
    let joins = option::weighted(0.2, join()).prop_map(|join| join.into_iter().collect());
    let delta = (option::of(counted), option::of(turn), presence, joins, health).prop_map(
        |(counted, turn, presence, joins, health)| LedgerDelta {
            seq: 0,
            counted,
            turn,
            presence,
            joins,
            health,
        },
    );
    (0_u64..3, delta).prop_map(|(early, delta)| Booked { early, delta })
}

fn join() -> impl Strategy<Value = Join> {
    let calls = btree_map(0_i64..3, 0_u32..4, 0..3);
    (20_u64..22, 7_u64..9, steps(), calls).prop_map(|(group, agent, (step_millis, first), calls)| Join {
        group: GroupId::new(group),
        agent: AgentId::new(agent),
        step_millis,
        steps: calls.into_iter().map(|(step, calls)| (first + step, calls)).collect(),
    })
}

fn health() -> impl Strategy<Value = AgentHealth> {
    let health = prop_oneof![
        (0_u32..3).prop_map(|failures| Health::Fit { failures }),
        (1_u32..3, 0_u32..3, option::of(0..TOKENS)).prop_map(|(episode, successes, probe)| {
            let probe = probe
                .map(|call| (crate::call::AttemptName { token: token_of(call), number: 1 }, seconds(120)));
            Health::Held { episode, until: seconds(60), successes, probe }
        }),
    ];
    (health, 0_u32..3).prop_map(|(health, episodes)| AgentHealth { health, episodes })
}

/// A step's length and number: of a window of 24 hours, or of 12; now and then one window later.
fn steps() -> impl Strategy<Value = (i64, i64)> {
    let length = select(vec![900_000_i64, 450_000]);
    let later = prop_oneof![5 => 0_i64..3, 1 => 95_i64..98];
    (length, later).prop_map(|(millis, later)| (millis, START.as_millis() / millis + later))
}
