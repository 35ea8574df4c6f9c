//! One tenant on this server: a task that owns the replica, appends what is asked to the log in batches, applies what
//! comes back and answers.
//!
//! A batch is whatever has gathered while the one before was on its way, so a busy tenant pays for few round trips and a
//! quiet one never waits. What nobody waits for (that a choice is durable, that a call has ended) gathers a little longer.

mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cxroute_core::port::LiveError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::ask::Ask;
use crate::batch::Batch;
use crate::copy::{Behind, Copy};
use crate::keys::Keys;
use crate::link::{Link, Trouble};
use crate::made::Made;
use crate::mirror::Mirror;
use crate::options::RedisLiveOptions;
use crate::owed::{Owed, Room};
use crate::replica::Outcome;
use crate::script::{Append, Appended, Desk, Read};
use crate::wire::{self, Operation, Timed};

/// So many asks share a batch.
const MOST_IN_BATCH: usize = 128;
/// What nobody waits for gathers for this long.
const LINGER: Duration = Duration::from_millis(2);
/// After a failure Redis is left alone for this long, and calls are told at once that it is away.
const PAUSE: Duration = Duration::from_millis(250);
/// A tenant without calls is given up after this long; its next call loads it again.
const IDLE: Duration = Duration::from_secs(600);
/// Building a plane anew may take this long.
pub(crate) const RESTORING: Duration = Duration::from_secs(5);
/// A plane that missed something is not built anew more often than this.
const BETWEEN_REPLACEMENTS: Duration = Duration::from_secs(5);
/// Redis is told how long to keep a plane so many times in that span: by every entry it would cost more than the entry.
const RENEWALS: u32 = 256;
/// A batch that met another epoch or a gap is tried so often.
const MOST_TRIES: usize = 4;

/// What others see of a tenant.
#[derive(Default)]
pub(crate) struct Standing {
    /// The plane takes what it is told: nobody needs to wait for that.
    pub(crate) takes: AtomicBool,
    /// More was decided elsewhere than could be kept for the plane to be told: it is to be built anew.
    pub(crate) missed: AtomicBool,
}

impl Standing {
    pub(crate) fn miss(&self) {
        self.missed.store(true, Ordering::Relaxed);
        self.takes.store(false, Ordering::Relaxed);
    }
}

/// One tenant's task.
pub(crate) struct Tenant {
    link: Arc<Link>,
    keys: Arc<Keys>,
    options: RedisLiveOptions,
    standing: Arc<Standing>,
    copy: Option<Copy>,
    made: Made,
    mirror: Mirror,
    owed: Owed,
    /// When Redis's clock was read last, and what it said, in milliseconds.
    clock: Option<(Instant, i64)>,
    away_until: Option<Instant>,
    /// When a plane that missed something was last replaced.
    replaced: Option<Instant>,
    asked: Instant,
    /// Between two looks at what others wrote.
    look: Duration,
    /// Whether a state is being written.
    shortening: Arc<AtomicBool>,
}

impl Tenant {
    pub(crate) fn new(
        link: Arc<Link>,
        keys: Keys,
        options: RedisLiveOptions,
        standing: Arc<Standing>,
    ) -> Self {
        let keys = Arc::new(keys);
        Self {
            mirror: Mirror::new(Arc::clone(&link), Arc::clone(&keys), &options),
            link,
            keys,
            options,
            standing,
            copy: None,
            made: Made::default(),
            owed: Owed::default(),
            clock: None,
            away_until: None,
            replaced: None,
            asked: Instant::now(),
            look: options.follow,
            shortening: Arc::default(),
        }
    }

