//! Limits on runs at work at once, and flows that start when others end.

use std::sync::Arc;

use flow::{RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::file::Fault;
use super::outbox;
use crate::store::{FollowMark, Follower, GateDecision, GateRow, NewVersion, StoreError};

/// A gate.
pub(super) fn read(conn: &Connection, id: u128) -> Result<GateRow, Fault> {
    let found = conn
        .prepare_cached("SELECT rev, state FROM gates WHERE gate = ?")?
        .query_row([id.to_be_bytes()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((rev, state)) = found else {
        return Ok(GateRow::default());
    };
    let gate = serde_json::from_str(&state).map_err(|error| unreadable(&error))?;
    Ok(GateRow {
        rev: rev.cast_unsigned(),
        gate,
    })
}

fn unreadable(why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Incompatible(format!(
        "a limit on runs cannot be read ({why}); it was written by a newer Pointwork or is damaged"
    ))
}

/// Writes what a gate decided. False if it is not as it was before, or the message was taken.
pub(super) fn commit(conn: &Connection, decision: &GateDecision) -> Result<bool, Fault> {
    let rev: Option<i64> = conn
        .prepare_cached("SELECT rev FROM gates WHERE gate = ?")?
        .query_row([decision.id.to_be_bytes()], |row| row.get(0))
        .optional()?;
    let is_as_before = rev.unwrap_or(0).cast_unsigned() == decision.before;
    if !is_as_before || !outbox::are_there(conn, &[decision.takes])? {
        return Ok(false);
    }
    let state = serde_json::to_string(&decision.gate).map_err(|error| unreadable(&error))?;
    conn.prepare_cached(
        "INSERT INTO gates (gate, rev, state, is_empty, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (gate) DO UPDATE SET rev = ?2, state = ?3, is_empty = ?4, at = ?5",
    )?
    .execute(params![
        decision.id.to_be_bytes(),
        decision.rev.cast_signed(),
        state,
        decision.gate.is_empty(),
        decision.at.as_micros()
    ])?;
    outbox::take(conn, &[decision.takes])?;
    outbox::send(conn, &decision.messages)?;
    Ok(true)
}

/// Forgets gates that nobody has used since.
pub(super) fn forget(conn: &Connection, before: Timestamp) -> Result<(), Fault> {
    conn.prepare_cached("DELETE FROM gates WHERE is_empty AND at < ?")?
        .execute([before.as_micros()])?;
    Ok(())
}

/// Brings what a flow follows up to its newest version.
pub(super) fn save_follows(conn: &Connection, version: &NewVersion) -> Result<(), Fault> {
    let before: Vec<String> = {
        let mut select = conn.prepare_cached("SELECT name FROM follows WHERE flow = ?")?;
        let names = select.query_map([&version.flow], |row| row.get(0))?;
        names.collect::<rusqlite::Result<_>>()?
    };
    for gone in before
        .iter()
        .filter(|old| version.follows.iter().all(|(name, _)| name != *old))
    {
        conn.prepare_cached("DELETE FROM follows WHERE flow = ? AND name = ?")?
            .execute([&version.flow, gone])?;
    }
    for (name, followed) in &version.follows {
        conn.prepare_cached(
            "INSERT INTO follows (flow, name, followed) VALUES (?1, ?2, ?3)
             ON CONFLICT (flow, name) DO UPDATE
             SET followed = ?3, last_at = NULL, last_after = NULL, last_run = NULL, last_error = NULL WHERE followed != ?3",
        )?
        .execute([&version.flow, name, followed])?;
    }
    Ok(())
}

/// Notes what came of an end that was to start a flow.
pub(super) fn mark_follower(
    conn: &Connection,
    flow: &str,
    name: &str,
    mark: &FollowMark,
) -> Result<(), Fault> {
    conn.prepare_cached("UPDATE follows SET last_at = ?, last_after = ?, last_run = ?, last_error = ? WHERE flow = ? AND name = ?")?
        .execute(params![
            mark.at.as_micros(),
            mark.after.to_bytes(),
            mark.came.as_ref().ok().map(|run| run.to_bytes()),
            mark.came.as_ref().err(),
            flow,
            name,
        ])?;
    Ok(())
}

/// Flows that start when others end, without the archived ones.
pub(super) fn followers(conn: &Connection) -> Result<Vec<Follower>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT f.followed, f.flow, f.name, f.last_at, f.last_after, f.last_run, f.last_error FROM follows f JOIN flows ON flows.flow = f.flow
         WHERE flows.archived = 0 ORDER BY f.followed, f.flow, f.name",
    )?;
    let rows = select.query_map([], |row| {
        let text = |column: usize| row.get::<_, String>(column).map(Arc::from);
        Ok(Follower {
            followed: text(0)?,
            flow: text(1)?,
            name: text(2)?,
            last: last(row)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn last(row: &Row<'_>) -> rusqlite::Result<Option<FollowMark>> {
    let run = |column: usize| {
        let bytes = row.get::<_, Option<[u8; 16]>>(column)?;
        Ok::<_, rusqlite::Error>(bytes.map(RunId::from_bytes))
    };
    let (at, after): (Option<i64>, _) = (row.get(3)?, run(4)?);
    let Some((at, after)) = at.zip(after) else {
        return Ok(None);
    };
    let came = match run(5)? {
        Some(run) => Ok(run),
        None => Err(row.get::<_, Option<String>>(6)?.unwrap_or_default()),
    };
    Ok(Some(FollowMark {
        at: Timestamp::from_micros(at),
        after,
        came,
    }))
}
