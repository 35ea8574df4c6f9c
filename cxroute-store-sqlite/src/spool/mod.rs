//! `SqliteSpool`: signals that wait for the store, in a SQLite file in a folder that one server owns.

mod folder;
mod waiting;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cxroute_core::authority::IngestScope;
use cxroute_core::call::{SessionToken, Signal};
use cxroute_core::config::{Configuration, Domain};
use cxroute_core::id::TenantId;
use cxroute_core::port::{Spool, SpoolError, SpoolId, SpoolLevel, Spooled};
use cxroute_store_sql::codec::{RowForm as _, Rows, document, key};
use sqlx::SqlitePool;

use self::waiting::{Session, Waiting};
use crate::error::Fault;

/// How a spool is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolOptions {
    /// The most bytes of signals that wait; more are refused as [`SpoolError::Full`].
    pub most_bytes: u64,
    /// How long an operation waits for the one before it.
    pub patience: Duration,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self { most_bytes: 1 << 30, patience: Duration::from_secs(2) }
    }
}

/// A server's spool. Its folder is locked until the last clone of it is dropped, or the process ends in any way.
///
/// A signal that no longer can be read (another version wrote it) is set aside by [`Spool::oldest`] itself.
#[derive(Clone, Debug)]
pub struct SqliteSpool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: SqlitePool,
    waiting: Waiting,
    options: SpoolOptions,
    /// Holds the lock.
    _lock: File,
}

const APPEND: &str = "INSERT INTO signals (tenant_id, session_token, signal) \
    SELECT value->>0, value->>1, value->>2 FROM json_each(?) ORDER BY key";
const OLDEST: &str =
    "SELECT id, tenant_id, signal FROM signals WHERE aside IS NULL AND id > ? ORDER BY id LIMIT ?";
const REMOVE: &str = "DELETE FROM signals WHERE id IN (SELECT value FROM json_each(?)) AND aside IS NULL \
    RETURNING tenant_id, session_token, octet_length(signal)";
const SET_ASIDE: &str = "UPDATE signals SET aside = ? WHERE id = ? AND aside IS NULL \
    RETURNING tenant_id, session_token, octet_length(signal)";
const TENANTS: &str =
    "SELECT domain, CAST(configuration->>'$.tenant.id' AS INTEGER) FROM snapshots ORDER BY domain";
const DOMAINS: &str =
    "SELECT domain FROM snapshots ORDER BY octet_length(configuration) DESC, domain LIMIT ?";
const SAVE_SNAPSHOT: &str = "INSERT INTO snapshots (domain, revision, configuration) VALUES (?, ?, ?) \
    ON CONFLICT (domain) DO UPDATE SET revision = excluded.revision, configuration = excluded.configuration \
    WHERE excluded.revision >= revision";

impl SqliteSpool {
    /// Opens the spool in `folder`, which is created if need be, and locks it.
    ///
    /// # Errors
    /// [`SpoolError::Locked`] if another server has it open, [`SpoolError::Unavailable`] if it cannot be opened.
    pub async fn open(folder: &Path, options: SpoolOptions) -> Result<Self, SpoolError> {
        let lock = folder::lock(folder)?;
        let opened = folder::open(folder, options).await;
        let (database, waiting) = opened.map_err(|fault| fault.into_spool("the spool"))?;
        Ok(Self(Arc::new(Inner { database, waiting, options, _lock: lock })))
    }

    /// Opens the spool that a server left in `folder`, and locks it; unlike [`Self::open`] it makes none.
    ///
    /// # Errors
    /// Those of [`Self::open`], and [`SpoolError::Unavailable`] if there is no spool.
    pub async fn adopt(folder: &Path, options: SpoolOptions) -> Result<Self, SpoolError> {
        folder::expect_file(folder)?;
        Self::open(folder, options).await
    }

