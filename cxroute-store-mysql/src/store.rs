//! `MySqlStore`: one database, a few writers, a few readers.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Ingested, Signal};
use cxroute_core::config::{Domain, TenantSettings};
use cxroute_core::id::{CallId, TenantId};
use cxroute_core::port::{OutboxId, Outgoing, Store, StoreError, TenantRead, TenantTx, Upkeep};
use cxroute_core::time::Timestamp;
use cxroute_store_sql::batch::{self, Writer};
use cxroute_store_sql::codec::{key, number, to_document};
use cxroute_store_sql::config::demand_valid;
use cxroute_store_sql::draft::Draft;
use cxroute_store_sql::retention::Round;
use sqlx::{MySqlConnection, MySqlPool};

use crate::connect::{Role, options_of, pool};
use crate::error::{Fault, Kind};
use crate::ledger::Folder;
use crate::migrate::migrate;
use crate::months;
use crate::read::MySqlRead;
use crate::sql::datetime;

/// Servers add to rollups of so many slots, so that they seldom wait for each other.
const ROLLUP_SLOTS: u16 = 16;

/// How a store is opened. The defaults suit a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Connections that write at the same time: at least 1.
    pub writers: u32,
    /// Connections that read at the same time: at least 1.
    pub readers: u32,
    /// How long a free connection, and a transaction's end, are waited for.
    pub patience: Duration,
    /// So many events, about, wait for somebody who publishes them: beyond, the oldest are given up.
    pub most_events: u32,
    /// After so many batches, about, what they change in the plane's books and in the rollups is folded into their tables,
    /// until when it is read from a ledger: at least 1.
    pub fold_after: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            writers: 6,
            readers: 8,
            patience: Duration::from_secs(2),
            most_events: 200_000,
            fold_after: 64,
        }
    }
}

/// The durable truth in one MySQL or MariaDB database, which any number of servers share.
#[derive(Debug)]
pub struct MySqlStore {
    writer: MySqlPool,
    readers: MySqlPool,
    patience: Duration,
    most_events: u32,
    /// A number that this server has drawn: it keeps its rows apart from other servers' where keys could meet.
    server: u16,
    /// The id of the last line of audit.
    audit_id: AtomicI64,
    /// Tenants that are known to exist; they are never deleted.
    tenants: RwLock<HashSet<TenantId>>,
    /// Per tenant, who configures it, and the last id that was given.
    configurers: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<u64>>>>,
    /// Whose calls are looked at next for what is too old.
    round: Round,
    folder: Folder,
}

impl MySqlStore {
    /// Opens the database that `location` names (`mysql://user:password@host/database`), and brings its schema up to date.
    /// Several servers may do so at once.
    ///
    /// `?ssl-mode=` says what is demanded of TLS: `VERIFY_IDENTITY` (a certificate of a public authority, or of one in
    /// the file of `&ssl-ca=FILE`, for the host's name), `VERIFY_CA` (for whatever name), `REQUIRED` (any certificate),
    /// `PREFERRED` (TLS if the server has it), `DISABLED`. Without it, it is `VERIFY_IDENTITY`, and `PREFERRED` where the
    /// host is this machine. `&ssl-cert=FILE&ssl-key=FILE` are what this side shows.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it cannot be reached, or has a newer schema.
    pub async fn open(location: &str, options: &StoreOptions) -> Result<Self, StoreError> {
        Self::try_open(location, options).await.map_err(|fault| fault.into_store("the database"))
    }

    async fn try_open(location: &str, options: &StoreOptions) -> Result<Self, Fault> {
        let place = options_of(location)?;
        let StoreOptions { writers, readers, patience, most_events, fold_after } = *options;
        let writer = pool(&place, writers, patience, Role::Writer);
        migrate(&writer).await?;
        let readers = pool(&place, readers, patience, Role::Reader);
        let drawn = getrandom::u32().map_err(|error| Fault::new(Kind::Broken, error.to_string()))?;
        let (tenants, configurers) = (RwLock::default(), Mutex::default());
        let (server, audit_id) = (drawn as u16, AtomicI64::new(0));
        let round = Round::default();
        let folder = Folder::new(writer.clone(), server % ROLLUP_SLOTS, fold_after);
        Ok(Self {
            writer,
            readers,
            patience,
            most_events,
            server,
            audit_id,
            tenants,
            configurers,
            round,
            folder,
        })
    }

