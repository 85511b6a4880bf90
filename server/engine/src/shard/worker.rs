//! The loop itself.

use std::sync::Arc;
use std::time::Duration;

use flow::payload::BlobRef;
use flow::run::{Command, Decision, Env, Rejected, create, decide};
use flow::{AttemptToken, RunId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

#[cfg(test)]
use super::Planted;
use super::batch::{Batch, Entry};
use super::commits::Committing;
use super::resident::{Here, Resident};
use super::timers::Timers;
use super::{Message, Router, RunCommand, Shared, Start, load};
use crate::chance::Chance;
use crate::clock::wait_for;
use crate::error::{EngineError, EngineResult};
use crate::store::MessageId;

/// Messages taken from the inbox in one go, so that timers and commits get their turn.
const MESSAGES_PER_TURN: usize = 512;

/// Idle runs kept in memory; the others are read again when their timer is due.
pub(super) const IDLE_RESIDENT_MAX: usize = 8192;

/// How long after a failed commit its runs are looked at again.
pub(super) const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Starts a loop on a thread of its own.
///
/// # Errors
/// If the thread cannot be made.
pub(crate) fn spawn(
    name: &str,
    shared: Shared,
    router: Router,
    inbox: mpsc::UnboundedReceiver<Message>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        runtime.block_on(run(shared, router, inbox));
    })?;
    Ok(())
}

/// The loop as a future, for who drives it himself.
pub(crate) async fn run(shared: Shared, router: Router, inbox: mpsc::UnboundedReceiver<Message>) {
    ShardLoop::new(shared, router).run(inbox).await;
}

pub(super) struct ShardLoop {
    pub(super) shared: Shared,
    pub(super) router: Router,
    pub(super) runs: FxHashMap<RunId, Resident>,
    /// As many of them are counted among those in memory.
    pub(super) n_counted: u64,
    pub(super) timers: Timers,
    pub(super) batch: Batch,
    /// The batch whose commit is under way.
    pub(super) in_commit: Option<Batch>,
    /// Runs that are looked at again because something failed, whatever their timers say.
    pub(super) again: FxHashSet<RunId>,
    /// What the clock showed when it was last looked at.
    seen: Timestamp,
    chance: Chance,
    stopping: Vec<oneshot::Sender<()>>,
}

impl ShardLoop {
    fn new(shared: Shared, router: Router) -> Self {
        let chance = Chance::new(Arc::clone(&shared.chance));
        Self {
            shared,
            router,
            runs: FxHashMap::default(),
            n_counted: 0,
            timers: Timers::default(),
            batch: Batch::default(),
            in_commit: None,
            again: FxHashSet::default(),
            seen: Timestamp::default(),
            chance,
            stopping: Vec::new(),
        }
    }

    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let mut committing: Option<Committing> = None;
        loop {
            if committing.is_none() && !self.batch.is_empty() {
                committing = Some(self.begin_commit());
            }
            if committing.is_none() && !self.stopping.is_empty() {
                // The store is let go before anybody is told, so that another engine can have its folder at once.
                let stopping = std::mem::take(&mut self.stopping);
                drop(self);
                stopping.into_iter().for_each(|stopped| tell(stopped, ()));
                return;
            }
            let next_due = self.timers.next();
            let clock = Arc::clone(&self.shared.clock);
            tokio::select! {
                biased;
                done = async { match committing.as_mut() { Some(commit) => commit.await, None => std::future::pending().await } } => {
                    committing = None;
                    self.committed(done);
                }
                message = inbox.recv(), if !self.batch.is_full() && self.stopping.is_empty() => {
                    let Some(message) = message else { return };
                    self.take(message);
                    for _ in 0..MESSAGES_PER_TURN {
                        if self.batch.is_full() { break }
                        match inbox.try_recv() { Ok(message) => self.take(message), Err(_) => break }
                    }
                }
                () = wait_for(&*clock, next_due),
                    if self.stopping.is_empty() && !self.batch.is_full() => {}
            }
            if self.stopping.is_empty() {
                self.wake_due();
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Start(start) => self.start(*start),
            Message::Command(command) => self.command(command),
            Message::Loaded { run, loaded } => self.loaded(run, *loaded),
            Message::Values { run, values } => self.values(run, values),
            Message::Arm { run, at } => self.timers.arm_at_the_latest(run, at),
            Message::Stop { stopped } => self.stopping.push(stopped),
            #[cfg(test)]
            Message::Inspect { inspected } => tell(inspected, self.inspect()),
        }
    }

