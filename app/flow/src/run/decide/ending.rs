//! How a run ends: by itself, by a failure, by a timeout, by a person.

use std::sync::Arc;

use crate::plan::{Role, TaskIx};
use crate::run::command::Effect;
use crate::run::event::{Ended, EndingStep, EventKind, RunError};
use crate::run::state::{Phase, TaskState};
use crate::view::TaskStatus;

use super::Decider;

impl Decider<'_, '_> {
    /// Takes the next step towards the end if nothing holds the run back. True if something may be on the agenda again.
    pub(super) fn advance_ending(&mut self) -> bool {
        match self.state.phase().clone() {
            Phase::Running if self.state.data.n_open[0] == 0 => {
                let error = self.unhandled_error(Role::Main);
                let outcome = if error.is_some() { Ended::Failed } else { Ended::Succeeded };
                if self.has_ending_work(outcome) {
                    self.emit(EventKind::RunEnding { outcome, error });
                    true
                } else {
                    self.finish(outcome, error)
                }
            }
            Phase::Ending { step, outcome, error } => self.advance_step(step, outcome, error),
            _ => false,
        }
    }

    fn advance_step(&mut self, step: EndingStep, outcome: Ended, error: Option<RunError>) -> bool {
        match step {
            EndingStep::Attempts if self.state.data.n_open[0] > 0 => false,
            EndingStep::Attempts => {
                let undo = outcome != Ended::Succeeded && !self.state.data.to_undo.is_empty();
                self.emit(EventKind::EndingStep { step: if undo { EndingStep::Undo } else { EndingStep::Finally } });
                true
            }
            EndingStep::Undo => self.undo_next(),
            EndingStep::Finally if self.state.data.n_open[1] > 0 => false,
            EndingStep::Finally => {
                let failure = self.unhandled_error(Role::Finally);
                let failed = outcome == Ended::Failed || failure.is_some();
                let error = error.or(failure);
                if failed && self.state.data.n_open[2] > 0 {
                    self.emit(EventKind::EndingStep { step: EndingStep::OnFailure });
                    return true;
                }
                self.finish(if failed { Ended::Failed } else { outcome }, error)
            }
            EndingStep::OnFailure if self.state.data.n_open[2] > 0 => false,
            EndingStep::OnFailure => {
                let error = error.or_else(|| self.unhandled_error(Role::Finally));
                self.finish(Ended::Failed, error)
            }
        }
    }

    /// Undoes what had succeeded, one by one, last finished first. A failing undo is recorded and the rest go on.
    fn undo_next(&mut self) -> bool {
        let plan = Arc::clone(&self.plan);
        let undos: Vec<TaskIx> = self.state.data.to_undo.iter().rev().filter_map(|&ix| plan.undo_of(ix)).collect();
        for undo in undos {
            match self.state.task(undo).state.status() {
                TaskStatus::Blocked => {
                    // A value that must be loaded first leaves the task as it is, for the next decision.
                    return self.attempt(undo).is_ok();
                }
                status if status.is_final() => {}
                _ => return false,
            }
        }
        self.emit(EventKind::EndingStep { step: EndingStep::Finally });
        true
    }

    fn has_ending_work(&self, outcome: Ended) -> bool {
        let [_, n_finally, n_on_failure] = self.state.data.n_open;
        let n_undo = self.state.data.to_undo.len();
        n_finally > 0 || (outcome == Ended::Failed && (n_on_failure > 0 || n_undo > 0))
    }

    fn finish(&mut self, outcome: Ended, error: Option<RunError>) -> bool {
        if outcome != Ended::Succeeded {
            self.emit(EventKind::RunFinished { outcome, outputs: None, error });
            return false;
        }
        match self.render_outputs() {
            Err(super::values::Missing) => {}
            Ok(Ok(outputs)) => {
                let outputs = outputs.map(|value| self.store(value));
                self.emit(EventKind::RunFinished { outcome, outputs, error });
            }
            Ok(Err(error)) => {
                let error = Some(RunError { task: None, kind: "expression".into(), message: format!("the outputs could not be made: {}", error.message).into() });
                self.emit(EventKind::RunFinished { outcome: Ended::Failed, outputs: None, error });
            }
        }
        false
    }

