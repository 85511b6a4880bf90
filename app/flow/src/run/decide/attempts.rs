//! What workers report, and what becomes of attempts that nobody reports any more.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::AttemptToken;
use crate::limits::{LOST_ATTEMPTS_MAX, OUTPUT_BYTES_MAX, RETRY_AFTER_MAX_MS};
use crate::payload::Payload;
use crate::plan::Spot;
use crate::run::command::{Effect, Outcome, Rejected};
use crate::run::event::{Ended, EventKind, TaskError};
use crate::run::state::{Phase, TaskState, WaitsFor};

use super::Decider;
use super::agenda::Success;
use super::values::{Missing, output_too_large};

impl Decider<'_, '_> {
    pub(super) fn attempt_started(&mut self, token: AttemptToken, worker: Arc<str>) -> Result<(), Rejected> {
        let spot = self.holder_of(token)?;
        let task = self.state.run_of(spot);
        if matches!(task.state, TaskState::Ready { .. }) {
            let attempt = self.attempt_number(spot);
            self.emit(EventKind::AttemptStarted {
                task: self.path(spot),
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
        let spot = self.holder_of(token)?;
        self.settle_attempt(spot, outcome)
            .map_err(|Missing| Rejected::NeedsBlobs(std::mem::take(&mut self.out.needs_blobs)))
    }

    fn settle_attempt(&mut self, spot: Spot, outcome: Outcome) -> Result<(), Missing> {
        let stopping = self.state.is_stopped(spot);
        match outcome {
            Outcome::Cached {
                output,
                exit_code,
                from,
            } => self.succeed_as(
                spot,
                Success {
                    output,
                    case: None,
                    exit_code,
                    cached_from: Some(from),
                },
            ),
            Outcome::Succeeded { output, exit_code } => {
                match output.blob().filter(|blob| blob.bytes > OUTPUT_BYTES_MAX as u64) {
                    Some(blob) => {
                        let error = output_too_large(blob);
                        self.attempt_failed(spot, error, None)
                    }
                    None => {
                        self.keep_result(spot, &output, exit_code);
                        self.succeed(spot, output, None, exit_code)
                    }
                }
            }
            Outcome::Failed {
                error,
                output,
                retry_after,
            } => self.attempt_failed_asking(spot, error, output, retry_after),
            Outcome::Cancelled | Outcome::Lost | Outcome::Snoozed(_) if stopping => {
                let reason = self.why_stopped(spot);
                self.cancel_task(spot, reason);
                Ok(())
            }
            Outcome::Snoozed(pause) => {
                let until = self.now.plus(pause);
                let attempt = Some(self.attempt_number(spot));
                self.emit(EventKind::TaskWaiting {
                    task: self.path(spot),
                    waits_for: WaitsFor::Snooze,
                    until: Some(until),
                    attempt,
                    input: None,
                    signal: None,
                });
                Ok(())
            }
            // A worker that stops on its own account, as at a shutdown, has not done the work: the attempt is tried again.
            Outcome::Cancelled | Outcome::Lost => {
                self.attempt_lost(spot);
                Ok(())
            }
        }
    }

    /// Ends an attempt in failure: another follows if the retry allows it.
    pub(super) fn attempt_failed(
        &mut self,
        spot: Spot,
        error: TaskError,
        output: Option<Payload>,
    ) -> Result<(), Missing> {
        self.attempt_failed_asking(spot, error, output, None)
    }

    /// The same, with the pause that the attempt asks for.
    fn attempt_failed_asking(
        &mut self,
        spot: Spot,
        error: TaskError,
        output: Option<Payload>,
        retry_after: Option<Duration>,
    ) -> Result<(), Missing> {
        let plan = Arc::clone(&self.plan);
        let n_failed = self.state.run_of(spot).n_failed + 1;
        match plan.task(spot.task).retry() {
            Some(retry)
                if !error.is_final
                    && n_failed < retry.max_attempts
                    && retry.covers(&error.kind, error.exit_code)
                    && !self.state.is_stopped(spot) =>
            {
                let asked = retry_after.unwrap_or_default();
                let asked = asked.min(Duration::from_millis(RETRY_AFTER_MAX_MS));
                let pause = super::retry::pause(retry, n_failed, self.entropy.next());
                let retry_at = self.now.plus(pause.max(asked));
                let attempt = self.attempt_number(spot);
                self.emit(EventKind::AttemptFailed {
                    task: self.path(spot),
                    attempt,
                    error,
                    retry_at,
                });
                Ok(())
            }
            _ => self.fail(spot, error, output),
        }
    }

    /// An attempt whose worker or server is gone. Its task goes on the agenda: see [`Decider::after_loss`].
    pub(super) fn attempt_lost(&mut self, spot: Spot) {
        if self.state.is_stopped(spot) {
            self.cancel_task(spot, "it was lost with its server while the run was ending");
        } else {
            let attempt = self.attempt_number(spot);
            self.emit(EventKind::AttemptLost {
                task: self.path(spot),
                attempt,
            });
        }
    }

    /// A task whose attempt was lost is tried again, or fails.
    pub(super) fn after_loss(&mut self, spot: Spot) -> Result<(), Missing> {
        let at_most_once = self.plan.task(spot.task).is_at_most_once();
        let n_lost = self.state.run_of(spot).n_lost;
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
            Some(message) => self.fail(spot, TaskError::new("lost", message), None),
            None => {
                self.schedule(spot, None, None);
                Ok(())
            }
        }
    }

    /// The timer of a task elapsed: what it was for is in the task's state. Each call of a snoozing attempt has the timeout to
    /// itself, for the pauses hold no worker.
    pub(super) fn task_timer(&mut self, spot: Spot) -> Result<(), Missing> {
        match &self.state.run_of(spot).state {
            TaskState::Waiting {
                waits_for: WaitsFor::Delay,
                ..
            } => self.succeed(spot, Payload::null(), None, None),
            TaskState::Waiting {
                waits_for: WaitsFor::Signal | WaitsFor::Approval,
                ..
            } => self.waited_too_long(spot),
            TaskState::Waiting {
                waits_for: WaitsFor::Child,
                ..
            } => self.child_too_late(spot),
            // It starts nothing.
            TaskState::Waiting {
                waits_for: WaitsFor::Wait,
                ..
            } => self.attempt(spot),
            TaskState::Waiting { .. } if self.state.is_paused() => {
                self.emit(EventKind::TaskDue {
                    task: self.path(spot),
                });
                Ok(())
            }
            TaskState::Waiting { .. } => self.attempt(spot),
            TaskState::Ready { token } => {
                let token = *token;
                self.start_too_late(spot, token)
            }
            TaskState::Running { token } => {
                self.out.effects.push(Effect::CancelAttempt {
                    token: *token,
                    kill: true,
                });
                let limit = self
                    .plan
                    .task(spot.task)
                    .doc
                    .timeout
                    .map_or(Duration::ZERO, |limit| limit.as_duration());
                let message = format!(
                    "took longer than {} and did not report its end",
                    crate::HumanDuration::from_millis(limit.as_millis() as u64)
                );
                self.attempt_failed(spot, TaskError::new("timeout", message), None)
            }
            _ => Ok(()),
        }
    }

    /// Nobody began an attempt in time. It is taken back before it fails, so that nobody begins it any more.
    fn start_too_late(&mut self, spot: Spot, token: AttemptToken) -> Result<(), Missing> {
        // After a restart it may just have been given out again.
        self.out
            .effects
            .retain(|effect| !matches!(effect, Effect::Dispatch(out) if out.token == token));
        self.out.effects.push(Effect::CancelAttempt { token, kill: true });
        if self.state.is_stopped(spot) {
            let reason = self.why_stopped(spot);
            self.cancel_task(spot, reason);
            return Ok(());
        }
        let limit = self.plan.task(spot.task).doc.start_timeout;
        let limit = limit.map_or_else(String::new, |limit| format!(" within {limit}"));
        let message = format!("no worker began it{limit}");
        self.attempt_failed(spot, TaskError::new("start_timeout", message), None)
    }

    fn why_stopped(&self, spot: Spot) -> &'static str {
        if !self.state.is_stopping(spot.task) {
            return "it was stopped because other items had failed";
        }
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

    pub(super) fn cancel_task(&mut self, spot: Spot, reason: &str) {
        self.emit(EventKind::TaskCancelled {
            task: self.path(spot),
            reason: reason.into(),
            edges: Vec::new(),
        });
    }

    fn attempt_number(&self, spot: Spot) -> u32 {
        self.state
            .run_of(spot)
            .attempts
            .last()
            .map_or(1, |attempt| attempt.number)
    }

    fn holder_of(&self, token: AttemptToken) -> Result<Spot, Rejected> {
        self.state
            .data
            .tokens
            .get(&token)
            .copied()
            .ok_or(Rejected::StaleToken)
    }
}
