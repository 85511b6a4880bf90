//! Decisions waiting for their commit.

use std::sync::Arc;

use flow::payload::NewBlob;
use flow::run::{Decision, Effect, RunState};
use flow::view::RunDetail;
use flow::{AttemptToken, RunId};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::{Accepted, RunCommand};
use crate::error::{EngineError, EngineResult};
use crate::messages;
use crate::notify::of_failure;
use crate::store::{Idempotency, MessageId, OutboxRow, RunDecision, RunRow};

/// Decisions of many runs, to be committed together. Several decisions of one run become one row.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) entries: Vec<Entry>,
    pub(super) blobs: Vec<NewBlob>,
    by_run: FxHashMap<RunId, usize>,
    n_events: usize,
}

/// What one run contributes to a batch.
pub(super) struct Entry {
    pub(super) run: RunId,
    pub(super) decision: Option<RunDecision>,
    pub(super) effects: Vec<Effect>,
    pub(super) n_decisions: usize,
    /// Set if the run ended with this batch: its last word for those who wait.
    pub(super) ended: Option<Arc<RunDetail>>,
    /// Whether something is to be told of its end.
    pub(super) has_notices: bool,
    pub(super) is_new: bool,
    pub(super) last_seq: u64,
    pub(super) n_events: usize,
    /// Attempts whose start becomes durable with this batch.
    pub(super) started: Vec<AttemptToken>,
    /// Attempts whose start is refused for what becomes durable with this batch.
    pub(super) unstarted: Vec<AttemptToken>,
    pub(super) accepted: Option<oneshot::Sender<EngineResult<Accepted>>>,
    pub(super) replies: Vec<oneshot::Sender<EngineResult<()>>>,
    /// Commands that were refused for what becomes durable with this batch, or before it.
    pub(super) refusals: Vec<(oneshot::Sender<EngineResult<()>>, EngineError)>,
    /// Reports of workers, kept to be offered again if the commit fails.
    pub(super) reports: Vec<RunCommand>,
    /// What is told to others once this is committed.
    pub(super) messages: Vec<OutboxRow>,
    /// The messages that caused this, or nothing.
    pub(super) takes: Vec<MessageId>,
    /// Whether it took messages and decided nothing.
    pub(super) takes_for_nothing: bool,
}

/// How large a batch may grow before it is no longer added to: memory, and the time others wait for its commit.
const EVENTS_MAX: usize = 50_000;

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.n_events >= EVENTS_MAX
    }

    /// Adds a decision of a run and answers its entry.
    pub(super) fn add(
        &mut self,
        state: &RunState,
        mut decision: Decision,
        idempotency: Option<Idempotency>,
        is_followed: bool,
    ) -> &mut Entry {
        let run = state.id();
        self.n_events += decision.events.len();
        self.blobs.extend(std::mem::take(&mut decision.blobs));
        let messages = messages::taken_out(state, &mut decision.effects, is_followed);
        let mut notices = Vec::new();
        let entry = self.entry(run);
        if !decision.events.is_empty() {
            // Without an event they say nothing new: they were committed with the one that caused them.
            entry.messages.extend(messages);
        }
        entry.n_decisions += 1;
        entry.n_events += decision.events.len();
        entry.effects.extend(decision.effects);
        entry.last_seq = state.last_seq();
        if state.is_finished() && !decision.events.is_empty() {
            entry.ended = Some(Arc::new(state.detail(flow::limits::TASK_RUNS_LISTED_MAX)));
            let doc = &state.plan().doc;
            if !doc.notify.is_empty() {
                notices = of_failure(doc, &state.summary());
                entry.has_notices = !notices.is_empty();
            }
        }
        if decision.events.is_empty() {
            return entry;
        }
        let row = RunRow {
            summary: state.summary(),
            last_seq: state.last_seq(),
            wake_at: state.wake_at(),
            in_flight: state.in_flight(),
        };
        match &mut entry.decision {
            Some(earlier) => {
                earlier.events.extend(decision.events);
                earlier.row = row;
                earlier.notices.extend(notices);
            }
            None => {
                entry.decision = Some(RunDecision {
                    run,
                    events: decision.events,
                    row,
                    idempotency,
                    messages: Vec::new(),
                    takes: Vec::new(),
                    notices,
                })
            }
        }
        entry
    }

    /// What a run contributes.
    pub(super) fn entry(&mut self, run: RunId) -> &mut Entry {
        let at = *self.by_run.entry(run).or_insert_with(|| {
            self.entries.push(Entry::new(run));
            self.entries.len() - 1
        });
        &mut self.entries[at]
    }

    /// Takes a run's part out, as if nothing had been decided.
    pub(super) fn remove(&mut self, run: RunId) -> Option<Entry> {
        let at = self.by_run.remove(&run)?;
        let entry = self.entries.swap_remove(at);
        if let Some(moved) = self.entries.get(at) {
            self.by_run.insert(moved.run, at);
        }
        Some(entry)
    }
}

impl Entry {
    fn new(run: RunId) -> Self {
        Self {
            run,
            decision: None,
            effects: Vec::new(),
            n_decisions: 0,
            ended: None,
            has_notices: false,
            is_new: false,
            last_seq: 0,
            n_events: 0,
            started: Vec::new(),
            unstarted: Vec::new(),
            accepted: None,
            replies: Vec::new(),
            refusals: Vec::new(),
            reports: Vec::new(),
            messages: Vec::new(),
            takes: Vec::new(),
            takes_for_nothing: false,
        }
    }
}
