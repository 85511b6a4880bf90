//! What events do to one task: its state, attempts, token and timer. What its settling does to others is in [`super::edges`].

use std::sync::Arc;
use std::time::Duration;

use crate::limits::TIMEOUT_BACKSTOP_MS;
use crate::payload::Payload;
use crate::plan::{Role, Spot};
use crate::run::children::Child;
use crate::run::event::{EventKind, TaskError};
use crate::run::state::{Attempt, AttemptEnd, RunState, SkipReason, TaskKeys, TaskState, Timer, WaitsFor};
use crate::time::Timestamp;

impl RunState {
    pub(super) fn apply_to_task(&mut self, spot: Spot, kind: &EventKind, at: Timestamp) {
        match kind {
            EventKind::TaskScheduled {
                attempt,
                token,
                input,
                queue_key,
                cache_key,
                ..
            } => {
                self.move_to(spot, TaskState::Ready { token: *token });
                self.data.tokens.insert(*token, spot);
                self.give_out(spot, *attempt, input, at);
                if queue_key.is_some() || cache_key.is_some() {
                    self.run_mut(spot).keys = Some(Box::new(TaskKeys {
                        queue_key: queue_key.clone(),
                        cache_key: cache_key.clone(),
                    }));
                }
                if let Some(limit) = self.plan.task(spot.task).doc.start_timeout {
                    self.set_timer(spot, at.plus(limit.as_duration()));
                }
            }
            EventKind::AttemptStarted { worker, .. } => self.attempt_started(spot, worker, at),
            EventKind::TaskWaiting {
                waits_for,
                until,
                input,
                signal,
                ..
            } => {
                self.end_attempt(spot, AttemptEnd::Snoozed, at);
                self.wait(spot, *waits_for, *until);
                if *waits_for != WaitsFor::Pause {
                    self.run_mut(spot).started_at.get_or_insert(at);
                    self.keep_input(spot, input, at);
                }
                if let Some(name) = signal {
                    self.await_signal(spot, name);
                }
            }
            EventKind::AttemptFailed { error, retry_at, .. } => {
                self.light_attempt(spot, at);
                self.attempt_failed(spot, error, Some(*retry_at), at);
                self.wait(spot, WaitsFor::Retry, Some(*retry_at));
            }
            EventKind::TaskDue { .. } => {
                self.move_to(spot, TaskState::Blocked);
                self.put_on_agenda(spot);
            }
            EventKind::AttemptLost { .. } => {
                self.end_attempt(spot, AttemptEnd::Lost, at);
                self.run_mut(spot).n_lost += 1;
                self.move_to(spot, TaskState::Blocked);
                self.put_on_agenda(spot);
            }
            EventKind::TaskSucceeded {
                output,
                case,
                exit_code,
                edges,
                cached_from,
                ..
            } => {
                self.end_attempt(spot, AttemptEnd::Succeeded, at);
                self.run_mut(spot).cached_from.clone_from(cached_from);
                let (output, case) = (output.clone(), case.clone());
                self.settle(
                    spot,
                    TaskState::Succeeded {
                        output,
                        case,
                        exit_code: *exit_code,
                    },
                    edges,
                    at,
                );
                if spot.part.is_none() && self.is_reused(spot.task) {
                    // Only what this run did itself is undone.
                    self.has_reused(spot.task);
                    return;
                }
                let plan = &self.plan;
                if spot.part.is_none()
                    && plan.task(spot.task).role == Role::Main
                    && plan.undo_of(spot.task).is_some()
                {
                    self.data.to_undo.push(spot.task);
                }
            }
            EventKind::TaskFailed {
                error, output, edges, ..
            } => {
                if self.run_of(spot).n_failed > 0 {
                    self.light_attempt(spot, at);
                }
                self.attempt_failed(spot, error, None, at);
                let (error, output) = (error.clone(), output.clone());
                self.settle(spot, TaskState::Failed { error, output }, edges, at);
            }
            EventKind::TaskSkipped { reason, edges, .. } => {
                let reason = SkipReason::Decided(reason.clone());
                self.settle(spot, TaskState::Skipped { reason }, edges, at);
            }
            EventKind::TaskCancelled { reason, edges, .. } => {
                self.end_attempt(spot, AttemptEnd::Cancelled, at);
                self.settle(
                    spot,
                    TaskState::Cancelled {
                        reason: Arc::clone(reason),
                    },
                    edges,
                    at,
                );
            }
            EventKind::ItemsListed { n, items, .. } => self.items_listed(spot.task, *n, items, at),
            EventKind::ChildRequested {
                attempt,
                inputs,
                wait,
                until,
                flow,
                version,
                fork,
                ..
            } => {
                self.wait(spot, WaitsFor::Child, *until);
                self.give_out(spot, *attempt, &Some(inputs.clone()), at);
                self.run_mut(spot).started_at.get_or_insert(at);
                let child = Child {
                    flow: Arc::clone(flow),
                    version: *version,
                    attempt: *attempt,
                    wait: *wait,
                    is_open: true,
                    run: None,
                    fork: fork.clone(),
                };
                self.child_requested(spot, child);
            }
            EventKind::ChildStarted { child, version, .. } => {
                self.child_started(spot, *child, *version);
                if let Some(attempt) = self.run_mut(spot).attempts.last_mut() {
                    attempt.started_at.get_or_insert(at);
                }
            }
            EventKind::LoopBegun { .. } => self.loop_begun(spot.task, at),
            // These are about the run.
            EventKind::RunCreated { .. }
            | EventKind::RunStarted {}
            | EventKind::PermitReturned {}
            | EventKind::RunPaused { .. }
            | EventKind::RunResumed {}
            | EventKind::SignalReceived { .. }
            | EventKind::TaskReused { .. }
            | EventKind::ChildReused { .. }
            | EventKind::RunCancelRequested { .. }
            | EventKind::RunEnding { .. }
            | EventKind::EndingStep { .. }
            | EventKind::RunFinished { .. } => {}
        }
    }

