//! Everything in a backup, looked at.

use std::collections::BTreeSet;
use std::path::Path;

use flow::payload::hex;
use flow::run::event::EventKind;
use flow::view::RunStatus;
use flow::{RunId, Timestamp};
use rusqlite::{Connection, Params};
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest as _, Sha256};

use super::{KINDS, explain, open, schema_of};
use crate::store::references::references;
use crate::store::sqlite::file::Fault;
use crate::store::sqlite::rows;
use crate::store::stats::state_number;
use crate::store::{BlobKey, StoreResult, encoding};

/// Problems told one by one; of more only their number is.
const PROBLEMS_MAX: usize = 100;

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong, as sentences; at most a hundred.
    pub problems: Vec<String>,
    /// How many more there are.
    pub n_more_problems: u64,
    /// The moment it is of.
    pub made_at: Timestamp,
    /// Flows.
    pub n_flows: u64,
    /// Runs.
    pub n_runs: u64,
    /// Events of runs.
    pub n_events: u64,
    /// Large values.
    pub n_values: u64,
    /// Pieces of logs.
    pub n_chunks: u64,
}

/// Looks at everything in a backup: whether the file is sound, every event can be read and has its place, every run has its row, its
/// flow version and the large values its events name, and counts are right.
///
/// # Errors
/// If it is no backup, of a newer version or cannot be read at all. What is wrong in it is in the answer.
pub fn check(path: &Path) -> StoreResult<Checked> {
    let (conn, made_at) = open(path)?;
    let mut check = Check {
        conn: &conn,
        versions: FxHashSet::default(),
        found: Checked {
            problems: Vec::new(),
            n_more_problems: 0,
            made_at,
            n_flows: 0,
            n_runs: 0,
            n_events: 0,
            n_values: 0,
            n_chunks: 0,
        },
    };
    for kind in &KINDS {
        schema_of(&conn, path, kind).map_err(|fault| explain(fault, path))?;
    }
    match check.all() {
        Ok(()) => {}
        // What is damaged badly enough cannot be looked at to its end.
        Err(fault) => check.problem(explain(fault, path).to_string()),
    }
    Ok(check.found)
}

struct Check<'a> {
    conn: &'a Connection,
    /// Flow versions known to be there.
    versions: FxHashSet<(String, u32)>,
    found: Checked,
}

/// A run's log as far as it was read.
struct Log {
    run: RunId,
    first_seq: u64,
    last_seq: u64,
    has_ended: bool,
}

