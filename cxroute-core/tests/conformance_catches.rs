//! The kit can fail: adapters with one fault each, and the law that finds it.
//!
//! A law that no fault can break proves nothing; so each fault that an adapter's author may make is made here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use async_trait::async_trait;
use cxroute_core::authority::{ConfigScope, IngestScope, Operator, ReadScope};
use cxroute_core::call::{Call, EventKey, Ingested, SessionToken, Signal};
use cxroute_core::config::{Configuration, Domain, Tenant};
use cxroute_core::conformance::fixture::token;
use cxroute_core::conformance::{Checked, Subject, live, store};
use cxroute_core::id::TenantId;
use cxroute_core::memory::{MemoryLive, MemoryStore};
use cxroute_core::port::{
    AuditEntry, CallDetail, CallFilter, CallReader, Changes, ConfigReader, LiveError, LiveState, Names,
    OutboxId, Outgoing, Page, Store, StoreError, TenantRead, TenantTx, Upkeep,
};
use cxroute_core::secret::Sealed;
use cxroute_core::strategy::{
    Adopted, Choice, ChooseRequest, LedgerDelta, PlaneImage, SessionImage, Settle, Settled,
};
use cxroute_core::time::Timestamp;

/// What is wrong with an adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Results come in reverse.
    ResultsOutOfOrder,
    /// Every signal of a batch goes to the tenant of its first.
    TenantsMixed,
    /// Copies are taken for news.
    CopiesCommitted,
    /// A copy gets its own answer, not the first one.
    CopiesGetTheirOwnAnswer,
    /// Not committed, but acknowledged.
    SignalsForgotten,
    /// One tenant is left out.
    RevisionsIncomplete,
    /// The page after a call begins with it.
    PagesOverlap,
    /// The time until which is not looked at.
    UntilIgnored,
    /// History comes newest first.
    HistoryReversed,
    /// Live calls are left out of the image.
    ImageWithoutSessions,
    /// Turns are left out of the image.
    ImageWithoutTurns,
    /// Who is behind is told nothing.
    ChangesForgotten,
    /// The audit is empty.
    AuditForgotten,
    /// Only agents that still exist have names.
    NamesOfTheDeletedForgotten,
    /// Nothing is ever tidied.
    UpkeepForgotten,
    /// What is to be kept for another hour goes.
    UpkeepTooEarly,
    /// A dry run books its choice.
    PreviewBooks,
    /// A choice is booked twice.
    ChoosesTwice,
    /// What is taken back still counts.
    RetractIgnored,
    /// Confirmed attempts stop counting like others.
    CompleteIgnored,
    /// Ended calls keep their caps.
    EndIgnored,
    /// Ended sessions get further attempts.
    StopIgnored,
    /// What was chosen elsewhere is not taken over.
    AdoptIgnored,
    /// What was chosen elsewhere counts as often as it is told.
    AdoptsAnew,
    /// Agents that the caller tried are tried again.
    TriedIgnored,
    /// The plane makes up a state that it does not have.
    RestoresItself,
    /// All tenants are one.
    OneTenant,
}

struct FaultyStore {
    store: MemoryStore,
    fault: Fault,
}

#[async_trait]
impl Store for FaultyStore {
    async fn ingest(&self, mut batch: Vec<(Arc<IngestScope>, Signal)>) -> Vec<Result<Ingested, StoreError>> {
        let answers: Vec<_> = batch.iter().map(|(_, signal)| signal.answer.clone()).collect();
        match self.fault {
            Fault::SignalsForgotten => return batch.iter().map(|_| Ok(Ingested::Committed(None))).collect(),
            Fault::TenantsMixed => {
                let first = batch.first().map(|(scope, _)| Arc::clone(scope));
                for (scope, _) in &mut batch {
                    *scope = first.clone().unwrap_or_else(|| Arc::clone(scope));
                }
            }
            _ => {}
        }
        let mut results = self.store.ingest(batch).await;
        for (result, own) in results.iter_mut().zip(answers) {
            if let Ok(Ingested::Duplicate { answer, .. }) = result {
                match self.fault {
                    Fault::CopiesCommitted => *result = Ok(Ingested::Committed(None)),
                    Fault::CopiesGetTheirOwnAnswer => *answer = own,
                    _ => {}
                }
            }
        }
        if self.fault == Fault::ResultsOutOfOrder {
            results.reverse();
        }
        results
    }

