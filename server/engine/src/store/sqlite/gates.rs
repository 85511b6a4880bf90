//! Limits on runs at work at once, and flows that start when others end.

use std::sync::Arc;

use flow::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::file::Fault;
use super::outbox;
use crate::store::{Follower, GateDecision, GateRow, NewVersion, StoreError};

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
    conn.prepare_cached("DELETE FROM follows WHERE flow = ?")?
        .execute([&version.flow])?;
    for (name, followed) in &version.follows {
        conn.prepare_cached("INSERT INTO follows (flow, name, followed) VALUES (?, ?, ?)")?
            .execute([&version.flow, name, followed])?;
    }
    Ok(())
}

/// Flows that start when others end, without the archived ones.
pub(super) fn followers(conn: &Connection) -> Result<Vec<Follower>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT f.followed, f.flow, f.name FROM follows f JOIN flows ON flows.flow = f.flow
         WHERE flows.archived = 0 ORDER BY f.followed, f.flow, f.name",
    )?;
    let rows = select.query_map([], |row| {
        let text = |column: usize| row.get::<_, String>(column).map(Arc::from);
        Ok(Follower {
            followed: text(0)?,
            flow: text(1)?,
            name: text(2)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
