//! Large values, in a file of their own.

use async_trait::async_trait;
use bytes::Bytes;
use flow::BlobRef;
use rusqlite::{Connection, OptionalExtension, params};

use super::file::{DbFile, Fault};
use super::readers::Readers;
use super::vacuum;
use super::writer::{NoLedger, Writer};
use crate::store::blob_key::{key_for, key_of};
use crate::store::{BlobStore, StoreResult};

/// Large values in `blobs.db`.
pub struct SqliteBlobs {
    writer: Writer<NoLedger>,
    readers: Readers,
}

/// Bytes that weigh as much as a row in the sharing of transactions.
const BYTES_PER_WEIGHT: u64 = 4096;

impl SqliteBlobs {
    pub(super) fn open(file: DbFile) -> StoreResult<Self> {
        let conn = file.writer()?;
        Ok(Self {
            readers: Readers::new(file.clone()),
            writer: Writer::start(file, conn, NoLedger)?,
        })
    }
}

#[async_trait]
impl BlobStore for SqliteBlobs {
    async fn put(&self, blobs: Vec<(BlobRef, Bytes)>) -> StoreResult<()> {
        let keyed: Vec<([u8; 32], Bytes)> = blobs
            .into_iter()
            .map(|(blob, value)| Ok((key_for(&blob, &value)?, value)))
            .collect::<StoreResult<_>>()?;
        let n_bytes: u64 = keyed.iter().map(|(_, value)| value.len() as u64).sum();
        let weight = usize::try_from(n_bytes / BYTES_PER_WEIGHT)
            .unwrap_or(usize::MAX)
            .saturating_add(keyed.len());
        self.writer.write(weight, move |conn, _| put(conn, &keyed)).await
    }

    async fn get(&self, blob: &BlobRef) -> StoreResult<Option<Bytes>> {
        let Some(key) = key_of(blob) else { return Ok(None) };
        self.readers.read(move |conn| get(conn, &key)).await
    }

    async fn give_back(&self) -> StoreResult<bool> {
        self.writer
            .write(vacuum::WEIGHT, |conn, _| vacuum::step(conn))
            .await
    }
}

fn put(conn: &Connection, blobs: &[([u8; 32], Bytes)]) -> Result<(), Fault> {
    let mut touch = conn.prepare_cached("UPDATE blobs SET touched_at = unixepoch() WHERE sha256 = ?")?;
    let mut insert =
        conn.prepare_cached("INSERT INTO blobs (sha256, touched_at, value) VALUES (?, unixepoch(), ?)")?;
    for (key, value) in blobs {
        if touch.execute([key])? == 0 {
            insert.execute(params![key, value.as_ref()])?;
        }
    }
    Ok(())
}

fn get(conn: &Connection, key: &[u8; 32]) -> Result<Option<Bytes>, Fault> {
    let value: Option<Vec<u8>> = conn
        .prepare_cached("SELECT value FROM blobs WHERE sha256 = ?")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(value.map(Bytes::from))
}
