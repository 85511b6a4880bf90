//! Runs that are no longer kept.
//!
//! A run goes in two steps, because its log may be long and the writer must not be held up. First it vanishes: its row, labels, key
//! and part in the counts go at once, and it is noted as deleted. Then its events go piece by piece, and its logs, which lie in
//! another file. Only when nothing of it is left is the note removed, so a crash in between leaves nothing behind for ever.

use flow::RunId;
use flow::view::RunStatus;
use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

use super::file::Fault;
use super::projection::write_movement;
use super::rows;
use crate::store::retention::{Oldest, Retention, expired};
use crate::store::stats::{Movement, state_number};
use crate::store::{BlobKey, Swept};

/// Runs that may go.
pub(super) fn find(
    conn: &Connection,
    policy: &Retention,
    now: flow::Timestamp,
    limit: usize,
) -> Result<Vec<RunId>, Fault> {
    let flows = rows::counts_by_flow(conn)?;
    expired(policy, now, limit, flows.into_iter(), |oldest| {
        find_oldest(conn, &oldest)
    })
}

fn find_oldest(conn: &Connection, oldest: &Oldest<'_>) -> Result<Vec<RunId>, Fault> {
    // Succeeded runs are in no index by state: the walk passes over the few others between them.
    let mut select = conn.prepare_cached(if oldest.state == RunStatus::Succeeded {
        "SELECT run FROM runs INDEXED BY runs_by_flow
         WHERE flow = ? AND run < ? AND state = ? AND finished_at < ?
         AND (parent IS NULL OR NOT EXISTS (SELECT 1 FROM runs AS p WHERE p.run = runs.parent AND p.state < 4))
         ORDER BY run LIMIT ?"
    } else {
        "SELECT run FROM runs INDEXED BY runs_by_flow_and_state
         WHERE flow = ? AND run < ? AND state = ? AND state <> 4 AND finished_at < ?
         AND (parent IS NULL OR NOT EXISTS (SELECT 1 FROM runs AS p WHERE p.run = runs.parent AND p.state < 4))
         ORDER BY run LIMIT ?"
    })?;
    let found = select.query_map(
        params![
            oldest.flow,
            oldest.id_end().to_bytes(),
            state_number(oldest.state),
            oldest.finished_before.as_micros(),
            i64::try_from(oldest.limit).unwrap_or(i64::MAX)
        ],
        |row| row.get(0).map(RunId::from_bytes),
    )?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Lets finished runs vanish and answers how many did. `is_busy` says of which runs the open transaction holds rows back.
pub(super) fn delete(
    conn: &Connection,
    runs: &[RunId],
    is_busy: impl Fn(RunId) -> bool,
) -> Result<u64, Fault> {
    let mut movements: FxHashMap<String, Movement> = FxHashMap::default();
    let mut n_deleted = 0;
    for run in runs.iter().copied().filter(|run| !is_busy(*run)) {
        if let Some((flow, state, duration_ms)) = vanish(conn, run)? {
            movements
                .entry(flow)
                .or_default()
                .remove_parts(state, duration_ms);
            n_deleted += 1;
        }
    }
    for (flow, movement) in movements {
        write_movement(conn, &flow, &movement)?;
    }
    Ok(n_deleted)
}

fn vanish(conn: &Connection, run: RunId) -> Result<Option<(String, RunStatus, Option<u64>)>, Fault> {
    let Some(row) = rows::remains(conn, run)? else {
        return Ok(None);
    };
    let id = run.to_bytes();
    match row.labels {
        Some(labels) => {
            let mut delete =
                conn.prepare_cached("DELETE FROM run_labels WHERE label = ? AND value = ? AND run = ?")?;
            for (label, value) in labels {
                delete.execute(params![label, value, id])?;
            }
        }
        // The row cannot be read any more, which is no reason to keep it: without the labels' names all of them are looked at.
        None => drop(conn.execute("DELETE FROM run_labels WHERE run = ?", [id])?),
    }
    conn.prepare_cached("DELETE FROM idempotency WHERE run = ?")?
        .execute([id])?;
    conn.prepare_cached("DELETE FROM run_blobs WHERE run = ?")?
        .execute([id])?;
    conn.prepare_cached("DELETE FROM run_retries WHERE retried = ?")?
        .execute([run.to_string()])?;
    conn.prepare_cached("DELETE FROM runs WHERE run = ?")?
        .execute([id])?;
    conn.prepare_cached("INSERT INTO deleted_runs (run) VALUES (?)")?
        .execute([id])?;
    Ok(Some((row.flow, row.state, row.duration_ms)))
}

/// Deletes events of vanished runs, at most `limit` rows of them.
pub(super) fn sweep(conn: &Connection, limit: usize) -> Result<Swept, Fault> {
    let mut left = limit.max(1);
    let mut swept = Swept::default();
    while let Some(run) = next_deleted(conn, swept.emptied.last().copied())? {
        if left == 0 {
            return Ok(swept);
        }
        let n_rows = conn
            .prepare_cached(
                "DELETE FROM events WHERE run = ?1 AND first_seq IN
                     (SELECT first_seq FROM events WHERE run = ?1 ORDER BY first_seq LIMIT ?2)",
            )?
            .execute(params![run.to_bytes(), i64::try_from(left).unwrap_or(i64::MAX)])?;
        if n_rows == left {
            return Ok(swept);
        }
        // A run of no rows counts as one, or there would be no end to them.
        left -= n_rows.max(1);
        swept.emptied.push(run);
    }
    swept.is_done = true;
    Ok(swept)
}

fn next_deleted(conn: &Connection, after: Option<RunId>) -> Result<Option<RunId>, Fault> {
    let after = after.unwrap_or(RunId(0)).to_bytes();
    let found = conn
        .prepare_cached("SELECT run FROM deleted_runs WHERE run > ? ORDER BY run LIMIT 1")?
        .query_row([after], |row| row.get(0).map(RunId::from_bytes))
        .optional()?;
    Ok(found)
}

/// Those of these values that no run names.
pub(super) fn unreferenced(conn: &Connection, blobs: &[BlobKey]) -> Result<Vec<BlobKey>, Fault> {
    let mut by_run = conn.prepare_cached("SELECT 1 FROM run_blobs WHERE sha256 = ? LIMIT 1")?;
    let mut by_result = conn.prepare_cached("SELECT 1 FROM kept_results WHERE sha256 = ? LIMIT 1")?;
    let mut found = Vec::new();
    for blob in blobs {
        if !by_run.exists([blob])? && !by_result.exists([blob])? {
            found.push(*blob);
        }
    }
    Ok(found)
}

/// Removes the notes of runs of which nothing is left.
pub(super) fn forget(conn: &Connection, runs: &[RunId]) -> Result<(), Fault> {
    let mut delete = conn.prepare_cached("DELETE FROM deleted_runs WHERE run = ?")?;
    for run in runs {
        delete.execute([run.to_bytes()])?;
    }
    Ok(())
}
