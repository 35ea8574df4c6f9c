//! The laws of [`Spool`](crate::port::Spool).
//!
//! The module [`law`] lists them all; [`conformance_spool!`](crate::conformance_spool!) makes a test of each.
//! That what is acknowledged survives the process is for the adapter's own tests: the kit stays inside one.

mod bench;
mod queue;
mod snapshots;

pub use bench::{SpoolBench, hold};

/// The laws, by name.
pub mod law {
    use super::{SpoolBench, queue, snapshots};

    crate::__conformance_spool_laws!(__conformance_expose![SpoolBench]);
}

/// Holds a spool against every law of [`Spool`](crate::port::Spool): one test per law.
///
/// The argument is called once per test, as an async function without arguments, and gives a
/// [`Subject`](crate::conformance::Subject) with an empty spool.
#[macro_export]
macro_rules! conformance_spool {
    ($make:expr $(,)?) => {
        $crate::__conformance_spool_laws!(__conformance_tests![spool, $make]);
    };
}

/// The list of laws.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_spool_laws {
    ($then:ident ! [$($args:tt)*]) => { $crate::$then! { [$($args)*]
        queue {
            a_new_spool_is_empty,
            signals_come_back_whole_and_in_order,
            a_batch_may_be_of_several_tenants,
            the_oldest_are_given_first_and_again_until_removed,
            unknown_ids_are_passed_over,
            ids_are_never_given_twice,
            what_is_set_aside_is_no_longer_given_but_counted,
            it_holds_a_session_until_its_last_signal_is_removed,
            it_holds_a_session_while_its_first_signal_is_appended,
            the_level_follows,
            an_empty_batch_is_appended,
            copies_are_kept_side_by_side,
            a_spooled_webhook_holds_no_secret,
            appends_at_once_are_all_kept_and_in_batches,
        }
        snapshots {
            an_unknown_domain_has_no_snapshot,
            a_snapshot_comes_back_whole,
            a_newer_snapshot_replaces_an_older_one_and_never_the_reverse,
            domains_are_told_largest_first_and_no_more_than_are_asked_for,
        }
    } };
}
