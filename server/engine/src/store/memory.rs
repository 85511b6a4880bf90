//! Everything in memory: the same behaviour without a disk, for tests and for simulation.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flow::limits::SHARDS;
use flow::run::event::Event;
use flow::view::{FlowSummary, FlowVersionView, Page, RunStatus, RunSummary};
use flow::{BlobRef, RunId, Timestamp};
use parking_lot::Mutex;

use super::blob_key::{key_for, key_of};
use super::cells::Moved;
use super::encoding::{Span, encode};
use super::listing::{
    LATEST_RUNS_MAX, dot, duration_ms, flow_has_text, has_retries, page_of_flows, page_of_runs, wait_ms,
};
use super::memory_board::Board;
use super::memory_edits::Edits;
use super::memory_lanes::Lanes;
use super::memory_notices::Notices;
use super::references::references;
use super::retention::{Oldest, Retention, expired};
use super::stats::Movement;
use super::{
    BlobKey, BlobStore, Committed, FlowStats, FollowMark, Follower, GateDecision, GateRow, Idempotency,
    LinesBefore, LogAmount, LogChunk, LogKey, LogPlace, LogSide, LogStore, MessageId, NewNotice, NewSecret,
    NewVariable, NewVersion, NoticeFilter, NoticeMark, NoticeRow, OutboxRow, References, RuleRow,
    RunDecision, RunFilter, RunLogs, RunRow, ScheduleMark, ScheduleRow, SecretRow, ShardEpochs, Store,
    StoreError, StoreResult, StoredVersion, Swept, Unfinished, VariableRow, by_attempt,
};

/// Flows, runs, logs and blobs that are gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    logs: Mutex<BTreeMap<LogKey, BTreeMap<u64, LogChunk>>>,
    blobs: Mutex<BTreeMap<BlobKey, (Timestamp, Bytes)>>,
    pub(super) lanes: Mutex<Lanes>,
    pub(super) board: Mutex<Board>,
    pub(super) edits: Mutex<Edits>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state of a run that is there.
    pub(super) fn state_of(&self, run: RunId) -> Option<RunStatus> {
        let state = self.state.lock();
        state.runs.get(&run).map(|run| run.row.summary.state)
    }
}

#[derive(Debug, Default)]
struct State {
    /// Empty until the shards are first taken: all are 0.
    epochs: Vec<u64>,
    flows: BTreeMap<String, Flow>,
    runs: BTreeMap<RunId, Run>,
    secrets: BTreeMap<String, NewSecret>,
    variables: BTreeMap<String, NewVariable>,
    notices: Notices,
    /// Runs of each flow, so that a page of one flow does not walk over the others' runs.
    by_flow: BTreeMap<String, BTreeSet<RunId>>,
    keys: BTreeMap<(String, String), (RunId, u64)>,
    stats: BTreeMap<String, Movement>,
    /// Runs whose logs may be left.
    deleted: BTreeSet<RunId>,
    /// Large values with the runs whose events name them.
    named: BTreeSet<(BlobKey, RunId)>,
    outbox: BTreeMap<MessageId, Arc<str>>,
    gates: BTreeMap<u128, (GateRow, Timestamp)>,
    /// The first run that was made from another.
    retries: BTreeMap<RunId, RunId>,
}

#[derive(Debug)]
struct Flow {
    versions: Vec<NewVersion>,
    archived: bool,
    /// Of the newest version, by name.
    schedules: Vec<ScheduleRow>,
    /// What came of ends that were to start it, by name and the flow followed.
    follow_marks: BTreeMap<(String, String), FollowMark>,
}

#[derive(Debug)]
struct Run {
    row: RunRow,
    /// As they were decided: reading gives whole decisions.
    decisions: Vec<Vec<Event>>,
}

impl Flow {
    fn save_schedules(&mut self, version: &NewVersion, is_back: bool) {
        let mut before = std::mem::take(&mut self.schedules);
        for new in &version.schedules {
            let kept = before.iter().position(|row| row.name == new.name);
            let mut row = match kept {
                Some(at) => before.swap_remove(at),
                None => ScheduleRow::begin(&version.flow, new, version.at),
            };
            if is_back || row.spec != new.spec {
                row.spec.clone_from(&new.spec);
                row.considered_at = row.considered_at.max(version.at);
                row.last_error = None;
            }
            self.schedules.push(row);
        }
        self.schedules.sort_by(|one, other| one.name.cmp(&other.name));
    }
}

