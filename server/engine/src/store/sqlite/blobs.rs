//! Large values, in a file of their own.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use flow::{BlobRef, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::file::{DbFile, Fault};
use super::hold::may_collect;
use super::readers::Readers;
use super::vacuum;
use super::writer::{NoLedger, Writer};
use crate::store::blob_key::{key_for, key_of};
use crate::store::{BlobKey, BlobStore, StoreError, StoreResult};

/// Large values in `blobs.db`.
pub struct SqliteBlobs {
    writer: Writer<NoLedger>,
    readers: Readers,
    dir: PathBuf,
}

/// Bytes that weigh as much as a row in the sharing of transactions.
const BYTES_PER_WEIGHT: u64 = 4096;

/// What deleting a value weighs in the sharing of transactions: it has many pages.
const ROWS_PER_BLOB: usize = 64;

impl SqliteBlobs {
    pub(super) fn open(file: DbFile) -> StoreResult<Self> {
        let conn = file.writer()?;
        Ok(Self {
            dir: file.path.parent().unwrap_or_else(|| Path::new("")).to_owned(),
            readers: Readers::new(file.clone()),
            writer: Writer::start(file, conn, NoLedger)?,
        })
    }
}

#[async_trait]
impl BlobStore for SqliteBlobs {
    async fn put(&self, at: Timestamp, blobs: Vec<(BlobRef, Bytes)>) -> StoreResult<()> {
        let keyed: Vec<(BlobKey, Bytes)> = blobs
            .into_iter()
            .map(|(blob, value)| Ok((key_for(&blob, &value)?, value)))
            .collect::<StoreResult<_>>()?;
        let n_bytes: u64 = keyed.iter().map(|(_, value)| value.len() as u64).sum();
        let weight = usize::try_from(n_bytes / BYTES_PER_WEIGHT)
            .unwrap_or(usize::MAX)
            .saturating_add(keyed.len());
        self.writer
            .write(weight, move |conn, _| put(conn, seconds(at), &keyed))
            .await
    }

    async fn get(&self, blob: &BlobRef) -> StoreResult<Option<Bytes>> {
        let Some(key) = key_of(blob) else { return Ok(None) };
        self.readers.read(move |conn| get(conn, &key)).await
    }

    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<BlobKey>,
        limit: usize,
    ) -> StoreResult<Vec<BlobKey>> {
        self.readers
            .read(move |conn| untouched(conn, seconds(before), after, limit))
            .await
    }

    async fn delete(&self, before: Timestamp, blobs: Vec<BlobKey>) -> StoreResult<Option<u64>> {
        let may = may_collect(&self.dir).map_err(|error| {
            StoreError::Unavailable(format!("the lock of backups cannot be looked at: {error}"))
        })?;
        let Some(_may) = may else { return Ok(None) };
        let weight = blobs.len().saturating_mul(ROWS_PER_BLOB);
        self.writer
            .write(weight, move |conn, _| delete(conn, seconds(before), &blobs))
            .await
            .map(Some)
    }

    async fn give_back(&self) -> StoreResult<bool> {
        self.writer
            .write(vacuum::WEIGHT, |conn, _| vacuum::step(conn))
            .await
    }
}

/// Whole seconds since 1970 UTC.
fn seconds(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1000)
}

fn put(conn: &Connection, at: i64, blobs: &[(BlobKey, Bytes)]) -> Result<(), Fault> {
    let mut touch =
        conn.prepare_cached("UPDATE blobs SET touched_at = max(touched_at, ?) WHERE sha256 = ?")?;
    let mut insert = conn.prepare_cached("INSERT INTO blobs (sha256, touched_at, value) VALUES (?, ?, ?)")?;
    for (key, value) in blobs {
        if touch.execute(params![at, key])? == 0 {
            insert.execute(params![key, at, value.as_ref()])?;
        }
    }
    Ok(())
}

fn untouched(
    conn: &Connection,
    before: i64,
    after: Option<BlobKey>,
    limit: usize,
) -> Result<Vec<BlobKey>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT sha256 FROM blobs INDEXED BY blobs_by_age
         WHERE sha256 > coalesce(?, x'') AND touched_at < ? ORDER BY sha256 LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let keys = select.query_map(params![after, before, limit], |row| row.get(0))?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}

/// In the transaction that looks at the age: a value put again meanwhile stays.
fn delete(conn: &Connection, before: i64, blobs: &[BlobKey]) -> Result<u64, Fault> {
    let mut delete = conn.prepare_cached("DELETE FROM blobs WHERE sha256 = ? AND touched_at < ?")?;
    let mut n_deleted = 0;
    for key in blobs {
        n_deleted += delete.execute(params![key, before])? as u64;
    }
    Ok(n_deleted)
}

fn get(conn: &Connection, key: &[u8; 32]) -> Result<Option<Bytes>, Fault> {
    let value: Option<Vec<u8>> = conn
        .prepare_cached("SELECT value FROM blobs WHERE sha256 = ?")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(value.map(Bytes::from))
}
