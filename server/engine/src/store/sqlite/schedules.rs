//! Schedules and how far they have come.

use flow::{RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::file::Fault;
use crate::store::{NewVersion, ScheduleMark, ScheduleRow};

/// Brings a flow's schedules up to its newest version. `is_back` says that the flow was archived until now.
pub(super) fn save(conn: &Connection, version: &NewVersion, is_back: bool) -> Result<(), Fault> {
    let before = list(conn, Some(&version.flow), true)?;
    let gone = before
        .iter()
        .filter(|row| version.schedules.iter().all(|new| new.name != row.name));
    for row in gone {
        conn.prepare_cached("DELETE FROM schedules WHERE flow = ? AND name = ?")?
            .execute([&row.flow, &row.name])?;
    }
    for new in &version.schedules {
        match before.iter().find(|row| row.name == new.name) {
            Some(row) if row.spec == new.spec && !is_back => {}
            Some(_) => {
                conn.prepare_cached("UPDATE schedules SET spec = ?, considered_at = max(considered_at, ?), last_error = NULL WHERE flow = ? AND name = ?")?
                    .execute(params![new.spec, version.at.as_micros(), version.flow, new.name])?;
            }
            None => {
                conn.prepare_cached("INSERT INTO schedules (flow, name, spec, is_paused, considered_at, n_left_out) VALUES (?, ?, ?, 0, ?, 0)")?
                    .execute(params![version.flow, new.name, new.spec, version.at.as_micros()])?;
            }
        }
    }
    Ok(())
}

/// The schedules of one flow, or of all; those of archived flows only if asked for.
pub(super) fn list(
    conn: &Connection,
    flow: Option<&str>,
    archived_too: bool,
) -> Result<Vec<ScheduleRow>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT s.flow, s.name, s.spec, s.is_paused, s.considered_at, s.last_at, s.last_run, s.last_error, s.n_left_out, s.pause_reason
         FROM schedules s JOIN flows f ON f.flow = s.flow
         WHERE (?1 IS NULL OR s.flow = ?1) AND (?2 OR f.archived = 0) ORDER BY s.flow, s.name",
    )?;
    let rows = select.query_map(params![flow, archived_too], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ScheduleRow> {
    let last_at: Option<i64> = row.get(5)?;
    let last_run: Option<[u8; 16]> = row.get(6)?;
    Ok(ScheduleRow {
        flow: row.get(0)?,
        name: row.get(1)?,
        spec: row.get(2)?,
        is_paused: row.get(3)?,
        considered_at: Timestamp::from_micros(row.get(4)?),
        last: last_at
            .zip(last_run)
            .map(|(at, run)| (Timestamp::from_micros(at), RunId::from_bytes(run))),
        last_error: row.get(7)?,
        n_left_out: row.get::<_, i64>(8)?.unsigned_abs(),
        pause_reason: row.get(9)?,
    })
}

fn find(conn: &Connection, flow: &str, name: &str) -> Result<Option<ScheduleRow>, Fault> {
    Ok(conn
        .prepare_cached(
            "SELECT flow, name, spec, is_paused, considered_at, last_at, last_run, last_error, n_left_out, pause_reason
             FROM schedules WHERE flow = ? AND name = ?",
        )?
        .query_row([flow, name], read)
        .optional()?)
}

/// Notes how far one has come.
pub(super) fn mark(conn: &Connection, flow: &str, name: &str, mark: &ScheduleMark) -> Result<(), Fault> {
    let Some(mut row) = find(conn, flow, name)? else {
        return Ok(());
    };
    row.mark(mark);
    conn.prepare_cached("UPDATE schedules SET considered_at = ?, last_at = ?, last_run = ?, last_error = ?, n_left_out = ? WHERE flow = ? AND name = ?")?
        .execute(params![
            row.considered_at.as_micros(),
            row.last.map(|(at, _)| at.as_micros()),
            row.last.map(|(_, run)| run.to_bytes()),
            row.last_error,
            row.n_left_out.cast_signed(),
            flow,
            name,
        ])?;
    Ok(())
}

/// Holds one, or lets it go on from `now`. False if there is none.
pub(super) fn pause(
    conn: &Connection,
    (flow, name): (&str, &str),
    is_paused: bool,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, Fault> {
    // What was due while it was held is not made up for.
    let sql = if is_paused {
        "UPDATE schedules SET is_paused = 1, pause_reason = ?4 WHERE flow = ?2 AND name = ?3"
    } else {
        "UPDATE schedules SET considered_at = iif(is_paused, max(considered_at, ?1), considered_at), is_paused = 0, pause_reason = ?4 WHERE flow = ?2 AND name = ?3"
    };
    let n = conn
        .prepare_cached(sql)?
        .execute(params![now.as_micros(), flow, name, reason])?;
    Ok(n == 1)
}
