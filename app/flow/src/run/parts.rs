//! The items of a task, or its iterations: what is known of each, and what their events do to them.
//!
//! Only an item at work has a whole [`TaskRun`]. One that has settled keeps a byte for its state and a shared value for its output,
//! so that a hundred thousand of them stay small; what each went through stands in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::{ITEM_ERRORS_KEPT_MAX, OUTPUT_BYTES_MAX};
use crate::payload::{Payload, about_bytes};
use crate::plan::{Role, Spot, TaskIx};
use crate::run::event::{ItemChunk, TaskError};
use crate::run::state::{Phase, RunState, TaskRun, TaskState, Timer, WaitsFor};
use crate::run::statuses::Statuses;
use crate::time::Timestamp;
use crate::view::{TaskCounts, TaskStatus};

/// The items or iterations of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// The list, in pieces that are loaded one at a time.
    pub(super) chunks: Vec<ItemChunk>,
    /// The number of the first: 0 for items, 1 for iterations.
    pub(super) first: u32,
    /// How many there are; of iterations, how many have begun.
    pub(super) n: u32,
    /// The next to be started.
    pub(super) next: u32,
    /// Those at work.
    pub(super) open: BTreeMap<u32, TaskRun>,
    /// How the others stand.
    pub(super) statuses: Statuses,
    /// What those that succeeded gave; nothing stands for null.
    pub(super) outputs: BTreeMap<u32, Payload>,
    /// Bytes of those, and of what has been left out for want of room.
    pub(super) output_bytes: u64,
    pub(super) counts: TaskCounts,
    /// The item that failed first.
    pub(super) first_failed: Option<u32>,
    /// Why items failed: the first of them, and not more than some.
    pub(super) errors: BTreeMap<u32, TaskError>,
}

impl Parts {
    fn of_items(n: u32, chunks: &[ItemChunk]) -> Self {
        Self {
            chunks: chunks.to_vec(),
            first: 0,
            n,
            next: 0,
            open: BTreeMap::new(),
            statuses: Statuses::blocked(n),
            outputs: BTreeMap::new(),
            output_bytes: 0,
            counts: TaskCounts {
                blocked: n,
                ..TaskCounts::default()
            },
            first_failed: None,
            errors: BTreeMap::new(),
        }
    }

    fn of_loop() -> Self {
        Self {
            first: 1,
            next: 1,
            ..Self::of_items(0, &[])
        }
    }

    fn is_loop(&self) -> bool {
        self.first == 1
    }

    /// Makes room for the next iteration.
    fn begin_iteration(&mut self) {
        self.statuses.push(TaskStatus::Blocked);
        self.counts.blocked += 1;
        self.n += 1;
    }

    /// The numbers of all, in order.
    #[must_use]
    pub fn numbers(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.n
    }

    /// How many there are; of iterations, how many have begun.
    #[must_use]
    pub fn n(&self) -> u32 {
        self.n
    }

    /// The items by state; those that wait for their turn count as blocked.
    #[must_use]
    pub fn counts(&self) -> TaskCounts {
        self.counts
    }

    /// The state of one item.
    #[must_use]
    pub fn status(&self, part: u32) -> Option<TaskStatus> {
        match self.open.get(&part) {
            Some(run) => Some(run.state.status()),
            None => self.statuses.get(part.checked_sub(self.first)?),
        }
    }

    /// Whether the outputs together are more than a task may give: then they are not kept any more.
    pub(super) fn is_too_large(&self) -> bool {
        self.output_bytes > OUTPUT_BYTES_MAX as u64
    }

    /// Notes how an item settled.
    fn settle(&mut self, part: u32, state: TaskState) {
        self.statuses.set(part - self.first, state.status());
        match state {
            TaskState::Succeeded { output, .. } => self.keep_output(part, output),
            TaskState::Failed { error, .. } => {
                self.first_failed.get_or_insert(part);
                if self.errors.len() < ITEM_ERRORS_KEPT_MAX {
                    self.errors.insert(part, error);
                }
            }
            _ => {}
        }
    }

    /// An item that succeeds with what it gave in another run.
    fn reuse(&mut self, part: u32, output: Payload) {
        if part < self.n {
            self.statuses.set(part, TaskStatus::Succeeded);
            self.counts.blocked = self.counts.blocked.saturating_sub(1);
            self.counts.succeeded += 1;
            self.keep_output(part, output);
        }
    }

