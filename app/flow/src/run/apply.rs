//! Events applied to states. Nothing is evaluated here: every value stands in the event, so that replay never depends on a
//! template engine's version.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::ids::RunId;
use crate::limits::ENDING_TIMEOUT_MS;
use crate::payload::Payload;
use crate::plan::{Plan, Role, Spot, TaskIx};
use crate::run::children::OldChild;
use crate::run::event::{Ended, EndingStep, Event, EventKind, ForkedFrom};
use crate::run::reused::ReusedResult;
use crate::run::state::{EdgeState, Phase, RunData, RunState, SkipReason, TaskRun, TaskState, Timer};
use crate::time::Timestamp;
use crate::view::{TaskCounts, TaskStatus};

/// Why a log cannot be folded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLog {
    /// A run's log begins with its creation.
    #[error("the log does not begin with run_created")]
    NoBeginning,
    /// An event is missing or doubled.
    #[error("event {found} stands where {expected} should")]
    Gap {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
}

impl RunState {
    /// The state a run's first event makes.
    ///
    /// # Errors
    /// [`BadLog`] if that event is not its creation.
    pub fn begin(plan: Arc<Plan>, event: &Event) -> Result<Self, BadLog> {
        let EventKind::RunCreated {
            run,
            flow,
            version,
            inputs,
            vars,
            labels,
            trigger,
            parent,
            forked_from,
            permit,
            follows,
            priority,
            ..
        } = &event.kind
        else {
            return Err(BadLog::NoBeginning);
        };
        let mut data = RunData::empty(*run, &plan, event.at);
        data.flow = Arc::clone(flow);
        data.version = *version;
        data.inputs = inputs.clone();
        data.vars = Arc::new(Value::Object(vars.clone()));
        data.labels = labels.clone();
        data.trigger = Arc::clone(trigger);
        data.parent.clone_from(parent);
        data.permit.clone_from(permit);
        data.n_followed = follows.as_ref().map_or(0, |follows| follows.depth);
        data.retry_of = forked_from.as_ref().map(|from| from.run);
        data.forked_at = forked_from.as_ref().and_then(|from| from.task.clone());
        data.priority = *priority;
        data.last_seq = event.seq;
        Ok(Self {
            plan,
            data,
            watched: None,
        })
    }

    /// The state a whole log makes.
    ///
    /// # Errors
    /// [`BadLog`] if it does not begin with the run's creation or has a gap.
    pub fn replay(plan: Arc<Plan>, events: &[Event]) -> Result<Self, BadLog> {
        let (first, rest) = events.split_first().ok_or(BadLog::NoBeginning)?;
        let mut state = Self::begin(plan, first)?;
        for event in rest {
            if event.seq != state.data.last_seq + 1 {
                return Err(BadLog::Gap {
                    expected: state.data.last_seq + 1,
                    found: event.seq,
                });
            }
            state.apply(event);
        }
        Ok(state)
    }

