//! What a settling task does to others: edges taken or not, joins decided, failures handled or not.

use std::sync::Arc;

use crate::doc::Join;
use crate::plan::{EdgeIx, Role, Spot, TaskIx};
use crate::run::event::{EdgeVerdict, EndingStep, RunError};
use crate::run::state::{EdgeState, Phase, RunState, TaskState};
use crate::time::Timestamp;

/// What a task's join says, once it says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinVerdict {
    Start,
    Skip,
}

impl RunState {
    pub(super) fn settle(&mut self, spot: Spot, state: TaskState, verdicts: &[EdgeVerdict], at: Timestamp) {
        if spot.part.is_some() {
            return self.settle_part(spot, state);
        }
        let ix = spot.task;
        let plan = Arc::clone(&self.plan);
        let role = plan.task(ix).role;
        let was_final = self.task(ix).state.status().is_final();
        if plan.task(ix).spread.is_some() {
            self.close_parts(ix);
        }
        self.move_to(spot, state);
        let task = self.task_mut(ix);
        task.finished_at = Some(at);
        if !matches!(
            task.state,
            TaskState::Skipped { .. } | TaskState::Cancelled { .. }
        ) {
            task.ready_at.get_or_insert(at);
            task.started_at.get_or_insert(at);
        }
        if let (Some(open), false) = (self.data.open_of(role), was_final) {
            // A damaged log may settle a task more often than it has tasks.
            *open = open.saturating_sub(1);
        }
        if self.judges_edges_of(role) {
            let mut verdicts = verdicts;
            for &edge in &plan.task(ix).downs {
                self.settle_edge(edge, &mut verdicts);
            }
        }
        match (&self.task(ix).state, role) {
            // Undone one by one, last finished first: it is the last.
            (_, Role::Undo(of)) => drop(self.data.to_undo.pop_if(|last| *last == of)),
            (TaskState::Failed { .. }, _) if self.task(ix).n_handlers == 0 => {
                self.data.unhandled.insert((at, ix));
            }
            (TaskState::Skipped { .. }, _) => self.handle_no_more(ix),
            _ => {}
        }
    }

    /// A skipped task handles no failure: those it was to handle may now be unhandled.
    fn handle_no_more(&mut self, ix: TaskIx) {
        let plan = Arc::clone(&self.plan);
        for &at in &plan.task(ix).ups {
            let edge = plan.edge(at);
            if !self.handles_failure(at) {
                continue;
            }
            let upstream = self.task_mut(edge.from);
            upstream.n_handlers = upstream.n_handlers.saturating_sub(1);
            if let (0, Some(failed_at)) = (upstream.n_handlers, upstream.finished_at) {
                self.data.unhandled.insert((failed_at, edge.from));
            }
        }
    }

    /// Whether an edge was taken because its upstream failed, and counts as handling that.
    fn handles_failure(&self, at: EdgeIx) -> bool {
        let edge = self.plan.edge(at);
        edge.handles && self.data.edges[at as usize] == EdgeState::Taken && self.names_failure(at)
    }

    /// Whether edges of this role's tasks are evaluated at this point of the run.
    pub(super) fn judges_edges_of(&self, role: Role) -> bool {
        match (&self.data.phase, role) {
            (Phase::Running, Role::Main) => true,
            (Phase::Ending { step, .. }, Role::Finally) => *step == EndingStep::Finally,
            (Phase::Ending { step, .. }, Role::OnFailure) => *step == EndingStep::OnFailure,
            _ => false,
        }
    }

    fn settle_edge(&mut self, at: EdgeIx, verdicts: &mut &[EdgeVerdict]) {
        let plan = Arc::clone(&self.plan);
        let edge = plan.edge(at);
        let mut taken = self.names_state(at);
        let mut error = None;
        if taken && edge.has_when {
            let verdict = verdict_of(verdicts, &plan.task(edge.to).key, edge.need);
            taken = verdict.is_some_and(|verdict| verdict.taken);
            error = verdict.and_then(|verdict| verdict.error.clone());
        }
        self.data.edges[at as usize] = if taken {
            EdgeState::Taken
        } else {
            EdgeState::NotTaken
        };
        let comes_too_late = matches!(self.task(edge.to).state, TaskState::Skipped { .. });
        if self.handles_failure(at) && !comes_too_late {
            self.task_mut(edge.from).n_handlers += 1;
        }
        let target = self.task_mut(edge.to);
        target.n_settled += 1;
        // What a join has decided stands: an edge that settles afterwards changes nothing.
        if !target.on_agenda {
            target.edge_error = target.edge_error.take().or(error);
        }
        if taken {
            target.n_taken += 1;
        } else {
            target.refused_by.get_or_insert(edge.from);
        }
        if self.join_verdict(edge.to).is_some() {
            self.put_on_agenda(edge.to.into());
        }
    }

