//! A store that does what the simulator says: it answers late, refuses, or does as it was told and says that it did not.

mod board;
mod edits;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flow::run::Event;
use flow::view::{FlowSummary, FlowVersionView, Page, RunSummary};
use flow::{AttemptToken, BlobRef, RunId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::world::block_on;
use crate::store::lanes::{DeclaredType, KeptResult, LaneStore, LeaseRow, WorkerTokenRow};
use crate::store::retention::Retention;
use crate::store::{
    BlobKey, BlobStore, Committed, FlowStats, FollowMark, Follower, GateDecision, GateRow, MessageId,
    NewNotice, NewSecret, NewVariable, NewVersion, NoticeFilter, NoticeMark, NoticeRow, OutboxRow, RuleRow,
    RunDecision, RunFilter, RunRow, ScheduleMark, ScheduleRow, SecretRow, ShardEpochs, Store, StoreError,
    StoreResult, StoredVersion, Swept, Unfinished, VariableRow,
};

/// What is asked of the store and waits for its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Commit,
    Events,
    Flow,
    Key,
    Put,
    Get,
    /// The outbox is read.
    Messages,
    /// Messages that cause nothing are taken.
    Take,
    Gate,
    CommitGate,
    PutLeases,
    DropLeases,
    Rate,
    Keep,
    Kept,
}

impl Verb {
    /// Whether it changes something.
    pub(super) fn is_write(self) -> bool {
        matches!(
            self,
            Self::Commit
                | Self::Put
                | Self::Take
                | Self::CommitGate
                | Self::PutLeases
                | Self::DropLeases
                | Self::Rate
                | Self::Keep
        )
    }
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done.
    Pass,
    /// Nothing happens, and the caller is told.
    Refuse,
    /// It is done, but the caller is told that it failed: the answer of the commit was lost.
    PassUnknown,
    /// It is done, and the server dies before it hears of it.
    PassAndHang,
}

/// Where calls wait for their fate.
#[derive(Default)]
pub(super) struct Gate {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    is_open: bool,
    waiting: Vec<(Verb, oneshot::Sender<Fate>)>,
    n_writes: usize,
}

impl Gate {
    /// From now on everything passes at once.
    pub(super) fn open(&self) {
        let mut inside = self.inside.lock();
        inside.is_open = true;
        for (_, fate) in inside.waiting.drain(..) {
            // Those who asked may be gone.
            let _ = fate.send(Fate::Pass);
        }
    }

    /// How often something about runs or what is between them was written.
    pub(super) fn n_writes(&self) -> usize {
        self.inside.lock().n_writes
    }

    pub(super) fn is_asked(&self, verb: Verb) -> bool {
        self.inside.lock().waiting.iter().any(|(asked, _)| *asked == verb)
    }

    pub(super) fn n_waiting(&self) -> usize {
        self.inside.lock().waiting.len()
    }

    /// Lets one go.
    pub(super) fn decide(&self, which: usize, fate: impl FnOnce(Verb) -> Fate) -> Option<(Verb, Fate)> {
        let mut inside = self.inside.lock();
        if which >= inside.waiting.len() {
            return None;
        }
        let (verb, waiting) = inside.waiting.remove(which);
        let fate = fate(verb);
        let _ = waiting.send(fate);
        Some((verb, fate))
    }

    async fn ask(&self, verb: Verb) -> Fate {
        let fate = {
            let mut inside = self.inside.lock();
            if inside.is_open {
                return Fate::Pass;
            }
            let (sender, fate) = oneshot::channel();
            inside.waiting.push((verb, sender));
            fate
        };
        match fate.await {
            Ok(fate) => fate,
            Err(_) => std::future::pending().await,
        }
    }
}

/// A store behind a gate. What passes is done at once: the simulation has one thread, whatever threads the real store has.
pub(super) struct GatedStore {
    pub(super) gate: Arc<Gate>,
    pub(super) store: Arc<dyn Store>,
    pub(super) blobs: Arc<dyn BlobStore>,
}

fn refused<T>() -> StoreResult<T> {
    Err(StoreError::Unavailable(
        "the disk is full, says the simulator".to_owned(),
    ))
}

