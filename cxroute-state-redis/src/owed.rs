//! What a plane that was away is still to be told, in order.
//!
//! Each of it is harmless when it is late or told twice: a choice that became durable counts once, an end ends once. So a
//! plane that was away and lost nothing is told, and goes on; it need not be built anew.

use std::collections::VecDeque;

use cxroute_core::time::Timestamp;

use crate::wire::Operation;

/// So much is kept; beyond, the plane is to be built anew from the store, which knows it all.
const MOST: usize = 16_384;

/// Operations that nobody waits for any more.
#[derive(Default)]
pub(crate) struct Owed {
    operations: VecDeque<(Operation, Option<Timestamp>)>,
}

/// Whether there was room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Room {
    Enough,
    /// It was too much, and has been thrown away.
    None,
}

impl Owed {
    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub(crate) fn add(&mut self, operation: Operation, at: Option<Timestamp>) -> Room {
        if self.operations.len() >= MOST {
            self.operations.clear();
            return Room::None;
        }
        self.operations.push_back((operation, at));
        Room::Enough
    }

    /// The oldest, at most so many.
    pub(crate) fn oldest(&self, most: usize) -> impl Iterator<Item = &(Operation, Option<Timestamp>)> {
        self.operations.iter().take(most)
    }

    /// The oldest `count` have been told.
    pub(crate) fn told(&mut self, count: usize) {
        self.operations.drain(..count.min(self.operations.len()));
    }
}

#[cfg(test)]
mod tests {
    use cxroute_core::call::SessionToken;

    use super::*;

    fn end(number: usize) -> Operation {
        Operation::End { token: SessionToken::new(&number.to_string()).unwrap() }
    }

    fn numbers(owed: &Owed, most: usize) -> Vec<String> {
        let token = |(operation, _): &(Operation, _)| match operation {
            Operation::End { token } => token.as_str().to_owned(),
            other => format!("{other:?}"),
        };
        owed.oldest(most).map(token).collect()
    }

    #[test]
    fn what_is_owed_is_told_in_order_and_once() {
        let mut owed = Owed::default();
        for number in 0..5 {
            assert_eq!(owed.add(end(number), None), Room::Enough);
        }
        assert_eq!(numbers(&owed, 3), ["0", "1", "2"]);
        assert_eq!(numbers(&owed, 3), ["0", "1", "2"], "until it is known to have been told");
        owed.told(3);
        assert_eq!(numbers(&owed, 3), ["3", "4"]);
        owed.told(2);
        assert!(owed.is_empty());
    }

    #[test]
    fn more_than_can_be_kept_is_thrown_away_and_said() {
        let mut owed = Owed::default();
        let full = (0..MOST).all(|number| owed.add(end(number), None) == Room::Enough);
        assert!(full);
        assert_eq!(owed.add(end(MOST), None), Room::None);
        assert!(owed.is_empty());
    }
}
