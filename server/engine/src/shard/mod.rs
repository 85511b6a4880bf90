//! The shard loop: it owns runs, decides what is asked of them, commits, and only then acts.
//!
//! One loop is one thread that owns the shards that hash to it and keeps their runs resident. While one batch is being committed it
//! goes on deciding into the next, which is what makes group commit: the slower the disk, the larger the batches. A run whose
//! commit fails leaves memory with all that was decided upon it, and is read again from the log.
//!
//! [`resident`]: a run in memory · [`batch`]: decisions waiting for their commit · [`timers`]: who has to be woken when ·
//! [`worker`]: the loop itself · [`commits`]: from decisions to what is done about them · [`effects`]: what a decision asks for ·
//! [`load`]: runs and values brought into memory

mod batch;
mod commits;
mod effects;
#[cfg(test)]
mod inspect;
mod load;
mod resident;
mod results;
mod timers;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use flow::RunId;
use flow::payload::BlobRef;
use flow::run::{Command, NewRun};
use flow::view::RunDetail;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::chance::ChanceSource;
use crate::clock::Clock;
use crate::dispatch::Dispatch;
use crate::error::{EngineError, EngineResult};
use crate::flows::{Compiled, Flows};
use crate::hub::Hub;
use crate::messages::courier::Courier;
use crate::notify::Bells;
use crate::store::{BlobStore, Idempotency, MessageId, ShardEpochs, Store};
use crate::task_logs::LogWriter;

#[cfg(test)]
pub(crate) use inspect::{Inspected, Planted};
pub(crate) use load::read_payload;
#[cfg(any(test, feature = "testing"))]
pub(crate) use worker::run;
pub(crate) use worker::spawn;

/// Starts that may be in hand at once. Beyond it callers are told to come back: a queue nobody drains helps nobody.
pub(crate) const STARTS_IN_HAND_MAX: usize = 20_000;

/// What a loop is told.
pub(crate) enum Message {
    /// Accept a new run.
    Start(Box<Start>),
    /// Decide a command.
    Command(RunCommand),
    /// A run was read from the log, or could not be.
    Loaded { run: RunId, loaded: Box<load::Loaded> },
    /// Large values were read.
    Values {
        run: RunId,
        values: EngineResult<Vec<(BlobRef, Arc<Value>)>>,
    },
    /// A run must be woken at this time: told at the start for runs that are not in memory.
    Arm { run: RunId, at: flow::Timestamp },
    /// Stop: what is in hand is committed, nothing new is taken.
    Stop { stopped: oneshot::Sender<()> },
    /// Tell what is in memory.
    #[cfg(test)]
    Inspect { inspected: oneshot::Sender<Inspected> },
}

/// A new run.
pub(crate) struct Start {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) new: NewRun,
    pub(crate) actor: Arc<str>,
    pub(crate) idempotency: Option<Idempotency>,
    /// Told once the start is committed, or why it was not.
    pub(crate) accepted: oneshot::Sender<EngineResult<Accepted>>,
    /// Told once the run has ended.
    pub(crate) ended: Option<oneshot::Sender<Arc<RunDetail>>>,
}

/// A start's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// The run is new.
    New,
    /// Its key belongs to this run.
    Existing { run: RunId, inputs_hash: u64 },
}

/// A command to a run.
pub(crate) struct RunCommand {
    pub(crate) run: RunId,
    pub(crate) command: Command,
    pub(crate) actor: Arc<str>,
    /// Told once what was decided is committed, or why nothing was. Reports of workers have none: they are offered again.
    pub(crate) reply: Option<oneshot::Sender<EngineResult<()>>>,
    /// The message it was brought by. It is taken with what is decided, also if that is nothing.
    pub(crate) takes: Option<MessageId>,
}

impl RunCommand {
    /// A command of the engine's own that nobody waits for.
    pub(crate) fn of_engine(run: RunId, command: Command) -> Self {
        Self {
            run,
            command,
            actor: "engine".into(),
            reply: None,
            takes: None,
        }
    }
}

