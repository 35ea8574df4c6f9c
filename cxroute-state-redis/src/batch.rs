//! A batch of asks as entries of the log.

use std::sync::Arc;

use cxroute_core::time::Timestamp;

use crate::ask::Ask;
use crate::copy::Copy;
use crate::made::Made;
use crate::options::PlaneClock;
use crate::owed::Owed;
use crate::wire::{Entry, Operation};

/// So much of what is owed goes with one batch.
const MOST_OWED: usize = 256;

/// Entries of the log, and whose they are.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Vec<u8>>,
    /// For each entry the ask that it belongs to, by its place in the batch.
    pub(crate) owners: Vec<Option<usize>>,
}

impl Batch {
    /// What is asked.
    pub(crate) fn of(asks: &[Ask], copy: &Copy, made: &Made, clock: PlaneClock) -> Self {
        let mut batch = Self::default();
        let mut push = |op: Operation, at: Option<Timestamp>, owner: Option<usize>| {
            batch.entries.push(entry(op, at, clock));
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
                    push(asked.operation(), Some(asked.now), Some(index));
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
    pub(crate) fn owed(owed: &Owed, copy: &Copy, made: &Made, clock: PlaneClock) -> (Vec<Vec<u8>>, usize) {
        let (mut entries, mut count) = (Vec::new(), 0);
        for (op, at) in owed.oldest(MOST_OWED) {
            let adopted = made.adopted(op, &copy.epoch).map(Operation::Adopt);
            entries.extend(adopted.map(|adopted| entry(adopted, *at, clock)));
            entries.push(entry(op.clone(), *at, clock));
            count += 1;
        }
        (entries, count)
    }
}

fn entry(op: Operation, at: Option<Timestamp>, clock: PlaneClock) -> Vec<u8> {
    let at = at.filter(|_| clock == PlaneClock::Callers);
    Entry { at, op }.encode()
}