    /// What has settled is not started.
    fn pass_settled(&mut self) {
        while self.next < self.n && self.status(self.next) != Some(TaskStatus::Blocked) {
            self.next += 1;
        }
    }

    /// Those that have not begun never will.
    fn cancel_rest(&mut self) {
        for part in self.next..self.first + self.n {
            if self.status(part) == Some(TaskStatus::Blocked) {
                self.statuses.set(part - self.first, TaskStatus::Cancelled);
            }
        }
        let n_left = std::mem::take(&mut self.counts.blocked);
        self.counts.cancelled += n_left;
        self.next = self.first + self.n;
    }

    fn keep_output(&mut self, part: u32, output: Payload) {
        if self.is_loop() {
            // Only the last one's counts.
            self.outputs.clear();
            if output.inline().is_none_or(|value| !value.is_null()) {
                self.outputs.insert(part, output);
            }
            return;
        }
        self.output_bytes += 1 + match &output {
            Payload::Inline(value) if value.is_null() => return,
            Payload::Inline(value) => about_bytes(value) as u64,
            Payload::Blob(blob) => blob.bytes,
        };
        if self.is_too_large() {
            self.outputs.clear();
        } else {
            self.outputs.insert(part, output);
        }
    }
}

impl RunState {
    /// The items of a task, once they are listed.
    #[must_use]
    pub fn parts(&self, ix: TaskIx) -> Option<&Parts> {
        self.data.parts.get(&ix)
    }

    /// A task run; none for an item that is not at work.
    #[must_use]
    pub fn find_run(&self, spot: Spot) -> Option<&TaskRun> {
        match spot.part {
            None => self.data.tasks.get(spot.task as usize),
            Some(part) => self.data.parts.get(&spot.task)?.open.get(&part),
        }
    }

    /// A task run; of an item that is not at work, one that nothing has happened to.
    pub(super) fn run_of(&self, spot: Spot) -> &TaskRun {
        static FRESH: TaskRun = TaskRun::new();
        match spot.part {
            None => &self.data.tasks[spot.task as usize],
            Some(_) => self.find_run(spot).unwrap_or(&FRESH),
        }
    }

    /// A task run, to be changed. Events open the runs of items before they change them.
    pub(super) fn run_mut(&mut self, spot: Spot) -> &mut TaskRun {
        match (spot.part, self.data.parts.get_mut(&spot.task)) {
            (Some(part), Some(parts)) => parts.open.entry(part).or_insert_with(TaskRun::new),
            _ => &mut self.data.tasks[spot.task as usize],
        }
    }

    pub(super) fn find_run_mut(&mut self, spot: Spot) -> Option<&mut TaskRun> {
        match spot.part {
            None => self.data.tasks.get_mut(spot.task as usize),
            Some(part) => self.data.parts.get_mut(&spot.task)?.open.get_mut(&part),
        }
    }

    /// Opens the run of an item at its first event. False if there is no such item, or it has settled.
    pub(super) fn open_part(&mut self, spot: Spot) -> bool {
        let Some(part) = spot.part else { return true };
        let Some(parts) = self.data.parts.get_mut(&spot.task) else {
            return false;
        };
        if parts.open.contains_key(&part) {
            return true;
        }
        if parts.is_loop() && part == parts.next && parts.open.is_empty() {
            parts.begin_iteration();
        }
        if parts.status(part) != Some(TaskStatus::Blocked) {
            return false;
        }
        parts.open.insert(part, TaskRun::new());
        parts.next = parts.next.max(part + 1);
        if !parts.is_loop() {
            parts.pass_settled();
        }
        true
    }

    pub(super) fn items_listed(&mut self, ix: TaskIx, n: u32, chunks: &[ItemChunk], at: Timestamp) {
        let mut parts = Parts::of_items(n, chunks);
        for (part, output) in self.take_reused_items(ix) {
            parts.reuse(part, output);
        }
        parts.pass_settled();
        self.spread(ix, parts, at);
    }

    pub(super) fn loop_begun(&mut self, ix: TaskIx, at: Timestamp) {
        self.spread(ix, Parts::of_loop(), at);
    }

