//! Asking the execution plane, and restoring it when it has lost a tenant.

use std::sync::Arc;

use super::Engine;
use super::gate::{Admitted, Gate};
use super::route::{Dialled, Route, Way};
use super::snapshot::{Chain, Ending};
use crate::call::{Action, AttemptTarget, EndReason, NewAttempt, Outcome, Trace};
use crate::config::RetryOutcome;
use crate::port::{LiveError, LiveState};
use crate::strategy::{Choice, ChooseRequest, LastResort, Pick, Picked, PlaneImage, Roster};
use crate::time::Timestamp;

impl Chain {
    /// Whether this outcome of an attempt that the chain's group made leads to the next candidate.
    pub(super) fn retries(&self, outcome: Outcome) -> bool {
        let retried = match outcome {
            Outcome::Completed => return false,
            Outcome::Busy => RetryOutcome::Busy,
            Outcome::NoAnswer => RetryOutcome::NoAnswer,
            Outcome::Failed => RetryOutcome::Failed,
        };
        self.stages.first().is_some_and(|roster| roster.retry_on.contains(&retried))
    }
}

impl Way {
    pub(super) fn stages(&self) -> &[Arc<Roster>] {
        match self {
            Self::Agents(chain) => &chain.stages,
            Self::Trunks(_) | Self::Nowhere | Self::Over => &[],
        }
    }

    pub(super) fn last_resort(&self) -> LastResort {
        match self {
            Self::Agents(Chain { ending, .. }) => match **ending {
                Ending::Number { .. } => LastResort::Number,
                Ending::Say(_) | Ending::Reject(_) | Ending::Hangup => LastResort::End,
            },
            Self::Trunks(_) => LastResort::Number,
            Self::Nowhere | Self::Over => LastResort::End,
        }
    }

    /// The action that a pick on this way comes to.
    pub(super) fn action(&self, pick: &Pick, to: &str) -> Action {
        match &pick.picked {
            Picked::Seat(seat) => Action::Dial(NewAttempt {
                number: seat.attempt,
                target: AttemptTarget::Agent(seat.seat),
                probe: seat.probe,
            }),
            Picked::Number { attempt } => {
                let (group, number) = match self {
                    Self::Trunks(config) => (None, super::answer::outbound_number(config, to).into()),
                    Self::Agents(chain) => match &*chain.ending {
                        Ending::Number { group, number, .. } => (Some(*group), number.as_str().into()),
                        _ => (None, to.into()),
                    },
                    Self::Nowhere | Self::Over => (None, to.into()),
                };
                Action::Dial(NewAttempt {
                    number: *attempt,
                    target: AttemptTarget::Number { group, number },
                    probe: None,
                })
            }
            Picked::Nobody => Action::End(self.end_reason(pick.attempts_before)),
        }
    }

    fn end_reason(&self, attempts: u16) -> EndReason {
        match self {
            Self::Nowhere => EndReason::NoRoute,
            Self::Trunks(_) | Self::Over => EndReason::AttemptsFailed,
            Self::Agents(chain) => match &*chain.ending {
                Ending::Say(_) => EndReason::Announcement,
                Ending::Reject(_) => EndReason::Rejected,
                Ending::Hangup | Ending::Number { .. } if attempts > 0 => EndReason::AttemptsFailed,
                Ending::Hangup | Ending::Number { .. } => EndReason::NoAgent,
            },
        }
    }

    /// What a trace says of the end of the chain, when it was reached.
    pub(super) fn fallback_words(&self, pick: &Pick) -> Option<Box<str>> {
        let Self::Agents(chain) = self else { return None };
        if matches!(pick.picked, Picked::Seat(_)) {
            return None;
        }
        let words = match &*chain.ending {
            Ending::Number { number, .. } if pick.picked != Picked::Nobody => format!("number {number}"),
            Ending::Number { .. } | Ending::Hangup => "hang up".to_owned(),
            Ending::Say(_) => "announcement, then hang up".to_owned(),
            Ending::Reject(reason) => format!("reject: {}", reason.as_str()),
        };
        Some(words.into_boxed_str())
    }
}

/// Which execution plane a choice was made on.
#[derive(Clone, Copy)]
pub(super) enum Plane<'a> {
    /// The one that all servers share.
    Shared(&'a dyn LiveState),
    /// This server's own, since the shared one is away.
    Spare(&'a dyn LiveState),
}

impl<'a> Plane<'a> {
    pub(super) const fn live(self) -> &'a dyn LiveState {
        match self {
            Self::Shared(live) | Self::Spare(live) => live,
        }
    }

    pub(super) const fn is_spare(self) -> bool {
        matches!(self, Self::Spare(_))
    }
}

