//! The state of a run: what its events add up to.
//!
//! Counters make readiness O(out-degree) of what settled: nothing here scans a run's tasks when one of them moves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gate::Permit;
use crate::ids::{AttemptToken, RunId};
use crate::payload::Payload;
use crate::plan::{Plan, Spot, TaskIx};
use crate::run::children::{Children, ReusedChildren};
pub use crate::run::event::WaitsFor;
use crate::run::event::{CachedFrom, Ended, EndingStep, ParentRun, RunError, Skip, TaskError};
use crate::run::parts::Parts;
use crate::run::reused::ReusedResults;
use crate::run::signals::Signals;
use crate::run::watched::Watched;
use crate::time::Timestamp;
use crate::view::{RunStatus, TaskCounts, TaskStatus};

/// A run as its events so far make it. Only [`crate::run::decide`] makes events, only [`RunState::apply`] changes a state.
#[derive(Clone, Debug)]
pub struct RunState {
    pub(super) plan: Arc<Plan>,
    pub(super) data: RunData,
    /// What is kept for one who reads the log; it is no part of the state.
    pub(super) watched: Option<Box<Watched>>,
}

/// Two states are the same if their events made the same of them.
impl PartialEq for RunState {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

/// A state without its plan: a cache of the log's fold, never the truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Format of the snapshot: one of another version is thrown away and the log folded instead.
    pub format: u32,
    data: RunData,
}

impl Snapshot {
    /// The format this build writes and reads.
    pub const FORMAT: u32 = 2;

    /// The number of the last event in it.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.data.last_seq
    }
}

/// What a state holds beside the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RunData {
    pub(super) id: RunId,
    pub(super) flow: Arc<str>,
    pub(super) version: u32,
    pub(super) inputs: Payload,
    /// The variables it started with, as an object.
    #[serde(default)]
    pub(super) vars: Arc<Value>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) trigger: Arc<str>,
    pub(super) phase: Phase,
    pub(super) last_seq: u64,
    pub(super) last_at: Timestamp,
    pub(super) created_at: Timestamp,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) tasks: Vec<TaskRun>,
    pub(super) edges: Vec<EdgeState>,
    /// Tasks whose join has just been decided, in the order in which that happened. The deciding step works it off.
    pub(super) agenda: VecDeque<Spot>,
    pub(super) timers: BTreeSet<(Timestamp, Timer)>,
    pub(super) tokens: FxHashMap<AttemptToken, Spot>,
    pub(super) counts: TaskCounts,
    /// Task runs that wait, items included.
    pub(super) n_waiting: u32,
    /// Of these, approvals without an answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) n_asking: u32,
    /// Unsettled tasks of the roles main, finally, `on_failure`.
    pub(super) n_open: [u32; 3],
    /// Main tasks that succeeded and whose undo has not ended, in the order in which they finished.
    pub(super) to_undo: Vec<TaskIx>,
    /// Failures that nothing handles, or nothing any more, by the time of failing.
    pub(super) unhandled: BTreeSet<(Timestamp, TaskIx)>,
    /// Since when nothing starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) paused_at: Option<Timestamp>,
    /// Why, in the words of who wanted that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pause_reason: Option<String>,
    /// Whether its place came while it was paused, and it has to ask for another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) permit_returned: bool,
    /// Why somebody wanted it cancelled, in that person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cancel_reason: Option<String>,
    /// What came from outside, and who waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signals: Option<Box<Signals>>,
    /// The task of another run that started this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<Box<ParentRun>>,
    /// What it needs before it begins, and holds until it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) permit: Option<Box<Permit>>,
    /// How many runs lead up to it by their ends.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) n_followed: u32,
    /// The run that it takes results from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_of: Option<RunId>,
    /// The path of the task from which on it does all again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) forked_at: Option<Arc<str>>,
    /// The runs that tasks of this one asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) children: Option<Box<Children>>,
    /// The runs that tasks of another run had asked for, taken up here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reused_children: Option<Box<ReusedChildren>>,
    /// What was taken from another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reused: Option<Box<ReusedResults>>,
    /// How urgent it is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) priority: i32,
    /// The items of the tasks that have some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) parts: BTreeMap<TaskIx, Parts>,
}

