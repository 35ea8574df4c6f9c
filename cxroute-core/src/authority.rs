//! Authority as types: what a principal may do is the type of the scope in its hand.
//!
//! No port method takes a tenant's id. A scope names the tenant, cannot be cloned, read from data or made up: it is
//! minted from an [`Operator`], and an operator is assumed only where authority was proven (a credential was checked,
//! the command line of the machine was reached, a service embeds the engine). Background jobs use the operator too.
//!
//! | scope | may |
//! |---|---|
//! | [`ReadScope`] | read one tenant |
//! | [`IngestScope`] | take one tenant's calls (what a webhook's credential gives); never configuration |
//! | [`ConfigScope`] | read and change one tenant's configuration |
//! | [`Operator`] | list and create tenants, mint scopes |
//!
//! A reading scope opens no transaction:
//! ```compile_fail
//! # async fn f(store: &dyn cxroute_core::port::Store, scope: &cxroute_core::authority::ReadScope) {
//! store.begin(scope).await;
//! # }
//! ```
//! A webhook's scope does not become a configuration scope, and no scope is cloned or built by hand:
//! ```compile_fail
//! fn f(scope: cxroute_core::authority::IngestScope) -> cxroute_core::authority::ConfigScope { scope }
//! ```
//! ```compile_fail
//! fn f(scope: &cxroute_core::authority::IngestScope) -> cxroute_core::authority::IngestScope { scope.clone() }
//! ```
//! ```compile_fail
//! let scope = cxroute_core::authority::ReadScope { tenant: cxroute_core::id::TenantId::new(1) };
//! ```

use crate::id::TenantId;

/// Authority over all tenants: the command line, background jobs, the place that checks credentials.
#[derive(Debug)]
pub struct Operator {
    _private: (),
}

impl Operator {
    /// Assumes the operator's authority. Call it in the one place where that authority was proven; the workspace's
    /// clippy configuration forbids it elsewhere.
    pub const fn assume() -> Self {
        Self { _private: () }
    }

    /// The same authority for another part of this crate that was handed it.
    pub(crate) const fn again(&self) -> Self {
        Self { _private: () }
    }

    /// May read `tenant`.
    pub const fn read(&self, tenant: TenantId) -> ReadScope {
        ReadScope { tenant }
    }

    /// May take calls for `tenant`.
    pub const fn ingest(&self, tenant: TenantId) -> IngestScope {
        IngestScope { read: ReadScope { tenant } }
    }

    /// May change `tenant`'s configuration.
    pub const fn config(&self, tenant: TenantId) -> ConfigScope {
        ConfigScope { read: ReadScope { tenant } }
    }
}

/// May read one tenant.
#[derive(Debug)]
pub struct ReadScope {
    tenant: TenantId,
}

impl ReadScope {
    /// The tenant.
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }
}

/// May take one tenant's calls; shared between webhooks as an `Arc`.
#[derive(Debug)]
pub struct IngestScope {
    read: ReadScope,
}

impl IngestScope {
    /// The tenant.
    pub const fn tenant(&self) -> TenantId {
        self.read.tenant
    }

    /// The reading that taking calls needs.
    pub const fn read(&self) -> &ReadScope {
        &self.read
    }
}

/// May read and change one tenant's configuration.
#[derive(Debug)]
pub struct ConfigScope {
    read: ReadScope,
}

impl ConfigScope {
    /// The tenant.
    pub const fn tenant(&self) -> TenantId {
        self.read.tenant
    }

    /// The reading that configuring needs.
    pub const fn read(&self) -> &ReadScope {
        &self.read
    }
}
