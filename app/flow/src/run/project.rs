//! States as lists and pages show them.

use serde_json::Value;

use crate::payload::Payload;
use crate::plan::{Light, Role, Spot, TaskIx};
use crate::run::event::{Ended, RunError, Skip, TaskError};
use crate::run::explain::Reason;
use crate::run::state::{
    Attempt, AttemptEnd, EdgeState, Phase, RunState, SkipReason, TaskRun, TaskState, WaitsFor,
};
use crate::trial;
use crate::view::{AttemptView, CachedView, ErrorView, RunDetail, RunSummary, TaskRunView, TaskStatus};

impl RunState {
    /// The run as a row of a list.
    #[must_use]
    pub fn summary(&self) -> RunSummary {
        let data = &self.data;
        let error = match &data.phase {
            Phase::Ending { error, .. } | Phase::Finished { error, .. } => error.as_ref().map(run_error),
            Phase::Queued | Phase::Running => None,
        };
        RunSummary {
            id: data.id,
            flow: data.flow.to_string(),
            flow_name: self.plan.doc.title().to_owned(),
            version: data.version,
            state: self.status(),
            trigger: data.trigger.to_string(),
            labels: data.labels.clone(),
            created_at: data.created_at,
            started_at: data.started_at,
            finished_at: data.finished_at,
            counts: data.counts,
            error,
            cancel_reason: data.cancel_reason.clone(),
            parent: data.parent.as_ref().map(|parent| parent.run),
            retry_of: data.retry_of,
            retried_by: None,
            n_asking: data.n_asking,
        }
    }

    /// The run, whole, with at most `n_max` task runs. Large inputs and outputs are left for their own calls.
    #[must_use]
    pub fn detail(&self, n_max: usize) -> RunDetail {
        let outputs = match &self.data.phase {
            Phase::Finished {
                outputs: Some(outputs),
                ..
            } => Some(inline_or_null(outputs)),
            _ => None,
        };
        RunDetail {
            summary: self.summary(),
            last_seq: self.data.last_seq,
            paused_at: self.data.paused_at,
            pause_reason: self.data.pause_reason.clone(),
            inputs: inline_or_null(&self.data.inputs),
            outputs,
            tasks: (0..self.data.tasks.len().min(n_max))
                .map(|ix| self.task_view(ix as TaskIx))
                .collect(),
            tasks_truncated: self.data.tasks.len() > n_max,
        }
    }

    /// One task run.
    #[must_use]
    pub fn task_view(&self, ix: TaskIx) -> TaskRunView {
        self.view_of(ix.into(), self.task(ix))
    }

    /// The run of a task or of an item, or what is left of it.
    #[must_use]
    pub fn view_at(&self, spot: Spot) -> Option<TaskRunView> {
        let Some(part) = spot.part else {
            return Some(self.view_of(spot, self.data.tasks.get(spot.task as usize)?));
        };
        let parts = self.parts(spot.task)?;
        if let Some(run) = parts.open.get(&part) {
            return Some(self.view_of(spot, run));
        }
        let state = parts.status(part)?;
        let mut view = self.view_of(spot, &TaskRun::new());
        view.state = state;
        view.error = parts.errors.get(&part).map(task_error);
        view.exit_code = parts.errors.get(&part).and_then(|error| error.exit_code);
        view.output_bytes = parts
            .outputs
            .get(&part)
            .and_then(Payload::blob)
            .map(|blob| blob.bytes);
        view.reason = match state {
            TaskStatus::Blocked => Some("waits for its turn".to_owned()),
            TaskStatus::Skipped => Some("its condition was false".to_owned()),
            TaskStatus::Cancelled => Some("its task ended before it".to_owned()),
            _ => None,
        };
        Some(view)
    }

    /// The items of a task from the `from`-th on, at most `n_max`, and where the next page begins.
    #[must_use]
    pub fn part_views(
        &self,
        ix: TaskIx,
        state: Option<TaskStatus>,
        from: u32,
        n_max: usize,
    ) -> (Vec<TaskRunView>, Option<u32>) {
        let Some(parts) = self.parts(ix) else {
            return (Vec::new(), None);
        };
        let mut found = Vec::new();
        for part in parts.numbers().skip_while(|part| *part < from) {
            if state.is_some_and(|state| parts.status(part) != Some(state)) {
                continue;
            }
            if found.len() == n_max {
                return (found, Some(part));
            }
            found.extend(self.view_at(Spot::part(ix, part)));
        }
        (found, None)
    }

