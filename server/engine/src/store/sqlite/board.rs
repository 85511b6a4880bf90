//! Counts by time, views and commands to many runs.

use std::ops::Range;

use async_trait::async_trait;
use flow::view::RunStatus;
use flow::{RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use rustc_hash::FxHashMap;

use super::SqliteStore;
use super::file::Fault;
use super::rows::state_of;
use crate::store::StoreResult;
use crate::store::board::{BoardStore, BulkMark, BulkRow, BulkRun, BulkState, ViewRow};
use crate::store::cells::{Cell, CellKey, CellKind, Moved};

const MINUTES: u8 = 0;
const HOURS: u8 = 1;

/// How many rows of runs a command to many is weighed by in the sharing of transactions.
const ROWS_PER_WEIGHT: usize = 8;

/// What a transaction's moves add to the counts by time.
#[derive(Default)]
pub(super) struct Counting<'a>(FxHashMap<(&'a str, CellKey), i64>);

impl<'a> Counting<'a> {
    pub(super) fn count(&mut self, flow: &'a str, moved: Moved) {
        moved.count(|key| {
            for name in [flow, ""] {
                *self.0.entry((name, key)).or_insert(0) += 1;
            }
        });
    }

    pub(super) fn write(self, conn: &Connection) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut cells: Vec<_> = self.0.into_iter().collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        let mut upsert = conn.prepare_cached(
            "INSERT INTO run_cells (grain, flow, at, kind, bucket, n) VALUES (0, ?, ?, ?, ?, ?)
             ON CONFLICT (grain, flow, at, kind, bucket) DO UPDATE SET n = n + excluded.n",
        )?;
        for ((flow, (at, kind, bucket)), n) in cells {
            upsert.execute(params![flow, at, kind.number(), bucket, n])?;
        }
        Ok(())
    }
}

/// Notes that a run was made from another; the first one counts.
pub(super) fn retried(conn: &Connection, old: RunId, by: RunId) -> Result<(), Fault> {
    conn.prepare_cached("INSERT OR IGNORE INTO run_retries (retried, run) VALUES (?, ?)")?
        .execute(params![old.to_string(), by.to_bytes()])?;
    Ok(())
}

/// The first run that was made from this one.
pub(super) fn retried_by(conn: &Connection, run: RunId) -> Result<Option<RunId>, Fault> {
    let found = conn
        .prepare_cached("SELECT run FROM run_retries WHERE retried = ?")?
        .query_row([run.to_string()], |row| row.get(0).map(RunId::from_bytes))
        .optional()?;
    Ok(found)
}

fn cells(conn: &Connection, flow: &str, range: &Range<i64>) -> Result<Vec<Cell>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT at, kind, bucket, n FROM run_cells WHERE grain = ? AND flow = ? AND at >= ? AND at < ?",
    )?;
    let mut found = Vec::new();
    for grain in [MINUTES, HOURS] {
        let mut rows = select.query(params![grain, flow, range.start, range.end])?;
        while let Some(row) = rows.next()? {
            // A kind that this version does not know is another's.
            if let Some(kind) = CellKind::of_number(row.get(1)?) {
                found.push(Cell {
                    at: row.get(0)?,
                    kind,
                    bucket: row.get(2)?,
                    n: row.get(3)?,
                });
            }
        }
    }
    Ok(found)
}

fn fold(conn: &Connection, flow: &str, minutes_before: i64, hours_before: i64) -> Result<(), Fault> {
    conn.prepare_cached(
        "INSERT INTO run_cells (grain, flow, at, kind, bucket, n)
         SELECT 1, flow, at / 3600 * 3600, kind, bucket, sum(n) FROM run_cells
         WHERE grain = 0 AND flow = ? AND at < ? GROUP BY 3, 4, 5
         ON CONFLICT (grain, flow, at, kind, bucket) DO UPDATE SET n = n + excluded.n",
    )?
    .execute(params![flow, minutes_before])?;
    let mut delete = conn.prepare_cached("DELETE FROM run_cells WHERE grain = ? AND flow = ? AND at < ?")?;
    delete.execute(params![MINUTES, flow, minutes_before])?;
    delete.execute(params![HOURS, flow, hours_before])?;
    Ok(())
}

const BULK: &str = "SELECT id, spec, state, made_at, expires_at, n, n_done, n_refused FROM bulks";