    /// Whether an edge's `on` names the state its upstream settled in.
    pub(super) fn names_state(&self, at: EdgeIx) -> bool {
        let edge = self.plan.edge(at);
        let on = &edge.on;
        match &self.task(edge.from).state {
            TaskState::Succeeded { case, .. } => {
                on.succeeded
                    || on.always
                    || case
                        .as_deref()
                        .is_some_and(|case| on.cases.iter().any(|name| name == case))
            }
            TaskState::Failed { .. } => on.always || self.names_failure(at),
            TaskState::Skipped { .. } => on.skipped || on.always,
            TaskState::Cancelled { .. } => on.cancelled || on.always,
            _ => false,
        }
    }

    /// Whether an edge names the failure of its upstream: `failed`, or its kind where that is a case.
    fn names_failure(&self, at: EdgeIx) -> bool {
        let edge = self.plan.edge(at);
        let TaskState::Failed { error, .. } = &self.task(edge.from).state else {
            return false;
        };
        edge.on.failed || (self.plan.task(edge.from).names_failures() && edge.on.has_case(&error.kind))
    }

    pub(super) fn join_verdict(&self, ix: TaskIx) -> Option<JoinVerdict> {
        let task = self.task(ix);
        let plan = self.plan.task(ix);
        let n_edges = plan.ups.len() as u32;
        if n_edges == 0 || task.edge_error.is_some() {
            // A task whose edge could not be judged starts only to fail with that error.
            return Some(JoinVerdict::Start);
        }
        let all_settled = task.n_settled == n_edges;
        match plan.join() {
            Join::All if task.n_settled > task.n_taken => Some(JoinVerdict::Skip),
            Join::All => all_settled.then_some(JoinVerdict::Start),
            Join::Any if task.n_taken > 0 => Some(JoinVerdict::Start),
            Join::Any => all_settled.then_some(JoinVerdict::Skip),
            Join::Settled if !all_settled => None,
            Join::Settled if task.n_taken > 0 => Some(JoinVerdict::Start),
            Join::Settled => Some(JoinVerdict::Skip),
        }
    }

    /// Whether a failure of this task is handled: an edge that names `failed` was taken from it, and its target was not skipped.
    #[must_use]
    pub fn is_handled(&self, ix: TaskIx) -> bool {
        self.task(ix).n_handlers > 0
    }

    /// The first unhandled failure among the tasks of a role, by the time of failing.
    pub(super) fn first_unhandled(&self, role: Role) -> Option<TaskIx> {
        self.data
            .unhandled
            .iter()
            .map(|(_, ix)| *ix)
            .find(|&ix| self.plan.task(ix).role == role)
    }

    /// Why the run fails for the failures of one role.
    pub(super) fn unhandled_error(&self, role: Role) -> Option<RunError> {
        let ix = self.first_unhandled(role)?;
        let TaskState::Failed { error, .. } = &self.task(ix).state else {
            return None;
        };
        Some(RunError {
            task: Some(Arc::clone(&self.plan.task(ix).key)),
            kind: Arc::clone(&error.kind),
            message: Arc::clone(&error.message),
        })
    }
}

/// The verdict on one edge. Verdicts stand in the order of the edges, so that each is found at the front.
fn verdict_of<'v>(verdicts: &mut &'v [EdgeVerdict], to: &str, need: u32) -> Option<&'v EdgeVerdict> {
    let is_it = |verdict: &EdgeVerdict| *verdict.to == *to && verdict.need == need;
    match verdicts.split_first() {
        Some((first, rest)) if is_it(first) => {
            *verdicts = rest;
            Some(first)
        }
        // Written by a build that numbered edges another way.
        _ => verdicts.iter().find(|verdict| is_it(verdict)),
    }
}
