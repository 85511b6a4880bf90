//! What events do to one task: its state, attempts, token and timer. What its settling does to others is in [`super::edges`].

use std::sync::Arc;
use std::time::Duration;

use crate::limits::TIMEOUT_BACKSTOP_MS;
use crate::payload::Payload;
use crate::plan::{Role, TaskIx};
use crate::run::event::{EventKind, TaskError};
use crate::run::state::{Attempt, AttemptEnd, RunState, SkipReason, TaskState, Timer, WaitsFor};
use crate::time::Timestamp;

impl RunState {
    pub(super) fn apply_to_task(&mut self, ix: TaskIx, kind: &EventKind, at: Timestamp) {
        match kind {
            EventKind::TaskScheduled {
                attempt,
                token,
                input,
                ..
            } => {
                self.move_to(ix, TaskState::Ready { token: *token });
                self.data.tokens.insert(*token, ix);
                self.give_out(ix, *attempt, input, at);
            }
            EventKind::AttemptStarted { worker, .. } => self.attempt_started(ix, worker, at),
            EventKind::TaskWaiting {
                waits_for,
                until,
                input,
                ..
            } => {
                self.end_attempt(ix, AttemptEnd::Snoozed, at);
                self.wait(ix, *waits_for, *until);
                self.task_mut(ix).started_at.get_or_insert(at);
                self.keep_input(ix, input, at);
            }
            EventKind::AttemptFailed { error, retry_at, .. } => {
                self.light_attempt(ix, at);
                self.attempt_failed(ix, error, Some(*retry_at), at);
                self.wait(ix, WaitsFor::Retry, *retry_at);
            }
            EventKind::TaskDue { .. } => {
                self.move_to(ix, TaskState::Blocked);
                self.put_on_agenda(ix);
            }
            EventKind::AttemptLost { .. } => {
                self.end_attempt(ix, AttemptEnd::Lost, at);
                self.task_mut(ix).n_lost += 1;
                self.move_to(ix, TaskState::Blocked);
                self.put_on_agenda(ix);
            }
            EventKind::TaskSucceeded {
                output,
                case,
                exit_code,
                edges,
                ..
            } => {
                self.end_attempt(ix, AttemptEnd::Succeeded, at);
                let (output, case) = (output.clone(), case.clone());
                self.settle(
                    ix,
                    TaskState::Succeeded {
                        output,
                        case,
                        exit_code: *exit_code,
                    },
                    edges,
                    at,
                );
                if self.plan.task(ix).role == Role::Main && self.plan.undo_of(ix).is_some() {
                    self.data.to_undo.push(ix);
                }
            }
            EventKind::TaskFailed {
                error, output, edges, ..
            } => {
                if self.task(ix).n_failed > 0 {
                    self.light_attempt(ix, at);
                }
                self.attempt_failed(ix, error, None, at);
                let (error, output) = (error.clone(), output.clone());
                self.settle(ix, TaskState::Failed { error, output }, edges, at);
            }
            EventKind::TaskSkipped { reason, edges, .. } => {
                let reason = SkipReason::Decided(reason.clone());
                self.settle(ix, TaskState::Skipped { reason }, edges, at);
            }
            EventKind::TaskCancelled { reason, edges, .. } => {
                self.end_attempt(ix, AttemptEnd::Cancelled, at);
                self.settle(
                    ix,
                    TaskState::Cancelled {
                        reason: Arc::clone(reason),
                    },
                    edges,
                    at,
                );
            }
            // These are about the run.
            EventKind::RunCreated { .. }
            | EventKind::RunStarted {}
            | EventKind::RunPaused { .. }
            | EventKind::RunResumed {}
            | EventKind::RunCancelRequested { .. }
            | EventKind::RunEnding { .. }
            | EventKind::EndingStep { .. }
            | EventKind::RunFinished { .. } => {}
        }
    }

    fn keep_input(&mut self, ix: TaskIx, input: &Option<Payload>, at: Timestamp) {
        let task = self.task_mut(ix);
        task.ready_at.get_or_insert(at);
        if input.is_some() {
            task.input.clone_from(input);
        }
    }

