//! What lists and pages show: the answers of the API and of the web app's server functions.

pub mod board;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::doc::FlowDoc;
use crate::gate::Permit;
use crate::ids::RunId;
use crate::problem::Problem;
use crate::run::state::is_zero;
use crate::time::Timestamp;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Give it as `cursor` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The state of a run. `queued → running → (paused) → ending → succeeded | failed | cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waits for a limit; the shard that owns it starts it.
    Queued,
    /// Tasks are at work or wait; the shard moves it on as they report.
    Running,
    /// Held by a person, who resumes it.
    Paused,
    /// The work is over; undo, finally and `on_failure` tasks are at work, bounded by the ending timeout.
    Ending,
    /// Final: no unhandled failure.
    Succeeded,
    /// Final: at least one unhandled failure, or a timeout.
    Failed,
    /// Final: cancelled by a person or a rule.
    Cancelled,
}

impl RunStatus {
    /// All, in the order in which a run goes through them.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Ending,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word for it, as in the API.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Ending => "ending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.key() == key)
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// The state of a task run. `blocked → ready → running → (waiting → ready) → succeeded | failed | skipped | cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Its join does not allow it yet; a settling upstream moves it on.
    Blocked,
    /// Given out, nobody has begun; a worker moves it on, a restart gives it out again.
    Ready,
    /// A worker has begun; its report moves it on, its timeout or loss if it dies.
    Running,
    /// For a retry, a timer or the like; the shard's timer moves it on.
    Waiting,
    /// Final.
    Succeeded,
    /// Final.
    Failed,
    /// Final: an edge or condition said so.
    Skipped,
    /// Final: the run ended before or while it ran.
    Cancelled,
}

impl TaskStatus {
    /// All, in the order in which a task run goes through them.
    pub const ALL: [Self; 8] = [
        Self::Blocked,
        Self::Ready,
        Self::Running,
        Self::Waiting,
        Self::Succeeded,
        Self::Failed,
        Self::Skipped,
        Self::Cancelled,
    ];

    /// The word for it, as in the API.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.key() == key)
    }

    /// Whether nothing can change it any more: upstreams in such a state are *settled*.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Cancelled
        )
    }
}

/// How many task runs are in each state. States with none are left out of the JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TaskCounts {
    /// See [`TaskStatus`].
    #[serde(skip_serializing_if = "is_zero")]
    pub blocked: u32,
    /// See [`TaskStatus`].
    #[serde(skip_serializing_if = "is_zero")]
    pub ready: u32,
    /// See [`TaskStatus`].
    #[serde(skip_serializing_if = "is_zero")]
    pub running: u32,
    /// See [`TaskStatus`].
    #[serde(skip_serializing_if = "is_zero")]
    pub waiting: u32,
    /// See [`TaskStatus`].
    #[serde(skip_serializing_if = "is_zero")]
    pub succeeded: u32,
    /// See [`TaskStatus`].
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: u32,
    /// See [`TaskStatus`].
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped: u32,
    /// See [`TaskStatus`].
    #[serde(skip_serializing_if = "is_zero")]
    pub cancelled: u32,
}

impl TaskCounts {
    /// The count of one state.
    pub fn of(&mut self, status: TaskStatus) -> &mut u32 {
        match status {
            TaskStatus::Blocked => &mut self.blocked,
            TaskStatus::Ready => &mut self.ready,
            TaskStatus::Running => &mut self.running,
            TaskStatus::Waiting => &mut self.waiting,
            TaskStatus::Succeeded => &mut self.succeeded,
            TaskStatus::Failed => &mut self.failed,
            TaskStatus::Skipped => &mut self.skipped,
            TaskStatus::Cancelled => &mut self.cancelled,
        }
    }

    /// The count of one state.
    #[must_use]
    pub fn get(mut self, status: TaskStatus) -> u32 {
        *self.of(status)
    }

    /// All together.
    #[must_use]
    pub fn total(self) -> u32 {
        TaskStatus::ALL.into_iter().map(|status| self.get(status)).sum()
    }

    /// Those in a final state.
    #[must_use]
    pub fn settled(self) -> u32 {
        self.succeeded + self.failed + self.skipped + self.cancelled
    }
}

/// Why a task or run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorView {
    /// Stable name of the kind of failure: `failed`, `timeout`, `lost`, `expression`, `exit_code`, `http_status` …
    pub kind: String,
    /// What happened, as a sentence.
    pub message: String,
    /// For a run: the task whose failure it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
}

