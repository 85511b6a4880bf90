//! Secrets, variables, and which flows refer to them.

use flow::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::file::Fault;
use crate::store::{NewSecret, NewVariable, NewVersion, SecretRow, VariableRow};

const SECRET: u8 = 0;
const VARIABLE: u8 = 1;

/// Brings what a flow refers to up to its newest version.
pub(super) fn save_references(conn: &Connection, version: &NewVersion) -> Result<(), Fault> {
    conn.prepare_cached("DELETE FROM flow_references WHERE flow = ?")?
        .execute([&version.flow])?;
    let all = [
        (SECRET, &version.references.secrets),
        (VARIABLE, &version.references.variables),
    ];
    for (kind, names) in all {
        for name in names {
            conn.prepare_cached("INSERT OR IGNORE INTO flow_references (flow, kind, name) VALUES (?, ?, ?)")?
                .execute(params![version.flow, kind, name])?;
        }
    }
    Ok(())
}

/// The flows that refer to something and are not archived.
fn used_by(conn: &Connection, kind: u8, name: &str) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached(
        "SELECT r.flow FROM flow_references r JOIN flows f ON f.flow = r.flow
         WHERE r.kind = ? AND r.name = ? AND f.archived = 0 ORDER BY r.flow",
    )?
    .query_map(params![kind, name], |row| row.get(0))?
    .collect()
}

pub(super) fn put_secret(conn: &Connection, new: &NewSecret) -> Result<(), Fault> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO secrets (name, sealed, updated_at, actor) VALUES (?, ?, ?, ?)",
    )?
    .execute(params![new.name, new.sealed, new.at.as_micros(), new.actor])?;
    Ok(())
}

pub(super) fn secrets(conn: &Connection) -> Result<Vec<SecretRow>, Fault> {
    let rows: Vec<SecretRow> = conn
        .prepare_cached("SELECT name, updated_at, actor FROM secrets ORDER BY name")?
        .query_map([], |row| {
            let name: String = row.get(0)?;
            Ok(SecretRow {
                used_by: used_by(conn, SECRET, &name)?,
                name,
                updated_at: Timestamp::from_micros(row.get(1)?),
                actor: row.get(2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn sealed_secret(conn: &Connection, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    Ok(conn
        .prepare_cached("SELECT sealed FROM secrets WHERE name = ?")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

pub(super) fn remove_secret(conn: &Connection, name: &str) -> Result<bool, Fault> {
    let n = conn
        .prepare_cached("DELETE FROM secrets WHERE name = ?")?
        .execute([name])?;
    Ok(n == 1)
}

pub(super) fn put_variable(conn: &Connection, new: &NewVariable) -> Result<(), Fault> {
    conn.prepare_cached(
        "INSERT OR REPLACE INTO variables (name, value, updated_at, actor) VALUES (?, ?, ?, ?)",
    )?
    .execute(params![
        new.name,
        new.value.to_string(),
        new.at.as_micros(),
        new.actor
    ])?;
    Ok(())
}

pub(super) fn variables(conn: &Connection) -> Result<Vec<VariableRow>, Fault> {
    let rows: Vec<VariableRow> = conn
        .prepare_cached("SELECT name, value, updated_at, actor FROM variables ORDER BY name")?
        .query_map([], |row| {
            let name: String = row.get(0)?;
            let value: String = row.get(1)?;
            let wrong = |error| {
                rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
            };
            Ok(VariableRow {
                used_by: used_by(conn, VARIABLE, &name)?,
                name,
                value: serde_json::from_str(&value).map_err(wrong)?,
                updated_at: Timestamp::from_micros(row.get(2)?),
                actor: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn remove_variable(conn: &Connection, name: &str) -> Result<bool, Fault> {
    let n = conn
        .prepare_cached("DELETE FROM variables WHERE name = ?")?
        .execute([name])?;
    Ok(n == 1)
}
