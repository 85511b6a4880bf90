//! Where flows, runs, logs and blobs live.
//!
//! [`Store`] holds what must never be lost: flow versions, event logs and the rows projected from them. [`LogStore`] and
//! [`BlobStore`] live apart from it, in files of their own with writers of their own, so that a flood of log lines never
//! waits in front of a commit. Each verb is one transaction: it happens entirely or not at all.

mod blob_key;
pub mod board;
pub mod cells;
mod durations;
pub mod edits;
mod encoding;
#[cfg(test)]
mod equivalence;
mod gates;
pub mod lanes;
pub(crate) mod listing;
pub mod memory;
mod memory_board;
mod memory_edits;
mod memory_lanes;
mod memory_notices;
pub mod notices;
mod outbox;
mod references;
pub mod retention;
mod schedules;
mod settings;
pub mod sqlite;
mod stats;
#[cfg(test)]
pub(crate) mod suite;

pub use self::board::BoardStore;
pub use self::edits::EditStore;
pub use self::gates::{FollowMark, Follower, GateDecision, GateRow};
pub use self::lanes::LaneStore;
pub use self::notices::{
    Channel, NewNotice, NewRule, NoticeFilter, NoticeKind, NoticeMark, NoticeRow, NoticeState, RuleRow,
};
pub use self::outbox::{MessageId, OutboxRow};
pub use self::schedules::{NewSchedule, ScheduleMark, ScheduleRow};
pub use self::settings::{NewSecret, NewVariable, References, SecretRow, VariableRow};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flow::query::{Facts, RunQuery};
use flow::run::event::Event;
use flow::view::{FlowSummary, FlowVersionView, Page, RunSummary};
use flow::{BlobRef, RunId, Timestamp};

use self::retention::Retention;

/// Why the store did not do as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The shard has been taken over by another node: the caller drops all its state of that shard.
    #[error("shard {shard} is at epoch {current}, not {given}")]
    StaleEpoch {
        /// Which shard.
        shard: u16,
        /// The epoch the caller believed in.
        given: u64,
        /// The epoch that holds.
        current: u64,
    },
    /// The newest version is not the one the caller edited.
    #[error("the flow is at version {current}, not {expected}")]
    VersionConflict {
        /// What the caller edited.
        expected: u32,
        /// What is newest; 0 if the flow does not exist.
        current: u32,
    },
    /// A position in a list that no page of it gave.
    #[error("`{0}` is no position in this list; give a page's `next_cursor` as it is")]
    BadCursor(String),
    /// Disk full, locked by another process, damaged … Nothing was changed; the same call may succeed later.
    #[error("the database cannot be used right now: {0}")]
    Unavailable(String),
    /// The data was written by a newer Pointwork, or is not Pointwork's at all.
    #[error("{0}")]
    Incompatible(String),
}

/// The answer of a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// One flow version as it was saved.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredVersion {
    /// The flow's id.
    pub flow: String,
    /// From 1.
    pub version: u32,
    /// The newest version of the flow.
    pub newest: u32,
    /// The text it was saved as.
    pub source: String,
    /// `yaml` or `json`.
    pub format: String,
    /// Its document as compact JSON: what runs are made from, whatever the text's format.
    pub document: String,
    /// When it was saved.
    pub created_at: Timestamp,
    /// Who saved it.
    pub actor: String,
    /// Whether the flow is archived: its runs stay, new ones are refused.
    pub archived: bool,
}

/// A flow version to be saved.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The flow's id.
    pub flow: String,
    /// Its name, for lists.
    pub name: String,
    /// What it is for, for lists.
    pub description: Option<String>,
    /// Its tasks, for lists.
    pub n_tasks: u32,
    /// The text.
    pub source: String,
    /// `yaml` or `json`.
    pub format: String,
    /// Its document as compact JSON.
    pub document: String,
    /// Now.
    pub at: Timestamp,
    /// Who saves it.
    pub actor: String,
    /// What must be the newest version: `Some(0)` if the flow must be new, `None` if anything goes.
    pub expected: Option<u32>,
    /// The version of which it is only another drawing. If that is still the newest, its text is replaced and no version made.
    pub redraws: Option<u32>,
    /// Its schedules. One that was there before goes on from where it was; if its spec has changed or the flow was archived, from now on.
    pub schedules: Vec<NewSchedule>,
    /// The secrets and variables it refers to.
    pub references: References,
    /// The flows whose ends start its runs, with the names it has for that.
    pub follows: Vec<(String, String)>,
    /// Its rules of whom to tell. One that has not changed goes on from where it was; if the flow was archived, from now on.
    pub rules: Vec<NewRule>,
}

