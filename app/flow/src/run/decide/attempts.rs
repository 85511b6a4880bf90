//! What workers report, and what becomes of attempts that nobody reports any more.

use std::sync::Arc;
use std::time::Duration;

use crate::doc::OnLost;
use crate::ids::AttemptToken;
use crate::limits::{LOST_ATTEMPTS_MAX, OUTPUT_BYTES_MAX};
use crate::payload::Payload;
use crate::plan::{Role, TaskIx};
use crate::run::command::{Effect, Outcome, Rejected};
use crate::run::event::{Ended, EventKind, TaskError};
use crate::run::state::{Phase, TaskState, WaitsFor};

use super::Decider;
use super::values::{Missing, output_too_large};

impl Decider<'_, '_> {
    pub(super) fn attempt_started(&mut self, token: AttemptToken, worker: Arc<str>) -> Result<(), Rejected> {
        let ix = self.holder_of(token)?;
        let task = self.state.task(ix);
        if matches!(task.state, TaskState::Ready { .. }) {
            let attempt = self.attempt_number(ix);
            self.emit(EventKind::AttemptStarted {
                task: self.key(ix),
                attempt,
                worker,
            });
        } else if task
            .attempts
            .last()
            .is_some_and(|attempt| attempt.worker.as_ref() != Some(&worker))
        {
            // Given out twice and begun by another: work that is to be done at most once must not begin here as well.
            return Err(Rejected::StaleToken);
        }
        Ok(())
    }

    pub(super) fn attempt_ended(&mut self, token: AttemptToken, outcome: Outcome) -> Result<(), Rejected> {
        let ix = self.holder_of(token)?;
        self.settle_attempt(ix, outcome)
            .map_err(|Missing| Rejected::NeedsBlobs(std::mem::take(&mut self.out.needs_blobs)))
    }

