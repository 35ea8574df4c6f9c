//! The scripts of events, and what is asked of them and how they answer.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cxroute_core::port::{Event, EventId, Term};
use cxroute_core::time::Timestamp;
use redis::{Cmd, Pipeline, Value};

use super::RedisEventsOptions;
use crate::keys::EventKeys;
use crate::link::{Link, Trouble};
use crate::script::{By, Lua, fields, millis, number, run, strange, text};

static LEAD: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("../lua/lead.lua")));
static PUBLISH: LazyLock<Lua> = LazyLock::new(|| {
    Lua::new(concat!(include_str!("../lua/events_epoch.lua"), include_str!("../lua/publish.lua")))
});
static LOOK: LazyLock<Lua> = LazyLock::new(|| {
    Lua::new(concat!(include_str!("../lua/events_epoch.lua"), include_str!("../lua/look.lua")))
});

/// So many publications are read at once.
const PAGE: usize = 64;

/// One publication.
pub(super) struct Publication<'a> {
    pub(super) term: Term,
    pub(super) attempt: u64,
    /// Whether some of it may have been published already.
    pub(super) doubtful: bool,
    /// In order.
    pub(super) events: &'a [Said],
    /// How the events' calls stand after them, one entry a call.
    pub(super) calls: &'a [CallSaid],
}

/// What is said of one event.
pub(super) struct Said {
    /// Its id in the outbox.
    pub(super) id: u64,
    /// The message of the channel, from behind the id on; empty for a gap.
    pub(super) message: String,
}

/// How a call stands, as people read it.
pub(super) struct CallSaid {
    /// Its hash.
    pub(super) key: String,
    /// The id in the outbox of its last event.
    pub(super) id: u64,
    pub(super) state: &'static str,
    /// Whether it stays in that state.
    pub(super) is_over: bool,
    /// When it began, if it does now.
    pub(super) start: String,
    pub(super) agent: String,
    pub(super) group: String,
    pub(super) metadata: String,
}

/// What came of a publication.
pub(super) enum Published {
    Yes {
        /// So many had been published before.
        known: u64,
    },
    /// Nothing was done: somebody has published in this term.
    Superseded(Term),
}

/// Events behind a position.
pub(super) struct Page {
    /// The last id that was given, as far as was read.
    pub(super) last: EventId,
    pub(super) events: Vec<Event>,
    /// More may follow.
    pub(super) more: bool,
}

/// A tenant's events.
pub(super) struct Room {
    pub(super) link: Arc<Link>,
    pub(super) keys: EventKeys,
    pub(super) options: RedisEventsOptions,
}

impl Room {
    /// Publishes in order.
    pub(super) async fn publish(&self, publication: &Publication<'_>) -> Result<Published, Trouble> {
        let Publication { term, attempt, doubtful, events, calls } = publication;
        let states = calls.iter().map(|call| call.key.clone());
        let keys: Vec<String> = self.both().into_iter().chain(states).collect();
        let answers = self
            .run(&PUBLISH, |by| {
                by.alone(&keys, |publish| {
                    self.common(publish);
                    publish.arg(term.get()).arg(attempt).arg(self.options.kept).arg(i32::from(*doubtful));
                    publish.arg(events.len());
                    for said in *events {
                        publish.arg(said.id).arg(&said.message);
                    }
                    for call in *calls {
                        publish.arg(call.id).arg(call.state).arg(i32::from(call.is_over)).arg(&call.start);
                        publish.arg(&call.agent).arg(&call.group).arg(&call.metadata);
                    }
                })
            })
            .await?;
        let mut answer = fields(answers.into_iter().next().unwrap_or_default());
        match &*text(answer.next()) {
            "ok" => {
                let known = number(answer.next()).ok_or_else(|| strange("a number"))?;
                Ok(Published::Yes { known: known.unsigned_abs() })
            }
            "superseded" => {
                let term = number(answer.next()).ok_or_else(|| strange("a term"))?;
                Ok(Published::Superseded(Term::new(term.unsigned_abs())))
            }
            _ => Err(strange("a status")),
        }
    }

    /// The last id that was given.
    pub(super) async fn last(&self) -> Result<EventId, Trouble> {
        let answers = self.run(&LOOK, |by| by.alone(&self.both(), |look| self.common(look))).await?;
        last_of(answers.into_iter().next()).ok_or_else(|| strange("an id"))
    }

    /// What is behind `at`, from the oldest on.
    pub(super) async fn page(&self, at: EventId) -> Result<Page, Trouble> {
        let answers = self
            .run(&LOOK, |by| {
                let mut pipeline = by.alone(&self.both(), |look| self.common(look));
                pipeline.cmd("XRANGE").arg(self.keys.stream()).arg(format!("({at}")).arg("+");
                pipeline.arg("COUNT").arg(PAGE);
                pipeline
            })
            .await?;
        let [head, entries] = <[Value; 2]>::try_from(answers).map_err(|_| strange("two answers"))?;
        let head = last_of(Some(head)).ok_or_else(|| strange("an id"))?;
        let entries = fields(entries);
        let more = entries.len() == PAGE;
        // What a later version writes and this one cannot read is a gap.
        let events: Vec<Event> = entries.flat_map(events).filter(|event| event.id > at).collect();
        let newest = events.last().map_or(EventId::ZERO, |event| event.id);
        Ok(Page { last: if more { newest } else { newest.max(head) }, events, more })
    }

    async fn run(&self, script: &Lua, pipeline: impl Fn(By<'_>) -> Pipeline) -> Result<Vec<Value>, Trouble> {
        run(&self.link, self.options.patience, script, pipeline).await
    }

    fn both(&self) -> [String; 2] {
        [self.keys.head(), self.keys.stream()]
    }

    fn common(&self, command: &mut Cmd) {
        command.arg(self.keys.channel()).arg(millis(self.options.keep)).arg(now().to_string());
    }
}

/// Leads, or goes on leading, in a term greater than `least`; none if another does.
pub(super) async fn lead(
    link: &Link,
    options: &RedisEventsOptions,
    name: &str,
    least: u64,
) -> Result<Option<Term>, Trouble> {
    let answers = run(link, options.patience, &LEAD, |by| {
        by.alone(&[options.publisher.to_owned()], |lead| {
            lead.arg(name).arg(millis(options.lease)).arg(millis(options.keep)).arg(least);
        })
    })
    .await?;
    let mut answer = fields(answers.into_iter().next().unwrap_or_default());
    match &*text(answer.next()) {
        "leads" => {
            let term = number(answer.next()).ok_or_else(|| strange("a term"))?;
            Ok(Some(Term::new(term.unsigned_abs())))
        }
        "follows" => Ok(None),
        _ => Err(strange("a status")),
    }
}

fn last_of(answer: Option<Value>) -> Option<EventId> {
    let mut answer = fields(answer?);
    let mut number = || number(answer.next()).map(i64::unsigned_abs);
    Some(EventId { epoch: number()?, number: number()? })
}

/// An entry as `XRANGE` gives it: its id, then ids in the outbox and messages in turn.
fn events(entry: Value) -> impl Iterator<Item = Event> {
    let named = fields(entry).nth(1).map(fields).unwrap_or_default();
    named.filter_map(|value| serde_json::from_str(&text(Some(value))).ok())
}

/// What people read of when a gap was noticed.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