    fn attempt_failed(&mut self, ix: TaskIx, error: &TaskError, retry_at: Option<Timestamp>, at: Timestamp) {
        self.end_attempt(
            ix,
            AttemptEnd::Failed {
                error: error.clone(),
                retry_at,
            },
            at,
        );
        self.task_mut(ix).n_failed += 1;
    }

    fn give_out(&mut self, ix: TaskIx, number: u32, input: &Option<Payload>, at: Timestamp) {
        self.keep_input(ix, input, at);
        let task = self.task_mut(ix);
        match task.attempts.last_mut() {
            // A snoozed attempt goes on: a task that polls for days has one attempt, not thousands.
            Some(last) if last.number == number && last.end == Some(AttemptEnd::Snoozed) => {
                last.finished_at = None;
                last.end = None;
            }
            _ => task.attempts.push(Attempt {
                number,
                ready_at: at,
                started_at: None,
                finished_at: None,
                worker: None,
                end: None,
            }),
        }
    }

    fn attempt_started(&mut self, ix: TaskIx, worker: &Arc<str>, at: Timestamp) {
        let Some(token) = self.task(ix).state.token() else {
            return;
        };
        self.move_to(ix, TaskState::Running { token });
        self.data.tokens.insert(token, ix);
        let limit = self.plan.task(ix).doc.timeout;
        let task = self.task_mut(ix);
        task.started_at.get_or_insert(at);
        if let Some(attempt) = task.attempts.last_mut() {
            attempt.started_at.get_or_insert(at);
            attempt.worker = Some(Arc::clone(worker));
        }
        if let Some(limit) = limit {
            self.set_timer(
                ix,
                at.plus(limit.as_duration())
                    .plus(Duration::from_millis(TIMEOUT_BACKSTOP_MS)),
            );
        }
    }

    /// A light task's failed attempt was never given out, but its history shall show it.
    fn light_attempt(&mut self, ix: TaskIx, at: Timestamp) {
        if self.plan.task(ix).light.is_none() {
            return;
        }
        let task = self.task_mut(ix);
        task.ready_at.get_or_insert(at);
        task.started_at.get_or_insert(at);
        let number = task.attempts.len() as u32 + 1;
        task.attempts.push(Attempt {
            number,
            ready_at: at,
            started_at: Some(at),
            finished_at: None,
            worker: None,
            end: None,
        });
    }

    fn end_attempt(&mut self, ix: TaskIx, end: AttemptEnd, at: Timestamp) {
        if let Some(attempt) = self
            .task_mut(ix)
            .attempts
            .last_mut()
            .filter(|attempt| attempt.end.is_none())
        {
            attempt.finished_at = Some(at);
            attempt.end = Some(end);
        }
    }

    fn wait(&mut self, ix: TaskIx, waits_for: WaitsFor, until: Timestamp) {
        self.move_to(ix, TaskState::Waiting { waits_for, until });
        self.set_timer(ix, until);
    }

    fn set_timer(&mut self, ix: TaskIx, at: Timestamp) {
        self.task_mut(ix).timer = Some(at);
        self.data.timers.insert((at, Timer::Task(ix)));
    }

    /// Leaves the old state behind, with its token and timer, for the new one.
    pub(super) fn move_to(&mut self, ix: TaskIx, state: TaskState) {
        let task = &mut self.data.tasks[ix as usize];
        if let Some(token) = task.state.token() {
            self.data.tokens.remove(&token);
        }
        if let Some(at) = task.timer.take() {
            self.data.timers.remove(&(at, Timer::Task(ix)));
        }
        if std::mem::take(&mut task.on_agenda) {
            // The deciding step works in order, so this is the front but for a run that ends early.
            if self.data.agenda.front() == Some(&ix) {
                self.data.agenda.pop_front();
            } else {
                self.data.agenda.retain(|other| *other != ix);
            }
        }
        *self.data.counts.of(task.state.status()) -= 1;
        *self.data.counts.of(state.status()) += 1;
        task.state = state;
    }
}
