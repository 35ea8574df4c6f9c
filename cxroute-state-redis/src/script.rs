//! The scripts, and what is asked of them and how they answer.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{Cmd, Pipeline, Script, Value, cmd};

use crate::keys::Keys;
use crate::link::{Link, Trouble};

static APPEND: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/append.lua")));
static FOUND: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/found.lua")));
static LOAD: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/load.lua")));
static SHORTEN: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/shorten.lua")));

/// A script, and the hash that Redis knows it by.
pub(crate) struct Lua {
    text: &'static str,
    hash: String,
}

impl Lua {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text, hash: Script::new(text).get_hash().to_owned() }
    }
}

/// So many entries come with the answer of a script, which says so itself.
const MOST_WITH_SCRIPT: usize = 100;
/// So many entries are read at once.
const MOST_READ: usize = 2_000;
/// A state is a list of pieces of this many bytes, so that others' pipelines find their way in between while it is written.
/// A text that grows piece by piece would be copied again and again.
const PIECE: usize = 256 * 1024;
/// A state that nobody finishes writing goes after this.
const UNFINISHED: Duration = Duration::from_secs(60);

/// One entry as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// Its id in the stream: milliseconds of Redis's clock, then a counter.
    pub(crate) id: String,
    /// Its number: one more than that of the entry before it.
    pub(crate) number: u64,
    pub(crate) operations: Vec<u8>,
}

/// What came of appending.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// The operations are in the log, in its last entry, which has this number and id; without operations the number is
    /// that of the last entry that there is.
    Yes { last: u64, id: String, snapshot_due: bool },
    /// There is no plane, or Redis was started anew since.
    Lost,
    /// The plane has another epoch than the caller's.
    OtherEpoch,
    /// The deadline had passed; nothing was done.
    Late,
}

/// An answer of the append script, with the entries between the caller's position and its own entry.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Redis's clock, in milliseconds.
    pub(crate) now: i64,
    pub(crate) appended: Appended,
    pub(crate) entries: Vec<Read>,
    /// More entries may follow.
    pub(crate) more: bool,
}

/// What a replica starts from.
#[derive(Debug)]
pub(crate) enum Loaded {
    State {
        now: i64,
        epoch: String,
        number: u64,
        id: String,
        state: Vec<u8>,
    },
    Lost,
    /// A plane of a later version is there.
    Newer(String),
}

/// What came of founding.
#[derive(Debug)]
pub(crate) enum Founded {
    Yes {
        now: i64,
        number: u64,
    },
    /// Somebody else did.
    There,
    /// A plane of a later version is there.
    Newer(String),
}

/// Where a caller stands: epoch, number and id of the last entry that it has applied.
pub(crate) struct Position<'a> {
    pub(crate) epoch: &'a str,
    pub(crate) number: u64,
    pub(crate) id: &'a str,
}

/// An entry that is to be appended.
pub(crate) struct Append<'a> {
    /// In milliseconds of Redis's clock; 0: none.
    pub(crate) deadline: i64,
    /// Whether Redis is told how long to keep it all: once in a while is enough.
    pub(crate) renews: bool,
    /// None: the log is only looked at.
    pub(crate) operations: Option<&'a [u8]>,
}

/// A tenant's way to Redis.
pub(crate) struct Desk<'a> {
    pub(crate) link: &'a Link,
    pub(crate) keys: &'a Keys,
    pub(crate) patience: Duration,
    /// How long keys are kept when nobody touches them.
    pub(crate) keep: Duration,
}

