//! Commands decided into events.
//!
//! A decision applies its events as it makes them, so that what follows from the first is decided upon it; a state that was
//! decided upon and whose commit then fails is thrown away by its owner and read again from the log. A rejected command has changed
//! nothing. One file per group of commands: [`attempts`], the [`agenda`] of tasks whose join was decided, [`light`] task types, the
//! [`pause`] and the [`ending`] of a run, the [`permit`] it needs to begin.

mod agenda;
mod attempts;
mod children;
mod ending;
mod items;
mod iterations;
mod keys;
mod light;
mod pause;
mod permit;
mod retry;
mod values;
mod waits;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::expr::Program;
use crate::ids::AttemptToken;
use crate::limits::{EVENTS_PER_RUN_MAX, LIGHT_BYTES_PER_DECISION_MAX, LIGHT_TASKS_PER_DECISION_MAX};
use crate::payload::BlobRef;
use crate::plan::{Plan, Spot, TaskIx};
use crate::run::command::{Command, Decision, Dispatch, Effect, Fork, NewRun, Rejected};
use crate::run::event::{Event, EventKind};
use crate::run::state::{RunState, TaskState, Timer};
use crate::time::Timestamp;

/// Where chance comes from: tokens and jitter. Seeded in tests.
pub trait Entropy {
    /// 128 fresh random bits.
    fn next(&mut self) -> u128;
}

impl<F: FnMut() -> u128> Entropy for F {
    fn next(&mut self) -> u128 {
        self()
    }
}

/// Large values that have been loaded.
pub trait BlobSource {
    /// The value, if it has been loaded.
    fn get(&self, blob: &BlobRef) -> Option<Arc<Value>>;
}

/// No large value at hand.
impl BlobSource for () {
    fn get(&self, _: &BlobRef) -> Option<Arc<Value>> {
        None
    }
}

/// What a decision takes from the world.
pub struct Env<'a> {
    /// The clock; a decision is dated by it or by the run's last event, whichever is later.
    pub now: Timestamp,
    /// On whose behalf.
    pub actor: Arc<str>,
    /// Where chance comes from.
    pub entropy: &'a mut dyn Entropy,
    /// Large values at hand.
    pub blobs: &'a dyn BlobSource,
}

/// Accepts a new run: its creation, its start and all that follows at once.
#[must_use]
pub fn create(plan: &Arc<Plan>, program: &Program, new: NewRun, env: Env<'_>) -> (RunState, Decision) {
    let mut labels: BTreeMap<String, String> = plan.doc.labels.clone().into_iter().collect();
    labels.extend(new.labels);
    let created = Event {
        seq: 1,
        at: env.now,
        actor: Arc::clone(&env.actor),
        kind: EventKind::RunCreated {
            run: new.id,
            flow: plan.doc.flow.as_str().into(),
            version: new.version,
            inputs: new.inputs,
            vars: new.vars,
            labels,
            trigger: new.trigger,
            idempotency_key: new.idempotency_key,
            parent: new.parent,
            forked_from: new.fork.as_ref().and_then(|fork| fork.from.clone()).map(Box::new),
            permit: new.permit.clone(),
            follows: new.follows,
            priority: new.priority.or(plan.doc.priority).unwrap_or(0),
        },
    };
    let Ok(mut state) = RunState::begin(Arc::clone(plan), &created) else {
        unreachable!("the event is a run's creation");
    };
    let mut decider = Decider::new(&mut state, program, env);
    decider.out.events.push(created);
    match new.permit {
        // It begins when it has its place.
        Some(permit) => decider.out.effects.push(Effect::AskPermit(permit)),
        None => decider.emit(EventKind::RunStarted {}),
    }
    if let Some(fork) = new.fork {
        decider.take_over(*fork);
    }
    decider.go_on();
    let decision = decider.out;
    (state, decision)
}

