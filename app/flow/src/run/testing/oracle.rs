//! The rules once more, naively: every join, condition and outcome is worked out from the document and the log alone, with none of
//! the machine's counters or states. It knows the few expressions that [`super::generate`] writes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indexmap::IndexMap;

use crate::Timestamp;
use crate::doc::{FlowDoc, Join, NeedDoc, OnLost, Strategy, TaskDoc};
use crate::ids::RunId;
use crate::limits::ENDING_TIMEOUT_MS;
use crate::run::event::{Ended, EndingStep, RunError, Skip};
use crate::run::{Event, EventKind};

use super::oracle_parts::{Lists, Now};

/// All that breaks a rule in a log. `rests` says how long the log was each time nothing was left to be decided.
#[must_use]
pub fn faults(doc: &FlowDoc, log: &[Event], rests: &[usize]) -> Vec<String> {
    let mut oracle = Oracle::new(doc);
    for (ix, event) in log.iter().enumerate() {
        oracle.event(event);
        if rests.contains(&(ix + 1)) {
            oracle.rest(event.seq);
        }
    }
    oracle.faults.append(&mut oracle.lists.faults);
    oracle.faults
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Running,
    Ending(EndingStep),
    Finished,
}

struct Oracle<'d> {
    doc: &'d FlowDoc,
    lists: Lists<'d>,
    stage: Stage,
    /// How each settled task ended: its state, or the case that a switch took.
    settled: BTreeMap<String, String>,
    /// The kinds of failure that edges may name.
    kinds: BTreeMap<String, String>,
    /// Tasks whose result is that of another run.
    reused: BTreeSet<String>,
    /// The runs that tasks are to take up, with their flows.
    old_children: BTreeMap<String, (String, RunId)>,
    begun: BTreeSet<String>,
    out: BTreeSet<String>,
    /// Main tasks in the order in which they succeeded.
    succeeded: Vec<String>,
    n_failed: BTreeMap<String, u32>,
    n_lost: BTreeMap<String, u32>,
    cancel: Option<bool>,
    paused: bool,
    /// What happens if it finds no place, until it has one.
    queued: Option<Strategy>,
    started_at: Timestamp,
    ending_at: Timestamp,
    ending_as: Ended,
    faults: Vec<String>,
}

/// What a join allows at a moment.
#[derive(Debug, PartialEq, Eq)]
struct Moves {
    start: bool,
    skip: bool,
    fail: bool,
}

enum Edge {
    Pending,
    Taken,
    Refused,
    Broken,
}

impl<'d> Oracle<'d> {
    fn new(doc: &'d FlowDoc) -> Self {
        Self {
            doc,
            lists: Lists::new(doc),
            stage: Stage::Running,
            settled: BTreeMap::new(),
            kinds: BTreeMap::new(),
            reused: BTreeSet::new(),
            old_children: BTreeMap::new(),
            begun: BTreeSet::new(),
            out: BTreeSet::new(),
            succeeded: Vec::new(),
            n_failed: BTreeMap::new(),
            n_lost: BTreeMap::new(),
            cancel: None,
            paused: false,
            queued: None,
            started_at: Timestamp::default(),
            ending_at: Timestamp::default(),
            ending_as: Ended::Succeeded,
            faults: Vec::new(),
        }
    }