fn bulk(row: &Row<'_>) -> rusqlite::Result<BulkRow> {
    let number: u8 = row.get(2)?;
    let state = BulkState::ALL.into_iter().find(|state| state.number() == number);
    Ok(BulkRow {
        id: row.get(0)?,
        spec: row.get(1)?,
        state: state.unwrap_or(BulkState::Done),
        made_at: Timestamp::from_micros(row.get(3)?),
        expires_at: Timestamp::from_micros(row.get(4)?),
        n: row.get(5)?,
        n_done: row.get(6)?,
        n_refused: row.get(7)?,
    })
}

fn put(conn: &Connection, bulk: &BulkRow, runs: &[RunId]) -> Result<(), Fault> {
    conn.prepare_cached("INSERT INTO bulks VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![
            bulk.id,
            bulk.spec,
            bulk.state.number(),
            bulk.made_at.as_micros(),
            bulk.expires_at.as_micros(),
            bulk.n,
            bulk.n_done,
            bulk.n_refused
        ])?;
    let mut insert = conn.prepare_cached("INSERT INTO bulk_runs (bulk, n, run) VALUES (?, ?, ?)")?;
    for (n, run) in (0_u32..).zip(runs) {
        insert.execute(params![bulk.id, n, run.to_bytes()])?;
    }
    Ok(())
}

fn mark(conn: &Connection, id: &str, marks: &[BulkMark]) -> Result<(), Fault> {
    let mut note =
        conn.prepare_cached("UPDATE bulk_runs SET result = ? WHERE bulk = ? AND n = ? AND result IS NULL")?;
    let (mut n_done, mut n_refused) = (0, 0);
    for mark in marks {
        if note.execute(params![mark.result, id, mark.n])? == 1 {
            n_done += u32::from(mark.is_done);
            n_refused += u32::from(!mark.is_done);
        }
    }
    conn.prepare_cached(
        "UPDATE bulks SET n_done = n_done + ?2, n_refused = n_refused + ?3,
             state = iif(n_done + ?2 + n_refused + ?3 >= n, 2, state) WHERE id = ?1",
    )?
    .execute(params![id, n_done, n_refused])?;
    Ok(())
}

#[async_trait]
impl BoardStore for SqliteStore {
    async fn run_cells(&self, flow: Option<&str>, range: Range<i64>) -> StoreResult<Vec<Cell>> {
        let flow = flow.unwrap_or_default().to_owned();
        self.readers.read(move |conn| cells(conn, &flow, &range)).await
    }

    async fn fold_cells(
        &self,
        flow: Option<&str>,
        minutes_before: i64,
        hours_before: i64,
    ) -> StoreResult<()> {
        let flow = flow.unwrap_or_default().to_owned();
        self.writer
            .write(ROWS_PER_WEIGHT, move |conn, _| {
                fold(conn, &flow, minutes_before, hours_before)
            })
            .await
    }

