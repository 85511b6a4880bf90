//! Facts about a run. The log of them, numbered from 1, is the only truth about it.
//!
//! Kinds and fields are never renamed or removed; new fields have a default. `samples.jsonl` holds one stored sample of each kind,
//! which a test decodes for ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::gate::Permit;
use crate::ids::{AttemptToken, RunId};
use crate::payload::Payload;
use crate::run::state::is_zero;
use crate::time::Timestamp;

/// A fact with its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its number in the run's log, from 1 without gaps.
    pub seq: u64,
    /// When it was decided; never before the event in front of it.
    pub at: Timestamp,
    /// On whose behalf: `local` until there is login, `engine` for what follows by itself.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub actor: Arc<str>,
    /// What happened.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub kind: EventKind,
}

impl Event {
    /// The event as others than the attempt's holder may see it: with a token of zero bits, which no attempt has.
    #[must_use]
    pub fn without_token(&self) -> Self {
        let mut event = self.clone();
        if let EventKind::TaskScheduled { token, .. } = &mut event.kind {
            *token = AttemptToken(0);
        }
        event
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventKind {
    /// The run was accepted.
    RunCreated {
        /// `run_…`
        run: RunId,
        /// The flow's id.
        flow: Arc<str>,
        /// The version the run is pinned to.
        version: u32,
        /// What it was given, defaults filled in.
        inputs: Payload,
        /// The variables that the flow's expressions name, as they were at the start.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        vars: Map<String, Value>,
        /// The flow's labels and those given at the start.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        labels: BTreeMap<String, String>,
        /// What started it.
        trigger: Arc<str>,
        /// The caller's key, if one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<String>,
        /// The task of another run that it was started by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Box<ParentRun>>,
        /// The run it takes results from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forked_from: Option<Box<ForkedFrom>>,
        /// What it waits for before it begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permit: Option<Box<Permit>>,
        /// The run of another flow whose end started it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        follows: Option<Box<FollowedRun>>,
        /// How urgent it is.
        #[serde(default, skip_serializing_if = "is_zero")]
        priority: i32,
    },
    /// Its first tasks may start.
    RunStarted {},
    /// An edge or condition said that the task does not run.
    TaskSkipped {
        /// The task run's path.
        task: Arc<str>,
        /// Which edge or condition.
        reason: Skip,
        /// Edges out of it that an expression judged.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edges: Vec<EdgeVerdict>,
    },
    /// The items of a `for_each` are known. Events of an item have the path `task[17]`.
    ItemsListed {
        /// The task run's path.
        task: Arc<str>,
        /// How many.
        n: u32,
        /// The items in their order, in pieces.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        items: Vec<ItemChunk>,
    },
    /// A loop began. Events of an iteration have the path `task#3`.
    LoopBegun {
        /// The task run's path.
        task: Arc<str>,
    },
    /// An attempt was given out; nobody has begun it.
    TaskScheduled {
        /// The task run's path.
        task: Arc<str>,
        /// From 1.
        attempt: u32,
        /// What a report about it must carry.
        token: AttemptToken,
        /// Its arguments with their expressions evaluated; stands in the first attempt's event and holds for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Payload>,
        /// Whose share of its queue it takes; likewise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue_key: Option<Arc<str>>,
        /// What tells task runs whose result may be taken for this one's; likewise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache_key: Option<Arc<str>>,
    },
    /// A worker began the attempt.
    AttemptStarted {
        /// The task run's path.
        task: Arc<str>,
        /// From 1.
        attempt: u32,
        /// Who.
        worker: Arc<str>,
    },
    /// The task waits for a timer without holding a worker.
    TaskWaiting {
        /// The task run's path.
        task: Arc<str>,
        /// For what.
        waits_for: WaitsFor,
        /// When it goes on by itself, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// The attempt that asked for it; absent for a `delay`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        /// Its arguments with their expressions evaluated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Payload>,
        /// The name of the signal it waits for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<Arc<str>>,
    },
    /// Something named came from outside. It holds for the whole run: who waits for it later has it at once.
    SignalReceived {
        /// Its name.
        name: Arc<str>,
        /// What came with it.
        payload: Payload,
    },
    /// A task asked for a run of another flow; nobody has said yet that there is one.
    ChildRequested {
        /// The task run's path.
        task: Arc<str>,
        /// From 1.
        attempt: u32,
        /// The other flow's id.
        flow: Arc<str>,
        /// Its version, if the task names one; else the newest there is when the run starts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
        /// What the run is to be given.
        inputs: Payload,
        /// Whether the task waits for the run's end.
        wait: bool,
        /// When the attempt's time is up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
        /// The run that it takes results from, should that still be there when it starts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fork: Option<Box<ForkedFrom>>,
    },
    /// The run that a task waits for has started.
    ChildStarted {
        /// The task run's path.
        task: Arc<str>,
        /// `run_…`
        child: RunId,
        /// The version it is pinned to.
        version: u32,
    },
    /// What the task or item gave in another run holds here as well: it succeeds with that, without running, when its join allows it.
    TaskReused {
        /// The task run's path.
        task: Arc<str>,
        /// What it gave.
        output: Payload,
        /// The case it took.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<Arc<str>>,
        /// A process's exit code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        /// Who said that it gave this, if no run did: it is marked as succeeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given_by: Option<Arc<str>>,
    },
    /// The run that the task or item had asked for in another run: what it asks for here takes from it what holds.
    ChildReused {
        /// The task run's path.
        task: Arc<str>,
        /// The flow's id. If the task asks for another this time, nothing is taken.
        flow: Arc<str>,
        /// The version asked for unless the task names one.
        version: u32,
        /// `run_…`
        child: RunId,
        /// The path inside it from which on all runs again; absent if only what had not succeeded does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Arc<str>>,
    },
    /// An attempt failed and another will follow.
    AttemptFailed {
        /// The task run's path.
        task: Arc<str>,
        /// From 1.
        attempt: u32,
        /// Why.
        error: TaskError,
        /// When the next is due.
        retry_at: Timestamp,
    },
    /// An attempt was lost with its worker or server. The next event of the task says whether it is tried again.
    AttemptLost {
        /// The task run's path.
        task: Arc<str>,
        /// From 1.
        attempt: u32,
    },
    /// Final: the task succeeded.
    TaskSucceeded {
        /// The task run's path.
        task: Arc<str>,
        /// What it gave.
        output: Payload,
        /// The case a switch took.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<Arc<str>>,
        /// A process's exit code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        /// Edges out of it that an expression judged.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edges: Vec<EdgeVerdict>,
        /// The earlier, equal task run whose result this is: the attempt was not made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cached_from: Option<Box<CachedFrom>>,
    },
    /// Final: the task failed and no attempt is left.
    TaskFailed {
        /// The task run's path.
        task: Arc<str>,
        /// Why.
        error: TaskError,
        /// What it gave all the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<Payload>,
        /// Edges out of it that an expression judged.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edges: Vec<EdgeVerdict>,
    },
    /// Final: the run ended before the task could, or a person cancelled it.
    TaskCancelled {
        /// The task run's path.
        task: Arc<str>,
        /// Why, as a sentence.
        reason: Arc<str>,
        /// Edges out of it that an expression judged.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        edges: Vec<EdgeVerdict>,
    },
    /// Somebody asked for the end of the run.
    RunCancelRequested {
        /// Whether undo, finally and `on_failure` are left out and processes killed at once.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        force: bool,
        /// Why, in that person's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// From here on nothing starts until the run is resumed.
    RunPaused {
        /// Why, in the words of who asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What was held goes on.
    RunResumed {},
    /// Its place came while it was paused: others have it, and the run asks for another when it is resumed.
    PermitReturned {},
    /// The pause of a waiting task was over while the run was paused: it goes on with the run.
    TaskDue {
        /// The task run's path.
        task: Arc<str>,
    },
    /// The work is over: from here only what ends the run happens.
    RunEnding {
        /// How the run will end, unless a `finally` task fails.
        outcome: Ended,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<RunError>,
        /// What it will give if it succeeds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Payload>,
    },
    /// The ending went a step on. Steps in which nothing is to be done are passed over.
    EndingStep {
        /// Which.
        step: EndingStep,
    },
    /// Final: the run ended.
    RunFinished {
        /// How.
        outcome: Ended,
        /// What it gave.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Payload>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<RunError>,
    },
}

/// The task of another run that a run was started by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentRun {
    /// That run.
    pub run: RunId,
    /// The path of the task run.
    pub task: Arc<str>,
    /// The attempt at it.
    pub attempt: u32,
    /// How many runs stand above: 1 for the child of a run that nobody's task started.
    pub depth: u32,
    /// Whether the task waits for the run's end.
    pub wait: bool,
}

/// The task run whose kept result was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedFrom {
    /// Its run; it may be deleted by now.
    pub run: RunId,
    /// Its path there.
    pub task: Arc<str>,
    /// When the result was kept.
    pub at: Timestamp,
}

/// The run whose end started another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedRun {
    /// That run.
    pub run: RunId,
    /// How many runs lead up to this one by their ends, one after the other.
    pub depth: u32,
}

/// The run that another takes results from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkedFrom {
    /// That run.
    pub run: RunId,
    /// The path of the task run from which on all runs again; absent if only what had not succeeded does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Arc<str>>,
}

