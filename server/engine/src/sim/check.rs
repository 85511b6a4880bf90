//! What must hold after every step, read from the store alone: the log is the truth, and everything else must agree with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use flow::gate::Permit;
use flow::plan::Spot;
use flow::run::testing::faults;
use flow::run::{Event, EventKind, RunState};
use flow::view::{RunStatus, TaskStatus};
use flow::{AttemptToken, FlowDoc, Payload, Plan, RunId, Timestamp};

use super::relations::{Claim, permit_of};
use super::workers::Floor;
use super::world::block_on;
use crate::shard::Inspected;
use crate::store::{RunFilter, RunRow, Store, Unfinished};

/// One run as its committed events tell it.
pub(super) struct Watched {
    pub(super) state: RunState,
    log: Vec<Event>,
    row: RunRow,
    /// The token of the newest attempt at each task run.
    tokens: BTreeMap<Arc<str>, AttemptToken>,
    given_out: BTreeSet<AttemptToken>,
    begun: BTreeSet<AttemptToken>,
    settled: BTreeSet<Arc<str>>,
    /// Attempts that have ended, and whether by being lost.
    over: BTreeMap<AttemptToken, bool>,
    signals: BTreeSet<Arc<str>>,
    /// The place it needs before it begins.
    pub(super) permit: Option<Permit>,
    /// What tells task runs that may take each other's results.
    pub(super) cache_keys: BTreeMap<Arc<str>, Arc<str>>,
    /// The newest attempt of each task run that asked for another run, and whether it waits for that.
    pub(super) asked: BTreeMap<Arc<str>, (u32, bool)>,
    queue_keys: BTreeMap<Arc<str>, Arc<str>>,
}

/// All runs of a simulation.
#[derive(Default)]
pub(super) struct Checker {
    plans: BTreeMap<String, Arc<Plan>>,
    pub(super) runs: BTreeMap<RunId, Watched>,
    keys: BTreeMap<String, RunId>,
    /// What logs say of other logs, and nobody has looked after yet.
    pub(super) claims: Vec<Claim>,
}

pub(super) fn all<T>(found: crate::store::StoreResult<T>) -> T {
    found.expect("the store behind the gate is well")
}

impl Checker {
    pub(super) fn add_flow(&mut self, doc: FlowDoc) {
        self.plans
            .insert(doc.flow.as_str().to_owned(), Arc::new(Plan::new(Arc::new(doc))));
    }

    /// The store after a step.
    pub(super) fn look(&mut self, store: &dyn Store) {
        let listed = all(block_on(store.runs(&RunFilter::default(), None, 1_000))).items;
        for known in self.runs.keys() {
            assert!(
                listed.iter().any(|summary| summary.id == *known),
                "{known} has vanished"
            );
        }
        let mut unfinished = Vec::new();
        for summary in &listed {
            let row = all(block_on(store.run(summary.id))).expect("what is listed is there");
            assert_eq!(row.summary, *summary, "list and row agree");
            if !row.summary.state.is_final() {
                unfinished.push(Unfinished {
                    run: summary.id,
                    wake_at: row.wake_at,
                    in_flight: row.in_flight,
                });
            }
            self.look_at(store, row);
        }
        unfinished.sort_by_key(|found| found.run);
        assert_eq!(
            all(block_on(store.unfinished())),
            unfinished,
            "what a restart would go on with"
        );
        self.relate(store);
    }

    fn look_at(&mut self, store: &dyn Store, row: RunRow) {
        let run = row.summary.id;
        let before = self.runs.get(&run).map_or(0, |watched| watched.row.last_seq);
        if before == row.last_seq {
            assert_eq!(
                self.runs[&run].row, row,
                "{run}: no event, so nothing has changed"
            );
            return;
        }
        let events = all(block_on(store.events(run, before, usize::MAX)));
        assert_eq!(
            events.last().map(|event| event.seq),
            Some(row.last_seq),
            "{run}: row and log end alike"
        );
        for event in &events {
            self.event(run, event, &row);
        }
        let watched = self.runs.get_mut(&run).expect("it has begun");
        let state = &watched.state;
        let told = RunRow {
            summary: state.summary(),
            last_seq: state.last_seq(),
            wake_at: state.wake_at(),
            in_flight: state.in_flight(),
        };
        assert_eq!(row, told, "{run}: the row is what the log adds up to");
        watched.row = row;
        watched.assert_moves();
    }