/// Counters of the engine, for `/metrics`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Runs accepted.
    pub runs_started: AtomicU64,
    /// Runs ended.
    pub runs_finished: AtomicU64,
    /// Events committed.
    pub events: AtomicU64,
    /// Batches committed.
    pub commits: AtomicU64,
    /// Batches whose commit failed.
    pub commit_failures: AtomicU64,
    /// Attempts given out.
    pub attempts: AtomicU64,
    /// Runs in memory.
    pub resident: AtomicU64,
    /// Finished runs deleted because they are no longer kept.
    pub runs_deleted: AtomicU64,
}

/// All a loop works with.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) flows: Arc<Flows>,
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) logs: LogWriter,
    pub(crate) hub: Arc<Hub>,
    pub(crate) courier: Courier,
    pub(crate) bells: Arc<Bells>,
    /// What is done beside the loops and must not be at work in the store any more when the engine has stopped. Once this is closed, what
    /// would take long is left for the next start.
    pub(crate) errands: TaskTracker,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn ChanceSource>,
    pub(crate) epochs: ShardEpochs,
    pub(crate) counters: Arc<Counters>,
    /// The runtime on which reading and dispatching happens beside the loops.
    pub(crate) runtime: tokio::runtime::Handle,
    /// A defect that the simulator must find.
    #[cfg(test)]
    pub(crate) planted: Planted,
}

/// The way to the loop that owns a run.
#[derive(Clone)]
pub(crate) struct Router {
    loops: Arc<Vec<mpsc::UnboundedSender<Message>>>,
    starts_in_hand: Arc<AtomicUsize>,
}

impl Router {
    /// A router and what its loops receive.
    pub(crate) fn new(n_loops: usize) -> (Self, Vec<mpsc::UnboundedReceiver<Message>>) {
        let (senders, receivers) = (0..n_loops.max(1)).map(|_| mpsc::unbounded_channel()).unzip();
        (
            Self {
                loops: Arc::new(senders),
                starts_in_hand: Arc::default(),
            },
            receivers,
        )
    }

    /// Tells the loop that owns the run. False if it has stopped.
    pub(crate) fn send(&self, run: RunId, message: Message) -> bool {
        self.loops[usize::from(run.shard()) % self.loops.len()]
            .send(message)
            .is_ok()
    }

    /// Starts a run; answers once it is committed.
    pub(crate) async fn start(
        &self,
        start: impl FnOnce(oneshot::Sender<EngineResult<Accepted>>) -> Start,
    ) -> EngineResult<Accepted> {
        let in_hand = self.starts_in_hand.fetch_add(1, Ordering::Relaxed);
        let _guard = InHand(Arc::clone(&self.starts_in_hand));
        if in_hand >= STARTS_IN_HAND_MAX {
            return Err(EngineError::Overloaded(in_hand));
        }
        let (accepted, answer) = oneshot::channel();
        let start = start(accepted);
        if !self.send(start.new.id, Message::Start(Box::new(start))) {
            return Err(stopping());
        }
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// Gives a command; answers once what it decided is committed.
    pub(crate) async fn command(&self, run: RunId, command: Command, actor: Arc<str>) -> EngineResult<()> {
        self.ask(run, command, actor, None).await
    }

    /// Gives a command that a message brought; answers once the message is taken, whatever was decided.
    pub(crate) async fn deliver(&self, run: RunId, command: Command, takes: MessageId) -> EngineResult<()> {
        self.ask(run, command, "engine".into(), Some(takes)).await
    }

    async fn ask(
        &self,
        run: RunId,
        command: Command,
        actor: Arc<str>,
        takes: Option<MessageId>,
    ) -> EngineResult<()> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Command(RunCommand {
            run,
            command,
            actor,
            reply: Some(reply),
            takes,
        });
        if !self.send(run, message) {
            return Err(stopping());
        }
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }

    /// Stops all loops; what is in hand is committed first.
    pub(crate) async fn stop(&self) {
        for sender in self.loops.iter() {
            let (stopped, wait) = oneshot::channel();
            if sender.send(Message::Stop { stopped }).is_ok() {
                // An error means that the loop is gone already.
                let _ = wait.await;
            }
        }
    }
}

struct InHand(Arc<AtomicUsize>);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn stopping() -> EngineError {
    EngineError::Unavailable("the server is shutting down".to_owned())
}
