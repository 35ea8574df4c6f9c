//! `SqliteStore`: one database file, one writer, a few readers.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::{Domain, TenantSettings};
use cxroute_core::id::TenantId;
use cxroute_core::port::{OutboxId, Outgoing, Store, StoreError, TenantRead, TenantTx, Upkeep};
use cxroute_core::time::Timestamp;
use cxroute_store_sql::batch;
use cxroute_store_sql::codec::{key, number, to_document};
use cxroute_store_sql::config::demand_valid;
use cxroute_store_sql::draft::Draft;
use cxroute_store_sql::retention::Round;
use sqlx::{SqliteConnection, SqlitePool};

use crate::connect::{Place, file_of};
use crate::error::{Fault, Kind};
use crate::migrate::migrate;
use crate::read::SqliteRead;

/// How a store is opened. The defaults suit a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Connections that read at the same time: at least 1.
    pub readers: u32,
    /// How long another process's lock on the file is waited for.
    pub busy_timeout: Duration,
    /// How long this process's own writer, or a reader, is waited for.
    pub patience: Duration,
    /// So many events, about, wait for somebody who publishes them: beyond, the oldest are given up.
    pub most_events: u32,
}

/// A database that is locked when it is opened is tried again for so many busy time-outs.
const OPENING: u32 = 10;

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            readers: 4,
            busy_timeout: Duration::from_millis(100),
            patience: Duration::from_secs(2),
            most_events: 200_000,
        }
    }
}

/// The durable truth in one SQLite file.
///
/// Webhooks never wait for a configuration transaction: it holds the writer only while it commits.
#[derive(Debug)]
pub struct SqliteStore {
    file: PathBuf,
    /// One connection: who has acquired it is the writer.
    writer: SqlitePool,
    readers: SqlitePool,
    most_events: u32,
    /// Tenants that are known to exist; they are never deleted.
    tenants: RwLock<HashSet<TenantId>>,
    /// Per tenant, who configures it, and the last id that was given.
    configurers: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<u64>>>>,
    /// Whose calls are looked at next for what is too old.
    round: Round,
}

impl SqliteStore {
    /// Opens the database that `location` names (`sqlite:cxroute.db`, or a path), creates it if there is none, readable
    /// by its owner only, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the file cannot be opened, is no database, or has a newer schema.
    pub async fn open(location: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        // Others that open it may be making it: SQLite does not wait for them where it would have to wait for itself too.
        let give_up = Instant::now() + OPENING * options.busy_timeout;
        loop {
            match Self::try_open(location, options).await {
                Err(fault) if fault.kind == Kind::Busy && Instant::now() < give_up => {
                    tokio::time::sleep(options.busy_timeout / 10).await;
                }
                done => return done.map_err(|fault| fault.into_store("the database")),
            }
        }
    }

    async fn try_open(location: &str, options: &StoreOptions) -> Result<Self, Fault> {
        let file = file_of(location)?;
        let place = Place { file: &file, busy: options.busy_timeout, patience: options.patience };
        let writer = place.writer().await?;
        migrate(&writer).await?;
        let readers = place.readers(options.readers).await?;
        let (tenants, configurers) = (RwLock::default(), Mutex::default());
        let most_events = options.most_events;
        let round = Round::default();
        Ok(Self { file, writer, readers, most_events, tenants, configurers, round })
    }

