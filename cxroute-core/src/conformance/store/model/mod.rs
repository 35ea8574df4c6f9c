//! The model test of a store: random operations come to what the contract says, in answers and in what is read back.

mod edit;
mod oracle;
mod said;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::prop_oneof;
use proptest::strategy::Strategy;

use self::edit::{Edit, Slots, edits};
use self::oracle::Oracle;
use self::said::{Said, TOKENS, said, token_of};
use super::super::{Checked, for_all};
use super::StoreBench;
use super::bench::Desk;
use super::changes::follow;
use crate::config::Domain;
use crate::conformance::fixture::{START, audited, in_order, seconds};
use crate::id::{AgentId, GroupId};
use crate::port::{CallFilter, Changes, Page, Store, StoreError};

/// One step of a sequence.
#[derive(Clone, Debug)]
enum Operation {
    /// A transaction, committed or dropped.
    Configure(Vec<Edit>, End),
    /// A batch of signals.
    Take(Vec<Said>),
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Commit,
    Drop,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let end =
        prop_oneof![4 => proptest::strategy::Just(End::Commit), 1 => proptest::strategy::Just(End::Drop)];
    let operation = prop_oneof![
        1 => (edits(), end).prop_map(|(edits, end)| Operation::Configure(edits, end)),
        2 => vec(said(), 1..6).prop_map(Operation::Take),
    ];
    vec(operation, 1..20)
}

pub(super) async fn random_operations_behave_like_the_specification(bench: &StoreBench) -> Checked {
    let (store, cases) = (Arc::clone(&bench.store), Arc::new(AtomicU64::new(0)));
    for_all(64, operations(), move |operations| {
        // Each case has a tenant of its own: the others' calls lie beside it, as they do in life.
        let (store, case) = (Arc::clone(&store), cases.fetch_add(1, Ordering::Relaxed));
        async move { behaves(store, case, operations).await }
    })
    .await
}

async fn behaves(store: Arc<dyn Store>, case: u64, operations: Vec<Operation>) -> Checked {
    let operator = super::super::operator();
    let domain = Domain::parse(&format!("case-{case}.example"))?;
    let id = store.create_tenant(&operator, "Case", &domain, START).await?;
    let desk = Desk::of(store, id);
    let slots = Slots::mint(&desk).await?;
    let mut oracle = Oracle::new(desk.configuration().await?);
    let mut revisions = vec![oracle.configuration.clone()];
    for (index, operation) in operations.into_iter().enumerate() {
        match operation {
            Operation::Configure(edits, end) => {
                configure(&desk, &slots, &mut oracle, &edits, end).await?;
                revisions.push(oracle.configuration.clone());
            }
            Operation::Take(batch) => {
                let signals: Vec<_> =
                    (0_u64..).zip(&batch).map(|(n, said)| said.signal(64 * index as u64 + n)).collect();
                let expected: Vec<_> = signals.iter().map(|signal| oracle.take(signal.clone())).collect();
                assert_eq!(desk.take_all(signals).await?, expected, "{batch:?}");
            }
        }
    }
    configurations_agree(&desk, &oracle, revisions).await?;
    calls_agree(&desk, &oracle).await
}

async fn configure(desk: &Desk, slots: &Slots, oracle: &mut Oracle, edits: &[Edit], end: End) -> Checked {
    let mut tx = desk.begin().await?;
    let mut draft = oracle.configuration.clone();
    for edit in edits {
        edit.save(slots, tx.as_mut(), &mut draft).await?;
        assert_eq!(tx.configuration().await?, draft, "what the transaction sees of itself, after {edit:?}");
    }
    if end == End::Drop {
        drop(tx);
        return Ok(());
    }
    let expected = oracle.commit(draft);
    match (tx.commit(START).await, expected) {
        (Ok(revision), Ok(expected)) => assert_eq!(revision, expected, "{edits:?}"),
        (Err(StoreError::Invalid(_)), Err(_)) => {}
        (got, expected) => assert_eq!(format!("{got:?}"), format!("{expected:?}"), "{edits:?}"),
    }
    assert_eq!(desk.configuration().await?, oracle.configuration);
    Ok(())
}

async fn configurations_agree(
    desk: &Desk,
    oracle: &Oracle,
    revisions: Vec<crate::config::Configuration>,
) -> Checked {
    let mut read = desk.read().await?;
    assert_eq!(read.configuration().await?, oracle.configuration);
    assert_eq!(read.tenant().await?, oracle.configuration.tenant);
    assert_eq!(read.revision().await?, oracle.configuration.revision);
    assert_eq!(read.names().await?, oracle.names);
    for mut from in revisions {
        let since = from.revision;
        let told = read.changes_since(since).await?;
        if told != Changes::Everything {
            follow(&mut from, told)?;
            assert_eq!(from, oracle.configuration, "the changes since {since}");
        }
    }
    Ok(())
}

async fn calls_agree(desk: &Desk, oracle: &Oracle) -> Checked {
    let mut read = desk.read().await?;
    assert_eq!(read.audit_count().await?, oracle.audited);
    for slot in 0..TOKENS {
        let token = token_of(slot);
        let detail = oracle.detail(&token);
        assert_eq!(read.call(&token).await?, detail.as_ref().map(|detail| detail.call.clone()));
        assert_eq!(read.call_detail(&token).await?, detail);
        assert_eq!(audited(&read.audit(&token).await?), audited(&oracle.audit(&token)));
        for (key, answer) in oracle.answers(&token) {
            assert_eq!(read.answer(&token, key).await?, answer, "{token} {key:?}");
        }
    }
    for at in [START, seconds(50), seconds(14_450), seconds(168 * 3_600)] {
        assert_eq!(in_order(read.plane_image(at).await?), oracle.image(at), "the image at {at}");
    }
    for filter in filters() {
        let mut after = None;
        let expected = oracle.calls(&filter);
        for chunk in expected.chunks(2) {
            let page = read.calls(&filter, Page { after, limit: 2 }).await?;
            assert_eq!(page, chunk, "{filter:?} after {after:?}");
            after = page.last().map(|call| call.id);
        }
        let end = read.calls(&filter, Page { after, limit: 2 }).await?;
        assert_eq!(end, [], "{filter:?} after {after:?}");
    }
    Ok(())
}

fn filters() -> Vec<CallFilter> {
    let (agent, group) = (Some(AgentId::new(7)), Some(GroupId::new(20)));
    let (from, until) = (Some(seconds(20)), Some(seconds(60)));
    vec![
        CallFilter::default(),
        CallFilter { agent, ..CallFilter::default() },
        CallFilter { group, ..CallFilter::default() },
        CallFilter { from, until, ..CallFilter::default() },
        CallFilter { agent, group, from, until: None },
    ]
}