/// One decision of one run, to be appended to its log.
#[derive(Clone, Debug)]
pub struct RunDecision {
    /// Which run.
    pub run: RunId,
    /// The events, consecutive; the first of a new run has `seq` 1.
    pub events: Vec<Event>,
    /// The run's row after them.
    pub row: RunRow,
    /// Set in a run's first decision if the caller gave a key: at most one run per flow and key.
    pub idempotency: Option<Idempotency>,
    /// What it tells others. Kept until it is taken.
    pub messages: Vec<OutboxRow>,
    /// The messages it is the answer to, which are taken with it. If one of them was taken before, nothing of the decision is written.
    pub takes: Vec<MessageId>,
    /// What is to be told because of it; what has been told is passed over.
    pub notices: Vec<NewNotice>,
}

/// A caller's key for a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key; it is the flow's own.
    pub key: String,
    /// Hash of the inputs: the same key with others is refused.
    pub inputs_hash: u64,
}

/// A run's row: what lists and filters need, projected from its events.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// As lists show it.
    pub summary: RunSummary,
    /// The last event's number.
    pub last_seq: u64,
    /// When its earliest timer is due, if it has one.
    pub wake_at: Option<Timestamp>,
    /// Whether attempts of it are given out or run: after a restart such a run must be looked at even if no timer is due.
    pub in_flight: bool,
}

/// What became of one decision of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is durable.
    Done,
    /// Its idempotency key belongs to this run already; nothing of the decision was written.
    Duplicate {
        /// The run that has the key.
        run: RunId,
        /// The hash of that run's inputs.
        inputs_hash: u64,
    },
    /// The log's end is not where the decision begins, or a message it answers was taken before; nothing of it was written. The run must
    /// be loaded again.
    OutOfStep {
        /// The last event's number in the store.
        last_seq: u64,
    },
}

/// The right to write to a set of shards: the epochs a node believes in. One node: all of them, for as long as it lives.
#[derive(Clone, Debug, Default)]
pub struct ShardEpochs(pub Arc<Vec<u64>>);

/// An unfinished run, as found at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Which.
    pub run: RunId,
    /// See [`RunRow::wake_at`].
    pub wake_at: Option<Timestamp>,
    /// See [`RunRow::in_flight`].
    pub in_flight: bool,
}

/// Which runs to list. Empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this flow.
    pub flow: Option<String>,
    /// In one of these states.
    pub states: Vec<flow::view::RunStatus>,
    /// With all of these labels.
    pub labels: Vec<(String, String)>,
    /// Created at or after.
    pub since: Option<Timestamp>,
    /// Created before.
    pub until: Option<Timestamp>,
    /// With this text in id, flow, flow name, label or error.
    pub text: Option<String>,
    /// Looked for by this.
    pub sought: Option<Arc<Sought>>,
    /// None at all: what is asked contradicts itself.
    pub is_empty: bool,
}

/// A query with what has to be known to judge runs by it.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// What runs are looked for by.
    pub query: RunQuery,
    /// Now.
    pub now: Timestamp,
    /// From when on they ended, if that is asked: it can be judged before the whole row is read.
    pub ended_since: Option<Timestamp>,
    /// What 95 of a hundred succeeded runs of a flow did not exceed, in milliseconds; empty if the query does not ask.
    pub p95_ms: BTreeMap<String, u64>,
}

impl Sought {
    /// Whether a run is looked for.
    #[must_use]
    pub fn admits(&self, run: &RunSummary) -> bool {
        let p95_ms = |flow: &str| self.p95_ms.get(flow).copied();
        let facts = Facts {
            now: self.now,
            p95_ms: &p95_ms,
        };
        self.query.admits(run, facts)
    }
}