    /// Changes the state by the next event of the log. Events about tasks the plan does not have are passed over.
    pub fn apply(&mut self, event: &Event) {
        self.data.last_seq = event.seq;
        self.data.last_at = self.data.last_at.max(event.at);
        let at = event.at;
        match &event.kind {
            EventKind::RunCreated { .. } => {}
            EventKind::RunCancelRequested { reason, .. } => {
                if reason.is_some() {
                    self.data.cancel_reason.clone_from(reason);
                }
            }
            EventKind::RunStarted {} => self.run_started(at),
            EventKind::RunPaused { reason } => {
                self.data.paused_at = Some(at);
                self.data.pause_reason.clone_from(reason);
            }
            EventKind::RunResumed {} => {
                self.data.paused_at = None;
                self.data.pause_reason = None;
                self.data.permit_returned = false;
            }
            EventKind::PermitReturned {} => self.data.permit_returned = true,
            EventKind::SignalReceived { name, payload } => self.signal_received(name, payload),
            EventKind::RunEnding {
                outcome,
                error,
                outputs,
            } => {
                self.clear_agenda();
                self.data.paused_at = None;
                let step = EndingStep::Attempts;
                self.data.phase = Phase::Ending {
                    step,
                    outcome: *outcome,
                    error: error.clone(),
                    outputs: outputs.clone(),
                };
                self.bound_ending(at);
            }
            EventKind::EndingStep { step } => self.ending_step(*step),
            EventKind::RunFinished {
                outcome,
                outputs,
                error,
            } => {
                self.data.phase = Phase::Finished {
                    outcome: *outcome,
                    error: error.clone(),
                    outputs: outputs.clone(),
                };
                self.run_finished(at);
            }
            EventKind::TaskReused {
                task,
                output,
                case,
                exit_code,
                given_by,
            } => {
                let result = ReusedResult {
                    output: output.clone(),
                    case: case.clone(),
                    exit_code: *exit_code,
                };
                if let Some(spot) = self.plan.spot(task) {
                    self.keep_reused(spot, result, given_by.clone());
                }
            }
            EventKind::ChildReused {
                task,
                flow,
                version,
                child,
                from,
            } => {
                let old = OldChild {
                    flow: Arc::clone(flow),
                    version: *version,
                    fork: ForkedFrom {
                        run: *child,
                        task: from.clone(),
                    },
                };
                if let Some(spot) = self.plan.spot(task) {
                    self.child_reused(spot, old);
                }
            }
            EventKind::TaskSkipped { task, .. }
            | EventKind::ItemsListed { task, .. }
            | EventKind::LoopBegun { task }
            | EventKind::TaskScheduled { task, .. }
            | EventKind::AttemptStarted { task, .. }
            | EventKind::TaskWaiting { task, .. }
            | EventKind::TaskDue { task }
            | EventKind::ChildRequested { task, .. }
            | EventKind::ChildStarted { task, .. }
            | EventKind::AttemptFailed { task, .. }
            | EventKind::AttemptLost { task, .. }
            | EventKind::TaskSucceeded { task, .. }
            | EventKind::TaskFailed { task, .. }
            | EventKind::TaskCancelled { task, .. } => {
                if let Some(spot) = self.plan.spot(task)
                    && self.open_part(spot)
                {
                    self.apply_to_task(spot, &event.kind, at);
                    if spot.part.is_some() {
                        self.call_on_parts(spot.task);
                    }
                }
            }
        }
    }

    pub(super) fn task_mut(&mut self, ix: TaskIx) -> &mut TaskRun {
        &mut self.data.tasks[ix as usize]
    }

    fn run_started(&mut self, at: Timestamp) {
        self.data.phase = Phase::Running;
        self.data.started_at = Some(at);
        if let Some(limit) = self.plan.doc.timeout {
            self.data
                .timers
                .insert((at.plus(limit.as_duration()), Timer::Run));
        }
        self.put_roots_on_agenda(Role::Main);
    }

    fn put_roots_on_agenda(&mut self, role: Role) {
        let plan = Arc::clone(&self.plan);
        for ix in plan.of_role(role).filter(|&ix| plan.task(ix).ups.is_empty()) {
            self.put_on_agenda(ix.into());
        }
    }

    pub(super) fn put_on_agenda(&mut self, spot: Spot) {
        let is_blocked = |run: &TaskRun| run.state == TaskState::Blocked;
        if self.find_run(spot).is_some_and(is_blocked) {
            self.enlist(spot);
        }
    }

    /// Puts a task run on the agenda, whatever its state.
    pub(super) fn enlist(&mut self, spot: Spot) {
        let Some(run) = self.find_run_mut(spot) else {
            return;
        };
        if !std::mem::replace(&mut run.on_agenda, true) {
            self.data.agenda.push_back(spot);
        }
    }

    pub(super) fn take_off_agenda(&mut self, spot: Spot) {
        let was_on = self
            .find_run_mut(spot)
            .is_some_and(|run| std::mem::take(&mut run.on_agenda));
        if !was_on {
            return;
        }
        // The deciding step works in order, so this is the front but for a run that ends early.
        if self.data.agenda.front() == Some(&spot) {
            self.data.agenda.pop_front();
        } else {
            self.data.agenda.retain(|other| *other != spot);
        }
    }