impl GatedStore {
    async fn through<T>(
        &self,
        verb: Verb,
        work: impl Future<Output = StoreResult<T>> + Send,
    ) -> StoreResult<T> {
        match self.gate.ask(verb).await {
            Fate::Pass => block_on(work),
            Fate::Refuse => refused(),
            Fate::PassUnknown => block_on(work).and_then(|_| refused()),
            Fate::PassAndHang => {
                drop(block_on(work));
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl Store for GatedStore {
    async fn save_flow(&self, version: NewVersion) -> StoreResult<u32> {
        block_on(self.store.save_flow(version))
    }

    async fn flow(&self, flow: &str, version: Option<u32>) -> StoreResult<Option<StoredVersion>> {
        self.through(Verb::Flow, self.store.flow(flow, version)).await
    }

    async fn flow_versions(&self, flow: &str) -> StoreResult<Vec<FlowVersionView>> {
        block_on(self.store.flow_versions(flow))
    }

    async fn flows(
        &self,
        text: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<FlowSummary>> {
        block_on(self.store.flows(text, cursor, limit))
    }

    async fn latest_flows(&self, limit: usize) -> StoreResult<Vec<FlowSummary>> {
        block_on(self.store.latest_flows(limit))
    }

    async fn count_flows(&self) -> StoreResult<u64> {
        block_on(self.store.count_flows())
    }

    async fn archive_flow(&self, flow: &str) -> StoreResult<bool> {
        block_on(self.store.archive_flow(flow))
    }

    async fn schedules(&self, flow: Option<&str>) -> StoreResult<Vec<ScheduleRow>> {
        block_on(self.store.schedules(flow))
    }

    async fn mark_schedule(&self, flow: &str, name: &str, mark: ScheduleMark) -> StoreResult<()> {
        block_on(self.store.mark_schedule(flow, name, mark))
    }

    async fn pause_schedule(
        &self,
        flow: &str,
        name: &str,
        is_paused: bool,
        reason: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        block_on(self.store.pause_schedule(flow, name, is_paused, reason, now))
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> StoreResult<Vec<OutboxRow>> {
        self.through(Verb::Messages, self.store.outbox(after, limit))
            .await
    }

    async fn take_messages(&self, messages: Vec<MessageId>) -> StoreResult<()> {
        let work = async {
            self.gate.inside.lock().n_writes += 1;
            self.store.take_messages(messages).await
        };
        self.through(Verb::Take, work).await
    }

    async fn gate(&self, id: u128) -> StoreResult<GateRow> {
        self.through(Verb::Gate, self.store.gate(id)).await
    }

    async fn commit_gate(&self, decision: GateDecision) -> StoreResult<bool> {
        let work = async {
            self.gate.inside.lock().n_writes += 1;
            self.store.commit_gate(decision).await
        };
        self.through(Verb::CommitGate, work).await
    }

    async fn forget_gates(&self, before: Timestamp) -> StoreResult<()> {
        block_on(self.store.forget_gates(before))
    }

    async fn mark_follower(&self, flow: &str, name: &str, mark: FollowMark) -> StoreResult<()> {
        block_on(self.store.mark_follower(flow, name, mark))
    }

    async fn followers(&self) -> StoreResult<Vec<Follower>> {
        block_on(self.store.followers())
    }

    async fn notify_rules(&self) -> StoreResult<Vec<RuleRow>> {
        block_on(self.store.notify_rules())
    }

    async fn judged(
        &self,
        flow: &str,
        rule: &str,
        until: Timestamp,
        notices: Vec<NewNotice>,
    ) -> StoreResult<()> {
        block_on(self.store.judged(flow, rule, until, notices))
    }

    async fn notifications(
        &self,
        filter: &NoticeFilter,
        before: Option<i64>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRow>> {
        block_on(self.store.notifications(filter, before, limit))
    }

    async fn waiting_notifications(&self, limit: usize) -> StoreResult<Vec<NoticeRow>> {
        block_on(self.store.waiting_notifications(limit))
    }

    async fn mark_notifications(&self, ids: Vec<i64>, mark: NoticeMark) -> StoreResult<()> {
        block_on(self.store.mark_notifications(ids, mark))
    }

    async fn put_secret(&self, secret: NewSecret) -> StoreResult<()> {
        block_on(self.store.put_secret(secret))
    }

    async fn secrets(&self) -> StoreResult<Vec<SecretRow>> {
        block_on(self.store.secrets())
    }

    async fn sealed_secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        block_on(self.store.sealed_secret(name))
    }

    async fn remove_secret(&self, name: &str) -> StoreResult<bool> {
        block_on(self.store.remove_secret(name))
    }

    async fn put_variable(&self, variable: NewVariable) -> StoreResult<()> {
        block_on(self.store.put_variable(variable))
    }

    async fn variables(&self) -> StoreResult<Vec<VariableRow>> {
        block_on(self.store.variables())
    }

    async fn remove_variable(&self, name: &str) -> StoreResult<bool> {
        block_on(self.store.remove_variable(name))
    }

    async fn take_shards(&self) -> StoreResult<ShardEpochs> {
        block_on(self.store.take_shards())
    }

    async fn commit(&self, epochs: &ShardEpochs, batch: Vec<RunDecision>) -> StoreResult<Vec<Committed>> {
        let commit = async {
            self.gate.inside.lock().n_writes += 1;
            self.store.commit(epochs, batch).await
        };
        self.through(Verb::Commit, commit).await
    }

    async fn events(&self, run: RunId, after: u64, limit: usize) -> StoreResult<Vec<Event>> {
        self.through(Verb::Events, self.store.events(run, after, limit))
            .await
    }

    async fn run(&self, run: RunId) -> StoreResult<Option<RunRow>> {
        block_on(self.store.run(run))
    }

    async fn runs(
        &self,
        filter: &RunFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<RunSummary>> {
        block_on(self.store.runs(filter, cursor, limit))
    }

    async fn unfinished(&self) -> StoreResult<Vec<Unfinished>> {
        block_on(self.store.unfinished())
    }

    async fn run_by_key(&self, flow: &str, key: &str) -> StoreResult<Option<(RunId, u64)>> {
        self.through(Verb::Key, self.store.run_by_key(flow, key)).await
    }

    async fn stats(&self, flow: Option<&str>) -> StoreResult<FlowStats> {
        block_on(self.store.stats(flow))
    }

    async fn expired(&self, policy: &Retention, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
        block_on(self.store.expired(policy, now, limit))
    }

    async fn delete_runs(&self, runs: Vec<RunId>) -> StoreResult<u64> {
        block_on(self.store.delete_runs(runs))
    }

    async fn sweep(&self, limit: usize) -> StoreResult<Swept> {
        block_on(self.store.sweep(limit))
    }

    async fn forget_runs(&self, runs: Vec<RunId>) -> StoreResult<()> {
        block_on(self.store.forget_runs(runs))
    }

    async fn unreferenced(&self, blobs: Vec<BlobKey>) -> StoreResult<Vec<BlobKey>> {
        block_on(self.store.unreferenced(blobs))
    }

    async fn give_back(&self) -> StoreResult<bool> {
        block_on(self.store.give_back())
    }
}

#[async_trait]
impl LaneStore for GatedStore {
    async fn put_worker_token(&self, token: WorkerTokenRow) -> StoreResult<()> {
        block_on(self.store.put_worker_token(token))
    }

    async fn worker_token(&self, hash: [u8; 32]) -> StoreResult<Option<WorkerTokenRow>> {
        block_on(self.store.worker_token(hash))
    }

    async fn worker_tokens(&self) -> StoreResult<Vec<WorkerTokenRow>> {
        block_on(self.store.worker_tokens())
    }

    async fn revoke_worker_token(&self, id: &str) -> StoreResult<bool> {
        block_on(self.store.revoke_worker_token(id))
    }

    async fn declare_types(&self, types: Vec<DeclaredType>) -> StoreResult<()> {
        block_on(self.store.declare_types(types))
    }

    async fn declared_types(&self) -> StoreResult<Vec<DeclaredType>> {
        block_on(self.store.declared_types())
    }

    async fn forget_type(&self, queue: &str, key: &str) -> StoreResult<bool> {
        block_on(self.store.forget_type(queue, key))
    }

    async fn put_leases(&self, leases: Vec<LeaseRow>) -> StoreResult<()> {
        self.through(Verb::PutLeases, self.store.put_leases(leases)).await
    }

    async fn leases(&self) -> StoreResult<Vec<LeaseRow>> {
        block_on(self.store.leases())
    }

    async fn drop_leases(&self, tokens: Vec<AttemptToken>) -> StoreResult<()> {
        self.through(Verb::DropLeases, self.store.drop_leases(tokens))
            .await
    }

    async fn queues(&self) -> StoreResult<Vec<(String, String)>> {
        block_on(self.store.queues())
    }

    async fn put_queue(&self, name: &str, limits: Option<String>) -> StoreResult<()> {
        block_on(self.store.put_queue(name, limits))
    }

    async fn rate_marks(&self) -> StoreResult<Vec<(String, Option<String>, Timestamp)>> {
        block_on(self.store.rate_marks())
    }

    async fn mark_rate(&self, queue: &str, key: Option<&str>, until: Timestamp) -> StoreResult<()> {
        self.through(Verb::Rate, self.store.mark_rate(queue, key, until))
            .await
    }

    async fn keep_result(&self, result: KeptResult) -> StoreResult<()> {
        self.through(Verb::Keep, self.store.keep_result(result)).await
    }

    async fn kept_result(&self, key: &str, now: Timestamp) -> StoreResult<Option<KeptResult>> {
        self.through(Verb::Kept, self.store.kept_result(key, now)).await
    }

    async fn forget_outdated(&self, now: Timestamp, limit: usize) -> StoreResult<u64> {
        block_on(self.store.forget_outdated(now, limit))
    }
}

#[async_trait]
impl BlobStore for GatedStore {
    async fn put(&self, at: Timestamp, blobs: Vec<(BlobRef, Bytes)>) -> StoreResult<()> {
        self.through(Verb::Put, self.blobs.put(at, blobs)).await
    }

    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<BlobKey>,
        limit: usize,
    ) -> StoreResult<Vec<BlobKey>> {
        block_on(self.blobs.untouched(before, after, limit))
    }

    async fn delete(&self, before: Timestamp, blobs: Vec<BlobKey>) -> StoreResult<Option<u64>> {
        block_on(self.blobs.delete(before, blobs))
    }

    async fn get(&self, blob: &BlobRef) -> StoreResult<Option<Bytes>> {
        self.through(Verb::Get, self.blobs.get(blob)).await
    }

    async fn give_back(&self) -> StoreResult<bool> {
        block_on(self.blobs.give_back())
    }
}
