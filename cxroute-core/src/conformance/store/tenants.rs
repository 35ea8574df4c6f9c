//! Laws about tenants as a whole: how they come to be, and how they are found.

use super::super::{Broken, Checked};
use super::StoreBench;
use super::bench::Desk;
use crate::call::SessionToken;
use crate::config::Domain;
use crate::conformance::fixture::{START, Script, empty_configuration, pool};
use crate::id::TenantId;
use crate::port::StoreError;

pub(super) async fn a_new_tenant_has_defaults_and_nothing_else(bench: &StoreBench) -> Checked {
    let domain = Domain::parse("New.Example")?;
    let id = bench.store.create_tenant(&bench.operator, "Ünïcode & Söhne", &domain, START).await?;
    let desk = Desk::of(bench.store.clone(), id);
    let configuration = desk.configuration().await?;
    let expected = empty_configuration(id, "Ünïcode & Söhne", &domain, configuration.revision);
    assert_eq!(configuration, expected);
    assert_eq!(desk.read().await?.tenant().await?, expected.tenant);
    assert_eq!(desk.read().await?.audit_count().await?, 0);
    Ok(())
}

pub(super) async fn a_tenant_is_found_by_its_domain_in_any_case(bench: &StoreBench) -> Checked {
    let first = bench.tenant("first.example").await?;
    let second = bench.tenant("second.example").await?;
    assert_ne!(first.id, second.id);
    for (domain, found) in [
        ("first.example", Some(first.id)),
        ("SECOND.example", Some(second.id)),
        ("third.example", None),
        ("first.exampl", None),
        ("first_example", None),
    ] {
        let domain = Domain::parse(domain)?;
        assert_eq!(bench.store.tenant_by_domain(&bench.operator, &domain).await?, found, "{domain}");
    }
    Ok(())
}

pub(super) async fn a_domain_belongs_to_one_tenant(bench: &StoreBench) -> Checked {
    let first = bench.tenant("taken.example").await?;
    let domain = Domain::parse("Taken.Example")?;
    let second = bench.store.create_tenant(&bench.operator, "Other", &domain, START).await;
    assert!(matches!(second, Err(StoreError::Conflict { .. })), "{second:?}");
    assert_eq!(bench.store.tenant_by_domain(&bench.operator, &domain).await?, Some(first.id));
    assert_eq!(bench.store.revisions(&bench.operator).await?.len(), 1);
    Ok(())
}

pub(super) async fn of_tenants_created_at_once_for_one_domain_one_is_created(bench: &StoreBench) -> Checked {
    let domain = Domain::parse("race.example")?;
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, domain) = (bench.store.clone(), domain.clone());
        racers.spawn(async move {
            let operator = super::super::operator();
            store.create_tenant(&operator, "Example", &domain, START).await
        });
    }
    let mut created = Vec::new();
    while let Some(result) = racers.join_next().await {
        match result? {
            Ok(id) => created.push(id),
            Err(StoreError::Conflict { .. }) => {}
            Err(other) => return Err(other.into()),
        }
    }
    assert_eq!(created.len(), 1);
    assert_eq!(bench.store.tenant_by_domain(&bench.operator, &domain).await?, created.pop());
    Ok(())
}

pub(super) async fn a_tenant_needs_a_name_that_its_configuration_accepts(bench: &StoreBench) -> Checked {
    let domain = Domain::parse("nameless.example")?;
    for name in [String::new(), "x".repeat(256)] {
        let created = bench.store.create_tenant(&bench.operator, &name, &domain, START).await;
        assert!(matches!(created, Err(StoreError::Invalid(_))), "{created:?}");
    }
    assert_eq!(bench.store.tenant_by_domain(&bench.operator, &domain).await?, None);
    bench.store.create_tenant(&bench.operator, &"ö".repeat(255), &domain, START).await?;
    Ok(())
}

pub(super) async fn revisions_lists_every_tenant_with_its_revision(bench: &StoreBench) -> Checked {
    assert_eq!(bench.store.revisions(&bench.operator).await?, []);
    let quiet = bench.tenant("quiet.example").await?;
    let busy = bench.tenant("busy.example").await?;
    let mut tx = busy.begin().await?;
    let id = tx.mint().await?;
    tx.save_pool(&pool(id, "Pool")).await?;
    let revision = tx.commit(START).await?;
    let mut expected = vec![(quiet.id, quiet.revision().await?), (busy.id, revision)];
    let mut listed = bench.store.revisions(&bench.operator).await?;
    expected.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, expected);
    Ok(())
}

pub(super) async fn a_scope_of_an_unknown_tenant_opens_nothing(bench: &StoreBench) -> Checked {
    let known = bench.tenant("known.example").await?;
    let unknown = Desk::of(bench.store.clone(), TenantId::new(known.id.get() + 1_000));
    let no_tenant = |error: &StoreError| matches!(error, StoreError::NoTenant(id) if *id == unknown.id);
    let read = unknown.configuration().await;
    assert!(read.as_ref().is_err_and(no_tenant), "{read:?}");
    let begun = async {
        let mut tx = unknown.begin().await?;
        tx.save_pool(&pool(1, "Pool")).await?;
        tx.commit(START).await
    };
    let begun = begun.await;
    assert!(begun.as_ref().is_err_and(no_tenant), "{begun:?}");
    let signal = Script::new("session", 1).voice(1);
    let taken = bench.store.ingest(vec![(unknown.scope.clone(), signal)]).await;
    assert!(matches!(taken.as_slice(), [Err(error)] if no_tenant(error)), "{taken:?}");
    let token = SessionToken::new("session").ok_or_else(|| Broken::because("a token"))?;
    assert_eq!(known.call(&token).await?, None);
    Ok(())
}
