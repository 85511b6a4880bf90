//! Runs as their table holds them, and the questions asked of it.

use std::collections::BTreeMap;

use flow::run::event::Event;
use flow::view::{ErrorView, Page, RunDot, RunStatus, RunSummary, TaskCounts};
use flow::{RunId, Timestamp};
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::board;
use super::file::Fault;
use crate::store::listing::{LATEST_RUNS_MAX, duration_ms, has_retries, page_of_runs};
use crate::store::stats::{Movement, state_number, state_of_number};
use crate::store::{FlowStats, RunFilter, RunRow, StoreError, StoreResult, Unfinished, encoding};

/// What of a run's row no index needs. New fields have a default.
#[derive(Serialize)]
struct RestRef<'a> {
    flow_name: &'a str,
    version: u32,
    trigger: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    counts: &'a TaskCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_of: Option<RunId>,
    #[serde(skip_serializing_if = "is_none")]
    n_asking: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(n: &u32) -> bool {
    *n == 0
}

#[derive(Deserialize)]
struct Rest {
    flow_name: String,
    version: u32,
    trigger: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    counts: TaskCounts,
    #[serde(default)]
    error: Option<ErrorView>,
    #[serde(default)]
    cancel_reason: Option<String>,
    #[serde(default)]
    parent: Option<RunId>,
    #[serde(default)]
    retry_of: Option<RunId>,
    #[serde(default)]
    n_asking: u32,
}

/// The `rest` column of a run.
pub(super) fn rest_of(summary: &RunSummary) -> StoreResult<String> {
    let rest = RestRef {
        flow_name: &summary.flow_name,
        version: summary.version,
        trigger: &summary.trigger,
        labels: &summary.labels,
        counts: &summary.counts,
        error: summary.error.as_ref(),
        cancel_reason: summary.cancel_reason.as_deref(),
        parent: summary.parent,
        retry_of: summary.retry_of,
        n_asking: summary.n_asking,
    };
    serde_json::to_string(&rest)
        .map_err(|error| StoreError::Unavailable(format!("a run's row cannot be written as JSON: {error}")))
}

/// The columns that [`Glance`] reads, in its order. `r` is the table.
const COLUMNS: &str = "r.run, r.flow, r.state, r.created_at, r.started_at, r.finished_at, r.rest";

/// A row whose `rest` is not decoded yet.
struct Glance<'a> {
    run: RunId,
    flow: &'a str,
    state: RunStatus,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    rest: &'a str,
}

impl<'a> Glance<'a> {
    fn of(row: &'a Row<'_>) -> Result<Self, Fault> {
        let text = |column: usize| -> Result<&'a str, Fault> {
            row.get_ref(column)?
                .as_str()
                .map_err(|error| unreadable(&error.to_string()).into())
        };
        Ok(Self {
            run: RunId::from_bytes(row.get(0)?),
            flow: text(1)?,
            state: state_of(row.get(2)?)?,
            created_at: Timestamp::from_micros(row.get(3)?),
            started_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros),
            finished_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_micros),
            rest: text(6)?,
        })
    }

    fn summary(&self) -> StoreResult<RunSummary> {
        let rest: Rest = serde_json::from_str(self.rest).map_err(|error| unreadable(&error.to_string()))?;
        Ok(RunSummary {
            id: self.run,
            flow: self.flow.to_owned(),
            flow_name: rest.flow_name,
            version: rest.version,
            state: self.state,
            trigger: rest.trigger,
            labels: rest.labels,
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            counts: rest.counts,
            error: rest.error,
            cancel_reason: rest.cancel_reason,
            parent: rest.parent,
            retry_of: rest.retry_of,
            retried_by: None,
            n_asking: rest.n_asking,
        })
    }
}

/// A row with what other tables know of the run.
fn whole(conn: &Connection, glance: &Glance<'_>) -> Result<RunSummary, Fault> {
    let mut summary = glance.summary()?;
    if has_retries(summary.state) {
        summary.retried_by = board::retried_by(conn, summary.id)?;
    }
    Ok(summary)
}

fn unreadable(why: &str) -> StoreError {
    StoreError::Incompatible(format!(
        "a run's row cannot be read ({why}); it was written by a newer Pointwork or is damaged"
    ))
}