/// A run as a row of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunSummary {
    /// `run_…`
    pub id: RunId,
    /// The flow's id.
    pub flow: String,
    /// The flow's name.
    pub flow_name: String,
    /// The flow version the run is pinned to.
    pub version: u32,
    /// Its state.
    pub state: RunStatus,
    /// What started it: `api`, `ui`, `cli` …
    pub trigger: String,
    /// The flow's labels and those given at the start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Its task runs by state.
    pub counts: TaskCounts,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// Why it was cancelled, in the words of who did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// The run whose task started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// The run it takes results from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
    /// The first run that was made from it, as lists know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried_by: Option<RunId>,
    /// Approvals of it that wait for an answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_asking: u32,
}

/// A run, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDetail {
    /// The row of lists.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// The number of its last event.
    pub last_seq: u64,
    /// Since when nothing of it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    /// Why, in the words of who paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<String>,
    /// What it was given; null with `inputs_bytes` set if it is too large to stand here.
    pub inputs: Value,
    /// What it gave, once it has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Value>,
    /// At most 1,000 task runs, in document order.
    pub tasks: Vec<TaskRunView>,
    /// Whether there are more than stand here; page through `/runs/{run}/tasks` for them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tasks_truncated: bool,
}

/// A task run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskRunView {
    /// Its path inside the run.
    pub path: String,
    /// The name people see.
    pub name: String,
    /// Its type's key.
    pub task_type: String,
    /// `main`, `finally`, `on_failure` or `undo`.
    pub role: String,
    /// Its state.
    pub state: TaskStatus,
    /// Why it is not running, did not have to, was skipped or cancelled, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it waits for: `retry`, `timer`, `signal`, `approval` or `child`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// When it goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// Attempts so far.
    pub attempt: u32,
    /// Attempts it may have.
    pub max_attempts: u32,
    /// When its join allowed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// When its first attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Why it, or its last attempt, failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// A process's exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The case a switch took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Bytes of its output's JSON if that lies in the blob store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Its attempts, oldest first; light tasks that needed but one have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// How its items stand, if it has some; page through them for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<TaskCounts>,
    /// The earlier, equal task run whose kept result it has: it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_from: Option<CachedView>,
    /// Whether its result is taken from another run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_reused: bool,
    /// Who marked it as succeeded: it did not run, and no other run gave its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_by: Option<String>,
    /// Whether what it did was taken back: its undo has succeeded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_undone: bool,
    /// The run of another flow that it waits or waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<RunId>,
}

/// The task run whose kept result was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CachedView {
    /// Its run; it may be deleted by now.
    pub run: RunId,
    /// Its path there.
    pub task: String,
    /// When the result was kept.
    pub at: Timestamp,
}

/// What a queued run waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueuedView {
    /// The same as a sentence.
    pub reason: String,
    /// How many runs of the flow and key may be at work at once.
    pub limit: u32,
    /// The key by which runs share the limit; empty if all runs of the flow do.
    pub key: String,
    /// The runs that have the places, at most ten of them.
    pub holders: Vec<RunId>,
    /// How many runs wait before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_before: Option<usize>,
}

impl QueuedView {
    /// In words.
    #[must_use]
    pub fn new(permit: &Permit, holders: Vec<RunId>, n_before: Option<usize>) -> Self {
        let Permit { key, limit, .. } = permit;
        let of = if key.is_empty() {
            String::new()
        } else {
            format!(" with the key {key}")
        };
        let what = if *limit == 1 {
            "one run".to_owned()
        } else {
            format!("{limit} runs")
        };
        let by: Vec<String> = holders.iter().map(ToString::to_string).collect();
        let by = if by.is_empty() {
            String::new()
        } else {
            format!("; at work: {}", by.join(", "))
        };
        let before = match n_before {
            None | Some(0) => String::new(),
            Some(1) => "; 1 waits before it".to_owned(),
            Some(n) => format!("; {n} wait before it"),
        };
        Self {
            reason: format!("waits for its turn: {what} of the flow{of} may be at work at once{by}{before}"),
            limit: *limit,
            key: key.clone(),
            holders,
            n_before,
        }
    }
}

/// What a retry of a run would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RetryView {
    /// The flow version of the new run.
    pub version: u32,
    /// The tasks that run again, upstreams first. After a `subflow` task that takes up its old run stand the tasks that run again in
    /// there, as `task/inner`, if it is given the same as before.
    pub runs: Vec<WillRunView>,
    /// The task runs whose results are taken over, inside of such runs too.
    pub reused: Vec<String>,
    /// The task runs that are marked as succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marked: Vec<String>,
    /// How many such runs more there are whose tasks are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_not_looked_into: u32,
}