    fn unhandled_error(&self, role: Role) -> Option<RunError> {
        let ix = self.state.first_unhandled(role)?;
        let TaskState::Failed { error, .. } = &self.state.task(ix).state else { return None };
        Some(RunError { task: Some(self.key(ix)), kind: Arc::clone(&error.kind), message: Arc::clone(&error.message) })
    }

    /// With `fail_fast`, ends the run at the first failure that nothing can handle any more.
    pub(super) fn fail_fast_check(&mut self) {
        if !self.plan.doc.fail_fast || *self.state.phase() != Phase::Running {
            return;
        }
        if let Some(error) = self.unhandled_error(Role::Main) {
            self.stop(Ended::Failed, Some(error), "the run failed (fail_fast)");
        }
    }

    pub(super) fn cancel(&mut self, force: bool, reason: Option<String>) {
        self.emit(EventKind::RunCancelRequested { force, reason });
        if force {
            self.end_all("the run was cancelled by force");
            self.emit(EventKind::RunFinished { outcome: Ended::Cancelled, outputs: None, error: None });
        } else if !matches!(self.state.phase(), Phase::Ending { .. }) {
            self.stop(Ended::Cancelled, None, "the run was cancelled");
        }
    }

    pub(super) fn run_timed_out(&mut self) {
        let limit = self.plan.doc.timeout.map(|limit| limit.to_string()).unwrap_or_default();
        let error = RunError { task: None, kind: "timeout".into(), message: format!("the run took longer than {limit}").into() };
        self.stop(Ended::Failed, Some(error), "the run took too long");
    }

    pub(super) fn ending_timed_out(&mut self) {
        let Phase::Ending { outcome, error, .. } = self.state.phase().clone() else { return };
        self.end_all("the ending of the run took too long");
        let outcome = if outcome == Ended::Cancelled { outcome } else { Ended::Failed };
        let late = || RunError { task: None, kind: "ending_timeout".into(), message: "the ending of the run took too long".into() };
        self.emit(EventKind::RunFinished { outcome, outputs: None, error: Some(error.unwrap_or_else(late)) });
    }

    /// Gives out nothing more: unstarted main tasks are cancelled, attempts that are out are asked to end.
    fn stop(&mut self, outcome: Ended, error: Option<RunError>, reason: &str) {
        self.emit(EventKind::RunEnding { outcome, error });
        let plan = Arc::clone(&self.plan);
        for ix in plan.of_role(Role::Main) {
            match &self.state.task(ix).state {
                TaskState::Ready { token } | TaskState::Running { token } => {
                    self.out.effects.push(Effect::CancelAttempt { token: *token, kill: false });
                }
                state if state.status().is_final() => {}
                _ => self.cancel_task(ix, reason),
            }
        }
    }

    /// Ends everything at once, whatever its role.
    fn end_all(&mut self, reason: &str) {
        for ix in 0..self.plan.tasks.len() as TaskIx {
            let task = self.state.task(ix);
            let begun = task.state.status() != TaskStatus::Blocked || self.plan.task(ix).role == Role::Main;
            if let Some(token) = task.state.token() {
                self.out.effects.push(Effect::CancelAttempt { token, kill: true });
            }
            if begun && !task.state.status().is_final() {
                self.cancel_task(ix, reason);
            }
        }
    }

    fn render_outputs(&mut self) -> Result<Result<Option<serde_json::Value>, crate::expr::ExprError>, super::values::Missing> {
        if self.plan.doc.outputs.is_empty() {
            return Ok(Ok(None));
        }
        let outputs = self.program.outputs();
        let scope = self.scope_of(outputs.refs(), None, None)?;
        Ok(outputs.render(self.program, &scope).map(Some))
    }
}
