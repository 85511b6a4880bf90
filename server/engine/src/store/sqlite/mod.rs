//! One machine: three SQLite files in a folder, each with one thread that writes and a few connections that read.
//!
//! A commit is durable when it is answered (`synchronous=FULL` in WAL mode); group commit makes one wait for the disk serve all
//! who wait. The files belong to one process: what the writer of events keeps in memory ([`ledger`]) relies on it, and a lock on
//! the folder sees to it.

mod backup;
mod blobs;
mod board;
#[cfg(all(test, unix))]
mod crash_tests;
mod deletion;
mod edits;
mod file;
mod flows;
mod folder;
mod gates;
mod hold;
mod lanes;
mod ledger;
mod logs;
mod notices;
mod outbox;
mod projection;
mod readers;
mod rows;
mod schedules;
mod settings;
#[cfg(test)]
mod tests;
mod vacuum;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow::run::event::Event;
use flow::view::{FlowSummary, FlowVersionView, Page, RunSummary};
use flow::{RunId, Timestamp};

pub use self::backup::backup;
pub use self::backup::check::{Checked, check as check_backup};
pub use self::backup::restore::restore;
pub use self::blobs::SqliteBlobs;
pub use self::logs::SqliteLogs;

use self::file::{BLOBS, DbFile, LOGS, POINTWORK};
use self::folder::Folder;
use self::ledger::{EncodedDecision, EventLedger};
use self::readers::Readers;
use self::writer::Writer;
use super::retention::Retention;
use super::{
    BlobKey, Committed, FlowStats, FollowMark, Follower, GateDecision, GateRow, MessageId, NewNotice,
    NewSecret, NewVariable, NewVersion, NoticeFilter, NoticeMark, NoticeRow, OutboxRow, RuleRow, RunDecision,
    RunFilter, RunRow, ScheduleMark, ScheduleRow, SecretRow, ShardEpochs, Store, StoreResult, StoredVersion,
    Swept, Unfinished, VariableRow,
};

/// What deleting a run weighs in the sharing of transactions.
const ROWS_PER_RUN: usize = 8;

/// How long a call waits for another program's lock on a file before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Flows and runs in `pointwork.db`; it also holds the folder and hands out its [`SqliteLogs`] and [`SqliteBlobs`].
///
/// Its answers come from blocking threads, so its calls need a Tokio runtime.
pub struct SqliteStore {
    // In this order: files are closed before the folder is given back.
    writer: Writer<EventLedger>,
    readers: Readers,
    logs: Arc<SqliteLogs>,
    blobs: Arc<SqliteBlobs>,
    folder: Folder,
}

impl SqliteStore {
    /// Opens the data folder, which is made if there is none, and brings its files up to date.
    ///
    /// Fails with [`StoreError::Unavailable`](super::StoreError) if another process has it or the disk refuses, and with
    /// [`StoreError::Incompatible`](super::StoreError) if the files are not Pointwork's or were written by a newer one.
    pub fn open(dir: &Path) -> StoreResult<Self> {
        Self::open_with(dir, BUSY_TIMEOUT)
    }

    /// The same; calls wait for another program's lock on a file no longer than `busy_timeout`.
    pub fn open_with(dir: &Path, busy_timeout: Duration) -> StoreResult<Self> {
        let folder = Folder::take(dir)?;
        let file = DbFile::new(dir, POINTWORK, busy_timeout);
        let conn = file.writer()?;
        let ledger = EventLedger::load(&conn).map_err(|fault| fault.explain(&file))?;
        Ok(Self {
            logs: Arc::new(SqliteLogs::open(DbFile::new(dir, LOGS, busy_timeout))?),
            blobs: Arc::new(SqliteBlobs::open(DbFile::new(dir, BLOBS, busy_timeout))?),
            readers: Readers::new(file.clone()),
            writer: Writer::start(file, conn, ledger)?,
            folder,
        })
    }

