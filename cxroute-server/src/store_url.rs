//! Which adapters: the one place that turns `--store` and `--live` into a store and an execution plane.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use cxroute_core::memory::{MemoryEvents, MemoryLive, MemoryStore};
use cxroute_core::port::{Events, LiveState, Store, StoreError};
use cxroute_core::seal::Keyring;
use cxroute_core::time::Timestamp;
use cxroute_state_redis::{RedisEvents, RedisEventsOptions, RedisLive, RedisLiveOptions};
use cxroute_store_mysql::MySqlStore;
use cxroute_store_sqlite::SqliteStore;

use crate::late_store::{LateStore, Start};
use crate::master_key::{self, Otherwise};

/// So many calls a store in memory keeps: beyond, the oldest that has ended makes room.
const KEPT_IN_MEMORY: usize = 100_000;

/// Where calls and configurations are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`: in this process, until it ends.
    Memory,
    /// `sqlite:FILE`: in this file.
    Sqlite(PathBuf),
    /// `mysql://…`: in this MySQL or MariaDB database, which other servers may share.
    MySql(Secretive),
}

/// A URL that may hold a password: it never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secretive(Box<str>);

impl fmt::Debug for Secretive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, _) = self.0.split_once(':').unwrap_or_default();
        write!(f, "{scheme}://…")
    }
}

/// Where choices are made atomically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveUrl {
    /// `memory:`: in this process, rebuilt from the store at every start.
    Memory,
    /// `redis://…`, `redis+cluster://…`, `redis+sentinel://…`: in Redis, which other servers share.
    Redis(Secretive),
}

/// A URL names no adapter of this server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {got}")]
pub struct UrlError {
    expected: &'static str,
    got: String,
}

impl UrlError {
    /// Names the scheme only: what follows it may hold a password.
    fn new(expected: &'static str, text: &str) -> Self {
        let got = match text.split_once(':') {
            Some((scheme, "")) => format!("{scheme}: alone"),
            Some((scheme, _)) => format!("a URL with the scheme {scheme:?}"),
            None => "no URL".to_owned(),
        };
        Self { expected, got }
    }
}

impl FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let refused = || UrlError::new("sqlite:FILE, mysql://… or memory:", text);
        match text.split_once(':').ok_or_else(refused)? {
            ("memory", "") => Ok(Self::Memory),
            ("sqlite", path) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                let plain = !path.is_empty() && !path.starts_with(':') && !path.contains('?');
                plain.then(|| Self::Sqlite(PathBuf::from(path))).ok_or_else(refused)
            }
            // Whatever is wrong with the rest is said when it is opened, without quoting it.
            ("mysql" | "mariadb", rest) if rest.starts_with("//") => Ok(Self::MySql(Secretive(text.into()))),
            _ => Err(refused()),
        }
    }
}

impl FromStr for LiveUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text == "memory:" {
            return Ok(Self::Memory);
        }
        // Whatever is wrong with the rest is said when it is opened, without quoting it.
        match text.split_once("://") {
            Some(("redis" | "rediss", _)) => Ok(Self::Redis(Secretive(text.into()))),
            Some(("redis+cluster" | "rediss+cluster" | "redis+sentinel" | "rediss+sentinel", _)) => {
                Ok(Self::Redis(Secretive(text.into())))
            }
            _ => Err(UrlError::new("redis://…, redis+cluster://…, redis+sentinel://… or memory:", text)),
        }
    }
}

impl StoreUrl {
    /// Opens the store without its keys: what is sealed stays so.
    ///
    /// # Errors
    /// In one line: what was opened, and why it did not open.
    pub async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryStore::keeping(KEPT_IN_MEMORY)),
            Self::Sqlite(file) => sqlite(file).await?,
            Self::MySql(url) => mysql(url).await?,
        })
    }

    /// Refuses a database file that is not there.
    ///
    /// # Errors
    /// Names the file.
    pub fn expect_database(&self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(file) if !self.exists() => bail!("there is no database {}", file.display()),
            _ => Ok(()),
        }
    }

    /// How many transactions of webhooks it takes at once. SQLite has one writer.
    pub(crate) const fn transactions_at_once(&self) -> usize {
        match self {
            Self::Memory | Self::Sqlite(_) => 1,
            Self::MySql(_) => 2,
        }
    }

    fn exists(&self) -> bool {
        match self {
            Self::Memory => false,
            Self::Sqlite(file) => file.exists(),
            Self::MySql(_) => true,
        }
    }
}

impl LiveUrl {
    /// Opens the execution plane, which answers within `patience`. A Redis that is away is no reason to wait: calls are
    /// answered without it, and it is connected to when it is there.
    ///
    /// # Errors
    /// What was expected of the URL.
    pub fn open(&self, patience: Duration) -> anyhow::Result<Arc<dyn LiveState>> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryLive::new()),
            Self::Redis(url) => {
                let options = RedisLiveOptions { patience, ..RedisLiveOptions::default() };
                Arc::new(RedisLive::open(&url.0, options).context("--live")?)
            }
        })
    }
}

impl LiveUrl {
    /// Opens what tells of events: beside the execution plane, for the same servers. A Redis that is away is no reason to
    /// wait.
    ///
    /// # Errors
    /// What was expected of the URL.
    pub fn events(&self, now: Timestamp) -> anyhow::Result<Arc<dyn Events>> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryEvents::starting(now)),
            Self::Redis(url) => {
                Arc::new(RedisEvents::open(&url.0, RedisEventsOptions::default()).context("--live")?)
            }
        })
    }
}

