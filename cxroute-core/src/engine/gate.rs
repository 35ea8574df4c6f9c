//! The gate: who may speak for a tenant. The one place where a webhook's authority is proven (FACTS §6).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;

use super::outage::Outage;
use super::snapshot::Snapshot;
use super::{Engine, EngineError};
use crate::authority::{IngestScope, Operator};
use crate::config::{CdrAuth, Domain};
use crate::id::TenantId;
use crate::secret::{Place, Verified};

/// One tenant's door: its compiled configuration, and the authority that is handed to who may enter.
pub struct Gate {
    scope: Arc<IngestScope>,
    snapshot: ArcSwap<Snapshot>,
    /// Held while the execution plane is restored for this tenant, so that it is read once.
    pub(super) restoring: tokio::sync::Mutex<()>,
    pub(super) outage: Outage,
    /// The store has not confirmed the snapshot: it is the spool's.
    unproven: AtomicBool,
    /// The spool's snapshot is older.
    unsaved: AtomicBool,
}

/// Where a snapshot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Store,
    /// What the store said in an earlier life of this server.
    Spool,
}

/// What a webhook presents.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The token of `Authorization: Bearer …`.
    pub bearer: Option<&'a str>,
    /// `X-CX-APIKey`.
    pub api_key: Option<&'a str>,
    /// `X-CX-Signature`.
    pub signature: Option<&'a str>,
    /// The raw body that was signed.
    pub body: &'a [u8],
}

/// Why a webhook was refused. Never says which of its credentials was nearly right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// It presented nothing.
    #[error("expected Authorization: Bearer or X-CX-APIKey, got neither")]
    NoCredential,
    /// Nothing that it presented is a key of this tenant.
    #[error("the credential is not one of this domain's")]
    WrongCredential,
    /// The signature is missing or wrong, and the tenant has a signature secret.
    #[error("expected X-CX-Signature over the body with this domain's secret")]
    WrongSignature,
}

/// The proof that a webhook may speak for its tenant; what every engine method asks for.
#[derive(Clone)]
pub struct Admitted {
    gate: Arc<Gate>,
}

/// Which kind of webhook knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knock {
    /// A voice request, dial result or session update.
    Call,
    /// A CDR, which came without a credential until 2025.
    Cdr,
}

impl Gate {
    pub(super) fn new(scope: IngestScope, snapshot: Snapshot, source: Source) -> Self {
        Self {
            scope: Arc::new(scope),
            snapshot: ArcSwap::from_pointee(snapshot),
            restoring: tokio::sync::Mutex::new(()),
            outage: Outage::default(),
            unproven: AtomicBool::new(source == Source::Spool),
            unsaved: AtomicBool::new(false),
        }
    }

    /// The tenant's configuration as it is routed by now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub(super) fn replace(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
    }

    /// Whether the store has said what the snapshot says.
    pub(super) fn is_proven(&self) -> bool {
        !self.unproven.load(Ordering::Relaxed)
    }

    /// The store says this.
    pub(super) fn prove(&self, snapshot: Snapshot) {
        self.replace(snapshot);
        self.unproven.store(false, Ordering::Relaxed);
    }

    /// The spool's snapshot is older from now on.
    pub(super) fn leaves_the_spool_behind(&self) {
        self.unsaved.store(true, Ordering::Relaxed);
    }

    /// Whether the spool's snapshot was older; from now on it is not.
    pub(super) fn catches_the_spool_up(&self) -> bool {
        self.unsaved.swap(false, Ordering::Relaxed)
    }

    pub(super) const fn scope(&self) -> &Arc<IngestScope> {
        &self.scope
    }

    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.scope.tenant()
    }
}

impl Admitted {
    /// The gate that it came through.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    pub(super) fn scope(&self) -> &Arc<IngestScope> {
        &self.gate.scope
    }

    /// The tenant.
    pub fn tenant(&self) -> TenantId {
        self.gate.tenant()
    }
}

impl Engine {
    /// The gate of a domain: loaded on the tenant's first call, or before it, then kept. `None` if there is no such tenant.
    ///
    /// Where the store is away, or slower than a call can wait ([`Engine::with_store_patience`]), it is made of the snapshot
    /// that the spool keeps: see [`Engine::unproven_gates`]. Without such a snapshot the store is waited for.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the tenant was never seen and the store is away.
    pub async fn gate(&self, domain: &Domain) -> Result<Option<Arc<Gate>>, EngineError> {
        let known = self.known_gates().get(domain).map(Arc::clone);
        match known {
            Some(gate) => Ok(Some(gate)),
            None => self.load_gate(domain).await,
        }
    }

    /// Lets a webhook in, if it presents a key of the gate's tenant, and the signature where one is required. One valid
    /// credential suffices (FACTS §6).
    ///
    /// # Errors
    /// [`Refused`] says what was expected.
    pub fn admit(
        &self,
        gate: &Arc<Gate>,
        knock: Knock,
        presented: &Credentials<'_>,
    ) -> Result<Admitted, Refused> {
        let snapshot = gate.snapshot();
        let tenant = snapshot.tenant();
        let Some(authenticator) = &self.parts.authenticator else { return Err(Refused::WrongCredential) };
        let keys = [presented.bearer, presented.api_key];
        let right = keys.into_iter().flatten().any(|key| {
            authenticator.check_key(tenant.id, key, &tenant.keys.webhook_keys) == Verified::Genuine
        });
        let bare = keys.iter().all(Option::is_none);
        let lenient = knock == Knock::Cdr && tenant.settings.cdr_auth == CdrAuth::Optional;
        match (right, bare) {
            (true, _) => {}
            (false, true) if lenient => return Ok(Admitted { gate: Arc::clone(gate) }),
            (false, true) => return Err(Refused::NoCredential),
            (false, false) => return Err(Refused::WrongCredential),
        }
        if let Some(sealed) = &tenant.keys.signature_secret {
            let row = tenant.id.to_string();
            let place = Place { tenant: tenant.id, table: "tenants", row: &row, field: "signature_secret" };
            let secret = self.parts.vault.open(place, sealed).map_err(|_| Refused::WrongSignature)?;
            let signature = presented.signature.ok_or(Refused::WrongSignature)?;
            if authenticator.check_signature(&secret, presented.body, signature) == Verified::Forged {
                return Err(Refused::WrongSignature);
            }
        }
        Ok(Admitted { gate: Arc::clone(gate) })
    }

    /// Lets in who has proven authority otherwise: a service that embeds the engine, the command line.
    pub fn admit_operator(&self, gate: &Arc<Gate>, _operator: &Operator) -> Admitted {
        Admitted { gate: Arc::clone(gate) }
    }
}
