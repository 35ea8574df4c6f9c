//! What a batch has to know before it is folded: its receipts, its calls, and which ids are taken.

use std::collections::{BTreeSet, HashMap};

use cxroute_core::call::{Basis, Call, EventKey, SessionToken, SignalKind};
use cxroute_core::id::CallId;
use cxroute_core::port::StoreError;
use cxroute_core::secret::Sealed;
use cxroute_core::time::Timestamp;
use serde::Serialize;

use super::Item;
use crate::calls::CallColumns;
use crate::codec::{RowForm as _, Rows, corrupt, hex, number};

/// How far from its own a new call's id may be: as many as a millisecond has.
pub(super) const TRIED_IDS: u64 = (1 << 11) - 1;

/// A call's tenant and token.
pub(super) type CallKey = (u64, SessionToken);

/// What is known of a batch's calls.
#[derive(Debug, Default)]
pub struct Shelf {
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
    pub(super) stored: Stored,
    pub(super) now: Option<Call>,
    /// How many webhooks have done something to it.
    pub(super) steps: i64,
    /// When the last signal that touched it arrived; none if none did.
    pub(super) touched: Option<Timestamp>,
}

/// Whether a call was there before the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stored {
    Yes,
    #[default]
    No,
}

/// What a batch asks for, as keys in JSON.
#[derive(Debug)]
pub struct Wanted {
    named: Vec<(CallKey, EventKey, Option<u64>)>,
}

#[derive(Serialize)]
struct ReceiptKey<'a> {
    at: usize,
    tenant: u64,
    token: &'a str,
    kind: &'static str,
    hash: String,
}

impl Wanted {
    /// What these signals ask for.
    pub fn of(items: &[Item]) -> Self {
        Self::among(items.iter())
    }

    /// The same, less what is asked for signals that were decided as the first of their calls: nearly all of them are, and
    /// then there is nothing to be found. A store that leaves it at that has unique keys (of sessions, receipts and calls'
    /// ids) that refuse the others' rows, and runs such a batch again with all that its signals ask for.
    pub fn of_known_calls(items: &[Item]) -> Self {
        Self::among(items.iter().filter(|item| !is_first(&item.signal.kind)))
    }

    fn among<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let named = items.filter_map(|item| {
            let call = (item.tenant.get(), item.signal.token.clone()?);
            Some((call, item.signal.key, item.drawn.map(CallId::get)))
        });
        Self { named: named.collect() }
    }

    /// Whether no signal names a call, so that nothing is to be read.
    pub const fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// The receipts asked for: an array of objects with `at` (for [`Shelf::put_receipt`]), `tenant`, `token`, `kind` and
    /// `hash` (32 hexadecimal digits).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn receipts(&self) -> Result<String, StoreError> {
        let mut keys = Rows::default();
        for (at, ((tenant, token), key, _)) in self.named.iter().enumerate() {
            let (kind, hash) = (key.kind.as_str(), hex(&key.hash.to_be_bytes()));
            keys.push(&ReceiptKey { at, tenant: *tenant, token: token.as_str(), kind, hash })?;
        }
        Ok(keys.into_json())
    }

    /// The calls asked for, each once and in order: an array of `[tenant, token]`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn calls(&self) -> Result<String, StoreError> {
        let distinct: BTreeSet<&CallKey> = self.named.iter().map(|(call, ..)| call).collect();
        let mut keys = Rows::default();
        for call in distinct {
            keys.push(call)?;
        }
        Ok(keys.into_json())
    }

    /// Two new calls of one millisecond may have drawn the same id: what has to be known from the ids of calls that are
    /// not on the shelf on, as tenant, first and last.
    pub fn ids(&self, shelf: &Shelf) -> BTreeSet<(u64, u64, u64)> {
        let fresh = self.named.iter().filter(|(call, ..)| !shelf.calls.contains_key(call));
        fresh
            .filter_map(|((tenant, _), _, id)| id.map(|id| (*tenant, id, id.saturating_add(TRIED_IDS))))
            .collect()
    }
}

impl Shelf {
    /// A receipt that was found for the key `at`.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn put_receipt(
        &mut self,
        wanted: &Wanted,
        at: i64,
        choice: i64,
        answer: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let what = "receipts";
        let asked = usize::try_from(at).ok().and_then(|at| wanted.named.get(at));
        let (call, key, _) = asked.ok_or_else(|| corrupt(what, "a row that was not asked for"))?;
        let receipt = Receipt { choice: number(choice, what)?, answer: answer.map(Sealed::from_bytes) };
        self.receipts.insert((call.clone(), *key), receipt);
        Ok(())
    }

    /// A call that was found.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn put_call(&mut self, row: CallColumns) -> Result<(), StoreError> {
        let tenant = number(row.tenant, "call_records")?;
        let (call, steps) = row.into_call()?;
        let key = (tenant, call.token.clone());
        self.calls.insert(key, Slot { stored: Stored::Yes, now: Some(call), steps, touched: None });
        Ok(())
    }

    /// An id that another call has.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn put_id(&mut self, tenant: i64, id: i64) -> Result<(), StoreError> {
        self.ids.insert((number(tenant, "call_records")?, number(id, "call_records")?));
        Ok(())
    }
}

/// Whether a signal was decided as the first of its call.
const fn is_first(kind: &SignalKind) -> bool {
    matches!(kind, SignalKind::Voice { basis: Basis { attempts: 0, answered: false }, .. })
}
