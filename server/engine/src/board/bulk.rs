//! One command to many runs.
//!
//! Who commands many runs must know which: so the runs are chosen and kept first, shown with their number, and the command then goes to
//! exactly these, whatever has begun or ended meanwhile. What came of each is kept beside it. A server that dies in between goes on with
//! those that have not been noted; a run is made from another by a key, so that none is made twice.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use flow::view::RunStatus;
use flow::view::board::{BulkOutlook, BulkReason, BulkRunView, BulkView};
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

/// Results that are read at a time.
const READ_AT_ONCE: usize = 1_000;

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

    /// Why a run in this state, or one that is gone, cannot do as told; as in [`BulkOutlook`].
    const fn hindrance(self, state: Option<RunStatus>) -> Option<&'static str> {
        let Some(state) = state else { return Some("gone") };
        match (self, state.is_final()) {
            (Self::Retry, true) => None,
            (Self::Retry, false) => Some("at_work"),
            (_, true) => Some("ended"),
            (Self::Pause, false) if matches!(state, RunStatus::Ending) => Some("ending"),
            (_, false) => None,
        }
    }

    /// Whether a run in this state is as it is told to be.
    const fn changes_nothing(self, state: RunStatus) -> bool {
        match self {
            Self::Pause => matches!(state, RunStatus::Paused),
            Self::Resume => !matches!(state, RunStatus::Paused),
            Self::Cancel | Self::Retry => false,
        }
    }
}

/// What would come of a command to runs in these states.
fn outlook(command: BulkCommand, states: Vec<(Option<RunStatus>, u32)>) -> BulkOutlook {
    let mut outlook = BulkOutlook::default();
    for (state, n) in states {
        if let Some(reason) = command.hindrance(state) {
            add(&mut outlook.unable, reason, n);
            continue;
        }
        outlook.n_able += n;
        if state.is_some_and(|state| command.changes_nothing(state)) {
            outlook.n_unchanged += n;
        }
    }
    sort(&mut outlook.unable);
    outlook
}

fn add(reasons: &mut Vec<BulkReason>, reason: &str, n: u32) {
    match reasons.iter_mut().find(|one| one.reason == reason) {
        Some(one) => one.n += n,
        None => reasons.push(BulkReason {
            reason: reason.to_owned(),
            n,
        }),
    }
}

/// The most frequent first.
fn sort(reasons: &mut [BulkReason]) {
    reasons.sort_by(|one, other| other.n.cmp(&one.n).then_with(|| one.reason.cmp(&other.reason)));
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
        let store = &self.parts.shared.store;
        let outlook = match row.state {
            BulkState::Frozen => Some(outlook(spec.command, store.bulk_states(id).await?)),
            BulkState::Acting | BulkState::Done => None,
        };
        let mut refusals = Vec::new();
        if row.state == BulkState::Done && row.n_refused > 0 {
            let note = |run: BulkRunView| add(&mut refusals, &run.reason.unwrap_or_default(), 1);
            self.each_refused(id, note).await?;
            sort(&mut refusals);
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
            outlook,
            refusals,
        })
    }

    /// What came of a command for its runs, from a place on.
    ///
    /// # Errors
    /// [`EngineError::UnknownBulk`].
    pub async fn bulk_runs(&self, id: &str, from: u32, limit: usize) -> EngineResult<Vec<BulkRunView>> {
        self.bulk_row(id).await?;
        let runs = self.parts.shared.store.bulk_runs(id, from, limit).await?;
        Ok(runs.into_iter().map(view).collect())
    }

    /// What came of a command for its runs, at most so many: those that have not done as told before all others.
    ///
    /// # Errors
    /// [`EngineError::UnknownBulk`].
    pub async fn bulk_results(&self, id: &str, limit: usize) -> EngineResult<Vec<BulkRunView>> {
        let mut runs = self.bulk_runs(id, 0, limit).await?;
        runs.retain(|run| run.is_done != Some(false));
        let mut found = Vec::new();
        let note = |run| {
            if found.len() < limit {
                found.push(run);
            }
        };
        self.each_refused(id, note).await?;
        found.extend(runs);
        found.truncate(limit);
        Ok(found)
    }

    async fn each_refused(&self, id: &str, mut note: impl FnMut(BulkRunView)) -> EngineResult<()> {
        let mut from = 0;
        loop {
            let runs = self.parts.shared.store.bulk_runs(id, from, READ_AT_ONCE).await?;
            let Some(last) = runs.last() else { return Ok(()) };
            from = last.n + 1;
            let refused = |run: &BulkRunView| run.is_done == Some(false);
            runs.into_iter().map(view).filter(refused).for_each(&mut note);
        }
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

fn view(BulkRun { run, result, .. }: BulkRun) -> BulkRunView {
    let told: Option<Told> = result.map(|text| serde_json::from_str(&text).unwrap_or_default());
    let is_done = told.as_ref().map(|told| told.is_done);
    let (reason, made) = told.map_or((None, None), |told| (told.reason, told.made));
    BulkRunView {
        run,
        is_done,
        reason,
        made,
    }
}

/// Why a run has not done as told. The run stands beside it: the same reason reads the same for each.
fn refusal(run: RunId, error: &EngineError) -> String {
    if matches!(error, EngineError::UnknownRun(_)) {
        return "it is no longer there".to_owned();
    }
    let text = error.to_string();
    match text.strip_prefix(&format!("run {run} ")) {
        Some(rest) => format!("it {rest}"),
        None => text,
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
    let told = open.map(async |run| (run.n, run.run, engine.tell(&spec, id, run.run).await));
    let mut marks = Vec::new();
    for (n, run, result) in join_all(told).await {
        let told = match result {
            Ok(made) => Told {
                is_done: true,
                made,
                ..Told::default()
            },
            // The engine goes down: the next one asks this run again.
            Err(EngineError::Unavailable(why)) => return Err(EngineError::Unavailable(why)),
            Err(error) => Told {
                reason: Some(refusal(run, &error)),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a command would do to one run in each state, and to one that is gone.
    fn check(command: BulkCommand, expected: &str) {
        let mut states: Vec<_> = RunStatus::ALL.map(|state| (Some(state), 1)).into();
        states.push((None, 1));
        let BulkOutlook {
            n_able,
            n_unchanged,
            unable,
        } = outlook(command, states);
        let unable: Vec<String> = unable
            .iter()
            .map(|one| format!("{} {}", one.n, one.reason))
            .collect();
        let told = format!("{n_able} can, {n_unchanged} unchanged; {}", unable.join(", "));
        assert_eq!(told, expected, "{}", command.key());
    }

    #[test]
    fn the_outlook_counts_what_each_state_allows() {
        check(BulkCommand::Cancel, "4 can, 0 unchanged; 3 ended, 1 gone");
        check(
            BulkCommand::Pause,
            "3 can, 1 unchanged; 3 ended, 1 ending, 1 gone",
        );
        check(BulkCommand::Resume, "4 can, 3 unchanged; 3 ended, 1 gone");
        check(BulkCommand::Retry, "3 can, 0 unchanged; 4 at_work, 1 gone");
    }

    #[test]
    fn the_same_reason_reads_the_same_for_each_run() {
        let run = RunId::from_bytes([7; 16]);
        let say = |error| refusal(run, &error);
        assert_eq!(
            say(EngineError::Finished(run)),
            "it is finished; nothing can change it any more"
        );
        assert_eq!(say(EngineError::UnknownRun(run)), "it is no longer there");
        assert_eq!(
            say(EngineError::NotNow("the run is ending".to_owned())),
            "the run is ending"
        );
    }
}
