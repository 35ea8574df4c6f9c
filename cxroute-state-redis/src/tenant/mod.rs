//! One tenant on this server: a task that owns the replica, appends what is asked to the log in batches, applies what
//! comes back and answers.
//!
//! A batch is whatever has gathered while the one before was on its way, so a busy tenant pays for few round trips and a
//! quiet one never waits. What nobody waits for (that a choice is durable, that a call has ended) gathers a little longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cxroute_core::port::LiveError;
use cxroute_core::strategy::{Plane, PlaneImage};
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
use crate::script::{Appended, Desk, Founded, Loaded, Replace};
use crate::wire::Operation;

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
/// Loading the state of a busy tenant may take this long; its calls do not wait for it longer than they said.
const LOADING: Duration = Duration::from_secs(2);
/// A plane that missed something is not built anew more often than this.
const BETWEEN_REPLACEMENTS: Duration = Duration::from_secs(5);
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
            let appended = match self.append(&batch.entries).await {
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
            let (entries, count) = Batch::owed(&self.owed, copy, &self.made, self.options.clock);
            match self.append(&entries).await? {
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

    /// Appends entries and applies all that is behind, them included.
    async fn append(&mut self, entries: &[Vec<u8>]) -> Result<Sent, LiveError> {
        let deadline = self.deadline();
        let desk = way(&self.link, &self.keys, &self.options);
        let Some(copy) = &mut self.copy else { return Ok(Sent::Nothing) };
        let mut exchange = match desk.exchange(&copy.position(deadline), entries).await {
            Ok(exchange) => exchange,
            Err(trouble) => return Err(self.fails(&trouble)),
        };
        self.clock = Some((Instant::now(), exchange.now));
        let (last, due) = match exchange.appended {
            Appended::Yes { last, snapshot_due } => (last, snapshot_due),
            Appended::OtherEpoch => return Ok(Sent::Nothing),
            Appended::Lost => {
                self.copy = None;
                return Err(LiveError::Lost);
            }
            Appended::Late => return Err(self.fails(&Trouble::Away("it was late".to_owned()))),
        };
        self.look = match exchange.entries.len() > entries.len() {
            true => self.options.follow,
            false => (self.look * 2).min(self.options.follow * 16),
        };
        let first = last + 1 - entries.len() as u64;
        let mut outcomes = Vec::with_capacity(entries.len());
        loop {
            let Some(copy) = &mut self.copy else { return Ok(Sent::Unknown) };
            match copy.apply(exchange.entries, first..=last, &mut outcomes) {
                Ok(()) if copy.number >= last => break,
                Ok(()) if exchange.more => {}
                // What was cut off the log, or is of another epoch by now.
                Ok(()) | Err(Behind::Gap) => match self.load().await {
                    Ok(())
                        if outcomes.is_empty()
                            && self.copy.as_ref().is_some_and(|copy| copy.number < first) => {}
                    _ if entries.is_empty() => return Ok(Sent::Nothing),
                    _ => return Ok(Sent::Unknown),
                },
                Err(Behind::Unreadable(why)) => {
                    tracing::error!(keys = %self.keys.log(), %why, "an entry of the log cannot be read");
                    self.copy = None;
                    return Err(self.fails(&Trouble::Away(why.to_string())));
                }
            }
            let Some(copy) = &self.copy else { return Ok(Sent::Unknown) };
            exchange = match way(&self.link, &self.keys, &self.options).exchange(&copy.position(0), &[]).await
            {
                Ok(exchange) => exchange,
                Err(trouble) => return Err(self.fails(&trouble)),
            };
        }
        if due {
            self.shorten();
        }
        Ok(Sent::InLog(outcomes))
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
                    self.mirror.chosen(&asked.token, asked.key, &choice);
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

    async fn have_copy(&mut self) -> Result<(), LiveError> {
        match self.copy {
            Some(_) => Ok(()),
            None => self.load().await,
        }
    }

    /// Loads the state that there is.
    async fn load(&mut self) -> Result<(), LiveError> {
        self.copy = None;
        let desk = Desk { patience: LOADING, ..way(&self.link, &self.keys, &self.options) };
        match desk.load(Plane::VERSION).await {
            Ok(Loaded::State { now, epoch, number, id, state }) => {
                self.clock = Some((Instant::now(), now));
                match Copy::read(epoch, number, id, &state) {
                    Ok(copy) => self.copy = Some(copy),
                    Err(why) => {
                        tracing::error!(keys = %self.keys.snapshot(), %why, "the state cannot be read");
                        return Err(LiveError::Lost);
                    }
                }
                Ok(())
            }
            Ok(Loaded::Lost) => Err(LiveError::Lost),
            Ok(Loaded::Newer(version)) => Err(away(&newer(&version))),
            Err(trouble) => Err(self.fails(&trouble)),
        }
    }

    /// Builds the plane from the store's image: if there is none, or if the one there is missed something.
    async fn restore(&mut self, image: PlaneImage) -> Result<(), LiveError> {
        let replace = match self.is_to_be_founded() {
            true => Replace::Yes,
            false => Replace::No,
        };
        if replace == Replace::No && self.copy.is_some() && self.append(&[]).await.is_ok() {
            return Ok(());
        }
        let epoch = format!("{:016x}", getrandom::u64().map_err(|error| away(&error.to_string()))?);
        let (state, mut fresh) = Copy::founding(epoch, image);
        let desk = Desk { patience: RESTORING, ..way(&self.link, &self.keys, &self.options) };
        let version = Plane::VERSION;
        match desk.found(&fresh.epoch, replace, version, &state).await {
            Ok(Founded::Yes { now, number }) => {
                tracing::info!(keys = %self.keys.plane(), epoch = %fresh.epoch, "the execution plane was built from the store");
                self.clock = Some((Instant::now(), now));
                fresh.number = number;
                self.copy = Some(fresh);
                if replace == Replace::Yes {
                    self.replaced = Some(Instant::now());
                }
            }
            Ok(Founded::There) => self.copy = None,
            Ok(Founded::Newer(version)) => return Err(away(&newer(&version))),
            Err(trouble) => return Err(self.fails(&trouble)),
        }
        self.standing.missed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Until when a script may do what this server waits for, in milliseconds of Redis's clock.
    fn deadline(&self) -> i64 {
        let patience = self.options.patience;
        self.clock.map_or(0, |(at, now)| {
            now + i64::try_from((at.elapsed() + patience).as_millis()).unwrap_or(i64::MAX / 2)
        })
    }

    /// Writes the state as it is now, in the background.
    fn shorten(&self) {
        let Some(copy) = &self.copy else { return };
        if self.shortening.swap(true, Ordering::Relaxed) {
            return;
        }
        let (link, keys, options) = (Arc::clone(&self.link), Arc::clone(&self.keys), self.options);
        let (copy, shortening) = (copy.clone(), Arc::clone(&self.shortening));
        tokio::spawn(async move {
            let encoded = tokio::task::spawn_blocking(move || (copy.state(), copy)).await;
            if let Ok((state, copy)) = encoded {
                let desk = Desk { patience: RESTORING, ..way(&link, &keys, &options) };
                let writer = format!("{}-{}", copy.epoch, copy.number);
                let done = desk.shorten(&writer, &copy.epoch, copy.number, &copy.id, &state).await;
                if let Err(trouble) = done {
                    tracing::warn!(keys = %keys.snapshot(), ?trouble, "a state could not be written");
                }
            }
            shortening.store(false, Ordering::Relaxed);
        });
    }
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

fn newer(version: &str) -> String {
    format!("the plane in Redis is of version {version}, this server's is {}", Plane::VERSION)
}