/// A task that runs again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WillRunView {
    /// Its path.
    pub task: String,
    /// Why its old result does not hold.
    pub why: String,
    /// The task that runs before it, if that is why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many of its items keep their results.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_items_reused: u32,
}

/// Why an unfinished task run is not running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhyView {
    /// Its path.
    pub path: String,
    /// `upstreams`, `paused`, `queued`, `next`, `worker` (none is free), `no_worker` (there is none for its queue or type), `queue_limit`, `rate_limit`, `retry`, `timer`, `signal`, `approval`, `child`, `parts`, `ending`, or `runs` if it is
    /// running after all.
    pub kind: String,
    /// The same as a sentence.
    pub reason: String,
    /// The upstreams that have not settled; there may be more of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<String>,
    /// Since when it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When it goes on by itself, or waits no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The run it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// A schedule of a flow's newest version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduleView {
    /// The flow's id.
    pub flow: String,
    /// Its name within the flow.
    pub name: String,
    /// Its pattern.
    pub cron: String,
    /// Whose clocks the pattern is about.
    pub timezone: String,
    /// Whether it is held.
    pub is_paused: bool,
    /// Why, in the words of who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<String>,
    /// When it is due next; absent while it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<FireView>,
    /// When its last run was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// Its last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunId>,
    /// Why the last time it was due started no run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// How many times it was due and a policy left the run out.
    pub n_left_out: u64,
}

/// A flow that starts when runs of another end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FollowerView {
    /// Its id.
    pub flow: String,
    /// Under which name its document says so.
    pub name: String,
    /// The other flow.
    pub after: String,
    /// When it last was to start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// The run whose end it then was to start for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_after: Option<RunId>,
    /// The run it then started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<RunId>,
    /// Why it started none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// A moment at which a schedule is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FireView {
    /// When it is due, before jitter.
    pub at: Timestamp,
    /// What the clocks of its zone show then.
    pub local: String,
    /// `moved`: the clocks skip its time of day; `first` or `second`: they show it twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oddity: Option<String>,
    /// The run it has started, in the answer to a backfill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// One try at a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptView {
    /// From 1.
    pub attempt: u32,
    /// `ready`, `running`, `succeeded`, `failed`, `cancelled`, `snoozed` or `lost`.
    pub outcome: String,
    /// When it was given out.
    pub ready_at: Timestamp,
    /// When a worker began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// When the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// A flow as a row of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowSummary {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its newest version.
    pub version: u32,
    /// When that was saved.
    pub updated_at: Timestamp,
    /// Its tasks.
    pub n_tasks: u32,
    /// How many runs ended or are in each state.
    pub runs: BTreeMap<String, u64>,
    /// Its newest runs, newest first, at most 30.
    pub latest_runs: Vec<RunDot>,
}

/// A run as a mark in a row of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDot {
    /// `run_…`
    pub id: RunId,
    /// Its state.
    pub state: RunStatus,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// From start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// One version of a flow, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowDetail {
    /// The row of lists; its `version` is the newest.
    #[serde(flatten)]
    pub summary: FlowSummary,
    /// The version shown.
    pub shown_version: u32,
    /// Its document.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub document: FlowDoc,
    /// The text it was saved as.
    pub source: String,
    /// `yaml` or `json`.
    pub format: String,
    /// Warnings about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Problem>,
}

/// One saved version in a flow's history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowVersionView {
    /// From 1.
    pub version: u32,
    /// When it was saved.
    pub created_at: Timestamp,
    /// Who saved it.
    pub actor: String,
    /// Its tasks.
    pub n_tasks: u32,
    /// What its author said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The name by which it is remembered; no other version of the flow has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What palette and forms know of a task type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskTypeView {
    /// Its key, for example `http.request`.
    pub key: String,
    /// Its name.
    pub title: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// Name of its icon.
    pub icon: String,
    /// `control`, `data`, `io` or what its author says.
    pub category: String,
    /// JSON Schema of `with`.
    pub input_schema: Value,
    /// JSON Schema of its output.
    pub output_schema: Value,
    /// Whether this server does it itself; else workers do that ask it for work.
    #[serde(default = "yes")]
    pub is_local: bool,
    /// The queues whose workers have declared it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<String>,
}

fn yes() -> bool {
    true
}
