//! Why a run's unfinished tasks are not running, from what the state stores and nothing else.

use std::sync::Arc;

use crate::ids::RunId;
use crate::plan::{Role, Spot, TaskIx};
use crate::run::state::{EdgeState, Phase, RunState, TaskRun, TaskState, WaitsFor};
use crate::time::Timestamp;

/// Upstreams and items that one answer names at most.
const NAMED_MAX: usize = 10;

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
    },
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

    fn why_not_running(&self, spot: Spot, task: &TaskRun) -> Reason {
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

    fn why_blocked(&self, spot: Spot, task: &TaskRun) -> Reason {
        if task.on_agenda {
            return match self.data.paused_at {
                Some(since) => Reason::Paused { since },
                None => Reason::Next,
            };
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
                }
            }
            (WaitsFor::Approval, _) | (_, None) => Reason::Approval { until },
            (_, Some(at)) => Reason::Timer { at, waits_for },
        }
    }
}
