//! The specification's keys, for people with `redis-cli`. No decision reads them, and no call waits for them: what this
//! server has changed since it last showed it is gathered, and written in the background. What cannot be written is shown
//! with the next change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::config::Strategy;
use cxroute_core::id::GroupId;
use cxroute_core::strategy::{Choice, GroupView, PROVISIONAL_LEASE};
use redis::Pipeline;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::Instant;

use crate::copy::Copy;
use crate::keys::Keys;
use crate::link::{Link, Trouble};
use crate::options::RedisLiveOptions;
use crate::script::{Lua, millis, run};
use crate::wire::Operation;

static SHOW: std::sync::LazyLock<Lua> = std::sync::LazyLock::new(|| Lua::new(include_str!("lua/mirror.lua")));

/// Between two times that something is shown.
const REST: Duration = Duration::from_millis(500);
/// Writing may take this long: nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long `completed` is shown.
const COMPLETED: Duration = Duration::from_secs(300);
/// More open choices than this are not gathered; they are not shown then.
const MOST: usize = 10_000;
/// So many calls are shown at a time, which is more than people can read: a busy tenant does not pay for all of its calls.
const MOST_SHOWN: usize = 128;
/// So many steps go into one script: others' scripts wait for it.
const MOST_STEPS: usize = 2_000;

/// What this server has changed and not shown yet, of one tenant.
pub(crate) struct Mirror {
    link: Arc<Link>,
    keys: Arc<Keys>,
    keep: Duration,
    shown_at: Instant,
    /// Whether something is being written.
    writing: Arc<AtomicBool>,
    /// Whether something could not be written.
    failed: Arc<AtomicBool>,
    /// Groups that chose or took a choice back.
    groups: FxHashMap<GroupId, Strategy>,
    /// Groups that were shown as a whole, in this epoch.
    whole: FxHashSet<GroupId>,
    epoch: Arc<str>,
    /// Choices that are not known to be durable: when they were made, whose they are, and whether they are shown.
    open: FxHashMap<(SessionToken, EventKey), Open>,
    /// Signals that have become durable before they were shown, the first of them.
    completed: Vec<(SessionToken, EventKey)>,
    /// Choices that were shown, and are durable or taken back.
    closed: Vec<(SessionToken, EventKey, Closed)>,
}