impl Desk<'_> {
    /// Appends an entry, and reads those between the position and it in the same round trip.
    pub(crate) async fn exchange(
        &self,
        position: &Position<'_>,
        entry: &Append<'_>,
    ) -> Result<Exchange, Trouble> {
        let keep = if entry.renews { self.keep_millis() } else { 0 };
        let answers = self
            .run(&APPEND, |by| {
                by.alone(&[self.keys.plane(), self.keys.log(), self.keys.snapshot()], |append| {
                    append.arg(position.epoch).arg(entry.deadline).arg(keep);
                    append.arg(position.number).arg(position.id).arg(entry.operations);
                })
            })
            .await?;
        let mut answer = fields(answers.into_iter().next().unwrap_or_default());
        let (status, now) = (text(answer.next()), number(answer.next()).ok_or_else(|| strange("a time"))?);
        let mut entries = Vec::new();
        let appended = match &*status {
            "ok" => {
                let last = number(answer.next()).ok_or_else(|| strange("a number"))?.unsigned_abs();
                let (id, snapshot_due) = (text(answer.next()), number(answer.next()) == Some(1));
                entries = answer.next().and_then(read_entries).ok_or_else(|| strange("entries"))?;
                Appended::Yes { last, id, snapshot_due }
            }
            "lost" => Appended::Lost,
            "epoch" => Appended::OtherEpoch,
            "late" => Appended::Late,
            _ => return Err(strange("a status")),
        };
        let more = entries.len() >= MOST_WITH_SCRIPT;
        Ok(Exchange { now, appended, entries, more })
    }

    /// The entries behind an id, as many as are read at once, and whether more may follow.
    pub(crate) async fn read(&self, id: &str) -> Result<(Vec<Read>, bool), Trouble> {
        let mut pipeline = Pipeline::new();
        pipeline.cmd("XRANGE").arg(self.keys.log()).arg(format!("({id}")).arg("+");
        pipeline.arg("COUNT").arg(MOST_READ);
        let answers = self.link.run(&pipeline, self.patience).await?;
        let entries = answers.into_iter().next().and_then(read_entries).ok_or_else(|| strange("entries"))?;
        let more = entries.len() == MOST_READ;
        Ok((entries, more))
    }

    /// The state that a replica starts from.
    pub(crate) async fn load(&self, version: u32) -> Result<Loaded, Trouble> {
        let answers = self
            .run(&LOAD, |by| {
                by.alone(&[self.keys.plane(), self.keys.snapshot()], |load| {
                    load.arg(version);
                })
            })
            .await?;
        let mut answer = fields(answers.into_iter().next().unwrap_or_default());
        let (status, now) = (text(answer.next()), number(answer.next()).ok_or_else(|| strange("a time"))?);
        Ok(match &*status {
            "ok" => Loaded::State {
                now,
                epoch: text(answer.next()),
                number: number(answer.next()).ok_or_else(|| strange("a number"))?.unsigned_abs(),
                id: text(answer.next()),
                state: pieces(answer.next()).concat(),
            },
            "lost" => Loaded::Lost,
            "newer" => Loaded::Newer(text(answer.next())),
            _ => return Err(strange("a status")),
        })
    }

    /// Begins a new epoch with this state; in place of a plane that is there only if told so.
    pub(crate) async fn found(
        &self,
        epoch: &str,
        replace: Replace,
        version: u32,
        state: &[u8],
    ) -> Result<Founded, Trouble> {
        let answers = self
            .run(&FOUND, |by| {
                by.alone(&[self.keys.plane(), self.keys.log(), self.keys.snapshot()], |found| {
                    found.arg(epoch).arg(i32::from(replace == Replace::Yes)).arg(version);
                    found.arg(self.keep_millis()).arg(state);
                })
            })
            .await?;
        let mut answer = fields(answers.into_iter().next().unwrap_or_default());
        let (status, now) = (text(answer.next()), number(answer.next()).ok_or_else(|| strange("a time"))?);
        Ok(match &*status {
            "founded" => {
                let number = number(answer.next()).ok_or_else(|| strange("a number"))?.unsigned_abs();
                Founded::Yes { now, number }
            }
            "there" => Founded::There,
            "newer" => Founded::Newer(text(answer.next())),
            _ => return Err(strange("a status")),
        })
    }

    /// Puts a newer state under the log, and cuts the log.
    pub(crate) async fn shorten(
        &self,
        writer: &str,
        epoch: &str,
        number: u64,
        id: &str,
        state: &[u8],
    ) -> Result<(), Trouble> {
        let newer = self.keys.newer_snapshot(writer);
        let mut start = Pipeline::new();
        start.cmd("DEL").arg(&newer).ignore();
        self.link.run(&start, self.patience).await?;
        for piece in state.chunks(PIECE) {
            let mut append = Pipeline::new();
            append.cmd("RPUSH").arg(&newer).arg(piece).ignore();
            append.cmd("PEXPIRE").arg(&newer).arg(millis(UNFINISHED)).ignore();
            self.link.run(&append, self.patience).await?;
        }
        let keys = [self.keys.plane(), self.keys.log(), self.keys.snapshot(), newer];
        self.run(&SHORTEN, |by| {
            by.alone(&keys, |shorten| {
                shorten.arg(epoch).arg(number).arg(id).arg(self.keep_millis());
                shorten.arg(state.chunks(PIECE).len()).arg(state.len());
            })
        })
        .await?;
        Ok(())
    }

    async fn run(&self, script: &Lua, pipeline: impl Fn(By<'_>) -> Pipeline) -> Result<Vec<Value>, Trouble> {
        run(self.link, self.patience, script, pipeline).await
    }

    fn keep_millis(&self) -> u64 {
        millis(self.keep)
    }
}