/// A piece of a list of items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemChunk {
    /// The number of its first item.
    pub first: u32,
    /// The list of its items.
    pub items: Payload,
}

impl EventKind {
    /// The path of the task run it is about, if it is about one.
    #[must_use]
    pub fn task(&self) -> Option<&Arc<str>> {
        match self {
            Self::TaskSkipped { task, .. }
            | Self::ItemsListed { task, .. }
            | Self::LoopBegun { task }
            | Self::TaskScheduled { task, .. }
            | Self::AttemptStarted { task, .. }
            | Self::TaskWaiting { task, .. }
            | Self::TaskDue { task }
            | Self::ChildRequested { task, .. }
            | Self::ChildStarted { task, .. }
            | Self::TaskReused { task, .. }
            | Self::ChildReused { task, .. }
            | Self::AttemptFailed { task, .. }
            | Self::AttemptLost { task, .. }
            | Self::TaskSucceeded { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::TaskCancelled { task, .. } => Some(task),
            Self::RunCreated { .. }
            | Self::RunStarted {}
            | Self::RunCancelRequested { .. }
            | Self::RunPaused { .. }
            | Self::RunResumed {}
            | Self::PermitReturned {}
            | Self::SignalReceived { .. }
            | Self::RunEnding { .. }
            | Self::EndingStep { .. }
            | Self::RunFinished { .. } => None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// No unhandled failure.
    Succeeded,
    /// At least one, or a timeout.
    Failed,
    /// Cancelled.
    Cancelled,
}

impl Ended {
    /// The word for it, as expressions and the API have it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The steps in which a run ends, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndingStep {
    /// Running attempts come to their end.
    Attempts,
    /// What had succeeded is undone, last finished first.
    Undo,
    /// `finally` tasks run.
    Finally,
    /// `on_failure` tasks run.
    OnFailure,
}

/// What a waiting task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// The next attempt. Stands in states only; the log says it by the failed attempt's `retry_at`.
    Retry,
    /// A `delay`.
    Delay,
    /// The pause its attempt asked for.
    Snooze,
    /// The pause between two iterations of a loop.
    Pause,
    /// A time, or the next look at a condition.
    Wait,
    /// A signal.
    Signal,
    /// A person's answer.
    Approval,
    /// The run of another flow.
    Child,
}

/// Why a task was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Skip {
    /// An upstream settled without its edge being taken.
    Upstream {
        /// Which.
        task: Arc<str>,
    },
    /// No edge was taken.
    NoEdge,
    /// The task's own `when` was false.
    When,
}

/// What an edge's own expression said when its upstream settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeVerdict {
    /// The downstream.
    pub to: Arc<str>,
    /// The edge's place among the downstream's `needs`.
    pub need: u32,
    /// Whether it is taken.
    pub taken: bool,
    /// Why the expression could not be judged: the downstream fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// Stable name of the kind: `failed`, `timeout`, `lost`, `expression`, `input`, `output_too_large`, `panic`, `exit_code`, …
    pub kind: Arc<str>,
    /// What happened, as a sentence.
    pub message: Arc<str>,
    /// A process's exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Set for failures another attempt cannot mend, such as a wrong argument: no retry follows.
    #[serde(default, rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
}

impl TaskError {
    /// A failure of this kind.
    #[must_use]
    pub fn new(kind: &str, message: impl Into<Arc<str>>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            exit_code: None,
            is_final: false,
        }
    }

    /// The same, but another attempt cannot mend it.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.is_final = true;
        self
    }
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// The first failure that counted, if it was a task's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Arc<str>>,
    /// Stable name of the kind.
    pub kind: Arc<str>,
    /// What happened, as a sentence.
    pub message: Arc<str>,
}