    /// From here on the ending timeout bounds the run, not its own.
    fn bound_ending(&mut self, at: Timestamp) {
        let limit = self
            .plan
            .doc
            .ending_timeout
            .map_or(ENDING_TIMEOUT_MS, |limit| limit.as_millis());
        self.data.timers.retain(|(_, timer)| *timer != Timer::Run);
        self.data
            .timers
            .insert((at.plus(Duration::from_millis(limit)), Timer::Ending));
    }

    fn ending_step(&mut self, next: EndingStep) {
        let failure = if next == EndingStep::OnFailure {
            self.unhandled_error(Role::Finally)
        } else {
            None
        };
        if let Phase::Ending {
            step, outcome, error, ..
        } = &mut self.data.phase
        {
            *step = next;
            if next == EndingStep::OnFailure {
                // The run may fail only now, by a `finally` task; what runs next shall see that.
                *outcome = Ended::Failed;
                *error = error.take().or(failure);
            }
        }
        match next {
            EndingStep::Attempts | EndingStep::Undo => {}
            EndingStep::Finally => self.put_roots_on_agenda(Role::Finally),
            EndingStep::OnFailure => self.put_roots_on_agenda(Role::OnFailure),
        }
    }

    fn run_finished(&mut self, at: Timestamp) {
        self.data.finished_at = Some(at);
        self.data.paused_at = None;
        self.clear_agenda();
        for ix in 0..self.data.tasks.len() as TaskIx {
            if !self.task(ix).state.status().is_final() {
                self.close_parts(ix);
                self.move_to(
                    ix.into(),
                    TaskState::Skipped {
                        reason: SkipReason::NotNeeded,
                    },
                );
            }
        }
        self.data.n_open = [0; 3];
        self.data.timers.clear();
        self.data.tokens.clear();
    }

    /// Forgets what was still to be decided.
    fn clear_agenda(&mut self) {
        while let Some(spot) = self.data.agenda.pop_front() {
            if let Some(run) = self.find_run_mut(spot) {
                run.on_agenda = false;
            }
        }
    }
}

impl RunData {
    fn empty(id: RunId, plan: &Plan, at: Timestamp) -> Self {
        let count = |role: Role| plan.of_role(role).count() as u32;
        let counts = TaskCounts {
            blocked: plan.tasks.len() as u32,
            ..TaskCounts::default()
        };
        debug_assert_eq!(counts.get(TaskStatus::Blocked), counts.total());
        Self {
            id,
            flow: "".into(),
            version: 0,
            inputs: Payload::null(),
            vars: Arc::default(),
            labels: Default::default(),
            trigger: "".into(),
            phase: Phase::Queued,
            last_seq: 0,
            last_at: at,
            created_at: at,
            started_at: None,
            finished_at: None,
            tasks: plan.tasks.iter().map(|_| TaskRun::new()).collect(),
            edges: vec![EdgeState::Pending; plan.edges.len()],
            agenda: VecDeque::new(),
            timers: BTreeSet::new(),
            tokens: FxHashMap::default(),
            counts,
            n_waiting: 0,
            n_asking: 0,
            n_open: [count(Role::Main), count(Role::Finally), count(Role::OnFailure)],
            to_undo: Vec::new(),
            unhandled: BTreeSet::new(),
            paused_at: None,
            pause_reason: None,
            permit_returned: false,
            cancel_reason: None,
            retry_of: None,
            forked_at: None,
            permit: None,
            n_followed: 0,
            signals: None,
            reused: None,
            parent: None,
            children: None,
            reused_children: None,
            priority: 0,
            parts: Default::default(),
        }
    }

    pub(super) fn open_of(&mut self, role: Role) -> Option<&mut u32> {
        match role {
            Role::Main => Some(&mut self.n_open[0]),
            Role::Finally => Some(&mut self.n_open[1]),
            Role::OnFailure => Some(&mut self.n_open[2]),
            Role::Undo(_) => None,
        }
    }
}