impl Check<'_> {
    fn problem(&mut self, what: String) {
        if self.found.problems.len() < PROBLEMS_MAX {
            self.found.problems.push(what);
        } else {
            self.found.n_more_problems += 1;
        }
    }

    fn all(&mut self) -> Result<(), Fault> {
        self.pages()?;
        if !self.found.problems.is_empty() {
            // Whatever else would be said is a consequence.
            return Ok(());
        }
        self.found.n_flows = self.count("flows")?;
        self.found.n_runs = self.count("runs")?;
        self.found.n_chunks = self.count("chunks")?;
        self.events()?;
        self.runs_without_events()?;
        self.shard_numbers()?;
        self.counts()?;
        self.values()
    }

    fn count(&self, table: &str) -> Result<u64, Fault> {
        let n = self
            .conn
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get::<_, i64>(0)
            })?;
        Ok(n.unsigned_abs())
    }

    fn pages(&mut self) -> Result<(), Fault> {
        let mut check = self.conn.prepare("PRAGMA integrity_check")?;
        let mut rows = check.query([])?;
        while let Some(row) = rows.next()? {
            let told: String = row.get(0)?;
            if told != "ok" {
                self.problem(format!("the file is damaged: {told}"));
            }
        }
        Ok(())
    }

    fn events(&mut self) -> Result<(), Fault> {
        let conn = self.conn;
        let mut select =
            conn.prepare("SELECT run, first_seq, last_seq, bytes FROM events ORDER BY run, first_seq")?;
        let mut rows = select.query([])?;
        let mut log: Option<Log> = None;
        while let Some(row) = rows.next()? {
            let run = RunId::from_bytes(row.get(0)?);
            let first: u64 = row.get::<_, i64>(1)?.cast_unsigned();
            let last: u64 = row.get::<_, i64>(2)?.cast_unsigned();
            if log.as_ref().is_some_and(|log| log.run != run)
                && let Some(ended) = log.take()
            {
                self.run(&ended)?;
            }
            let log = log.get_or_insert_with(|| Log {
                run,
                first_seq: first,
                last_seq: first.saturating_sub(1),
                has_ended: false,
            });
            if first != log.last_seq + 1 {
                self.problem(format!("{run}: after event {} comes event {first}", log.last_seq));
            }
            log.last_seq = last;
            let bytes: Vec<u8> = row.get(3)?;
            self.decision(log, first, last, &bytes);
            self.names(run, &references(&bytes))?;
        }
        match log {
            Some(log) => self.run(&log),
            None => Ok(()),
        }
    }

    fn decision(&mut self, log: &mut Log, first: u64, last: u64, bytes: &[u8]) {
        let run = log.run;
        let events = match encoding::decode(first, bytes) {
            Ok(events) => events,
            Err(error) => return self.problem(format!("{run}: {error}")),
        };
        self.found.n_events += events.len() as u64;
        if events.len() as u64 != (last + 1).saturating_sub(first) {
            self.problem(format!(
                "{run}: {} events stand where {first} to {last} should",
                events.len()
            ));
        }
        let is_creation =
            |kind: &EventKind| matches!(kind, EventKind::RunCreated { run: created, .. } if *created == run);
        if first == 1 && !events.first().is_some_and(|event| is_creation(&event.kind)) {
            self.problem(format!("{run}: its log does not begin with its creation"));
        }
        log.has_ended = events
            .last()
            .is_some_and(|event| matches!(event.kind, EventKind::RunFinished { .. }));
    }

    /// Every value that events name is there, and known to be named.
    fn names(&mut self, run: RunId, named: &[BlobKey]) -> Result<(), Fault> {
        let conn = self.conn;
        let id = run.to_bytes();
        // The values of a run that is being deleted may be gone before its events.
        if named.is_empty() || !exists(conn, "SELECT 1 FROM runs WHERE run = ?", [id])? {
            return Ok(());
        }
        for key in named {
            let digits = hex(key);
            if !exists(conn, "SELECT 1 FROM blobs WHERE sha256 = ?", [key])? {
                self.problem(format!("{run}: the large value {digits} is missing"));
            }
            if !exists(
                conn,
                "SELECT 1 FROM run_blobs WHERE run = ? AND sha256 = ?",
                (id, key),
            )? {
                self.problem(format!(
                    "{run}: it names the large value {digits}, but is not noted to"
                ));
            }
        }
        Ok(())
    }

    fn run(&mut self, log: &Log) -> Result<(), Fault> {
        let run = log.run;
        let row = match rows::run(self.conn, run) {
            Ok(row) => row,
            Err(Fault::Refused(error)) => {
                self.problem(format!("{run}: {error}"));
                return Ok(());
            }
            Err(fault) => return Err(fault),
        };
        let Some(row) = row else {
            if !exists(
                self.conn,
                "SELECT 1 FROM deleted_runs WHERE run = ?",
                [run.to_bytes()],
            )? {
                self.problem(format!("{run}: it has events and no row"));
            }
            return Ok(());
        };
        if log.first_seq != 1 {
            self.problem(format!("{run}: its log begins with event {}", log.first_seq));
        }
        if row.last_seq != log.last_seq {
            self.problem(format!(
                "{run}: its row says that its last event is {}, it is {}",
                row.last_seq, log.last_seq
            ));
        }
        let state = row.summary.state;
        if state.is_final() != log.has_ended {
            self.problem(format!(
                "{run}: its row says {}, its log {}",
                state.key(),
                if log.has_ended {
                    "that it has ended"
                } else {
                    "that it has not ended"
                }
            ));
        }
        self.version(run, row.summary.flow, row.summary.version)
    }

    fn version(&mut self, run: RunId, flow: String, version: u32) -> Result<(), Fault> {
        let named = (flow, version);
        if self.versions.contains(&named) {
            return Ok(());
        }
        let sql = match flow::trial::is_trial(version) {
            true => "SELECT 1 FROM trials WHERE flow = ? AND version = ?",
            false => "SELECT 1 FROM flow_versions WHERE flow = ? AND version = ?",
        };
        if exists(self.conn, sql, (&named.0, named.1))? {
            self.versions.insert(named);
        } else {
            let (flow, version) = named;
            self.problem(format!("{run}: version {version} of its flow {flow} is missing"));
        }
        Ok(())
    }

    fn runs_without_events(&mut self) -> Result<(), Fault> {
        let conn = self.conn;
        let mut select = conn.prepare(
            "SELECT run FROM runs r WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.run = r.run)",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let run = RunId::from_bytes(row.get(0)?);
            self.problem(format!("{run}: it has a row and no events"));
        }
        Ok(())
    }

    fn shard_numbers(&mut self) -> Result<(), Fault> {
        let conn = self.conn;
        let mut select = conn.prepare(
            "SELECT e.shard, count(*) - count(DISTINCT e.shard_seq), max(e.shard_seq), s.shard_seq
             FROM events e LEFT JOIN shards s ON s.shard = e.shard GROUP BY e.shard",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (shard, n_doubled, last): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let counted: Option<i64> = row.get(3)?;
            if n_doubled > 0 || counted.is_none_or(|counted| counted < last) {
                self.problem(format!(
                    "shard {shard}: the numbers of its decisions do not fit its counter"
                ));
            }
        }
        Ok(())
    }

    fn counts(&mut self) -> Result<(), Fault> {
        let conn = self.conn;
        let mut there: FxHashMap<(String, i64), i64> = FxHashMap::default();
        let mut select = conn.prepare("SELECT flow, state, count(*) FROM runs GROUP BY flow, state")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            there.insert((row.get(0)?, row.get(1)?), row.get(2)?);
        }
        for (flow, counts) in rows::counts_by_flow(conn)? {
            for (state, counted) in RunStatus::ALL.into_iter().zip(counts) {
                let n = there.remove(&(flow.clone(), i64::from(state_number(state))));
                let n = n.unwrap_or(0);
                if n != counted {
                    let state = state.key();
                    self.problem(format!(
                        "flow {flow}: {counted} runs are counted as {state}, there are {n}"
                    ));
                }
            }
        }
        let uncounted: BTreeSet<String> = there.into_keys().map(|(flow, _)| flow).collect();
        for flow in uncounted {
            self.problem(format!("flow {flow}: it has runs that are not counted"));
        }
        Ok(())
    }

    fn values(&mut self) -> Result<(), Fault> {
        let conn = self.conn;
        let mut select = conn.prepare("SELECT sha256, value FROM blobs")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let key: BlobKey = row.get(0)?;
            let value = row.get_ref(1)?.as_blob().unwrap_or_default();
            self.found.n_values += 1;
            if Sha256::digest(value)[..] != key {
                self.problem(format!("the large value {} is another than it was", hex(&key)));
            }
        }
        Ok(())
    }
}

fn exists(conn: &Connection, sql: &str, of: impl Params) -> Result<bool, Fault> {
    Ok(conn.prepare_cached(sql)?.exists(of)?)
}
