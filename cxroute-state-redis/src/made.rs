//! The choices that this server made and has not confirmed yet: should the plane be built anew in between, they are
//! brought along.

use std::sync::Arc;

use cxroute_core::call::{EventKey, SessionToken};
use cxroute_core::strategy::{
    Adopted, Choice, Counted, LiveAttempt, PROVISIONAL_LEASE, Picked, SessionImage,
};
use cxroute_core::time::Timestamp;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use crate::ask::Asked;
use crate::wire::Operation;

/// Looks for old choices when so many are kept.
const MANY: usize = 1_024;

/// Choices by the signal that they were made for.
#[derive(Default)]
pub(crate) struct Made {
    choices: FxHashMap<(SessionToken, EventKey), Unconfirmed>,
    /// So many are kept before old ones are looked for.
    most: usize,
}

struct Unconfirmed {
    epoch: Arc<str>,
    at: Instant,
    /// The caller's time then.
    asked: Timestamp,
    attempt: LiveAttempt,
    counted: Option<Counted>,
}

impl Made {
    /// Notes what came of a choice.
    pub(crate) fn note(&mut self, asked: &Asked, choice: &Choice, epoch: &Arc<str>) {
        let Choice::Made(pick) = choice else { return };
        let (number, seat, probe) = match &pick.picked {
            Picked::Seat(picked) => (picked.attempt, Some(picked.seat), picked.probe),
            Picked::Number { attempt } => (*attempt, None, None),
            Picked::Nobody => return,
        };
        if self.choices.len() >= self.most.max(MANY) {
            self.choices.retain(|_, made| made.at.elapsed() < PROVISIONAL_LEASE);
            self.most = self.choices.len() * 2;
        }
        let attempt = LiveAttempt { number, seat, open_until: None, probe };
        let (counted, epoch) = (pick.delta.counted, Arc::clone(epoch));
        let made = Unconfirmed { epoch, at: Instant::now(), asked: asked.now, attempt, counted };
        self.choices.insert((asked.choose.token.clone(), asked.choose.key), made);
    }

    /// If `operation` confirms a choice of another epoch: what this epoch is to be told first.
    pub(crate) fn adopted(&self, operation: &Operation, epoch: &str) -> Option<Adopted> {
        let Operation::Complete { token, key, open_until, .. } = operation else { return None };
        let made = self.choices.get(&(token.clone(), *key)).filter(|made| *made.epoch != *epoch)?;
        let number = made.attempt.number;
        let attempt = LiveAttempt { open_until: Some(*open_until), ..made.attempt.clone() };
        let (token, attempts) = (token.clone(), vec![attempt]);
        let call = SessionImage { token, attempts, ended: false, forget_at: *open_until };
        // By now, when it is confirmed, it is durable.
        let at = made.asked.after(made.at.elapsed());
        Some(Adopted { at, key: *key, attempt: Some(number), counted: made.counted, call })
    }

    /// `operation` is done: the choice that it confirmed or took back is not waited for any more.
    pub(crate) fn settle(&mut self, operation: &Operation) {
        if let Operation::Complete { token, key, .. } | Operation::Retract { token, key } = operation {
            self.choices.remove(&(token.clone(), *key));
        }
    }
}

#[cfg(test)]
mod tests {
    use cxroute_core::call::EventKind;
    use cxroute_core::secret::Sealed;
    use cxroute_core::time::Timestamp;

    use super::*;

    fn made() -> (Made, Operation) {
        let token = SessionToken::new("call").unwrap();
        let key = EventKey { kind: EventKind::VoiceRequest, hash: 1 };
        let mut made = Made::default();
        let attempt = LiveAttempt { number: 1, seat: None, open_until: None, probe: None };
        let (epoch, asked) = ("one".into(), Timestamp::from_millis(1_000));
        let unconfirmed = Unconfirmed { epoch, at: Instant::now(), asked, attempt, counted: None };
        made.choices.insert((token.clone(), key), unconfirmed);
        let open_until = Timestamp::from_millis(60_000);
        let answer = Sealed::from_bytes(Vec::new());
        (made, Operation::Complete { token, key, answer, open_until })
    }

    #[test]
    fn a_choice_is_brought_along_once_and_only_into_another_epoch() {
        let (mut made, confirmed) = made();
        assert_eq!(made.adopted(&confirmed, "one"), None);
        let adopted = made.adopted(&confirmed, "two").unwrap();
        assert_eq!(adopted.call.attempts[0].open_until, Some(adopted.call.forget_at));
        assert!(adopted.at >= Timestamp::from_millis(1_000), "it is durable since it was chosen, or later");
        made.settle(&confirmed);
        assert_eq!(made.adopted(&confirmed, "two"), None);
    }
}