/// The store of a command, and its keys.
#[derive(Args, Clone, Debug)]
pub struct StoreArgs {
    /// Where calls and configurations are kept: sqlite:FILE, mysql://user:password@host/database, or memory:.
    #[arg(long, env = "CXROUTE_STORE", value_name = "URL", default_value = "sqlite:cxroute.db")]
    pub store: StoreUrl,
    /// The file that holds the master key, unless CXROUTE_MASTER_KEY does; an embedded database keeps its own.
    #[arg(long, env = "CXROUTE_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
}

/// A store with the keys to what is sealed in it.
#[derive(Clone)]
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The keys.
    pub keyring: Arc<Keyring>,
}

impl StoreArgs {
    /// Opens the store; makes an embedded one that is not there, and its key.
    ///
    /// # Errors
    /// In one line: what was opened, and why it did not open.
    pub async fn open(&self) -> anyhow::Result<Opened> {
        let keyring = Arc::new(self.keyring()?);
        let store = self.store.open().await?;
        Ok(Opened { store, keyring })
    }

    /// Opens the store for a server, which starts although a database is away: the store is opened by itself then as soon
    /// as that answers, and is the second value.
    ///
    /// # Errors
    /// Those of [`Self::open`], unless it can only be that the database is away.
    pub(crate) async fn open_to_serve(&self) -> anyhow::Result<(Opened, Option<LateStore>)> {
        let StoreUrl::MySql(url) = &self.store else { return Ok((self.open().await?, None)) };
        let (keyring, url) = (Arc::new(self.keyring()?), url.clone());
        let name = format!("{url:?}");
        let open = move || {
            let url = url.clone();
            async move { open_mysql(&url).await }
        };
        Ok(match LateStore::start(open).await.with_context(|| format!("opening {name}"))? {
            Start::There(store) => (Opened { store, keyring }, None),
            Start::Late(late) => (Opened { store: Arc::new(late.clone()), keyring }, Some(late)),
        })
    }

    /// Opens a store that is there, for commands that have nothing to do with an empty one.
    ///
    /// # Errors
    /// Those of [`Self::open`], and when there is no database.
    pub async fn open_existing(&self) -> anyhow::Result<Opened> {
        self.store.expect_database()?;
        self.open().await
    }

    /// Opens the store as it is for one that will not change it: an empty stand-in where there is no database yet.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub async fn open_or_pretend(&self) -> anyhow::Result<Opened> {
        if self.store.exists() {
            return self.open().await;
        }
        let keyring = master_key::keyring(self.master_key_file.as_deref(), Otherwise::Ephemeral)?;
        Ok(Opened { store: Arc::new(MemoryStore::new()), keyring: Arc::new(keyring) })
    }

    fn keyring(&self) -> anyhow::Result<Keyring> {
        let otherwise = match &self.store {
            StoreUrl::Memory => Otherwise::Ephemeral,
            StoreUrl::Sqlite(file) => Otherwise::Beside(file),
            StoreUrl::MySql(_) => Otherwise::Refused,
        };
        master_key::keyring(self.master_key_file.as_deref(), otherwise)
    }
}

async fn sqlite(file: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let text = file.to_str().with_context(|| format!("{}: expected a UTF-8 path", file.display()))?;
    let store = SqliteStore::open(text, &cxroute_store_sqlite::StoreOptions::default()).await;
    Ok(Arc::new(store.with_context(|| format!("opening {text}"))?))
}

async fn mysql(url: &Secretive) -> anyhow::Result<Arc<dyn Store>> {
    open_mysql(url).await.with_context(|| format!("opening {url:?}"))
}

async fn open_mysql(url: &Secretive) -> Result<Arc<dyn Store>, StoreError> {
    let store = MySqlStore::open(&url.0, &cxroute_store_mysql::StoreOptions::default()).await?;
    Ok(Arc::new(store))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_adapters_and_others_are_refused_with_the_choices_but_without_their_passwords() {
        let sqlite = |path: &str| Ok(StoreUrl::Sqlite(path.into()));
        assert_eq!("memory:".parse(), Ok(StoreUrl::Memory));
        assert_eq!("sqlite:cxroute.db".parse(), sqlite("cxroute.db"));
        assert_eq!("sqlite:///var/lib/cxroute.db".parse(), sqlite("/var/lib/cxroute.db"));
        for text in [
            "",
            "cxroute.db",
            "sqlite:",
            "sqlite::memory:",
            "memory:x",
            "mysql:x",
            "redis://me:hunter2@db/cx",
        ] {
            let refused = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(refused.starts_with("expected sqlite:FILE, mysql://… or memory:, got "), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        let mysql: StoreUrl = "mysql://me:hunter2@db/cx".parse().unwrap();
        assert_eq!(format!("{mysql:?}"), "MySql(mysql://…)");
        assert_eq!("memory:".parse(), Ok(LiveUrl::Memory));
        let redis: LiveUrl = "redis://:hunter2@host".parse().unwrap();
        assert_eq!(format!("{redis:?}"), "Redis(redis://…)");
        let refused = "mysql://:hunter2@host".parse::<LiveUrl>().unwrap_err().to_string();
        let expected = "expected redis://…, redis+cluster://…, redis+sentinel://… or memory:";
        assert_eq!(refused, format!("{expected}, got a URL with the scheme \"mysql\""));
    }
}
