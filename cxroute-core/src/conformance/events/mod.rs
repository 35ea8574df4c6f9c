//! The laws of [`Events`](crate::port::Events).
//!
//! The module [`law`] lists them all; [`conformance_events!`](crate::conformance_events!) makes a test of each.

mod bench;
mod gaps;
mod hearing;
mod leading;

pub use bench::{EventsBench, hold};

/// The laws, by name.
pub mod law {
    use super::{EventsBench, gaps, hearing, leading};

    crate::__conformance_events_laws!(__conformance_expose![EventsBench]);
}

/// Holds an adapter against every law of [`Events`](crate::port::Events): one test per law.
///
/// The argument is called once per test, as an async function without arguments, and gives a
/// [`Subject`](crate::conformance::Subject) that has published nothing yet, that nobody else leads, and that keeps at
/// least 100 and fewer than 1,000 events of a tenant.
#[macro_export]
macro_rules! conformance_events {
    ($make:expr $(,)?) => {
        $crate::__conformance_events_laws!(__conformance_tests![events, $make]);
    };
}

/// The list of laws.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_events_laws {
    ($then:ident ! [$($args:tt)*]) => { $crate::$then! { [$($args)*]
        hearing {
            what_is_published_is_heard_in_order_with_rising_ids,
            an_event_says_what_happened_to_which_call,
            who_listens_from_now_on_hears_nothing_older,
            who_resumes_hears_what_came_since_and_nothing_twice,
            everybody_who_listens_hears_everything,
            a_wait_that_is_given_up_loses_nothing,
            tenants_hear_their_own_events_only,
            an_empty_publication_is_nothing,
        }
        gaps {
            who_was_away_for_too_long_is_told_of_a_gap_and_then_the_oldest_that_is_kept,
            a_slow_listener_is_told_of_a_gap_and_slows_nobody,
            events_that_were_given_up_are_told_as_a_gap_in_their_place,
            an_id_that_never_was_is_told_a_gap,
        }
        leading {
            who_leads_goes_on_leading_in_the_same_term,
            a_term_that_is_over_publishes_nothing,
        }
    } };
}