impl State {
    fn schedule(&mut self, flow: &str, name: &str) -> Option<&mut ScheduleRow> {
        let rows = &mut self.flows.get_mut(flow)?.schedules;
        rows.iter_mut().find(|row| row.name == name)
    }

    /// The flows that are not archived and whose newest version refers to something.
    fn used_by(&self, refers: impl Fn(&References) -> bool) -> Vec<String> {
        let all = self.flows.iter().filter(|(_, flow)| !flow.archived);
        all.filter(|(_, flow)| {
            flow.versions
                .last()
                .is_some_and(|newest| refers(&newest.references))
        })
        .map(|(id, _)| id.clone())
        .collect()
    }

    fn save_flow(&mut self, version: NewVersion) -> StoreResult<u32> {
        let current = self.flows.get(&version.flow).map_or(0, Flow::newest);
        if let Some(expected) = version.expected.filter(|expected| *expected != current) {
            return Err(StoreError::VersionConflict { expected, current });
        }
        let flow = self.flows.entry(version.flow.clone()).or_insert_with(|| Flow {
            versions: Vec::new(),
            archived: false,
            schedules: Vec::new(),
            follow_marks: BTreeMap::new(),
        });
        let is_back = std::mem::take(&mut flow.archived);
        flow.save_schedules(&version, is_back);
        let is_kept = |follow: &(String, String)| version.follows.contains(follow);
        flow.follow_marks.retain(|follow, _| is_kept(follow));
        self.notices.save_rules(&version, is_back);
        match flow.versions.last_mut() {
            Some(newest) if newest.document == version.document && newest.source == version.source => {}
            Some(newest) if version.redraws == Some(current) => {
                newest.source = version.source;
                newest.document = version.document;
            }
            _ => flow.versions.push(version),
        }
        Ok(flow.newest())
    }

    fn flows(&self, text: Option<&str>, cursor: Option<&str>, limit: usize) -> Page<FlowSummary> {
        let limit = limit.max(1);
        let after = cursor.unwrap_or("");
        let fitting = self
            .flows
            .iter()
            .filter(|(id, flow)| id.as_str() > after && !flow.archived)
            .filter_map(|(id, flow)| flow.versions.last().map(|newest| (id, flow, newest)))
            .filter(|(id, _, newest)| flow_has_text(text, id, &newest.name, newest.description.as_deref()))
            .take(limit + 1);
        let flows = fitting.map(|(id, flow, newest)| self.flow_summary(id, flow.newest(), newest));
        page_of_flows(flows.collect(), limit)
    }

    fn latest_flows(&self, limit: usize) -> Vec<FlowSummary> {
        let all = self.flows.iter().filter(|(_, flow)| !flow.archived);
        let mut flows: Vec<_> = all
            .filter_map(|(id, flow)| flow.versions.last().map(|newest| (id, flow, newest)))
            .collect();
        flows.sort_by_cached_key(|(id, _, newest)| {
            let run = self.by_flow.get(*id).and_then(BTreeSet::last).copied();
            (Reverse(run), newest.name.to_ascii_lowercase())
        });
        let latest = flows.into_iter().take(limit);
        latest
            .map(|(id, flow, newest)| self.flow_summary(id, flow.newest(), newest))
            .collect()
    }

    fn flow_summary(&self, id: &str, number: u32, newest: &NewVersion) -> FlowSummary {
        FlowSummary {
            id: id.to_owned(),
            name: newest.name.clone(),
            description: newest.description.clone(),
            version: number,
            updated_at: newest.at,
            n_tasks: newest.n_tasks,
            runs: self.stats(Some(id)).runs,
            latest_runs: self.runs_of(id).take(LATEST_RUNS_MAX).map(dot).collect(),
        }
    }

    fn runs_of(&self, flow: &str) -> impl Iterator<Item = &RunSummary> {
        let ids = self.by_flow.get(flow).into_iter().flatten().rev();
        ids.filter_map(|id| self.runs.get(id)).map(|run| &run.row.summary)
    }