    fn keep_input(&mut self, spot: Spot, input: &Option<Payload>, at: Timestamp) {
        let task = self.run_mut(spot);
        task.ready_at.get_or_insert(at);
        if input.is_some() {
            task.input.clone_from(input);
        }
    }

    fn attempt_failed(&mut self, spot: Spot, error: &TaskError, retry_at: Option<Timestamp>, at: Timestamp) {
        self.end_attempt(
            spot,
            AttemptEnd::Failed {
                error: error.clone(),
                retry_at,
            },
            at,
        );
        self.run_mut(spot).n_failed += 1;
    }

    fn give_out(&mut self, spot: Spot, number: u32, input: &Option<Payload>, at: Timestamp) {
        self.keep_input(spot, input, at);
        let task = self.run_mut(spot);
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

    fn attempt_started(&mut self, spot: Spot, worker: &Arc<str>, at: Timestamp) {
        let Some(token) = self.run_of(spot).state.token() else {
            return;
        };
        self.move_to(spot, TaskState::Running { token });
        self.data.tokens.insert(token, spot);
        let limit = self.plan.task(spot.task).doc.timeout;
        let task = self.run_mut(spot);
        task.started_at.get_or_insert(at);
        if let Some(attempt) = task.attempts.last_mut() {
            attempt.started_at.get_or_insert(at);
            attempt.worker = Some(Arc::clone(worker));
        }
        if let Some(limit) = limit {
            self.set_timer(
                spot,
                at.plus(limit.as_duration())
                    .plus(Duration::from_millis(TIMEOUT_BACKSTOP_MS)),
            );
        }
    }

    /// A light task's failed attempt was never given out, but its history shall show it.
    fn light_attempt(&mut self, spot: Spot, at: Timestamp) {
        if self.plan.task(spot.task).light.is_none() {
            return;
        }
        let task = self.run_mut(spot);
        if task.attempts.last().is_some_and(|attempt| attempt.end.is_none()) {
            return;
        }
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

    fn end_attempt(&mut self, spot: Spot, end: AttemptEnd, at: Timestamp) {
        if let Some(attempt) = self
            .run_mut(spot)
            .attempts
            .last_mut()
            .filter(|attempt| attempt.end.is_none())
        {
            attempt.finished_at = Some(at);
            attempt.end = Some(end);
        }
    }

    fn wait(&mut self, spot: Spot, waits_for: WaitsFor, until: Option<Timestamp>) {
        self.move_to(spot, TaskState::Waiting { waits_for, until });
        if let Some(until) = until {
            self.set_timer(spot, until);
        }
    }

    fn set_timer(&mut self, spot: Spot, at: Timestamp) {
        self.run_mut(spot).timer = Some(at);
        self.data.timers.insert((at, Timer::Task(spot)));
    }

    /// Leaves the old state behind, with its token and timer, for the new one.
    pub(super) fn move_to(&mut self, spot: Spot, state: TaskState) {
        self.let_go(spot);
        self.take_off_agenda(spot);
        let is_waiting = |state: &TaskState| u32::from(matches!(state, TaskState::Waiting { .. }));
        let is_asking = |state: &TaskState| {
            u32::from(matches!(
                state,
                TaskState::Waiting {
                    waits_for: WaitsFor::Approval,
                    ..
                }
            ))
        };
        let (task, counts) = match spot.part {
            None => (
                self.data.tasks.get_mut(spot.task as usize),
                Some(&mut self.data.counts),
            ),
            Some(part) => match self.data.parts.get_mut(&spot.task) {
                Some(parts) => (parts.open.get_mut(&part), Some(&mut parts.counts)),
                None => (None, None),
            },
        };
        let (Some(task), Some(counts)) = (task, counts) else {
            return;
        };
        // A damaged log may leave states that nobody had entered.
        let left = u32::saturating_sub;
        self.data.n_waiting = left(self.data.n_waiting + is_waiting(&state), is_waiting(&task.state));
        self.data.n_asking = left(self.data.n_asking + is_asking(&state), is_asking(&task.state));
        let before = counts.of(task.state.status());
        *before = left(*before, 1);
        *counts.of(state.status()) += 1;
        task.state = state;
    }
}