    /// Closes every connection once its work is done; what comes later finds the store away.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(crate) const fn writer(&self) -> &MySqlPool {
        &self.writer
    }

    pub(crate) const fn readers(&self) -> &MySqlPool {
        &self.readers
    }

    pub(crate) const fn most_events(&self) -> u32 {
        self.most_events
    }

    pub(crate) const fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(crate) const fn round(&self) -> &Round {
        &self.round
    }

    pub(crate) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Sets ids apart for `lines` lines of audit, minted from when the latest arrived.
    pub(crate) fn writing(&self, latest: Option<Timestamp>, lines: usize) -> Writer {
        let minted = latest.map_or(0, |at| key(CallId::mint(at, 0).get()));
        let lines = i64::try_from(lines).unwrap_or(i64::MAX);
        let after = |last: i64| last.max(minted).saturating_add(lines);
        let last = self.audit_id.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let audit_id = last.unwrap_or_default().max(minted);
        Writer { server: self.server, audit_id }
    }

    fn is_known(&self, tenant: TenantId) -> bool {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).contains(&tenant)
    }

    /// Which of `wanted` exist; asks the database only for those that this process has not met.
    pub(crate) async fn known_tenants(
        &self,
        connection: &mut MySqlConnection,
        wanted: impl Iterator<Item = TenantId> + Send,
    ) -> Result<HashSet<TenantId>, StoreError> {
        let (mut known, unmet): (HashSet<_>, HashSet<_>) = wanted.partition(|tenant| self.is_known(*tenant));
        if unmet.is_empty() {
            return Ok(known);
        }
        let wanted: Vec<u64> = unmet.iter().map(|tenant| tenant.get()).collect();
        let found: Vec<i64> = sqlx::query_scalar(
            "SELECT t.id FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$')) k STRAIGHT_JOIN tenants t ON t.id = k.id",
        )
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

    async fn reader(&self, tenant: TenantId) -> Result<MySqlRead, StoreError> {
        if !self.is_known(tenant) {
            let away = |error: sqlx::Error| Fault::from(error).into_store("tenants");
            let mut connection = self.readers.acquire().await.map_err(away)?;
            let known = self.known_tenants(&mut connection, std::iter::once(tenant)).await?;
            if !known.contains(&tenant) {
                return Err(StoreError::NoTenant(tenant));
            }
        }
        Ok(MySqlRead::new(self.readers.clone(), self.writer.clone(), tenant))
    }

    fn configurer(&self, tenant: TenantId) -> Arc<tokio::sync::Mutex<u64>> {
        let mut configurers = self.configurers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(configurers.entry(tenant).or_default())
    }

    async fn insert_tenant(&self, name: &str, domain: &Domain, at: i64) -> Result<u64, Fault> {
        let settings = to_document(&TenantSettings::default(), "tenants.settings")
            .map_err(|error| Fault::new(Kind::Row, error.to_string()))?;
        let mut transaction = self.writer.begin().await?;
        let made = sqlx::query(concat!(
            "INSERT INTO tenants (name, domain, settings, webhook_keys, created_at, updated_at)
             VALUES (?, ?, ?, '[]', ",
            datetime!("?"),
            ", ",
            datetime!("?"),
            ")"
        ))
        .bind(name)
        .bind(domain.as_str())
        .bind(settings)
        .bind(at)
        .bind(at)
        .execute(&mut *transaction)
        .await?;
        let id = made.last_insert_id();
        sqlx::query(
            "INSERT INTO tenant_revisions (tenant_id, revision, last_id, changes_after) VALUES (?, 1, 0, 1)",
        )
        .bind(key(id))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(id)
    }
}

#[async_trait]
impl Store for MySqlStore {
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
        Ok(TenantId::new(id))
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
        let partitions = months::open(self.writer(), now).await;
        let partitions = partitions.map_err(|fault| fault.into_store("partitions"))?;
        let events = self.give_up_events().await?;
        let Upkeep { calls, webhooks, dropped, .. } = self.retain(now).await?;
        let trimmed = self.trim(now).await?;
        // Last: whatever ails an entry, the rest is kept in order.
        self.folder.fold().await?;
        Ok(Upkeep { partitions, events, calls, webhooks, dropped, ..trimmed })
    }
}

/// A tenant's id as statements bind it.
pub(crate) fn tenant_key(tenant: TenantId) -> i64 {
    key(tenant.get())
}