    /// How much waits in the spool in `folder`, as its file says it: the server that owns it may be running.
    ///
    /// # Errors
    /// [`SpoolError::Unavailable`] if there is none, or it cannot be read.
    pub async fn level_of(folder: &Path) -> Result<SpoolLevel, SpoolError> {
        folder::expect_file(folder)?;
        folder::level(folder).await.map_err(|fault| fault.into_spool("the spool"))
    }

    /// The tenants whose configurations are kept here, as the store numbered them.
    ///
    /// # Errors
    /// [`SpoolError::Unavailable`] if it cannot be read.
    pub async fn tenants(&self) -> Result<Vec<(Domain, TenantId)>, SpoolError> {
        let rows: Vec<(String, Option<i64>)> = sqlx::query_as(TENANTS)
            .fetch_all(&self.0.database)
            .await
            .map_err(|error| Fault::from(error).into_spool("snapshots"))?;
        // What another version wrote in another form says nothing.
        let known = rows.into_iter().filter_map(|(domain, tenant)| {
            Some((Domain::parse(&domain).ok()?, TenantId::new(tenant?.cast_unsigned())))
        });
        Ok(known.collect())
    }

    /// Does `work` in a task of its own: a caller that goes away must not leave memory and file apart.
    async fn whole<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, SpoolError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SpoolError>> + Send + 'static,
    {
        let gone = |error: tokio::task::JoinError| SpoolError::Unavailable { reason: error.to_string() };
        tokio::spawn(work(Arc::clone(&self.0))).await.map_err(gone)?
    }
}

impl Inner {
    /// Appends signals that are counted in already, and counts them out again if that fails.
    async fn append(&self, signals: Vec<(Session, u64)>, rows: String) -> Result<(), SpoolError> {
        let done = sqlx::query(APPEND).bind(rows).execute(&self.database).await;
        done.map(drop).map_err(|error| {
            self.waiting.leave(&signals);
            Fault::from(error).into_spool("signals")
        })
    }

    async fn remove(&self, ids: Vec<u64>) -> Result<(), SpoolError> {
        let ids = serde_json::to_string(&ids).map_err(|error| corrupt("signals", &error))?;
        let gone: Vec<(i64, String, i64)> = sqlx::query_as(REMOVE)
            .bind(ids)
            .fetch_all(&self.database)
            .await
            .map_err(|error| Fault::from(error).into_spool("signals"))?;
        let gone: Vec<_> =
            gone.into_iter().map(|(tenant, token, bytes)| counted(tenant, token, bytes)).collect();
        self.waiting.leave(&gone);
        Ok(())
    }

    async fn set_aside(&self, id: SpoolId, reason: String) -> Result<(), SpoolError> {
        let set: Option<(i64, String, i64)> = sqlx::query_as(SET_ASIDE)
            .bind(reason)
            .bind(key(id.get()))
            .fetch_optional(&self.database)
            .await
            .map_err(|error| Fault::from(error).into_spool("signals"))?;
        if let Some((tenant, token, bytes)) = set {
            self.waiting.leave(&[counted(tenant, token, bytes)]);
            self.waiting.set_aside(1);
        }
        Ok(())
    }
}

#[async_trait]
impl Spool for SqliteSpool {
    async fn append(&self, batch: &[(Arc<IngestScope>, Signal)]) -> Result<(), SpoolError> {
        let mut rows = Rows::default();
        let mut signals = Vec::with_capacity(batch.len());
        for (scope, signal) in batch {
            let text = serde_json::to_string(signal).map_err(|error| corrupt("a signal", &error))?;
            let tenant = scope.tenant().get();
            let token = signal.token.as_ref().map_or("", |token| token.as_str());
            rows.push(&(tenant, token, &text)).map_err(|error| corrupt("a signal", &error))?;
            signals.push(((tenant, token.to_owned()), text.len() as u64));
        }
        if rows.is_empty() {
            return Ok(());
        }
        self.0.waiting.enter(&signals, self.0.options.most_bytes).map_err(|bytes| {
            let most = self.0.options.most_bytes;
            SpoolError::Full { reason: format!("{bytes} of at most {most} bytes are waiting") }
        })?;
        let rows = rows.into_json();
        self.whole(|inner| async move { inner.append(signals, rows).await }).await
    }

