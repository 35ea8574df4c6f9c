//! The end of a call: the last updates, the CDR, and the status that a record of the call must then have.

use http::Method;

use super::{Call, Cdr, Phase, Step};
use crate::simulate::outcome::Outcome;
use crate::simulate::payload;
use crate::simulate::webhook::{Kind, Origin, Webhook};

/// FACTS §4: at least ten updates per call. The last one is the tenth.
const UPDATES_BEFORE_THE_LAST: u32 = 9;

impl Call {
    /// The call ends where it is: updates, CDR, over.
    pub(super) fn end(&mut self) {
        if self.phase == Phase::Over {
            return;
        }
        while self.updates < UPDATES_BEFORE_THE_LAST {
            // Neither says anything: "answer" is what the platform is known to send at teardown.
            let status = if self.times.answered.is_some() { "answer" } else { "processing" };
            self.update(status, None);
        }
        self.times.ended.get_or_insert(self.times.now);
        let status = self.conclusion().update_status(&mut self.shape);
        self.update(status, Some("end"));
        self.push_cdr();
        self.phase = Phase::Over;
    }

    /// The platform has no CXML to go on with.
    pub(super) fn give_up(&mut self) {
        self.verbs.clear();
        self.end();
    }

    pub(super) fn reject(&mut self, reason: &str) {
        self.rejected = Some(if reason == "busy" { Outcome::Busy } else { Outcome::Failed });
        self.end();
    }

    /// Sends the CDR once, and settles what the record must say.
    pub(super) fn push_cdr(&mut self) {
        if std::mem::replace(&mut self.cdr, Cdr::Sent) == Cdr::Sent {
            return;
        }
        self.times.ended.get_or_insert(self.times.now);
        let conclusion = self.conclusion();
        let disposition = conclusion.disposition(&mut self.shape);
        self.ledger.disposition = disposition;
        self.ledger.status = match conclusion {
            // Answered by nobody but an announcement: the call has not got through.
            Outcome::Completed if !self.ledger.reached() => "failed",
            other => other.call_status(),
        };
        let cdr =
            payload::Cdr { call: &self.identity, times: self.times, disposition, application: &self.fetched };
        let body = cdr.json(&mut self.shape);
        let target = self.script.base.path(&format!("/api/voice/session/cdr/{}", self.script.domain));
        self.queue.push_back(Step::Tell(Webhook {
            kind: Kind::Cdr,
            what: disposition,
            method: Method::POST,
            target,
            body,
            stage: None,
            event_id: None,
            origin: Origin::Configured,
        }));
    }

    /// How the call ended, as the platform judges: answered by anybody, else as it was rejected, else as its last
    /// dial ended, else failed.
    fn conclusion(&self) -> Outcome {
        if self.times.answered.is_some() {
            return Outcome::Completed;
        }
        self.rejected.or(self.ledger.last_outcome()).unwrap_or(Outcome::Failed)
    }
}
