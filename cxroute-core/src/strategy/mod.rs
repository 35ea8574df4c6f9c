//! Choosing an agent (domain.md §3): the rules as pure, synchronous code over plain data.
//!
//! [`Plane`] is one tenant's execution plane: who is live, how often each agent was chosen, whose turn it is, who is
//! held back, and what each call has tried. [`Plane::choose`] is one atomic step: it settles the previous attempt,
//! walks the stages of the fallback chain, picks by the group's strategy and keeps all the books. `MemoryLive` is this
//! code behind a lock; every other adapter must be indistinguishable from it.
//!
//! # Words
//!
//! - A **roster** is a group compiled for choosing; its **seats** are the members, each with the limits of its agent and
//!   pool. A request carries one roster per **stage** of the fallback chain.
//! - The **books** of a group count the choices of each agent within the rolling **window**, which moves in 96 steps, and
//!   know whose **turn** it is. They outlive the plane: each choice's [`LedgerDelta`] goes into the store with the record,
//!   and [`Books`] is what a store keeps of them.
//! - **Virtual calls** level a newcomer: a member that joins or comes back counts as if it had had its share of the window
//!   already, so that it is not flooded.
//! - A **lease** is how long an attempt counts against its caps if its end never comes.
//! - Health holds an agent back for a **cool-down** after failures in a row; then one call, the **probe**, tries it.
//!
//! [`CustomStrategy`] is the place for a strategy of one's own.
//!
//! Nothing here reads a clock or rolls dice: equal operations give equal answers.

mod adopt;
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
mod view;
mod window;

pub use books::{BookRow, Books};
pub use custom::{CallFacts, Candidate, CustomStrategy, Preference, Preferences};
pub use health::{Fitness, Health, HealthSign, PROBE_LEASE, SUCCESSES_TO_RELEASE};
pub use ledger::{
    Adopted, AgentHealth, AttemptSeat, Counted, GroupImage, HealthRow, Join, LedgerDelta, LiveAttempt,
    PlaneImage, Presence, SeatImage, SessionImage, Turn,
};
pub use plane::{
    Choice, ChooseRequest, LastResort, OpenAttempt, PROVISIONAL_LEASE, Pick, Picked, Plane, SeatPick, Settle,
    Settled,
};
pub use roster::{Caps, Roster, Seat, WINDOW_STEPS};
pub use verdict::{CapKind, MemberVerdict, StageOutcome, StageTrace, TRACED_MEMBERS, Verdict, VerdictCounts};
pub use view::{GroupView, StepView};
pub use window::StepTally;