    fn spread(&mut self, ix: TaskIx, parts: Parts, at: Timestamp) {
        self.move_to(ix.into(), TaskState::Spread);
        let task = self.task_mut(ix);
        task.ready_at.get_or_insert(at);
        task.started_at.get_or_insert(at);
        self.data.parts.insert(ix, parts);
        self.call_on_parts(ix);
    }

    pub(super) fn settle_part(&mut self, spot: Spot, state: TaskState) {
        self.move_to(spot, state);
        let (Some(part), Some(parts)) = (spot.part, self.data.parts.get_mut(&spot.task)) else {
            return;
        };
        if let Some(run) = parts.open.remove(&part) {
            if let Some(watched) = &mut self.watched {
                watched.settles(spot, &run);
            }
            parts.settle(part, run.state);
        }
    }

    /// Puts a task on the agenda if the next item may start or the last has ended, and only then.
    pub(super) fn call_on_parts(&mut self, ix: TaskIx) {
        if self.task(ix).state != TaskState::Spread {
            return;
        }
        if self.has_part_work(ix) {
            self.enlist(ix.into());
        } else {
            self.take_off_agenda(ix.into());
        }
    }

    fn has_part_work(&self, ix: TaskIx) -> bool {
        let Some(parts) = self.data.parts.get(&ix) else {
            return false;
        };
        if parts.is_loop() {
            // What comes after an iteration is decided when it has ended.
            return parts.open.is_empty();
        }
        let is_stopped = self.are_parts_stopped(ix);
        if parts.open.is_empty() && (is_stopped || parts.next >= parts.n) {
            return true;
        }
        !is_stopped && parts.next < parts.n && parts.open.len() < self.n_parallel(ix)
    }

    fn n_parallel(&self, ix: TaskIx) -> usize {
        let doc = &self.plan.task(ix).doc;
        doc.for_each.as_ref().map_or(1, |each| each.n_parallel())
    }

    /// Whether no further item of a task starts: the run ends, too many have failed, or they gave too much.
    pub(super) fn are_parts_stopped(&self, ix: TaskIx) -> bool {
        self.is_stopping(ix) || self.have_parts_failed(ix)
    }

    pub(super) fn have_parts_failed(&self, ix: TaskIx) -> bool {
        let (Some(parts), Some(each)) = (self.data.parts.get(&ix), &self.plan.task(ix).doc.for_each) else {
            return false;
        };
        parts.counts.failed > each.n_before_stop(parts.n) || parts.is_too_large()
    }

    /// Whether the run has stopped giving out tasks of this one's role.
    pub(super) fn is_stopping(&self, ix: TaskIx) -> bool {
        matches!(self.data.phase, Phase::Ending { .. }) && self.plan.task(ix).role == Role::Main
    }

    /// Whether what is at work here is to end without another attempt.
    #[cfg(feature = "author")]
    pub(super) fn is_stopped(&self, spot: Spot) -> bool {
        self.is_stopping(spot.task) || (spot.part.is_some() && self.have_parts_failed(spot.task))
    }

    /// Ends the items that are still at work with their task.
    pub(super) fn close_parts(&mut self, ix: TaskIx) {
        let Some(parts) = self.data.parts.get(&ix) else {
            return;
        };
        let open: Vec<u32> = parts.open.keys().copied().collect();
        for part in open {
            let reason: Arc<str> = "its task ended".into();
            self.settle_part(Spot::part(ix, part), TaskState::Cancelled { reason });
        }
        if let Some(parts) = self.data.parts.get_mut(&ix) {
            // Nothing of them starts any more.
            parts.chunks = Vec::new();
            parts.cancel_rest();
        }
    }

    /// Leaves behind what a task run held or waited for: token, timer, signal, child.
    pub(super) fn let_go(&mut self, spot: Spot) {
        let Some(run) = self.find_run_mut(spot) else {
            return;
        };
        let (token, timer) = (run.state.token(), run.timer.take());
        match run.state {
            TaskState::Waiting {
                waits_for: WaitsFor::Signal,
                ..
            } => self.await_no_signal(spot),
            TaskState::Waiting {
                waits_for: WaitsFor::Child,
                ..
            } => self.await_no_child(spot),
            _ => {}
        }
        if let Some(token) = token {
            self.data.tokens.remove(&token);
        }
        if let Some(at) = timer {
            self.data.timers.remove(&(at, Timer::Task(spot)));
        }
    }
}