/// Answers a command with what happens and what has to be done about it.
///
/// # Errors
/// [`Rejected`] if the command changes nothing; the state is then as it was.
pub fn decide(
    state: &mut RunState,
    program: &Program,
    command: Command,
    env: Env<'_>,
) -> Result<Decision, Rejected> {
    if state.is_finished() {
        return Err(Rejected::Finished);
    }
    let mut decider = Decider::new(state, program, env);
    if decider.state.last_seq() >= EVENTS_PER_RUN_MAX {
        // Refusing every report instead would leave the run unfinished for ever.
        decider.end_of_log();
        return Ok(decider.out);
    }
    match command {
        Command::AttemptStarted { token, worker } => decider.attempt_started(token, worker)?,
        Command::AttemptEnded { token, outcome } => decider.attempt_ended(token, outcome)?,
        Command::Cancel { force, reason } => decider.cancel(force, reason),
        Command::Pause { reason } => decider.pause(reason)?,
        Command::Resume => decider.resume()?,
        Command::Signal { name, payload } => decider.signal(name, payload)?,
        Command::SignalTask { path, payload } => decider.signal_task(&path, payload)?,
        Command::Approve {
            path,
            approved,
            values,
            comment,
        } => decider.approve(&path, approved, values, comment)?,
        Command::ChildStarted {
            attempt,
            child,
            version,
        } => decider.child_started(&attempt, child, version)?,
        Command::ChildRefused { attempt, error } => decider.child_refused(&attempt, error)?,
        Command::ChildEnded {
            attempt,
            child,
            version,
            outcome,
            outputs,
            error,
        } => decider.child_ended(&attempt, (child, version), (outcome, outputs, error))?,
        Command::Granted => decider.granted(),
        Command::Refused { holders } => decider.refused(&holders),
        Command::Wake | Command::Continue => {}
        Command::Recover { workers_gone, held } => decider.recover(workers_gone, &held),
    }
    decider.fire_timers();
    decider.go_on();
    Ok(decider.out)
}

/// A decision in the making.
struct Decider<'s, 'e> {
    state: &'s mut RunState,
    plan: Arc<Plan>,
    program: &'s Program,
    now: Timestamp,
    actor: Arc<str>,
    entropy: &'e mut dyn Entropy,
    blobs: &'e dyn BlobSource,
    out: Decision,
    n_light: usize,
    light_bytes: usize,
}

impl<'s, 'e> Decider<'s, 'e> {
    fn new(state: &'s mut RunState, program: &'s Program, env: Env<'e>) -> Self {
        let plan = Arc::clone(state.plan());
        let now = env.now.max(state.last_at());
        Self {
            state,
            plan,
            program,
            now,
            actor: env.actor,
            entropy: env.entropy,
            blobs: env.blobs,
            out: Decision::default(),
            n_light: 0,
            light_bytes: 0,
        }
    }

    /// What holds of another run.
    fn take_over(&mut self, fork: Fork) {
        for reused in fork.reused {
            self.emit(EventKind::TaskReused {
                task: reused.path,
                output: reused.output,
                case: reused.case,
                exit_code: reused.exit_code,
                given_by: reused.given_by,
            });
        }
        for reused in fork.children {
            self.emit(EventKind::ChildReused {
                task: reused.path,
                flow: reused.flow,
                version: reused.version,
                child: reused.child,
                from: reused.from,
            });
        }
    }

    fn emit(&mut self, kind: EventKind) {
        let event = Event {
            seq: self.state.last_seq() + 1,
            at: self.now,
            actor: Arc::clone(&self.actor),
            kind,
        };
        self.state.apply(&event);
        if let EventKind::RunFinished { .. } = event.kind {
            self.tell_parent(&event.kind);
            self.release_permit();
        }
        self.out.events.push(event);
    }

    fn key(&self, ix: TaskIx) -> Arc<str> {
        Arc::clone(&self.plan.task(ix).key)
    }

    fn path(&self, spot: Spot) -> Arc<str> {
        self.plan.path(spot)
    }