/// What a step of deletion came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Deleted runs whose events are all gone.
    pub emptied: Vec<RunId>,
    /// Whether that holds for every deleted run.
    pub is_done: bool,
}

/// Counts over the runs that are kept, moved by the writer as runs move and go, never made by counting rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowStats {
    /// Runs by state.
    pub runs: BTreeMap<String, u64>,
    /// Finished runs whose duration is in the sum.
    pub n_finished: u64,
    /// Sum of their durations in milliseconds.
    pub duration_ms_sum: u64,
    /// Shortest of all there ever were, also of runs that are no longer kept; forgotten with a flow's last finished run.
    pub duration_ms_min: Option<u64>,
    /// Longest, likewise.
    pub duration_ms_max: Option<u64>,
    /// What half of the succeeded runs did not exceed. At most a 32nd (3.2 per cent) off; failed and cancelled runs, which may end
    /// at once or never seem to, are left out.
    pub duration_ms_p50: Option<u64>,
    /// What 95 of a hundred succeeded runs did not exceed; as exact.
    pub duration_ms_p95: Option<u64>,
}

/// Where runs and flows live. Every answer shows committed state only.
#[async_trait]
pub trait Store: LaneStore + BoardStore + EditStore {
    /// Saves a version. Saving the newest version's text again unchanged answers its number and adds none; a change of a comment alone
    /// is a change, or it would be lost.
    /// Fails with [`StoreError::VersionConflict`] if `expected` does not hold. Saving to an archived flow brings it back.
    async fn save_flow(&self, version: NewVersion) -> StoreResult<u32>;

    /// A version of a flow; the newest if `version` is `None`.
    async fn flow(&self, flow: &str, version: Option<u32>) -> StoreResult<Option<StoredVersion>>;

    /// The versions of a flow, newest first.
    async fn flow_versions(&self, flow: &str) -> StoreResult<Vec<FlowVersionView>>;

