//! Somebody who listens: reads the stream behind where they are, whenever the channel says that something happened, and
//! now and then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cxroute_core::port::{Event, EventId, Heard, Next, Subscription, hear};
use tokio::sync::watch;
use tokio::time::sleep;

use super::ear::Ear;
use super::script::{Page, Room};

/// Looks for what nobody told of.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct RedisSubscription {
    room: Room,
    at: EventId,
    /// What was read and not heard yet.
    page: VecDeque<Event>,
    /// The last id that was given, as far as was read.
    last: EventId,
    /// There may be more to read.
    unread: bool,
    said: watch::Receiver<()>,
    /// Listens for as long as this.
    _ear: Arc<Ear>,
}

impl RedisSubscription {
    pub(super) fn new(room: Room, at: EventId, ear: Arc<Ear>) -> Self {
        let said = ear.hear(room.keys.channel());
        // What was published before is read at once.
        Self { room, at, page: VecDeque::new(), last: at, unread: true, said, _ear: ear }
    }

    /// What was read and not heard yet.
    fn take(&mut self) -> Option<Heard> {
        match hear(self.at, self.last, self.page.front().map(|event| event.id))? {
            Next::Event => {
                let event = self.page.pop_front()?;
                self.at = event.id;
                Some(Heard::Event(event))
            }
            Next::Gap { to } => {
                self.at = to;
                Some(Heard::Gap)
            }
        }
    }

    /// Reads what is behind this subscription's place; nothing while Redis is away.
    async fn look(&mut self) {
        let read = self.room.page(self.at).await;
        self.unread = false;
        let Ok(Page { last, events, more }) = read else { return };
        (self.last, self.page, self.unread) = (last, events.into(), more);
        if self.at > last {
            // It never was: from the oldest that is kept, after a gap.
            (self.at, self.last, self.unread) = (EventId::ZERO, EventId::ZERO, true);
        }
    }
}

#[async_trait]
impl Subscription for RedisSubscription {
    async fn next(&mut self) -> Heard {
        loop {
            if let Some(heard) = self.take() {
                return heard;
            }
            if !self.unread {
                tokio::select! {
                    // Whoever says something is held by this subscription.
                    _ = self.said.changed() => {}
                    () = sleep(LOOK) => {}
                }
                // Also if the look is given up.
                self.unread = true;
            }
            self.look().await;
        }
    }

    fn position(&self) -> EventId {
        self.at
    }
}
