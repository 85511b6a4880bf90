//! A run on a page: its snapshot, continued by the events that come in. The same fold the server makes.

use std::sync::Arc;

use flow::plan::Spot;
use flow::run::{Event, EventKind, RunState};
use flow::view::{RunStatus, RunSummary, TaskRunView, TaskStatus};
use flow::{Plan, TaskIx, Timestamp};
use leptos::prelude::*;
use serde_json::Value;

use super::link::{Position, Take};
use crate::graph::state::{self as graph_state, CardState};
use crate::model::RunPage;

/// A run as the page has it. Copies refer to the same run.
#[derive(Clone, Copy)]
pub struct LiveRun {
    state: StoredValue<RunState>,
    position: StoredValue<Position>,
    triggers: StoredValue<Arc<[ArcTrigger]>>,
    /// The run as lists show it.
    pub summary: RwSignal<RunSummary>,
    /// What it gave, once it is known.
    pub outputs: RwSignal<Option<Value>>,
    /// The tasks that the last batch of events changed.
    pub changed: RwSignal<Arc<[TaskIx]>>,
    /// The server's clock when the page was made.
    pub rendered_at: Timestamp,
}

impl LiveRun {
    /// The run of a page; none if this build cannot read the snapshot.
    #[must_use]
    pub fn new(page: RunPage) -> Option<Self> {
        let plan = Arc::new(Plan::new(Arc::new(page.document)));
        let n_tasks = plan.tasks.len();
        let state = RunState::restore(page.snapshot, plan)?;
        Some(Self {
            position: StoredValue::new(Position::at(state.last_seq())),
            state: StoredValue::new(state),
            triggers: StoredValue::new((0..n_tasks).map(|_| ArcTrigger::new()).collect()),
            summary: RwSignal::new(page.summary),
            outputs: RwSignal::new(page.outputs),
            changed: RwSignal::new(Arc::from([])),
            rendered_at: page.server_now,
        })
    }

    /// Its graph.
    #[must_use]
    pub fn plan(self) -> Arc<Plan> {
        self.state.with_value(|state| Arc::clone(state.plan()))
    }

    /// Reads the state as it is, without following it.
    pub fn with<T>(self, read: impl FnOnce(&RunState) -> T) -> T {
        self.state.with_value(read)
    }

    /// A task, followed: whoever reads it is told when it changes.
    #[must_use]
    pub fn task(self, ix: TaskIx) -> TaskRunView {
        self.track(ix);
        self.state.with_value(|state| state.task_view(ix))
    }

    fn track(self, ix: TaskIx) {
        self.triggers.with_value(|triggers| {
            if let Some(trigger) = triggers.get(ix as usize) {
                trigger.track();
            }
        });
    }

    /// A task run, followed; none for an item that is not listed yet.
    #[must_use]
    pub fn at(self, spot: Spot) -> Option<TaskRunView> {
        self.track(spot.task);
        self.state.with_value(|state| state.view_at(spot))
    }

    /// Items of a task from the `from`-th on, at most `n_max`, and where the next page begins; followed.
    #[must_use]
    pub fn items(
        self,
        ix: TaskIx,
        state: Option<TaskStatus>,
        from: u32,
        n_max: usize,
    ) -> (Vec<TaskRunView>, Option<u32>) {
        self.track(ix);
        self.state
            .with_value(|run| run.part_views(ix, state, from, n_max))
    }

    /// How a task shows on its card, of this height, now.
    #[must_use]
    pub fn card(self, ix: TaskIx, now: Timestamp, height: f64) -> CardState {
        self.state
            .with_value(|state| graph_state::card(&state.task_view(ix), now, height))
    }

    /// How many tasks wait for their next attempt.
    #[must_use]
    pub fn n_retrying(self) -> u32 {
        self.state.with_value(|state| {
            let waiting = state.tasks_in(Some(TaskStatus::Waiting));
            let retrying = waiting.filter(|&ix| state.task_view(ix).waits_for.as_deref() == Some("retry"));
            u32::try_from(retrying.count()).unwrap_or(u32::MAX)
        })
    }

    /// Where the page stands in the run's events.
    #[must_use]
    pub fn position(self) -> Position {
        self.position.get_value()
    }

    /// The server said how far the run is.
    pub fn hello(self, last_seq: u64) {
        self.position.update_value(|position| position.hello(last_seq));
    }

    /// Whether nothing will change it any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.summary.with_untracked(|summary| summary.state.is_final())
    }

    /// Takes events in, oldest first, and tells everybody concerned once. Answers whether some are missing between.
    pub fn apply(self, events: &[Event]) -> bool {
        let mut marks = Marks::default();
        let mut gap = false;
        self.state.update_value(|state| {
            for event in events {
                let mut position = self.position.get_value();
                match position.take(event.seq) {
                    Take::Ignore => continue,
                    Take::Apply => state.apply(event),
                    Take::Gap => {
                        gap = true;
                        break;
                    }
                }
                self.position.set_value(position);
                marks.note(state.plan(), &event.kind);
                if let EventKind::RunFinished {
                    outputs: Some(outputs),
                    ..
                } = &event.kind
                {
                    self.outputs
                        .set(outputs.inline().map(|value| Value::clone(value)));
                }
            }
        });
        if marks.any {
            let n_tasks = self.state.with_value(|state| state.plan().tasks.len());
            self.tell(marks.changed(n_tasks));
        }
        gap
    }

    /// Puts another snapshot in place of everything.
    pub fn reset(self, page: RunPage) {
        let plan = self.plan();
        let n_tasks = plan.tasks.len() as TaskIx;
        let Some(state) = RunState::restore(page.snapshot, plan) else {
            return;
        };
        self.position.set_value(Position::at(state.last_seq()));
        self.state.set_value(state);
        self.outputs.set(page.outputs);
        self.tell((0..n_tasks).collect());
    }

    fn tell(self, changed: Vec<TaskIx>) {
        let before = self.summary.get_untracked();
        let mut summary = self.state.with_value(RunState::summary);
        // The engine may know more of a run than its log: a pause, for one.
        summary.flow_name = before.flow_name;
        self.summary.set(summary);
        self.triggers.with_value(|triggers| {
            for ix in &changed {
                if let Some(trigger) = triggers.get(*ix as usize) {
                    trigger.notify();
                }
            }
        });
        self.changed.set(changed.into());
    }

    /// The run's state, followed.
    #[must_use]
    pub fn status(self) -> RunStatus {
        self.summary.with(|summary| summary.state)
    }
}

/// The tasks that a batch of events touches.
#[derive(Default)]
struct Marks {
    any: bool,
    all: bool,
    tasks: Vec<TaskIx>,
}

impl Marks {
    fn note(&mut self, plan: &Plan, kind: &EventKind) {
        self.any = true;
        match kind.task() {
            Some(path) => {
                // An item's event changes what its task shows.
                if let Some(Spot { task: ix, .. }) = plan.spot(path) {
                    self.tasks.push(ix);
                    // What comes after it may now wait for one fewer.
                    self.tasks
                        .extend(plan.task(ix).downs.iter().map(|&edge| plan.edge(edge).to));
                }
            }
            None => self.all |= !matches!(kind, EventKind::RunCreated { .. } | EventKind::RunStarted {}),
        }
    }

    fn changed(mut self, n_tasks: usize) -> Vec<TaskIx> {
        if self.all {
            return (0..n_tasks as TaskIx).collect();
        }
        self.tasks.sort_unstable();
        self.tasks.dedup();
        self.tasks
    }
}
