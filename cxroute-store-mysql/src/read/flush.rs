//! Running a plan: in one transaction, if nobody else has changed the configuration meanwhile.

use cxroute_core::id::TenantId;
use cxroute_core::port::StoreError;
use cxroute_store_sql::codec::key;
use cxroute_store_sql::draft::{Argument, Statement};
use sqlx::{MySqlConnection, MySqlPool};

use crate::error::{Fault, Kind, TRIES};
use crate::store::tenant_key;

/// Runs `plan` on a configuration that is still at `revision`.
pub(super) async fn flush(
    writer: &MySqlPool,
    tenant: TenantId,
    revision: u64,
    plan: &[Statement],
) -> Result<(), StoreError> {
    if plan.is_empty() {
        return Ok(());
    }
    let mut tries = 0;
    loop {
        tries += 1;
        match try_flush(writer, tenant, revision, plan).await {
            Err(fault) if fault.kind == Kind::Raced && tries < TRIES => {}
            done => return done.map_err(|fault| fault.into_store("the configuration")),
        }
    }
}

async fn try_flush(
    writer: &MySqlPool,
    tenant: TenantId,
    revision: u64,
    plan: &[Statement],
) -> Result<(), Fault> {
    let mut transaction = writer.begin().await?;
    demand_revision(&mut transaction, tenant, revision).await?;
    for Statement { sql, arguments } in plan {
        let mut query = sqlx::query(*sql);
        for argument in arguments {
            query = match argument {
                Argument::Number(number) => query.bind(*number),
                Argument::Text(text) => query.bind(text.as_str()),
                Argument::Blob(bytes) => query.bind(bytes.as_deref()),
            };
        }
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

async fn demand_revision(
    connection: &mut MySqlConnection,
    tenant: TenantId,
    expected: u64,
) -> Result<(), Fault> {
    let found: i64 =
        sqlx::query_scalar("SELECT revision FROM tenant_revisions WHERE tenant_id = ? FOR UPDATE")
            .bind(tenant_key(tenant))
            .fetch_one(connection)
            .await?;
    match found == key(expected) {
        true => Ok(()),
        false => Err(Fault::new(Kind::Busy, "another server changed the configuration meanwhile")),
    }
}
