//! The laws of [`Store`](crate::port::Store).
//!
//! The module [`law`] lists them all; [`conformance_store!`](crate::conformance_store!) makes a test of each.

mod bench;
mod calls;
mod changes;
mod configuration;
mod copies;
mod image;
mod ingest;
mod isolation;
mod model;
mod outbox;
mod refusals;
mod retention;
mod spools;
mod tenants;
mod transactions;

pub use bench::{StoreBench, hold};

/// The laws, by name.
pub mod law {
    use super::{
        StoreBench, calls, changes, configuration, copies, image, ingest, isolation, model, outbox, refusals,
        retention, spools, tenants, transactions,
    };

    crate::__conformance_store_laws!(__conformance_expose![StoreBench]);
}

/// Holds a store against every law of [`Store`](crate::port::Store): one test per law.
///
/// The argument is called once per test, as an async function without arguments, and gives a
/// [`Subject`](crate::conformance::Subject) with a fresh, empty store.
#[macro_export]
macro_rules! conformance_store {
    ($make:expr $(,)?) => {
        $crate::__conformance_store_laws!(__conformance_tests![store, $make]);
    };
}

/// The list of laws.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_store_laws {
    ($then:ident ! [$($args:tt)*]) => { $crate::$then! { [$($args)*]
        tenants {
            a_new_tenant_has_defaults_and_nothing_else,
            a_tenant_is_found_by_its_domain_in_any_case,
            a_domain_belongs_to_one_tenant,
            of_tenants_created_at_once_for_one_domain_one_is_created,
            a_tenant_needs_a_name_that_its_configuration_accepts,
            revisions_lists_every_tenant_with_its_revision,
            a_scope_of_an_unknown_tenant_opens_nothing,
        }
        configuration {
            a_saved_tenant_is_found_again_but_for_id_and_domain,
            a_saved_pool_is_found_again_replaced_and_deleted,
            a_saved_agent_is_found_again_replaced_and_deleted,
            a_saved_group_is_found_again_with_its_members_replaced_and_deleted,
            members_are_given_in_order_of_id,
            every_kind_of_fallback_is_found_again,
            a_saved_inbound_rule_is_found_again_replaced_and_deleted,
            a_saved_outbound_rule_is_found_again_replaced_and_deleted,
            patterns_are_kept_as_they_were_typed,
            inbound_and_outbound_rules_may_have_the_same_id,
            deleting_what_never_was_finds_nothing,
        }
        transactions {
            a_commit_raises_the_revision_by_one,
            a_commit_that_changes_nothing_keeps_the_revision,
            a_transaction_that_is_dropped_leaves_nothing_behind,
            a_transaction_sees_its_own_changes_and_nobody_else_does,
            transactions_of_a_tenant_happen_one_after_the_other,
            minted_ids_never_repeat,
            the_order_of_saves_within_a_transaction_does_not_matter,
            names_and_priorities_can_be_swapped_in_one_transaction,
        }
        refusals {
            names_that_are_taken_empty_or_too_long_are_refused,
            references_that_lead_nowhere_are_refused,
            what_is_referred_to_is_not_deleted,
            an_agent_is_a_member_once,
            a_membership_has_an_id_of_its_own,
            fallbacks_in_a_circle_or_too_long_are_refused,
            rules_that_conflict_are_refused_unless_one_is_disabled,
            settings_out_of_range_are_refused,
        }
        changes {
            nothing_has_changed_since_the_present_revision,
            a_single_rule_that_changed_is_told_alone,
            rules_that_came_and_went_are_told_with_what_they_were,
            following_the_changes_leads_to_the_configuration,
            what_is_no_rule_is_told_as_everything,
            a_revision_that_never_was_is_told_everything,
            changes_that_were_rolled_back_or_refused_are_not_told,
        }
        isolation {
            configuration_is_read_of_the_own_tenant_only,
            another_tenants_ids_delete_nothing,
            another_tenants_ids_are_no_references,
            equal_ids_names_and_patterns_of_two_tenants_are_apart,
            changes_are_told_of_the_own_tenant_only,
            transactions_of_two_tenants_do_not_share_what_they_save,
            equal_tokens_in_two_tenants_are_two_calls,
            calls_receipts_and_audit_are_read_of_the_own_tenant_only,
            a_plane_image_holds_the_own_tenants_books_only,
        }
        ingest {
            a_call_is_what_the_step_makes_of_its_signals,
            every_field_of_an_odd_call_is_kept,
            a_call_without_a_route_ends_at_once,
            a_cdr_of_an_unknown_call_creates_its_record,
            an_update_of_an_unknown_call_creates_nothing_but_is_kept,
            a_signal_that_names_no_call_is_only_audited,
            a_signal_that_says_nothing_of_its_call_leaves_it_alone,
            a_copy_that_comes_before_its_first_does_not_take_its_place,
            a_decision_made_in_ignorance_is_refused_and_nothing_is_kept,
            an_answer_that_was_given_is_kept_even_if_it_was_ignorant,
            signals_of_one_batch_see_each_other_in_order,
            a_signal_that_is_refused_does_not_fail_its_neighbours,
            an_empty_batch_has_no_results,
            calls_that_were_given_the_same_id_are_kept_apart,
            traces_are_kept_in_order_one_per_decision,
            webhooks_are_kept_in_order_without_their_secrets,
            an_answer_is_found_by_call_and_key,
        }
        copies {
            a_copy_gets_the_first_answer_and_changes_nothing_but_the_audit,
            copies_within_one_batch_make_one_decision,
            of_copies_that_arrive_at_once_one_is_taken,
            signals_of_one_call_that_arrive_at_once_are_all_taken,
            upkeep_takes_nothing_that_is_promised,
        }
        calls {
            calls_are_listed_newest_first,
            a_list_of_no_calls_is_empty,
            pages_are_complete_and_never_repeat_while_calls_arrive,
            a_page_may_begin_after_a_call_that_is_not_there,
            calls_are_filtered_by_the_agent_and_group_of_the_last_attempt,
            calls_are_filtered_by_the_time_of_receipt,
            unknown_calls_are_none,
            tokens_that_differ_in_a_byte_are_two_calls,
            names_are_kept_of_what_is_deleted_and_follow_what_is_renamed,
            deleting_agents_and_groups_leaves_calls_as_they_are,
        }
        image {
            the_books_of_load_balancing_are_kept,
            the_books_of_priorities_are_kept,
            the_books_of_round_robin_are_kept,
            the_order_in_which_choices_commit_does_not_matter,
            a_plane_that_is_rebuilt_goes_on_as_before,
            only_live_calls_are_in_the_image,
            choices_that_did_not_commit_are_not_in_the_books,
        }
        outbox {
            events_of_committed_steps_wait_in_order,
            events_are_given_again_until_they_are_forgotten,
            events_may_be_forgotten_in_any_order,
            what_was_not_committed_leaves_no_event,
            events_name_their_tenant,
        }
        spools {
            spooled_signals_of_a_call_come_to_the_same_in_any_order,
        }
        retention {
            calls_go_with_everything_of_theirs_once_they_are_older_than_retention,
            what_comes_for_a_call_after_its_retention_is_new,
            calls_that_live_on_go_once_they_have_ended,
        }
        model {
            random_operations_behave_like_the_specification,
        }
    } };
}
