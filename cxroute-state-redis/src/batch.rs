//! A batch of asks as an entry of the log.

use std::sync::Arc;

use cxroute_core::time::Timestamp;

use crate::ask::Ask;
use crate::copy::Copy;
use crate::made::Made;
use crate::options::PlaneClock;
use crate::owed::Owed;
use crate::wire::{Operation, Timed};

/// So much of what is owed goes with one batch.
const MOST_OWED: usize = 256;

/// Operations of one entry, and whose they are.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) operations: Vec<Timed>,
    /// For each operation the ask that it belongs to, by its place in the batch.
    pub(crate) owners: Vec<Option<usize>>,
}

impl Batch {
    /// What is asked.
    pub(crate) fn of(asks: &[Ask], copy: &Copy, made: &Made, clock: PlaneClock) -> Self {
        let mut batch = Self::default();
        batch.operations.reserve(asks.len());
        batch.owners.reserve(asks.len());
        let mut push = |op: Operation, at: Option<Timestamp>, owner: Option<usize>| {
            batch.operations.push(timed(op, at, clock));
            batch.owners.push(owner);
        };
        let mut told: Vec<u64> = Vec::new();
        for (index, ask) in asks.iter().enumerate() {
            match ask {
                Ask::Choose(asked, _) => {
                    for roster in &asked.stages {
                        let name = roster.fingerprint;
                        if !copy.knows(name) && !told.contains(&name) {
                            told.push(name);
                            push(Operation::Know(Arc::clone(roster)), None, None);
                        }
                    }
                    push(Operation::Choose(Arc::clone(&asked.choose)), Some(asked.now), Some(index));
                }
                Ask::Settle(token, settle, now, _) => {
                    let op = Operation::Settle { token: token.clone(), settle: *settle };
                    push(op, Some(*now), Some(index));
                }
                Ask::Tell(op, now, _) => {
                    if let Some(adopted) = made.adopted(op, &copy.epoch) {
                        push(Operation::Adopt(adopted), *now, None);
                    }
                    push(op.clone(), *now, Some(index));
                }
                Ask::Preview(..) | Ask::Restore(..) => {}
            }
        }
        batch
    }

    /// The oldest of what is owed, and how much of it that is.
    pub(crate) fn owed(owed: &Owed, copy: &Copy, made: &Made, clock: PlaneClock) -> (Vec<Timed>, usize) {
        let (mut operations, mut count) = (Vec::new(), 0);
        for (op, at) in owed.oldest(MOST_OWED) {
            let adopted = made.adopted(op, &copy.epoch).map(Operation::Adopt);
            operations.extend(adopted.map(|adopted| timed(adopted, *at, clock)));
            operations.push(timed(op.clone(), *at, clock));
            count += 1;
        }
        (operations, count)
    }
}

fn timed(op: Operation, at: Option<Timestamp>, clock: PlaneClock) -> Timed {
    let at = at.filter(|_| clock == PlaneClock::Callers);
    Timed { at, op }
}
