//! A replica with its place in the log.

use std::ops::RangeInclusive;

use cxroute_core::id::GroupId;
use cxroute_core::strategy::{Choice, ChooseRequest, GroupView, PlaneImage};
use cxroute_core::time::Timestamp;

use crate::replica::{Outcome, Replica};
use crate::script::{Position, Read};
use crate::wire::{self, Entry, Unreadable};

/// A tenant's plane as far as this server has read the log.
#[derive(Clone)]
pub(crate) struct Copy {
    /// Of which epoch: entries of another one mean another plane.
    pub(crate) epoch: String,
    /// Number of the last entry that was applied.
    pub(crate) number: u64,
    /// Its id in the stream.
    pub(crate) id: String,
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
        let copy = Self { epoch, number: 0, id: "0-0".to_owned(), replica: Replica::restore(image) };
        (copy.state(), copy)
    }

    /// A state that was read.
    pub(crate) fn read(epoch: String, number: u64, id: String, state: &[u8]) -> Result<Self, Unreadable> {
        Ok(Self { epoch, number, id, replica: wire::decode("a plane's state", state)? })
    }

    /// The state as bytes.
    pub(crate) fn state(&self) -> Vec<u8> {
        wire::encode(&self.replica)
    }

    pub(crate) fn position(&self, deadline: i64) -> Position<'_> {
        Position { epoch: &self.epoch, id: &self.id, deadline }
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

    /// Applies entries in order; keeps what those with a number in `own` come to.
    pub(crate) fn apply(
        &mut self,
        entries: Vec<Read>,
        own: RangeInclusive<u64>,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Behind> {
        for read in entries {
            if read.number <= self.number {
                continue;
            }
            if read.number != self.number + 1 {
                return Err(Behind::Gap);
            }
            let Entry { at, op } = Entry::decode(&read.operation).map_err(Behind::Unreadable)?;
            let now = at.unwrap_or_else(|| Timestamp::from_millis(read.millis()));
            let outcome = self.replica.apply(op, now);
            if own.contains(&read.number) {
                outcomes.push(outcome);
            }
            (self.number, self.id) = (read.number, read.id);
        }
        Ok(())
    }
}
