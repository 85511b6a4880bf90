//! Why a run's unfinished tasks are not running, from what the state stores and nothing else.

use std::sync::Arc;

use crate::ids::RunId;
use crate::plan::{Plan, Role, Spot, TaskIx};
use crate::run::state::{EdgeState, Phase, RunState, TaskRun, TaskState, WaitsFor};
use crate::time::Timestamp;
use crate::view::WhyView;

/// Upstreams and items that one answer names at most.
const NAMED_MAX: usize = 10;

/// Upstreams that a sentence names at most.
const UPSTREAMS_TOLD_MAX: usize = 4;

/// Why a task run is not running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its path.
    pub path: Arc<str>,
    /// Why.
    pub reason: Reason,
}

/// Why a task run is not running: a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is: a worker has it.
    Runs {
        /// Who.
        worker: Option<Arc<str>>,
        /// Since when.
        since: Option<Timestamp>,
    },
    /// These upstreams have not settled; there may be more of them.
    Upstreams(Vec<Arc<str>>),
    /// It may start, but the run is paused.
    Paused {
        /// Since when.
        since: Timestamp,
        /// Why, in the words of who paused it.
        reason: Option<String>,
    },
    /// The run itself waits for its turn.
    Queued,
    /// It starts with the next decision.
    Next,
    /// It was given out and no worker has begun it.
    Worker {
        /// Since when.
        since: Timestamp,
        /// When it fails for that.
        until: Option<Timestamp>,
    },
    /// It goes on by itself.
    Timer {
        /// When.
        at: Timestamp,
        /// What for.
        waits_for: WaitsFor,
    },
    /// It waits for a signal.
    Signal {
        /// Its name.
        name: Arc<str>,
        /// When it waits no longer.
        until: Option<Timestamp>,
    },
    /// It waits for a person's answer.
    Approval {
        /// When it waits no longer.
        until: Option<Timestamp>,
    },
    /// It waits for a run of another flow.
    Child {
        /// The flow.
        flow: Arc<str>,
        /// The run, once it has started.
        run: Option<RunId>,
        /// When it waits no longer.
        until: Option<Timestamp>,
    },
    /// Its items or iterations are at work; each that is stands in a line of its own, up to some.
    Parts {
        /// How many are at work.
        n_at_work: u32,
        /// How many wait for their turn.
        n_left: u32,
    },
    /// It belongs to a step of the ending that has not come.
    Ending(Role),
}

impl Explained {
    /// The same for callers and pages.
    #[must_use]
    pub fn view(&self) -> WhyView {
        let (kind, reason) = self.reason.words(&ToString::to_string);
        let mut view = WhyView {
            path: self.path.to_string(),
            kind: kind.to_owned(),
            reason,
            upstreams: Vec::new(),
            since: None,
            until: None,
            run: None,
        };
        match &self.reason {
            Reason::Upstreams(tasks) => view.upstreams = tasks.iter().map(ToString::to_string).collect(),
            Reason::Runs { since, .. } => view.since = *since,
            Reason::Paused { since, .. } => view.since = Some(*since),
            Reason::Worker { since, until } => (view.since, view.until) = (Some(*since), *until),
            Reason::Timer { at, .. } => view.until = Some(*at),
            Reason::Signal { until, .. } | Reason::Approval { until } => view.until = *until,
            Reason::Child { run, until, .. } => (view.run, view.until) = (*run, *until),
            Reason::Queued | Reason::Next | Reason::Parts { .. } | Reason::Ending(_) => {}
        }
        view
    }
}

impl Reason {
    /// Its kind, and what it says as a sentence, in which tasks are `called` so. Times stand apart.
    fn words(&self, called: &dyn Fn(&Arc<str>) -> String) -> (&'static str, String) {
        match self {
            Self::Runs { worker, .. } => match worker {
                Some(worker) => ("runs", format!("the worker {worker} has it")),
                None => ("runs", "a worker has it".to_owned()),
            },
            Self::Upstreams(tasks) => {
                let named: Vec<String> = tasks.iter().take(UPSTREAMS_TOLD_MAX).map(called).collect();
                let more = if tasks.len() > named.len() {
                    " and others"
                } else {
                    ""
                };
                ("upstreams", format!("waits for {}{more}", named.join(", ")))
            }
            Self::Paused { reason, .. } => match reason {
                Some(reason) => (
                    "paused",
                    format!("starts when the run is resumed; it was paused because: {reason}"),
                ),
                None => ("paused", "starts when the run is resumed".to_owned()),
            },
            Self::Queued => ("queued", "starts when the run has its turn".to_owned()),
            Self::Next => ("next", "starts next".to_owned()),
            Self::Worker { .. } => ("worker", "given out; waits for a free worker".to_owned()),
            Self::Timer { waits_for, .. } => match waits_for {
                WaitsFor::Retry => ("retry", "tries again".to_owned()),
                WaitsFor::Wait => ("timer", "looks again".to_owned()),
                _ => ("timer", "waits".to_owned()),
            },
            Self::Signal { name, .. } => ("signal", format!("waits for the signal {name}")),
            Self::Approval { .. } => ("approval", "waits for an answer".to_owned()),
            Self::Child { flow, run, .. } => match run {
                Some(run) => ("child", format!("waits for {run} of the flow {flow}")),
                None => ("child", format!("waits for a run of the flow {flow} to start")),
            },
            Self::Parts { n_at_work, n_left } => (
                "parts",
                format!("{n_at_work} of its runs are at work, {n_left} wait for their turn"),
            ),
            Self::Ending(role) => match role {
                Role::Finally => ("ending", "runs at the end, whatever happens".to_owned()),
                Role::OnFailure => ("ending", "runs if the run fails".to_owned()),
                _ => ("ending", "its step of the ending has not come".to_owned()),
            },
        }
    }

