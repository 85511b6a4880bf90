//! How a run ends: by itself, by a failure, by a timeout, by a person.

use std::sync::Arc;

use crate::limits::EVENTS_PER_RUN_MAX;
use crate::payload::Payload;
use crate::plan::{Role, TaskIx};
use crate::run::command::Effect;
use crate::run::event::{Ended, EndingStep, EventKind, RunError};
use crate::run::state::{Phase, TaskState};
use crate::view::TaskStatus;

use super::Decider;
use super::values::Missing;

impl Decider<'_, '_> {
    /// Takes the next step towards the end if nothing holds the run back. True if something may be on the agenda again.
    pub(super) fn advance_ending(&mut self) -> bool {
        match self.state.phase() {
            Phase::Running if self.state.data.n_open[0] == 0 => self.end_work(),
            Phase::Ending { step, .. } => {
                let step = *step;
                self.advance_step(step)
            }
            _ => false,
        }
    }

    /// All main tasks are settled. The outputs are made now, so that a run whose outputs cannot be made fails as any other does:
    /// undo and `on_failure` see it.
    fn end_work(&mut self) -> bool {
        let (outcome, error, outputs) = match self.state.unhandled_error(Role::Main) {
            Some(error) => (Ended::Failed, Some(error), None),
            None => match self.render_outputs() {
                Ok(Ok(outputs)) => (Ended::Succeeded, None, outputs),
                Ok(Err(error)) => (Ended::Failed, Some(error), None),
                // They refer to a large value that is not at hand.
                Err(Missing) => return false,
            },
        };
        let [_, n_finally, n_on_failure] = self.state.data.n_open;
        let has_work = n_finally > 0
            || (outcome == Ended::Failed && (n_on_failure > 0 || !self.state.data.to_undo.is_empty()));
        if has_work {
            self.emit(EventKind::RunEnding {
                outcome,
                error,
                outputs,
            });
        } else {
            self.emit(EventKind::RunFinished {
                outcome,
                error,
                outputs,
            });
        }
        has_work
    }

    fn advance_step(&mut self, step: EndingStep) -> bool {
        match step {
            // One by one.
            EndingStep::Undo if self.has_work(step) => return self.undo_last(),
            _ if self.has_work(step) => return false,
            _ => {}
        }
        let later = [EndingStep::Undo, EndingStep::Finally, EndingStep::OnFailure]
            .into_iter()
            .filter(|later| *later > step);
        for later in later {
            if self.has_work(later) {
                self.emit(EventKind::EndingStep { step: later });
                return true;
            }
        }
        self.finish();
        false
    }

    /// Whether a step of the ending has something left to do.
    fn has_work(&self, step: EndingStep) -> bool {
        let data = &self.state.data;
        let Phase::Ending { outcome, .. } = &data.phase else {
            return false;
        };
        match step {
            EndingStep::Attempts => data.n_open[0] > 0,
            EndingStep::Undo => *outcome != Ended::Succeeded && !data.to_undo.is_empty(),
            EndingStep::Finally => data.n_open[1] > 0,
            EndingStep::OnFailure => {
                let has_failed =
                    *outcome == Ended::Failed || self.state.first_unhandled(Role::Finally).is_some();
                has_failed && data.n_open[2] > 0
            }
        }
    }

    /// Undoes what succeeded last of all that is not undone yet. A failing undo is recorded and the rest go on.
    fn undo_last(&mut self) -> bool {
        let last = self
            .state
            .data
            .to_undo
            .last()
            .and_then(|&ix| self.plan.undo_of(ix));
        let Some(undo) = last.filter(|&undo| self.state.task(undo).state == TaskState::Blocked) else {
            return false;
        };
        if self.is_full() {
            self.out.unfinished = true;
            return false;
        }
        // A large value that must be loaded first leaves the task as it is, for the next decision.
        self.attempt(undo.into()).is_ok()
    }

    /// The last step of the ending is done.
    fn finish(&mut self) {
        let Phase::Ending {
            outcome,
            error,
            outputs,
            ..
        } = self.state.phase().clone()
        else {
            return;
        };
        let failure = self.state.unhandled_error(Role::Finally);
        let outcome = if failure.is_some() { Ended::Failed } else { outcome };
        let outputs = outputs.filter(|_| outcome == Ended::Succeeded);
        self.emit(EventKind::RunFinished {
            outcome,
            outputs,
            error: error.or(failure),
        });
    }

    /// With `fail_fast`, ends the run at the first failure that nothing can handle any more.
    pub(super) fn fail_fast_check(&mut self) {
        // Of a run that is paused, even its end waits.
        if !self.plan.doc.fail_fast || *self.state.phase() != Phase::Running || self.state.is_paused() {
            return;
        }
        if let Some(error) = self.state.unhandled_error(Role::Main) {
            self.stop(Ended::Failed, Some(error), "the run failed (fail_fast)");
        }
    }

