//! What is kept for the first page and the list of runs: counts by time, saved views, commands to many runs.

use std::ops::Range;

use async_trait::async_trait;
use flow::view::RunStatus;
use flow::{RunId, Timestamp};

use super::StoreResult;
use super::cells::Cell;

/// A query with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRow {
    /// Its name.
    pub name: String,
    /// What runs are looked for by.
    pub query: String,
    /// When it was saved.
    pub updated_at: Timestamp,
    /// Who saved it.
    pub actor: String,
}

/// How far a command to many runs has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkState {
    /// Its runs are chosen, nothing has been done.
    Frozen,
    /// It goes through its runs.
    Acting,
    /// It has been through.
    Done,
}

impl BulkState {
    /// All.
    pub const ALL: [Self; 3] = [Self::Frozen, Self::Acting, Self::Done];

    /// The word for it, as in the API.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Acting => "acting",
            Self::Done => "done",
        }
    }

    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Frozen => 0,
            Self::Acting => 1,
            Self::Done => 2,
        }
    }
}

/// A command to many runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRow {
    /// `bulk_…`
    pub id: String,
    /// The command and what was looked for, as JSON.
    pub spec: String,
    /// How far it has come.
    pub state: BulkState,
    /// When its runs were chosen.
    pub made_at: Timestamp,
    /// Until when it may be begun.
    pub expires_at: Timestamp,
    /// How many runs it is for.
    pub n: u32,
    /// How many of them have done as told.
    pub n_done: u32,
    /// How many have not, each with its reason.
    pub n_refused: u32,
}

/// A run of such a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRun {
    /// Its place, from 0.
    pub n: u32,
    /// The run.
    pub run: RunId,
    /// What came of it, as JSON, once something has.
    pub result: Option<String>,
}

/// What came of the command for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkMark {
    /// The run's place.
    pub n: u32,
    /// Whether it has done as told.
    pub is_done: bool,
    /// The same at length, as JSON.
    pub result: String,
}

/// What is kept for the first page and the list of runs.
#[async_trait]
pub trait BoardStore: Send + Sync + 'static {
    /// Counts of runs of a flow, or of all together, that were created in these seconds since 1970 UTC. One minute or hour may come in
    /// several pieces, in no order; an hour lies in the range if its beginning does.
    async fn run_cells(&self, flow: Option<&str>, range: Range<i64>) -> StoreResult<Vec<Cell>>;

    /// Adds up the minutes of a flow before `minutes_before` to hours, and forgets hours before `hours_before`; `None`: of all together.
    async fn fold_cells(&self, flow: Option<&str>, minutes_before: i64, hours_before: i64)
    -> StoreResult<()>;

    /// The flows that have counts.
    async fn counted_flows(&self) -> StoreResult<Vec<String>>;

    /// Open runs whose rows were written by a version that did not note how many approvals wait.
    async fn unasked_runs(&self, limit: usize) -> StoreResult<Vec<RunId>>;

    /// Notes it, unless the row has been written since its run's event `last_seq`.
    async fn note_asking(&self, run: RunId, last_seq: u64, n_asking: u32) -> StoreResult<()>;

    /// All saved views, by name.
    async fn views(&self) -> StoreResult<Vec<ViewRow>>;

    /// Saves a view: a new one, or another query of one that is there.
    async fn put_view(&self, view: ViewRow) -> StoreResult<()>;

    /// Removes a view. False if there is none.
    async fn remove_view(&self, name: &str) -> StoreResult<bool>;

    /// Keeps a command with the runs it is for.
    async fn put_bulk(&self, bulk: BulkRow, runs: Vec<RunId>) -> StoreResult<()>;

    /// A command to many runs.
    async fn bulk(&self, id: &str) -> StoreResult<Option<BulkRow>>;

    /// Lets a frozen command begin. False if it is not frozen or no longer there, or may be begun no longer.
    async fn begin_bulk(&self, id: &str, now: Timestamp) -> StoreResult<bool>;

    /// Its runs from a place on.
    async fn bulk_runs(&self, id: &str, from: u32, limit: usize) -> StoreResult<Vec<BulkRun>>;

    /// How many of its runs are in which state; `None`: of those that are no longer there. In no order.
    async fn bulk_states(&self, id: &str) -> StoreResult<Vec<(Option<RunStatus>, u32)>>;

    /// Notes what came of some of its runs; those that have been noted before are passed over. A command all of whose runs are noted is
    /// done.
    async fn mark_bulk(&self, id: &str, marks: Vec<BulkMark>) -> StoreResult<()>;

    /// The commands that were at work.
    async fn acting_bulks(&self) -> StoreResult<Vec<BulkRow>>;

    /// Forgets commands that may be begun no longer since then, unless they are at work.
    async fn forget_bulks(&self, before: Timestamp) -> StoreResult<()>;
}
