//! One command to many runs.
//!
//! Who commands many runs must know which: so the runs are chosen and kept first, shown with their number, and the command then goes to
//! exactly these, whatever has begun or ended meanwhile. What came of each is kept beside it. A server that dies in between goes on with
//! those that have not been noted; a run is made from another by a key, so that none is made twice.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use flow::view::board::{BulkRunView, BulkView};
use flow::{Problem, RunId};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::chance::{self, SystemChance};
use crate::engine::{Engine, Parts, RetryRun};
use crate::error::{EngineError, EngineResult};
use crate::store::board::{BulkMark, BulkRow, BulkRun, BulkState};

/// Runs one command may be for: the newest that are found.
pub const BULK_RUNS_MAX: usize = 10_000;

/// Above so many runs a command has to be confirmed in words.
pub const BULK_CONFIRM_ABOVE: u32 = 20;

/// How long after its runs were chosen a command may be begun: the numbers on a page that is older mislead.
const BULK_FROZEN_FOR: Duration = Duration::from_secs(15 * 60);

/// How long a command and what came of it are kept after that.
pub(crate) const BULK_KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// Runs shown as a sample.
const SAMPLE: usize = 10;

/// Runs that are commanded at a time: the work that was there before goes on beside it.
const AT_ONCE: usize = 32;

/// What many runs are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkCommand {
    /// Cancel.
    Cancel,
    /// Let nothing more start.
    Pause,
    /// Go on.
    Resume,
    /// Make a run from it that keeps what has succeeded.
    Retry,
}

impl BulkCommand {
    /// All.
    pub const ALL: [Self; 4] = [Self::Cancel, Self::Pause, Self::Resume, Self::Retry];

    /// The word for it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
        }
    }

    /// The command with this word.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.key() == key)
    }
}

/// A command to be prepared.
#[derive(Clone, Debug)]
pub struct NewBulk {
    /// What they are told.
    pub command: BulkCommand,
    /// The runs that this finds now.
    pub query: Option<String>,
    /// Or these.
    pub runs: Vec<RunId>,
    /// Why, for `cancel` and `pause`.
    pub reason: Option<String>,
    /// On whose behalf.
    pub actor: String,
}

/// What is kept of it as JSON. New fields have a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Spec {
    command: BulkCommand,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    is_whole: bool,
    actor: String,
}

/// What came of it for a run, as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Told {
    is_done: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<RunId>,
}

impl Engine {
    /// Chooses the runs of a command and keeps them. Nothing is done yet.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if the query is none or no run is found; [`EngineError::BadRequest`] if both or neither of query and
    /// runs are given, or too many runs.
    pub async fn prepare_bulk(&self, new: NewBulk) -> EngineResult<BulkView> {
        let (runs, is_whole) = match &new.query {
            Some(query) if new.runs.is_empty() => {
                let filter = self.sought(query).await?;
                self.collect(&filter, BULK_RUNS_MAX, |run| run.id).await?
            }
            None if !new.runs.is_empty() => {
                let mut runs = new.runs.clone();
                runs.sort_unstable_by(|one, other| other.cmp(one));
                runs.dedup();
                if runs.len() > BULK_RUNS_MAX {
                    return Err(EngineError::BadRequest(format!(
                        "a command is for at most {BULK_RUNS_MAX} runs"
                    )));
                }
                (runs, true)
            }
            _ => {
                return Err(EngineError::BadRequest(
                    "a command to many runs needs a query, or the runs themselves".to_owned(),
                ));
            }
        };
        if runs.is_empty() {
            let message = "no run fits the query, so there is nothing to command";
            return Err(EngineError::Invalid(vec![
                Problem::error("no_runs", message).at("query"),
            ]));
        }
        let now = self.clock().now();
        let spec = Spec {
            command: new.command,
            query: new.query,
            reason: new.reason,
            is_whole,
            actor: new.actor,
        };
        let row = BulkRow {
            id: format!("bulk_{:032x}", chance::word(&SystemChance)),
            spec: serde_json::to_string(&spec).map_err(unreadable)?,
            state: BulkState::Frozen,
            made_at: now,
            expires_at: now.plus(BULK_FROZEN_FOR),
            n: u32::try_from(runs.len()).unwrap_or(u32::MAX),
            n_done: 0,
            n_refused: 0,
        };
        let id = row.id.clone();
        self.parts.shared.store.put_bulk(row, runs).await?;
        self.bulk(&id).await
    }

