//! What is projected from a run's events: its row, its labels, its flow's counts.

use flow::view::RunStatus;
use flow::{RunId, Timestamp};
use rusqlite::{CachedStatement, Connection, params};

use super::file::Fault;
use super::rows::rest_of;
use crate::store::durations::Durations;
use crate::store::listing::{duration_ms, wait_ms};
use crate::store::stats::{Movement, state_number};
use crate::store::{RunRow, StoreResult};

/// A run's row as it will be written.
pub(super) struct EncodedRow {
    pub(super) flow: Box<str>,
    pub(super) state: RunStatus,
    pub(super) duration_ms: Option<u64>,
    pub(super) created_at: i64,
    /// How long it waited before it began.
    pub(super) wait_ms: Option<u64>,
    /// The run it was made from.
    pub(super) retry_of: Option<RunId>,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    wake_at: Option<i64>,
    in_flight: bool,
    parent: Option<RunId>,
    rest: Box<str>,
    labels: Vec<(Box<str>, Box<str>)>,
}

impl EncodedRow {
    pub(super) fn new(row: &RunRow) -> StoreResult<Self> {
        let summary = &row.summary;
        let labels = summary.labels.iter();
        Ok(Self {
            flow: summary.flow.as_str().into(),
            state: summary.state,
            duration_ms: duration_ms(summary.started_at, summary.finished_at),
            created_at: summary.created_at.as_micros(),
            wait_ms: wait_ms(summary.created_at, summary.started_at),
            retry_of: summary.retry_of,
            started_at: summary.started_at.map(Timestamp::as_micros),
            finished_at: summary.finished_at.map(Timestamp::as_micros),
            wake_at: row.wake_at.map(Timestamp::as_micros),
            in_flight: row.in_flight,
            parent: summary.parent,
            rest: rest_of(summary)?.into_boxed_str(),
            labels: labels
                .map(|(label, value)| (label.as_str().into(), value.as_str().into()))
                .collect(),
        })
    }
}

/// The writing of rows at the end of a transaction.
pub(super) struct RowWriting<'a> {
    conn: &'a Connection,
    insert: CachedStatement<'a>,
    update: CachedStatement<'a>,
}

impl<'a> RowWriting<'a> {
    pub(super) fn new(conn: &'a Connection) -> Result<Self, Fault> {
        Ok(Self {
            conn,
            insert: conn.prepare_cached(
                "INSERT INTO runs (run, flow, state, last_seq, created_at, started_at, finished_at, wake_at, in_flight, rest, parent)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            update: conn.prepare_cached(
                "UPDATE runs SET state = ?, last_seq = ?, started_at = ?, finished_at = ?, wake_at = ?, in_flight = ?, rest = ?
                 WHERE run = ?",
            )?,
        })
    }

    pub(super) fn insert(&mut self, run: RunId, last_seq: u64, row: &EncodedRow) -> Result<(), Fault> {
        self.insert.execute(params![
            run.to_bytes(),
            row.flow,
            state_number(row.state),
            last_seq.cast_signed(),
            row.created_at,
            row.started_at,
            row.finished_at,
            row.wake_at,
            row.in_flight,
            row.rest,
            row.parent.map(RunId::to_bytes)
        ])?;
        for (label, value) in &row.labels {
            self.conn
                .prepare_cached("INSERT INTO run_labels (label, value, run) VALUES (?, ?, ?)")?
                .execute(params![label, value, run.to_bytes()])?;
        }
        Ok(())
    }

    /// Flow, labels, parent and instant of creation are a run's for good.
    pub(super) fn update(&mut self, run: RunId, last_seq: u64, row: &EncodedRow) -> Result<(), Fault> {
        self.update.execute(params![
            state_number(row.state),
            last_seq.cast_signed(),
            row.started_at,
            row.finished_at,
            row.wake_at,
            row.in_flight,
            row.rest,
            run.to_bytes()
        ])?;
        Ok(())
    }
}

/// Adds to a flow's counts.
pub(super) fn write_movement(conn: &Connection, flow: &str, movement: &Movement) -> Result<(), Fault> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let [queued, running, paused, ending, succeeded, failed, cancelled] = movement.runs;
    conn.prepare_cached(
        "INSERT INTO flow_stats VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (flow) DO UPDATE SET
             n_queued = n_queued + ?2, n_running = n_running + ?3, n_paused = n_paused + ?4, n_ending = n_ending + ?5,
             n_succeeded = n_succeeded + ?6, n_failed = n_failed + ?7, n_cancelled = n_cancelled + ?8,
             n_finished = n_finished + ?9, duration_ms_sum = duration_ms_sum + ?10,
             duration_ms_min = iif(n_finished + ?9 = 0, NULL, min(coalesce(duration_ms_min, ?11), coalesce(?11, duration_ms_min))),
             duration_ms_max = iif(n_finished + ?9 = 0, NULL, max(coalesce(duration_ms_max, ?12), coalesce(?12, duration_ms_max)))",
    )?
    .execute(params![
        flow,
        queued,
        running,
        paused,
        ending,
        succeeded,
        failed,
        cancelled,
        movement.n_finished,
        movement.duration_ms_sum,
        movement.duration_ms_min.map(number),
        movement.duration_ms_max.map(number)
    ])?;
    write_durations(conn, flow, &movement.durations)
}

/// As many rows as there are different buckets: one or two for a flow whose runs take about the same time.
fn write_durations(conn: &Connection, flow: &str, durations: &Durations) -> Result<(), Fault> {
    for (bucket, n) in durations.iter() {
        conn.prepare_cached(
            "INSERT INTO flow_durations VALUES (?1, ?2, ?3) ON CONFLICT (flow, bucket) DO UPDATE SET n = n + ?3",
        )?
        .execute(params![flow, bucket, n])?;
        if n < 0 {
            conn.prepare_cached("DELETE FROM flow_durations WHERE flow = ? AND bucket = ? AND n <= 0")?
                .execute(params![flow, bucket])?;
        }
    }
    Ok(())
}
