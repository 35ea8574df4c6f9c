//! What a batch has to know before it is folded: its receipts, its calls, and which ids are taken.

use std::collections::{BTreeSet, HashMap};

use cxroute_core::call::{Call, EventKey, SessionToken, SignalKind};
use cxroute_core::port::StoreError;
use cxroute_core::secret::Sealed;
use serde::Serialize;
use sqlx::{Row, SqliteConnection};

use super::Item;
use crate::call_row::{Counts, read_call, select_calls, tenant_of};
use crate::codec::{Rows, hex, number};
use crate::error::{Fault, corrupt};

const RECEIPTS: &str = "SELECT k.key, r.choice, r.answer FROM json_each(?) k CROSS JOIN receipts r \
    ON r.tenant_id = k.value->>'tenant' AND r.session_token = k.value->>'token' \
    AND r.kind = k.value->>'kind' AND r.hash = unhex(k.value->>'hash')";

const CALLS: &str = select_calls!(
    " FROM json_each(?) k CROSS JOIN call_sessions s"
    " ON s.tenant_id = k.value->>0 AND s.session_token = k.value->>1"
    " CROSS JOIN call_records c ON c.tenant_id = s.tenant_id AND c.id = s.call_id"
);

const IDS: &str = "SELECT DISTINCT c.tenant_id, c.id FROM json_each(?) k CROSS JOIN call_records c \
    ON c.tenant_id = k.value->>0 AND c.id BETWEEN k.value->>1 AND k.value->>2";

/// A call's tenant and token.
pub(super) type CallKey = (u64, SessionToken);

/// What is known of a batch's calls.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) receipts: HashMap<(CallKey, EventKey), Receipt>,
    pub(super) calls: HashMap<CallKey, Slot>,
    /// Ids that are taken, as far as new calls may run into them.
    pub(super) ids: BTreeSet<(u64, u64)>,
}

/// The durable proof that a signal was taken.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    pub(super) choice: u64,
    pub(super) answer: Option<Sealed>,
}

/// A call as it was stored, and as it is after the signals so far.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) stored: Option<Call>,
    pub(super) now: Option<Call>,
    pub(super) counts: Counts,
    /// When the last signal that touched it arrived; none if none did.
    pub(super) touched: Option<i64>,
}

#[derive(Serialize)]
struct ReceiptKey<'a> {
    tenant: u64,
    token: &'a str,
    kind: &'static str,
    hash: String,
}

/// Reads what a batch has to know.
pub(super) async fn load(connection: &mut SqliteConnection, items: &[Item]) -> Result<Shelf, StoreError> {
    let mut shelf = Shelf::default();
    let named: Vec<(CallKey, &Item)> = items
        .iter()
        .filter_map(|item| Some(((item.tenant.get(), item.signal.token.clone()?), item)))
        .collect();
    if named.is_empty() {
        return Ok(shelf);
    }
    receipts(connection, &mut shelf, &named).await?;
    calls(connection, &mut shelf, &named).await?;
    ids(connection, &mut shelf, &named).await?;
    Ok(shelf)
}

async fn receipts(
    connection: &mut SqliteConnection,
    shelf: &mut Shelf,
    named: &[(CallKey, &Item)],
) -> Result<(), StoreError> {
    let mut keys = Rows::default();
    for ((tenant, token), item) in named {
        let key = item.signal.key;
        keys.push(&ReceiptKey {
            tenant: *tenant,
            token: token.as_str(),
            kind: key.kind.as_str(),
            hash: hex(&key.hash.to_be_bytes()),
        })?;
    }
    let what = "receipts";
    let found: Vec<(i64, i64, Option<Vec<u8>>)> = sqlx::query_as(RECEIPTS)
        .bind(keys.into_json())
        .fetch_all(connection)
        .await
        .map_err(|error| Fault::from(error).into_store(what))?;
    for (index, choice, answer) in found {
        let index = usize::try_from(index).ok().and_then(|index| named.get(index));
        let (call, item) = index.ok_or_else(|| corrupt(what, "a row that was not asked for"))?;
        let receipt = Receipt { choice: number(choice, what)?, answer: answer.map(Sealed::from_bytes) };
        shelf.receipts.insert((call.clone(), item.signal.key), receipt);
    }
    Ok(())
}

async fn calls(
    connection: &mut SqliteConnection,
    shelf: &mut Shelf,
    named: &[(CallKey, &Item)],
) -> Result<(), StoreError> {
    let mut keys = Rows::default();
    let distinct: BTreeSet<&CallKey> = named.iter().map(|(call, _)| call).collect();
    for call in distinct {
        keys.push(call)?;
    }
    let rows = sqlx::query(CALLS)
        .bind(keys.into_json())
        .fetch_all(connection)
        .await
        .map_err(|error| Fault::from(error).into_store("call_records"))?;
    for row in rows {
        let (call, counts) = read_call(&row)?;
        let tenant = tenant_of(&row)?;
        let slot = Slot { stored: Some(call.clone()), now: Some(call.clone()), counts, touched: None };
        shelf.calls.insert((tenant, call.token), slot);
    }
    Ok(())
}

/// Two new calls of one millisecond may have drawn the same id: what is taken from the new ones' ids on.
async fn ids(
    connection: &mut SqliteConnection,
    shelf: &mut Shelf,
    named: &[(CallKey, &Item)],
) -> Result<(), StoreError> {
    let mut ranges = BTreeSet::new();
    for (call, item) in named {
        if let Some(id) = wanted_id(&item.signal.kind)
            && !shelf.calls.contains_key(call)
        {
            ranges.insert((call.0, id, id.saturating_add(TRIED_IDS)));
        }
    }
    if ranges.is_empty() {
        return Ok(());
    }
    let mut keys = Rows::default();
    for range in &ranges {
        keys.push(range)?;
    }
    let what = "call_records";
    let taken = sqlx::query(IDS)
        .bind(keys.into_json())
        .fetch_all(connection)
        .await
        .map_err(|error| Fault::from(error).into_store(what))?;
    for row in taken {
        let column = |index: usize| row.try_get::<i64, _>(index).map_err(|e| Fault::from(e).into_store(what));
        shelf.ids.insert((number(column(0)?, what)?, number(column(1)?, what)?));
    }
    Ok(())
}

/// How far from its own a new call's id may be: as many as a millisecond has.
pub(super) const TRIED_IDS: u64 = (1 << 11) - 1;

/// The id that a signal would give to a new call.
const fn wanted_id(kind: &SignalKind) -> Option<u64> {
    match kind {
        SignalKind::Voice { call, .. } | SignalKind::Dial { call, .. } => Some(call.id.get()),
        SignalKind::Cdr(report) => Some(report.id.get()),
        SignalKind::Update(_) | SignalKind::AuditOnly => None,
    }
}