    fn start(&mut self, start: Start) {
        let Start {
            compiled,
            new,
            actor,
            idempotency,
            accepted,
            ended,
        } = start;
        let env = Env {
            now: self.shared.clock.now(),
            actor,
            entropy: &mut self.chance,
            blobs: &(),
        };
        let (state, decision) = create(&compiled.plan, &compiled.program, new, env);
        let run = state.id();
        let mut here = Here::new(state, compiled);
        here.waiters.extend(ended);
        #[cfg(test)]
        let is_early = self.shared.planted == Planted::EarlyAnswers;
        let entry = self.record(&mut here, decision, idempotency);
        entry.is_new = true;
        entry.accepted = Some(accepted);
        #[cfg(test)]
        if is_early && let Some(accepted) = entry.accepted.take() {
            tell(accepted, Ok(super::Accepted::New));
        }
        self.runs.insert(run, Resident::Here(Box::new(here)));
        self.count_resident();
    }

    fn command(&mut self, command: RunCommand) {
        let run = command.run;
        match self.runs.get_mut(&run) {
            Some(Resident::Loading(waiting)) => waiting.push(command),
            None => {
                self.runs.insert(run, Resident::Loading(vec![command]));
                load::run(&self.shared, &self.router, run);
            }
            Some(Resident::Here(_)) => {
                if let Some(Resident::Here(mut here)) = self.runs.remove(&run) {
                    self.decide(&mut here, command);
                    self.runs.insert(run, Resident::Here(here));
                }
            }
        }
    }

    fn decide(&mut self, here: &mut Here, asked: RunCommand) {
        let RunCommand {
            run,
            command,
            actor,
            reply,
            takes,
        } = asked;
        let env = Env {
            now: self.shared.clock.now(),
            actor: Arc::clone(&actor),
            entropy: &mut self.chance,
            blobs: &here.values,
        };
        #[cfg(test)]
        let command = self.shared.planted.twist(&here.state, command);
        let kept = reply.is_none().then(|| command.clone());
        let started = match &command {
            Command::AttemptStarted { token, .. } => Some(*token),
            _ => None,
        };
        match decide(&mut here.state, &here.compiled.program, command.clone(), env) {
            Ok(decision) => {
                let is_trivial = decision.events.is_empty() && decision.effects.is_empty();
                let is_complete = decision.needs_blobs.is_empty() && !decision.unfinished;
                let is_nothing = is_trivial && is_complete && started.is_none();
                if is_nothing && let Some(message) = takes {
                    self.take_for_nothing(run, message, reply);
                    self.timers.arm(run, here.state.wake_at());
                    return;
                }
                if is_nothing && (here.n_uncommitted == 0 || reply.is_none()) {
                    // Nothing to commit, so nothing to wait for; only its timer may have to be set again. An answer that rests on what
                    // is not committed yet does wait.
                    self.timers.arm(run, here.state.wake_at());
                    if let Some(reply) = reply {
                        tell(reply, Ok(()));
                    }
                    return;
                }
                let entry = self.record(here, decision, None);
                entry.started.extend(started);
                entry.replies.extend(reply);
                entry.takes.extend(takes);
                entry.reports.extend(kept.map(|command| RunCommand {
                    run,
                    command,
                    actor,
                    reply: None,
                    takes: None,
                }));
            }
            Err(Rejected::NeedsBlobs(wanted)) => {
                here.parked.push(RunCommand {
                    run,
                    command,
                    actor,
                    reply,
                    takes,
                });
                self.read_values(here, wanted);
            }
            Err(rejected) => {
                debug!(run.id = %run, "Run {run} rejects a command: {rejected}");
                // An attempt that another has begun is his.
                let is_held = started.is_some_and(|token| here.state.held_tokens().any(|held| held == token));
                if let Some(message) = takes {
                    self.take_for_nothing(run, message, reply);
                } else if here.n_uncommitted > 0 {
                    // What it is refused for may never happen: the refusal waits for the commit, and should that fail, a report
                    // comes again.
                    let entry = self.record(here, Decision::default(), None);
                    match reply {
                        Some(reply) => entry.refusals.push((reply, refusal(run, rejected))),
                        None => {
                            entry.unstarted.extend(started.filter(|_| !is_held));
                            entry.reports.push(RunCommand {
                                run,
                                command,
                                actor,
                                reply: None,
                                takes: None,
                            });
                        }
                    }
                } else if let Some(reply) = reply {
                    tell(reply, Err(refusal(run, rejected)));
                } else if let Some(token) = started.filter(|_| !is_held) {
                    self.take_back(token);
                }
            }
        }
    }