/// Where a run is on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Accepted. The shard that owns it starts it.
    Queued,
    /// At work. The shard moves it on as attempts report and timers elapse.
    Running,
    /// The work is over. The shard goes through the steps, bounded by the ending timeout.
    Ending {
        /// Which step it is at.
        step: EndingStep,
        /// How it will end unless a `finally` task fails.
        outcome: Ended,
        /// Why it failed.
        error: Option<RunError>,
        /// What it will give if it succeeds.
        outputs: Option<Payload>,
    },
    /// Final.
    Finished {
        /// How it ended.
        outcome: Ended,
        /// Why it failed.
        error: Option<RunError>,
        /// What it gave.
        outputs: Option<Payload>,
    },
}

/// What became of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeState {
    /// Its upstream is not settled.
    Pending,
    /// Taken.
    Taken,
    /// Its upstream settled another way, or its expression was false.
    NotTaken,
}

/// What a timer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    /// The whole run took too long.
    Run,
    /// Its ending took too long.
    Ending,
    /// A task goes on: its state says with what.
    Task(Spot),
}

/// One task of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRun {
    /// Where it is.
    pub state: TaskState,
    pub(super) n_settled: u32,
    pub(super) n_taken: u32,
    /// The first upstream that settled without its edge being taken.
    pub(super) refused_by: Option<TaskIx>,
    /// Edges that name `failed`, were taken when this task failed, and lead to a task that was not skipped.
    pub(super) n_handlers: u32,
    pub(super) edge_error: Option<Arc<str>>,
    pub(super) on_agenda: bool,
    pub(super) timer: Option<Timestamp>,
    /// Its arguments, once they have been evaluated; light tasks keep none.
    pub input: Option<Payload>,
    /// What its queue and the cache know it by, if it says anything of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Box<TaskKeys>>,
    /// The earlier, equal task run whose result it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<Box<CachedFrom>>,
    /// The attempts that were given out, oldest first.
    pub attempts: Vec<Attempt>,
    /// Attempts that count against `max_attempts`.
    pub(super) n_failed: u32,
    pub(super) n_lost: u32,
    /// When its join allowed it.
    pub ready_at: Option<Timestamp>,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it settled.
    pub finished_at: Option<Timestamp>,
}

/// What a task run's queue and the cache know it by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskKeys {
    /// Whose share of its queue it takes.
    pub queue_key: Option<Arc<str>>,
    /// What tells task runs whose result may be taken for this one's.
    pub cache_key: Option<Arc<str>>,
}

/// Where a task run is. See [`TaskStatus`] for who moves each state on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Its join does not allow it yet.
    Blocked,
    /// Given out, nobody has begun.
    Ready {
        /// What reports must carry.
        token: AttemptToken,
    },
    /// A worker has begun.
    Running {
        /// What reports must carry.
        token: AttemptToken,
    },
    /// Its items are at work; each that settles moves it on.
    Spread,
    /// Goes on at its timer, or by what it waits for.
    Waiting {
        /// For what.
        waits_for: WaitsFor,
        /// When, if by itself.
        until: Option<Timestamp>,
    },
    /// Final.
    Succeeded {
        /// What it gave.
        output: Payload,
        /// The case a switch took.
        case: Option<Arc<str>>,
        /// A process's exit code.
        exit_code: Option<i32>,
    },
    /// Final.
    Failed {
        /// Why.
        error: TaskError,
        /// What it gave all the same.
        output: Option<Payload>,
    },
    /// Final.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Final.
    Cancelled {
        /// Why, as a sentence.
        reason: Arc<str>,
    },
}

/// Why a task was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// An event said so.
    Decided(Skip),
    /// The run ended without need of it, as a run that succeeded has no need of its `on_failure` tasks.
    NotNeeded,
}