    fn check_epochs(&self, epochs: &ShardEpochs, batch: &[RunDecision]) -> StoreResult<()> {
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

    fn append(&mut self, decision: RunDecision) -> Committed {
        let end = self.runs.get(&decision.run).map_or(0, |run| run.row.last_seq);
        let out_of_step = Committed::OutOfStep { last_seq: end };
        let key = decision
            .idempotency
            .as_ref()
            .map(|Idempotency { key, .. }| (decision.row.summary.flow.clone(), key.clone()));
        if let Some((run, inputs_hash)) = key.as_ref().and_then(|key| self.keys.get(key)) {
            let (run, inputs_hash) = (*run, *inputs_hash);
            return if run == decision.run {
                out_of_step
            } else {
                Committed::Duplicate { run, inputs_hash }
            };
        }
        if decision
            .takes
            .iter()
            .any(|taken| !self.outbox.contains_key(taken))
        {
            return out_of_step;
        }
        let last = match Span::of(&decision) {
            Span::Events { first, last } if first == end + 1 => last,
            Span::RowOnly { last } if last == end && end > 0 => last,
            _ => return out_of_step,
        };
        if let (Some(key), Some(idempotency)) = (key, &decision.idempotency) {
            self.keys.insert(key, (decision.run, idempotency.inputs_hash));
        }
        self.notices.add(decision.notices.clone());
        self.project(decision, last);
        Committed::Done
    }

    /// A run as lists show it.
    fn shown(&self, row: &RunRow) -> RunRow {
        let mut row = row.clone();
        if has_retries(row.summary.state) {
            row.summary.retried_by = self.retries.get(&row.summary.id).copied();
        }
        row
    }

    fn project(&mut self, mut decision: RunDecision, last_seq: u64) {
        for taken in decision.takes.drain(..) {
            self.outbox.remove(&taken);
        }
        let messages = decision.messages.drain(..).map(|row| (row.id, row.body));
        self.outbox.extend(messages);
        let summary = &decision.row.summary;
        let before = self.runs.get(&decision.run).map(|run| run.row.summary.state);
        self.stats
            .entry(summary.flow.clone())
            .or_default()
            .record(before, summary);
        if let Some(old) = summary.retry_of.filter(|_| before.is_none()) {
            self.retries.entry(old).or_insert(decision.run);
        }
        self.by_flow
            .entry(summary.flow.clone())
            .or_default()
            .insert(decision.run);
        let row = RunRow {
            last_seq,
            ..decision.row
        };
        let run = self.runs.entry(decision.run).or_insert_with(|| Run {
            row: row.clone(),
            decisions: Vec::new(),
        });
        run.row = row;
        if !decision.events.is_empty() {
            let encoded = encode(&decision.events).unwrap_or_default();
            let named = references(&encoded).into_iter();
            self.named.extend(named.map(|key| (key, decision.run)));
            run.decisions.push(decision.events);
        }
    }

    fn oldest(&self, oldest: &Oldest<'_>) -> Vec<RunId> {
        let runs = self.by_flow.get(oldest.flow).into_iter();
        runs.flat_map(|runs| runs.range(..oldest.id_end()))
            .filter(|id| {
                self.runs.get(id).is_some_and(|run| {
                    let summary = &run.row.summary;
                    summary.state == oldest.state
                        && summary.finished_at.is_some_and(|at| at < oldest.finished_before)
                        && !self.has_unfinished_parent(summary)
                })
            })
            .take(oldest.limit)
            .copied()
            .collect()
    }

    fn has_unfinished_parent(&self, summary: &RunSummary) -> bool {
        let parent = summary.parent.and_then(|parent| self.runs.get(&parent));
        parent.is_some_and(|parent| !parent.row.summary.state.is_final())
    }

    /// Whether it was there and finished.
    fn delete(&mut self, id: RunId) -> bool {
        let is_final = |run: &Run| run.row.summary.state.is_final();
        if !self.runs.get(&id).is_some_and(is_final) {
            return false;
        }
        let Some(Run { row, .. }) = self.runs.remove(&id) else {
            return false;
        };
        let summary = row.summary;
        if let Some(runs) = self.by_flow.get_mut(&summary.flow) {
            runs.remove(&id);
        }
        self.keys.retain(|_, (run, _)| *run != id);
        self.retries.remove(&id);
        self.named.retain(|(_, run)| *run != id);
        let duration = duration_ms(summary.started_at, summary.finished_at);
        self.stats
            .entry(summary.flow)
            .or_default()
            .remove_parts(summary.state, duration);
        self.deleted.insert(id);
        true
    }

    fn stats(&self, flow: Option<&str>) -> FlowStats {
        let mut sum = Movement::default();
        for (_, movement) in self
            .stats
            .iter()
            .filter(|(id, _)| flow.is_none_or(|flow| flow == id.as_str()))
        {
            sum.add(movement);
        }
        sum.into_stats()
    }
}

impl Flow {
    fn newest(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap_or(u32::MAX)
    }

