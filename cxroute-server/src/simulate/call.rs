//! One call as the platform plays it: a state machine without input or output. It says what is sent next, is told
//! the CXML that came back, and keeps the ledger of what the server's records must say afterwards.

mod dial;
mod ending;
mod ledger;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::cxml::{Callback, Verb};
use super::link::Link;
use super::payload::{Fetched, Identity, Parties, Stage, Times, Update, Voice};
use super::random::Random;
use super::script::Script;
use super::violation::{Violation, ViolationKind};
use super::webhook::{Kind, Origin, Webhook};

pub(super) use ledger::Ledger;

/// What the platform does next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The call's time passes.
    Pass(Duration),
    /// A webhook that is acknowledged.
    Tell(Webhook),
    /// A webhook whose answer the call waits for; the next thing is [`Call::answered`].
    Ask(Webhook),
}

/// An answer that the platform can execute.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) source: String,
    pub(super) verbs: Vec<Verb>,
}

/// A call in progress.
pub(super) struct Call {
    script: Arc<Script>,
    identity: Identity,
    times: Times,
    shape: Random,
    fate: Random,
    queue: VecDeque<Step>,
    verbs: VecDeque<(Option<usize>, Verb)>,
    fetched: Vec<Fetched>,
    page: String,
    phase: Phase,
    stages: u32,
    updates: u32,
    rejected: Option<super::outcome::Outcome>,
    cdr: Cdr,
    ledger: Ledger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Asking(After),
    Over,
}

/// What happens to the answer of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// It is executed.
    Execute,
    /// It is executed, and has nobody to dial any more: the dial was answered.
    ExecuteAnswered,
    /// The caller has hung up: it is read, not executed.
    CallerGone,
    /// The CDR has been sent: it is read, not executed, and has nobody to dial.
    SessionOver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cdr {
    Due,
    Sent,
}

/// The purposes of a call's random streams; the driver has one more.
const IDENTITY: u64 = 0;
const SHAPE: u64 = 1;
const FATE: u64 = 2;
pub(super) const DELIVERY: u64 = 3;

impl Call {
    /// The call with this number of the run, beginning at `started` (milliseconds since the Unix epoch).
    pub(super) fn new(script: Arc<Script>, number: u64, started: i64) -> Self {
        let mut random = Random::stream(script.seed, number, IDENTITY);
        let (from, to) = script.parties(&mut random);
        let page = script.base.path(&format!("/api/voice/application/{}", script.domain));
        let application_url = script.base.url(&page);
        let direction = script.direction;
        let parties =
            Parties { domain: &script.domain, application_url: &application_url, direction, from, to };
        let mut call = Self {
            identity: Identity::draw(&mut random, parties),
            times: Times::starting(started),
            shape: Random::stream(script.seed, number, SHAPE),
            fate: Random::stream(script.seed, number, FATE),
            queue: VecDeque::with_capacity(16),
            verbs: VecDeque::new(),
            fetched: Vec::new(),
            page,
            phase: Phase::Running,
            stages: 0,
            updates: 0,
            rejected: None,
            cdr: Cdr::Due,
            ledger: Ledger::default(),
            script,
        };
        call.begin();
        call
    }

    /// What names the call.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What happened, and what must stand in the server's records; complete once [`Call::next`] has said `None`.
    pub(super) fn into_ledger(self) -> Ledger {
        self.ledger
    }