    async fn read(&self, scope: &ReadScope) -> Result<Box<dyn TenantRead>, StoreError> {
        Ok(Box::new(FaultyRead { read: self.store.read(scope).await?, fault: self.fault }))
    }

    async fn begin(&self, scope: &ConfigScope) -> Result<Box<dyn TenantTx>, StoreError> {
        self.store.begin(scope).await
    }

    async fn create_tenant(
        &self,
        operator: &Operator,
        name: &str,
        domain: &Domain,
        at: Timestamp,
    ) -> Result<TenantId, StoreError> {
        self.store.create_tenant(operator, name, domain, at).await
    }

    async fn tenant_by_domain(
        &self,
        operator: &Operator,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        self.store.tenant_by_domain(operator, domain).await
    }

    async fn revisions(&self, operator: &Operator) -> Result<Vec<(TenantId, u64)>, StoreError> {
        let mut revisions = self.store.revisions(operator).await?;
        if self.fault == Fault::RevisionsIncomplete {
            revisions.pop();
        }
        Ok(revisions)
    }

    async fn outbox(&self, operator: &Operator, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        self.store.outbox(operator, limit).await
    }

    async fn forget_events(&self, operator: &Operator, ids: &[OutboxId]) -> Result<(), StoreError> {
        self.store.forget_events(operator, ids).await
    }

    async fn upkeep(&self, operator: &Operator, now: Timestamp) -> Result<Upkeep, StoreError> {
        match self.fault {
            Fault::UpkeepForgotten => Ok(Upkeep::default()),
            Fault::UpkeepTooEarly => {
                self.store.upkeep(operator, now.after(std::time::Duration::from_secs(3_600))).await
            }
            _ => self.store.upkeep(operator, now).await,
        }
    }
}

struct FaultyRead {
    read: Box<dyn TenantRead>,
    fault: Fault,
}

#[async_trait]
impl ConfigReader for FaultyRead {
    async fn tenant(&mut self) -> Result<Tenant, StoreError> {
        self.read.tenant().await
    }

    async fn revision(&mut self) -> Result<u64, StoreError> {
        self.read.revision().await
    }

    async fn configuration(&mut self) -> Result<Configuration, StoreError> {
        self.read.configuration().await
    }

    async fn changes_since(&mut self, revision: u64) -> Result<Changes, StoreError> {
        let told = self.read.changes_since(revision).await?;
        if let (Fault::ChangesForgotten, Changes::Rules { revision, .. }) = (self.fault, &told) {
            return Ok(Changes::Rules { revision: *revision, changes: Vec::new() });
        }
        Ok(told)
    }

    async fn names(&mut self) -> Result<Names, StoreError> {
        let mut names = self.read.names().await?;
        if self.fault == Fault::NamesOfTheDeletedForgotten {
            let there = self.read.configuration().await?;
            names.agents.retain(|id, _| there.agents.iter().any(|agent| agent.id == *id));
        }
        Ok(names)
    }
}

#[async_trait]
impl CallReader for FaultyRead {
    async fn call(&mut self, token: &SessionToken) -> Result<Option<Call>, StoreError> {
        self.read.call(token).await
    }

    async fn call_detail(&mut self, token: &SessionToken) -> Result<Option<CallDetail>, StoreError> {
        let mut detail = self.read.call_detail(token).await?;
        if let (Fault::HistoryReversed, Some(detail)) = (self.fault, &mut detail) {
            detail.history.reverse();
        }
        Ok(detail)
    }

    async fn calls(&mut self, filter: &CallFilter, mut page: Page) -> Result<Vec<Call>, StoreError> {
        let mut filter = filter.clone();
        match self.fault {
            Fault::UntilIgnored => filter.until = None,
            Fault::PagesOverlap => {
                page.after = page.after.map(|id| cxroute_core::id::CallId::new(id.get() + 1));
            }
            _ => {}
        }
        self.read.calls(&filter, page).await
    }

    async fn answer(&mut self, token: &SessionToken, key: EventKey) -> Result<Option<Sealed>, StoreError> {
        self.read.answer(token, key).await
    }

    async fn plane_image(&mut self, now: Timestamp) -> Result<PlaneImage, StoreError> {
        let mut image = self.read.plane_image(now).await?;
        match self.fault {
            Fault::ImageWithoutSessions => image.sessions.clear(),
            Fault::ImageWithoutTurns => image.groups.iter_mut().for_each(|group| group.turns.clear()),
            _ => {}
        }
        Ok(image)
    }