    fn stored(&self, number: Option<u32>) -> Option<StoredVersion> {
        let number = number.unwrap_or_else(|| self.newest());
        let version = self.versions.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
        Some(StoredVersion {
            flow: version.flow.clone(),
            version: number,
            newest: self.newest(),
            source: version.source.clone(),
            format: version.format.clone(),
            document: version.document.clone(),
            created_at: version.at,
            actor: version.actor.clone(),
            archived: self.archived,
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn save_flow(&self, version: NewVersion) -> StoreResult<u32> {
        self.state.lock().save_flow(version)
    }

    async fn flow(&self, flow: &str, version: Option<u32>) -> StoreResult<Option<StoredVersion>> {
        let is_trial = version.is_some_and(flow::trial::is_trial);
        let stored = self
            .state
            .lock()
            .flows
            .get(flow)
            .and_then(|flow| flow.stored(version.filter(|_| !is_trial)));
        Ok(match version.filter(|_| is_trial) {
            Some(version) => self.edits.lock().trial(flow, version, stored),
            None => stored,
        })
    }

    async fn flow_versions(&self, flow: &str) -> StoreResult<Vec<FlowVersionView>> {
        let state = self.state.lock();
        let versions = state.flows.get(flow).map_or(&[][..], |flow| &flow.versions);
        let numbered = versions.iter().zip(1..).map(|(version, number)| FlowVersionView {
            version: number,
            created_at: version.at,
            actor: version.actor.clone(),
            n_tasks: version.n_tasks,
            message: None,
            name: None,
        });
        let mut views: Vec<FlowVersionView> = numbered.collect();
        views.reverse();
        Ok(views)
    }

    async fn flows(
        &self,
        text: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<FlowSummary>> {
        Ok(self.state.lock().flows(text, cursor, limit))
    }

    async fn latest_flows(&self, limit: usize) -> StoreResult<Vec<FlowSummary>> {
        Ok(self.state.lock().latest_flows(limit))
    }

    async fn count_flows(&self) -> StoreResult<u64> {
        let state = self.state.lock();
        Ok(state.flows.values().filter(|flow| !flow.archived).count() as u64)
    }

    async fn archive_flow(&self, flow: &str) -> StoreResult<bool> {
        let mut state = self.state.lock();
        let found = state.flows.get_mut(flow);
        Ok(found.map(|flow| flow.archived = true).is_some())
    }

    async fn schedules(&self, flow: Option<&str>) -> StoreResult<Vec<ScheduleRow>> {
        let state = self.state.lock();
        let wanted = state
            .flows
            .iter()
            .filter(|(id, found)| !found.archived && flow.is_none_or(|flow| flow == *id));
        Ok(wanted.flat_map(|(_, flow)| flow.schedules.clone()).collect())
    }

    async fn put_secret(&self, secret: NewSecret) -> StoreResult<()> {
        self.state.lock().secrets.insert(secret.name.clone(), secret);
        Ok(())
    }

    async fn secrets(&self) -> StoreResult<Vec<SecretRow>> {
        let state = self.state.lock();
        let row = |secret: &NewSecret| SecretRow {
            name: secret.name.clone(),
            updated_at: secret.at,
            actor: secret.actor.clone(),
            used_by: state.used_by(|references| references.secrets.contains(&secret.name)),
        };
        Ok(state.secrets.values().map(row).collect())
    }

    async fn sealed_secret(&self, name: &str) -> StoreResult<Option<Vec<u8>>> {
        let state = self.state.lock();
        Ok(state.secrets.get(name).map(|secret| secret.sealed.clone()))
    }

    async fn remove_secret(&self, name: &str) -> StoreResult<bool> {
        Ok(self.state.lock().secrets.remove(name).is_some())
    }

    async fn put_variable(&self, variable: NewVariable) -> StoreResult<()> {
        self.state
            .lock()
            .variables
            .insert(variable.name.clone(), variable);
        Ok(())
    }

    async fn variables(&self) -> StoreResult<Vec<VariableRow>> {
        let state = self.state.lock();
        let row = |variable: &NewVariable| VariableRow {
            name: variable.name.clone(),
            value: variable.value.clone(),
            updated_at: variable.at,
            actor: variable.actor.clone(),
            used_by: state.used_by(|references| references.variables.contains(&variable.name)),
        };
        Ok(state.variables.values().map(row).collect())
    }

    async fn remove_variable(&self, name: &str) -> StoreResult<bool> {
        Ok(self.state.lock().variables.remove(name).is_some())
    }

    async fn notify_rules(&self) -> StoreResult<Vec<RuleRow>> {
        let state = self.state.lock();
        let is_there = |row: &&RuleRow| state.flows.get(&row.flow).is_some_and(|flow| !flow.archived);
        Ok(state.notices.rules().filter(is_there).cloned().collect())
    }

    async fn judged(
        &self,
        flow: &str,
        rule: &str,
        until: Timestamp,
        told: Vec<NewNotice>,
    ) -> StoreResult<()> {
        let mut state = self.state.lock();
        state.notices.judged(flow, rule, until);
        state.notices.add(told);
        Ok(())
    }

    async fn notifications(
        &self,
        filter: &NoticeFilter,
        before: Option<i64>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRow>> {
        Ok(self.state.lock().notices.list(filter, before, limit))
    }

    async fn waiting_notifications(&self, limit: usize) -> StoreResult<Vec<NoticeRow>> {
        Ok(self.state.lock().notices.waiting(limit))
    }

    async fn mark_notifications(&self, ids: Vec<i64>, mark: NoticeMark) -> StoreResult<()> {
        self.state.lock().notices.mark(&ids, &mark);
        Ok(())
    }

    async fn mark_schedule(&self, flow: &str, name: &str, mark: ScheduleMark) -> StoreResult<()> {
        if let Some(row) = self.state.lock().schedule(flow, name) {
            row.mark(&mark);
        }
        Ok(())
    }

    async fn pause_schedule(
        &self,
        flow: &str,
        name: &str,
        is_paused: bool,
        reason: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut state = self.state.lock();
        let Some(row) = state.schedule(flow, name) else {
            return Ok(false);
        };
        if row.is_paused && !is_paused {
            // What was due while it was held is not made up for.
            row.considered_at = row.considered_at.max(now);
        }
        row.is_paused = is_paused;
        row.pause_reason = reason.filter(|_| is_paused).map(str::to_owned);
        Ok(true)
    }

    async fn take_shards(&self) -> StoreResult<ShardEpochs> {
        let mut state = self.state.lock();
        state.epochs.resize(usize::from(SHARDS), 0);
        for epoch in &mut state.epochs {
            *epoch += 1;
        }
        Ok(ShardEpochs(state.epochs.clone().into()))
    }

    async fn commit(&self, epochs: &ShardEpochs, batch: Vec<RunDecision>) -> StoreResult<Vec<Committed>> {
        let mut state = self.state.lock();
        state.check_epochs(epochs, &batch)?;
        let mut board = self.board.lock();
        let judge = |decision: RunDecision| {
            let before = state.runs.get(&decision.run).map(|run| run.row.summary.state);
            let summary = decision.row.summary.clone();
            let committed = state.append(decision);
            if committed == Committed::Done {
                let (created_at, started_at) = (summary.created_at, summary.started_at);
                let moved = Moved {
                    before,
                    now: summary.state,
                    created_at,
                    duration_ms: duration_ms(started_at, summary.finished_at),
                    wait_ms: wait_ms(created_at, started_at),
                };
                board.count(&summary.flow, moved);
            }
            committed
        };
        Ok(batch.into_iter().map(judge).collect())
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> StoreResult<Vec<OutboxRow>> {
        let state = self.state.lock();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = state.outbox.range((from, Bound::Unbounded)).take(limit);
        Ok(rows
            .map(|(id, body)| OutboxRow {
                id: *id,
                body: Arc::clone(body),
            })
            .collect())
    }

    async fn take_messages(&self, messages: Vec<MessageId>) -> StoreResult<()> {
        let mut state = self.state.lock();
        for taken in messages {
            state.outbox.remove(&taken);
        }
        Ok(())
    }

    async fn gate(&self, id: u128) -> StoreResult<GateRow> {
        let state = self.state.lock();
        Ok(state
            .gates
            .get(&id)
            .map(|(row, _)| row.clone())
            .unwrap_or_default())
    }

    async fn commit_gate(&self, decision: GateDecision) -> StoreResult<bool> {
        let mut state = self.state.lock();
        let rev = state.gates.get(&decision.id).map_or(0, |(row, _)| row.rev);
        if rev != decision.before || state.outbox.remove(&decision.takes).is_none() {
            return Ok(false);
        }
        let row = GateRow {
            rev: decision.rev,
            gate: decision.gate,
        };
        state.gates.insert(decision.id, (row, decision.at));
        let messages = decision.messages.into_iter().map(|row| (row.id, row.body));
        state.outbox.extend(messages);
        Ok(true)
    }

    async fn forget_gates(&self, before: Timestamp) -> StoreResult<()> {
        let mut state = self.state.lock();
        state
            .gates
            .retain(|_, (row, at)| !row.gate.is_empty() || *at >= before);
        Ok(())
    }

    async fn mark_follower(&self, flow: &str, name: &str, mark: FollowMark) -> StoreResult<()> {
        if let Some(flow) = self.state.lock().flows.get_mut(flow) {
            let mut follows = flow
                .versions
                .last()
                .into_iter()
                .flat_map(|newest| &newest.follows);
            if let Some(follow) = follows.find(|(known, _)| known == name).cloned() {
                flow.follow_marks.insert(follow, mark);
            }
        }
        Ok(())
    }

    async fn followers(&self) -> StoreResult<Vec<Follower>> {
        let state = self.state.lock();
        let mut found: Vec<Follower> = Vec::new();
        for (id, flow) in state.flows.iter().filter(|(_, flow)| !flow.archived) {
            let follows = flow.versions.last().map_or(&[][..], |newest| &newest.follows);
            found.extend(follows.iter().map(|follow| Follower {
                followed: follow.1.as_str().into(),
                flow: id.as_str().into(),
                name: follow.0.as_str().into(),
                last: flow.follow_marks.get(follow).cloned(),
            }));
        }
        found.sort();
        Ok(found)
    }

    async fn events(&self, run: RunId, after: u64, limit: usize) -> StoreResult<Vec<Event>> {
        let state = self.state.lock();
        let decisions = state.runs.get(&run).map_or(&[][..], |run| &run.decisions);
        let from = decisions.partition_point(|decision| decision.last().is_none_or(|last| last.seq <= after));
        let mut events = Vec::new();
        for decision in &decisions[from..] {
            events.extend(decision.iter().filter(|event| event.seq > after).cloned());
            if events.len() >= limit.max(1) {
                break;
            }
        }
        Ok(events)
    }

    async fn run(&self, run: RunId) -> StoreResult<Option<RunRow>> {
        let state = self.state.lock();
        Ok(state.runs.get(&run).map(|run| state.shown(&run.row)))
    }

    async fn runs(
        &self,
        filter: &RunFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> StoreResult<Page<RunSummary>> {
        let state = self.state.lock();
        let (low, high) = filter.id_range(cursor)?;
        if low >= high {
            return Ok(Page {
                items: Vec::new(),
                next_cursor: None,
            });
        }
        let all = state.runs.range(low..high).rev().map(|(id, run)| (*id, &run.row));
        let glanced = all.map(|(id, row)| {
            let run = &row.summary;
            let admitted = filter.admits(&run.flow, run.state, run.created_at);
            Ok((id, admitted.then(|| state.shown(row).summary)))
        });
        page_of_runs(glanced, filter, limit)
    }

    async fn unfinished(&self) -> StoreResult<Vec<Unfinished>> {
        let state = self.state.lock();
        let unfinished = state
            .runs
            .iter()
            .filter(|(_, run)| !run.row.summary.state.is_final());
        Ok(unfinished
            .map(|(id, run)| Unfinished {
                run: *id,
                wake_at: run.row.wake_at,
                in_flight: run.row.in_flight,
            })
            .collect())
    }

    async fn run_by_key(&self, flow: &str, key: &str) -> StoreResult<Option<(RunId, u64)>> {
        Ok(self
            .state
            .lock()
            .keys
            .get(&(flow.to_owned(), key.to_owned()))
            .copied())
    }

    async fn stats(&self, flow: Option<&str>) -> StoreResult<FlowStats> {
        Ok(self.state.lock().stats(flow))
    }

    async fn expired(&self, policy: &Retention, now: Timestamp, limit: usize) -> StoreResult<Vec<RunId>> {
        let state = self.state.lock();
        let flows = state
            .stats
            .iter()
            .map(|(flow, movement)| (flow.clone(), movement.runs));
        expired(policy, now, limit, flows, |oldest| Ok(state.oldest(&oldest)))
    }

    async fn delete_runs(&self, runs: Vec<RunId>) -> StoreResult<u64> {
        let mut state = self.state.lock();
        Ok(runs.into_iter().filter(|run| state.delete(*run)).count() as u64)
    }

    async fn sweep(&self, _limit: usize) -> StoreResult<Swept> {
        // Their events went with them.
        Ok(Swept {
            emptied: self.state.lock().deleted.iter().copied().collect(),
            is_done: true,
        })
    }

    async fn forget_runs(&self, runs: Vec<RunId>) -> StoreResult<()> {
        let mut state = self.state.lock();
        state.deleted.retain(|deleted| !runs.contains(deleted));
        Ok(())
    }

    async fn unreferenced(&self, blobs: Vec<BlobKey>) -> StoreResult<Vec<BlobKey>> {
        let state = self.state.lock();
        let is_named = |key: &BlobKey| {
            let mut named = state.named.range((*key, RunId(0))..=(*key, RunId(u128::MAX)));
            named.next().is_some()
        };
        let lanes = self.lanes.lock();
        let is_free = |key: &BlobKey| !is_named(key) && !lanes.names(key);
        Ok(blobs.into_iter().filter(is_free).collect())
    }

    async fn give_back(&self) -> StoreResult<bool> {
        Ok(false)
    }
}

/// All chunks of a run, task run by task run.
fn chunks_of(
    logs: &BTreeMap<LogKey, BTreeMap<u64, LogChunk>>,
    run: RunId,
) -> impl Iterator<Item = (LogPlace, &LogChunk)> {
    let first = LogKey {
        run,
        task: "".into(),
        attempt: 0,
    };
    let of_run = logs.range(first..).take_while(move |(key, _)| key.run == run);
    of_run.flat_map(|(key, log)| {
        log.values().map(|chunk| {
            let place = LogPlace {
                at: chunk.at,
                task: Arc::clone(&key.task),
                attempt: key.attempt,
                number: chunk.number,
            };
            (place, chunk)
        })
    })
}

#[async_trait]
impl LogStore for MemoryStore {
    async fn append(&self, chunks: Vec<(LogKey, LogChunk)>) -> StoreResult<()> {
        let mut logs = self.logs.lock();
        for (key, chunk) in chunks {
            // An attempt given out again after a crash begins its log again: the later word counts.
            logs.entry(key).or_default().insert(chunk.number, chunk);
        }
        Ok(())
    }

    async fn read(
        &self,
        run: RunId,
        task: &str,
        after: (u32, u64),
        bytes: usize,
    ) -> StoreResult<Vec<(u32, LogChunk)>> {
        let logs = self.logs.lock();
        let task: Arc<str> = task.into();
        let key = |attempt: u32| LogKey {
            run,
            task: Arc::clone(&task),
            attempt,
        };
        let mut chunks = Vec::new();
        let mut n_bytes = 0;
        let following = logs
            .range(key(after.0)..=key(u32::MAX))
            .flat_map(|(key, log)| log.values().map(|chunk| (key.attempt, chunk)));
        for (attempt, chunk) in following.filter(|(attempt, chunk)| (*attempt, chunk.number) > after) {
            n_bytes += chunk.text.len();
            if n_bytes > bytes && !chunks.is_empty() {
                break;
            }
            chunks.push((attempt, chunk.clone()));
        }
        Ok(chunks)
    }

    async fn read_back(
        &self,
        run: RunId,
        task: &str,
        until: (u32, u64),
        bytes: usize,
    ) -> StoreResult<Vec<(u32, LogChunk)>> {
        let logs = self.logs.lock();
        let task: Arc<str> = task.into();
        let key = |attempt: u32| LogKey {
            run,
            task: Arc::clone(&task),
            attempt,
        };
        let mut chunks = Vec::new();
        let mut n_bytes = 0;
        let leading = logs
            .range(key(0)..=key(until.0))
            .rev()
            .flat_map(|(key, log)| log.values().rev().map(|chunk| (key.attempt, chunk)));
        for (attempt, chunk) in leading.filter(|(attempt, chunk)| (*attempt, chunk.number) <= until) {
            n_bytes += chunk.text.len();
            if n_bytes > bytes && !chunks.is_empty() {
                break;
            }
            chunks.push((attempt, chunk.clone()));
        }
        chunks.reverse();
        Ok(chunks)
    }

    async fn read_run(&self, run: RunId, side: LogSide, amount: LogAmount) -> StoreResult<RunLogs> {
        let logs = self.logs.lock();
        let mut found: Vec<(LogPlace, &LogChunk)> = chunks_of(&logs, run)
            .filter(|(place, _)| match &side {
                LogSide::From(from) => place >= from,
                LogSide::UpTo(to) => place <= to,
            })
            .collect();
        found.sort_by(|(one, _), (other, _)| match &side {
            LogSide::From(_) => one.cmp(other),
            LogSide::UpTo(_) => other.cmp(one),
        });
        let mut n_bytes = 0;
        let taken = found
            .iter()
            .take(amount.chunks)
            .enumerate()
            .take_while(|(at, (_, chunk))| {
                n_bytes += chunk.text.len();
                *at == 0 || n_bytes <= amount.bytes
            });
        let n_taken = taken.count();
        let has_more = n_taken < found.len();
        let chunks = found.into_iter().take(n_taken);
        Ok(RunLogs {
            chunks: chunks.map(|(place, chunk)| (place, chunk.clone())).collect(),
            has_more,
        })
    }

    async fn scan_run(
        &self,
        run: RunId,
        after: Option<LogPlace>,
        bytes: usize,
    ) -> StoreResult<Vec<(LogPlace, LogChunk)>> {
        let logs = self.logs.lock();
        let key = |place: &LogPlace| (Arc::clone(&place.task), place.attempt, place.number);
        let after = after.as_ref().map(key);
        let mut n_bytes = 0;
        let mut chunks = Vec::new();
        for (place, chunk) in chunks_of(&logs, run) {
            if after.as_ref().is_some_and(|after| key(&place) <= *after) {
                continue;
            }
            n_bytes += chunk.text.len();
            if n_bytes > bytes && !chunks.is_empty() {
                break;
            }
            chunks.push((place, chunk.clone()));
        }
        Ok(chunks)
    }

    async fn lines_before(
        &self,
        run: RunId,
        chunks: Vec<LogPlace>,
        mut bytes: usize,
    ) -> StoreResult<Vec<Option<u64>>> {
        let logs = self.logs.lock();
        let mut counts = vec![None; chunks.len()];
        for ((task, attempt), asked) in by_attempt(&chunks) {
            let mut before = LinesBefore::new(&asked);
            let last = asked.last().map_or(0, |(number, _)| *number);
            let log = logs.get(&LogKey { run, task, attempt });
            let mut log = log.into_iter().flat_map(|log| log.range(..last));
            let is_counted = log.all(|(number, chunk)| {
                let left = bytes.checked_sub(chunk.text.len());
                bytes = left.unwrap_or(bytes);
                before.take(*number, &chunk.text, &mut counts);
                left.is_some()
            });
            if is_counted {
                before.settle(last, &mut counts);
            }
        }
        Ok(counts)
    }

    async fn delete(&self, runs: &[RunId], _limit: usize) -> StoreResult<bool> {
        self.logs.lock().retain(|key, _| !runs.contains(&key.run));
        Ok(true)
    }

    async fn give_back(&self) -> StoreResult<bool> {
        Ok(false)
    }
}

#[async_trait]
impl BlobStore for MemoryStore {
    async fn put(&self, at: Timestamp, blobs: Vec<(BlobRef, Bytes)>) -> StoreResult<()> {
        let keyed: Vec<(BlobKey, Bytes)> = blobs
            .into_iter()
            .map(|(blob, value)| Ok((key_for(&blob, &value)?, value)))
            .collect::<StoreResult<_>>()?;
        let mut kept = self.blobs.lock();
        for (key, value) in keyed {
            let (touched_at, _) = kept.entry(key).or_insert((at, value));
            *touched_at = at.max(*touched_at);
        }
        Ok(())
    }

    async fn untouched(
        &self,
        before: Timestamp,
        after: Option<BlobKey>,
        limit: usize,
    ) -> StoreResult<Vec<BlobKey>> {
        let blobs = self.blobs.lock();
        let following = blobs
            .iter()
            .filter(|(key, _)| after.is_none_or(|after| **key > after));
        let old = following.filter(|(_, (touched_at, _))| *touched_at < before);
        Ok(old.map(|(key, _)| *key).take(limit).collect())
    }

    async fn delete(&self, before: Timestamp, blobs: Vec<BlobKey>) -> StoreResult<Option<u64>> {
        let mut kept = self.blobs.lock();
        let n_before = kept.len();
        kept.retain(|key, (touched_at, _)| *touched_at >= before || !blobs.contains(key));
        Ok(Some((n_before - kept.len()) as u64))
    }

    async fn get(&self, blob: &BlobRef) -> StoreResult<Option<Bytes>> {
        Ok(key_of(blob).and_then(|key| self.blobs.lock().get(&key).map(|(_, value)| value.clone())))
    }

    async fn give_back(&self) -> StoreResult<bool> {
        Ok(false)
    }
}