    /// What comes next; `None` when the call is over and all of it has been sent.
    pub(super) fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.queue.pop_front() {
                return Some(step);
            }
            match self.phase {
                Phase::Running => match self.verbs.pop_front() {
                    Some((attempt, verb)) => self.execute(attempt, verb),
                    None => self.end(),
                },
                // The driver went on without an answer: there was none.
                Phase::Asking(_) => self.answered(None),
                Phase::Over => return None,
            }
        }
    }

    /// Takes the answer of the stage that was asked for; `None` when there was none that could be executed.
    pub(super) fn answered(&mut self, page: Option<Page>) {
        let Phase::Asking(after) = std::mem::replace(&mut self.phase, Phase::Running) else { return };
        self.verbs.clear();
        let Some(page) = page else { return self.give_up() };
        self.fetched.push(Fetched {
            at: self.times.now,
            url: self.script.base.url(&self.page),
            source: page.source,
        });
        let dials = page.verbs.iter().filter(|verb| targets(verb).is_some()).count();
        if dials > 0 && matches!(after, After::ExecuteAnswered | After::SessionOver) {
            let detail = format!("a stage after {} dials again", after.description());
            self.fault(ViolationKind::DialAfterEnd, detail);
        }
        self.verbs = page.verbs.into_iter().map(|verb| (self.ledger.decided(targets(&verb)), verb)).collect();
        if matches!(after, After::CallerGone | After::SessionOver) {
            self.verbs.clear();
            self.end();
        }
    }

    fn begin(&mut self) {
        self.update("new", None);
        self.update("processing", Some("application"));
        let page = Callback { url: self.page.clone(), method: Method::POST };
        self.ask(Kind::Voice, Origin::Configured, &page, Stage::First, After::Execute);
    }

    fn execute(&mut self, attempt: Option<usize>, verb: Verb) {
        match verb {
            Verb::Dial { targets, action, timeout } => self.dial(attempt, &targets, action, timeout),
            Verb::Connect { targets, action } => self.dial(attempt, &targets, action, 60),
            Verb::Hangup => self.end(),
            Verb::Reject(reason) => self.reject(&reason),
            Verb::Speak => {
                self.answer_itself();
                self.pass(3_000);
            }
            Verb::Pause(seconds) => self.pass(i64::try_from(seconds).unwrap_or(0).min(86_400) * 1000),
            Verb::Gather(action) => {
                self.answer_itself();
                self.pass(2_000);
                self.follow(action, Stage::Digits("1"));
            }
            Verb::Record(action) => {
                self.answer_itself();
                self.pass(5_000);
                self.follow(action, Stage::Recording(5));
            }
            Verb::Redirect(to) => self.follow(Some(to), Stage::Later),
            Verb::Beside => {}
        }
    }

    /// A stage without a dial; with no action it goes to the document's own URL, as in TwiML.
    fn follow(&mut self, action: Option<Callback>, stage: Stage<'_>) {
        let current = Callback { url: self.page.clone(), method: Method::POST };
        self.ask(Kind::Voice, Origin::Named, &action.unwrap_or(current), stage, After::Execute);
    }

    fn ask(&mut self, kind: Kind, origin: Origin, to: &Callback, stage: Stage<'_>, after: After) {
        let link = match Link::resolve(&to.url, &self.page) {
            Ok(link) => link,
            Err(error) => {
                self.fault(ViolationKind::BadUrl, format!("a URL in the CXML {error}"));
                return self.give_up();
            }
        };
        self.stages += 1;
        if self.stages > self.script.max_stages {
            let detail = format!("more than {} stages", self.script.max_stages);
            self.fault(ViolationKind::TooManyStages, detail);
            return self.give_up();
        }
        if let Some(origin) = link.origin.filter(|origin| *origin != self.script.base.url("")) {
            self.ledger.notes.push(format!("CXML named {origin}: sent to the server under trial instead"));
        }
        self.tick();
        self.page = link.target;
        let webhook = self.stage_webhook(kind, origin, &to.method, stage);
        self.queue.push_back(Step::Ask(webhook));
        self.phase = Phase::Asking(after);
    }

    fn stage_webhook(&mut self, kind: Kind, origin: Origin, method: &Method, stage: Stage<'_>) -> Webhook {
        let what = match stage {
            Stage::First => "first",
            Stage::Later => "redirect",
            Stage::Digits(_) => "digits",
            Stage::Recording(_) => "recording",
            Stage::Dial(report) => report.status,
        };
        let voice = Voice { call: &self.identity, times: self.times, stage };
        let (target, body) = if method == Method::GET {
            let joint = if self.page.contains('?') { '&' } else { '?' };
            (format!("{}{joint}{}", self.page, voice.query()), bytes::Bytes::new())
        } else {
            (self.page.clone(), voice.json())
        };
        let stage = Some(self.shape.hex16());
        Webhook { kind, what, method: method.clone(), target, body, stage, event_id: None, origin }
    }

    fn update(&mut self, status: &'static str, action: Option<&str>) {
        self.tick();
        self.updates += 1;
        let event_id = (!self.shape.one_in(10)).then(|| self.shape.uuid());
        let shouted: String;
        let text = if self.shape.one_in(8) {
            shouted = status.to_uppercase();
            &shouted
        } else {
            status
        };
        let event = event_id.as_deref();
        let update =
            Update { call: &self.identity, times: self.times, status: text, action, event_id: event };
        let body = update.json(&mut self.shape);
        let target = self.script.base.path(&format!("/api/voice/session/update/{}", self.script.domain));
        self.queue.push_back(Step::Tell(Webhook {
            kind: Kind::Update,
            what: status,
            method: Method::POST,
            target,
            body,
            stage: None,
            event_id,
            origin: Origin::Configured,
        }));
    }

    /// The platform itself answers: something is to be spoken or heard.
    fn answer_itself(&mut self) {
        if self.times.answered.is_none() {
            self.times.answered = Some(self.times.now);
            self.update("connected", None);
        }
    }

    fn pass(&mut self, millis: i64) {
        self.times.now += millis;
        self.queue.push_back(Step::Pass(Duration::from_millis(millis.max(0) as u64)));
    }

    /// No two moments of a call are the same, so that every update has its own `modifiedAt`.
    fn tick(&mut self) {
        self.times.now += self.shape.between(3, 40) as i64;
    }

    fn fault(&mut self, kind: ViolationKind, detail: impl Into<String>) {
        self.ledger.faults.push(Violation::new(kind, detail));
    }
}

impl After {
    fn description(self) -> &'static str {
        match self {
            Self::Execute => "nothing",
            Self::ExecuteAnswered => "an answered dial",
            Self::CallerGone => "the caller's hanging up",
            Self::SessionOver => "the call's CDR",
        }
    }
}

fn targets(verb: &Verb) -> Option<&[super::cxml::Target]> {
    match verb {
        Verb::Dial { targets, .. } | Verb::Connect { targets, .. } => Some(targets),
        _ => None,
    }
}
