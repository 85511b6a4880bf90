//! Logs, in a file of their own.

use async_trait::async_trait;
use flow::{RunId, Timestamp};
use rusqlite::{Connection, params};

use super::file::{DbFile, Fault};
use super::readers::Readers;
use super::vacuum;
use super::writer::{NoLedger, Writer};
use crate::store::{LogChunk, LogKey, LogStore, LogStream, StoreError, StoreResult};

/// Logs in `logs.db`.
pub struct SqliteLogs {
    writer: Writer<NoLedger>,
    readers: Readers,
}

impl SqliteLogs {
    pub(super) fn open(file: DbFile) -> StoreResult<Self> {
        let conn = file.writer()?;
        Ok(Self {
            readers: Readers::new(file.clone()),
            writer: Writer::start(file, conn, NoLedger)?,
        })
    }
}

#[async_trait]
impl LogStore for SqliteLogs {
    async fn append(&self, chunks: Vec<(LogKey, LogChunk)>) -> StoreResult<()> {
        self.writer
            .write(chunks.len(), move |conn, _| append(conn, &chunks))
            .await
    }

    async fn read(
        &self,
        run: RunId,
        task: &str,
        after: (u32, u64),
        bytes: usize,
    ) -> StoreResult<Vec<(u32, LogChunk)>> {
        let task = task.to_owned();
        self.readers
            .read(move |conn| read(conn, AFTER, run, &task, after, bytes))
            .await
    }

    async fn read_back(
        &self,
        run: RunId,
        task: &str,
        until: (u32, u64),
        bytes: usize,
    ) -> StoreResult<Vec<(u32, LogChunk)>> {
        let task = task.to_owned();
        self.readers
            .read(move |conn| {
                let mut chunks = read(conn, UNTIL, run, &task, until, bytes)?;
                chunks.reverse();
                Ok(chunks)
            })
            .await
    }

    async fn delete(&self, runs: &[RunId], limit: usize) -> StoreResult<bool> {
        let runs = runs.to_vec();
        self.writer
            .write(limit, move |conn, _| delete(conn, &runs, limit))
            .await
    }

    async fn give_back(&self) -> StoreResult<bool> {
        self.writer
            .write(vacuum::WEIGHT, |conn, _| vacuum::step(conn))
            .await
    }
}

fn delete(conn: &Connection, runs: &[RunId], limit: usize) -> Result<bool, Fault> {
    let mut delete = conn.prepare_cached(
        "DELETE FROM chunks WHERE (run, task, attempt, number) IN
             (SELECT run, task, attempt, number FROM chunks WHERE run = ? LIMIT ?)",
    )?;
    let mut left = limit.max(1);
    for run in runs {
        if left == 0 {
            return Ok(false);
        }
        left -= delete.execute(params![run.to_bytes(), i64::try_from(left).unwrap_or(i64::MAX)])?;
    }
    Ok(left > 0)
}

fn append(conn: &Connection, chunks: &[(LogKey, LogChunk)]) -> Result<(), Fault> {
    // A chunk that comes a second time, after an answer that was lost, is the one that is there.
    let mut insert = conn
        .prepare_cached("INSERT OR REPLACE INTO chunks (run, task, attempt, number, at, stream, text) VALUES (?, ?, ?, ?, ?, ?, ?)")?;
    for (key, chunk) in chunks {
        insert.execute(params![
            key.run.to_bytes(),
            key.task,
            key.attempt,
            chunk.number.cast_signed(),
            chunk.at.as_micros(),
            stream_number(chunk.stream),
            chunk.text
        ])?;
    }
    Ok(())
}

/// What follows a position, oldest first.
const AFTER: &str = "SELECT attempt, number, at, stream, text FROM chunks
    WHERE run = ? AND task = ? AND (attempt, number) > (?, ?) ORDER BY attempt, number";

/// What leads up to a position, newest first.
const UNTIL: &str = "SELECT attempt, number, at, stream, text FROM chunks
    WHERE run = ? AND task = ? AND (attempt, number) <= (?, ?) ORDER BY attempt DESC, number DESC";

fn read(
    conn: &Connection,
    sql: &str,
    run: RunId,
    task: &str,
    position: (u32, u64),
    bytes: usize,
) -> Result<Vec<(u32, LogChunk)>, Fault> {
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query(params![
        run.to_bytes(),
        task,
        position.0,
        i64::try_from(position.1).unwrap_or(i64::MAX)
    ])?;
    let mut chunks = Vec::new();
    let mut n_bytes = 0;
    while let Some(row) = rows.next()? {
        let chunk = LogChunk {
            number: row.get::<_, i64>(1)?.cast_unsigned(),
            at: Timestamp::from_micros(row.get(2)?),
            stream: stream_of(row.get(3)?)?,
            text: row.get(4)?,
        };
        n_bytes += chunk.text.len();
        if n_bytes > bytes && !chunks.is_empty() {
            break;
        }
        chunks.push((row.get(0)?, chunk));
    }
    Ok(chunks)
}

const fn stream_number(stream: LogStream) -> u8 {
    match stream {
        LogStream::Stdout => 1,
        LogStream::Stderr => 2,
        LogStream::Engine => 3,
    }
}

fn stream_of(number: u8) -> StoreResult<LogStream> {
    [LogStream::Stdout, LogStream::Stderr, LogStream::Engine]
        .into_iter()
        .find(|stream| stream_number(*stream) == number)
        .ok_or_else(|| {
            StoreError::Incompatible(format!(
                "a log line comes from stream {number}, which only a newer Pointwork knows"
            ))
        })
}