    /// The same sentence with its time in it, for those who see nothing beside it. None if nothing holds the task up.
    pub(super) fn sentence(&self, plan: &Plan) -> Option<String> {
        let (_, words) = self.words(&|task| plan.called(task));
        // Nobody reads microseconds; the field beside the sentence holds them.
        let second = |at: Timestamp| Timestamp::from_micros(at.as_micros().div_euclid(1_000_000) * 1_000_000);
        let until = |until: &Option<Timestamp>| until.map(|until| format!(" until {}", second(until)));
        let when = match self {
            Self::Runs { .. } | Self::Parts { .. } => return None,
            Self::Timer {
                at,
                waits_for: WaitsFor::Retry | WaitsFor::Wait,
            } => Some(format!(" at {}", second(*at))),
            Self::Timer { at, .. } => Some(format!(" until {}", second(*at))),
            Self::Signal { until: at, .. } | Self::Approval { until: at } => until(at),
            Self::Child {
                run: Some(_),
                until: at,
                ..
            } => until(at),
            _ => None,
        };
        Some(words + &when.unwrap_or_default())
    }
}

impl RunState {
    /// Why each unfinished task run is not running, in the order of the plan. Undo tasks that may never be needed are left out.
    #[must_use]
    pub fn explain(&self) -> Vec<Explained> {
        let mut all = Vec::new();
        if self.is_finished() {
            return all;
        }
        for ix in 0..self.tasks().len() as TaskIx {
            let task = self.task(ix);
            let is_idle_undo =
                matches!(self.plan.task(ix).role, Role::Undo(_)) && task.state == TaskState::Blocked;
            if task.state.status().is_final() || is_idle_undo {
                continue;
            }
            all.push(self.explained(ix.into(), task));
            if let Some(parts) = self.parts(ix) {
                let open = parts.open.iter().take(NAMED_MAX);
                all.extend(open.map(|(part, run)| self.explained(Spot::part(ix, *part), run)));
            }
        }
        all
    }

    fn explained(&self, spot: Spot, task: &TaskRun) -> Explained {
        Explained {
            path: self.plan.path(spot),
            reason: self.why_not_running(spot, task),
        }
    }

    pub(super) fn why_not_running(&self, spot: Spot, task: &TaskRun) -> Reason {
        let attempt = task.attempts.last();
        match &task.state {
            TaskState::Blocked => self.why_blocked(spot, task),
            TaskState::Ready { .. } => Reason::Worker {
                since: attempt.map_or_else(|| self.last_at(), |attempt| attempt.ready_at),
                until: task.timer,
            },
            TaskState::Spread => {
                let parts = self.parts(spot.task);
                Reason::Parts {
                    n_at_work: parts.map_or(0, |parts| parts.open.len() as u32),
                    n_left: parts.map_or(0, |parts| parts.counts.blocked),
                }
            }
            TaskState::Waiting { waits_for, until } => self.why_waiting_for(spot, *waits_for, *until),
            // A final state has no reason of its own here; its event tells it.
            _ => Reason::Runs {
                worker: attempt.and_then(|attempt| attempt.worker.clone()),
                since: attempt.and_then(|attempt| attempt.started_at),
            },
        }
    }

    fn why_paused(&self) -> Option<Reason> {
        let reason = self.data.pause_reason.clone();
        self.data.paused_at.map(|since| Reason::Paused { since, reason })
    }

    fn why_blocked(&self, spot: Spot, task: &TaskRun) -> Reason {
        if self.awaited_permit().is_some() && self.plan.task(spot.task).role == Role::Main {
            return self.why_paused().unwrap_or(Reason::Queued);
        }
        if task.on_agenda {
            return self.why_paused().unwrap_or(Reason::Next);
        }
        let ups = self.plan.task(spot.task).ups.iter();
        let mut pending: Vec<Arc<str>> = Vec::new();
        for &edge in ups {
            let from = &self.plan.task(self.plan.edge(edge).from).key;
            if self.data.edges[edge as usize] == EdgeState::Pending && !pending.contains(from) {
                pending.push(Arc::clone(from));
            }
            if pending.len() == NAMED_MAX {
                break;
            }
        }
        match (pending.is_empty(), self.plan.task(spot.task).role) {
            (false, _) => Reason::Upstreams(pending),
            (true, Role::Main) if matches!(self.phase(), Phase::Running | Phase::Queued) => Reason::Next,
            (true, role) => Reason::Ending(role),
        }
    }

    fn why_waiting_for(&self, spot: Spot, waits_for: WaitsFor, until: Option<Timestamp>) -> Reason {
        match (waits_for, until) {
            (WaitsFor::Signal, _) => Reason::Signal {
                name: self.awaited_signal(spot).cloned().unwrap_or_else(|| "".into()),
                until,
            },
            (WaitsFor::Child, _) => {
                let child = self.child(spot);
                Reason::Child {
                    flow: child.map_or_else(|| "".into(), |child| Arc::clone(&child.flow)),
                    run: child.and_then(|child| child.run),
                    until,
                }
            }
            (WaitsFor::Approval, _) | (_, None) => Reason::Approval { until },
            (_, Some(at)) => Reason::Timer { at, waits_for },
        }
    }
}
