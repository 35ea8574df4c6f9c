//! What was kept, compared with what calls saw: every acknowledged webhook has its receipt, every call its record, every
//! dial its attempt, once each.

use std::collections::BTreeMap;

use sqlx::MySqlConnection;

use crate::load::{DOMAINS, Seen, Told};
use crate::records::{Kept, assert_listed, listed};
use crate::simulation::{Line, dials};
use crate::world::World;

/// How many signals of each session have a receipt: those that calls wait for, and the others.
type Receipts = BTreeMap<String, [u64; 2]>;

const RECEIPTS: &str = "SELECT CAST(r.session_token AS CHAR), r.kind IN ('voice_request', 'dial_result'), COUNT(*) \
    FROM receipts r JOIN tenants t ON t.id = r.tenant_id WHERE t.domain = ? GROUP BY 1, 2";

const DEGRADED: &str = "SELECT COUNT(*) FROM webhook_audit w JOIN call_records c ON c.tenant_id = w.tenant_id \
    AND c.id = w.call_id WHERE w.trace LIKE '%\"degraded\"%' AND c.received_at >= ?";

/// Whether everything that was answered had to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Durable,
    /// Neither store nor spool could take all of them.
    PerhapsNot,
}

impl World {
    /// Compares all that was kept with all that was seen. Calls of which not every answer could be made durable are
    /// compared by what was acknowledged of them.
    pub(crate) async fn check_kept(
        &mut self,
        seen: &[&Seen],
        answers: Answers,
    ) -> Vec<BTreeMap<String, u64>> {
        let mut connection = self.mysql.connect().await;
        let (mut counts, mut sums) = (Vec::new(), Sums::default());
        for (at, domain) in DOMAINS.into_iter().enumerate() {
            let receipts = receipts(&mut connection, domain).await;
            let (mut whole, mut all): (Vec<&Line>, Vec<&Line>) = (Vec::new(), Vec::new());
            for calls in seen.iter().map(|seen| &seen.calls[at]) {
                for (line, told) in calls.lines.iter().zip(&calls.told) {
                    all.push(line);
                    if sums.add(told, receipts.get(&told.session_token).copied().unwrap_or_default()) {
                        whole.push(line);
                    }
                }
            }
            counts.push(self.check_calls(domain, &all, &whole).await);
        }
        println!("{sums:?}");
        let Sums { lost, doubled, not_durable, .. } = sums;
        self.note((lost > 0).then(|| format!("{lost} acknowledged webhooks are lost")));
        self.note((doubled > 0).then(|| format!("{doubled} webhooks were taken more than once")));
        let is_fault = not_durable > 0 && answers == Answers::Durable;
        self.note(is_fault.then(|| format!("{not_durable} answers were not durable")));
        counts
    }

    /// A tenant's records are those of the calls that were played; how often each agent was decided for.
    async fn check_calls(&mut self, domain: &str, all: &[&Line], whole: &[&Line]) -> BTreeMap<String, u64> {
        let (records, kept) = (listed(self.path(), domain), Kept::read(self.path(), domain).await);
        self.attempt(&format!("{domain}: records and calls"), || {
            assert_eq!((records.len(), kept.calls.len()), (all.len(), all.len()));
        });
        self.attempt(&format!("{domain}: final states"), || assert_listed(&records, all.iter().copied()));
        self.attempt(&format!("{domain}: attempts"), || kept.assert_agrees(whole.iter().copied()));
        if all.len() == whole.len() {
            self.attempt(&format!("{domain}: attempts and dials"), || {
                assert_eq!(kept.counts(), dials(all.iter().copied()));
            });
        }
        kept.counts()
    }

    /// Tries what asserts something, and notes that it failed.
    pub(crate) fn attempt(&mut self, what: &str, assert: impl FnOnce()) {
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(assert));
        self.note(tried.is_err().then(|| format!("{what} (see above)")));
    }

    /// How many decisions of calls from this moment on, in milliseconds since the epoch, a server made by itself.
    pub(crate) async fn degraded_since(&self, millis: i64) -> i64 {
        let mut connection = self.mysql.connect().await;
        sqlx::query_scalar(DEGRADED).bind(millis).fetch_one(&mut connection).await.unwrap()
    }
}

/// What was acknowledged, and kept of it.
#[derive(Debug, Default)]
struct Sums {
    acknowledged: u64,
    lost: u64,
    doubled: u64,
    /// Answers to calls of which neither store nor spool kept anything.
    not_durable: u64,
}

impl Sums {
    /// Adds a call, of which so many receipts are kept; whether all of it is durable and was answered in one way.
    fn add(&mut self, told: &Told, kept: [u64; 2]) -> bool {
        let sent = taken(told);
        self.acknowledged += sent[0] + sent[1];
        self.lost += sent[1].saturating_sub(kept[1]);
        self.not_durable += sent[0].saturating_sub(kept[0]);
        self.doubled += kept[0].saturating_sub(sent[0]) + kept[1].saturating_sub(sent[1]);
        // Of two different answers to one webhook the platform followed one.
        sent[0] == kept[0] && told.violations.iter().all(|violation| violation.kind != "copies_differ")
    }
}

async fn receipts(connection: &mut MySqlConnection, domain: &str) -> Receipts {
    let rows: Vec<(String, i64, i64)> =
        sqlx::query_as(RECEIPTS).bind(domain).fetch_all(connection).await.unwrap();
    let mut receipts = Receipts::new();
    for (token, asks, count) in rows {
        receipts.entry(token).or_default()[usize::from(asks == 0)] = count.unsigned_abs();
    }
    receipts
}

/// How many webhooks of a call were taken, copies not counted: those that calls wait for, and the others.
fn taken(told: &Told) -> [u64; 2] {
    let mut counts = [0; 2];
    for hook in told.webhooks.iter().filter(|hook| hook.copy.is_none() && hook.status == Some(200)) {
        counts[usize::from(!hook.asks())] += 1;
    }
    counts
}
