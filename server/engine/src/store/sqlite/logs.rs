//! Logs, in a file of their own.

use async_trait::async_trait;
use flow::{RunId, Timestamp};
use rusqlite::{Connection, params};

use super::file::{DbFile, Fault};
use super::readers::Readers;
use super::vacuum;
use super::writer::{NoLedger, Writer};
use crate::store::{
    LinesBefore, LogAmount, LogChunk, LogKey, LogPlace, LogSide, LogStore, LogStream, RunLogs, StoreError,
    StoreResult, by_attempt,
};

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

    async fn read_run(&self, run: RunId, side: LogSide, amount: LogAmount) -> StoreResult<RunLogs> {
        self.readers
            .read(move |conn| read_run(conn, run, &side, amount))
            .await
    }

    async fn scan_run(
        &self,
        run: RunId,
        after: Option<LogPlace>,
        bytes: usize,
    ) -> StoreResult<Vec<(LogPlace, LogChunk)>> {
        self.readers
            .read(move |conn| scan_run(conn, run, after.as_ref(), bytes))
            .await
    }

    async fn lines_before(
        &self,
        run: RunId,
        chunks: Vec<LogPlace>,
        bytes: usize,
    ) -> StoreResult<Vec<Option<u64>>> {
        self.readers
            .read(move |conn| lines_before(conn, run, &chunks, bytes))
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

/// The keys of a run's chunks by time, forwards. There is no index by time: a page of a run's log is read far less often than a chunk is
/// written, and a pass over a run's keys leaves long texts, which lie apart from them, alone.
const FORWARDS: &str = "SELECT task, attempt, number, at FROM chunks
    WHERE run = ?1 AND (at, task, attempt, number) >= (?2, ?3, ?4, ?5)
    ORDER BY at, task, attempt, number LIMIT ?6";

/// The same, backwards.
const BACKWARDS: &str = "SELECT task, attempt, number, at FROM chunks
    WHERE run = ?1 AND (at, task, attempt, number) <= (?2, ?3, ?4, ?5)
    ORDER BY at DESC, task DESC, attempt DESC, number DESC LIMIT ?6";

fn read_run(conn: &Connection, run: RunId, side: &LogSide, amount: LogAmount) -> Result<RunLogs, Fault> {
    let (sql, edge) = match side {
        LogSide::From(place) => (FORWARDS, place),
        LogSide::UpTo(place) => (BACKWARDS, place),
    };
    let mut select = conn.prepare_cached(sql)?;
    // One more than is wanted tells whether there is more.
    let limit = i64::try_from(amount.chunks).unwrap_or(i64::MAX).saturating_add(1);
    let mut rows = select.query(params![
        run.to_bytes(),
        edge.at.as_micros(),
        edge.task,
        edge.attempt,
        i64::try_from(edge.number).unwrap_or(i64::MAX),
        limit
    ])?;
    let mut places = Vec::new();
    while let Some(row) = rows.next()? {
        places.push(LogPlace {
            task: row.get(0)?,
            attempt: row.get(1)?,
            number: row.get::<_, i64>(2)?.cast_unsigned(),
            at: Timestamp::from_micros(row.get(3)?),
        });
    }
    let mut select = conn.prepare_cached(
        "SELECT stream, text FROM chunks WHERE run = ? AND task = ? AND attempt = ? AND number = ?",
    )?;
    let n_found = places.len();
    let (mut chunks, mut n_bytes) = (Vec::new(), 0);
    for place in places.into_iter().take(amount.chunks) {
        let chunk = select.query_row(
            params![
                run.to_bytes(),
                place.task,
                place.attempt,
                place.number.cast_signed()
            ],
            |row| Ok((row.get::<_, u8>(0)?, row.get::<_, String>(1)?)),
        );
        let (stream, text) = chunk?;
        n_bytes += text.len();
        if n_bytes > amount.bytes && !chunks.is_empty() {
            break;
        }
        let chunk = LogChunk {
            number: place.number,
            at: place.at,
            stream: stream_of(stream)?,
            text,
        };
        chunks.push((place, chunk));
    }
    Ok(RunLogs {
        has_more: chunks.len() < n_found,
        chunks,
    })
}

fn scan_run(
    conn: &Connection,
    run: RunId,
    after: Option<&LogPlace>,
    bytes: usize,
) -> Result<Vec<(LogPlace, LogChunk)>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT task, attempt, number, at, stream, text FROM chunks
         WHERE run = ? AND (task, attempt, number) > (?, ?, ?) ORDER BY task, attempt, number",
    )?;
    let (task, attempt, number) = match after {
        Some(place) => (&*place.task, place.attempt, place.number.cast_signed()),
        None => ("", 0, 0),
    };
    let mut rows = select.query(params![run.to_bytes(), task, attempt, number])?;
    let (mut chunks, mut n_bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let place = LogPlace {
            task: row.get(0)?,
            attempt: row.get(1)?,
            number: row.get::<_, i64>(2)?.cast_unsigned(),
            at: Timestamp::from_micros(row.get(3)?),
        };
        let chunk = LogChunk {
            number: place.number,
            at: place.at,
            stream: stream_of(row.get(4)?)?,
            text: row.get(5)?,
        };
        n_bytes += chunk.text.len();
        if n_bytes > bytes && !chunks.is_empty() {
            break;
        }
        chunks.push((place, chunk));
    }
    Ok(chunks)
}

fn lines_before(
    conn: &Connection,
    run: RunId,
    chunks: &[LogPlace],
    mut bytes: usize,
) -> Result<Vec<Option<u64>>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT number, text FROM chunks WHERE run = ? AND task = ? AND attempt = ? AND number < ? ORDER BY number",
    )?;
    let mut counts = vec![None; chunks.len()];
    for ((task, attempt), asked) in by_attempt(chunks) {
        let mut before = LinesBefore::new(&asked);
        let last = asked.last().map_or(0, |(number, _)| *number);
        let until = i64::try_from(last).unwrap_or(i64::MAX);
        let mut rows = select.query(params![run.to_bytes(), task, attempt, until])?;
        let mut is_counted = true;
        while let Some(row) = rows.next()?
            && is_counted
        {
            let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            let left = bytes.checked_sub(text.len());
            bytes = left.unwrap_or(bytes);
            before.take(row.get::<_, i64>(0)?.cast_unsigned(), text, &mut counts);
            is_counted = left.is_some();
        }
        if is_counted {
            before.settle(last, &mut counts);
        }
    }
    Ok(counts)
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
