//! Choosing an agent (domain.md §3): the rules as pure, synchronous code over plain data.
//!
//! [`Plane`] is one tenant's execution plane: who is live, how often each agent was chosen, whose turn it is, who is
//! held back, and what each call has tried. [`Plane::choose`] is one atomic step: it settles the previous attempt,
//! walks the stages of the fallback chain, picks by the group's strategy and keeps all the books. `MemoryLive` is this
//! code behind a lock; every other adapter must be indistinguishable from it.
//!
//! [`CustomStrategy`] is the place for a strategy of one's own.
//!
//! Nothing here reads a clock or rolls dice: equal operations give equal answers.

mod book;
mod books;
mod custom;
mod health;
mod latest;
mod ledger;
mod pick;
mod plane;
mod roster;
mod session;
mod sessions;
mod unsaved;
mod verdict;
mod window;

pub use books::Books;
pub use custom::{CallFacts, Candidate, CustomStrategy, Preference, Preferences};
pub use health::{Fitness, Health, HealthSign, PROBE_LEASE, SUCCESSES_TO_RELEASE};
pub use ledger::{
    AgentHealth, AttemptSeat, Counted, GroupImage, HealthRow, Join, LedgerDelta, LiveAttempt, PlaneImage,
    Presence, SeatImage, SessionImage, Turn,
};
pub use plane::{
    Choice, ChooseRequest, LastResort, OpenAttempt, PROVISIONAL_LEASE, Pick, Picked, Plane, SeatPick, Settle,
    Settled,
};
pub use roster::{Caps, Roster, Seat, WINDOW_STEPS};
pub use verdict::{CapKind, MemberVerdict, StageOutcome, StageTrace, TRACED_MEMBERS, Verdict, VerdictCounts};
pub use window::StepTally;
