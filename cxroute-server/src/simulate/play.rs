//! Plays one call against the server: takes the steps of the state machine, sends them, some of them twice, some of
//! them late, and hands the answers back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::{Call, DELIVERY, Ledger, Page, Step};
use super::client::{Client, Delivery};
use super::judge::{self, Order};
use super::options::Speed;
use super::payload::Identity;
use super::random::Random;
use super::script::Script;
use super::share::Share;
use super::violation::Violation;
use super::webhook::{Kind, SessionHeaders, Webhook};

/// What the calls of a run share.
pub(super) struct Trial {
    pub(super) client: Client,
    pub(super) script: Arc<Script>,
    pub(super) speed: Speed,
    pub(super) duplicates: Share,
    pub(super) reorder: Share,
    pub(super) deadline: Duration,
    pub(super) begun: Instant,
}

/// A call that has been played.
pub(super) struct Played {
    pub(super) number: u64,
    pub(super) identity: Identity,
    pub(super) ledger: Ledger,
    pub(super) sent: Vec<Sent>,
    /// The CXML that was received, in order, as it came.
    pub(super) pages: Vec<String>,
    pub(super) violations: Vec<Violation>,
    pub(super) oddities: Vec<String>,
    /// How late it began by its schedule.
    pub(super) lag: Duration,
}

/// One webhook as it was sent.
pub(super) struct Sent {
    pub(super) webhook: Webhook,
    pub(super) delivery: Delivery,
    pub(super) copy: Copied,
}

/// Which copy of a webhook it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copied {
    /// The first, or the only one.
    Original,
    /// Sent together with the original.
    Together,
    /// Sent at once after the original's answer.
    After,
    /// Sent when the call was over.
    Late,
}

/// Plays the call with this number, which was to begin at `due`.
pub(super) async fn play(trial: Arc<Trial>, number: u64, due: Instant, started: i64) -> Played {
    let call = Call::new(trial.script.clone(), number, started);
    let mut random = Random::stream(trial.script.seed, number, DELIVERY);
    let headers = SessionHeaders::new(call.identity(), &mut random);
    let lag = due.elapsed();
    let mut player =
        Player { trial: &trial, headers, random, held: Vec::new(), late: Vec::new(), out: Out::default() };
    let call = player.run(call).await;
    let out = player.out;
    let identity = call.identity().clone();
    let mut ledger = call.into_ledger();
    let mut violations = std::mem::take(&mut ledger.faults);
    violations.extend(out.violations);
    Played {
        number,
        identity,
        ledger,
        sent: out.sent,
        pages: out.pages,
        violations,
        oddities: out.oddities,
        lag,
    }
}

#[derive(Default)]
struct Out {
    sent: Vec<Sent>,
    pages: Vec<String>,
    violations: Vec<Violation>,
    oddities: Vec<String>,
}

struct Player<'t> {
    trial: &'t Trial,
    headers: SessionHeaders,
    random: Random,
    /// Updates that come late, and after how many other webhooks.
    held: Vec<(u64, Webhook)>,
    /// Copies that come when the call is over, with what the original got.
    late: Vec<(Webhook, Delivery)>,
    out: Out,
}

impl Player<'_> {
    async fn run(&mut self, mut call: Call) -> Call {
        while let Some(step) = call.next() {
            match step {
                Step::Pass(span) => {
                    if let Some(wait) = self.trial.speed.clock_time(span) {
                        tokio::time::sleep(wait).await;
                    }
                    continue;
                }
                Step::Tell(webhook) => {
                    if webhook.kind == Kind::Update && self.random.chance(self.trial.reorder) {
                        let behind = self.random.between(1, 4);
                        self.held.push((behind, webhook));
                        continue;
                    }
                    self.send(webhook).await;
                }
                Step::Ask(webhook) => {
                    let page = self.send(webhook).await;
                    call.answered(page);
                }
            }
            self.release(1).await;
        }
        self.release(u64::MAX).await;
        for (webhook, original) in std::mem::take(&mut self.late) {
            self.copy(webhook, &original, Copied::Late).await;
        }
        call
    }

    /// Sends the held updates whose turn has come after `sent` more webhooks.
    async fn release(&mut self, sent: u64) {
        let (due, held) = std::mem::take(&mut self.held).into_iter().partition(|(behind, _)| *behind <= sent);
        self.held = held;
        for (behind, _) in &mut self.held {
            *behind -= sent;
        }
        let due: Vec<(u64, Webhook)> = due;
        for (_, webhook) in due {
            self.send(webhook).await;
        }
    }

    /// Sends a webhook, perhaps twice; the CXML of its answer.
    async fn send(&mut self, webhook: Webhook) -> Option<Page> {
        if !self.random.chance(self.trial.duplicates) {
            return self.original(webhook).await.0;
        }
        match self.random.below(4) {
            0 | 1 => self.together(webhook).await,
            2 => {
                let (page, delivery) = self.original(webhook.clone()).await;
                self.copy(webhook, &delivery, Copied::After).await;
                page
            }
            _ => {
                let (page, delivery) = self.original(webhook.clone()).await;
                self.late.push((webhook, delivery));
                page
            }
        }
    }

    /// The server that the next webhook goes to: any of them.
    fn server(&mut self) -> usize {
        match self.trial.client.servers() {
            0 | 1 => 0,
            servers => self.random.below(servers as u64) as usize,
        }
    }

    async fn original(&mut self, webhook: Webhook) -> (Option<Page>, Delivery) {
        let server = self.server();
        let delivery = self.trial.client.deliver(&webhook, &self.headers, server).await;
        self.out.violations.extend(judge::judge_single(&webhook, &delivery));
        let page = self.enter(webhook, delivery.clone(), Copied::Original);
        (page, delivery)
    }

    async fn together(&mut self, webhook: Webhook) -> Option<Page> {
        let (client, server) = (&self.trial.client, self.server());
        let (first, second) = futures_util::future::join(
            client.deliver(&webhook, &self.headers, server),
            client.deliver(&webhook, &self.headers, client.after(server)),
        )
        .await;
        self.out.violations.extend(judge::judge_copies(&webhook, &first, &second, Order::Together));
        let page = self.enter(webhook.clone(), first, Copied::Original);
        let other = self.enter(webhook, second, Copied::Together);
        page.or(other)
    }

    async fn copy(&mut self, webhook: Webhook, original: &Delivery, copied: Copied) {
        let client = &self.trial.client;
        let delivery = client.deliver(&webhook, &self.headers, client.after(original.server)).await;
        self.out.violations.extend(judge::judge_copies(&webhook, original, &delivery, Order::Later));
        self.enter(webhook, delivery, copied);
    }

    /// Judges an answer and keeps it for the report and the log.
    fn enter(&mut self, webhook: Webhook, delivery: Delivery, copy: Copied) -> Option<Page> {
        let verdict = judge::judge(&webhook, &delivery, self.trial.deadline);
        self.out.violations.extend(verdict.violations);
        if copy == Copied::Original {
            self.out.oddities.extend(verdict.oddities);
            self.out.pages.extend(verdict.page.iter().map(|page| page.source.clone()));
        }
        self.out.sent.push(Sent { webhook, delivery, copy });
        verdict.page
    }
}