struct Open {
    at: Instant,
    group: Option<(GroupId, Strategy)>,
    is_shown: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closed {
    Durable,
    TakenBack,
}

impl Mirror {
    pub(crate) fn new(link: Arc<Link>, keys: Arc<Keys>, options: &RedisLiveOptions) -> Self {
        Self {
            link,
            keys,
            keep: options.keep,
            shown_at: Instant::now(),
            writing: Arc::default(),
            failed: Arc::default(),
            groups: FxHashMap::default(),
            whole: FxHashSet::default(),
            epoch: "".into(),
            open: FxHashMap::default(),
            completed: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// A choice was made, unless it is an old one.
    pub(crate) fn chosen(&mut self, token: &SessionToken, key: EventKey, choice: &Choice) {
        let Choice::Made(pick) = choice else { return };
        let group = pick.delta.counted.and_then(|counted| {
            let stage = pick.stages.iter().find(|stage| stage.group == Some(counted.group))?;
            Some((counted.group, stage.strategy))
        });
        self.groups.extend(group);
        if self.open.len() >= MOST {
            self.open.retain(|_, open| open.at.elapsed() < PROVISIONAL_LEASE);
        }
        if self.open.len() < MOST {
            let open = Open { at: Instant::now(), group, is_shown: false };
            self.open.insert((token.clone(), key), open);
        }
    }

    /// The plane was told this.
    pub(crate) fn told(&mut self, operation: &Operation) {
        let (token, key, closed) = match operation {
            Operation::Complete { token, key, .. } => (token, *key, Closed::Durable),
            Operation::Retract { token, key } => (token, *key, Closed::TakenBack),
            _ => return,
        };
        let open = self.open.remove(&(token.clone(), key));
        if closed == Closed::TakenBack {
            self.groups.extend(open.as_ref().and_then(|open| open.group));
        }
        if open.is_some_and(|open| open.is_shown) {
            self.closed.push((token.clone(), key, closed));
        } else if closed == Closed::Durable && self.completed.len() < MOST_SHOWN {
            self.completed.push((token.clone(), key));
        }
    }

    /// Shows what has changed, now and then; the books as they are in `copy`.
    pub(crate) fn show(&mut self, copy: Option<&Copy>) {
        let is_early = self.shown_at.elapsed() < REST || self.writing.load(Ordering::Relaxed);
        let Some(copy) = copy.filter(|_| !is_early) else { return };
        if copy.epoch != self.epoch || self.failed.swap(false, Ordering::Relaxed) {
            self.epoch.clone_from(&copy.epoch);
            self.whole.clear();
        }
        let mut pictures: Vec<Picture> = Vec::new();
        for (group, strategy) in std::mem::take(&mut self.groups) {
            let is_first = self.whole.insert(group);
            pictures.extend(copy.group(group).map(|view| Picture { group, strategy, view, is_first }));
        }
        let calls = self.calls();
        if pictures.is_empty() && calls.is_none() {
            return;
        }
        self.shown_at = Instant::now();
        self.writing.store(true, Ordering::Relaxed);
        let (link, keys, keep) = (Arc::clone(&self.link), Arc::clone(&self.keys), self.keep);
        let (writing, failed) = (Arc::clone(&self.writing), Arc::clone(&self.failed));
        let (epoch, number) = (copy.epoch.clone(), copy.number);
        tokio::spawn(async move {
            let mut shown = match &calls {
                Some(calls) => link.run(calls, PATIENCE).await.map(|_| ()),
                None => Ok(()),
            };
            for picture in &pictures {
                if shown.is_ok() {
                    shown = picture.show(&link, &keys, &epoch, number, keep).await;
                }
            }
            if let Err(trouble) = shown {
                tracing::debug!(keys = %keys.plane(), ?trouble, "what people read was not written");
                failed.store(true, Ordering::Relaxed);
            }
            writing.store(false, Ordering::Relaxed);
        });
    }

    /// What there is to say of single calls.
    fn calls(&mut self) -> Option<Pipeline> {
        let (keys, mut pipeline, mut count) = (&self.keys, Pipeline::new(), 0);
        let unshown = self.open.iter_mut().filter(|(_, open)| !open.is_shown);
        for ((token, key), open) in unshown.take(MOST_SHOWN) {
            let left = PROVISIONAL_LEASE.saturating_sub(open.at.elapsed());
            open.is_shown = true;
            if left > Duration::ZERO {
                let left = millis(left).max(1);
                pipeline.cmd("SET").arg(keys.lock(token)).arg(key.kind.as_str()).arg("PX").arg(left).ignore();
                let idempotent = keys.idempotent(token, *key);
                pipeline.cmd("SET").arg(idempotent).arg("processing").arg("NX").arg("PX").arg(left).ignore();
                count += 1;
            }
        }
        for (token, key, closed) in self.closed.drain(..) {
            pipeline.cmd("DEL").arg(keys.lock(&token)).ignore();
            match closed {
                Closed::Durable => self.completed.push((token, key)),
                Closed::TakenBack => {
                    pipeline.cmd("DEL").arg(keys.idempotent(&token, key)).ignore();
                }
            }
            count += 1;
        }
        for (token, key) in self.completed.drain(..) {
            let key = keys.idempotent(&token, key);
            pipeline.cmd("SET").arg(key).arg("completed").arg("EX").arg(COMPLETED.as_secs()).ignore();
            count += 1;
        }
        (count > 0).then_some(pipeline)
    }
}

/// A group's books, to be shown.
struct Picture {
    group: GroupId,
    strategy: Strategy,
    view: GroupView,
    /// Nothing of it was shown before by this server.
    is_first: bool,
}

impl Picture {
    async fn show(
        &self,
        link: &Link,
        keys: &Keys,
        epoch: &str,
        number: u64,
        keep: Duration,
    ) -> Result<(), Trouble> {
        let steps: Vec<(i64, u64)> =
            self.view.steps.iter().map(|step| (step.from.as_millis() / 1_000, step.agent.get())).collect();
        // The last steps but one are as the choices that were made in them left them.
        let mut begins: Vec<i64> = steps.iter().map(|(from, _)| *from).collect();
        begins.dedup();
        let tail = begins.iter().rev().nth(1).copied().filter(|_| !self.is_first);
        let from = tail.map_or("-inf".to_owned(), |tail| tail.to_string());
        let begin = begins.first().copied().unwrap_or(0);
        let replaced: Vec<_> = steps.iter().filter(|(at, _)| tail.is_none_or(|tail| *at >= tail)).collect();
        let mut replaced = replaced.chunks(MOST_STEPS);
        let mut next = Some((from, replaced.next().unwrap_or_default()));
        while let Some((from, steps)) = next {
            let keys = [keys.plane(), keys.calls(self.group), keys.window(self.group), keys.turn(self.group)];
            run(link, PATIENCE, &SHOW, |by| {
                by.alone(&keys, |show| {
                    show.arg(epoch).arg(number).arg(self.group.get()).arg(millis(keep)).arg(&from);
                    let is_balanced = self.strategy == Strategy::LoadBalanced;
                    show.arg(if is_balanced { begin.to_string() } else { String::new() });
                    let turn = self.view.latest.filter(|_| self.strategy == Strategy::RoundRobin);
                    show.arg(turn.map(|agent| agent.to_string()).unwrap_or_default());
                    show.arg(self.view.calls.len());
                    for (agent, calls) in &self.view.calls {
                        show.arg(calls).arg(agent.get());
                    }
                    for (at, agent) in steps {
                        show.arg(at).arg(format!("{at}:{agent}"));
                    }
                })
            })
            .await?;
            // What follows is added.
            next = replaced.next().map(|steps| ("+inf".to_owned(), steps));
        }
        Ok(())
    }
}
