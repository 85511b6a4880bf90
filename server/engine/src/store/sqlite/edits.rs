//! Drafts, documents that are tried out, and what authors said of versions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flow::trial::TRIAL_FIRST;
use flow::{RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use super::file::Fault;
use crate::store::edits::{DRAFTS_MAX, DRAFTS_PER_OWNER_MAX, DraftRow, DraftSaved, EditStore, NewTrial};
use crate::store::memory_edits::after_all;
use crate::store::{StoreResult, StoredVersion};

/// What a text weighs in the sharing of transactions: it may have a megabyte.
const TEXT_WEIGHT: usize = 8;

fn put_draft(conn: &Connection, draft: &DraftRow, after: Option<Timestamp>) -> Result<DraftSaved, Fault> {
    let before: Option<Timestamp> = conn
        .prepare_cached("SELECT saved_at FROM drafts WHERE owner = ? AND flow = ?")?
        .query_row([&draft.owner, &draft.flow], |row| {
            row.get(0).map(Timestamp::from_micros)
        })
        .optional()?;
    if let Some(before) = before.filter(|before| Some(*before) != after) {
        return Ok(DraftSaved::Newer(before));
    }
    let saved_at = after_all(draft.saved_at, before);
    conn.prepare_cached(
        "INSERT INTO drafts (owner, flow, base, source, saved_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (owner, flow) DO UPDATE SET base = excluded.base, source = excluded.source, saved_at = excluded.saved_at",
    )?
    .execute(params![
        draft.owner,
        draft.flow,
        draft.base,
        draft.source,
        saved_at.as_micros()
    ])?;
    conn.prepare_cached(
        "DELETE FROM drafts WHERE id IN
         (SELECT id FROM drafts WHERE owner = ? ORDER BY saved_at DESC, flow DESC LIMIT -1 OFFSET ?)",
    )?
    .execute(params![draft.owner, DRAFTS_PER_OWNER_MAX])?;
    conn.prepare_cached(
        "DELETE FROM drafts WHERE id IN
         (SELECT id FROM drafts ORDER BY saved_at DESC, owner DESC, flow DESC LIMIT -1 OFFSET ?)",
    )?
    .execute([DRAFTS_MAX])?;
    Ok(DraftSaved::Kept(saved_at))
}

fn put_trial(conn: &Connection, trial: &NewTrial) -> Result<u32, Fault> {
    let newest: Option<(u32, bool)> = conn
        .prepare_cached(
            "SELECT version, document = ? FROM trials WHERE flow = ? ORDER BY version DESC LIMIT 1",
        )?
        .query_row([&trial.document, &trial.flow], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let number = match newest {
        Some((number, true)) => return Ok(number),
        Some((number, false)) => number + 1,
        None => TRIAL_FIRST,
    };
    conn.prepare_cached(
        "INSERT INTO trials (flow, version, source, format, document, created_at, actor) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        trial.flow,
        number,
        trial.source,
        trial.format,
        trial.document,
        trial.at.as_micros(),
        trial.actor
    ])?;
    Ok(number)
}

/// A document that is tried out.
pub(super) fn trial(conn: &Connection, flow: &str, version: u32) -> Result<Option<StoredVersion>, Fault> {
    let found = conn
        .prepare_cached(
            "SELECT t.flow, t.version, coalesce(f.version, 0), t.source, t.format, t.document, t.created_at, t.actor, coalesce(f.archived, 0)
             FROM trials t LEFT JOIN flows f ON f.flow = t.flow WHERE t.flow = ? AND t.version = ?",
        )?
        .query_row(params![flow, version], super::flows::stored)
        .optional()?;
    Ok(found)
}

fn forget_trials(conn: &Connection, before: i64) -> Result<(), Fault> {
    // People begin these runs by hand, so there are not many.
    conn.prepare_cached(
        "DELETE FROM trial_runs WHERE noted_at < ? AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.run = trial_runs.run)",
    )?
    .execute([before])?;
    conn.prepare_cached(
        "DELETE FROM trials WHERE created_at < ? AND NOT EXISTS
         (SELECT 1 FROM trial_runs r WHERE r.flow = trials.flow AND r.version = trials.version)",
    )?
    .execute([before])?;
    Ok(())
}

#[async_trait]
impl EditStore for SqliteStore {
    async fn put_draft(&self, draft: DraftRow, after: Option<Timestamp>) -> StoreResult<DraftSaved> {
        self.writer
            .write(TEXT_WEIGHT, move |conn, _| put_draft(conn, &draft, after))
            .await
    }

    async fn draft(&self, owner: &str, flow: &str) -> StoreResult<Option<DraftRow>> {
        let (owner, flow) = (owner.to_owned(), flow.to_owned());
        self.readers
            .read(move |conn| {
                let found = conn
                    .prepare_cached("SELECT base, source, saved_at FROM drafts WHERE owner = ? AND flow = ?")?
                    .query_row([&owner, &flow], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()?;
                Ok(found.map(|(base, source, saved_at)| DraftRow {
                    owner,
                    flow,
                    base,
                    source,
                    saved_at: Timestamp::from_micros(saved_at),
                }))
            })
            .await
    }

    async fn remove_draft(&self, owner: &str, flow: &str) -> StoreResult<bool> {
        let (owner, flow) = (owner.to_owned(), flow.to_owned());
        self.writer
            .write(1, move |conn, _| {
                let mut delete = conn.prepare_cached("DELETE FROM drafts WHERE owner = ? AND flow = ?")?;
                Ok(delete.execute([&owner, &flow])? == 1)
            })
            .await
    }

    async fn forget_drafts(&self, before: Timestamp) -> StoreResult<()> {
        self.writer
            .write(TEXT_WEIGHT, move |conn, _| {
                conn.prepare_cached("DELETE FROM drafts WHERE saved_at < ?")?
                    .execute([before.as_micros()])?;
                Ok(())
            })
            .await
    }

    async fn put_trial(&self, new: NewTrial) -> StoreResult<u32> {
        self.writer
            .write(TEXT_WEIGHT, move |conn, _| put_trial(conn, &new))
            .await
    }

    async fn note_trial_run(&self, flow: &str, version: u32, run: RunId, at: Timestamp) -> StoreResult<()> {
        let flow = flow.to_owned();
        self.writer
            .write(1, move |conn, _| {
                conn.prepare_cached(
                    "INSERT OR REPLACE INTO trial_runs (run, flow, version, noted_at) VALUES (?, ?, ?, ?)",
                )?
                .execute(params![run.to_bytes(), flow, version, at.as_micros()])?;
                Ok(())
            })
            .await
    }

    async fn forget_trials(&self, before: Timestamp) -> StoreResult<()> {
        self.writer
            .write(TEXT_WEIGHT, move |conn, _| {
                forget_trials(conn, before.as_micros())
            })
            .await
    }

    async fn put_message(&self, flow: &str, version: u32, message: &str) -> StoreResult<()> {
        let (flow, message) = (flow.to_owned(), message.to_owned());
        self.writer
            .write(1, move |conn, _| {
                conn.prepare_cached(
                    "INSERT OR REPLACE INTO version_messages (flow, version, message) VALUES (?, ?, ?)",
                )?
                .execute(params![flow, version, message])?;
                Ok(())
            })
            .await
    }

    async fn messages(&self, flow: &str) -> StoreResult<BTreeMap<u32, String>> {
        let flow = flow.to_owned();
        self.readers
            .read(move |conn| {
                let mut select =
                    conn.prepare_cached("SELECT version, message FROM version_messages WHERE flow = ?")?;
                let rows = select.query_map([&flow], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn name_version(&self, flow: &str, version: u32, name: Option<&str>) -> StoreResult<Option<u32>> {
        let (flow, name) = (flow.to_owned(), name.map(str::to_owned));
        self.writer
            .write(1, move |conn, _| {
                let Some(name) = &name else {
                    conn.prepare_cached("DELETE FROM version_names WHERE flow = ? AND version = ?")?
                        .execute(params![flow, version])?;
                    return Ok(None);
                };
                let other: Option<u32> = conn
                    .prepare_cached("SELECT version FROM version_names WHERE flow = ? AND name = ?")?
                    .query_row(params![flow, name], |row| row.get(0))
                    .optional()?;
                if other.is_none() {
                    conn.prepare_cached(
                        "INSERT OR REPLACE INTO version_names (flow, version, name) VALUES (?, ?, ?)",
                    )?
                    .execute(params![flow, version, name])?;
                }
                Ok(other.filter(|other| *other != version))
            })
            .await
    }

    async fn version_names(&self, flow: &str) -> StoreResult<BTreeMap<u32, String>> {
        let flow = flow.to_owned();
        self.readers
            .read(move |conn| {
                let mut select =
                    conn.prepare_cached("SELECT version, name FROM version_names WHERE flow = ?")?;
                let rows = select.query_map([&flow], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}
