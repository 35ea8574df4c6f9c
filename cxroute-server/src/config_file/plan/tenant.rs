//! The tenant itself, its keys, and secrets in general: compared by opening what is sealed, so that a secret that is
//! given again is no change.

use std::collections::HashSet;

use cxroute_core::config::GateKeys;
use cxroute_core::seal::WebhookKeyHash;
use cxroute_core::secret::{Place, SealError, Sealed, Vault as _};

use super::diff::Differences;
use super::{PlanError, Planner};
use crate::config_file::form::Form;
use crate::config_file::read::FormError;
use crate::config_file::value::{Given, Secret};

impl Planner<'_> {
    pub(super) fn tenant(&mut self, form: &Form) -> Result<(), PlanError> {
        let old = &self.current.tenant;
        let mut new = old.clone();
        let mut differences = Differences::default();
        new.name.clone_from(&form.tenant.name);
        differences.field("name", &old.name, &new.name);
        if let Some(settings) = &form.tenant.settings {
            new.settings.clone_from(settings);
            differences.block("settings", &old.settings, &new.settings);
        }
        new.keys.webhook_keys = self.webhook_keys(form, &mut differences)?;
        let row = old.id.to_string();
        let place = GateKeys::signature_place(old.id, &row);
        let stored = old.keys.signature_secret.as_ref();
        new.keys.signature_secret =
            self.secret(place, stored, form.signature_secret.as_ref(), &mut differences)?;
        let what = format!("tenant {:?}", new.name);
        self.edits.tenant = self.note(&what, differences);
        self.configuration.tenant = new;
        Ok(())
    }

    fn webhook_keys(
        &self,
        form: &Form,
        differences: &mut Differences,
    ) -> Result<Vec<WebhookKeyHash>, FormError> {
        let stored = &self.current.tenant.keys.webhook_keys;
        let wanted: Vec<&Secret> = match (&form.webhook_key, &form.webhook_keys) {
            (Given::Absent, Given::Absent) => return Ok(stored.clone()),
            (Given::Null, _) | (_, Given::Null) => Vec::new(),
            (Given::Value(key), _) => vec![key],
            (_, Given::Value(keys)) => keys.iter().collect(),
        };
        if wanted.iter().map(|key| key.expose()).collect::<HashSet<_>>().len() < wanted.len() {
            return Err(FormError::new(None, "webhook_keys: one key is there twice"));
        }
        let tenant = self.current.tenant.id;
        let hasher = self.keyring.webhook_keys();
        let hashes: Vec<_> = wanted.iter().map(|key| hasher.hash(tenant, key.expose().as_bytes())).collect();
        if hashes.len() == stored.len() && hashes.iter().all(|hash| stored.contains(hash)) {
            return Ok(stored.clone());
        }
        differences.say(format!("webhook keys changed ({} → {})", stored.len(), hashes.len()));
        Ok(hashes)
    }

    /// What a secret is sealed as afterwards.
    pub(super) fn secret(
        &self,
        place: Place<'_>,
        stored: Option<&Sealed>,
        given: Given<&Secret>,
        differences: &mut Differences,
    ) -> Result<Option<Sealed>, SealError> {
        let secret = match (given, stored) {
            (Given::Absent, stored) => return Ok(stored.cloned()),
            (Given::Null, None) => return Ok(None),
            (Given::Null, Some(_)) => {
                differences.say(format!("{} cleared", place.field));
                return Ok(None);
            }
            (Given::Value(secret), _) => secret,
        };
        // What does not open any more is replaced: giving a secret anew is how a lost master key is mended.
        let same = |sealed: &&Sealed| {
            self.keyring.open(place, sealed).is_ok_and(|known| known.expose() == secret.expose())
        };
        let done = match stored {
            None => "set",
            Some(sealed) if !same(&sealed) => "changed",
            Some(sealed) if !self.keyring.is_current(sealed) => "sealed with the current master key",
            Some(sealed) => return Ok(Some(sealed.clone())),
        };
        differences.say(format!("{} {done}", place.field));
        self.keyring.seal(place, secret.expose().as_bytes()).map(Some)
    }
}