    /// Ends an attempt whose start is refused: it would wait for its confirmation for ever, with somebody's place.
    pub(super) fn take_back(&self, token: AttemptToken) {
        self.shared.dispatch.cancel(token, true);
    }

    /// Takes a message that causes nothing: with the next batch, so that nothing it was judged by can fail to be committed.
    fn take_for_nothing(
        &mut self,
        run: RunId,
        message: MessageId,
        reply: Option<oneshot::Sender<EngineResult<()>>>,
    ) {
        let entry = self.batch.entry(run);
        entry.takes.push(message);
        entry.replies.extend(reply);
    }

    /// Puts a decision into the batch and sees to what it leaves for later.
    fn record(
        &mut self,
        here: &mut Here,
        mut decision: Decision,
        idempotency: Option<crate::store::Idempotency>,
    ) -> &mut Entry {
        let run = here.state.id();
        here.n_uncommitted += 1;
        let wanted = std::mem::take(&mut decision.needs_blobs);
        if decision.unfinished {
            let command = Command::Continue;
            self.router
                .send(run, Message::Command(RunCommand::of_engine(run, command)));
        }
        if wanted.is_empty() {
            here.values.0.clear();
        } else {
            self.read_values(here, wanted);
        }
        // What is tried out starts nothing else.
        let is_followed = here.state.is_finished()
            && !flow::trial::is_trial(here.state.version())
            && self.shared.flows.is_followed(here.state.flow());
        #[cfg(test)]
        if self.shared.planted == Planted::NoTimers {
            return self.batch.add(&here.state, decision, idempotency, is_followed);
        }
        self.timers.arm(run, here.state.wake_at());
        self.batch.add(&here.state, decision, idempotency, is_followed)
    }

    fn read_values(&self, here: &mut Here, wanted: Vec<BlobRef>) {
        if std::mem::replace(&mut here.is_reading, true) {
            return;
        }
        if here.n_uncommitted > 0 {
            here.wanted = (here.n_uncommitted, wanted);
        } else {
            load::values(&self.shared, &self.router, here.state.id(), wanted);
        }
    }

    fn values(&mut self, run: RunId, values: EngineResult<Vec<(BlobRef, Arc<Value>)>>) {
        let Some(Resident::Here(mut here)) = self.runs.remove(&run) else {
            return;
        };
        here.is_reading = false;
        match values {
            Ok(values) => {
                here.values.0.extend(values);
                let mut parked = std::mem::take(&mut here.parked);
                parked.push(RunCommand::of_engine(run, Command::Continue));
                parked
                    .into_iter()
                    .for_each(|command| self.decide(&mut here, command));
            }
            Err(error) => {
                warn!(run.id = %run, "Run {run} has to wait for values that cannot be read: {error}");
                for RunCommand {
                    command,
                    actor,
                    reply,
                    ..
                } in std::mem::take(&mut here.parked)
                {
                    match reply {
                        Some(reply) => tell(reply, Err(error.clone())),
                        None => here.parked.push(RunCommand {
                            run,
                            command,
                            actor,
                            reply: None,
                            takes: None,
                        }),
                    }
                }
                self.look_again(run);
            }
        }
        self.runs.insert(run, Resident::Here(here));
    }