pub(super) fn state_of(number: i64) -> StoreResult<RunStatus> {
    state_of_number(number).ok_or_else(|| unreadable(&format!("there is no state {number}")))
}

/// A run's row.
pub(super) fn run(conn: &Connection, run: RunId) -> Result<Option<RunRow>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT run, flow, state, created_at, started_at, finished_at, rest, last_seq, wake_at, in_flight FROM runs WHERE run = ?",
    )?;
    let mut rows = select.query([run.to_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(RunRow {
        summary: whole(conn, &Glance::of(row)?)?,
        last_seq: row.get::<_, i64>(7)?.cast_unsigned(),
        wake_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_micros),
        in_flight: row.get(9)?,
    }))
}

/// The events of a run after `after`: whole decisions until there are `limit`.
pub(super) fn events(conn: &Connection, run: RunId, after: u64, limit: usize) -> Result<Vec<Event>, Fault> {
    // The decision that holds the next event may begin before it.
    let mut select = conn.prepare_cached(
        "SELECT first_seq, bytes FROM events WHERE run = ?1 AND first_seq >=
             coalesce((SELECT max(first_seq) FROM events WHERE run = ?1 AND first_seq <= ?2), 0)
         -- A deleted run's events may go one by one, but nobody sees half of them.
             AND EXISTS (SELECT 1 FROM runs WHERE run = ?1)
         ORDER BY first_seq",
    )?;
    let mut rows = select.query(params![
        run.to_bytes(),
        after
            .saturating_add(1)
            .min(i64::MAX.cast_unsigned())
            .cast_signed()
    ])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row
            .get_ref(1)?
            .as_blob()
            .map_err(|error| unreadable(&error.to_string()))?;
        let decision = encoding::decode(row.get::<_, i64>(0)?.cast_unsigned(), bytes)?;
        events.extend(decision.into_iter().filter(|event| event.seq > after));
        if events.len() >= limit.max(1) {
            break;
        }
    }
    Ok(events)
}

/// The walk through an index that a list takes: as many sources as there are statements, each newest first.
pub(super) struct Walk {
    pub(super) sql: String,
    /// What stands in front of the bounds of the ids, once per source.
    pub(super) sources: Vec<Vec<Value>>,
}

impl Walk {
    /// The index that leaves the fewest rows to be looked at.
    pub(super) fn of(filter: &RunFilter) -> Self {
        // A state that most runs end in is not in the indexes by state.
        let by_state = !filter.states.is_empty() && !filter.states.contains(&RunStatus::Succeeded);
        let states = || {
            let mut numbers: Vec<i64> = filter
                .states
                .iter()
                .map(|state| i64::from(state_number(*state)))
                .collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        };
        let (from, sources) = if let Some((label, value)) = filter.labels.first() {
            (
                "run_labels w CROSS JOIN runs r ON r.run = w.run WHERE w.label = ? AND w.value = ? AND",
                vec![vec![label.clone().into(), value.clone().into()]],
            )
        } else if let Some(flow) = &filter.flow {
            if by_state {
                // `<> 4` again: only so does SQLite see that the index, which leaves that state out, holds all the rows.
                (
                    "runs w INDEXED BY runs_by_flow_and_state CROSS JOIN runs r ON r.run = w.run WHERE w.flow = ? AND w.state = ? AND w.state <> 4 AND",
                    states()
                        .into_iter()
                        .map(|state| vec![flow.clone().into(), state.into()])
                        .collect(),
                )
            } else {
                (
                    "runs w INDEXED BY runs_by_flow CROSS JOIN runs r ON r.run = w.run WHERE w.flow = ? AND",
                    vec![vec![flow.clone().into()]],
                )
            }
        } else if by_state {
            (
                "runs w INDEXED BY runs_by_state CROSS JOIN runs r ON r.run = w.run WHERE w.state = ? AND w.state <> 4 AND",
                states().into_iter().map(|state| vec![state.into()]).collect(),
            )
        } else {
            (
                "runs w CROSS JOIN runs r ON r.run = w.run WHERE",
                vec![Vec::new()],
            )
        };
        let sql = format!("SELECT {COLUMNS} FROM {from} w.run >= ? AND w.run < ? ORDER BY w.run DESC");
        Self { sql, sources }
    }
}

