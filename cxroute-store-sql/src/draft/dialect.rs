//! The statements that write a draft, in one database's dialect.

/// Static statements. Unless their comment says otherwise, each takes one JSON array of rows: objects with `tenant`, `at`
/// (milliseconds since 1970) and the keys named here. What is saved replaces what has its id, deleted or not.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// Marks pools, agents and groups as deleted, and disables inbound and outbound rules, so that what changes is out of
    /// the unique indexes while it is being written. Each takes the time, then an array of `[tenant, id]`.
    pub retire: [&'static str; 5],
    /// Deletes memberships (`[tenant, group, id]`), inbound and outbound rules (`[tenant, id]`).
    pub delete: [&'static str; 3],
    /// `id`, `name`, `most`.
    pub save_pools: &'static str,
    /// `id`, `name`, `provider`, `service_value`, `username`, `password` (these three hexadecimal), `enabled`, `most`,
    /// `pool`, `metadata`.
    pub save_agents: &'static str,
    /// `id`, `name`, `strategy`, `settings`.
    pub save_groups: &'static str,
    /// `group`, `id`, `agent`, `priority`, `capacity`, `enabled`, `most`.
    pub save_members: &'static str,
    /// `id`, `pattern`, `canonical`, `agent`, `group`, `priority`, `enabled`.
    pub save_inbound: &'static str,
    /// `id`, `caller`, `caller_canonical`, `destination`, `destination_canonical`, `trunks`, `enabled`.
    pub save_outbound: &'static str,
    /// Takes name, settings, webhook keys, signature secret, time, tenant.
    pub save_tenant: &'static str,
    /// `revision`, `kind`, `id`, `action`, `document`.
    pub audit: &'static str,
    /// The log of changes: `[tenant, revision, position, change]`.
    pub log: &'static str,
    /// Forgets the log up to a revision; takes tenant and revision.
    pub forget: &'static str,
    /// Takes the new revision, the last id given, the revision after which the log is whole, tenant.
    pub raise: &'static str,
    /// Takes the last id given, tenant.
    pub keep_last_id: &'static str,
}