    /// Task runs in document order, each task followed by its items, from `from` on: those in a state and with a path that begins
    /// with `under`, at most `n_max` of them; and where the next page begins.
    #[must_use]
    pub fn task_views(
        &self,
        from: Spot,
        state: Option<TaskStatus>,
        under: Option<&str>,
        n_max: usize,
    ) -> (Vec<TaskRunView>, Option<Spot>) {
        let fits = |path: &str| under.is_none_or(|under| path.starts_with(under));
        let mut found = Vec::new();
        let n_tasks = self.data.tasks.len() as TaskIx;
        for ix in from.task..n_tasks {
            let key = &self.plan.task(ix).key;
            let is_whole = ix != from.task || from.part.is_none();
            if is_whole && fits(key) && state.is_none_or(|state| self.task(ix).state.status() == state) {
                if found.len() == n_max {
                    return (found, Some(ix.into()));
                }
                found.push(self.task_view(ix));
            }
            // No item's path can begin with what is neither the beginning of its task's nor longer than it.
            if self.parts(ix).is_none()
                || !(fits(key) || under.is_some_and(|under| under.starts_with(&**key)))
            {
                continue;
            }
            let mut part = if is_whole { 0 } else { from.part.unwrap_or(0) };
            loop {
                let room = n_max - found.len();
                let (views, next) = self.part_views(ix, state, part, room.max(1));
                for view in views {
                    if !fits(&view.path) {
                        continue;
                    }
                    if found.len() == n_max {
                        return (found, self.plan.spot(&view.path));
                    }
                    found.push(view);
                }
                match next {
                    Some(next) => part = next,
                    None => break,
                }
            }
        }
        (found, None)
    }

    pub(super) fn view_of(&self, spot: Spot, task: &TaskRun) -> TaskRunView {
        let plan = self.plan.task(spot.task);
        let parts = self.parts(spot.task).filter(|_| spot.part.is_none());
        let mut view = TaskRunView {
            path: self.plan.path(spot).to_string(),
            name: self.plan.name_of(spot.task),
            task_type: match spot.part {
                None => plan.written_type.to_string(),
                Some(_) => plan.doc.task_type.clone(),
            },
            role: role_key(plan.role).to_owned(),
            state: task.state.status(),
            reason: self.reason(spot, task),
            waits_for: None,
            waits_until: None,
            attempt: attempt_number(task),
            max_attempts: plan.max_attempts(),
            ready_at: task.ready_at,
            started_at: task.started_at,
            finished_at: task.finished_at,
            error: None,
            exit_code: None,
            case: None,
            output_bytes: None,
            attempts: task.attempts.iter().map(attempt_view).collect(),
            parts: parts.map(|parts| parts.counts()),
            cached_from: task.cached_from.as_ref().map(|from| CachedView {
                run: from.run,
                task: from.task.to_string(),
                at: from.at,
            }),
            is_reused: spot.part.is_none() && self.is_reused(spot.task),
            given_by: self.given_by(spot).map(|by| by.to_string()),
            is_undone: spot.part.is_none() && self.is_undone(spot.task),
            child: self.child(spot).and_then(|child| child.run),
        };
        match &task.state {
            TaskState::Waiting { waits_for, until } => {
                view.waits_for = Some(waits_for_key(*waits_for).to_owned());
                view.waits_until = *until;
                view.error = view.attempts.last().and_then(|attempt| attempt.error.clone());
            }
            TaskState::Ready { .. } => {
                // A snoozed attempt that goes on has begun before, but waits for a worker again.
                if let Some(attempt) = view.attempts.last_mut() {
                    attempt.outcome = "ready".to_owned();
                }
            }
            TaskState::Succeeded {
                output,
                case,
                exit_code,
            } => {
                view.case = case.as_deref().map(str::to_owned);
                view.exit_code = *exit_code;
                view.output_bytes = output.blob().map(|blob| blob.bytes);
            }
            TaskState::Failed { error, output } => {
                view.error = Some(task_error(error));
                view.exit_code = error.exit_code;
                view.output_bytes = output.as_ref().and_then(Payload::blob).map(|blob| blob.bytes);
            }
            _ => {}
        }
        view
    }