    async fn oldest(&self, limit: usize) -> Result<Vec<Spooled>, SpoolError> {
        let mut signals = Vec::new();
        let mut after = 0;
        while signals.len() < limit {
            let wanted = limit - signals.len();
            let rows: Vec<(i64, i64, String)> = sqlx::query_as(OLDEST)
                .bind(after)
                .bind(i64::try_from(wanted).unwrap_or(i64::MAX))
                .fetch_all(&self.0.database)
                .await
                .map_err(|error| Fault::from(error).into_spool("signals"))?;
            let found = rows.len();
            for (row, tenant, text) in rows {
                after = row;
                let id = SpoolId::new(row.cast_unsigned());
                let tenant = TenantId::new(tenant.cast_unsigned());
                match document(&text, "a signal") {
                    Ok(signal) => signals.push(Spooled { id, tenant, signal }),
                    Err(error) => self.set_aside(id, &error.to_string()).await?,
                }
            }
            if found < wanted {
                break;
            }
        }
        Ok(signals)
    }

    async fn remove(&self, ids: &[SpoolId]) -> Result<(), SpoolError> {
        let ids: Vec<u64> = ids.iter().map(|id| id.get()).collect();
        self.whole(|inner| async move { inner.remove(ids).await }).await
    }

    async fn set_aside(&self, id: SpoolId, reason: &str) -> Result<(), SpoolError> {
        let reason = reason.to_owned();
        self.whole(|inner| async move { inner.set_aside(id, reason).await }).await
    }

    fn holds(&self, scope: &IngestScope, token: &SessionToken) -> bool {
        self.0.waiting.holds(&(scope.tenant().get(), token.as_str().to_owned()))
    }

    fn level(&self) -> SpoolLevel {
        self.0.waiting.level()
    }

    async fn save_snapshot(&self, configuration: &Configuration) -> Result<(), SpoolError> {
        let text = serde_json::to_string(configuration).map_err(|error| corrupt("a snapshot", &error))?;
        sqlx::query(SAVE_SNAPSHOT)
            .bind(configuration.tenant.domain.as_str())
            .bind(key(configuration.revision))
            .bind(text)
            .execute(&self.0.database)
            .await
            .map(drop)
            .map_err(|error| Fault::from(error).into_spool("snapshots"))
    }

    async fn snapshot(&self, domain: &Domain) -> Result<Option<Configuration>, SpoolError> {
        let what = format!("snapshots {domain}");
        let text: Option<String> = sqlx::query_scalar("SELECT configuration FROM snapshots WHERE domain = ?")
            .bind(domain.as_str())
            .fetch_optional(&self.0.database)
            .await
            .map_err(|error| Fault::from(error).into_spool(&what))?;
        text.map(|text| document(&text, &what).map_err(|error| corrupt(&what, &error))).transpose()
    }

    async fn domains(&self, most: usize) -> Result<Vec<Domain>, SpoolError> {
        let names: Vec<String> = sqlx::query_scalar(DOMAINS)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&self.0.database)
            .await
            .map_err(|error| Fault::from(error).into_spool("snapshots"))?;
        Ok(names.iter().filter_map(|name| Domain::parse(name).ok()).collect())
    }
}

fn counted(tenant: i64, token: String, bytes: i64) -> (Session, u64) {
    ((tenant.cast_unsigned(), token), bytes.cast_unsigned())
}

fn corrupt(what: &str, error: &dyn std::error::Error) -> SpoolError {
    SpoolError::Corrupt { what: what.to_owned(), reason: error.to_string() }
}