impl TaskState {
    /// Its word.
    #[must_use]
    pub const fn status(&self) -> TaskStatus {
        match self {
            Self::Blocked => TaskStatus::Blocked,
            Self::Ready { .. } => TaskStatus::Ready,
            Self::Running { .. } | Self::Spread => TaskStatus::Running,
            Self::Waiting { .. } => TaskStatus::Waiting,
            Self::Succeeded { .. } => TaskStatus::Succeeded,
            Self::Failed { .. } => TaskStatus::Failed,
            Self::Skipped { .. } => TaskStatus::Skipped,
            Self::Cancelled { .. } => TaskStatus::Cancelled,
        }
    }

    /// The token of the attempt that is out, if one is.
    #[must_use]
    pub const fn token(&self) -> Option<AttemptToken> {
        match self {
            Self::Ready { token } | Self::Running { token } => Some(*token),
            _ => None,
        }
    }
}

/// One try at a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it was given out.
    pub ready_at: Timestamp,
    /// When a worker began it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Who had it.
    pub worker: Option<Arc<str>>,
    /// How it ended.
    pub end: Option<AttemptEnd>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// The work was done.
    Succeeded,
    /// It was not.
    Failed {
        /// Why.
        error: TaskError,
        /// When the next attempt is due, if one follows.
        retry_at: Option<Timestamp>,
    },
    /// It was lost with its worker or server.
    Lost,
    /// It was asked to stop and did.
    Cancelled,
    /// It asked to be called again.
    Snoozed,
}

impl TaskRun {
    pub(super) const fn new() -> Self {
        Self {
            state: TaskState::Blocked,
            n_settled: 0,
            n_taken: 0,
            refused_by: None,
            n_handlers: 0,
            edge_error: None,
            on_agenda: false,
            timer: None,
            input: None,
            keys: None,
            cached_from: None,
            attempts: Vec::new(),
            n_failed: 0,
            n_lost: 0,
            ready_at: None,
            started_at: None,
            finished_at: None,
        }
    }
}

