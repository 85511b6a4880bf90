//! Messages on their way.

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::file::Fault;
use crate::store::{MessageId, OutboxRow};

/// Messages that nobody has taken, after one of them.
pub(super) fn list(
    conn: &Connection,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<OutboxRow>, Fault> {
    // No sender has no bits and no number is 0.
    let (sender, seq) = after.map_or((0, 0), |after| (after.sender, after.seq));
    let mut select = conn.prepare_cached(
        "SELECT sender, seq, body FROM outbox WHERE (sender, seq) > (?, ?) ORDER BY sender, seq LIMIT ?",
    )?;
    let rows = select.query_map(
        params![
            sender.to_be_bytes(),
            seq.cast_signed(),
            i64::try_from(limit).unwrap_or(i64::MAX)
        ],
        |row| {
            Ok(OutboxRow {
                id: MessageId {
                    sender: u128::from_be_bytes(row.get(0)?),
                    seq: row.get::<_, i64>(1)?.cast_unsigned(),
                },
                body: Arc::from(row.get::<_, String>(2)?),
            })
        },
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Whether none of them was taken before.
pub(super) fn are_there(conn: &Connection, messages: &[MessageId]) -> Result<bool, Fault> {
    for message in messages {
        let is_there = conn
            .prepare_cached("SELECT 1 FROM outbox WHERE sender = ? AND seq = ?")?
            .exists(params![message.sender.to_be_bytes(), message.seq.cast_signed()])?;
        if !is_there {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes them.
pub(super) fn take(conn: &Connection, messages: &[MessageId]) -> Result<(), Fault> {
    for message in messages {
        conn.prepare_cached("DELETE FROM outbox WHERE sender = ? AND seq = ?")?
            .execute(params![message.sender.to_be_bytes(), message.seq.cast_signed()])?;
    }
    Ok(())
}

/// Sends them.
pub(super) fn send(conn: &Connection, messages: &[OutboxRow]) -> Result<(), Fault> {
    for OutboxRow { id, body } in messages {
        conn.prepare_cached("INSERT INTO outbox (sender, seq, body) VALUES (?, ?, ?)")?
            .execute(params![id.sender.to_be_bytes(), id.seq.cast_signed(), body])?;
    }
    Ok(())
}
