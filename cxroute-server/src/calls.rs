//! `calls`: a tenant's call records from the store, whether a server runs or not. Read and printed page by page.

use std::io::{self, Write};

use anyhow::anyhow;
use clap::Args;
use cxroute_core::call::{Attempt, Call, SessionToken, Trace};
use cxroute_core::config::Domain;
use cxroute_core::engine::{Plain, TraceText};
use cxroute_core::port::{CallDetail, CallFilter, Names, Page, TenantRead};
use cxroute_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::cli::{operator, tenant};
use crate::store_url::StoreArgs;

/// Calls read at a time.
const PAGE: u32 = 1_000;

/// Which calls, and how they are printed.
#[derive(Args, Debug)]
pub struct CallsArgs {
    /// The tenant's Cloudonix domain.
    #[arg(value_parser = Domain::parse)]
    domain: Domain,
    /// One call, with its attempts, history and traces.
    #[arg(long, value_name = "TOKEN")]
    session: Option<String>,
    /// At most so many, newest first.
    #[arg(long, default_value_t = 50)]
    limit: u64,
    /// Prints JSON: an array of objects, one object with --session.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// Prints the calls.
pub(crate) async fn run(args: CallsArgs) -> anyhow::Result<()> {
    let opened = args.store.open_existing().await?;
    let operator = operator();
    let tenant = tenant(opened.store.as_ref(), &operator, &args.domain).await?;
    let mut read = opened.store.read(&operator.read(tenant)).await?;
    let names = read.names().await?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match &args.session {
        Some(token) => {
            let missing = || anyhow!("{} has no call with the session token {token:?}", args.domain);
            let token = SessionToken::new(token).ok_or_else(missing)?;
            let detail = read.call_detail(&token).await?.ok_or_else(missing)?;
            match args.json {
                true => json_call(&mut out, &detail, &names)?,
                false => text_call(&mut out, &detail, &names)?,
            }
        }
        None => {
            let form: &mut dyn Form = if args.json { &mut JsonForm::default() } else { &mut TextForm };
            list(read.as_mut(), args.limit, &names, form, &mut out).await?;
        }
    }
    out.flush()?;
    Ok(())
}

/// A call as lists show it.
#[derive(Serialize)]
struct Row<'a> {
    session_token: &'a str,
    direction: &'static str,
    from_number: &'a str,
    to_number: &'a str,
    agent: Option<&'a str>,
    group: Option<&'a str>,
    status: &'static str,
    start_time: Timestamp,
    end_time: Option<Timestamp>,
    duration: Option<u32>,
}

impl<'a> Row<'a> {
    fn of(call: &'a Call, names: &'a Names) -> Self {
        Self {
            session_token: call.token.as_str(),
            direction: call.direction.as_str(),
            from_number: &call.from,
            to_number: &call.to,
            agent: call.agent().and_then(|id| names.agents.get(&id)).map(String::as_str),
            group: call.group().and_then(|id| names.groups.get(&id)).map(String::as_str),
            status: call.state.status().as_str(),
            start_time: call.start_time,
            end_time: call.end_time,
            duration: call.duration,
        }
    }
}

/// How a list is written.
trait Form: Send {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;
    fn row(&mut self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()>;
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

async fn list(
    read: &mut dyn TenantRead,
    limit: u64,
    names: &Names,
    form: &mut dyn Form,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    form.begin(out)?;
    let (mut left, mut after) = (limit, None);
    while left > 0 {
        let limit = u32::try_from(left).map_or(PAGE, |left| left.min(PAGE));
        let page = read.calls(&CallFilter::default(), Page { after, limit }).await?;
        for call in &page {
            form.row(out, &Row::of(call, names))?;
        }
        left -= page.len() as u64;
        after = page.last().map(|call| call.id);
        if page.len() < limit as usize {
            break;
        }
    }
    form.end(out)?;
    Ok(())
}

#[derive(Default)]
struct JsonForm {
    rows: u64,
}

impl Form for JsonForm {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"[")
    }

    fn row(&mut self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
        out.write_all(if self.rows == 0 { b"\n" } else { b",\n" })?;
        self.rows += 1;
        serde_json::to_writer(&mut *out, row).map_err(io::Error::from)
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\n]\n")
    }
}

struct TextForm;

/// Widths that most values fit; a longer one shifts its line only, since a list is not read to its end first.
fn columns(out: &mut dyn Write, cells: [&str; 9]) -> io::Result<()> {
    let [start, direction, from, to, status, duration, agent, group, session] = cells;
    writeln!(
        out,
        "{start:24}  {direction:9} {from:16} {to:16} {status:11} {duration:>5}  {agent:20} {group:20} {session}"
    )
}