/// Whether a plane that is there makes room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replace {
    Yes,
    No,
}

/// Runs a pipeline with a script by its hash; with its text, if Redis does not know it.
pub(crate) async fn run(
    link: &Link,
    patience: Duration,
    script: &Lua,
    pipeline: impl Fn(By<'_>) -> Pipeline,
) -> Result<Vec<Value>, Trouble> {
    match link.run(&pipeline(By::Hash(script)), patience).await {
        Err(Trouble::NoScript) => link.run(&pipeline(By::Text(script)), patience).await,
        answered => answered,
    }
}

/// How a script is named.
#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    Hash(&'a Lua),
    Text(&'a Lua),
}

impl By<'_> {
    fn cmd(self, keys: &[String]) -> Cmd {
        let mut command = match self {
            By::Hash(script) => {
                let mut command = cmd("EVALSHA");
                command.arg(&script.hash);
                command
            }
            By::Text(script) => {
                let mut command = cmd("EVAL");
                command.arg(script.text);
                command
            }
        };
        command.arg(keys.len()).arg(keys);
        command
    }

    pub(crate) fn alone(self, keys: &[String], arguments: impl Fn(&mut Cmd)) -> Pipeline {
        let mut command = self.cmd(keys);
        arguments(&mut command);
        let mut pipeline = Pipeline::new();
        pipeline.add_command(command);
        pipeline
    }
}

pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn strange(expected: &str) -> Trouble {
    Trouble::Away(format!("expected {expected} of a script, got something else"))
}

pub(crate) fn fields(answer: Value) -> std::vec::IntoIter<Value> {
    match answer {
        Value::Array(fields) => fields.into_iter(),
        _ => Vec::new().into_iter(),
    }
}

fn bytes(value: Option<Value>) -> Vec<u8> {
    match value {
        Some(Value::BulkString(bytes)) => bytes,
        Some(Value::SimpleString(text)) => text.into_bytes(),
        _ => Vec::new(),
    }
}

fn pieces(value: Option<Value>) -> Vec<Vec<u8>> {
    value.map(fields).unwrap_or_default().map(|piece| bytes(Some(piece))).collect()
}

pub(crate) fn text(value: Option<Value>) -> String {
    String::from_utf8(bytes(value)).unwrap_or_default()
}

pub(crate) fn number(value: Option<Value>) -> Option<i64> {
    match value? {
        Value::Int(number) => Some(number),
        other => text(Some(other)).parse().ok(),
    }
}

/// Entries as `XRANGE` gives them: id, then names and values.
fn read_entries(value: Value) -> Option<Vec<Read>> {
    let Value::Array(entries) = value else { return None };
    let entry = |entry: Value| {
        let mut entry = fields(entry);
        let id = text(entry.next());
        let mut named = fields(entry.next()?);
        let (_, n, _, operations) = (named.next()?, named.next(), named.next()?, named.next());
        Some(Read { id, number: number(n)?.unsigned_abs(), operations: bytes(operations) })
    };
    entries.into_iter().map(entry).collect()
}
