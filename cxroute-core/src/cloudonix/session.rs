//! The session token: the name of a call, and where in a payload it is found (domain rules §1).

use std::borrow::Cow;

use super::fields::{Fields, trimmed};
use super::oddity::{Oddities, OddityKind};

/// Longest session token that is used, in bytes; the specification's column holds 255.
pub const LONGEST_TOKEN: usize = 255;

/// The token found so far, while the places are asked in order.
pub(super) struct Search<'a, 'o> {
    found: Option<Cow<'a, str>>,
    oddities: &'o mut Oddities,
}

impl<'a, 'o> Search<'a, 'o> {
    pub(super) fn new(oddities: &'o mut Oddities) -> Self {
        Self { found: None, oddities }
    }

    /// Asks a field of the payload.
    pub(super) fn field(self, fields: &Fields<'a>, name: &'static str) -> Self {
        let token = fields.text(name, self.oddities);
        self.candidate(name, token)
    }

    /// Offers the token of one place: the first usable one wins, another one that differs is noted.
    pub(super) fn candidate(mut self, place: &'static str, token: Option<Cow<'a, str>>) -> Self {
        let Some(token) = token.map(trimmed).filter(|token| !token.is_empty()) else { return self };
        if token.len() > LONGEST_TOKEN {
            self.oddities.note(OddityKind::TooLong, place, &token);
            return self;
        }
        match &self.found {
            None => self.found = Some(token),
            Some(found) if *found != token => self.oddities.note(OddityKind::SessionDiffers, place, &token),
            Some(_) => {}
        }
        self
    }

    /// The token, and a note if there is none.
    pub(super) fn finish(self) -> Option<Cow<'a, str>> {
        if self.found.is_none() {
            self.oddities.note(OddityKind::Missing, "Session", "");
        }
        self.found
    }
}
