//! A run on a page: its snapshot, continued by the events that come in. The same fold the server makes.
//!
//! What is shown may be an earlier moment of it. The run as it is then stands behind, and goes on by its events unseen; everything
//! on the page reads what is shown, so that nothing else has to know of travel in time.

use std::sync::Arc;

use flow::plan::{Role, Spot};
use flow::run::{Event, EventKind, RunState};
use flow::view::{RunStatus, RunSummary, TaskRunView, TaskStatus};
use flow::{Plan, TaskIx, Timestamp};
use leptos::prelude::*;
use serde_json::Value;

use super::link::{Position, Take};
use crate::graph::state::{self as graph_state, CardState};
use crate::look;
use crate::model::{PastView, RunPage};
use crate::parts::Clock;
use crate::travel::Log;

/// What a page took in of a run's events. Without gaps and repeats `first` and `n_applied` make up the number of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The last event of the snapshot the page began with.
    pub first: u64,
    /// Events folded in since then.
    pub n_applied: u64,
    /// How often events were missing between.
    pub n_gaps: u64,
    /// Events that came although they were there.
    pub n_repeats: u64,
    /// How often a snapshot took the place of everything.
    pub n_resets: u64,
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            first,
            n_applied,
            n_gaps,
            n_repeats,
            n_resets,
        } = self;
        write!(
            f,
            "{first} +{n_applied} gaps {n_gaps} repeats {n_repeats} resets {n_resets}"
        )
    }
}

/// An earlier moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The number of the last event that counts.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
}