    /// Flows by id, with counts of their runs and their newest runs; archived ones are left out. `text` filters by id, name and description.
    async fn flows(
        &self,
        text: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<FlowSummary>>;

    /// The flows of which a run was made last, newest first, then those without runs by name; archived ones are left out. Costs a look
    /// into an index for each flow, however many runs there are.
    async fn latest_flows(&self, limit: usize) -> StoreResult<Vec<FlowSummary>>;

    /// How many flows there are, without the archived ones.
    async fn count_flows(&self) -> StoreResult<u64>;

    /// Hides a flow from lists and refuses new runs of it. False if there is none.
    async fn archive_flow(&self, flow: &str) -> StoreResult<bool>;

    /// The schedules of flows that are not archived, by flow and name; of one flow, or of all.
    async fn schedules(&self, flow: Option<&str>) -> StoreResult<Vec<ScheduleRow>>;

    /// Notes how far a schedule has come. Nothing happens if it is gone.
    async fn mark_schedule(&self, flow: &str, name: &str, mark: ScheduleMark) -> StoreResult<()>;

    /// Holds a schedule, or lets it go on from `now`. False if there is none. Why it is held is kept for as long as it is.
    async fn pause_schedule(
        &self,
        flow: &str,
        name: &str,
        is_paused: bool,
        reason: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<bool>;

    /// Sets a secret: a new one, or another value of one that is there.
    async fn put_secret(&self, secret: NewSecret) -> StoreResult<()>;

    /// All secrets, by name.
    async fn secrets(&self) -> StoreResult<Vec<SecretRow>>;

    /// A secret as it was given to the store.
    async fn sealed_secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>>;

    /// Removes a secret. False if there is none.
    async fn remove_secret(&self, name: &str) -> StoreResult<bool>;

    /// Sets a variable: a new one, or another value of one that is there.
    async fn put_variable(&self, variable: NewVariable) -> StoreResult<()>;

    /// All variables, by name.
    async fn variables(&self) -> StoreResult<Vec<VariableRow>>;

    /// Removes a variable. False if there is none.
    async fn remove_variable(&self, name: &str) -> StoreResult<bool>;

    /// The rules of flows that are not archived, by flow and name.
    async fn notify_rules(&self) -> StoreResult<Vec<RuleRow>>;

    /// Notes up to which moment a rule has been judged (it never goes back; nothing happens if it is gone) and what is to be told because
    /// of it. What has been told is passed over.
    async fn judged(
        &self,
        flow: &str,
        rule: &str,
        until: Timestamp,
        notices: Vec<NewNotice>,
    ) -> StoreResult<()>;

    /// Notifications, newest first, those with a number below `before`.
    async fn notifications(
        &self,
        filter: &NoticeFilter,
        before: Option<i64>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRow>>;

    /// Notifications that wait, the one that is due first first.
    async fn waiting_notifications(&self, limit: usize) -> StoreResult<Vec<NoticeRow>>;

    /// Notes what became of an attempt to send these. What does not wait any more stays as it is.
    async fn mark_notifications(&self, ids: Vec<i64>, mark: NoticeMark) -> StoreResult<()>;

    /// Takes over all shards: raises and returns their epochs.
    async fn take_shards(&self) -> StoreResult<ShardEpochs>;

    /// Appends decisions of many runs with the rows projected from them, all in one transaction, and says what became of each, in
    /// order. One decision that is out of step or a duplicate does not keep the others from being written. Any error leaves
    /// nothing behind. Several callers' batches may share one transaction (group commit).
    async fn commit(&self, epochs: &ShardEpochs, batch: Vec<RunDecision>) -> StoreResult<Vec<Committed>>;

    /// Messages that nobody has taken, by sender and number, after one of them.
    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> StoreResult<Vec<OutboxRow>>;

    /// Takes messages that cause nothing. Those that were taken before are passed over.
    async fn take_messages(&self, messages: Vec<MessageId>) -> StoreResult<()>;

    /// A gate, whether or not anybody has come to it.
    async fn gate(&self, id: u128) -> StoreResult<GateRow>;

    /// Writes what a gate decided. False, with nothing written, if it is not as it was before or the message was taken.
    async fn commit_gate(&self, decision: GateDecision) -> StoreResult<bool>;

    /// Forgets gates that nobody has used since.
    async fn forget_gates(&self, before: Timestamp) -> StoreResult<()>;

    /// Flows that start when others end, without the archived ones.
    async fn followers(&self) -> StoreResult<Vec<Follower>>;

    /// Notes what came of an end that was to start a flow by this name. Of a name that is gone nothing is noted.
    async fn mark_follower(&self, flow: &str, name: &str, mark: FollowMark) -> StoreResult<()>;

    /// The events of a run after `after`, oldest first, about `limit` of them (whole decisions; at least one decision if there is one).
    async fn events(&self, run: RunId, after: u64, limit: usize) -> StoreResult<Vec<Event>>;

    /// A run's row.
    async fn run(&self, run: RunId) -> StoreResult<Option<RunRow>>;

    /// Runs, newest first.
    async fn runs(
        &self,
        filter: &RunFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<RunSummary>>;

    /// All unfinished runs, oldest first.
    async fn unfinished(&self) -> StoreResult<Vec<Unfinished>>;

    /// The run that has this key of a flow.
    async fn run_by_key(&self, flow: &str, key: &str) -> StoreResult<Option<(RunId, u64)>>;

    /// Counts for one flow, or for all.
    async fn stats(&self, flow: Option<&str>) -> StoreResult<FlowStats>;

    /// Finished runs that a policy no longer keeps: about `limit` of them, those of a flow and state oldest first.
    async fn expired(&self, policy: &Retention, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>>;

    /// Lets finished runs vanish from all that is read, with their labels, keys and part in the counts, and answers how many did.
    /// Unfinished and unknown ones are passed over. What is left of them goes by [`Store::sweep`].
    async fn delete_runs(&self, runs: Vec<RunId>) -> StoreResult<u64>;

    /// Deletes what is left of vanished runs: about `limit` rows of events. Those it names stay noted until [`Store::forget_runs`],
    /// so that what lies outside of this store can be deleted too, also after a crash.
    async fn sweep(&self, limit: usize) -> StoreResult<Swept>;

    /// Nothing of these deleted runs is left anywhere.
    async fn forget_runs(&self, runs: Vec<RunId>) -> StoreResult<()>;

    /// Those of these values that neither an event of a kept run nor a kept result names.
    async fn unreferenced(&self, blobs: Vec<BlobKey>) -> StoreResult<Vec<BlobKey>>;

    /// Gives some of the space that deletion freed back to the disk. True if there is more to give.
    async fn give_back(&self) -> StoreResult<bool>;
}

/// A piece of an attempt's log: whole lines of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// Its number within the attempt's log, from 1, rising; gaps mark what was left out.
    pub number: u64,
    /// When its first line was written.
    pub at: Timestamp,
    /// `stdout`, `stderr` or `engine`.
    pub stream: LogStream,
    /// The lines, each ended by a newline; valid UTF-8 (what was not is replaced).
    pub text: String,
}

/// Where a log line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    /// A process's standard output, or a task type's ordinary line.
    Stdout,
    /// A process's standard error.
    Stderr,
    /// A remark of the engine's own, such as "12 MB left out here".
    Engine,
}

impl LogStream {
    /// As pages and the API name it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Engine => "engine",
        }
    }
}

/// How long ago a value must have been put at least to be collected: far longer than an event takes to be committed.
pub const BLOBS_UNTOUCHED: Duration = Duration::from_secs(60 * 60);

/// Which attempt a log belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogKey {
    /// The run.
    pub run: RunId,
    /// The task run's path.
    pub task: Arc<str>,
    /// From 1.
    pub attempt: u32,
}

