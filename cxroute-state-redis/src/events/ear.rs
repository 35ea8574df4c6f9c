//! The ear: one connection that hears all channels that somebody listens to, made anew whenever it breaks. It only wakes:
//! what was said is read from the streams.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSub;
use redis::sentinel::SentinelClient;
use redis::{Client, RedisError, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// A connection that is not there by then is tried again, and one that says nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(200);
/// A silent connection is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(5);

/// Where channels are heard.
pub(crate) enum Hearing {
    Single(Box<Client>),
    Sentinel(Box<SentinelClient>),
    /// Any node of a cluster says what was said on another.
    Nodes(Vec<Client>),
}

impl Hearing {
    async fn connect(&mut self) -> Result<PubSub, RedisError> {
        match self {
            Self::Single(client) => client.get_async_pubsub().await,
            Self::Sentinel(client) => client.async_get_client().await?.get_async_pubsub().await,
            Self::Nodes(nodes) => {
                // The next one, should this one fail.
                nodes.rotate_left(1);
                match nodes.last() {
                    Some(node) => node.get_async_pubsub().await,
                    None => Err((redis::ErrorKind::InvalidClientConfig, "no node").into()),
                }
            }
        }
    }
}

/// Hears channels.
pub(super) struct Ear {
    channels: Arc<Channels>,
    task: AbortHandle,
}

#[derive(Default)]
struct Channels {
    listeners: Mutex<FxHashMap<String, watch::Sender<()>>>,
    /// Somebody listens to another one.
    more: Notify,
}

impl Ear {
    /// Begins to connect, on the current Tokio runtime.
    pub(super) fn open(hearing: Hearing) -> Self {
        let channels = Arc::<Channels>::default();
        let task = tokio::spawn(keep_hearing(hearing, Arc::clone(&channels))).abort_handle();
        Self { channels, task }
    }

    /// Changes whenever something may have been said on this channel.
    pub(super) fn hear(&self, channel: String) -> watch::Receiver<()> {
        let mut listeners = self.channels.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let said = listeners.entry(channel).or_insert_with(|| watch::Sender::new(())).subscribe();
        drop(listeners);
        self.channels.more.notify_one();
        said
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Channels {
    fn wake(&self, channel: &str) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = listeners.get(channel) {
            said.send_replace(());
        }
    }

    /// The channels that somebody listens to.
    fn wanted(&self) -> FxHashSet<String> {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|_, said| said.receiver_count() > 0);
        listeners.keys().cloned().collect()
    }
}

async fn keep_hearing(mut hearing: Hearing, channels: Arc<Channels>) {
    let mut tried = 0_u64;
    loop {
        tried += 1;
        match timeout(PATIENCE, hearing.connect()).await {
            Ok(Ok(connection)) => {
                tried = 0;
                let error = hear(connection, &channels).await;
                tracing::warn!(%error, "the channels of Redis are not heard; events come a little later");
            }
            Ok(Err(error)) if tried.is_power_of_two() => {
                tracing::warn!(%error, tries = tried, "cannot hear the channels of Redis");
            }
            Ok(Err(_)) | Err(_) => {}
        }
        sleep(PAUSE).await;
    }
}

/// Hears what is said until the connection breaks; why it did.
async fn hear(connection: PubSub, channels: &Channels) -> String {
    let (mut sink, mut messages) = connection.split();
    let mut heard = FxHashSet::default();
    loop {
        let wanted = channels.wanted();
        for channel in &wanted {
            if heard.insert(channel.clone()) {
                if let Err(why) = in_time(sink.subscribe(channel)).await {
                    return why;
                }
                // Something may have been said before.
                channels.wake(channel);
            }
        }
        for channel in heard.extract_if(|channel| !wanted.contains(channel)).collect::<Vec<_>>() {
            if let Err(why) = in_time(sink.unsubscribe(channel)).await {
                return why;
            }
        }
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => channels.wake(message.get_channel_name()),
                    None => return "it was closed".to_owned(),
                },
                () = channels.more.notified() => break,
                () = sleep(SILENCE) => {
                    if !heard.is_empty() && let Err(why) = in_time(sink.ping::<Value>()).await {
                        return why;
                    }
                    break;
                }
            }
        }
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, RedisError>>) -> Result<(), String> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}