    async fn audit(&mut self, token: &SessionToken) -> Result<Vec<AuditEntry>, StoreError> {
        let audit = self.read.audit(token).await?;
        Ok(if self.fault == Fault::AuditForgotten { Vec::new() } else { audit })
    }

    async fn audit_count(&mut self) -> Result<u64, StoreError> {
        self.read.audit_count().await
    }
}

struct FaultyLive {
    live: MemoryLive,
    fault: Fault,
    one: IngestScope,
}

impl FaultyLive {
    fn scope<'a>(&'a self, scope: &'a IngestScope) -> &'a IngestScope {
        if self.fault == Fault::OneTenant { &self.one } else { scope }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

#[async_trait]
impl LiveState for FaultyLive {
    async fn choose(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        let scope = self.scope(scope);
        let mut request = request.clone();
        if self.is(Fault::TriedIgnored) {
            request.tried = &[];
        }
        let choice = self.live.choose(scope, &request).await;
        if self.is(Fault::RestoresItself) && choice == Err(LiveError::Lost) {
            self.live.restore(scope, PlaneImage::default()).await?;
            return self.live.choose(scope, &request).await;
        }
        if self.is(Fault::ChoosesTwice) && matches!(choice, Ok(Choice::Made(_))) {
            self.live.retract(scope, request.token, request.key).await?;
            return self.live.choose(scope, &request).await;
        }
        choice
    }

    async fn preview(&self, scope: &IngestScope, request: &ChooseRequest<'_>) -> Result<Choice, LiveError> {
        if self.is(Fault::PreviewBooks) {
            return self.live.choose(scope, request).await;
        }
        self.live.preview(self.scope(scope), request).await
    }

    async fn settle(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        settle: Settle,
        now: Timestamp,
    ) -> Result<(Settled, LedgerDelta), LiveError> {
        self.live.settle(self.scope(scope), token, settle, now).await
    }

    async fn complete(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
        answer: &Sealed,
        open_until: Timestamp,
    ) -> Result<(), LiveError> {
        if self.is(Fault::CompleteIgnored) {
            return Ok(());
        }
        self.live.complete(self.scope(scope), token, key, answer, open_until).await
    }

    async fn retract(
        &self,
        scope: &IngestScope,
        token: &SessionToken,
        key: EventKey,
    ) -> Result<(), LiveError> {
        if self.is(Fault::RetractIgnored) {
            return Ok(());
        }
        self.live.retract(self.scope(scope), token, key).await
    }

    async fn end(&self, scope: &IngestScope, token: &SessionToken, now: Timestamp) -> Result<(), LiveError> {
        if self.is(Fault::EndIgnored) {
            return Ok(());
        }
        self.live.end(self.scope(scope), token, now).await
    }

    async fn stop_attempts(&self, scope: &IngestScope, token: &SessionToken) -> Result<(), LiveError> {
        if self.is(Fault::StopIgnored) {
            return Ok(());
        }
        self.live.stop_attempts(self.scope(scope), token).await
    }

    async fn hydrate(&self, scope: &IngestScope, image: SessionImage) -> Result<(), LiveError> {
        self.live.hydrate(self.scope(scope), image).await
    }

    async fn adopt(&self, scope: &IngestScope, adopted: Adopted, now: Timestamp) -> Result<(), LiveError> {
        if self.is(Fault::AdoptIgnored) {
            return Ok(());
        }
        let again = adopted.clone();
        self.live.adopt(self.scope(scope), adopted, now).await?;
        if self.is(Fault::AdoptsAnew) {
            let call = SessionImage { token: token("another"), ended: true, ..again.call };
            let call = SessionImage { attempts: Vec::new(), ..call };
            self.live.adopt(self.scope(scope), Adopted { attempt: None, call, ..again }, now).await?;
        }
        Ok(())
    }

    async fn restore(&self, scope: &IngestScope, image: PlaneImage) -> Result<(), LiveError> {
        self.live.restore(self.scope(scope), image).await
    }
}

fn faulty_store(fault: Fault) -> Subject<FaultyStore> {
    Subject::new(FaultyStore { store: MemoryStore::new(), fault })
}

#[expect(clippy::disallowed_methods, reason = "a test plays every part")]
fn faulty_live(fault: Fault) -> Subject<FaultyLive> {
    let one = Operator::assume().ingest(TenantId::new(1));
    Subject::new(FaultyLive { live: MemoryLive::new(), fault, one })
}

/// Whether a law holds: it neither panics nor is broken.
fn holds(law: impl FnOnce() -> Checked) -> bool {
    matches!(catch_unwind(AssertUnwindSafe(law)), Ok(Ok(())))
}

/// So often a law is held against a fault until it finds it. One of random operations may miss a rare one in its 64 cases.
const RUNS: usize = 8;

/// Each fault is found by its law, which the same adapter without the fault keeps.
macro_rules! caught {
    ($port:ident, $make:ident: $($fault:ident by $law:ident,)+) => {$(
        let law = |fault| holds(|| $port::hold(|| async { $make(fault) }, $port::law::$law));
        assert!(law(Fault::None), "{} holds without a fault", stringify!($law));
        let found = (0..RUNS).any(|_| !law(Fault::$fault));
        assert!(found, "{} finds {:?}", stringify!($law), Fault::$fault);
    )+};
}

#[test]
fn a_faulty_store_is_found_out() {
    caught! { store, faulty_store:
        ResultsOutOfOrder by signals_of_one_batch_see_each_other_in_order,
        TenantsMixed by equal_tokens_in_two_tenants_are_two_calls,
        CopiesCommitted by copies_within_one_batch_make_one_decision,
        CopiesGetTheirOwnAnswer by a_copy_gets_the_first_answer_and_changes_nothing_but_the_audit,
        SignalsForgotten by a_call_is_what_the_step_makes_of_its_signals,
        RevisionsIncomplete by revisions_lists_every_tenant_with_its_revision,
        PagesOverlap by pages_are_complete_and_never_repeat_while_calls_arrive,
        UntilIgnored by calls_are_filtered_by_the_time_of_receipt,
        HistoryReversed by a_call_is_what_the_step_makes_of_its_signals,
        ImageWithoutSessions by only_live_calls_are_in_the_image,
        ImageWithoutTurns by a_plane_that_is_rebuilt_goes_on_as_before,
        ChangesForgotten by following_the_changes_leads_to_the_configuration,
        AuditForgotten by webhooks_are_kept_in_order_without_their_secrets,
        UpkeepForgotten by calls_go_with_everything_of_theirs_once_they_are_older_than_retention,
        UpkeepTooEarly by calls_go_with_everything_of_theirs_once_they_are_older_than_retention,
        NamesOfTheDeletedForgotten by names_are_kept_of_what_is_deleted_and_follow_what_is_renamed,
    }
}

#[test]
fn a_faulty_store_does_not_behave_like_the_specification() {
    caught! { store, faulty_store:
        CopiesGetTheirOwnAnswer by random_operations_behave_like_the_specification,
        UntilIgnored by random_operations_behave_like_the_specification,
        PagesOverlap by random_operations_behave_like_the_specification,
        HistoryReversed by random_operations_behave_like_the_specification,
        ImageWithoutTurns by random_operations_behave_like_the_specification,
        ChangesForgotten by random_operations_behave_like_the_specification,
    }
}

#[test]
fn a_faulty_plane_is_found_out() {
    caught! { live, faulty_live:
        PreviewBooks by a_preview_says_what_would_be_chosen_and_changes_nothing,
        ChoosesTwice by every_strategy_chooses_as_it_is_specified,
        RetractIgnored by a_choice_that_is_taken_back_counts_nowhere,
        CompleteIgnored by a_confirmed_attempt_counts_as_long_as_it_was_told,
        EndIgnored by the_end_of_a_call_frees_its_caps_and_leaves_health_alone,
        StopIgnored by a_call_whose_session_ended_gets_no_further_attempt,
        AdoptIgnored by a_durable_choice_takes_the_place_of_one_that_is_not,
        AdoptsAnew by a_choice_that_was_made_elsewhere_counts_once,
        TriedIgnored by agents_that_only_the_caller_knows_were_tried_are_not_chosen,
        RestoresItself by no_operation_but_restore_succeeds_without_state,
        OneTenant by equal_calls_agents_groups_and_pools_of_two_tenants_are_apart,
    }
}

#[test]
fn a_faulty_plane_does_not_behave_like_the_specification() {
    caught! { live, faulty_live:
        PreviewBooks by random_operations_behave_like_the_plane,
        ChoosesTwice by random_operations_behave_like_the_plane,
        RetractIgnored by random_operations_behave_like_the_plane,
        CompleteIgnored by random_operations_behave_like_the_plane,
        EndIgnored by random_operations_behave_like_the_plane,
        StopIgnored by random_operations_behave_like_the_plane,
        AdoptIgnored by random_operations_behave_like_the_plane,
        TriedIgnored by random_operations_behave_like_the_plane,
    }
}