    fn loaded(&mut self, run: RunId, loaded: load::Loaded) {
        let Some(Resident::Loading(waiting)) = self.runs.remove(&run) else {
            return;
        };
        match loaded {
            Ok(Some((state, compiled))) if !state.is_finished() => {
                self.timers.arm(run, state.wake_at());
                let mut here = Box::new(Here::new(state, compiled));
                // Effects of earlier decisions may have been lost with the answer of their commit.
                here.state
                    .held_tokens()
                    .for_each(|token| self.shared.dispatch.confirm_started(token));
                let command = Command::Recover {
                    workers_gone: false,
                    held: Vec::new(),
                };
                self.decide(&mut here, RunCommand::of_engine(run, command));
                waiting
                    .into_iter()
                    .for_each(|command| self.decide(&mut here, command));
                self.runs.insert(run, Resident::Here(here));
            }
            Ok(Some(_)) => self.refuse(waiting, &EngineError::Finished(run)),
            Ok(None) => self.refuse(waiting, &EngineError::UnknownRun(run)),
            Err(error) => {
                warn!(run.id = %run, "Run {run} cannot be read: {error}");
                let (asked, reports): (Vec<_>, Vec<_>) =
                    waiting.into_iter().partition(|command| command.reply.is_some());
                answer(asked, &error);
                self.offer_again(reports);
                self.look_again(run);
            }
        }
    }

    /// Answers commands to a run that can take none any more.
    fn refuse(&mut self, commands: Vec<RunCommand>, error: &EngineError) {
        for command in commands {
            match (command.takes, command.reply) {
                (Some(message), reply) => self.take_for_nothing(command.run, message, reply),
                (None, Some(reply)) => tell(reply, Err(error.clone())),
                (None, None) => {
                    if let Command::AttemptStarted { token, .. } = command.command {
                        self.take_back(token);
                    }
                }
            }
        }
    }

    fn wake_due(&mut self) {
        let now = self.shared.clock.now();
        if now < std::mem::replace(&mut self.seen, now) {
            // The clock was set back. What is due then is due then, but nobody meant a second look to wait for hours.
            for run in &self.again {
                self.timers.arm_at_the_latest(*run, now.plus(AFTER_FAILURE));
            }
        }
        while !self.batch.is_full() {
            let Some(run) = self.timers.take_due(now) else {
                return;
            };
            self.again.remove(&run);
            self.command(RunCommand::of_engine(run, Command::Wake));
        }
    }
}

fn answer(commands: Vec<RunCommand>, error: &EngineError) {
    for reply in commands.into_iter().filter_map(|command| command.reply) {
        tell(reply, Err(error.clone()));
    }
}

fn refusal(run: RunId, rejected: Rejected) -> EngineError {
    match rejected {
        Rejected::Finished => EngineError::Finished(run),
        Rejected::BadAnswer(problems) => EngineError::BadAnswer(problems),
        Rejected::Ending
        | Rejected::Signalled(_)
        | Rejected::TooManySignals
        | Rejected::NotWaiting(_)
        | Rejected::NoSignal(_)
        | Rejected::NameUnknown(_) => EngineError::NotNow(rejected.to_string()),
        Rejected::StaleToken => EngineError::StaleAttempt,
        Rejected::NeedsBlobs(_) => EngineError::BadRequest(rejected.to_string()),
    }
}

/// Sends an answer to somebody who may have gone.
pub(super) fn tell<T>(to: oneshot::Sender<T>, answer: T) {
    let _ = to.send(answer);
}