    /// The data folder's id: 32 hexadecimal digits, made at its first opening.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.folder.instance
    }

    /// Where logs live.
    #[must_use]
    pub fn logs(&self) -> Arc<SqliteLogs> {
        Arc::clone(&self.logs)
    }

    /// Where large values live.
    #[must_use]
    pub fn blobs(&self) -> Arc<SqliteBlobs> {
        Arc::clone(&self.blobs)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn save_flow(&self, version: NewVersion) -> StoreResult<u32> {
        self.writer
            .write(1, move |conn, _| flows::save(conn, &version))
            .await
    }

    async fn flow(&self, flow: &str, version: Option<u32>) -> StoreResult<Option<StoredVersion>> {
        let flow = flow.to_owned();
        self.readers
            .read(move |conn| flows::version(conn, &flow, version))
            .await
    }

    async fn flow_versions(&self, flow: &str) -> StoreResult<Vec<FlowVersionView>> {
        let flow = flow.to_owned();
        self.readers.read(move |conn| flows::versions(conn, &flow)).await
    }

    async fn flows(
        &self,
        text: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<FlowSummary>> {
        let (text, cursor) = (text.map(str::to_owned), cursor.map(str::to_owned));
        self.readers
            .read(move |conn| flows::list(conn, text.as_deref(), cursor.as_deref(), limit))
            .await
    }

    async fn latest_flows(&self, limit: usize) -> StoreResult<Vec<FlowSummary>> {
        self.readers.read(move |conn| flows::latest(conn, limit)).await
    }

    async fn count_flows(&self) -> StoreResult<u64> {
        self.readers.read(flows::count).await
    }

    async fn archive_flow(&self, flow: &str) -> StoreResult<bool> {
        let flow = flow.to_owned();
        self.writer
            .write(1, move |conn, _| flows::archive(conn, &flow))
            .await
    }

    async fn schedules(&self, flow: Option<&str>) -> StoreResult<Vec<ScheduleRow>> {
        let flow = flow.map(str::to_owned);
        self.readers
            .read(move |conn| schedules::list(conn, flow.as_deref(), false))
            .await
    }

    async fn mark_schedule(&self, flow: &str, name: &str, mark: ScheduleMark) -> StoreResult<()> {
        let (flow, name) = (flow.to_owned(), name.to_owned());
        self.writer
            .write(1, move |conn, _| schedules::mark(conn, &flow, &name, &mark))
            .await
    }

    async fn pause_schedule(
        &self,
        flow: &str,
        name: &str,
        is_paused: bool,
        reason: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let (flow, name) = (flow.to_owned(), name.to_owned());
        let reason = reason.filter(|_| is_paused).map(str::to_owned);
        self.writer
            .write(1, move |conn, _| {
                schedules::pause(conn, (&flow, &name), is_paused, reason.as_deref(), now)
            })
            .await
    }

    async fn put_secret(&self, secret: NewSecret) -> StoreResult<()> {
        self.writer
            .write(1, move |conn, _| settings::put_secret(conn, &secret))
            .await
    }

    async fn secrets(&self) -> StoreResult<Vec<SecretRow>> {
        self.readers.read(settings::secrets).await
    }

    async fn sealed_secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        let name = name.to_owned();
        self.readers
            .read(move |conn| settings::sealed_secret(conn, &name))
            .await
    }

    async fn remove_secret(&self, name: &str) -> StoreResult<bool> {
        let name = name.to_owned();
        self.writer
            .write(1, move |conn, _| settings::remove_secret(conn, &name))
            .await
    }

    async fn put_variable(&self, variable: NewVariable) -> StoreResult<()> {
        self.writer
            .write(1, move |conn, _| settings::put_variable(conn, &variable))
            .await
    }

    async fn variables(&self) -> StoreResult<Vec<VariableRow>> {
        self.readers.read(settings::variables).await
    }

    async fn remove_variable(&self, name: &str) -> StoreResult<bool> {
        let name = name.to_owned();
        self.writer
            .write(1, move |conn, _| settings::remove_variable(conn, &name))
            .await
    }

    async fn notify_rules(&self) -> StoreResult<Vec<RuleRow>> {
        self.readers.read(notices::rules).await
    }

    async fn judged(
        &self,
        flow: &str,
        rule: &str,
        until: Timestamp,
        told: Vec<NewNotice>,
    ) -> StoreResult<()> {
        let (flow, rule) = (flow.to_owned(), rule.to_owned());
        self.writer
            .write(1 + told.len(), move |conn, _| {
                notices::judged(conn, (&flow, &rule), until, &told)
            })
            .await
    }

    async fn notifications(
        &self,
        filter: &NoticeFilter,
        before: Option<i64>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRow>> {
        let filter = filter.clone();
        self.readers
            .read(move |conn| notices::list(conn, &filter, before, limit))
            .await
    }

    async fn waiting_notifications(&self, limit: usize) -> StoreResult<Vec<NoticeRow>> {
        self.readers.read(move |conn| notices::waiting(conn, limit)).await
    }

    async fn mark_notifications(&self, ids: Vec<i64>, mark: NoticeMark) -> StoreResult<()> {
        self.writer
            .write(ids.len(), move |conn, _| notices::mark(conn, &ids, &mark))
            .await
    }

    async fn take_shards(&self) -> StoreResult<ShardEpochs> {
        self.writer
            .write(1, |conn, ledger| ledger.take_shards(conn))
            .await
    }

    async fn commit(&self, epochs: &ShardEpochs, batch: Vec<RunDecision>) -> StoreResult<Vec<Committed>> {
        let epochs = epochs.clone();
        let batch: Vec<EncodedDecision> = batch
            .into_iter()
            .map(EncodedDecision::new)
            .collect::<StoreResult<_>>()?;
        self.writer
            .write(batch.len(), move |conn, ledger| {
                ledger.commit(conn, &epochs, &batch)
            })
            .await
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> StoreResult<Vec<OutboxRow>> {
        self.readers
            .read(move |conn| outbox::list(conn, after, limit))
            .await
    }

    async fn take_messages(&self, messages: Vec<MessageId>) -> StoreResult<()> {
        self.writer
            .write(messages.len(), move |conn, _| outbox::take(conn, &messages))
            .await
    }

    async fn gate(&self, id: u128) -> StoreResult<GateRow> {
        self.readers.read(move |conn| gates::read(conn, id)).await
    }

    async fn commit_gate(&self, decision: GateDecision) -> StoreResult<bool> {
        self.writer
            .write(1, move |conn, _| gates::commit(conn, &decision))
            .await
    }

    async fn forget_gates(&self, before: Timestamp) -> StoreResult<()> {
        self.writer
            .write(1, move |conn, _| gates::forget(conn, before))
            .await
    }

    async fn followers(&self) -> StoreResult<Vec<Follower>> {
        self.readers.read(gates::followers).await
    }

    async fn mark_follower(&self, flow: &str, name: &str, mark: FollowMark) -> StoreResult<()> {
        let (flow, name) = (flow.to_owned(), name.to_owned());
        self.writer
            .write(1, move |conn, _| gates::mark_follower(conn, &flow, &name, &mark))
            .await
    }

    async fn events(&self, run: RunId, after: u64, limit: usize) -> StoreResult<Vec<Event>> {
        self.readers
            .read(move |conn| rows::events(conn, run, after, limit))
            .await
    }

    async fn run(&self, run: RunId) -> StoreResult<Option<RunRow>> {
        self.readers.read(move |conn| rows::run(conn, run)).await
    }

    async fn runs(
        &self,
        filter: &RunFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<RunSummary>> {
        let (filter, cursor) = (filter.clone(), cursor.map(str::to_owned));
        self.readers
            .read(move |conn| rows::runs(conn, &filter, cursor.as_deref(), limit))
            .await
    }

    async fn unfinished(&self) -> StoreResult<Vec<Unfinished>> {
        self.readers.read(rows::unfinished).await
    }

    async fn run_by_key(&self, flow: &str, key: &str) -> StoreResult<Option<(RunId, u64)>> {
        let (flow, key) = (flow.to_owned(), key.to_owned());
        self.readers
            .read(move |conn| ledger::run_by_key(conn, &flow, &key))
            .await
    }

    async fn stats(&self, flow: Option<&str>) -> StoreResult<FlowStats> {
        let flow = flow.map(str::to_owned);
        self.readers
            .read(move |conn| rows::stats(conn, flow.as_deref()))
            .await
    }

    async fn expired(&self, policy: &Retention, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
        let policy = policy.clone();
        self.readers
            .read(move |conn| deletion::find(conn, &policy, now, limit))
            .await
    }

    async fn delete_runs(&self, runs: Vec<RunId>) -> StoreResult<u64> {
        self.writer
            .write(runs.len().saturating_mul(ROWS_PER_RUN), move |conn, ledger| {
                deletion::delete(conn, &runs, |run| ledger.holds(run))
            })
            .await
    }

    async fn sweep(&self, limit: usize) -> StoreResult<Swept> {
        self.writer
            .write(limit, move |conn, _| deletion::sweep(conn, limit))
            .await
    }

    async fn forget_runs(&self, runs: Vec<RunId>) -> StoreResult<()> {
        self.writer
            .write(runs.len(), move |conn, _| deletion::forget(conn, &runs))
            .await
    }

    async fn unreferenced(&self, blobs: Vec<BlobKey>) -> StoreResult<Vec<BlobKey>> {
        self.readers
            .read(move |conn| deletion::unreferenced(conn, &blobs))
            .await
    }

    async fn give_back(&self) -> StoreResult<bool> {
        self.writer
            .write(vacuum::WEIGHT, |conn, _| vacuum::step(conn))
            .await
    }
}