    /// Cancels the run. While it is ending already, the outcome stands and the clean-up goes on; only force cuts it short, and a run
    /// that had failed stays failed then.
    pub(super) fn cancel(&mut self, force: bool, reason: Option<String>) {
        match (self.state.phase().clone(), force) {
            (
                Phase::Ending {
                    outcome: Ended::Cancelled,
                    ..
                },
                false,
            ) => self.ask_to_end(),
            (Phase::Ending { .. }, false) => self.emit(EventKind::RunCancelRequested { force, reason }),
            (Phase::Ending { outcome, error, .. }, true) => {
                self.emit(EventKind::RunCancelRequested { force, reason });
                let outcome = if outcome == Ended::Failed {
                    outcome
                } else {
                    Ended::Cancelled
                };
                self.cut_short(outcome, error, "the run was cancelled by force");
            }
            // Nothing has begun, so there is nothing to take back or to clean up.
            (Phase::Queued, _) => {
                self.emit(EventKind::RunCancelRequested { force, reason });
                self.cut_short(Ended::Cancelled, None, "the run was cancelled before it began");
            }
            (_, false) => {
                self.emit(EventKind::RunCancelRequested { force, reason });
                self.stop(Ended::Cancelled, None, "the run was cancelled");
            }
            (_, true) => {
                self.emit(EventKind::RunCancelRequested { force, reason });
                self.cut_short(Ended::Cancelled, None, "the run was cancelled by force");
            }
        }
    }

    pub(super) fn run_timed_out(&mut self) {
        let limit = self
            .plan
            .doc
            .timeout
            .map(|limit| limit.to_string())
            .unwrap_or_default();
        let error = run_error("timeout", format!("the run took longer than {limit}"));
        self.stop(Ended::Failed, Some(error), "the run took too long");
    }

    pub(super) fn ending_timed_out(&mut self) {
        let Phase::Ending { outcome, error, .. } = self.state.phase().clone() else {
            return;
        };
        let outcome = if outcome == Ended::Cancelled {
            outcome
        } else {
            Ended::Failed
        };
        let late = || run_error("ending_timeout", "the ending of the run took too long".to_owned());
        self.cut_short(
            outcome,
            Some(error.unwrap_or_else(late)),
            "the ending of the run took too long",
        );
    }

    /// The log has no room for more.
    pub(super) fn end_of_log(&mut self) {
        let error = run_error(
            "too_many_events",
            format!("the run has {EVENTS_PER_RUN_MAX} events, the most a run may have"),
        );
        self.cut_short(Ended::Failed, Some(error), "the run had too many events");
    }

    /// Gives out nothing more: unstarted main tasks are cancelled, attempts that are out are asked to end. One that nobody has begun
    /// is taken back by who gave it out, who then reports it cancelled: its work may have begun without our knowing yet.
    fn stop(&mut self, outcome: Ended, error: Option<RunError>, reason: &str) {
        self.emit(EventKind::RunEnding {
            outcome,
            error,
            outputs: None,
        });
        let plan = Arc::clone(&self.plan);
        for ix in plan.of_role(Role::Main) {
            let state = &self.state.task(ix).state;
            if *state == TaskState::Spread {
                self.stop_items(ix, reason);
            } else if !state.status().is_final()
                && state.token().is_none()
                && !self.waits_for_child(ix.into())
            {
                self.cancel_task(ix.into(), reason);
            }
        }
        self.ask_to_end();
    }

    /// Asks the attempts of main tasks to end.
    fn ask_to_end(&mut self) {
        self.cancel_children(false, |state, spot| state.is_stopping(spot.task));
        for spot in self.spots_out() {
            let token = self.state.run_of(spot).state.token();
            if let Some(token) = token.filter(|_| self.plan.task(spot.task).role == Role::Main) {
                self.out
                    .effects
                    .push(Effect::CancelAttempt { token, kill: false });
            }
        }
    }

    /// Ends everything at once, whatever its role. What had not begun of undo, finally and `on_failure` is left out.
    pub(super) fn cut_short(&mut self, outcome: Ended, error: Option<RunError>, reason: &str) {
        if !matches!(self.state.phase(), Phase::Ending { .. }) {
            self.emit(EventKind::RunEnding {
                outcome,
                error: error.clone(),
                outputs: None,
            });
        }
        // What this very decision was about to give out has not left it.
        self.out
            .effects
            .retain(|effect| !matches!(effect, Effect::Dispatch(_) | Effect::StartChild(_)));
        self.cancel_children(true, |_, _| true);
        for spot in self.spots_out() {
            if let Some(token) = self.state.run_of(spot).state.token() {
                self.out.effects.push(Effect::CancelAttempt { token, kill: true });
            }
        }
        for ix in 0..self.plan.tasks.len() as TaskIx {
            let task = self.state.task(ix);
            let has_begun = task.state.status() != TaskStatus::Blocked || !task.attempts.is_empty();
            if (has_begun || self.plan.task(ix).role == Role::Main) && !task.state.status().is_final() {
                self.cancel_task(ix.into(), reason);
            }
        }
        self.emit(EventKind::RunFinished {
            outcome,
            outputs: None,
            error,
        });
    }

    fn render_outputs(&mut self) -> Result<Result<Option<Payload>, RunError>, Missing> {
        if self.plan.doc.outputs.is_empty() {
            return Ok(Ok(None));
        }
        let outputs = self.program.outputs();
        let scope = self.scope_of(outputs.refs(), None, None)?;
        let value = match outputs.render(self.program, &scope) {
            Ok(value) => value,
            Err(error) => {
                return Ok(Err(run_error(
                    "expression",
                    format!("the outputs could not be made: {}", error.message),
                )));
            }
        };
        let kept = self.store_output(value).map(Some);
        Ok(kept.map_err(|error| RunError {
            task: None,
            kind: error.kind,
            message: format!("of the run: {}", error.message).into(),
        }))
    }
}

fn run_error(kind: &str, message: String) -> RunError {
    RunError {
        task: None,
        kind: kind.into(),
        message: message.into(),
    }
}
