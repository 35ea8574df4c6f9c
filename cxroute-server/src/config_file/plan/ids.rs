//! Where the ids of new entries come from.

use cxroute_core::config::Configuration;

use crate::config_file::read::FormError;

/// Ids for new entries, in the order in which the form names them.
#[derive(Debug)]
pub struct Ids {
    source: Source,
    taken: usize,
}

#[derive(Debug)]
enum Source {
    Provisional(u64),
    Minted(std::vec::IntoIter<u64>),
}

impl Ids {
    /// Ids that nobody has, for a plan that is only looked at: those after the greatest that is in use.
    pub fn provisional(current: &Configuration) -> Self {
        let members = current.groups.iter().flat_map(|group| &group.members).map(|member| member.id.get());
        let greatest = (current.pools.iter().map(|pool| pool.id.get()))
            .chain(current.agents.iter().map(|agent| agent.id.get()))
            .chain(current.groups.iter().map(|group| group.id.get()))
            .chain(current.inbound_rules.iter().map(|rule| rule.id.get()))
            .chain(current.outbound_rules.iter().map(|rule| rule.id.get()))
            .chain(members)
            .max();
        Self { source: Source::Provisional(greatest.unwrap_or(0) + 1), taken: 0 }
    }

    /// Ids that a store has minted.
    pub fn minted(ids: Vec<u64>) -> Self {
        Self { source: Source::Minted(ids.into_iter()), taken: 0 }
    }

    /// The next one.
    pub(super) fn next(&mut self) -> Result<u64, FormError> {
        self.taken += 1;
        match &mut self.source {
            Source::Provisional(next) => {
                *next += 1;
                Ok(*next - 1)
            }
            Source::Minted(ids) => ids.next().ok_or_else(|| {
                FormError::new(None, "the configuration changed while it was planned; try again")
            }),
        }
    }

    /// How many were taken.
    pub(super) const fn taken(&self) -> usize {
        self.taken
    }
}