    /// Closes every connection once its work is done; what comes later finds the store away.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// The database file.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// How the writer makes commits durable, as SQLite itself says it: `wal, synchronous=2, foreign_keys=1` is safe.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn durability(&self) -> Result<String, StoreError> {
        let ask = "SELECT (SELECT journal_mode FROM pragma_journal_mode) || ', synchronous=' ||
            (SELECT synchronous FROM pragma_synchronous) || ', foreign_keys=' ||
            (SELECT foreign_keys FROM pragma_foreign_keys)";
        let told = sqlx::query_scalar(ask).fetch_one(&self.writer).await;
        told.map_err(|error| Fault::from(error).into_store("the database"))
    }

    pub(crate) const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(crate) const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) const fn most_events(&self) -> u32 {
        self.most_events
    }

    pub(crate) const fn round(&self) -> &Round {
        &self.round
    }

    fn is_known(&self, tenant: TenantId) -> bool {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).contains(&tenant)
    }

    /// Which of `wanted` exist; asks the database only for those that this process has not met.
    pub(crate) async fn known_tenants(
        &self,
        connection: &mut SqliteConnection,
        wanted: impl Iterator<Item = TenantId>,
    ) -> Result<HashSet<TenantId>, StoreError> {
        let (mut known, unmet): (HashSet<_>, HashSet<_>) = wanted.partition(|tenant| self.is_known(*tenant));
        if unmet.is_empty() {
            return Ok(known);
        }
        let wanted: Vec<u64> = unmet.iter().map(|tenant| tenant.get()).collect();
        let found: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM tenants WHERE id IN (SELECT value FROM json_each(?))")
                .bind(to_document(&wanted, "tenants")?)
                .fetch_all(connection)
                .await
                .map_err(|error| Fault::from(error).into_store("tenants"))?;
        let mut met = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        for id in found {
            let tenant = TenantId::new(number(id, "tenants")?);
            met.insert(tenant);
            known.insert(tenant);
        }
        Ok(known)
    }

    async fn reader(&self, tenant: TenantId) -> Result<SqliteRead, StoreError> {
        if !self.is_known(tenant) {
            let away = |error: sqlx::Error| Fault::from(error).into_store("tenants");
            let mut connection = self.readers.acquire().await.map_err(away)?;
            let known = self.known_tenants(&mut connection, std::iter::once(tenant)).await?;
            if !known.contains(&tenant) {
                return Err(StoreError::NoTenant(tenant));
            }
        }
        Ok(SqliteRead::new(self.readers.clone(), self.writer.clone(), tenant))
    }

    fn configurer(&self, tenant: TenantId) -> Arc<tokio::sync::Mutex<u64>> {
        let mut configurers = self.configurers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(configurers.entry(tenant).or_default())
    }

    async fn insert_tenant(&self, name: &str, domain: &Domain, at: i64) -> Result<i64, Fault> {
        let settings = serde_json::to_string(&TenantSettings::default())
            .map_err(|error| Fault::new(Kind::Row, error.to_string()))?;
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO tenants (name, domain, settings, webhook_keys, created_at, updated_at)
             VALUES (?, ?, ?, '[]', ?, ?) RETURNING id",
        )
        .bind(name)
        .bind(domain.as_str())
        .bind(settings)
        .bind(at)
        .bind(at)
        .fetch_one(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO tenant_revisions (tenant_id, revision, last_id, changes_after) VALUES (?, 1, 0, 1)",
        )
        .bind(id)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(id)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn ingest(&self, batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        batch::ingest(self, batch).await
    }

    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        Ok(Box::new(self.reader(scope.tenant()).await?))
    }

    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        let tenant = scope.tenant();
        let read = self.reader(tenant).await?;
        let configurer = self.configurer(tenant).lock_owned().await;
        Ok(Box::new(Draft::begin(read, configurer).await?))
    }

    async fn create_tenant(
        &self,
        _operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        demand_valid(name, domain)?;
        let inserted = self.insert_tenant(name, domain, at.as_millis()).await;
        let id = inserted.map_err(|fault| fault.into_store(&format!("domain {domain}")))?;
        Ok(TenantId::new(number(id, "tenants")?))
    }

    async fn tenant_by_domain(
        &self,
        _operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        let id: Option<i64> = sqlx::query_scalar("SELECT id FROM tenants WHERE domain = ?")
            .bind(domain.as_str())
            .fetch_optional(&self.readers)
            .await
            .map_err(|error| Fault::from(error).into_store("tenants"))?;
        id.map(|id| number(id, "tenants").map(TenantId::new)).transpose()
    }

    async fn revisions(&self, _operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        let rows: Vec<(i64, i64)> =
            sqlx::query_as("SELECT tenant_id, revision FROM tenant_revisions ORDER BY tenant_id")
                .fetch_all(&self.readers)
                .await
                .map_err(|error| Fault::from(error).into_store("tenant_revisions"))?;
        let what = "tenant_revisions";
        rows.into_iter()
            .map(|(tenant, revision)| Ok((TenantId::new(number(tenant, what)?), number(revision, what)?)))
            .collect()
    }

    async fn outbox(&self, _operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.oldest_events(limit).await
    }

    async fn forget_events(&self, _operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        self.delete_events(ids).await
    }

    async fn upkeep(&self, _operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
        let events = self.give_up_events().await?;
        let Upkeep { calls, webhooks, .. } = self.retain(now).await?;
        Ok(Upkeep { events, calls, webhooks, ..self.trim(now).await? })
    }
}

/// A tenant's id as statements bind it.
pub(crate) fn tenant_key(tenant: TenantId) -> i64 {
    key(tenant.get())
}
