//! Counts of runs by time: what pages show of an hour or a month, without reading a run.
//!
//! A run counts for the minute in which it was created, also when it ends later: so the failed ones of a time are exactly those that
//! a list of that time shows as failed. Cells are written in the transaction that moves a run. That costs a few small rows for each
//! flow in it, however many runs it moves, and nothing has to be made up for after a crash or read at the start. Minutes that are old
//! are added up to hours, hours that are older than anybody asks for go; runs that are deleted stay counted.

use std::collections::BTreeMap;

use flow::Timestamp;
use flow::view::RunStatus;

use super::durations::{Durations, bucket_of};

/// What a cell counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellKind {
    /// Runs that were created.
    Created,
    /// Of these, those that succeeded.
    Succeeded,
    /// Those that failed.
    Failed,
    /// Those that were cancelled.
    Cancelled,
    /// Succeeded runs that took so long.
    Duration,
    /// Ended runs that waited so long before they began.
    Wait,
}

impl CellKind {
    const ALL: [Self; 6] = [
        Self::Created,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Duration,
        Self::Wait,
    ];

    /// The number under which stores keep it.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::Succeeded => 1,
            Self::Failed => 2,
            Self::Cancelled => 3,
            Self::Duration => 4,
            Self::Wait => 5,
        }
    }

    /// The kind with this number.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    const fn of_end(state: RunStatus) -> Option<Self> {
        match state {
            RunStatus::Succeeded => Some(Self::Succeeded),
            RunStatus::Failed => Some(Self::Failed),
            RunStatus::Cancelled => Some(Self::Cancelled),
            _ => None,
        }
    }
}

/// A count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The beginning of its minute or hour, in seconds since 1970 UTC.
    pub at: i64,
    /// What it counts.
    pub kind: CellKind,
    /// For lengths of time, which.
    pub bucket: u16,
    /// How many.
    pub n: i64,
}

/// Whether a run began or ended with a move, and what that says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) before: Option<RunStatus>,
    pub(super) now: RunStatus,
    pub(super) created_at: Timestamp,
    pub(super) duration_ms: Option<u64>,
    pub(super) wait_ms: Option<u64>,
}

/// Where a move counts and how often: `(minute, kind, bucket)`.
pub(super) type CellKey = (i64, CellKind, u16);

impl Moved {
    /// Adds one to each cell that it counts for.
    pub(super) fn count(self, mut add: impl FnMut(CellKey)) {
        let minute = self.created_at.as_micros().div_euclid(60_000_000) * 60;
        if self.before.is_none() {
            add((minute, CellKind::Created, 0));
        }
        if self.before.is_some_and(RunStatus::is_final) {
            return;
        }
        let Some(end) = CellKind::of_end(self.now) else {
            return;
        };
        add((minute, end, 0));
        if let Some(ms) = self.duration_ms.filter(|_| self.now == RunStatus::Succeeded) {
            add((minute, CellKind::Duration, bucket_of(ms)));
        }
        if let Some(ms) = self.wait_ms {
            add((minute, CellKind::Wait, bucket_of(ms)));
        }
    }
}

/// What cells add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTally {
    counts: BTreeMap<CellKind, i64>,
    durations: Durations,
    waits: Durations,
}

impl RunTally {
    /// Adds a cell.
    pub fn add(&mut self, cell: Cell) {
        match cell.kind {
            CellKind::Duration => self.durations.add_to(cell.bucket, cell.n),
            CellKind::Wait => self.waits.add_to(cell.bucket, cell.n),
            kind => *self.counts.entry(kind).or_insert(0) += cell.n,
        }
    }

    /// How many runs of this kind there are.
    #[must_use]
    pub fn count(&self, kind: CellKind) -> u64 {
        self.counts.get(&kind).map_or(0, |n| n.max(&0).unsigned_abs())
    }

    /// The milliseconds that so many of a hundred succeeded runs did not exceed.
    #[must_use]
    pub fn duration_ms(&self, percent: u64) -> Option<u64> {
        self.durations.percentile(percent)
    }

    /// The milliseconds that so many of a hundred ended runs did not wait longer for their beginning.
    #[must_use]
    pub fn wait_ms(&self, percent: u64) -> Option<u64> {
        self.waits.percentile(percent)
    }
}