impl Engine {
    /// Asks the plane; restores it first if it has lost the tenant; decides in-process if it is away, or if it cannot be
    /// restored now. The spare plane's books are those of one outage: they go when the shared plane is back, which has
    /// them from the store.
    pub(super) async fn choose(
        &self,
        admitted: &Admitted,
        request: &ChooseRequest<'_>,
    ) -> (Result<Choice, LiveError>, Plane<'_>) {
        let shared = Plane::Shared(self.parts.live.as_ref());
        match self.choose_on_shared(admitted, request).await {
            Err(_) => (self.choose_on_spare(admitted, request).await, Plane::Spare(&self.spare)),
            choice => {
                if admitted.gate().outage.is_over() {
                    self.spare.forget(admitted.scope());
                }
                (choice, shared)
            }
        }
    }

    async fn choose_on_shared(
        &self,
        admitted: &Admitted,
        request: &ChooseRequest<'_>,
    ) -> Result<Choice, LiveError> {
        let live = self.parts.live.as_ref();
        match live.choose(admitted.scope(), request).await {
            Err(LiveError::Lost) => {
                self.restore(admitted, request.now).await?;
                live.choose(admitted.scope(), request).await
            }
            choice => choice,
        }
    }

    /// Starts from what the store knows, from nothing while it is away: an answer comes before exact distribution
    /// (domain.md §7.4).
    async fn choose_on_spare(
        &self,
        admitted: &Admitted,
        request: &ChooseRequest<'_>,
    ) -> Result<Choice, LiveError> {
        admitted.gate().outage.begins();
        match self.spare.choose(admitted.scope(), request).await {
            Err(LiveError::Lost) => {
                let image = self.patience.soon(request.now, self.image(admitted, request.now)).await;
                let image = image.flatten().unwrap_or_default();
                self.spare.restore(admitted.scope(), image).await?;
                self.spare.choose(admitted.scope(), request).await
            }
            choice => choice,
        }
    }

    /// Gives the shared plane what the store knows of the tenant, if that is done as soon as a live call needs it. Else it is
    /// wanted: [`Engine::restore_planes`] does it beside the calls.
    ///
    /// # Errors
    /// [`LiveError::Unavailable`] while the store is away, or has not seen yet what this server spooled: a plane is built
    /// from everything that was acknowledged, or not at all. It is tried once a second, not by every call.
    async fn restore(&self, admitted: &Admitted, now: Timestamp) -> Result<(), LiveError> {
        let gate = admitted.gate();
        if gate.outage.is_fresh(now) {
            return Err(away("it could not be restored a moment ago"));
        }
        match self.patience.soon(now, self.restore_gate(gate, now)).await {
            Some(restored) => restored,
            None => {
                gate.outage.noted(now);
                gate.outage.want();
                Err(away("it is being restored"))
            }
        }
    }

    async fn restore_gate(&self, gate: &Gate, now: Timestamp) -> Result<(), LiveError> {
        let _alone = gate.restoring.lock().await;
        let drained = self.parts.spool.as_ref().is_none_or(|spool| spool.is_empty());
        let image = if drained { self.image_of(gate, now).await } else { None };
        match image {
            Some(image) => {
                self.parts.live.restore(gate.scope(), image).await?;
                gate.outage.is_served();
                Ok(())
            }
            None => {
                gate.outage.noted(now);
                Err(away("the store is away, or has not seen what was spooled"))
            }
        }
    }

    /// Restores the shared planes that calls found lost and could not wait for, because the store was slow or the tenant has
    /// many live calls: call it about once a second, beside [`Engine::refresh`], and not from a call. Returns how many.
    pub async fn restore_planes(&self, now: Timestamp) -> usize {
        let gates: Vec<_> = self.known_gates().values().map(Arc::clone).collect();
        let mut restored = 0;
        for gate in gates.iter().filter(|gate| gate.outage.is_wanted()) {
            restored += usize::from(self.restore_gate(gate, now).await.is_ok());
        }
        restored
    }

    pub(super) async fn image(&self, admitted: &Admitted, now: Timestamp) -> Option<PlaneImage> {
        self.image_of(admitted.gate(), now).await
    }

    async fn image_of(&self, gate: &Gate, now: Timestamp) -> Option<PlaneImage> {
        let mut reader = self.parts.store.read(gate.scope().read()).await.ok()?;
        reader.plane_image(now).await.ok()
    }
}

fn away(reason: &str) -> LiveError {
    LiveError::Unavailable { reason: reason.to_owned() }
}

/// The trace of a choice.
pub(super) fn trace(
    route: Route,
    pick: Option<&Pick>,
    dialled: &Dialled,
    revision: u64,
    at: Timestamp,
    degraded: bool,
) -> Arc<Trace> {
    let fallback = pick.and_then(|pick| route.way.fallback_words(pick));
    Arc::new(Trace {
        at,
        revision,
        direction: route.direction,
        dialled: dialled.to.clone(),
        normalised: route.normalised,
        caller: dialled.from.clone(),
        rule: route.rule,
        next_best: route.next_best,
        stages: pick.map(|pick| Arc::clone(&pick.stages)).unwrap_or_default(),
        fallback,
        degraded,
    })
}