    fn event(&mut self, run: RunId, event: &Event, row: &RunRow) {
        if let EventKind::RunCreated {
            flow,
            idempotency_key,
            ..
        } = &event.kind
        {
            assert_eq!(
                (event.seq, self.runs.contains_key(&run)),
                (1, false),
                "{run} begins once"
            );
            let state = RunState::begin(Arc::clone(&self.plans[&**flow]), event).expect("a creation");
            if let Some(key) = idempotency_key {
                let other = self.keys.insert(key.clone(), run);
                assert_eq!(other, None, "{key} has one run");
            }
            let watched = Watched {
                state,
                log: vec![event.clone()],
                row: row.clone(),
                tokens: BTreeMap::new(),
                given_out: BTreeSet::new(),
                begun: BTreeSet::new(),
                settled: BTreeSet::new(),
                over: BTreeMap::new(),
                signals: BTreeSet::new(),
                permit: permit_of(&event.kind),
                cache_keys: BTreeMap::new(),
                asked: BTreeMap::new(),
                queue_keys: BTreeMap::new(),
            };
            self.runs.insert(run, watched);
            return;
        }
        let watched = self.runs.get_mut(&run).expect("a log begins with its creation");
        self.claims.extend(watched.claims(&event.kind));
        watched.event(event);
    }

    /// What the loops have in memory after a step.
    pub(super) fn compare(&self, inspected: &Inspected) {
        for (run, here) in &inspected.runs {
            if let (Some((state, 0)), Some(watched)) = (here, self.runs.get(run)) {
                assert!(
                    *state == watched.state,
                    "{run}: memory is what the log adds up to"
                );
            }
        }
    }

    /// When nothing is under way in the engine, whoever waits for a time will be woken: at that time, or a little after a failure.
    pub(super) fn assert_armed(&self, inspected: &Inspected, latest: Timestamp) {
        let soon = latest.plus(Duration::from_millis(500));
        for (run, watched) in self.unfinished() {
            let is_busy = !matches!(inspected.runs.get(run), None | Some(Some((_, 0))));
            if let (Some(due), false) = (watched.state.wake_at(), is_busy) {
                let armed = inspected.armed.get(run);
                assert!(
                    armed.is_some_and(|armed| *armed <= due.max(soon)),
                    "{run} is due at {due}, but is woken at {armed:?}"
                );
            }
        }
    }

    pub(super) fn unfinished(&self) -> impl Iterator<Item = (&RunId, &Watched)> {
        self.runs
            .iter()
            .filter(|(_, watched)| !watched.state.is_finished())
    }

    pub(super) fn is_given_out(&self, run: RunId, token: AttemptToken) -> bool {
        self.runs
            .get(&run)
            .is_some_and(|watched| watched.given_out.contains(&token))
    }

    pub(super) fn is_begun(&self, token: AttemptToken) -> bool {
        self.runs.values().any(|watched| watched.begun.contains(&token))
    }

    /// Whether an attempt is out, as far as is committed.
    pub(super) fn is_out(&self, run: RunId, token: AttemptToken) -> bool {
        self.runs
            .get(&run)
            .is_some_and(|watched| watched.state.tokens().any(|out| out == token))
    }

    /// Whose share of its queue a task run takes.
    pub(super) fn queue_key_of(&self, run: RunId, task: &str) -> Option<Arc<str>> {
        self.runs.get(&run)?.queue_keys.get(task).cloned()
    }

    /// The run that has a key.
    pub(super) fn run_of(&self, key: &str) -> Option<RunId> {
        self.keys.get(key).copied()
    }

    /// At the end: every run is finished, and a naive reading of the rules finds no fault in its log.
    pub(super) fn assert_finished(&self, store: &dyn Store) {
        let mut by_state: BTreeMap<String, u64> = BTreeMap::new();
        for (run, watched) in &self.runs {
            assert!(watched.state.is_finished(), "{run} is not finished");
            *by_state
                .entry(watched.state.status().key().to_owned())
                .or_default() += 1;
            let plan = watched.state.plan();
            let again = RunState::replay(Arc::clone(plan), &watched.log).expect("the log is whole");
            assert!(again == watched.state, "{run} replays to what it was");
            let faults = faults(&plan.doc, &watched.log, &[]);
            assert!(faults.is_empty(), "{run}: {faults:#?}\n{}", watched.story());
        }
        let mut counted = all(block_on(store.stats(None))).runs;
        counted.retain(|_, n| *n > 0);
        assert_eq!(counted, by_state, "the counts are those of the runs");
    }
}