/// Where a chunk stands among all that a run's attempts wrote: by its time; of one instant by task run, attempt and number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogPlace {
    /// When its first line was written.
    pub at: Timestamp,
    /// The task run's path.
    pub task: Arc<str>,
    /// From 1.
    pub attempt: u32,
    /// As [`LogChunk::number`].
    pub number: u64,
}

impl LogPlace {
    /// Before everything written at this instant.
    #[must_use]
    pub fn before(at: Timestamp) -> Self {
        Self {
            at,
            task: "".into(),
            attempt: 0,
            number: 0,
        }
    }

    /// Behind everything written at this instant.
    #[must_use]
    pub fn behind(at: Timestamp) -> Self {
        Self {
            at,
            // No path begins with the last of all letters.
            task: "\u{10ffff}".into(),
            attempt: u32::MAX,
            number: i64::MAX as u64,
        }
    }

    /// Behind everything.
    #[must_use]
    pub fn end() -> Self {
        Self::behind(Timestamp::from_micros(i64::MAX))
    }
}

/// Numbers of chunks, rising, and where what is found out of each belongs.
pub(crate) type Asked = Vec<(u64, usize)>;

/// Counts the lines before some chunks of one attempt while its chunks go by.
pub(crate) struct LinesBefore<'c> {
    asked: &'c [(u64, usize)],
    n_lines: u64,
}

impl<'c> LinesBefore<'c> {
    pub(crate) const fn new(asked: &'c [(u64, usize)]) -> Self {
        Self { asked, n_lines: 0 }
    }

    /// The attempt's next chunk.
    pub(crate) fn take(&mut self, number: u64, text: &str, counts: &mut [Option<u64>]) {
        self.settle(number, counts);
        self.n_lines += text.lines().count() as u64;
    }

    /// There is no other chunk before this number.
    pub(crate) fn settle(&mut self, number: u64, counts: &mut [Option<u64>]) {
        while let Some(((_, at), rest)) = self
            .asked
            .split_first()
            .filter(|((asked, _), _)| *asked <= number)
        {
            counts[*at] = Some(self.n_lines);
            self.asked = rest;
        }
    }
}

/// Chunks by their attempts: the numbers, rising, with their places in the list.
pub(crate) fn by_attempt(chunks: &[LogPlace]) -> BTreeMap<(Arc<str>, u32), Asked> {
    let mut groups: BTreeMap<_, Asked> = BTreeMap::new();
    for (at, place) in chunks.iter().enumerate() {
        let group = groups
            .entry((Arc::clone(&place.task), place.attempt))
            .or_default();
        group.push((place.number, at));
    }
    groups.values_mut().for_each(|group| group.sort_unstable());
    groups
}

