//! Running a plan: in one transaction, if nobody else has changed the configuration meanwhile.

use cxroute_core::id::TenantId;
use cxroute_core::port::{Retry, StoreError};
use cxroute_store_sql::codec::key;
use cxroute_store_sql::draft::{Argument, Statement};
use sqlx::{MySqlConnection, MySqlPool};

use crate::error::Fault;
use crate::store::tenant_key;

/// Runs `plan` on a configuration that is still at `revision`.
pub(super) async fn flush(
    writer: &MySqlPool,
    tenant: TenantId,
    revision: u64,
    plan: Vec<Statement>,
) -> Result<(), StoreError> {
    if plan.is_empty() {
        return Ok(());
    }
    let failed = |error: sqlx::Error| Fault::from(error).into_store("the configuration");
    let mut transaction = writer.begin().await.map_err(failed)?;
    demand_revision(&mut transaction, tenant, revision).await?;
    for Statement { sql, arguments } in plan {
        let mut query = sqlx::query(sql);
        for argument in arguments {
            query = match argument {
                Argument::Number(number) => query.bind(number),
                Argument::Text(text) => query.bind(text),
                Argument::Blob(bytes) => query.bind(bytes),
            };
        }
        query.execute(&mut *transaction).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

async fn demand_revision(
    connection: &mut MySqlConnection,
    tenant: TenantId,
    expected: u64,
) -> Result<(), StoreError> {
    let found: i64 =
        sqlx::query_scalar("SELECT revision FROM tenant_revisions WHERE tenant_id = ? FOR UPDATE")
            .bind(tenant_key(tenant))
            .fetch_one(connection)
            .await
            .map_err(|error| Fault::from(error).into_store("tenant_revisions"))?;
    if found == key(expected) {
        return Ok(());
    }
    let reason = "another server changed the configuration meanwhile".to_owned();
    Err(StoreError::Unavailable { reason, retry: Retry::Soon })
}