/// A page of runs, newest first.
pub(super) fn runs(
    conn: &Connection,
    filter: &RunFilter,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<RunSummary>, Fault> {
    let (low, high) = filter.id_range(cursor)?;
    let walk = Walk::of(filter);
    let mut statements = Vec::with_capacity(walk.sources.len());
    for _ in &walk.sources {
        statements.push(conn.prepare_cached(&walk.sql)?);
    }
    let mut merged = Merged {
        sources: Vec::with_capacity(walk.sources.len()),
        fault: None,
    };
    for (statement, values) in statements.iter_mut().zip(walk.sources) {
        merged
            .sources
            .push(Source::open(conn, statement, values, (low, high), filter)?);
    }
    let page = page_of_runs(&mut merged, filter, limit);
    if let Some(fault) = merged.fault {
        return Err(fault);
    }
    Ok(page?)
}

type Candidate = (RunId, Option<RunSummary>);

/// One index walk, with its next row read ahead.
struct Source<'a> {
    conn: &'a Connection,
    rows: rusqlite::Rows<'a>,
    filter: &'a RunFilter,
    next: Option<Candidate>,
}

impl<'a> Source<'a> {
    fn open(
        conn: &'a Connection,
        statement: &'a mut CachedStatement<'_>,
        mut values: Vec<Value>,
        (low, high): (RunId, RunId),
        filter: &'a RunFilter,
    ) -> Result<Self, Fault> {
        values.push(low.to_bytes().to_vec().into());
        values.push(high.to_bytes().to_vec().into());
        let rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut source = Self {
            conn,
            rows,
            filter,
            next: None,
        };
        source.advance()?;
        Ok(source)
    }

    fn advance(&mut self) -> Result<Option<Candidate>, Fault> {
        let next = match self.rows.next()? {
            None => None,
            Some(row) => {
                let glance = Glance::of(row)?;
                let admitted = self.filter.admits(glance.flow, glance.state, glance.created_at)
                    && self.filter.admits_end(glance.finished_at);
                let summary = if admitted {
                    Some(whole(self.conn, &glance)?)
                } else {
                    None
                };
                Some((glance.run, summary))
            }
        };
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// Several walks as one, newest first.
struct Merged<'a> {
    sources: Vec<Source<'a>>,
    /// Why the walk ended early.
    fault: Option<Fault>,
}

impl Iterator for Merged<'_> {
    type Item = StoreResult<Candidate>;

    fn next(&mut self) -> Option<Self::Item> {
        let newest = self
            .sources
            .iter_mut()
            .max_by_key(|source| source.next.as_ref().map(|(run, _)| *run))?;
        match newest.advance() {
            Ok(candidate) => candidate.map(Ok),
            Err(fault) => {
                self.fault = Some(fault);
                None
            }
        }
    }
}

/// All unfinished runs, oldest first.
pub(super) fn unfinished(conn: &Connection) -> Result<Vec<Unfinished>, Fault> {
    let mut found: Vec<Unfinished> = Vec::new();
    let mut select = conn.prepare_cached(
        "SELECT run, wake_at, in_flight FROM runs INDEXED BY runs_by_state WHERE state = ? AND state <> 4",
    )?;
    for state in RunStatus::ALL.into_iter().filter(|state| !state.is_final()) {
        let mut rows = select.query([state_number(state)])?;
        while let Some(row) = rows.next()? {
            found.push(Unfinished {
                run: RunId::from_bytes(row.get(0)?),
                wake_at: row.get::<_, Option<i64>>(1)?.map(Timestamp::from_micros),
                in_flight: row.get(2)?,
            });
        }
    }
    found.sort_unstable_by_key(|unfinished| unfinished.run);
    Ok(found)
}

