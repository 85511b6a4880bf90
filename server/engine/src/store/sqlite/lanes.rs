//! Workers, queues and kept results.

use async_trait::async_trait;
use flow::{AttemptToken, RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::file::Fault;
use crate::store::blob_key::key_of;
use crate::store::lanes::{DeclaredType, KeptResult, LaneStore, LeaseRow, WorkerTokenRow};
use crate::store::{StoreError, StoreResult};

#[async_trait]
impl LaneStore for SqliteStore {
    async fn put_worker_token(&self, token: WorkerTokenRow) -> StoreResult<()> {
        let queues = to_json(&token.queues)?;
        self.writer
            .write(1, move |conn, _| {
                conn.execute(
                    "INSERT INTO worker_tokens (id, hash, name, queues, created_at) VALUES (?, ?, ?, ?, ?)",
                    params![
                        token.id,
                        token.hash,
                        token.name,
                        queues,
                        token.created_at.as_micros()
                    ],
                )?;
                Ok(())
            })
            .await
    }

    async fn worker_token(&self, hash: [u8; 32]) -> StoreResult<Option<WorkerTokenRow>> {
        self.readers
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT id, hash, name, queues, created_at FROM worker_tokens WHERE hash = ?",
                )?;
                Ok(select.query_row([hash], worker_token).optional()?)
            })
            .await
    }

    async fn worker_tokens(&self) -> StoreResult<Vec<WorkerTokenRow>> {
        self.readers
            .read(|conn| {
                let mut select = conn.prepare_cached(
                    "SELECT id, hash, name, queues, created_at FROM worker_tokens ORDER BY created_at, id",
                )?;
                let rows = select.query_map([], worker_token)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn revoke_worker_token(&self, id: &str) -> StoreResult<bool> {
        let id = id.to_owned();
        self.writer
            .write(1, move |conn, _| {
                Ok(conn.execute("DELETE FROM worker_tokens WHERE id = ?", [&id])? == 1)
            })
            .await
    }

    async fn declare_types(&self, types: Vec<DeclaredType>) -> StoreResult<()> {
        self.writer
            .write(types.len(), move |conn, _| {
                let mut insert = conn.prepare_cached(
                    "INSERT OR REPLACE INTO worker_types (key, queue, title, summary, input_schema, output_schema, declared_at)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                )?;
                for declared in &types {
                    insert.execute(params![
                        declared.key,
                        declared.queue,
                        declared.title,
                        declared.summary,
                        declared.input_schema.to_string(),
                        declared.output_schema.to_string(),
                        declared.declared_at.as_micros()
                    ])?;
                }
                Ok(())
            })
            .await
    }

    async fn declared_types(&self) -> StoreResult<Vec<DeclaredType>> {
        self.readers
            .read(|conn| {
                let mut select = conn.prepare_cached(
                    "SELECT key, queue, title, summary, input_schema, output_schema, declared_at FROM worker_types ORDER BY key, queue",
                )?;
                let rows = select.query_map([], |row| {
                    Ok(DeclaredType {
                        key: row.get(0)?,
                        queue: row.get(1)?,
                        title: row.get(2)?,
                        summary: row.get(3)?,
                        input_schema: from_json(row, 4)?,
                        output_schema: from_json(row, 5)?,
                        declared_at: Timestamp::from_micros(row.get(6)?),
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn forget_type(&self, queue: &str, key: &str) -> StoreResult<bool> {
        let (queue, key) = (queue.to_owned(), key.to_owned());
        self.writer
            .write(1, move |conn, _| {
                let n = conn.execute(
                    "DELETE FROM worker_types WHERE queue = ? AND key = ?",
                    [&queue, &key],
                )?;
                Ok(n == 1)
            })
            .await
    }

    async fn put_leases(&self, leases: Vec<LeaseRow>) -> StoreResult<()> {
        let rows: Vec<([u8; 16], String)> = leases
            .iter()
            .map(|lease| Ok((lease.token.0.to_be_bytes(), to_json(lease)?)))
            .collect::<StoreResult<_>>()?;
        self.writer
            .write(rows.len(), move |conn, _| {
                let mut insert =
                    conn.prepare_cached("INSERT OR REPLACE INTO leases (token, lease) VALUES (?, ?)")?;
                for (token, lease) in &rows {
                    insert.execute(params![token, lease])?;
                }
                Ok(())
            })
            .await
    }

    async fn leases(&self) -> StoreResult<Vec<LeaseRow>> {
        self.readers
            .read(|conn| {
                let mut select = conn.prepare_cached("SELECT lease FROM leases ORDER BY token")?;
                let rows = select.query_map([], |row| from_json(row, 0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn drop_leases(&self, tokens: Vec<AttemptToken>) -> StoreResult<()> {
        self.writer
            .write(tokens.len(), move |conn, _| {
                let mut delete = conn.prepare_cached("DELETE FROM leases WHERE token = ?")?;
                for token in &tokens {
                    delete.execute([token.0.to_be_bytes()])?;
                }
                Ok(())
            })
            .await
    }

    async fn queues(&self) -> StoreResult<Vec<(String, String)>> {
        self.readers
            .read(|conn| {
                let mut select = conn.prepare_cached("SELECT name, limits FROM queues ORDER BY name")?;
                let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn put_queue(&self, name: &str, limits: Option<String>) -> StoreResult<()> {
        let name = name.to_owned();
        self.writer
            .write(1, move |conn, _| {
                match &limits {
                    Some(limits) => conn.execute(
                        "INSERT OR REPLACE INTO queues (name, limits) VALUES (?, ?)",
                        [&name, limits],
                    )?,
                    None => conn.execute("DELETE FROM queues WHERE name = ?", [&name])?,
                };
                Ok(())
            })
            .await
    }

    async fn rate_marks(&self) -> StoreResult<Vec<(String, Option<String>, Timestamp)>> {
        self.readers
            .read(|conn| {
                let mut select =
                    conn.prepare_cached("SELECT queue, key, until FROM rate_marks ORDER BY queue, key")?;
                let rows = select.query_map([], |row| {
                    let key: String = row.get(1)?;
                    let key = key.strip_prefix('=').map(str::to_owned);
                    Ok((row.get(0)?, key, Timestamp::from_micros(row.get(2)?)))
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn mark_rate(&self, queue: &str, key: Option<&str>, until: Timestamp) -> StoreResult<()> {
        let queue = queue.to_owned();
        let key = key.map_or_else(String::new, |key| format!("={key}"));
        self.writer
            .write(1, move |conn, _| {
                conn.prepare_cached(
                    "INSERT OR REPLACE INTO rate_marks (queue, key, until) VALUES (?, ?, ?)",
                )?
                .execute(params![queue, key, until.as_micros()])?;
                Ok(())
            })
            .await
    }

    async fn keep_result(&self, result: KeptResult) -> StoreResult<()> {
        let output = to_json(&result.output)?;
        let sha256 = result.output.blob().and_then(key_of);
        self.writer
            .write(1, move |conn, _| {
                conn.prepare_cached(
                    "INSERT OR REPLACE INTO kept_results (key, run, task, output, sha256, exit_code, at, until)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![
                    result.key,
                    result.run.to_bytes(),
                    result.task,
                    output,
                    sha256,
                    result.exit_code,
                    result.at.as_micros(),
                    result.until.as_micros()
                ])?;
                Ok(())
            })
            .await
    }

    async fn kept_result(&self, key: &str, now: Timestamp) -> StoreResult<Option<KeptResult>> {
        let key = key.to_owned();
        self.readers
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT key, run, task, output, exit_code, at, until FROM kept_results WHERE key = ? AND until > ?",
                )?;
                let found = select.query_row(params![key, now.as_micros()], |row| {
                    Ok(KeptResult {
                        key: row.get(0)?,
                        run: RunId::from_bytes(row.get(1)?),
                        task: row.get(2)?,
                        output: from_json(row, 3)?,
                        exit_code: row.get(4)?,
                        at: Timestamp::from_micros(row.get(5)?),
                        until: Timestamp::from_micros(row.get(6)?),
                    })
                });
                Ok(found.optional()?)
            })
            .await
    }

    async fn forget_outdated(&self, now: Timestamp, limit: usize) -> StoreResult<u64> {
        self.writer
            .write(limit, move |conn, _| forget_outdated(conn, now, limit))
            .await
    }
}

fn forget_outdated(conn: &Connection, now: Timestamp, limit: usize) -> Result<u64, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let n_results = conn
        .prepare_cached(
            "DELETE FROM kept_results WHERE key IN (SELECT key FROM kept_results WHERE until <= ? ORDER BY until LIMIT ?)",
        )?
        .execute(params![now.as_micros(), limit])?;
    let n_marks = conn
        .prepare_cached("DELETE FROM rate_marks WHERE until <= ?")?
        .execute([now.as_micros()])?;
    Ok((n_results + n_marks) as u64)
}

fn to_json(value: &impl serde::Serialize) -> StoreResult<String> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Unavailable(format!("something cannot be written as JSON: {error}")))
}

fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn worker_token(row: &Row<'_>) -> rusqlite::Result<WorkerTokenRow> {
    Ok(WorkerTokenRow {
        id: row.get(0)?,
        hash: row.get(1)?,
        name: row.get(2)?,
        queues: from_json(row, 3)?,
        created_at: Timestamp::from_micros(row.get(4)?),
    })
}