pub(crate) fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl RunState {
    /// A state continued from a snapshot. `None` if the snapshot was written in another format or for another plan.
    #[must_use]
    pub fn restore(snapshot: Snapshot, plan: Arc<Plan>) -> Option<Self> {
        let fits = snapshot.format == Snapshot::FORMAT
            && snapshot.data.tasks.len() == plan.tasks.len()
            && snapshot.data.edges.len() == plan.edges.len();
        fits.then_some(Self {
            plan,
            data: snapshot.data,
            watched: None,
        })
    }

    /// The state without its plan.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            format: Snapshot::FORMAT,
            data: self.data.clone(),
        }
    }

    /// A snapshot for viewers: without tokens, which only the holders of attempts may know, and without large values.
    #[must_use]
    pub fn viewer_snapshot(&self) -> Snapshot {
        let mut data = self.data.clone();
        data.tokens.clear();
        data.inputs = Payload::null();
        data.vars = Arc::default();
        for parts in data.parts.values_mut() {
            parts.chunks.clear();
            parts.outputs.clear();
        }
        let parts = data.parts.values_mut().flat_map(|parts| parts.open.values_mut());
        for task in data.tasks.iter_mut().chain(parts) {
            task.input = None;
            match &mut task.state {
                TaskState::Ready { token } | TaskState::Running { token } => *token = AttemptToken(0),
                TaskState::Succeeded { output, .. } => *output = Payload::null(),
                TaskState::Failed { output, .. } => *output = None,
                _ => {}
            }
        }
        Snapshot {
            format: Snapshot::FORMAT,
            data,
        }
    }

    /// The flow version it runs.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.data.id
    }

    /// The version of its flow.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.data.version
    }

    /// The flow's id.
    #[must_use]
    pub fn flow(&self) -> &Arc<str> {
        &self.data.flow
    }

    /// Why it is held, if somebody said so.
    #[must_use]
    pub fn pause_reason(&self) -> Option<&str> {
        self.data.pause_reason.as_deref()
    }

    /// The number of its last event.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.data.last_seq
    }

    /// When its last event was decided.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.data.last_at
    }

    /// Where it is on its way.
    #[must_use]
    pub fn phase(&self) -> &Phase {
        &self.data.phase
    }

    /// What it was given.
    #[must_use]
    pub fn inputs(&self) -> &Payload {
        &self.data.inputs
    }

    /// The variables it started with, as an object.
    #[must_use]
    pub fn vars(&self) -> &Arc<Value> {
        &self.data.vars
    }

    /// Its word.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match &self.data.phase {
            Phase::Queued => RunStatus::Queued,
            Phase::Running if self.is_paused() => RunStatus::Paused,
            Phase::Running => RunStatus::Running,
            Phase::Ending { .. } => RunStatus::Ending,
            Phase::Finished {
                outcome: Ended::Succeeded,
                ..
            } => RunStatus::Succeeded,
            Phase::Finished {
                outcome: Ended::Failed,
                ..
            } => RunStatus::Failed,
            Phase::Finished {
                outcome: Ended::Cancelled,
                ..
            } => RunStatus::Cancelled,
        }
    }

    /// How many runs lead up to it by their ends, one after the other.
    #[must_use]
    pub fn n_followed(&self) -> u32 {
        self.data.n_followed
    }

    /// The place it waits for, while it does.
    #[must_use]
    pub fn awaited_permit(&self) -> Option<&Permit> {
        self.data
            .permit
            .as_deref()
            .filter(|_| self.data.phase == Phase::Queued)
    }

    /// Whether its place came while it was paused, and others have it now.
    #[must_use]
    pub fn has_returned_permit(&self) -> bool {
        self.data.permit_returned
    }

    /// Whether nothing may start.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.data.paused_at.is_some()
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.data.phase, Phase::Finished { .. })
    }

    /// A task of it.
    #[must_use]
    pub fn task(&self, ix: TaskIx) -> &TaskRun {
        &self.data.tasks[ix as usize]
    }

    /// All its tasks, as numbered by the plan.
    #[must_use]
    pub fn tasks(&self) -> &[TaskRun] {
        &self.data.tasks
    }

    /// What became of each edge, as numbered by the plan.
    #[must_use]
    pub fn edges(&self) -> &[EdgeState] {
        &self.data.edges
    }

    /// Its tasks by state.
    #[must_use]
    pub fn counts(&self) -> TaskCounts {
        self.data.counts
    }

    /// When its earliest timer is due.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.data.timers.first().map(|(at, _)| *at)
    }

    /// Whether attempts of it are out, or decisions left over: it cannot be put aside until a timer.
    #[must_use]
    pub fn in_flight(&self) -> bool {
        // With no attempt out and no task waiting, what is left to be done is left to the next decision: a large value had to be
        // loaded first, or the last decision was full.
        let is_left_over = self.data.n_waiting == 0 && !self.is_finished() && self.awaited_permit().is_none();
        if self.is_paused() {
            return !self.data.tokens.is_empty();
        }
        !self.data.tokens.is_empty() || !self.data.agenda.is_empty() || is_left_over
    }

    /// The tokens of attempts that are out, in the order of the plan.
    #[cfg(any(test, feature = "testing"))]
    pub fn tokens(&self) -> impl Iterator<Item = AttemptToken> + '_ {
        let mut out: Vec<_> = self.data.tokens.iter().collect();
        out.sort_unstable_by_key(|(_, spot)| **spot);
        out.into_iter().map(|(token, _)| *token)
    }

    /// The tokens of attempts whose start is in the log and that have not ended.
    pub fn held_tokens(&self) -> impl Iterator<Item = AttemptToken> + '_ {
        self.data.tokens.iter().filter_map(|(token, spot)| {
            let run = self.find_run(*spot)?;
            matches!(run.state, TaskState::Running { .. }).then_some(*token)
        })
    }
}