impl Form for TextForm {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        columns(out, ["START", "DIRECTION", "FROM", "TO", "STATUS", "SEC", "AGENT", "GROUP", "SESSION"])
    }

    fn row(&mut self, out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
        let or_dash =
            |text: Option<&str>| text.map_or_else(|| "-".to_owned(), |text| Plain(text).to_string());
        let cells = [
            &row.start_time.to_string(),
            row.direction,
            &Plain(row.from_number).to_string(),
            &Plain(row.to_number).to_string(),
            row.status,
            &row.duration.map_or_else(|| "-".to_owned(), |seconds| seconds.to_string()),
            &or_dash(row.agent),
            &or_dash(row.group),
            &Plain(row.session_token).to_string(),
        ];
        columns(out, cells)
    }

    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// One call as JSON.
#[derive(Serialize)]
struct Detail<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    reason: Option<&'static str>,
    attempts: Vec<AttemptRow<'a>>,
    history: Vec<HistoryRow<'a>>,
    /// The decision that says most: the last one that looked at agents, else the last one.
    trace: Option<Value>,
    /// Every decision.
    traces: Vec<Value>,
}

#[derive(Serialize)]
struct AttemptRow<'a> {
    agent: Option<&'a str>,
    group: Option<&'a str>,
    /// The number that was dialled, where it is not an agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
    /// The outcome; while there is none, the call's status.
    status: &'static str,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct HistoryRow<'a> {
    state: &'static str,
    at: Timestamp,
    source: &'static str,
    effect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> Detail<'a> {
    fn of(detail: &'a CallDetail, names: &'a Names) -> Self {
        let CallDetail { call, history, traces } = detail;
        let looked = traces.iter().rev().find(|trace| !trace.stages.is_empty());
        Self {
            row: Row::of(call, names),
            reason: call.reason.map(cxroute_core::call::EndReason::as_str),
            attempts: call.attempts.iter().map(|attempt| AttemptRow::of(attempt, call, names)).collect(),
            history: history
                .iter()
                .map(|entry| HistoryRow {
                    state: entry.state.as_str(),
                    at: entry.at,
                    source: entry.source.as_str(),
                    effect: entry.effect.as_str(),
                    detail: entry.detail.as_deref(),
                })
                .collect(),
            trace: looked.or(traces.last()).map(|trace| trace_value(trace, names)),
            traces: traces.iter().map(|trace| trace_value(trace, names)).collect(),
        }
    }
}

impl<'a> AttemptRow<'a> {
    fn of(attempt: &'a Attempt, call: &Call, names: &'a Names) -> Self {
        use cxroute_core::call::AttemptTarget;
        let agent = attempt.target.agent().and_then(|id| names.agents.get(&id));
        let group = attempt.target.group().and_then(|id| names.groups.get(&id));
        let number = match &attempt.target {
            AttemptTarget::Number { number, .. } => Some(number.as_ref()),
            AttemptTarget::Agent(_) => None,
        };
        Self {
            agent: agent.map(String::as_str),
            group: group.map(String::as_str),
            number,
            status: attempt.outcome.map_or(call.state.status().as_str(), cxroute_core::call::Outcome::as_str),
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
        }
    }
}

/// A trace as JSON, with names beside the ids.
fn trace_value(trace: &Trace, names: &Names) -> Value {
    let mut value = serde_json::to_value(trace).unwrap_or_default();
    let stages = value.get_mut("stages").and_then(Value::as_array_mut);
    for (json, stage) in stages.into_iter().flatten().zip(trace.stages.iter()) {
        json["group_name"] = stage.group.and_then(|id| names.groups.get(&id)).cloned().into();
        let members = json.get_mut("members").and_then(Value::as_array_mut);
        for (json, member) in members.into_iter().flatten().zip(&stage.members) {
            json["agent_name"] = names.agents.get(&member.agent).cloned().into();
        }
    }
    value
}

fn json_call(out: &mut dyn Write, detail: &CallDetail, names: &Names) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Detail::of(detail, names))?;
    writeln!(out)
}

fn text_call(out: &mut dyn Write, detail: &CallDetail, names: &Names) -> io::Result<()> {
    let shown = Detail::of(detail, names);
    TextForm.begin(out)?;
    TextForm.row(out, &shown.row)?;
    if let Some(reason) = shown.reason {
        writeln!(out, "reason: {reason}")?;
    }
    writeln!(out, "\nattempts:")?;
    for (Attempt { number, .. }, attempt) in detail.call.attempts.iter().zip(&shown.attempts) {
        let target = attempt.agent.or(attempt.number).unwrap_or("-");
        let ended = attempt.ended_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        writeln!(
            out,
            "  {number}. {}  {} to {ended}  {}",
            Plain(target),
            attempt.started_at,
            attempt.status
        )?;
    }
    writeln!(out, "\nhistory:")?;
    for entry in &shown.history {
        let detail = entry.detail.map(|detail| format!(": {}", Plain(detail))).unwrap_or_default();
        writeln!(out, "  {}  {:10} {:14} {}{detail}", entry.at, entry.state, entry.source, entry.effect)?;
    }
    for trace in &detail.traces {
        write!(out, "\n{}", TraceText::new(trace, names))?;
    }
    Ok(())
}