/// A run as the page has it. Copies refer to the same run.
#[derive(Clone, Copy)]
pub struct LiveRun {
    /// What is shown.
    state: StoredValue<RunState>,
    /// The run as it is, while an earlier moment is shown.
    ahead: StoredValue<Option<RunState>>,
    /// Its outputs then.
    outputs_ahead: StoredValue<Option<Value>>,
    /// Its events, once somebody travels.
    log: StoredValue<Log>,
    /// The moment that is shown, if it is an earlier one.
    pub instant: RwSignal<Option<Instant>>,
    /// The last event there is, as far as the page knows.
    pub last_seq: RwSignal<u64>,
    /// Whether the run as it is has ended, whatever is shown.
    pub is_over: RwSignal<bool>,
    /// Where it stands in its events, and what came.
    taken: StoredValue<(Position, Counted)>,
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
        let plan = Arc::new(Plan::new(Arc::new(page.document)).saying_names());
        let n_tasks = plan.tasks.len();
        let state = RunState::restore(page.snapshot, Arc::clone(&plan))?;
        let past = page.past.and_then(|past| Self::restore_past(past, &plan));
        let position = Position::at(state.last_seq());
        let is_over = page.summary.state.is_final();
        let (mut summary, mut outputs) = (page.summary, page.outputs);
        let (mut shown, mut ahead, mut outputs_ahead, mut instant) = (state, None, None, None);
        if let Some((state, then)) = past {
            instant = Some(Instant {
                seq: state.last_seq(),
                at: state.last_at(),
            });
            ahead = Some(std::mem::replace(&mut shown, state));
            outputs_ahead = outputs.take();
            summary = then;
        }
        Some(Self {
            log: StoredValue::new(Log::new(Arc::clone(&plan))),
            ahead: StoredValue::new(ahead),
            outputs_ahead: StoredValue::new(outputs_ahead),
            instant: RwSignal::new(instant),
            last_seq: RwSignal::new(position.known),
            is_over: RwSignal::new(is_over),
            taken: StoredValue::new((
                position,
                Counted {
                    first: position.seq,
                    ..Counted::default()
                },
            )),
            state: StoredValue::new(shown),
            triggers: StoredValue::new((0..n_tasks).map(|_| ArcTrigger::new()).collect()),
            summary: RwSignal::new(summary),
            outputs: RwSignal::new(outputs),
            changed: RwSignal::new(Arc::from([])),
            rendered_at: page.server_now,
        })
    }

    fn restore_past(past: PastView, plan: &Arc<Plan>) -> Option<(RunState, RunSummary)> {
        Some((RunState::restore(past.snapshot, Arc::clone(plan))?, past.summary))
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

    /// The key of a task's look now.
    #[must_use]
    pub fn key(self, ix: TaskIx) -> &'static str {
        self.state
            .with_value(|state| look::task(&state.task_view(ix)).key)
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
        self.taken.with_value(|(position, _)| *position)
    }

    /// What the page took in since it began.
    #[must_use]
    pub fn counted(self) -> Counted {
        self.taken.with_value(|(_, counted)| *counted)
    }

    /// The server said how far the run is.
    pub fn hello(self, last_seq: u64) {
        self.taken.update_value(|(position, _)| position.hello(last_seq));
    }

    /// Now by the server's clock, or the moment that is shown; followed.
    #[must_use]
    pub fn now(self, clock: Clock) -> Timestamp {
        match self.instant.get() {
            Some(instant) => instant.at,
            None => clock.now_or(self.rendered_at),
        }
    }

    /// Whether an earlier moment is shown; followed.
    #[must_use]
    pub fn is_past(self) -> bool {
        self.instant.with(Option::is_some)
    }

    /// Takes events in, oldest first, and tells everybody concerned once. Answers whether some are missing between.
    pub fn apply(self, events: &[Event]) -> bool {
        let mut marks = Marks::default();
        let (mut gap, mut is_over) = (false, false);
        let (mut position, mut counted) = self.taken.get_value();
        let plan = self.plan();
        let outputs = self.with_present(|state| {
            let mut given: Option<Value> = None;
            for event in events {
                match position.take(event.seq) {
                    Take::Ignore => {
                        counted.n_repeats += 1;
                        continue;
                    }
                    Take::Apply => {
                        counted.n_applied += 1;
                        state.apply(event);
                    }
                    Take::Gap => {
                        counted.n_gaps += 1;
                        gap = true;
                        break;
                    }
                }
                self.log.update_value(|log| log.follow(event));
                marks.note(&plan, &event.kind);
                if let EventKind::RunFinished { outputs, .. } = &event.kind {
                    is_over = true;
                    given = outputs
                        .as_ref()
                        .and_then(|outputs| outputs.inline().map(|value| Value::clone(value)));
                }
            }
            given
        });
        self.taken.set_value((position, counted));
        let outputs = outputs.flatten();
        if !marks.any {
            return gap;
        }
        let is_past = self.instant.with_untracked(Option::is_some);
        if let Some(outputs) = outputs {
            match is_past {
                true => self.outputs_ahead.set_value(Some(outputs)),
                false => self.outputs.set(Some(outputs)),
            }
        }
        if !is_past {
            self.tell(marks.changed(plan.tasks.len()));
        }
        self.last_seq.set(self.position().known);
        if is_over {
            self.is_over.set(true);
        }
        gap
    }

    /// Changes the run as it is.
    fn with_present<T>(self, change: impl FnOnce(&mut RunState) -> T) -> Option<T> {
        if self.ahead.with_value(Option::is_some) {
            self.ahead
                .try_update_value(|ahead| ahead.as_mut().map(change))
                .flatten()
        } else {
            self.state.try_update_value(change)
        }
    }

    /// Its events, as far as they were asked for.
    pub fn with_log<T>(self, read: impl FnOnce(&mut Log) -> T) -> Option<T> {
        self.log.try_update_value(read)
    }

    /// Shows the moment after an event; the present if that is the last one. False if the events up to it are not known.
    pub fn show(self, seq: u64) -> bool {
        if seq >= self.position().seq {
            self.show_present();
            return true;
        }
        let shown = self.state.with_value(RunState::last_seq);
        if self.instant.with_untracked(Option::is_some) && shown == seq {
            return true;
        }
        // A step onward from a past moment changes little; everything else is folded from a keyframe.
        let mut marks = Marks::default();
        let is_past = self.instant.with_untracked(Option::is_some);
        let stepped = is_past
            && self.log.with_value(|log| {
                let Some(events) = log.between(shown, seq) else {
                    return false;
                };
                self.state.update_value(|state| {
                    for event in events {
                        state.apply(event);
                        marks.note(state.plan(), &event.kind);
                    }
                });
                true
            });
        if !stepped {
            let Some(then) = self.log.with_value(|log| log.at(seq)) else {
                return false;
            };
            marks.all = true;
            let present = self
                .state
                .try_update_value(|state| std::mem::replace(state, then));
            if !is_past {
                self.ahead.set_value(present);
                self.outputs_ahead.set_value(self.outputs.get_untracked());
                self.outputs.set(None);
            }
        }
        let at = self.state.with_value(RunState::last_at);
        self.instant.set(Some(Instant { seq, at }));
        self.tell(marks.changed(self.plan().tasks.len()));
        true
    }

    /// Shows the run as it is again.
    pub fn show_present(self) {
        let Some(present) = self.ahead.try_update_value(Option::take).flatten() else {
            return;
        };
        self.state.set_value(present);
        self.outputs
            .set(self.outputs_ahead.try_update_value(Option::take).flatten());
        self.instant.set(None);
        self.tell((0..self.plan().tasks.len() as TaskIx).collect());
    }

    /// Puts another snapshot in place of everything.
    pub fn reset(self, page: RunPage) {
        let plan = self.plan();
        let n_tasks = plan.tasks.len() as TaskIx;
        let Some(state) = RunState::restore(page.snapshot, plan) else {
            return;
        };
        self.taken.update_value(|(position, counted)| {
            *position = Position::at(state.last_seq());
            counted.n_resets += 1;
        });
        self.last_seq.set(state.last_seq());
        self.is_over.set(page.summary.state.is_final());
        if self.instant.with_untracked(Option::is_some) {
            self.ahead.set_value(Some(state));
            self.outputs_ahead.set_value(page.outputs);
            return;
        }
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
                    // What it takes back shows that.
                    if let Role::Undo(of) = plan.task(ix).role {
                        self.tasks.push(of);
                    }
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

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use flow::run::RunState;

    use super::*;
    use crate::model::Relatives;
    use crate::testing::{fan, plan};

    /// A run's page after so many of these events.
    fn page(document: &Value, events: &[Event]) -> RunPage {
        let state = RunState::replay(plan(document), events).expect("a whole log");
        RunPage {
            summary: state.summary(),
            inputs: Value::Null,
            outputs: None,
            document: serde_json::from_value(document.clone()).expect("a document"),
            snapshot: state.viewer_snapshot(),
            server_now: state.last_at(),
            usual: None,
            past: None,
            relatives: Relatives::default(),
        }
    }

    #[test]
    fn a_page_knows_what_it_took_in() {
        let (document, events) = fan(4);
        Owner::new().with(|| {
            let run = LiveRun::new(page(&document, &events[..5])).expect("can be read");
            let mut told = Vec::new();
            let mut take = |what: &str, from: usize, to: usize| {
                let is_gap = run.apply(&events[from..to]);
                told.push(format!("{what}: {} {is_gap}", run.counted()));
            };
            take("the next", 5, 8);
            take("some again", 6, 9);
            take("later ones", 11, 13);
            run.reset(page(&document, &events[..13]));
            take("after a snapshot", 13, events.len());
            expect![[r#"
                the next: 5 +3 gaps 0 repeats 0 resets 0 false
                some again: 5 +4 gaps 0 repeats 2 resets 0 false
                later ones: 5 +4 gaps 1 repeats 2 resets 0 true
                after a snapshot: 5 +13 gaps 1 repeats 2 resets 1 false
            "#]]
            .assert_eq(&(told.join("\n") + "\n"));
            assert!(run.is_over.get_untracked());
        });
    }
}
