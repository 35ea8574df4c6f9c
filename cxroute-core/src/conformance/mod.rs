//! The conformance kit: the contracts of the ports as laws, written once, for every adapter.
//!
//! An adapter's whole test file is a function that gives a fresh, empty adapter, and a line that holds it against every
//! law there is:
//!
//! ```
//! use cxroute_core::conformance::Subject;
//! use cxroute_core::memory::{MemoryLive, MemoryStore};
//!
//! async fn fresh() -> Subject<MemoryStore> {
//!     Subject::new(MemoryStore::new())
//! }
//! cxroute_core::conformance_store!(fresh);
//!
//! async fn fresh_plane() -> Subject<MemoryLive> {
//!     Subject::new(MemoryLive::new())
//! }
//! cxroute_core::conformance_live!(fresh_plane);
//! ```
//!
//! [`conformance_events!`](crate::conformance_events!) does the same for [`Events`](crate::port::Events),
//! [`conformance_spool!`](crate::conformance_spool!) for a [`Spool`](crate::port::Spool).
//!
//! Put that into `tests/conformance.rs` of the adapter's crate, with this among its dev-dependencies, and run
//! `cargo test`:
//!
//! ```toml
//! cxroute-core = { version = "0.1", features = ["conformance"] }
//! ```
//!
//! - Each law is a test of its own, named by what it says, so that the runner names the law that an adapter breaks.
//! - The kit's list of laws is the only one: an adapter cannot leave one out, and a law that is added here holds for
//!   everybody from the next build on.
//! - [`random_operations_behave_like_the_specification`](store::law::random_operations_behave_like_the_specification)
//!   of the store and [`random_operations_behave_like_the_plane`](live::law::random_operations_behave_like_the_plane) of
//!   the execution plane are model tests: random operations on the adapter and on the executable specification
//!   ([`MemoryStore`](crate::memory::MemoryStore), [`Plane`](crate::strategy::Plane)) give equal answers. A failure is
//!   shrunk to a short list of operations. `PROPTEST_CASES` sets how many sequences are tried. Events and spool have none.
//! - What must live as long as the adapter (a temporary folder, a server's process) rides along: [`Subject::keeping`].
//!   An adapter whose server cannot be reached must fail; the kit has no way to skip.
//! - The values in [`fixture`] are public: an adapter's own tests need calls and configurations too.
//!
//! A wrapper that adds something to another adapter (a log, a cache, a fault now and then) is an adapter, and is held
//! against the same laws: see `examples/adapter_with_kit.rs`.
//!
//! A wrapper that does not forward [`Store::upkeep`](crate::port::Store::upkeep), which has a default that does nothing,
//! breaks the laws about retention.

pub mod events;
pub mod fixture;
pub mod live;
pub mod spool;
pub mod store;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::authority::Operator;
use crate::config::DomainError;
use crate::port::{EventsError, LiveError, SpoolError, StoreError};

/// What a law comes to. A law that does not hold panics with the values that differ, or is [`Broken`].
pub type Checked = Result<(), Broken>;

/// Why a law could not be followed to its end: an error where none was due, or no answer at all.
pub struct Broken {
    why: String,
    at: &'static Location<'static>,
}

impl Broken {
    /// A law is broken for this reason, at the caller's place.
    #[track_caller]
    pub fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), at: Location::caller() }
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.why, self.at)
    }
}

macro_rules! broken_by {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Broken {
            #[track_caller]
            fn from(error: $error) -> Self {
                Self::because(format!("unexpected error: {error}"))
            }
        }
    )+};
}
broken_by!(
    StoreError,
    LiveError,
    EventsError,
    SpoolError,
    DomainError,
    std::io::Error,
    tokio::task::JoinError
);

/// A fresh, empty adapter, with what must live as long as it does.
pub struct Subject<A> {
    adapter: Arc<A>,
    guard: Guard,
}

/// Whatever must outlive an adapter; dropped after it.
type Guard = Box<dyn Any + Send>;

impl<A> Subject<A> {
    /// An adapter that needs nothing but itself.
    pub fn new(adapter: A) -> Self {
        Self { adapter: Arc::new(adapter), guard: Box::new(()) }
    }

    /// Keeps `guard` until the law has been tried: a temporary folder, a child process, a database to drop.
    #[must_use]
    pub fn keeping(self, guard: impl Any + Send) -> Self {
        Self { guard: Box::new((self.guard, guard)), ..self }
    }
}

/// A law that takes this long hangs.
const HANGS: Duration = Duration::from_secs(600);

/// Runs a law on a runtime of several threads, so that tasks really meet.
fn hold(law: impl Future<Output = Checked>) -> Checked {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match tokio::time::timeout(HANGS, law).await {
            Ok(checked) => checked,
            Err(_) => Err(Broken::because(format!("no end after {HANGS:?}: a deadlock?"))),
        }
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the kit plays every part, and its adapters hold only its own data"
)]
const fn operator() -> Operator {
    Operator::assume()
}

/// Tries `property` on random values; it runs where blocking is allowed, as the adapters' answers are awaited inside.
async fn for_all<S, F>(cases: u32, strategy: S, property: impl Fn(S::Value) -> F + Send + 'static) -> Checked
where
    S: proptest::strategy::Strategy + Send + 'static,
    F: Future<Output = Checked>,
{
    let runtime = tokio::runtime::Handle::current();
    let tried = tokio::task::spawn_blocking(move || {
        let mut config = Config { failure_persistence: None, ..Config::default() };
        if std::env::var_os("PROPTEST_CASES").is_none() {
            config.cases = cases;
        }
        let tried = TestRunner::new(config).run(&strategy, |value| {
            runtime.block_on(property(value)).map_err(|broken| TestCaseError::fail(format!("{broken:?}")))
        });
        tried.map_err(|failure| failure.to_string())
    });
    tried.await?.map_err(Broken::because)
}

/// Turns a list of laws into functions that a test can call by name. A law that is in no list is dead code, which the
/// compiler reports.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_expose {
    ([$bench:ty] $($module:ident { $($law:ident,)+ })+) => {$($(
        #[doc = concat!("Law: ", stringify!($law), ".")]
        ///
        /// # Errors
        /// The law does not hold.
        pub async fn $law(bench: $bench) -> $crate::conformance::Checked {
            $module::$law(&bench).await
        }
    )+)+};
}

/// Turns a list of laws into tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ([$port:ident, $make:expr] $($module:ident { $($law:ident,)+ })+) => {$($(
        #[test]
        fn $law() -> $crate::conformance::Checked {
            $crate::conformance::$port::hold($make, $crate::conformance::$port::law::$law)
        }
    )+)+};
}