    /// Works off the agenda and ends the run if nothing is left, until neither does anything or the decision is full.
    fn go_on(&mut self) {
        if self.state.is_paused() {
            return;
        }
        loop {
            while let Some(&spot) = self.state.data.agenda.front() {
                if self.is_full() {
                    self.out.unfinished = true;
                    return;
                }
                if !self.begin(spot) {
                    // A large value has to be loaded first.
                    return;
                }
            }
            if !self.advance_ending() {
                return;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.n_light >= LIGHT_TASKS_PER_DECISION_MAX || self.light_bytes >= LIGHT_BYTES_PER_DECISION_MAX
    }

    /// Lets due timers elapse, earliest first. One that cannot be acted on yet, for want of a large value, stays for the next
    /// decision.
    fn fire_timers(&mut self) {
        while let Some(&(due, timer)) = self.state.data.timers.first() {
            if due > self.now {
                return;
            }
            if self.is_full() {
                self.out.unfinished = true;
                return;
            }
            let done = match timer {
                Timer::Run => {
                    self.run_timed_out();
                    Ok(())
                }
                Timer::Ending => {
                    self.ending_timed_out();
                    Ok(())
                }
                Timer::Task(spot) => self.task_timer(spot),
            };
            if done.is_err() {
                return;
            }
        }
    }

    /// Asks again for what committed events ask for: effects may have been lost with a server or an answer. What nobody had begun is
    /// given out again as it was, or had back if the run is held; what was begun by workers that are gone is lost.
    fn recover(&mut self, workers_gone: bool, held: &[AttemptToken]) {
        self.recover_children();
        for spot in self.spots_out() {
            let token = self.state.run_of(spot).state.token();
            let workers_gone = workers_gone && token.is_none_or(|token| !held.contains(&token));
            match &self.state.run_of(spot).state {
                TaskState::Ready { token } | TaskState::Running { token }
                    if !workers_gone && self.state.is_stopped(spot) =>
                {
                    self.out.effects.push(Effect::CancelAttempt {
                        token: *token,
                        kill: false,
                    });
                }
                TaskState::Ready { token } if !self.state.is_stopped(spot) => {
                    let token = *token;
                    if self.state.is_paused() {
                        self.out.effects.push(Effect::RecallAttempt { token });
                    } else {
                        self.dispatch(spot, token);
                    }
                }
                _ if workers_gone => self.attempt_lost(spot),
                _ => {}
            }
        }
    }

    /// The task runs whose attempts are out, in the order of the plan.
    fn spots_out(&self) -> Vec<Spot> {
        let mut out: Vec<Spot> = self.state.data.tokens.values().copied().collect();
        out.sort_unstable();
        out
    }

    fn dispatch(&mut self, spot: Spot, token: AttemptToken) {
        let path = self.path(spot);
        let plan = self.plan.task(spot.task);
        let task = self.state.run_of(spot);
        let Some(input) = task.input.clone() else { return };
        self.out.effects.push(Effect::Dispatch(Dispatch {
            task: spot.task,
            path,
            task_type: plan.doc.task_type.as_str().into(),
            attempt: task.attempts.last().map_or(1, |attempt| attempt.number),
            token,
            input,
            secrets: Arc::clone(&plan.secrets),
            timeout: plan.doc.timeout.map(|limit| limit.as_duration()),
            at_most_once: plan.is_at_most_once(),
            since_first: task
                .started_at
                .map_or(std::time::Duration::ZERO, |first| self.now.since(first)),
            queue: plan.queue().into(),
            queue_key: task.keys.as_ref().and_then(|keys| keys.queue_key.clone()),
            priority: self
                .state
                .data
                .priority
                .saturating_add(plan.doc.priority.unwrap_or(0)),
            ready_at: task.attempts.last().map_or(self.now, |attempt| attempt.ready_at),
            cache_key: task
                .keys
                .as_ref()
                .filter(|_| !self.is_wanted_again(spot))
                .and_then(|keys| keys.cache_key.clone()),
        }));
    }
}