    fn expect(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    /// A task with the tasks around it.
    fn find(&self, key: &str) -> Option<(&'d IndexMap<String, TaskDoc>, &'d TaskDoc)> {
        let doc = self.doc;
        [&doc.tasks, &doc.finally, &doc.on_failure]
            .into_iter()
            .find_map(|group| Some((group, group.get(key)?)))
    }

    fn event(&mut self, event: &Event) {
        let seq = event.seq;
        if self.stage == Stage::Finished {
            self.faults
                .push(format!("{seq}: something happens after the end"));
        }
        if let EventKind::TaskReused { task, output, .. } = &event.kind {
            if !self.lists.reused(task, output) {
                self.reused.insert(task.to_string());
            }
            return;
        }
        if let EventKind::ChildReused {
            task, flow, child, ..
        } = &event.kind
        {
            self.old_children
                .insert(task.to_string(), (flow.to_string(), *child));
            return;
        }
        if let EventKind::ChildRequested { task, flow, fork, .. } = &event.kind {
            let old = self.old_children.get(&**task);
            let old = old.filter(|(old, _)| **old == **flow).map(|(_, run)| *run);
            self.expect(fork.as_ref().map(|fork| fork.run) == old, || {
                format!("{seq}: {task} does not take up the run it was to")
            });
        }
        let now = self.now();
        if self.lists.event(event, now) {
            return;
        }
        self.lists.task_event(event, now);
        match &event.kind {
            EventKind::ItemsListed { task, n, .. } => {
                self.begin(seq, task, &event.kind);
                self.lists.listed(event, task, *n);
            }
            EventKind::LoopBegun { task } => {
                self.begin(seq, task, &event.kind);
                self.lists.loop_begun(event, task);
            }
            EventKind::RunCreated { permit, .. } => {
                self.queued = permit.as_ref().map(|permit| permit.strategy);
            }
            EventKind::SignalReceived { .. }
            | EventKind::TaskReused { .. }
            | EventKind::ChildReused { .. } => {}
            EventKind::ChildRequested { task, .. } => {
                self.begin(seq, task, &event.kind);
                self.expect_not_paused(seq, task);
                let may_be_out = self.out.insert(task.to_string());
                self.expect(may_be_out, || format!("{seq}: {task} has two children at once"));
            }
            EventKind::ChildStarted { task, .. } => {
                let is_out = self.out.contains(&**task);
                self.expect(is_out, || format!("{seq}: {task} has a child it did not ask for"));
            }
            EventKind::RunStarted {} => {
                self.expect_not_paused(seq, "the run");
                self.started_at = event.at;
                self.queued = None;
            }
            EventKind::TaskScheduled { task, .. } => {
                self.begin(seq, task, &event.kind);
                let may_be_out = self.out.insert(task.to_string());
                self.expect(may_be_out, || format!("{seq}: {task} has two attempts at once"));
                self.expect_not_paused(seq, task);
                let is_main = self.doc.tasks.contains_key(&**task);
                let may = !is_main || self.stage == Stage::Running;
                self.expect(may, || {
                    format!("{seq}: an attempt at {task} is made though the run is ending")
                });
            }
            EventKind::AttemptStarted { task, .. } => {
                let is_out = self.out.contains(&**task);
                self.expect(is_out, || {
                    format!("{seq}: {task} is begun though it was not given out")
                });
            }
            EventKind::TaskWaiting { task, .. } => {
                self.begin(seq, task, &event.kind);
                self.out.remove(&**task);
            }
            EventKind::AttemptFailed { task, .. } => {
                self.begin(seq, task, &event.kind);
                self.out.remove(&**task);
                *self.n_failed.entry(task.to_string()).or_default() += 1;
                let (n_failed, n_max) = (self.n_failed[&**task], self.max_attempts(task));
                self.expect(n_failed < n_max, || {
                    format!("{seq}: {task} is tried again after {n_failed} of {n_max} attempts")
                });
            }
            EventKind::AttemptLost { task, .. } => {
                self.out.remove(&**task);
                *self.n_lost.entry(task.to_string()).or_default() += 1;
                let n_lost = self.n_lost[&**task];
                self.expect(n_lost <= 4, || format!("{seq}: {task} is lost {n_lost} times"));
            }
            EventKind::TaskSucceeded { task, case, .. } => {
                self.begin(seq, task, &event.kind);
                self.settle(seq, task, case.as_deref().unwrap_or("succeeded"));
                if self.doc.tasks.contains_key(&**task) && !self.reused.contains(&**task) {
                    self.succeeded.push(task.to_string());
                }
            }
            EventKind::TaskFailed { task, error, .. } => {
                self.begin(seq, task, &event.kind);
                if self
                    .find(task)
                    .is_some_and(|(_, task)| ["wait", "signal", "approval"].contains(&&*task.task_type))
                {
                    self.kinds.insert(task.to_string(), error.kind.to_string());
                }
                self.settle(seq, task, "failed");
                let n_lost = self.n_lost.get(&**task).copied().unwrap_or(0);
                // A task of several runs fails as one of them did, which is counted there.
                let is_own = !self.lists.has(task);
                let retry = self.find(task).and_then(|(_, task)| task.retry.as_ref());
                let n_most = retry.map_or(4, |retry| if retry.on_lost == OnLost::Fail { 1 } else { 4 });
                self.expect(*error.kind != *"lost" || n_lost == n_most || !is_own, || {
                    format!("{seq}: {task} fails as lost after {n_lost} losses")
                });
            }
            EventKind::TaskSkipped { task, .. } => {
                self.begin(seq, task, &event.kind);
                self.settle(seq, task, "skipped");
            }
            EventKind::TaskCancelled { task, .. } => {
                let is_ending = self.stage != Stage::Running;
                self.expect(is_ending, || {
                    format!("{seq}: {task} is cancelled though the run goes on")
                });
                self.settle(seq, task, "cancelled");
            }
            EventKind::RunCancelRequested { force, .. } => self.cancel = Some(*force),
            EventKind::RunPaused { .. } => self.pauses(seq, true),
            EventKind::RunResumed {} => self.pauses(seq, false),
            EventKind::PermitReturned {} => {
                let is_held = self.paused && self.queued.is_some();
                self.expect(is_held, || {
                    format!("{seq}: a place is given back by a run that could have it")
                });
            }
            EventKind::TaskDue { task } => {
                let paused = self.paused;
                self.expect(paused, || {
                    format!("{seq}: {task} is due and waits though the run is not paused")
                });
            }
            EventKind::RunEnding { outcome, error, .. } => {
                self.ends_as(event, *outcome, error.as_ref());
                self.paused = false;
                (self.stage, self.ending_at, self.ending_as) =
                    (Stage::Ending(EndingStep::Attempts), event.at, *outcome);
            }
            EventKind::EndingStep { step } => {
                let is_later = self.stage < Stage::Ending(*step) && matches!(self.stage, Stage::Ending(_));
                let stage = self.stage;
                self.expect(is_later, || format!("{seq}: {step:?} comes after {stage:?}"));
                self.stage = Stage::Ending(*step);
            }
            EventKind::RunFinished { outcome, error, .. } => {
                if self.stage == Stage::Running {
                    self.ends_as(event, *outcome, error.as_ref());
                    self.ending_as = *outcome;
                    self.ending_at = event.at;
                }
                self.finish(event, *outcome);
                self.stage = Stage::Finished;
            }
        }
    }

    fn now(&self) -> Now {
        Now {
            paused: self.paused,
            ending: self.stage != Stage::Running,
        }
    }

    fn pauses(&mut self, seq: u64, paused: bool) {
        let is_change = self.paused != paused && self.stage == Stage::Running;
        self.expect(is_change, || format!("{seq}: the run is paused or resumed twice"));
        self.paused = paused;
    }

    fn expect_not_paused(&mut self, seq: u64, task: &str) {
        let paused = self.paused;
        self.expect(!paused, || {
            format!("{seq}: {task} starts though the run is paused")
        });
    }

    fn max_attempts(&self, key: &str) -> u32 {
        let retry = match key.strip_suffix(".undo") {
            Some(of) => self
                .find(of)
                .and_then(|(_, task)| task.undo.as_ref()?.retry.as_ref()),
            None => self.find(key).and_then(|(_, task)| task.retry.as_ref()),
        };
        retry.map_or(1, |retry| retry.max_attempts)
    }

    fn settle(&mut self, seq: u64, key: &str, how: &str) {
        self.out.remove(key);
        let is_first = self.settled.insert(key.to_owned(), how.to_owned()).is_none();
        self.expect(is_first, || format!("{seq}: {key} settles twice"));
    }

    /// The first that happens to a task: is it allowed now?
    fn begin(&mut self, seq: u64, key: &str, kind: &EventKind) {
        if !self.begun.insert(key.to_owned()) {
            return;
        }
        if let Some(of) = key.strip_suffix(".undo") {
            return self.begin_undo(seq, of);
        }
        self.expect_not_paused(seq, key);
        let has_place = self.queued.is_none();
        self.expect(has_place, || {
            format!("{seq}: {key} begins though the run waits for its place")
        });
        let Some((group, task)) = self.find(key) else {
            return self.faults.push(format!("{seq}: there is no task {key}"));
        };
        let stage = self.stage;
        self.expect(stage == self.stage_of(group), || {
            format!("{seq}: {key} begins in {stage:?}")
        });
        let moves = self.moves(group, task);
        let when = task
            .when
            .as_deref()
            .filter(|when| !when.contains("item"))
            .map_or(Some(true), |when| self.eval(when, task));
        let is_allowed = match kind {
            EventKind::TaskSucceeded { .. } if self.reused.contains(key) => moves.start,
            EventKind::TaskSkipped { .. } if self.reused.contains(key) => moves.skip,
            EventKind::TaskFailed { .. } if self.reused.contains(key) => moves.fail,
            _ if self.reused.contains(key) => false,
            EventKind::TaskSkipped {
                reason: Skip::When, ..
            } => moves.start && when == Some(false),
            EventKind::TaskSkipped { .. } => moves.skip,
            EventKind::TaskFailed { .. } => moves.fail || (moves.start && when != Some(false)),
            _ => moves.start && when == Some(true),
        };
        self.expect(is_allowed, || {
            format!("{seq}: {key} must not: {moves:?}, when {when:?}, {kind:?}")
        });
    }

    fn begin_undo(&mut self, seq: u64, of: &str) {
        let stage = self.stage;
        self.expect(stage == Stage::Ending(EndingStep::Undo), || {
            format!("{seq}: {of} is undone in {stage:?}")
        });
        let Some(place) = self.succeeded.iter().position(|task| task == of) else {
            return self
                .faults
                .push(format!("{seq}: {of} is undone but had not succeeded"));
        };
        let later: Vec<String> = self.succeeded[place + 1..]
            .iter()
            .filter(|task| self.is_open_undo(task))
            .cloned()
            .collect();
        self.expect(later.is_empty(), || {
            format!("{seq}: {of} is undone before {later:?}")
        });
    }

    fn is_open_undo(&self, task: &str) -> bool {
        let has_undo = self.find(task).is_some_and(|(_, task)| task.undo.is_some());
        has_undo && !self.settled.contains_key(&format!("{task}.undo"))
    }

    fn stage_of(&self, group: &IndexMap<String, TaskDoc>) -> Stage {
        if std::ptr::eq(group, &self.doc.tasks) {
            Stage::Running
        } else if std::ptr::eq(group, &self.doc.finally) {
            Stage::Ending(EndingStep::Finally)
        } else {
            Stage::Ending(EndingStep::OnFailure)
        }
    }

    fn moves(&self, group: &IndexMap<String, TaskDoc>, task: &TaskDoc) -> Moves {
        let (mut n_taken, mut n_refused, mut n_broken) = (0, 0, 0);
        for need in &task.needs {
            match self.edge(group, need) {
                Edge::Pending => {}
                Edge::Taken => n_taken += 1,
                Edge::Refused => n_refused += 1,
                Edge::Broken => n_broken += 1,
            }
        }
        let n = task.needs.len();
        let is_over = n_taken + n_refused + n_broken == n;
        let (start, skip) = match task.join {
            _ if n == 0 => (true, false),
            Join::All => (n_taken == n, n_refused > 0),
            Join::Any => (n_taken > 0, n_refused == n),
            Join::Settled => (is_over && n_taken > 0 && n_broken == 0, n_refused == n),
        };
        Moves {
            start,
            skip,
            fail: n_broken > 0,
        }
    }

    fn edge(&self, group: &IndexMap<String, TaskDoc>, need: &NeedDoc) -> Edge {
        let Some(how) = self.settled.get(need.task()) else {
            return Edge::Pending;
        };
        let is_case = !["succeeded", "failed", "skipped", "cancelled"].contains(&how.as_str());
        let names = |word: &&str| *word == how || *word == "always" || (is_case && *word == "succeeded");
        let kind = self.kinds.get(need.task());
        if !need
            .on()
            .iter()
            .any(|word| names(word) || kind.is_some_and(|kind| kind == word))
        {
            return Edge::Refused;
        }
        match need
            .when()
            .map_or(Some(true), |when| self.eval(when, &group[need.task()]))
        {
            Some(true) => Edge::Taken,
            Some(false) => Edge::Refused,
            None => Edge::Broken,
        }
    }

    /// The expressions that the random flows are made of. `None` is an error.
    fn eval(&self, text: &str, task: &TaskDoc) -> Option<bool> {
        match text {
            "{{ inputs.yes }}" => Some(true),
            "{{ inputs.no }}" => Some(false),
            "{{ inputs.word }}" => None,
            "{{ upstream.n_failed == 0 }}" => Some(
                !task
                    .needs
                    .iter()
                    .any(|need| self.settled.get(need.task()).is_some_and(|how| how == "failed")),
            ),
            _ => {
                let key = text
                    .strip_prefix("{{ tasks.")?
                    .strip_suffix(".state == 'failed' }}")?;
                Some(self.settled.get(key).is_some_and(|how| how == "failed"))
            }
        }
    }

    fn unhandled(&self, group: &IndexMap<String, TaskDoc>) -> Vec<String> {
        let is_handled = |failed: &str| {
            group.iter().any(|(key, task)| {
                let was_skipped = self.settled.get(key).is_some_and(|how| how == "skipped");
                let handles = |need: &&NeedDoc| {
                    let kind = self.kinds.get(failed).map_or("failed", String::as_str);
                    let on = need.on();
                    need.task() == failed && need.handles() && (on.contains(&"failed") || on.contains(&kind))
                };
                !was_skipped
                    && task
                        .needs
                        .iter()
                        .filter(handles)
                        .any(|need| matches!(self.edge(group, need), Edge::Taken))
            })
        };
        let failed = group
            .keys()
            .filter(|key| self.settled.get(*key).is_some_and(|how| how == "failed"));
        failed.filter(|key| !is_handled(key)).cloned().collect()
    }

    fn all_settled(&self, group: &IndexMap<String, TaskDoc>) -> bool {
        group.keys().all(|key| self.settled.contains_key(key))
    }

    /// The work ends, of itself or not.
    fn ends_as(&mut self, event: &Event, outcome: Ended, error: Option<&RunError>) {
        let unhandled = self.unhandled(&self.doc.tasks);
        let is_timeout = error.is_some_and(|error| error.task.is_none() && *error.kind == *"timeout");
        let is_left_out = error.is_some_and(|error| *error.kind == *"skipped");
        let is_left_out = is_left_out && self.queued == Some(Strategy::Skip);
        let expected = if self.cancel.is_some() || is_left_out {
            Ended::Cancelled
        } else if is_timeout {
            let due = self
                .doc
                .timeout
                .map(|limit| self.started_at.plus(limit.as_duration()));
            self.expect(due.is_some_and(|due| due <= event.at), || {
                format!("{}: the run times out too early", event.seq)
            });
            Ended::Failed
        } else if self.paused {
            self.faults
                .push(format!("{}: the run ends though it is paused", event.seq));
            outcome
        } else if self.all_settled(&self.doc.tasks) {
            if unhandled.is_empty() {
                Ended::Succeeded
            } else {
                Ended::Failed
            }
        } else {
            self.expect(self.doc.fail_fast && !unhandled.is_empty(), || {
                format!("{}: the run ends for no reason", event.seq)
            });
            Ended::Failed
        };
        self.expect(outcome == expected, || {
            format!(
                "{}: the run ends as {outcome:?}, not {expected:?}: {unhandled:?}",
                event.seq
            )
        });
        if let Some(task) = error.and_then(|error| error.task.as_deref()) {
            self.expect(unhandled.iter().any(|failed| failed == task), || {
                format!("{}: {task} is not to blame", event.seq)
            });
        }
    }

    fn finish(&mut self, event: &Event, outcome: Ended) {
        if self.queued.is_some() {
            // Of what has never begun there is nothing to be ended.
            return self.expect(outcome == Ended::Cancelled, || {
                format!(
                    "{}: the run finishes as {outcome:?} without having begun",
                    event.seq
                )
            });
        }
        let doc = self.doc;
        let n_open_undo = self
            .succeeded
            .iter()
            .filter(|task| self.is_open_undo(task))
            .count();
        let undone = self.ending_as == Ended::Succeeded || n_open_undo == 0;
        let failed = self.ending_as == Ended::Failed || !self.unhandled(&doc.finally).is_empty();
        let told = !failed || self.all_settled(&doc.on_failure);
        if self.all_settled(&doc.tasks) && undone && self.all_settled(&doc.finally) && told {
            let expected = if failed { Ended::Failed } else { self.ending_as };
            if outcome == expected {
                return;
            }
        }
        let limit = doc
            .ending_timeout
            .map_or(Duration::from_millis(ENDING_TIMEOUT_MS), |limit| {
                limit.as_duration()
            });
        let is_late = self.ending_at.plus(limit) <= event.at;
        let is_forced = self.cancel == Some(true);
        self.expect(is_late || is_forced, || {
            format!(
                "{}: the run finishes as {outcome:?} before its ending is done",
                event.seq
            )
        });
        let expected = match self.ending_as {
            Ended::Succeeded if is_forced => Ended::Cancelled,
            Ended::Succeeded => Ended::Failed,
            // A `finally` task had failed it.
            Ended::Cancelled if outcome == Ended::Failed && failed => Ended::Failed,
            other => other,
        };
        let by_finally = failed && outcome == Ended::Failed;
        self.expect(outcome == expected || by_finally, || {
            format!(
                "{}: the run is cut short as {outcome:?}, not {expected:?}",
                event.seq
            )
        });
    }

    /// Nothing is left to be decided: no join that allows something is left alone.
    fn rest(&mut self, seq: u64) {
        if self.paused {
            return;
        }
        self.lists.rest(seq, self.now());
        let doc = self.doc;
        for group in [&doc.tasks, &doc.finally, &doc.on_failure] {
            if self.stage != self.stage_of(group) {
                continue;
            }
            let begun = self.begun.clone();
            for (key, task) in group.iter().filter(|(key, _)| !begun.contains(*key)) {
                let moves = self.moves(group, task);
                let has_none = moves
                    == Moves {
                        start: false,
                        skip: false,
                        fail: false,
                    };
                self.expect(has_none, || format!("{seq}: {key} is left alone: {moves:?}"));
            }
            self.expect(!self.all_settled(group), || {
                format!("{seq}: all is settled, but the run does not go on")
            });
        }
        if self.stage == Stage::Running && doc.fail_fast {
            let unhandled = self.unhandled(&doc.tasks);
            self.expect(unhandled.is_empty(), || {
                format!("{seq}: {unhandled:?} should have ended the run")
            });
        }
    }
}