    /// Serves until nobody can ask any more, or nobody has for long.
    pub(crate) async fn run(mut self, mut asks: mpsc::UnboundedReceiver<Ask>) {
        let mut batch = Vec::new();
        loop {
            let look = self.away_until.unwrap_or_else(|| Instant::now() + self.look);
            tokio::select! {
                biased;
                taken = asks.recv_many(&mut batch, MOST_IN_BATCH) => {
                    if taken == 0 {
                        return;
                    }
                    self.asked = Instant::now();
                    if !batch.iter().any(Ask::is_awaited) {
                        // Nothing more in time: then these alone.
                        let _taken = timeout(LINGER, asks.recv_many(&mut batch, MOST_IN_BATCH)).await;
                    }
                }
                () = sleep_until(look) => {
                    let up_to_date = self.owed.is_empty() && !self.standing.missed.load(Ordering::Relaxed);
                    if self.asked.elapsed() > IDLE && up_to_date {
                        asks.close();
                        while let Some(ask) = asks.recv().await {
                            batch.push(ask);
                        }
                        self.serve(batch).await;
                        return;
                    }
                }
            }
            self.serve(std::mem::take(&mut batch)).await;
            self.mirror.show(self.copy.as_ref());
        }
    }

    /// Answers a batch; an empty one only looks at what others wrote.
    async fn serve(&mut self, asks: Vec<Ask>) {
        let mut asks: Vec<Ask> =
            asks.into_iter().filter(|ask| !ask.is_question() || ask.is_awaited()).collect();
        if self.away_until.is_some_and(|until| Instant::now() < until) {
            return self.refuse(asks, &away("it did not answer a moment ago"));
        }
        if self.away_until.is_some() {
            // Nobody waits for the try that tells whether it is back.
            self.refuse(std::mem::take(&mut asks), &away("it did not answer a moment ago"));
        }
        let mut waiting = Vec::new();
        for ask in asks {
            match ask {
                Ask::Restore(image, reply) => {
                    if !waiting.is_empty() {
                        self.attend(std::mem::take(&mut waiting)).await;
                    }
                    let restored = self.restore(*image).await;
                    let _gone = reply.send(restored).is_err();
                }
                other => waiting.push(other),
            }
        }
        self.attend(waiting).await;
    }

    async fn attend(&mut self, asks: Vec<Ask>) {
        if self.is_to_be_founded() && self.away_until.is_none() {
            return self.refuse(asks, &LiveError::Lost);
        }
        match self.exchange(asks).await {
            Ok(()) => self.is_back(),
            Err((unanswered, why)) => {
                if why == LiveError::Lost {
                    // That is an answer, too.
                    self.is_back();
                }
                self.refuse(unanswered, &why);
            }
        }
    }

    fn is_to_be_founded(&self) -> bool {
        self.standing.missed.load(Ordering::Relaxed)
            && self.replaced.is_none_or(|at| at.elapsed() > BETWEEN_REPLACEMENTS)
    }

    fn is_back(&mut self) {
        if self.away_until.take().is_some() {
            tracing::info!(keys = %self.keys.plane(), "the execution plane in Redis is back");
        }
        let missed = self.standing.missed.load(Ordering::Relaxed);
        self.standing.takes.store(!missed && self.copy.is_some(), Ordering::Relaxed);
    }

    /// What was told is kept for when the plane is back; where there is none, the store knows what it is built from.
    fn refuse(&mut self, asks: Vec<Ask>, why: &LiveError) {
        if *why == LiveError::Lost {
            self.standing.takes.store(false, Ordering::Relaxed);
        }
        for ask in asks {
            // The image that the plane is built from may have been read before a call ended or a choice was durable.
            let lasts = |told: &Operation| matches!(told, Operation::End { .. } | Operation::Complete { .. });
            if let Ask::Tell(operation, at, _) = &ask
                && (*why != LiveError::Lost || lasts(operation))
                && self.owed.add(operation.clone(), *at) == Room::None
            {
                self.standing.miss();
            }
            ask.refuse(why.clone());
        }
    }

    /// Redis has failed: it is left alone for a moment.
    fn fails(&mut self, trouble: &Trouble) -> LiveError {
        let reason = match trouble {
            Trouble::Away(reason) => reason.clone(),
            Trouble::NoScript => "it does not keep its scripts".to_owned(),
        };
        if self.away_until.is_none() {
            tracing::warn!(keys = %self.keys.plane(), %reason, "the execution plane in Redis is away");
        }
        self.away_until = Some(Instant::now() + PAUSE);
        self.standing.takes.store(false, Ordering::Relaxed);
        away(&reason)
    }