    /// Why a task is not running, or did not: from stored facts.
    fn reason(&self, spot: Spot, task: &TaskRun) -> Option<String> {
        let ix = spot.task;
        Some(match &task.state {
            TaskState::Blocked
            | TaskState::Ready { .. }
            | TaskState::Running { .. }
            | TaskState::Spread
            | TaskState::Waiting { .. } => {
                match (self.why_not_running(spot, task), self.plan.task(ix).role) {
                    (Reason::Ending(_), Role::Undo(of)) => {
                        format!("takes back {} if the run fails or is cancelled", self.called(of))
                    }
                    (reason, _) => return reason.sentence(&self.plan),
                }
            }
            TaskState::Skipped {
                reason: SkipReason::NotNeeded,
            } => self.why_left_out(ix),
            TaskState::Skipped {
                reason: SkipReason::Decided(Skip::When),
            } => "its condition was false".to_owned(),
            TaskState::Skipped {
                reason: SkipReason::Decided(Skip::NoEdge),
            } => "none of its edges was taken".to_owned(),
            TaskState::Skipped {
                reason: SkipReason::Decided(Skip::Upstream { task }),
            } => self.refusal(task, ix),
            TaskState::Cancelled { reason } => reason.to_string(),
            TaskState::Succeeded { .. } if spot.part.is_none() && self.is_undone(ix) => {
                "taken back when the run ended".to_owned()
            }
            TaskState::Succeeded { .. } if let Some(by) = self.given_by(spot) => match &**by {
                trial::UNKNOWN => "nothing was known of it, so null was given".to_owned(),
                trial::RECORDED => "what it gave in an earlier run was given".to_owned(),
                by => format!("marked as succeeded by {by}, who said what it gives"),
            },
            TaskState::Succeeded { .. } if spot.part.is_none() && self.is_reused(ix) => {
                "taken over from the run it was made from".to_owned()
            }
            TaskState::Succeeded { .. } if self.plan.task(ix).doc.disabled => {
                "switched off in this version: it did nothing".to_owned()
            }
            TaskState::Succeeded { .. } => {
                let from = task.cached_from.as_ref()?;
                format!(
                    "cached: the result of {} of {} holds",
                    self.plan.called(&from.task),
                    from.run
                )
            }
            TaskState::Failed { .. } => return None,
        })
    }

    /// Whether a task's undo has succeeded.
    fn is_undone(&self, ix: TaskIx) -> bool {
        let undo = self.plan.undo_of(ix).map(|undo| &self.task(undo).state);
        undo.is_some_and(|state| matches!(state, TaskState::Succeeded { .. }))
    }

    /// Why the run ended without a task of its ending.
    fn why_left_out(&self, ix: TaskIx) -> String {
        let was_cancelled = matches!(
            self.data.phase,
            Phase::Finished {
                outcome: Ended::Cancelled,
                ..
            }
        );
        let was_cut_short = match self.plan.task(ix).role {
            Role::Main | Role::Finally => true,
            Role::OnFailure => matches!(
                self.data.phase,
                Phase::Finished {
                    outcome: Ended::Failed,
                    ..
                }
            ),
            Role::Undo(of) => was_cancelled && self.data.to_undo.contains(&of),
        };
        if was_cut_short {
            return "the ending was cut short before it".to_owned();
        }
        let has_failed =
            matches!(&self.data.phase, Phase::Finished { outcome, .. } if *outcome != Ended::Succeeded);
        match self.plan.task(ix).role {
            Role::Undo(of) if has_failed => self.why_not_undone(of),
            _ => "was not needed".to_owned(),
        }
    }

    /// Why there was nothing to take back of a task, though the run has not succeeded.
    fn why_not_undone(&self, of: TaskIx) -> String {
        let task = self.called(of);
        match (self.task(of).state.status(), self.plan.task(of).spread) {
            (TaskStatus::Succeeded, _) if self.given_by(of.into()).is_some() => {
                format!("{task} was marked as succeeded and did nothing that could be taken back")
            }
            (TaskStatus::Succeeded, _) if self.is_reused(of) => {
                format!("what {task} did, an earlier run had done: only own work is taken back")
            }
            (TaskStatus::Succeeded, _) => "was not needed".to_owned(),
            (_, Some(_)) => format!("{task} as a whole did not succeed, so nothing of it is taken back"),
            (_, None) => format!("{task} did not succeed, so there is nothing to take back"),
        }
    }

    /// What sentences call a task.
    fn called(&self, ix: TaskIx) -> String {
        self.plan.called(&self.plan.task(ix).key)
    }