/// The newest runs of a flow as marks.
pub(super) fn latest_runs(conn: &Connection, flow: &str) -> Result<Vec<RunDot>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT run, state, created_at, started_at, finished_at FROM runs INDEXED BY runs_by_flow
         WHERE flow = ? ORDER BY run DESC LIMIT ?",
    )?;
    let mut rows = select.query(params![flow, LATEST_RUNS_MAX.cast_signed() as i64])?;
    let mut dots = Vec::with_capacity(LATEST_RUNS_MAX);
    while let Some(row) = rows.next()? {
        let started_at = row.get::<_, Option<i64>>(3)?.map(Timestamp::from_micros);
        let finished_at = row.get::<_, Option<i64>>(4)?.map(Timestamp::from_micros);
        dots.push(RunDot {
            id: RunId::from_bytes(row.get(0)?),
            state: state_of(row.get(1)?)?,
            created_at: Timestamp::from_micros(row.get(2)?),
            duration_ms: duration_ms(started_at, finished_at),
        });
    }
    Ok(dots)
}

/// Counts of one flow, or of all: one row per flow is read, and one per bucket of durations, never the runs.
pub(super) fn stats(conn: &Connection, flow: Option<&str>) -> Result<FlowStats, Fault> {
    let mut sum = counts(conn, flow)?;
    let mut select = conn.prepare_cached(match flow {
        Some(_) => "SELECT bucket, n FROM flow_durations WHERE flow = ?",
        None => "SELECT bucket, sum(n) FROM flow_durations GROUP BY bucket",
    })?;
    let mut rows = select.query(rusqlite::params_from_iter(flow))?;
    while let Some(row) = rows.next()? {
        sum.durations.add_to(row.get(0)?, row.get(1)?);
    }
    Ok(sum.into_stats())
}

/// Runs of a flow by state, for lists.
pub(super) fn runs_by_state(conn: &Connection, flow: &str) -> Result<BTreeMap<String, u64>, Fault> {
    Ok(counts(conn, Some(flow))?.into_stats().runs)
}

/// Runs of each flow that has any, by state.
pub(super) fn counts_by_flow(conn: &Connection) -> Result<Vec<(String, [i64; RunStatus::ALL.len()])>, Fault> {
    let mut select = conn.prepare_cached("SELECT * FROM flow_stats ORDER BY flow")?;
    let mut rows = select.query([])?;
    let mut flows = Vec::new();
    while let Some(row) = rows.next()? {
        let mut counts = [0; RunStatus::ALL.len()];
        for (at, n) in counts.iter_mut().enumerate() {
            *n = row.get(at + 1)?;
        }
        flows.push((row.get(0)?, counts));
    }
    Ok(flows)
}

/// What must be known of a finished run to delete it.
pub(super) struct Remains {
    pub(super) flow: String,
    pub(super) state: RunStatus,
    pub(super) duration_ms: Option<u64>,
    /// `None` if they cannot be read.
    pub(super) labels: Option<BTreeMap<String, String>>,
}

/// A run that can be deleted; `None` if there is none or it is not finished.
pub(super) fn remains(conn: &Connection, run: RunId) -> Result<Option<Remains>, Fault> {
    let mut select = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM runs r WHERE r.run = ?"))?;
    let mut rows = select.query([run.to_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let glance = Glance::of(row)?;
    Ok(glance.state.is_final().then(|| Remains {
        flow: glance.flow.to_owned(),
        state: glance.state,
        duration_ms: duration_ms(glance.started_at, glance.finished_at),
        labels: glance.summary().ok().map(|summary| summary.labels),
    }))
}

fn counts(conn: &Connection, flow: Option<&str>) -> Result<Movement, Fault> {
    let mut select = conn.prepare_cached(match flow {
        Some(_) => "SELECT * FROM flow_stats WHERE flow = ?",
        None => "SELECT * FROM flow_stats",
    })?;
    let mut rows = select.query(rusqlite::params_from_iter(flow))?;
    let mut sum = Movement::default();
    while let Some(row) = rows.next()? {
        let mut one = Movement::default();
        for (at, n) in one.runs.iter_mut().enumerate() {
            *n = row.get(at + 1)?;
        }
        let number = |column: usize| -> rusqlite::Result<Option<u64>> {
            Ok(row.get::<_, Option<i64>>(column)?.map(i64::cast_unsigned))
        };
        one.n_finished = row.get(8)?;
        one.duration_ms_sum = row.get(9)?;
        one.duration_ms_min = number(10)?;
        one.duration_ms_max = number(11)?;
        sum.add(&one);
    }
    Ok(sum)
}