impl Watched {
    fn event(&mut self, event: &Event) {
        let before = self.log.last().expect("its creation");
        let run = self.row.summary.id;
        assert!(
            !self.state.is_finished(),
            "{run}: {:?} happens after the end",
            event.kind
        );
        assert_eq!(event.seq, before.seq + 1, "{run}: the log is dense");
        assert!(event.at >= before.at, "{run}: time does not run back in a log");
        self.state.apply(event);
        match &event.kind {
            EventKind::TaskScheduled {
                task,
                token,
                queue_key,
                ..
            } => {
                if let Some(key) = queue_key {
                    self.queue_keys.insert(Arc::clone(task), Arc::clone(key));
                }
                assert!(self.given_out.insert(*token), "{run}: a token is used once");
                self.tokens.insert(Arc::clone(task), *token);
            }
            EventKind::AttemptStarted { task, .. } => drop(self.begun.insert(self.tokens[task])),
            EventKind::SignalReceived { name, .. } => {
                let is_first = self.signals.insert(Arc::clone(name));
                assert!(is_first, "{run}: of signals of the name {name} the first counts");
            }
            EventKind::TaskSucceeded {
                task,
                cached_from: Some(_),
                ..
            } => self.settles(task),
            EventKind::TaskSucceeded { task, output, .. } => {
                self.settles(task);
                if let (Some(token), Payload::Inline(output)) = (self.tokens.get(task), output) {
                    assert_eq!(
                        output.as_str(),
                        Some(&*Floor::mark(*token)),
                        "{run}: {task} ended by the attempt that was out"
                    );
                }
            }
            EventKind::TaskFailed { task, error, .. } => {
                self.settles(task);
                self.fails(task, &error.message);
            }
            EventKind::AttemptFailed { task, error, .. } => {
                self.fails(task, &error.message);
                self.ends(task, false);
            }
            EventKind::TaskWaiting { task, .. } => self.ends(task, false),
            EventKind::AttemptLost { task, .. } => self.ends(task, true),
            EventKind::TaskSkipped { task, .. } | EventKind::TaskCancelled { task, .. } => self.settles(task),
            _ => {}
        }
        self.log.push(event.clone());
    }

    fn settles(&mut self, task: &Arc<str>) {
        let is_first = self.settled.insert(Arc::clone(task));
        assert!(is_first, "{}: {task} ends twice", self.row.summary.id);
        self.ends(task, false);
    }

    /// An attempt has ended; the first end counts.
    fn ends(&mut self, task: &Arc<str>, is_lost: bool) {
        if let Some(token) = self.tokens.get(task) {
            self.over.entry(*token).or_insert(is_lost);
        }
    }

    /// Whether an attempt ended by what somebody said of it, or if it may be so by its loss.
    pub(super) fn has_been_told(&self, token: AttemptToken, or_lost: bool) -> bool {
        self.over.get(&token).is_some_and(|is_lost| or_lost || !is_lost)
    }

    pub(super) fn has_settled(&self, task: &str) -> bool {
        self.settled.contains(task)
    }

    pub(super) fn has_signal(&self, name: &str) -> bool {
        self.signals.contains(name)
    }

    pub(super) fn run(&self) -> RunId {
        self.row.summary.id
    }

    fn fails(&self, task: &Arc<str>, message: &str) {
        if message.starts_with("by att_") {
            let by = self.tokens.get(task).map(|token| Floor::mark(*token));
            assert_eq!(
                Some(message),
                by.as_deref(),
                "{}: {task} failed by the attempt that was out",
                self.row.summary.id
            );
        }
    }

    /// Something moves an unfinished run on: an attempt, a timer, a person, the next decision.
    fn assert_moves(&self) {
        let state = &self.state;
        let waits = || !self.waiting().is_empty();
        assert!(
            state.is_finished()
                || state.is_paused()
                || state.awaited_permit().is_some()
                || state.in_flight()
                || state.wake_at().is_some()
                || waits(),
            "{}: nothing moves it\n{}",
            self.row.summary.id,
            self.story()
        );
    }

    /// Paths of task runs that wait, and for what.
    pub(super) fn waiting(&self) -> Vec<(String, String)> {
        let (views, _) = self
            .state
            .task_views(Spot::from(0), Some(TaskStatus::Waiting), None, usize::MAX);
        views
            .into_iter()
            .filter_map(|view| Some((view.path, view.waits_for?)))
            .collect()
    }

    pub(super) fn has(&self, wanted: impl Fn(&EventKind) -> bool) -> bool {
        self.log.iter().any(|event| wanted(&event.kind))
    }

    /// Things of note that its log tells of.
    pub(super) fn count(&self, seen: &mut BTreeMap<&'static str, usize>) {
        for event in &self.log {
            let what = match &event.kind {
                EventKind::RunCreated { parent: Some(_), .. } => "child",
                EventKind::RunCreated { permit: Some(_), .. } => "permit",
                EventKind::AttemptStarted { worker, .. } if &**worker != "local" => "elsewhere",
                EventKind::AttemptLost { .. } => "lost",
                EventKind::TaskSucceeded {
                    cached_from: Some(_), ..
                } => "cached",
                EventKind::RunFinished {
                    error: Some(error), ..
                } if &*error.kind == "skipped" => "left out",
                EventKind::TaskFailed { error, .. } if error.kind.starts_with("child_") => "child failed",
                _ => continue,
            };
            *seen.entry(what).or_default() += 1;
        }
    }

    pub(super) fn status(&self) -> RunStatus {
        self.state.status()
    }

    pub(super) fn story(&self) -> String {
        self.log
            .iter()
            .map(|event| format!("{} {} {:?}\n", event.seq, event.at, event.kind))
            .collect()
    }
}