    /// Why an attempt that was at work was asked to end.
    fn why_stopped(&self) -> &'static str {
        match self.state.phase() {
            Phase::Ending {
                outcome: Ended::Cancelled,
                ..
            } => "it was stopped because the run was cancelled",
            Phase::Ending {
                outcome: Ended::Failed,
                ..
            } => "it was stopped because the run failed",
            _ => "it was stopped because the run ended",
        }
    }

    fn settle_attempt(&mut self, ix: TaskIx, outcome: Outcome) -> Result<(), Missing> {
        let stopping = self.is_stopping(ix);
        match outcome {
            Outcome::Succeeded { output, exit_code } => {
                match output.blob().filter(|blob| blob.bytes > OUTPUT_BYTES_MAX as u64) {
                    Some(blob) => {
                        let error = output_too_large(blob);
                        self.attempt_failed(ix, error, None)
                    }
                    None => self.succeed(ix, output, None, exit_code),
                }
            }
            Outcome::Failed { error, output } => self.attempt_failed(ix, error, output),
            Outcome::Cancelled | Outcome::Lost | Outcome::Snoozed(_) if stopping => {
                self.cancel_task(ix, self.why_stopped());
                Ok(())
            }
            Outcome::Snoozed(pause) => {
                let until = self.now.plus(pause);
                let attempt = Some(self.attempt_number(ix));
                self.emit(EventKind::TaskWaiting {
                    task: self.key(ix),
                    waits_for: WaitsFor::Snooze,
                    until,
                    attempt,
                    input: None,
                });
                Ok(())
            }
            // A worker that stops on its own account, as at a shutdown, has not done the work: the attempt is tried again.
            Outcome::Cancelled | Outcome::Lost => {
                self.attempt_lost(ix);
                Ok(())
            }
        }
    }

    /// Ends an attempt in failure: another follows if the retry allows it.
    pub(super) fn attempt_failed(
        &mut self,
        ix: TaskIx,
        error: TaskError,
        output: Option<Payload>,
    ) -> Result<(), Missing> {
        let plan = Arc::clone(&self.plan);
        let n_failed = self.state.task(ix).n_failed + 1;
        match plan.task(ix).retry() {
            Some(retry) if !error.is_final && n_failed < retry.max_attempts && !self.is_stopping(ix) => {
                let retry_at = self
                    .now
                    .plus(super::retry::pause(retry, n_failed, self.entropy.next()));
                let attempt = self.attempt_number(ix);
                self.emit(EventKind::AttemptFailed {
                    task: self.key(ix),
                    attempt,
                    error,
                    retry_at,
                });
                Ok(())
            }
            _ => self.fail(ix, error, output),
        }
    }

    /// An attempt whose worker or server is gone. Its task goes on the agenda: see [`Decider::after_loss`].
    pub(super) fn attempt_lost(&mut self, ix: TaskIx) {
        if self.is_stopping(ix) {
            self.cancel_task(ix, "it was lost with its server while the run was ending");
        } else {
            let attempt = self.attempt_number(ix);
            self.emit(EventKind::AttemptLost {
                task: self.key(ix),
                attempt,
            });
        }
    }

    /// A task whose attempt was lost is tried again, or fails.
    pub(super) fn after_loss(&mut self, ix: TaskIx) -> Result<(), Missing> {
        let at_most_once = self
            .plan
            .task(ix)
            .retry()
            .is_some_and(|retry| retry.on_lost == OnLost::Fail);
        let n_lost = self.state.task(ix).n_lost;
        let failure = if at_most_once {
            Some(
                "its worker or server went away while it ran; it is not tried again (retry.on_lost: fail)"
                    .to_owned(),
            )
        } else if n_lost > LOST_ATTEMPTS_MAX {
            Some(format!(
                "its worker or server went away while it ran, {n_lost} times"
            ))
        } else {
            None
        };
        match failure {
            Some(message) => self.fail(ix, TaskError::new("lost", message), None),
            None => {
                self.schedule(ix, None);
                Ok(())
            }
        }
    }

    /// The timer of a task elapsed: what it was for is in the task's state. Each call of a snoozing attempt has the timeout to
    /// itself, for the pauses hold no worker.
    pub(super) fn task_timer(&mut self, ix: TaskIx) -> Result<(), Missing> {
        match &self.state.task(ix).state {
            TaskState::Waiting {
                waits_for: WaitsFor::Delay,
                ..
            } => self.succeed(ix, Payload::null(), None, None),
            TaskState::Waiting { .. } => self.attempt(ix),
            TaskState::Running { token } => {
                self.out.effects.push(Effect::CancelAttempt {
                    token: *token,
                    kill: true,
                });
                let limit = self
                    .plan
                    .task(ix)
                    .doc
                    .timeout
                    .map_or(Duration::ZERO, |limit| limit.as_duration());
                let message = format!(
                    "took longer than {} and did not report its end",
                    crate::HumanDuration::from_millis(limit.as_millis() as u64)
                );
                self.attempt_failed(ix, TaskError::new("timeout", message), None)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn cancel_task(&mut self, ix: TaskIx, reason: &str) {
        self.emit(EventKind::TaskCancelled {
            task: self.key(ix),
            reason: reason.into(),
            edges: Vec::new(),
        });
    }

    /// Whether the run has stopped giving out tasks of this one's role.
    pub(super) fn is_stopping(&self, ix: TaskIx) -> bool {
        matches!(self.state.phase(), Phase::Ending { .. }) && self.plan.task(ix).role == Role::Main
    }

    fn attempt_number(&self, ix: TaskIx) -> u32 {
        self.state
            .task(ix)
            .attempts
            .last()
            .map_or(1, |attempt| attempt.number)
    }

    fn holder_of(&self, token: AttemptToken) -> Result<TaskIx, Rejected> {
        self.state
            .data
            .tokens
            .get(&token)
            .copied()
            .ok_or(Rejected::StaleToken)
    }
}
