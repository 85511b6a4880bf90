//! Flows and their versions.

use flow::Timestamp;
use flow::view::{FlowSummary, FlowVersionView, Page};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::file::Fault;
use super::{edits, gates, notices, rows, schedules, settings};
use crate::store::listing::{flow_has_text, page_of_flows};
use crate::store::{NewVersion, StoreError, StoredVersion};

/// Saves a version and returns its number.
pub(super) fn save(conn: &Connection, version: &NewVersion) -> Result<u32, Fault> {
    let current: u32 = conn
        .prepare_cached("SELECT version FROM flows WHERE flow = ?")?
        .query_row([&version.flow], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    if let Some(expected) = version.expected.filter(|expected| *expected != current) {
        return Err(StoreError::VersionConflict { expected, current }.into());
    }
    if is_unchanged(conn, version, current)? || redraw(conn, version, current)? {
        let n_back = conn
            .prepare_cached("UPDATE flows SET archived = 0 WHERE flow = ? AND archived <> 0")?
            .execute([&version.flow])?;
        schedules::save(conn, version, n_back == 1)?;
        gates::save_follows(conn, version)?;
        notices::save_rules(conn, version, n_back == 1)?;
        return Ok(current);
    }
    let is_back: bool = conn
        .prepare_cached("SELECT archived FROM flows WHERE flow = ?")?
        .query_row([&version.flow], |row| row.get(0))
        .optional()?
        .unwrap_or(false);
    let number = current + 1;
    let at = version.at.as_micros();
    conn.prepare_cached(
        "INSERT INTO flow_versions (flow, version, source, format, document, n_tasks, created_at, actor) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        version.flow,
        number,
        version.source,
        version.format,
        version.document,
        version.n_tasks,
        at,
        version.actor
    ])?;
    conn.prepare_cached("INSERT OR REPLACE INTO flows (flow, name, description, version, n_tasks, updated_at, archived) VALUES (?, ?, ?, ?, ?, ?, 0)")?
        .execute(params![version.flow, version.name, version.description, number, version.n_tasks, at])?;
    schedules::save(conn, version, is_back)?;
    notices::save_rules(conn, version, is_back)?;
    settings::save_references(conn, version)?;
    gates::save_follows(conn, version)?;
    Ok(number)
}

fn is_unchanged(conn: &Connection, version: &NewVersion, newest: u32) -> Result<bool, Fault> {
    let same = conn
        .prepare_cached(
            "SELECT document = ? AND source = ? FROM flow_versions WHERE flow = ? AND version = ?",
        )?
        .query_row(
            params![version.document, version.source, version.flow, newest],
            |row| row.get(0),
        )
        .optional()?;
    Ok(same.unwrap_or(false))
}

/// Replaces the text of the newest version by one that draws it otherwise. False if it is not of that version.
fn redraw(conn: &Connection, version: &NewVersion, newest: u32) -> Result<bool, Fault> {
    if version.redraws != Some(newest) {
        return Ok(false);
    }
    conn.prepare_cached("UPDATE flow_versions SET source = ?, document = ? WHERE flow = ? AND version = ?")?
        .execute(params![version.source, version.document, version.flow, newest])?;
    Ok(true)
}

/// Hides a flow. False if there is none.
pub(super) fn archive(conn: &Connection, flow: &str) -> Result<bool, Fault> {
    Ok(conn
        .prepare_cached("UPDATE flows SET archived = 1 WHERE flow = ?")?
        .execute([flow])?
        == 1)
}

/// How many are not archived.
pub(super) fn count(conn: &Connection) -> Result<u64, Fault> {
    let n: i64 = conn
        .prepare_cached("SELECT count(*) FROM flows WHERE archived = 0")?
        .query_row([], |row| row.get(0))?;
    Ok(n.unsigned_abs())
}