    /// Appends what is asked, applies what is behind, answers. What could not be done is given back, with the reason.
    async fn exchange(&mut self, mut asks: Vec<Ask>) -> Result<(), (Vec<Ask>, LiveError)> {
        if asks.is_empty() && self.owed.is_empty() && self.copy.is_none() && self.away_until.is_none() {
            return Ok(());
        }
        for _ in 0..MOST_TRIES {
            if let Err(why) = self.have_copy().await {
                return Err((asks, why));
            }
            if let Err(why) = self.pay().await {
                return Err((asks, why));
            }
            let Some(copy) = &self.copy else { continue };
            let batch = Batch::of(&asks, copy, &self.made, self.options.clock);
            let appended = match self.append(batch.operations).await {
                Ok(appended) => appended,
                Err(why) => return Err((asks, why)),
            };
            match appended {
                Sent::InLog(outcomes) => {
                    asks = self.answer(asks, &batch.owners, outcomes);
                    if asks.is_empty() {
                        return Ok(());
                    }
                }
                Sent::Nothing => self.copy = None,
                Sent::Unknown => {
                    return Err((asks, away("what it answered got lost")));
                }
            }
        }
        Err((asks, away("it changes too fast")))
    }

    /// Tells what is owed, all of it: what is asked now comes after it.
    async fn pay(&mut self) -> Result<(), LiveError> {
        while let (false, Some(copy)) = (self.owed.is_empty(), &self.copy) {
            let (operations, count) = Batch::owed(&self.owed, copy, &self.made, self.options.clock);
            match self.append(operations).await? {
                Sent::InLog(_) => {
                    self.owed.oldest(count).for_each(|(operation, _)| {
                        self.made.settle(operation);
                        self.mirror.told(operation);
                    });
                    self.owed.told(count);
                }
                Sent::Nothing | Sent::Unknown => self.copy = None,
            }
        }
        Ok(())
    }

    /// Appends operations as one entry and applies all that is behind, them included. An entry of this server's own is not
    /// read back.
    async fn append(&mut self, operations: Vec<Timed>) -> Result<Sent, LiveError> {
        let encoded = (!operations.is_empty()).then(|| wire::encode(&operations));
        let deadline = self.deadline();
        let desk = way(&self.link, &self.keys, &self.options);
        let Some(copy) = &mut self.copy else { return Ok(Sent::Nothing) };
        let renews = copy.renewed.is_none_or(|at| at.elapsed() > self.options.keep / RENEWALS);
        let entry = Append { deadline, renews, operations: encoded.as_deref() };
        let exchange = match desk.exchange(&copy.position(), &entry).await {
            Ok(exchange) => exchange,
            Err(trouble) => return Err(self.fails(&trouble)),
        };
        self.clock = Some((Instant::now(), exchange.now));
        let (last, id, due) = match exchange.appended {
            Appended::Yes { last, id, snapshot_due } => (last, id, snapshot_due),
            Appended::OtherEpoch => return Ok(Sent::Nothing),
            Appended::Lost => {
                self.copy = None;
                return Err(LiveError::Lost);
            }
            Appended::Late => return Err(self.fails(&Trouble::Away("it was late".to_owned()))),
        };
        self.look = match exchange.entries.is_empty() {
            false => self.options.follow,
            true => (self.look * 2).min(self.options.follow * 16),
        };
        if renews && encoded.is_some() {
            copy.renewed = Some(Instant::now());
        }
        let own = encoded.is_some().then_some(last);
        let sent = self.follow(exchange.entries, exchange.more, Own { last, own, id, operations }).await?;
        if due {
            self.shorten();
        }
        Ok(sent)
    }