    async fn counted_flows(&self) -> StoreResult<Vec<String>> {
        self.readers
            .read(|conn| {
                let mut select = conn.prepare_cached("SELECT flow FROM flow_stats ORDER BY flow")?;
                let flows = select.query_map([], |row| row.get(0))?;
                Ok(flows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn unasked_runs(&self, limit: usize) -> StoreResult<Vec<RunId>> {
        self.readers
            .read(move |conn| {
                let mut select = conn.prepare_cached("SELECT run FROM unasked_runs ORDER BY run LIMIT ?")?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let runs = select.query_map([limit], |row| row.get(0).map(RunId::from_bytes))?;
                Ok(runs.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn note_asking(&self, run: RunId, last_seq: u64, n_asking: u32) -> StoreResult<()> {
        self.writer
            .write(1, move |conn, _| {
                conn.prepare_cached(
                    "UPDATE runs SET rest = json_set(rest, '$.n_asking', ?) WHERE run = ? AND last_seq = ?",
                )?
                .execute(params![n_asking, run.to_bytes(), last_seq.cast_signed()])?;
                conn.prepare_cached("DELETE FROM unasked_runs WHERE run = ?")?
                    .execute([run.to_bytes()])?;
                Ok(())
            })
            .await
    }

    async fn views(&self) -> StoreResult<Vec<ViewRow>> {
        self.readers
            .read(|conn| {
                let mut select =
                    conn.prepare_cached("SELECT name, query, updated_at, actor FROM views ORDER BY name")?;
                let views = select.query_map([], |row| {
                    Ok(ViewRow {
                        name: row.get(0)?,
                        query: row.get(1)?,
                        updated_at: Timestamp::from_micros(row.get(2)?),
                        actor: row.get(3)?,
                    })
                })?;
                Ok(views.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn put_view(&self, view: ViewRow) -> StoreResult<()> {
        self.writer
            .write(1, move |conn, _| {
                conn.prepare_cached(
                    "INSERT OR REPLACE INTO views (name, query, updated_at, actor) VALUES (?, ?, ?, ?)",
                )?
                .execute(params![
                    view.name,
                    view.query,
                    view.updated_at.as_micros(),
                    view.actor
                ])?;
                Ok(())
            })
            .await
    }

    async fn remove_view(&self, name: &str) -> StoreResult<bool> {
        let name = name.to_owned();
        self.writer
            .write(1, move |conn, _| {
                let mut delete = conn.prepare_cached("DELETE FROM views WHERE name = ?")?;
                Ok(delete.execute([&name])? == 1)
            })
            .await
    }

    async fn put_bulk(&self, bulk: BulkRow, runs: Vec<RunId>) -> StoreResult<()> {
        self.writer
            .write(1 + runs.len() / ROWS_PER_WEIGHT, move |conn, _| {
                put(conn, &bulk, &runs)
            })
            .await
    }

    async fn bulk(&self, id: &str) -> StoreResult<Option<BulkRow>> {
        let id = id.to_owned();
        self.readers
            .read(move |conn| {
                let mut select = conn.prepare_cached(&format!("{BULK} WHERE id = ?"))?;
                Ok(select.query_row([id], bulk).optional()?)
            })
            .await
    }

    async fn begin_bulk(&self, id: &str, now: Timestamp) -> StoreResult<bool> {
        let id = id.to_owned();
        self.writer
            .write(1, move |conn, _| {
                let mut update = conn.prepare_cached(
                    "UPDATE bulks SET state = 1 WHERE id = ? AND state = 0 AND expires_at > ?",
                )?;
                Ok(update.execute(params![id, now.as_micros()])? == 1)
            })
            .await
    }

    async fn bulk_runs(&self, id: &str, from: u32, limit: usize) -> StoreResult<Vec<BulkRun>> {
        let id = id.to_owned();
        self.readers
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT n, run, result FROM bulk_runs WHERE bulk = ? AND n >= ? ORDER BY n LIMIT ?",
                )?;
                let limit = i64::try_from(limit).unwrap_or(i64::MAX);
                let runs = select.query_map(params![id, from, limit], |row| {
                    Ok(BulkRun {
                        n: row.get(0)?,
                        run: RunId::from_bytes(row.get(1)?),
                        result: row.get(2)?,
                    })
                })?;
                Ok(runs.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn bulk_states(&self, id: &str) -> StoreResult<Vec<(Option<RunStatus>, u32)>> {
        let id = id.to_owned();
        self.readers
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT runs.state, count(*) FROM bulk_runs LEFT JOIN runs ON runs.run = bulk_runs.run
                     WHERE bulk = ? GROUP BY 1",
                )?;
                let mut rows = select.query([id])?;
                let mut counts = Vec::new();
                while let Some(row) = rows.next()? {
                    let number: Option<i64> = row.get(0)?;
                    counts.push((number.map(state_of).transpose()?, row.get(1)?));
                }
                Ok(counts)
            })
            .await
    }

    async fn mark_bulk(&self, id: &str, marks: Vec<BulkMark>) -> StoreResult<()> {
        let id = id.to_owned();
        self.writer
            .write(1 + marks.len() / ROWS_PER_WEIGHT, move |conn, _| {
                mark(conn, &id, &marks)
            })
            .await
    }

    async fn acting_bulks(&self) -> StoreResult<Vec<BulkRow>> {
        self.readers
            .read(|conn| {
                let mut select = conn.prepare_cached(&format!("{BULK} WHERE state = 1 ORDER BY made_at"))?;
                let bulks = select.query_map([], bulk)?;
                Ok(bulks.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn forget_bulks(&self, before: Timestamp) -> StoreResult<()> {
        self.writer
            .write(ROWS_PER_WEIGHT, move |conn, _| {
                let before = before.as_micros();
                conn.prepare_cached(
                    "DELETE FROM bulk_runs WHERE bulk IN (SELECT id FROM bulks WHERE expires_at < ? AND state <> 1)",
                )?
                .execute([before])?;
                conn.prepare_cached("DELETE FROM bulks WHERE expires_at < ? AND state <> 1")?
                    .execute([before])?;
                Ok(())
            })
            .await
    }
}