/// Which way from a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogSide {
    /// From this place on, the place included, oldest first.
    From(LogPlace),
    /// Up to this place, the place included, newest first.
    UpTo(LogPlace),
}

/// How much of a run's logs is read at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogAmount {
    /// Chunks at most.
    pub chunks: usize,
    /// Bytes of text, about; one chunk always fits.
    pub bytes: usize,
}

/// Chunks of all task runs of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunLogs {
    /// In the order that was asked for.
    pub chunks: Vec<(LogPlace, LogChunk)>,
    /// Whether there is more that way.
    pub has_more: bool,
}

/// Where logs live. Not fsynced: a crash may lose the last second.
#[async_trait]
pub trait LogStore: Send + Sync + 'static {
    /// Appends chunks; numbers of one attempt rise.
    async fn append(&self, chunks: Vec<(LogKey, LogChunk)>) -> StoreResult<()>;

    /// Chunks of one task run after a position, oldest first, at most about `bytes` of text. A position is (attempt, chunk number).
    async fn read(
        &self,
        run: RunId,
        task: &str,
        after: (u32, u64),
        bytes: usize,
    ) -> StoreResult<Vec<(u32, LogChunk)>>;

    /// The last chunks of one task run up to a position, that position included, at most about `bytes` of text; they too come
    /// oldest first. Readers begin at a log's end and go back from there.
    async fn read_back(
        &self,
        run: RunId,
        task: &str,
        until: (u32, u64),
        bytes: usize,
    ) -> StoreResult<Vec<(u32, LogChunk)>>;

    /// Chunks of all task runs of a run in the order in which they were written. Each call looks at the time of each chunk of the run
    /// and holds those it answers: its work grows with the run's chunks, its memory with `amount`.
    async fn read_run(&self, run: RunId, side: LogSide, amount: LogAmount) -> StoreResult<RunLogs>;

    /// Chunks of all task runs of a run, task run by task run, behind the one with the key of `after`: the cheapest way to see them
    /// all. At most about `bytes` of text.
    async fn scan_run(
        &self,
        run: RunId,
        after: Option<LogPlace>,
        bytes: usize,
    ) -> StoreResult<Vec<(LogPlace, LogChunk)>>;

    /// How many lines stand before each of these chunks in the log of its attempt. None where counting would take more than what
    /// is left of `bytes` of text for all of them.
    async fn lines_before(
        &self,
        run: RunId,
        chunks: Vec<LogPlace>,
        bytes: usize,
    ) -> StoreResult<Vec<Option<u64>>>;

    /// Deletes logs of these runs, at most `limit` chunks. True if nothing is left of them.
    async fn delete(&self, runs: &[RunId], limit: usize) -> StoreResult<bool>;

    /// As [`Store::give_back`].
    async fn give_back(&self) -> StoreResult<bool>;
}

/// The SHA-256 of a large value, under which stores keep it.
pub type BlobKey = [u8; 32];

/// Where large values live: content-addressed, durable before `put` answers.
///
/// A value is put before the event that names it is committed, and the names are in another file, so for a while nothing refers
/// to a value that is needed. Therefore what was put less than an hour ago stays ([`crate::store::BLOBS_UNTOUCHED`]), and whoever
/// names a value that some other run had put must put it again.
#[async_trait]
pub trait BlobStore: Send + Sync + 'static {
    /// Keeps these values, put at this instant.
    async fn put(&self, at: Timestamp, blobs: Vec<(BlobRef, Bytes)>) -> StoreResult<()>;

    /// Values last put before an instant, in the order of their keys, after one of them.
    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<BlobKey>,
        limit: usize,
    ) -> StoreResult<Vec<BlobKey>>;

    /// Deletes those of these values that were last put before an instant and answers how many; `None` if none may go now because
    /// a backup is being made.
    async fn delete(&self, before: Timestamp, blobs: Vec<BlobKey>) -> StoreResult<Option<u64>>;

    /// A value's compact JSON.
    async fn get(&self, blob: &BlobRef) -> StoreResult<Option<Bytes>>;

    /// As [`Store::give_back`].
    async fn give_back(&self) -> StoreResult<bool>;
}