/// A version; the newest if `version` is `None`.
pub(super) fn version(
    conn: &Connection,
    flow: &str,
    version: Option<u32>,
) -> Result<Option<StoredVersion>, Fault> {
    if let Some(trial) = version.filter(|version| flow::trial::is_trial(*version)) {
        return edits::trial(conn, flow, trial);
    }
    let found = conn
        .prepare_cached(
            "SELECT f.flow, v.version, f.version, v.source, v.format, v.document, v.created_at, v.actor, f.archived
             FROM flows f JOIN flow_versions v ON v.flow = f.flow AND v.version = coalesce(?2, f.version) WHERE f.flow = ?1",
        )?
        .query_row(params![flow, version], stored)
        .optional()?;
    Ok(found)
}

/// A version from its row.
pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredVersion> {
    Ok(StoredVersion {
        flow: row.get(0)?,
        version: row.get(1)?,
        newest: row.get(2)?,
        source: row.get(3)?,
        format: row.get(4)?,
        document: row.get(5)?,
        created_at: Timestamp::from_micros(row.get(6)?),
        actor: row.get(7)?,
        archived: row.get(8)?,
    })
}

/// The versions of a flow, newest first.
pub(super) fn versions(conn: &Connection, flow: &str) -> Result<Vec<FlowVersionView>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT version, created_at, actor, n_tasks FROM flow_versions WHERE flow = ? ORDER BY version DESC",
    )?;
    let rows = select.query_map([flow], |row| {
        Ok(FlowVersionView {
            version: row.get(0)?,
            created_at: Timestamp::from_micros(row.get(1)?),
            actor: row.get(2)?,
            n_tasks: row.get(3)?,
            message: None,
            name: None,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A page of flows by id.
pub(super) fn list(
    conn: &Connection,
    text: Option<&str>,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page<FlowSummary>, Fault> {
    let limit = limit.max(1);
    let mut select = conn.prepare_cached(
        "SELECT flow, name, description, version, updated_at, n_tasks, archived FROM flows WHERE flow > ? ORDER BY flow",
    )?;
    let mut rows = select.query([cursor.unwrap_or("")])?;
    let mut flows = Vec::new();
    while let Some(row) = rows.next()? {
        let flow = summary(row)?;
        let is_archived: bool = row.get(6)?;
        if !is_archived && flow_has_text(text, &flow.id, &flow.name, flow.description.as_deref()) {
            flows.push(flow);
            if flows.len() > limit {
                break;
            }
        }
    }
    let mut page = page_of_flows(flows, limit);
    add_runs(conn, &mut page.items)?;
    Ok(page)
}

/// The flows of which a run was made last, then those without runs by name. What sorts them is read from the index of runs by flow,
/// one entry for each flow.
pub(super) fn latest(conn: &Connection, limit: usize) -> Result<Vec<FlowSummary>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT flow, name, description, version, updated_at, n_tasks FROM flows WHERE archived = 0
         ORDER BY (SELECT max(run) FROM runs INDEXED BY runs_by_flow WHERE runs.flow = flows.flow) DESC, lower(name), flow LIMIT ?",
    )?;
    let rows = select.query_map([limit.cast_signed() as i64], summary)?;
    let mut flows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    add_runs(conn, &mut flows)?;
    Ok(flows)
}

/// A flow from its row, still without its runs.
fn summary(row: &Row<'_>) -> rusqlite::Result<FlowSummary> {
    Ok(FlowSummary {
        id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        version: row.get(3)?,
        updated_at: Timestamp::from_micros(row.get(4)?),
        n_tasks: row.get(5)?,
        runs: std::collections::BTreeMap::new(),
        latest_runs: Vec::new(),
    })
}

fn add_runs(conn: &Connection, flows: &mut [FlowSummary]) -> Result<(), Fault> {
    for flow in flows {
        flow.runs = rows::runs_by_state(conn, &flow.id)?;
        flow.latest_runs = rows::latest_runs(conn, &flow.id)?;
    }
    Ok(())
}
