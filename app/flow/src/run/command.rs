//! What may be asked of a run, and what has to be done after the answer is committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::gate::Permit;
use crate::ids::{AttemptToken, RunId};
#[cfg(feature = "author")]
use crate::payload::NewBlob;
use crate::payload::{BlobRef, Payload};
use crate::plan::{Light, Plan, TaskIx};
#[cfg(feature = "author")]
use crate::run::event::Event;
use crate::run::event::{CachedFrom, Ended, FollowedRun, ForkedFrom, ParentRun, RunError, TaskError};
use crate::secrets::SecretUse;
use crate::time::Timestamp;

/// What a new run starts from. Inputs are resolved: defaults filled in, types checked.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The flow's id; the version is the plan's.
    pub version: u32,
    /// What it is given.
    pub inputs: Payload,
    /// The variables that the flow's expressions name, as they are now: the run sees these values to its end.
    pub vars: Map<String, Value>,
    /// Labels beside the flow's own.
    pub labels: BTreeMap<String, String>,
    /// What started it: `api`, `ui`, `cli` …
    pub trigger: Arc<str>,
    /// The caller's key: the same key finds the same run.
    pub idempotency_key: Option<String>,
    /// The task of another run that starts it.
    pub parent: Option<Box<ParentRun>>,
    /// What it takes from another run.
    pub fork: Option<Box<Fork>>,
    /// What it needs before it begins.
    pub permit: Option<Box<Permit>>,
    /// The run whose end starts it.
    pub follows: Option<Box<FollowedRun>>,
    /// How urgent it is; as the flow says unless given.
    pub priority: Option<i32>,
}

/// What a run takes from another.
#[derive(Clone, Debug)]
pub struct Fork {
    /// The other run, and from where on this one runs for itself; none if what it takes was given by hand, or does not make it a
    /// descendant.
    pub from: Option<ForkedFrom>,
    /// The results that hold here as well.
    pub reused: Vec<Reused>,
    /// The runs that tasks of the other had asked for and from which those asked for here take what holds.
    pub children: Vec<ReusedChild>,
}

/// A run that a task's next child takes results from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReusedChild {
    /// The task run's path.
    pub path: Arc<str>,
    /// The flow it is of.
    pub flow: Arc<str>,
    /// The version of that flow that the new child is of, unless the task says otherwise.
    pub version: u32,
    /// The old child.
    pub child: RunId,
    /// The path inside of the task from which on all runs again; absent if only what had not succeeded does.
    pub from: Option<Arc<str>>,
}

/// A result that holds in another run as well.
#[derive(Clone, Debug, PartialEq)]
pub struct Reused {
    /// The task run's path.
    pub path: Arc<str>,
    /// What it gave.
    pub output: Payload,
    /// The case it took.
    pub case: Option<Arc<str>>,
    /// A process's exit code.
    pub exit_code: Option<i32>,
    /// Who said that it gave this, if no run did.
    pub given_by: Option<Arc<str>>,
}

impl Reused {
    /// What a task is said to give, with the same kept. A switch takes the case of that name, an approval that
    /// of its answer.
    #[must_use]
    pub fn given(plan: &Plan, task: &str, output: &Value, kept: Payload) -> Self {
        let light = plan.find(task).and_then(|ix| plan.task(ix).light);
        let case = match light {
            Some(Light::Switch) => output.as_str(),
            Some(Light::Approval) => output
                .get("approved")
                .and_then(Value::as_bool)
                .filter(|approved| *approved)
                .map(|_| "approved"),
            _ => None,
        };
        let case = case.map(Into::into);
        Self {
            path: task.into(),
            output: kept,
            case,
            exit_code: None,
            given_by: None,
        }
    }
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
    /// Something named came from outside. It is kept for who waits for it later; the first of a name wins.
    Signal {
        /// Its name.
        name: Arc<str>,
        /// What came with it.
        payload: Payload,
    },
    /// What a `signal` task waits for, or will wait for, came from outside.
    SignalTask {
        /// The task run's path.
        path: Arc<str>,
        /// What came with it.
        payload: Payload,
    },
    /// A person answered an `approval`.
    Approve {
        /// The task run's path.
        path: Arc<str>,
        /// Yes or no.
        approved: bool,
        /// The fields of its form.
        values: Value,
        /// What the person had to say.
        comment: Option<String>,
    },
    /// The run a task asked for was accepted. Told again, it changes nothing.
    ChildStarted {
        /// Of this attempt.
        attempt: ChildAttempt,
        /// The run.
        child: RunId,
        /// The version it is pinned to.
        version: u32,
    },
    /// The run a task asked for cannot be: no such flow, wrong inputs.
    ChildRefused {
        /// Of this attempt.
        attempt: ChildAttempt,
        /// Why.
        error: TaskError,
    },
    /// The run a task waits for ended. Told again, it changes nothing.
    ChildEnded {
        /// Of this attempt.
        attempt: ChildAttempt,
        /// The run.
        child: RunId,
        /// The flow version it was of; it may be told of before its start is.
        version: Option<u32>,
        /// How.
        outcome: Ended,
        /// What it gave.
        outputs: Option<Payload>,
        /// Why it failed.
        error: Option<RunError>,
    },
    /// The place it waits for is its. Told again, it changes nothing.
    Granted,
    /// There is no place for it and it does not wait for one.
    Refused {
        /// Who has the places.
        holders: Vec<RunId>,
    },
    /// Due timers elapse.
    Wake,
    /// Go on with what the last decision left for later.
    Continue,
    /// The run was read from its log: ask again for what its committed events ask for.
    Recover {
        /// Whether the server that had its attempts is gone: what was begun is then lost.
        workers_gone: bool,
        /// But for these attempts: workers elsewhere have them, and they are not gone.
        held: Vec<AttemptToken>,
    },
}

