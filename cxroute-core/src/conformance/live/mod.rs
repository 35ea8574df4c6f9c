//! The laws of [`LiveState`](crate::port::LiveState).
//!
//! The module [`law`] lists them all; [`conformance_live!`](crate::conformance_live!) makes a test of each.

mod adopting;
mod atomic;
mod bench;
mod choosing;
mod ending;
mod isolation;
mod model;
mod restoring;

pub use bench::{LiveBench, hold};

/// The laws, by name.
pub mod law {
    use super::{LiveBench, adopting, atomic, choosing, ending, isolation, model, restoring};

    crate::__conformance_live_laws!(__conformance_expose![LiveBench]);
}

/// Holds an execution plane against every law of [`LiveState`](crate::port::LiveState): one test per law.
///
/// The argument is called once per test, as an async function without arguments, and gives a
/// [`Subject`](crate::conformance::Subject) with a plane that knows no tenant.
#[macro_export]
macro_rules! conformance_live {
    ($make:expr $(,)?) => {
        $crate::__conformance_live_laws!(__conformance_tests![live, $make]);
    };
}

/// The list of laws.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_live_laws {
    ($then:ident ! [$($args:tt)*]) => { $crate::$then! { [$($args)*]
        restoring {
            no_operation_but_restore_succeeds_without_state,
            an_operation_that_found_no_state_has_done_nothing,
            the_first_of_several_restorers_wins,
            restorers_at_once_leave_one_whole_state,
            a_restored_tenant_goes_on_where_its_image_was,
            what_had_left_the_window_of_an_image_never_counts_again,
        }
        choosing {
            every_strategy_chooses_as_it_is_specified,
            what_a_custom_strategy_prefers_comes_before_the_groups_own,
            a_copy_gets_the_recorded_choice,
            a_copy_of_a_durable_signal_gets_its_answer,
            another_signal_of_a_call_gets_the_open_attempt,
            a_fail_over_settles_and_never_tries_an_agent_twice,
            agents_that_only_the_caller_knows_were_tried_are_not_chosen,
            the_fallback_chain_is_walked_in_one_step,
            a_result_of_an_unknown_call_asks_for_the_call,
            a_preview_says_what_would_be_chosen_and_changes_nothing,
            a_choice_that_is_taken_back_counts_nowhere,
            a_durable_choice_is_not_taken_back,
        }
        adopting {
            a_choice_that_was_made_elsewhere_counts_once,
            a_durable_choice_takes_the_place_of_one_that_is_not,
            what_an_image_held_counts_no_more,
            a_call_that_was_heard_of_is_counted_when_its_choice_is_told,
        }
        ending {
            a_result_frees_the_cap_once,
            a_result_of_what_was_never_dialled_is_unknown,
            results_change_health_as_it_is_specified,
            a_choice_that_nobody_confirms_stops_counting,
            a_confirmed_attempt_counts_as_long_as_it_was_told,
            the_end_of_a_call_frees_its_caps_and_leaves_health_alone,
            a_call_whose_session_ended_gets_no_further_attempt,
            signals_of_unknown_calls_change_nothing,
            the_planes_time_never_runs_backwards,
        }
        atomic {
            calls_at_once_never_exceed_a_cap,
            calls_at_once_are_distributed_as_if_one_came_after_the_other,
            copies_at_once_make_one_choice,
            ends_at_once_free_every_cap_once,
        }
        isolation {
            restoring_one_tenant_restores_no_other,
            equal_calls_agents_groups_and_pools_of_two_tenants_are_apart,
            nothing_of_another_tenants_call_is_touched,
        }
        model {
            random_operations_behave_like_the_plane,
        }
    } };
}
