//! The hot path: decisions appended, and the rows projected from them.
//!
//! Events are inserted at once. Rows are put off until the transaction ends, because several decisions of a run, or many runs
//! of a flow, may share it: then each row and each flow's counts are written once.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use flow::limits::SHARDS;
use flow::view::RunStatus;
use flow::{RunId, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

use super::file::Fault;
use super::projection::{EncodedRow, RowWriting, write_movement};
use super::writer::Ledger;
use super::{board, notices, outbox};
use crate::store::cells::Moved;
use crate::store::encoding::{self, Span};
use crate::store::references::references;
use crate::store::stats::{Movement, state_of_number};
use crate::store::{
    BlobKey, Committed, Idempotency, MessageId, NewNotice, OutboxRow, RunDecision, ShardEpochs, StoreError,
    StoreResult,
};

/// A decision as it will be written. Made on the caller's thread, so that the writer's has less to do.
pub(super) struct EncodedDecision {
    run: RunId,
    span: Span,
    at: i64,
    bytes: Vec<u8>,
    row: Arc<EncodedRow>,
    idempotency: Option<Idempotency>,
    blobs: Vec<BlobKey>,
    messages: Vec<OutboxRow>,
    takes: Vec<MessageId>,
    notices: Vec<NewNotice>,
}

impl EncodedDecision {
    pub(super) fn new(decision: RunDecision) -> StoreResult<Self> {
        let span = Span::of(&decision);
        let bytes = if let Span::Events { .. } = span {
            encoding::encode(&decision.events)?
        } else {
            Vec::new()
        };
        Ok(Self {
            run: decision.run,
            span,
            at: decision.events.last().map_or(0, |event| event.at.as_micros()),
            blobs: references(&bytes),
            bytes,
            row: Arc::new(EncodedRow::new(&decision.row)?),
            idempotency: decision.idempotency,
            messages: decision.messages,
            takes: decision.takes,
            notices: decision.notices,
        })
    }
}

/// A row that waits for the end of the transaction.
struct PutOff {
    /// The state in the table; `None` if the run is new.
    before: Option<RunStatus>,
    last_seq: u64,
    row: Arc<EncodedRow>,
}

/// What the writer of events knows without asking its file. It alone writes there, so this cannot go stale.
pub(super) struct EventLedger {
    epochs: Vec<u64>,
    shard_seqs: Vec<u64>,
    /// Shards the open transaction has written to, with their committed numbers.
    touched: FxHashMap<u16, u64>,
    put_off: FxHashMap<RunId, PutOff>,
    /// Epochs before the open transaction, if it raised them.
    epochs_before: Option<Vec<u64>>,
}

impl EventLedger {
    pub(super) fn load(conn: &Connection) -> Result<Self, Fault> {
        let mut ledger = Self {
            epochs: vec![0; usize::from(SHARDS)],
            shard_seqs: vec![0; usize::from(SHARDS)],
            touched: FxHashMap::default(),
            put_off: FxHashMap::default(),
            epochs_before: None,
        };
        let mut shards = conn.prepare("SELECT shard, epoch, shard_seq FROM shards")?;
        let mut rows = shards.query([])?;
        while let Some(row) = rows.next()? {
            let shard = usize::from(row.get::<_, u16>(0)?);
            if let (Some(epoch), Some(seq)) = (ledger.epochs.get_mut(shard), ledger.shard_seqs.get_mut(shard))
            {
                *epoch = row.get::<_, i64>(1)?.cast_unsigned();
                *seq = row.get::<_, i64>(2)?.cast_unsigned();
            }
        }
        Ok(ledger)
    }

    pub(super) fn take_shards(&mut self, conn: &Connection) -> Result<ShardEpochs, Fault> {
        conn.prepare_cached("UPDATE shards SET epoch = epoch + 1")?
            .execute([])?;
        if self.epochs_before.is_none() {
            self.epochs_before = Some(self.epochs.clone());
        }
        for epoch in &mut self.epochs {
            *epoch += 1;
        }
        Ok(ShardEpochs(self.epochs.clone().into()))
    }

    pub(super) fn commit(
        &mut self,
        conn: &Connection,
        epochs: &ShardEpochs,
        batch: &[EncodedDecision],
    ) -> Result<Vec<Committed>, Fault> {
        self.check_epochs(epochs, batch)?;
        let mut appending = Appending {
            insert: conn.prepare_cached(
                "INSERT OR IGNORE INTO events (run, first_seq, last_seq, shard, shard_seq, at, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?,
            conn,
            ledger: self,
        };
        batch.iter().map(|decision| appending.append(decision)).collect()
    }

    /// Whether the open transaction holds a row of this run back.
    pub(super) fn holds(&self, run: RunId) -> bool {
        self.put_off.contains_key(&run)
    }

    fn check_epochs(&self, epochs: &ShardEpochs, batch: &[EncodedDecision]) -> Result<(), StoreError> {
        for decision in batch {
            let shard = decision.run.shard();
            let current = self.epochs.get(usize::from(shard)).copied().unwrap_or(0);
            let given = epochs.0.get(usize::from(shard)).copied().unwrap_or(0);
            if given != current {
                return Err(StoreError::StaleEpoch {
                    shard,
                    given,
                    current,
                });
            }
        }
        Ok(())
    }

    fn next_shard_seq(&mut self, shard: u16) -> i64 {
        let Some(seq) = self.shard_seqs.get_mut(usize::from(shard)) else {
            return 0;
        };
        self.touched.entry(shard).or_insert(*seq);
        *seq += 1;
        seq.cast_signed()
    }

    fn flush_rows(&mut self, conn: &Connection) -> Result<(), Fault> {
        let mut put_off: Vec<(RunId, PutOff)> = self.put_off.drain().collect();
        // In the order of the tree, so that neighbours fall into the same page while it is at hand.
        put_off.sort_unstable_by_key(|(run, _)| *run);
        let mut writing = RowWriting::new(conn)?;
        let mut movements: FxHashMap<&str, Movement> = FxHashMap::default();
        let mut counting = board::Counting::default();
        for (
            run,
            PutOff {
                before,
                last_seq,
                row,
            },
        ) in &put_off
        {
            movements
                .entry(&row.flow)
                .or_default()
                .record_parts(*before, row.state, row.duration_ms);
            counting.count(
                &row.flow,
                Moved {
                    before: *before,
                    now: row.state,
                    created_at: Timestamp::from_micros(row.created_at),
                    duration_ms: row.duration_ms,
                    wait_ms: row.wait_ms,
                },
            );
            match before {
                None => {
                    writing.insert(*run, *last_seq, row)?;
                    if let Some(old) = row.retry_of {
                        board::retried(conn, old, *run)?;
                    }
                }
                Some(_) => writing.update(*run, *last_seq, row)?,
            }
        }
        let mut movements: Vec<_> = movements.into_iter().collect();
        movements.sort_unstable_by_key(|(flow, _)| *flow);
        for (flow, movement) in movements {
            write_movement(conn, flow, &movement)?;
        }
        counting.write(conn)
    }
}

impl Ledger for EventLedger {
    fn flush(&mut self, conn: &Connection) -> Result<(), Fault> {
        if !self.put_off.is_empty() {
            self.flush_rows(conn)?;
        }
        if !self.touched.is_empty() {
            let mut update = conn.prepare_cached("UPDATE shards SET shard_seq = ? WHERE shard = ?")?;
            for shard in self.touched.keys() {
                update.execute(params![self.shard_seqs[usize::from(*shard)].cast_signed(), shard])?;
            }
        }
        Ok(())
    }

    fn committed(&mut self) {
        self.touched.clear();
        self.put_off.clear();
        self.epochs_before = None;
    }

    fn rolled_back(&mut self) {
        for (shard, seq) in self.touched.drain() {
            self.shard_seqs[usize::from(shard)] = seq;
        }
        self.put_off.clear();
        if let Some(epochs) = self.epochs_before.take() {
            self.epochs = epochs;
        }
    }
}

/// The writing of one batch's events.
struct Appending<'a> {
    conn: &'a Connection,
    ledger: &'a mut EventLedger,
    insert: CachedStatement<'a>,
}

impl Appending<'_> {
    fn append(&mut self, decision: &EncodedDecision) -> Result<Committed, Fault> {
        if let Some(duplicate) = self.key_holder(decision)? {
            return Ok(duplicate);
        }
        let run = decision.run;
        if !outbox::are_there(self.conn, &decision.takes)? {
            return self.out_of_step(run);
        }
        match decision.span {
            // That a run is new needs no look: its first event's row can be inserted only once.
            Span::Events { first: 1, last } => {
                if !self.insert_events(decision, 1, last)? {
                    return self.out_of_step(run);
                }
                self.put_off(decision, None, last);
            }
            Span::Events { first, last } => {
                let (before, end) = self.end_of(run)?;
                if end + 1 != first || !self.insert_events(decision, first, last)? {
                    return self.out_of_step(run);
                }
                self.put_off(decision, before, last);
            }
            Span::RowOnly { last } => {
                let (before, end) = self.end_of(run)?;
                if end != last || end == 0 {
                    return self.out_of_step(run);
                }
                self.put_off(decision, before, last);
            }
            Span::Broken => return self.out_of_step(run),
        }
        for blob in &decision.blobs {
            self.conn
                .prepare_cached("INSERT OR IGNORE INTO run_blobs (run, sha256) VALUES (?, ?)")?
                .execute(params![run.to_bytes(), blob])?;
        }
        notices::add(self.conn, &decision.notices)?;
        if let Some(Idempotency { key, inputs_hash }) = &decision.idempotency {
            self.conn
                .prepare_cached("INSERT INTO idempotency (flow, key, run, inputs_hash) VALUES (?, ?, ?, ?)")?
                .execute(params![
                    decision.row.flow,
                    key,
                    run.to_bytes(),
                    inputs_hash.cast_signed()
                ])?;
        }
        outbox::take(self.conn, &decision.takes)?;
        outbox::send(self.conn, &decision.messages)?;
        Ok(Committed::Done)
    }

    /// What to answer if the decision's key is taken.
    fn key_holder(&self, decision: &EncodedDecision) -> Result<Option<Committed>, Fault> {
        let Some(Idempotency { key, .. }) = &decision.idempotency else {
            return Ok(None);
        };
        let Some((run, inputs_hash)) = run_by_key(self.conn, &decision.row.flow, key)? else {
            return Ok(None);
        };
        if run == decision.run {
            self.out_of_step(run).map(Some)
        } else {
            Ok(Some(Committed::Duplicate { run, inputs_hash }))
        }
    }

    fn insert_events(&mut self, decision: &EncodedDecision, first: u64, last: u64) -> Result<bool, Fault> {
        let run = decision.run;
        let shard = run.shard();
        let shard_seq = self
            .ledger
            .shard_seqs
            .get(usize::from(shard))
            .copied()
            .unwrap_or(0)
            .cast_signed()
            + 1;
        let n_inserted = self.insert.execute(params![
            run.to_bytes(),
            first.cast_signed(),
            last.cast_signed(),
            shard,
            shard_seq,
            decision.at,
            decision.bytes
        ])?;
        // The number is taken only by what was written: it has to stay dense.
        if n_inserted == 1 {
            self.ledger.next_shard_seq(shard);
        }
        Ok(n_inserted == 1)
    }

    fn put_off(&mut self, decision: &EncodedDecision, before: Option<RunStatus>, last_seq: u64) {
        let row = Arc::clone(&decision.row);
        match self.ledger.put_off.entry(decision.run) {
            Entry::Occupied(mut earlier) => {
                let earlier = earlier.get_mut();
                earlier.last_seq = last_seq;
                earlier.row = row;
            }
            Entry::Vacant(place) => {
                place.insert(PutOff {
                    before,
                    last_seq,
                    row,
                });
            }
        }
    }

    /// The run's state in the table (not in the open transaction) and the end of its log (in it).
    fn end_of(&self, run: RunId) -> Result<(Option<RunStatus>, u64), Fault> {
        if let Some(put_off) = self.ledger.put_off.get(&run) {
            return Ok((put_off.before, put_off.last_seq));
        }
        let found = self
            .conn
            .prepare_cached("SELECT state, last_seq FROM runs WHERE run = ?")?
            .query_row([run.to_bytes()], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        Ok(found.map_or((None, 0), |(state, last_seq)| {
            (state_of_number(state), last_seq.cast_unsigned())
        }))
    }

    fn out_of_step(&self, run: RunId) -> Result<Committed, Fault> {
        Ok(Committed::OutOfStep {
            last_seq: self.end_of(run)?.1,
        })
    }
}

/// The run that has a flow's key, and the hash of its inputs.
pub(super) fn run_by_key(conn: &Connection, flow: &str, key: &str) -> Result<Option<(RunId, u64)>, Fault> {
    let found = conn
        .prepare_cached("SELECT run, inputs_hash FROM idempotency WHERE flow = ? AND key = ?")?
        .query_row([flow, key], |row| {
            Ok((
                RunId::from_bytes(row.get(0)?),
                row.get::<_, i64>(1)?.cast_unsigned(),
            ))
        })
        .optional()?;
    Ok(found)
}
