//! What may be asked of a run, and what has to be done after the answer is committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{AttemptToken, RunId};
#[cfg(feature = "author")]
use crate::payload::NewBlob;
use crate::payload::{BlobRef, Payload};
use crate::plan::TaskIx;
#[cfg(feature = "author")]
use crate::run::event::Event;
use crate::run::event::TaskError;

/// What a new run starts from. Inputs are resolved: defaults filled in, types checked.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The flow's id; the version is the plan's.
    pub version: u32,
    /// What it is given.
    pub inputs: Payload,
    /// Labels beside the flow's own.
    pub labels: BTreeMap<String, String>,
    /// What started it: `api`, `ui`, `cli` …
    pub trigger: Arc<str>,
    /// The caller's key: the same key finds the same run.
    pub idempotency_key: Option<String>,
}

/// What may be asked of a run.
#[derive(Clone, Debug)]
pub enum Command {
    /// A worker began an attempt.
    AttemptStarted {
        /// Of this attempt.
        token: AttemptToken,
        /// Who.
        worker: Arc<str>,
    },
    /// An attempt ended.
    AttemptEnded {
        /// This attempt.
        token: AttemptToken,
        /// How.
        outcome: Outcome,
    },
    /// Cancel the run.
    Cancel {
        /// Leave out undo, finally and `on_failure`; kill at once.
        force: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Start nothing more until [`Command::Resume`]: attempts that are out come to their end.
    Pause {
        /// Why.
        reason: Option<String>,
    },
    /// Go on after [`Command::Pause`].
    Resume,
    /// Due timers elapse.
    Wake,
    /// Go on with what the last decision left for later.
    Continue,
    /// The run was read from its log: ask again for what its committed events ask for.
    Recover {
        /// Whether the server that had its attempts is gone: what was begun is then lost.
        workers_gone: bool,
    },
}

/// How an attempt ended: a closed list.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The work is done.
    Succeeded {
        /// What it gave.
        output: Payload,
        /// A process's exit code.
        exit_code: Option<i32>,
    },
    /// It is not.
    Failed {
        /// Why.
        error: TaskError,
        /// What it gave all the same.
        output: Option<Payload>,
    },
    /// It was asked to stop and did.
    Cancelled,
    /// It wants to be called again after this pause; no worker is held meanwhile.
    Snoozed(Duration),
    /// The worker went away with it.
    Lost,
}

/// Why a command changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The report's token is not the current attempt's: another attempt followed, its run ended, or another worker began it.
    #[error("the attempt is no longer current; its report changes nothing")]
    StaleToken,
    /// The run has ended.
    #[error("the run is finished")]
    Finished,
    /// The work of the run is over, so there is nothing to hold.
    #[error("the run is ending; it can be cancelled, not paused")]
    Ending,
    /// Values that must be loaded first; then the command can be decided.
    #[error("values have to be loaded first")]
    NeedsBlobs(Vec<BlobRef>),
}

/// What has to be done once the events are committed. Each can be derived again from state; repeating one is harmless.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Give an attempt to a worker.
    Dispatch(Dispatch),
    /// Ask the worker of an attempt to end it.
    CancelAttempt {
        /// Which.
        token: AttemptToken,
        /// At once, without the chance to end by itself.
        kill: bool,
    },
    /// A line for a light task's log.
    Log {
        /// The task run's path.
        task: Arc<str>,
        /// From 1.
        attempt: u32,
        /// `debug`, `info`, `warning` or `error`.
        level: Arc<str>,
        /// The line.
        message: Arc<str>,
    },
}

/// An attempt to be given to a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// The task's number in the plan.
    pub task: TaskIx,
    /// The task run's path.
    pub path: Arc<str>,
    /// The task type's key.
    pub task_type: Arc<str>,
    /// From 1.
    pub attempt: u32,
    /// What reports must carry.
    pub token: AttemptToken,
    /// Its arguments.
    pub input: Payload,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Whether the work may only begin once its `AttemptStarted` is committed: at most once, never twice.
    pub at_most_once: bool,
    /// How long after the task's first attempt began this one is given out; zero for the first.
    pub since_first: Duration,
}

/// The answer to a command.
#[cfg(feature = "author")]
#[derive(Debug, Default, PartialEq)]
pub struct Decision {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What has to be done once they are committed.
    pub effects: Vec<Effect>,
    /// Large values the events refer to; they must be durable before the events are.
    pub blobs: Vec<NewBlob>,
    /// Values that must be loaded before the run can go on by [`Command::Continue`].
    pub needs_blobs: Vec<BlobRef>,
    /// Whether there is more to do at once by [`Command::Continue`].
    pub unfinished: bool,
}
