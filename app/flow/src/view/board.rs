//! What the first page and the list of runs show: statistics by time, what needs people, saved views, commands to many runs.

use serde::{Deserialize, Serialize};

use super::{RunDot, RunSummary};
use crate::ids::RunId;
use crate::time::Timestamp;

/// A stretch of time that statistics are of, up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Window {
    /// An hour.
    #[serde(rename = "1h")]
    Hour,
    /// A day.
    #[default]
    #[serde(rename = "24h")]
    Day,
    /// A week.
    #[serde(rename = "7d")]
    Week,
    /// Thirty days.
    #[serde(rename = "30d")]
    Month,
}

impl Window {
    /// All.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The word for it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// The window with this word.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.key() == key)
    }

    /// How long it is, in seconds.
    #[must_use]
    pub const fn secs(self) -> i64 {
        match self {
            Self::Hour => 3_600,
            Self::Day => 24 * 3_600,
            Self::Week => 7 * 24 * 3_600,
            Self::Month => 30 * 24 * 3_600,
        }
    }

    /// How long each of its points is, in seconds.
    #[must_use]
    pub const fn point_secs(self) -> i64 {
        match self {
            Self::Hour => 5 * 60,
            Self::Day => 3_600,
            Self::Week => 6 * 3_600,
            Self::Month => 24 * 3_600,
        }
    }

    /// At what it begins and ends: a whole minute or hour, in seconds.
    #[must_use]
    pub const fn grain_secs(self) -> i64 {
        match self {
            Self::Hour => 60,
            Self::Day | Self::Week | Self::Month => 3_600,
        }
    }
}

/// Statistics of a window, and of as much time before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowView {
    /// `1h`, `24h`, `7d` or `30d`.
    pub window: Window,
    /// Of the window. It ends with the minute or hour at hand, so that it holds whole ones.
    pub now: TallyView,
    /// Of as much time before it.
    pub before: TallyView,
    /// The window in pieces of equal length, the oldest first.
    pub points: Vec<PointView>,
}

/// Runs that were created in a time. They count there also if they end later; runs that are no longer kept stay counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TallyView {
    /// From then on.
    pub since: Timestamp,
    /// Before then.
    pub until: Timestamp,
    /// How many were created.
    pub n_created: u64,
    /// How many of these have succeeded.
    pub n_succeeded: u64,
    /// How many have failed.
    pub n_failed: u64,
    /// How many were cancelled.
    pub n_cancelled: u64,
    /// How many were created in an hour, on average of the time that has passed.
    pub per_hour: f64,
    /// What half of the succeeded ones did not exceed; at most 3.2 per cent off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms_p50: Option<u64>,
    /// What 95 of a hundred did not exceed; as exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms_p95: Option<u64>,
    /// What half of the ended ones did not wait longer for their beginning; as exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms_p50: Option<u64>,
    /// What 95 of a hundred did not wait longer; as exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms_p95: Option<u64>,
}

impl TallyView {
    /// How many of a hundred that have succeeded or failed have succeeded.
    #[must_use]
    pub fn success_percent(&self) -> Option<f64> {
        let n_judged = self.n_succeeded + self.n_failed;
        (n_judged > 0).then(|| self.n_succeeded as f64 * 100.0 / n_judged as f64)
    }
}

/// A piece of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PointView {
    /// Its beginning.
    pub at: Timestamp,
    /// Runs that were created in it.
    pub n_created: u64,
    /// How many of these have succeeded.
    pub n_succeeded: u64,
    /// How many have failed.
    pub n_failed: u64,
    /// What 95 of a hundred succeeded ones did not exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms_p95: Option<u64>,
}

/// How many runs are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunCount {
    /// So many.
    pub n: u64,
    /// Whether these are all; if not there are more.
    pub is_whole: bool,
}