    /// Applies what others wrote and, in its place, what this server has appended.
    async fn follow(&mut self, mut entries: Vec<Read>, mut more: bool, mine: Own) -> Result<Sent, LiveError> {
        let Own { last, own, id, operations } = mine;
        let mut outcomes = Vec::new();
        loop {
            let Some(copy) = &mut self.copy else { return Ok(Sent::Unknown) };
            match copy.apply(entries, own, &mut outcomes) {
                Ok(()) if own == Some(copy.number + 1) => {
                    return Ok(Sent::InLog(copy.apply_next(last, id, operations)));
                }
                Ok(()) if copy.number >= last => return Ok(Sent::InLog(outcomes)),
                Ok(()) if more => {}
                // What was cut off the log, or is of another epoch by now.
                Ok(()) | Err(Behind::Gap) => match self.load().await {
                    Ok(())
                        if outcomes.is_empty()
                            && self
                                .copy
                                .as_ref()
                                .is_some_and(|copy| copy.number < own.unwrap_or(u64::MAX)) => {}
                    _ if own.is_none() => return Ok(Sent::Nothing),
                    _ => return Ok(Sent::Unknown),
                },
                Err(Behind::Unreadable(why)) => {
                    tracing::error!(keys = %self.keys.log(), %why, "an entry of the log cannot be read");
                    self.copy = None;
                    return Err(self.fails(&Trouble::Away(why.to_string())));
                }
            }
            let Some(copy) = &self.copy else { return Ok(Sent::Unknown) };
            (entries, more) = match way(&self.link, &self.keys, &self.options).read(&copy.id).await {
                Ok(read) => read,
                Err(trouble) => return Err(self.fails(&trouble)),
            };
        }
    }

    /// Hands outcomes to those who wait; gives back the asks whose rosters were not known.
    fn answer(&mut self, asks: Vec<Ask>, owners: &[Option<usize>], outcomes: Vec<Outcome>) -> Vec<Ask> {
        let mut of_asks: Vec<Option<Outcome>> = Vec::new();
        of_asks.resize_with(asks.len(), || None);
        for (owner, outcome) in owners.iter().zip(outcomes) {
            if let Some(index) = owner {
                of_asks[*index] = Some(outcome);
            }
        }
        let Some(copy) = &self.copy else { return asks };
        let mut again = Vec::new();
        for (ask, outcome) in asks.into_iter().zip(of_asks) {
            match (ask, outcome) {
                (ask @ Ask::Choose(..), Some(Outcome::UnknownRoster)) => again.push(ask),
                (Ask::Choose(asked, reply), Some(Outcome::Choice(choice))) => {
                    self.made.note(&asked, &choice, &copy.epoch);
                    self.mirror.chosen(&asked.choose.token, asked.choose.key, &choice);
                    // A caller that has given up decided by itself: what becomes durable of that takes this one's place.
                    let _gone = reply.send(Ok(choice)).is_err();
                }
                (Ask::Preview(asked, reply), _) => {
                    let _gone = reply.send(Ok(copy.preview(&asked.request()))).is_err();
                }
                (Ask::Settle(.., reply), Some(Outcome::Settled(settled, delta))) => {
                    let _gone = reply.send(Ok((settled, delta))).is_err();
                }
                (Ask::Tell(operation, _, reply), _) => {
                    self.made.settle(&operation);
                    self.mirror.told(&operation);
                    let _gone = reply.is_some_and(|reply| reply.send(Ok(())).is_err());
                }
                (ask, _) => ask.refuse(away("it answered something else")),
            }
        }
        again
    }

    /// Until when a script may do what this server waits for, in milliseconds of Redis's clock.
    fn deadline(&self) -> i64 {
        let patience = self.options.patience;
        self.clock.map_or(0, |(at, now)| {
            now + i64::try_from((at.elapsed() + patience).as_millis()).unwrap_or(i64::MAX / 2)
        })
    }
}

/// What this server has appended.
struct Own {
    /// Number of the last entry that there is, this server's own included.
    last: u64,
    /// The same, if it is this server's own, which has this id and these operations.
    own: Option<u64>,
    id: String,
    operations: Vec<Timed>,
}

/// What came of appending a batch.
enum Sent {
    /// It is in the log, and came to this.
    InLog(Vec<Outcome>),
    /// Nothing of it was done: there is another epoch.
    Nothing,
    /// It was done, and nobody knows what it came to.
    Unknown,
}

fn way<'a>(link: &'a Link, keys: &'a Keys, options: &RedisLiveOptions) -> Desk<'a> {
    Desk { link, keys, patience: options.patience, keep: options.keep }
}

fn away(reason: &str) -> LiveError {
    LiveError::Unavailable { reason: reason.to_owned() }
}