/// The attempt of a `subflow` task that a message between runs is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildAttempt {
    /// The task run's path.
    pub path: Arc<str>,
    /// From 1.
    pub attempt: u32,
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
        /// How long to wait before another attempt at least, as an answer's `Retry-After` says.
        retry_after: Option<Duration>,
    },
    /// It was not made: the result of an earlier, equal task run holds.
    Cached {
        /// What that gave.
        output: Payload,
        /// The exit code of its process.
        exit_code: Option<i32>,
        /// Which.
        from: Box<CachedFrom>,
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
    /// A signal of this name came before.
    #[error("the run has had the signal `{0}`; the first one counts")]
    Signalled(Arc<str>),
    /// The task run waits for no signal, or not any more.
    #[error("`{0}` waits for no signal, or not any more")]
    NoSignal(Arc<str>),
    /// The name of its signal is an expression that has not been evaluated.
    #[error("the name of the signal that `{0}` waits for is known once it waits")]
    NameUnknown(Arc<str>),
    /// The run has had too many of them.
    #[error("the run has had {max} signals, the most a run takes", max = crate::limits::SIGNALS_MAX)]
    TooManySignals,
    /// The task run does not wait for this, or not any more.
    #[error("`{0}` does not wait for an answer")]
    NotWaiting(Arc<str>),
    /// The answer does not fit the form.
    #[error("the answer does not fit the form: {}", .0.join("; "))]
    BadAnswer(Vec<String>),
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
    /// Have an attempt back that nobody has begun yet; one that was begun goes on.
    RecallAttempt {
        /// Which.
        token: AttemptToken,
    },
    /// Start the run that a task asks for, once: the attempt is the key to know it by.
    StartChild(Box<StartChild>),
    /// Cancel the run that a task waits for. It may not have been started yet: then it shall not be.
    CancelChild {
        /// Of this attempt.
        attempt: ChildAttempt,
        /// The flow it is of.
        flow: Arc<str>,
        /// The run, if it is known.
        child: Option<RunId>,
        /// At once, without its ending.
        force: bool,
    },
    /// Hold the run that a task waits for, or let it go on.
    PauseChild {
        /// Of this attempt.
        attempt: ChildAttempt,
        /// The run.
        child: RunId,
        /// Whether to hold it.
        pause: bool,
    },
    /// Ask for a place among the runs of its flow.
    AskPermit(Box<Permit>),
    /// The place is free again, or no longer wanted.
    ReleasePermit {
        /// Which of the flow's gates.
        key: String,
    },
    /// Tell the task that waits for this run's end, as [`Command::ChildEnded`].
    TellParent {
        /// The task.
        parent: Box<ParentRun>,
        /// The flow version of this run.
        version: u32,
        /// How the run ended.
        outcome: Ended,
        /// What it gave.
        outputs: Option<Payload>,
        /// Why it failed.
        error: Option<RunError>,
    },
    /// Keep a result for later, equal task runs. Lost, it is made again.
    KeepResult(Box<KeepResult>),
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

/// A run to be started for a task.
#[derive(Clone, Debug, PartialEq)]
pub struct StartChild {
    /// The flow's id.
    pub flow: Arc<str>,
    /// Its version; the newest if the task names none.
    pub version: Option<u32>,
    /// What it is given; not checked against that flow yet.
    pub inputs: Payload,
    /// Who asks: to be handed on as [`NewRun::parent`].
    pub parent: ParentRun,
    /// The run it takes results from, if that is still there: to be handed on as [`NewRun::fork`].
    pub fork: Option<Box<ForkedFrom>>,
}

/// A result that later, equal task runs may take.
#[derive(Clone, Debug, PartialEq)]
pub struct KeepResult {
    /// What tells equal task runs.
    pub key: Arc<str>,
    /// How long it holds.
    pub ttl: Duration,
    /// The task run's path.
    pub task: Arc<str>,
    /// What it gave.
    pub output: Payload,
    /// A process's exit code.
    pub exit_code: Option<i32>,
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
    /// The references to secrets in them: only there is a value to be put in.
    pub secrets: Arc<[SecretUse]>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Whether the work may only begin once its `AttemptStarted` is committed: at most once, never twice.
    pub at_most_once: bool,
    /// How long after the task's first attempt began this one is given out; zero for the first.
    pub since_first: Duration,
    /// The queue it waits in.
    pub queue: Arc<str>,
    /// Whose share of the queue it takes.
    pub queue_key: Option<Arc<str>>,
    /// How urgent it is: the run's priority and the task's.
    pub priority: i32,
    /// When it was given out first. It waits since then, whatever server does.
    pub ready_at: Timestamp,
    /// What tells equal task runs: a result kept under this key is taken instead of running.
    pub cache_key: Option<Arc<str>>,
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