/// A query with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SavedView {
    /// Its name.
    pub name: String,
    /// What runs are looked for by.
    pub query: String,
    /// Whether it comes with Pointwork and cannot be changed.
    pub is_system: bool,
    /// How many runs it shows now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<RunCount>,
    /// What is wrong with its query, if this version of Pointwork does not understand it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What needs people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttentionView {
    /// Runs that failed in the last 24 hours and were not retried.
    pub failed: NeedView,
    /// Runs of which something could be at work and nothing is.
    pub stuck: NeedView,
    /// Runs that wait for the answer to an approval.
    pub asking: NeedView,
    /// Runs that take much longer than is usual for their flow.
    pub late: NeedView,
}

/// Runs that need people for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NeedView {
    /// The query that finds all of them.
    pub query: String,
    /// How many there are.
    pub count: RunCount,
    /// The newest of them.
    pub items: Vec<NeedyRun>,
}

/// A run that needs people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NeedyRun {
    /// The run.
    pub run: RunSummary,
    /// The path of the task it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Why it failed or does not go on, or what it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How long runs of its flow usually take at most, for those that take longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_ms: Option<u64>,
}

/// A moment at which a schedule is, or was, due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DueView {
    /// The flow's id.
    pub flow: String,
    /// The flow's name; of flows that are due after many others, the id.
    pub flow_name: String,
    /// The schedule's name.
    pub schedule: String,
    /// The moment.
    pub at: Timestamp,
    /// The same by the clocks of its zone.
    pub local: String,
    /// Whether it has passed and started nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_missed: bool,
    /// Why it started nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is due next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgendaView {
    /// From now.
    pub since: Timestamp,
    /// Until then.
    pub until: Timestamp,
    /// By time; what was missed stands first.
    pub items: Vec<DueView>,
    /// Whether these are all. A schedule of each second has thousands of moments in a day.
    pub is_whole: bool,
}

/// A command to many runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkView {
    /// `bulk_…`
    pub id: String,
    /// `cancel`, `pause`, `resume` or `retry`.
    pub command: String,
    /// What runs were looked for by; absent if they were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// `frozen`: its runs are chosen; `acting`; `done`.
    pub state: String,
    /// How many runs it is for: exactly those that were found when it was made.
    pub n_runs: u32,
    /// Whether these were all that were found; if not, they are the newest of them.
    pub is_whole: bool,
    /// How many have done as told.
    pub n_done: u32,
    /// How many have not.
    pub n_refused: u32,
    /// What has to be said for it to begin, if it is for many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// When its runs were chosen.
    pub made_at: Timestamp,
    /// Until when it may be begun.
    pub expires_at: Timestamp,
    /// The first of its runs, as they are now.
    pub sample: Vec<RunSummary>,
    /// How its runs stand to the command now; absent once it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlook: Option<BulkOutlook>,
    /// Why runs have not done as told, the most frequent reason first; told when it is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<BulkReason>,
}

/// What would come of a command if it began now, counted over all of its runs by their states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkOutlook {
    /// How many can do as told.
    pub n_able: u32,
    /// How many of these are so already: of a paused run to be paused, and of one to be resumed that is not paused, nothing changes.
    pub n_unchanged: u32,
    /// How many cannot, by reason: `ended`, `ending`, `at_work` or `gone`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unable: Vec<BulkReason>,
}

/// A reason, and how many runs have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkReason {
    /// The reason.
    pub reason: String,
    /// How many runs.
    pub n: u32,
}

/// What came of a command for one of its runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkRunView {
    /// The run.
    pub run: RunId,
    /// Whether it has done as told; absent until it has been asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_done: Option<bool>,
    /// Why it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run that was made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<RunId>,
}

/// The last runs of a flow by its tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GridView {
    /// The runs, the newest first.
    pub runs: Vec<RunDot>,
    /// How many tasks the flow has in all.
    pub n_tasks: usize,
    /// The place of the first task below, from 0.
    pub from: usize,
    /// Some of its tasks, in document order.
    pub tasks: Vec<GridTask>,
}

/// A task of such a grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GridTask {
    /// Its id.
    pub id: String,
    /// The name people see.
    pub name: String,
    /// A letter for each run: `b`locked, `r`eady, `a`t work, `w`aiting, `s`ucceeded, `f`ailed, s`k`ipped, `c`ancelled; `-` if the run has
    /// no such task.
    pub states: String,
}
