//! What applying a form comes to: the configuration afterwards, and the changes in words. Pure: the same function plans
//! a dry run, an apply, and the draft that `explain` tries out.
//!
//! Entries keep their ids wherever they can be recognised: pools, agents and groups by name, members by agent, inbound
//! rules by pattern and priority, then by pattern, outbound rules by their two patterns. What else differs is an
//! update. Nothing here is slower than n log n in the length of the file.

mod agents;
mod diff;
mod groups;
mod ids;
mod named;
mod rules;
mod shadows;
mod tenant;
mod uses;

use cxroute_core::config::{ConfigError, Configuration};
use cxroute_core::id::{AgentId, GroupId, PoolId, RuleId};
use cxroute_core::seal::Keyring;
use cxroute_core::secret::SealError;

pub use ids::Ids;

use super::form::Form;
use super::read::FormError;

/// What applying a form comes to.
#[derive(Debug)]
pub struct Plan {
    /// What changes, one line each, without secrets; empty if nothing does.
    pub changes: Vec<String>,
    /// What is taken, but deserves a look; see [`Plan::all_warnings`].
    warnings: Vec<String>,
    /// The configuration afterwards; its revision is still the present one.
    pub configuration: Configuration,
    /// How many ids were taken for new entries.
    pub(super) minted: usize,
    pub(super) edits: Edits,
}

/// Which aggregates of the planned configuration are to be saved, and which of the present one deleted.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// Whether the tenant itself is to be saved.
    pub(super) tenant: Saved,
    pub(super) pools: Edit<PoolId>,
    pub(super) agents: Edit<AgentId>,
    pub(super) groups: Edit<GroupId>,
    pub(super) inbound: Edit<RuleId>,
    pub(super) outbound: Edit<RuleId>,
}

/// Whether something is to be saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Saved {
    #[default]
    No,
    Yes,
}

/// Changes of one kind of aggregate.
#[derive(Debug)]
pub(super) struct Edit<Id> {
    pub(super) save: Vec<Id>,
    pub(super) delete: Vec<Id>,
}

impl<Id> Edit<Id> {
    const fn is_empty(&self) -> bool {
        self.save.is_empty() && self.delete.is_empty()
    }
}

impl<Id> Default for Edit<Id> {
    fn default() -> Self {
        Self { save: Vec::new(), delete: Vec::new() }
    }
}

/// Why a form cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Something in the file is to be mended.
    #[error(transparent)]
    Form(#[from] FormError),
    /// The configuration as a whole would not be valid.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
    /// A secret cannot be sealed.
    #[error("a secret cannot be sealed")]
    Seal(#[from] SealError),
}

impl Plan {
    /// Plans what changes `current` into what `form` says. New entries get their ids from `ids`.
    ///
    /// # Errors
    /// [`PlanError`] says what to mend, with the line where one is to blame.
    pub fn new(form: &Form, current: &Configuration, keyring: &Keyring, ids: Ids) -> Result<Self, PlanError> {
        let mut planner = Planner::new(current, keyring, ids);
        planner.tenant(form)?;
        planner.pools(form.pools.as_deref())?;
        planner.agents(form.agents.as_deref())?;
        planner.groups(form.groups.as_deref())?;
        planner.inbound_rules(form.inbound_rules.as_deref())?;
        planner.outbound_rules(form.outbound_rules.as_deref())?;
        uses::check(current, &planner.configuration)?;
        planner.configuration.check().map_err(|error| blame(form, &planner, error))?;
        let Planner { configuration, changes, warnings, edits, ids, .. } = planner;
        Ok(Self { changes, warnings, configuration, minted: ids.taken(), edits })
    }

    /// All warnings, those about rules that can never win included: they are looked for if rules change, and here
    /// only, since it means building the tables.
    pub fn all_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if !(self.edits.inbound.is_empty() && self.edits.outbound.is_empty()) {
            warnings.extend(shadows::warnings(&self.configuration));
        }
        warnings
    }
}

/// The state of planning: the configuration as planned so far, and what led to it.
struct Planner<'a> {
    current: &'a Configuration,
    keyring: &'a Keyring,
    ids: Ids,
    configuration: Configuration,
    changes: Vec<String>,
    warnings: Vec<String>,
    edits: Edits,
    /// Lines of planned outbound rules, for errors that are only found later.
    outbound_lines: Vec<(RuleId, Option<u64>)>,
}

impl<'a> Planner<'a> {
    fn new(current: &'a Configuration, keyring: &'a Keyring, ids: Ids) -> Self {
        Self {
            current,
            keyring,
            ids,
            configuration: current.clone(),
            changes: Vec::new(),
            warnings: Vec::new(),
            edits: Edits::default(),
            outbound_lines: Vec::new(),
        }
    }

    /// Notes a line unless nothing differs; whether something did.
    fn note(&mut self, what: &str, differences: diff::Differences) -> Saved {
        match differences.into_text() {
            None => Saved::No,
            Some(text) => {
                self.changes.push(format!("{what}: {text}"));
                Saved::Yes
            }
        }
    }
}

/// Finds the line that an error of the whole configuration is about.
fn blame(form: &Form, planner: &Planner<'_>, error: ConfigError) -> PlanError {
    match error {
        ConfigError::TrunkConfig { rule, key, expected, got } => {
            let line = planner.outbound_lines.iter().find(|(id, _)| *id == rule).and_then(|(_, line)| *line);
            let message = format!("outbound_rules: trunk_config.{key}: expected {expected}, got {got}");
            FormError::new(line, message).into()
        }
        ConfigError::GroupSettings { ref group, .. }
        | ConfigError::FallbackCircle { ref group }
        | ConfigError::FallbackTooLong { ref group } => {
            let line = form.groups.iter().flatten().find(|at| at.name == *group).and_then(|at| at.line);
            FormError::new(line, error.to_string()).into()
        }
        other => other.into(),
    }
}
