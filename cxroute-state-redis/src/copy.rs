//! A replica with its place in the log.

use std::sync::Arc;

use cxroute_core::id::GroupId;
use cxroute_core::strategy::{Choice, ChooseRequest, GroupView, PlaneImage};
use cxroute_core::time::Timestamp;
use tokio::time::Instant;

use crate::replica::{Outcome, Replica};
use crate::script::{Position, Read};
use crate::wire::{self, Timed, Unreadable};

/// A tenant's plane as far as this server has read the log.
#[derive(Clone)]
pub(crate) struct Copy {
    /// Of which epoch: entries of another one mean another plane.
    pub(crate) epoch: Arc<str>,
    /// Number of the last entry that was applied.
    pub(crate) number: u64,
    /// Its id in the stream.
    pub(crate) id: String,
    /// When this server last had Redis keep it for longer.
    pub(crate) renewed: Option<Instant>,
    replica: Replica,
}

/// Why entries were not applied.
#[derive(Debug)]
pub(crate) enum Behind {
    /// They do not follow on what is there.
    Gap,
    /// One of them is not what this version writes.
    Unreadable(Unreadable),
}

impl Copy {
    /// The first state of a new epoch, with its bytes.
    pub(crate) fn founding(epoch: String, image: PlaneImage) -> (Vec<u8>, Self) {
        let (epoch, id, replica) = (epoch.into(), "0-0".to_owned(), Replica::restore(image));
        let copy = Self { epoch, number: 0, id, renewed: None, replica };
        (copy.state(), copy)
    }

    /// A state that was read.
    pub(crate) fn read(epoch: String, number: u64, id: String, state: &[u8]) -> Result<Self, Unreadable> {
        let replica = wire::decode("a plane's state", state)?;
        Ok(Self { epoch: epoch.into(), number, id, renewed: None, replica })
    }

    /// The state as bytes.
    pub(crate) fn state(&self) -> Vec<u8> {
        wire::encode(&self.replica)
    }

    pub(crate) fn position(&self) -> Position<'_> {
        Position { epoch: &self.epoch, number: self.number, id: &self.id }
    }

    pub(crate) fn knows(&self, fingerprint: u64) -> bool {
        self.replica.knows(fingerprint)
    }

    pub(crate) fn group(&self, group: GroupId) -> Option<GroupView> {
        self.replica.group(group)
    }

    pub(crate) fn preview(&self, request: &ChooseRequest<'_>) -> Choice {
        self.replica.preview(request)
    }

    /// Applies entries in order; keeps what the operations of the entry with the number `own` come to.
    pub(crate) fn apply(
        &mut self,
        entries: Vec<Read>,
        own: Option<u64>,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Behind> {
        for Read { id, number, operations } in entries {
            if number <= self.number {
                continue;
            }
            if number != self.number + 1 {
                return Err(Behind::Gap);
            }
            let operations = wire::decode("operations", &operations).map_err(Behind::Unreadable)?;
            let came_to = self.apply_next(number, id, operations);
            if own == Some(number) {
                *outcomes = came_to;
            }
        }
        Ok(())
    }

    /// Applies the operations of the next entry, whose number and id are given; what they come to.
    pub(crate) fn apply_next(&mut self, number: u64, id: String, operations: Vec<Timed>) -> Vec<Outcome> {
        let written = Timestamp::from_millis(millis_of(&id));
        (self.number, self.id) = (number, id);
        let replica = &mut self.replica;
        operations.into_iter().map(|Timed { at, op }| replica.apply(op, at.unwrap_or(written))).collect()
    }
}

/// When an entry was written, in milliseconds of Redis's clock: its id begins with that.
fn millis_of(id: &str) -> i64 {
    id.split_once('-').and_then(|(millis, _)| millis.parse().ok()).unwrap_or(0)
}
