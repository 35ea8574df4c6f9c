//! Where a tenant's webhooks go, and the key that they carry.

pub(crate) const DOMAIN: &str = "t.cloudonix.net";
pub(crate) const KEY: &str = "the-key";
pub(crate) const VOICE: &str = "/api/voice/application/t.cloudonix.net";
pub(crate) const DIAL: &str = "/api/voice/dial/t.cloudonix.net";
pub(crate) const UPDATE: &str = "/api/voice/session/update/t.cloudonix.net";
pub(crate) const CDR: &str = "/api/voice/session/cdr/t.cloudonix.net";
