//! The dry run: what would happen to a call, and why, by the same code, changing nothing (domain.md §8).

use std::sync::Arc;

use super::Engine;
use super::answer::{Parties, Secrets};
use super::choose::trace;
use super::decide::line_of;
use super::gate::Admitted;
use super::route::{Dialled, Origin};
use super::snapshot::Snapshot;
use crate::call::{Action, EndReason, EventKey, EventKind, SessionToken, Trace};
use crate::config::Configuration;
use crate::port::LiveError;
use crate::strategy::{Choice, ChooseRequest, Plane};
use crate::time::Timestamp;

/// What a dry run is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The dialled number.
    pub to: String,
    /// The caller; may be empty.
    pub from: String,
    /// Where the call comes from.
    pub origin: Origin,
    /// When: windows and cool-downs are judged by it.
    pub at: Timestamp,
}

/// What would happen.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Why.
    pub trace: Arc<Trace>,
    /// The document, credentials masked.
    pub cxml: String,
    /// Why nothing is dialled, where nothing is: [`EndReason::NoRoute`] where no rule matches.
    pub reason: Option<EndReason>,
}

impl Engine {
    /// Says what would happen to a call, and why. Nothing changes anywhere: no choice is counted, no record is made.
    /// With a draft, it says what would happen under that configuration.
    ///
    /// # Errors
    /// [`LiveError`] if the execution plane is away.
    pub async fn explain(
        &self,
        admitted: &Admitted,
        question: &Question,
        draft: Option<Configuration>,
    ) -> Result<Explanation, LiveError> {
        let vault = self.parts.vault.as_ref();
        let snapshot = match draft {
            Some(draft) => Arc::new(Snapshot::compile(draft, vault)),
            None => admitted.gate().snapshot(),
        };
        let Question { to, from, origin, at } = question;
        let dialled = Dialled { from: from.as_str().into(), to: to.as_str().into(), origin: *origin };
        let route = snapshot.route(&dialled);
        let token = SessionToken::of_dry_run();
        let preferences = self.preferences(&snapshot, &route, &dialled, &token, *at);
        let request = ChooseRequest {
            token: &token,
            key: EventKey { kind: EventKind::VoiceRequest, hash: 0 },
            now: *at,
            settle: None,
            stages: route.way.stages(),
            preferences: &preferences,
            last_resort: route.way.last_resort(),
            tried: &[],
        };
        let live = self.parts.live.as_ref();
        let (choice, degraded) = match live.preview(admitted.scope(), &request).await {
            Ok(choice) => (choice, false),
            // A dry run builds no plane that others would choose on: it looks at one of its own.
            Err(why) => match self.image(admitted, *at).await {
                Some(image) => (Plane::restore(image).preview(&request), why != LiveError::Lost),
                None => return Err(why),
            },
        };
        let pick = match choice {
            Choice::Made(pick) | Choice::Recorded(pick) => Some(pick),
            Choice::Answered(_) | Choice::Open(_) | Choice::Ended { .. } | Choice::Unknown => None,
        };
        let action = pick.as_ref().map(|pick| route.way.action(pick, to));
        let action = action.unwrap_or(Action::End(EndReason::NoAgent));
        let reason = match action {
            Action::End(reason) => Some(reason),
            _ => None,
        };
        let line = line_of(&snapshot, &route.way, &action, pick.as_deref(), None);
        let parties = Parties { token: &token, from, to, public_url: &self.parts.public_url };
        let cxml = snapshot.document(&line, parties, vault, Secrets::Masked);
        Ok(Explanation {
            trace: trace(route, pick.as_deref(), &dialled, snapshot.revision(), *at, degraded),
            cxml,
            reason,
        })
    }
}