    /// Why no edge from `key` to a task was taken.
    fn refusal(&self, key: &str, to: TaskIx) -> String {
        let Some(from) = self.plan.find(key) else {
            return format!("upstream {key} settled another way");
        };
        let task = self.called(from);
        let mut edges = self
            .plan
            .task(to)
            .ups
            .iter()
            .filter(|&&at| self.plan.edge(at).from == from);
        if edges.any(|&at| self.data.edges[at as usize] == EdgeState::NotTaken && self.names_state(at)) {
            return format!("the condition of the edge from {task} was false");
        }
        let settled_as = match &self.task(from).state {
            TaskState::Succeeded { case: Some(case), .. } => format!("took the case {case}"),
            TaskState::Succeeded { .. } if self.plan.task(from).light == Some(Light::Switch) => {
                "took no case".to_owned()
            }
            TaskState::Failed { .. } => "failed".to_owned(),
            TaskState::Skipped { .. } => "was skipped".to_owned(),
            TaskState::Cancelled { .. } => "was cancelled".to_owned(),
            _ => "succeeded".to_owned(),
        };
        format!("upstream {task} {settled_as}")
    }

    /// A task's output, if it has one.
    #[must_use]
    pub fn output(&self, ix: TaskIx) -> Option<&Payload> {
        match &self.task(ix).state {
            TaskState::Succeeded { output, .. } => Some(output),
            TaskState::Failed { output, .. } => output.as_ref(),
            _ => None,
        }
    }

    /// The output of a task run, if it has one. Of an item it stands in the task's own once that has succeeded.
    #[must_use]
    pub fn output_at(&self, spot: Spot) -> Option<&Payload> {
        match spot.part {
            None => self.output(spot.task),
            Some(part) => self.parts(spot.task)?.outputs.get(&part),
        }
    }

    /// The tasks in one state, or all, as numbered by the plan.
    pub fn tasks_in(&self, state: Option<TaskStatus>) -> impl Iterator<Item = TaskIx> + '_ {
        let tasks = self.data.tasks.iter().enumerate();
        tasks
            .filter(move |(_, task)| state.is_none_or(|state| task.state.status() == state))
            .map(|(ix, _)| ix as TaskIx)
    }
}

fn inline_or_null(payload: &Payload) -> Value {
    payload.inline().map_or(Value::Null, |value| Value::clone(value))
}

fn attempt_number(task: &TaskRun) -> u32 {
    let none = match &task.state {
        TaskState::Blocked | TaskState::Skipped { .. } | TaskState::Cancelled { .. } => 0,
        _ => 1,
    };
    task.attempts.last().map_or(none, |attempt| attempt.number)
}

/// The word for a role in the API.
#[must_use]
pub const fn role_key(role: Role) -> &'static str {
    match role {
        Role::Main => "main",
        Role::Finally => "finally",
        Role::OnFailure => "on_failure",
        Role::Undo(_) => "undo",
    }
}

/// What a task run waits for, as a word of the API.
const fn waits_for_key(waits_for: WaitsFor) -> &'static str {
    match waits_for {
        WaitsFor::Retry => "retry",
        WaitsFor::Delay | WaitsFor::Snooze | WaitsFor::Pause | WaitsFor::Wait => "timer",
        WaitsFor::Signal => "signal",
        WaitsFor::Approval => "approval",
        WaitsFor::Child => "child",
    }
}

fn run_error(error: &RunError) -> ErrorView {
    ErrorView {
        kind: error.kind.to_string(),
        message: error.message.to_string(),
        task: error.task.as_deref().map(str::to_owned),
    }
}

fn task_error(error: &TaskError) -> ErrorView {
    ErrorView {
        kind: error.kind.to_string(),
        message: error.message.to_string(),
        task: None,
    }
}

fn attempt_view(attempt: &Attempt) -> AttemptView {
    let (outcome, error, retry_at) = match &attempt.end {
        None if attempt.started_at.is_some() => ("running", None, None),
        None => ("ready", None, None),
        Some(AttemptEnd::Succeeded) => ("succeeded", None, None),
        Some(AttemptEnd::Failed { error, retry_at }) => ("failed", Some(task_error(error)), *retry_at),
        Some(AttemptEnd::Lost) => ("lost", None, None),
        Some(AttemptEnd::Cancelled) => ("cancelled", None, None),
        Some(AttemptEnd::Snoozed) => ("snoozed", None, None),
    };
    AttemptView {
        attempt: attempt.number,
        outcome: outcome.to_owned(),
        ready_at: attempt.ready_at,
        started_at: attempt.started_at,
        finished_at: attempt.finished_at,
        error,
        retry_at,
    }
}