    /// A command to many runs, as far as it has come.
    ///
    /// # Errors
    /// [`EngineError::UnknownBulk`].
    pub async fn bulk(&self, id: &str) -> EngineResult<BulkView> {
        let row = self.bulk_row(id).await?;
        let spec = spec_of(&row)?;
        let mut sample = Vec::new();
        for run in self.parts.shared.store.bulk_runs(id, 0, SAMPLE).await? {
            match self.run_summary(run.run).await {
                Ok(run) => sample.push(run),
                // It may have been deleted since, or never have been there: its result will say so.
                Err(EngineError::UnknownRun(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(BulkView {
            confirm: (row.n > BULK_CONFIRM_ABOVE).then(|| words(spec.command, row.n)),
            id: row.id,
            command: spec.command.key().to_owned(),
            query: spec.query,
            state: row.state.key().to_owned(),
            n_runs: row.n,
            is_whole: spec.is_whole,
            n_done: row.n_done,
            n_refused: row.n_refused,
            made_at: row.made_at,
            expires_at: row.expires_at,
            sample,
        })
    }

    /// What came of a command for its runs, from a place on.
    ///
    /// # Errors
    /// [`EngineError::UnknownBulk`].
    pub async fn bulk_runs(&self, id: &str, from: u32, limit: usize) -> EngineResult<Vec<BulkRunView>> {
        self.bulk_row(id).await?;
        let runs = self.parts.shared.store.bulk_runs(id, from, limit).await?;
        let view = |BulkRun { run, result, .. }| {
            let told: Option<Told> = result.map(|text| serde_json::from_str(&text).unwrap_or_default());
            let told = told.map(|told| (told.is_done, told.reason, told.made));
            let (is_done, reason, made) = match told {
                Some((is_done, reason, made)) => (Some(is_done), reason, made),
                None => (None, None, None),
            };
            BulkRunView {
                run,
                is_done,
                reason,
                made,
            }
        };
        Ok(runs.into_iter().map(view).collect())
    }

    /// Begins a command: it goes to the runs that were chosen, in the background.
    ///
    /// # Errors
    /// [`EngineError::UnknownBulk`]; [`EngineError::NotNow`] if it has begun before or was prepared too long ago;
    /// [`EngineError::Invalid`] if it is for many runs and the words do not confirm it.
    pub async fn begin_bulk(&self, id: &str, confirm: Option<&str>) -> EngineResult<BulkView> {
        let row = self.bulk_row(id).await?;
        let spec = spec_of(&row)?;
        let expected = words(spec.command, row.n);
        let is_confirmed = confirm.is_some_and(|words| words.trim().eq_ignore_ascii_case(&expected));
        if row.n > BULK_CONFIRM_ABOVE && !is_confirmed {
            let message = format!("this is for {} runs; write `{expected}` to confirm it", row.n);
            return Err(EngineError::Invalid(vec![
                Problem::error("not_confirmed", message).at("confirm"),
            ]));
        }
        let now = self.clock().now();
        if !self.parts.shared.store.begin_bulk(id, now).await? {
            let why = match row.state {
                BulkState::Frozen => {
                    "it was prepared too long ago; prepare it again and look at what it finds now"
                }
                BulkState::Acting | BulkState::Done => "it has begun before, and does so once",
            };
            return Err(EngineError::NotNow(format!("the command cannot begin: {why}")));
        }
        info!("Began to {} {} runs", spec.command.key(), row.n);
        work_off(self, id.to_owned());
        self.bulk(id).await
    }

    async fn bulk_row(&self, id: &str) -> EngineResult<BulkRow> {
        let found = self.parts.shared.store.bulk(id).await?;
        found.ok_or_else(|| EngineError::UnknownBulk(id.chars().take(60).collect()))
    }

    async fn tell(&self, spec: &Spec, bulk: &str, run: RunId) -> EngineResult<Option<RunId>> {
        match spec.command {
            BulkCommand::Cancel => {
                self.cancel_run(run, false, spec.reason.clone(), &spec.actor)
                    .await?;
            }
            BulkCommand::Pause => self.pause_run(run, spec.reason.clone(), &spec.actor).await?,
            BulkCommand::Resume => self.resume_run(run, &spec.actor).await?,
            BulkCommand::Retry => {
                let retry = RetryRun {
                    run,
                    from: None,
                    inputs: None,
                    version: None,
                    mark_succeeded: BTreeMap::new(),
                    actor: spec.actor.clone(),
                    idempotency_key: Some(format!("{bulk} {run}")),
                };
                return self.retry_run(retry).await.map(Some);
            }
        }
        Ok(None)
    }
}

/// What has to be written to confirm it.
fn words(command: BulkCommand, n: u32) -> String {
    format!("{} {n}", command.key())
}

fn spec_of(row: &BulkRow) -> EngineResult<Spec> {
    serde_json::from_str(&row.spec).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> EngineError {
    EngineError::Unavailable(format!(
        "a command to many runs cannot be read or written: {error}"
    ))
}

/// Goes on with what an earlier server had begun.
pub(crate) async fn go_on(engine: &Engine) {
    match engine.parts.shared.store.acting_bulks().await {
        Ok(bulks) => bulks.into_iter().for_each(|bulk| work_off(engine, bulk.id)),
        Err(error) => warn!("Commands to many runs that had begun have to wait for the next start: {error}"),
    }
}

fn work_off(engine: &Engine, id: String) {
    let parts = std::sync::Arc::downgrade(&engine.parts);
    let shared = &engine.parts.shared;
    let errands = shared.errands.clone();
    let work = async move {
        let mut from = 0;
        // What is left goes on at the next start.
        while !errands.is_closed() {
            match step(&parts, &id, from).await {
                Ok(Some(next)) => from = next,
                Ok(None) => return,
                Err(error) => {
                    warn!("The command {id} stopped half way; it goes on at the next start: {error}");
                    return;
                }
            }
        }
    };
    shared.errands.spawn_on(work, &shared.runtime);
}

/// Tells the next runs, and where to go on; none after the last.
async fn step(parts: &Weak<Parts>, id: &str, from: u32) -> EngineResult<Option<u32>> {
    let Some(engine) = Engine::alive(parts) else {
        return Ok(None);
    };
    let store = &engine.parts.shared.store;
    let Some(row) = store.bulk(id).await? else {
        return Ok(None);
    };
    let spec = spec_of(&row)?;
    let runs = store.bulk_runs(id, from, AT_ONCE).await?;
    let Some(last) = runs.last().map(|run| run.n) else {
        return Ok(None);
    };
    let open = runs.into_iter().filter(|run| run.result.is_none());
    let told = open.map(async |run| (run.n, engine.tell(&spec, id, run.run).await));
    let mut marks = Vec::new();
    for (n, result) in join_all(told).await {
        let told = match result {
            Ok(made) => Told {
                is_done: true,
                made,
                ..Told::default()
            },
            // The engine goes down: the next one asks this run again.
            Err(EngineError::Unavailable(why)) => return Err(EngineError::Unavailable(why)),
            Err(error) => Told {
                reason: Some(error.to_string()),
                ..Told::default()
            },
        };
        marks.push(BulkMark {
            n,
            is_done: told.is_done,
            result: serde_json::to_string(&told).map_err(unreadable)?,
        });
    }
    store.mark_bulk(id, marks).await?;
    Ok(Some(last + 1))
}
