//! The flow document: one serde model for YAML and JSON.
//!
//! These types say what a document *can* hold; [`mod@crate::validate`] says whether it makes sense. Unknown fields are errors
//! everywhere, so that a misspelt `timout` is told and not ignored.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits;
use crate::time::HumanDuration;

/// A flow as its author writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FlowDoc {
    /// The flow's id: lower case letters, digits, `-` and `_`.
    pub flow: String,
    /// The name people see; the id if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the flow is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels every run of the flow carries.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// What a run is given when it starts.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub inputs: IndexMap<String, InputDoc>,
    /// How long a whole run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// How long the ending of a run (undo, finally, `on_failure`) may take: 10 minutes unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending_timeout: Option<HumanDuration>,
    /// Whether the first unhandled failure ends the run at once instead of letting other branches go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fail_fast: bool,
    /// How urgent its runs are, from -100 to 100: 0 unless given. A start may say otherwise; tasks add their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The tasks by their ids.
    pub tasks: IndexMap<String, TaskDoc>,
    /// Tasks that run at the end whatever happened; they see `run.outcome`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub finally: IndexMap<String, TaskDoc>,
    /// Tasks that run after all else when the run failed.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub on_failure: IndexMap<String, TaskDoc>,
    /// The run's output: a value or expression for each name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub outputs: Map<String, Value>,
    /// How many runs may be at work at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<ConcurrencyDoc>,
    /// When runs of the flow start because runs of others have ended, by names of one's own.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub after: IndexMap<String, AfterDoc>,
    /// When runs of the flow start by themselves, by the schedules' names.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub schedules: IndexMap<String, ScheduleDoc>,
    /// Addresses at which others start runs of the flow, by the webhooks' names: `POST /hooks/FLOW/NAME`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub webhooks: IndexMap<String, WebhookDoc>,
    /// Whom the engine tells when a run fails or is late, or none succeeds, by the rules' names.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub notify: IndexMap<String, NotifyDoc>,
    /// Where boxes stand, by task id, as `[x, y]`. Apart from meaning: moving a box makes no new version.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub layout: IndexMap<String, (f64, f64)>,
}

impl FlowDoc {
    /// The name people see.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.flow)
    }
}

/// One thing a run is given when it starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InputDoc {
    /// What kind of value it takes.
    #[serde(default, rename = "type")]
    pub input_type: InputType,
    /// The label of its field; the input's name if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether a run must be given it (only without a default).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What a run gets that was given nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The only values allowed.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Value>,
    /// The least number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The greatest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// The fewest characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u64>,
    /// The most characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
}

/// The kind of value an input takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum InputType {
    /// A text.
    String,
    /// A text of several lines.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// true or false.
    Boolean,
    /// A day, as `2026-01-31`.
    Date,
    /// A moment, as `2026-01-31T12:00:00Z`.
    Datetime,
    /// A duration, as `1h30m`.
    Duration,
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
    /// Any JSON value.
    #[default]
    Any,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TaskDoc {
    /// What it does, for example `http.request`.
    #[serde(rename = "type")]
    pub task_type: String,
    /// The name people see; the id if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Marks for people and filters.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub labels: IndexMap<String, String>,
    /// The edges into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<NeedDoc>,
    /// When a task with several edges may start.
    #[serde(default, skip_serializing_if = "is_default")]
    pub join: Join,
    /// An expression judged last before the start; false skips the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The arguments of its type; every string may hold expressions.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
    /// What happens after a failed attempt; without it the first failure is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryDoc>,
    /// How long one attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
    /// How long one attempt may wait for a worker to begin it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<HumanDuration>,
    /// The queue in which its attempts wait for a worker and for limits: `default` unless named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Whose share of the queue it takes, for limits per key: a text or an expression, such as a customer's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_key: Option<String>,
    /// How urgent it is, from -100 to 100, added to its run's priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Takes the result of an earlier, equal task run instead of running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Box<CacheDoc>>,
    /// Runs the task once for each item of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Box<ForEachDoc>>,
    /// Runs the task again and again until a condition holds.
    #[serde(default, rename = "loop", skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Box<LoopDoc>>,
    /// What takes back this task's effect if it had succeeded and the run then fails or is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<UndoDoc>>,
}

impl TaskDoc {
    /// A task of `task_type` with nothing else said.
    #[must_use]
    pub fn of_type(task_type: &str) -> Self {
        Self {
            task_type: task_type.to_owned(),
            name: None,
            description: None,
            labels: IndexMap::new(),
            needs: Vec::new(),
            join: Join::All,
            when: None,
            with: Map::new(),
            retry: None,
            timeout: None,
            start_timeout: None,
            queue: None,
            queue_key: None,
            priority: None,
            cache: None,
            for_each: None,
            repeat: None,
            undo: None,
        }
    }
}

/// Which earlier results of a task hold again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CacheDoc {
    /// What two runs of the task must have in common, with expressions: all its arguments unless given. Whatever it is, a result
    /// holds only for the same task of the same flow, and only until its `type` or `with` is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// How long a result holds.
    pub ttl: HumanDuration,
}

/// What takes back a task's effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UndoDoc {
    /// What it does, for example `http.request`.
    #[serde(rename = "type")]
    pub task_type: String,
    /// The arguments of its type.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
    /// What happens after a failed attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryDoc>,
    /// How long one attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
}

/// Runs a task once for each item of a list. Its `with`, and a `when` that says `item`, see `item` and `item_index` (from 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForEachDoc {
    /// The list, or an expression that gives it.
    pub items: Value,
    /// How many items may be at work at once: 16 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u32>,
    /// What a failed item means for the others and for the task.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_item_failure: OnItemFailure,
}

impl ForEachDoc {
    /// How many items may be at work at once.
    #[must_use]
    pub fn n_parallel(&self) -> usize {
        self.max_parallel
            .unwrap_or(limits::PARALLEL_ITEMS)
            .clamp(1, limits::PARALLEL_ITEMS_MAX) as usize
    }

    /// How many of `n` items may fail before the rest are stopped.
    #[must_use]
    pub fn n_before_stop(&self, n: u32) -> u32 {
        match &self.on_item_failure {
            OnItemFailure::Word(ItemFailureWord::FailFast) => 0,
            OnItemFailure::Word(ItemFailureWord::Continue) => n,
            OnItemFailure::Tolerate(share) => share.of(n),
        }
    }

    /// How many of `n` items may fail and the task still succeeds.
    #[must_use]
    pub fn n_tolerated(&self, n: u32) -> u32 {
        match &self.on_item_failure {
            OnItemFailure::Word(_) => 0,
            OnItemFailure::Tolerate(share) => share.of(n),
        }
    }
}

/// Runs a task again and again until a condition holds. Its `with` and `until` see `iteration` (from 1) and `last`, the output of
/// the iteration before, or of the one that has just ended; what the last one gives is the task's output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoopDoc {
    /// Judged after each iteration that succeeded: true ends the loop.
    pub until: String,
    /// How many iterations at most: 100 unless given. With the condition still false after them, the task fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_iterations: Option<u32>,
    /// How long to wait between two iterations; no worker is held meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<HumanDuration>,
}

impl LoopDoc {
    /// How many iterations at most.
    #[must_use]
    pub fn n_most(&self) -> u32 {
        self.max_iterations
            .unwrap_or(limits::ITERATIONS)
            .clamp(1, limits::ITERATIONS_MAX)
    }
}

/// What a failed item means for the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "fail_fast, continue, or {tolerate: 10%}")]
pub enum OnItemFailure {
    /// In a word.
    Word(ItemFailureWord),
    /// As the share of items that may fail.
    Tolerate(TolerateDoc),
}

impl Default for OnItemFailure {
    fn default() -> Self {
        Self::Word(ItemFailureWord::FailFast)
    }
}

/// What a failed item means for the others, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemFailureWord {
    /// No item is started any more, those at work are cancelled and the task fails.
    FailFast,
    /// All items run; the task fails if any failed.
    Continue,
}

/// The share of items that may fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TolerateDoc {
    /// A share such as `10%`: the task succeeds if no more fail, and ends as with `fail_fast` as soon as more do.
    pub tolerate: String,
}

impl TolerateDoc {
    /// The share in percent; `None` if it is not written as one.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        let number: f64 = self.tolerate.strip_suffix('%')?.trim_end().parse().ok()?;
        (0.0..=100.0).contains(&number).then_some(number)
    }

    /// That share of `n`, rounded down.
    fn of(&self, n: u32) -> u32 {
        (f64::from(n) * self.percent().unwrap_or(0.0) / 100.0).floor() as u32
    }
}

/// When a task with several edges may start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// When every edge is taken; skipped at the first settled edge that is not.
    #[default]
    All,
    /// At the first taken edge; skipped if none is.
    Any,
    /// When all upstreams are settled and at least one edge was taken; else skipped.
    Settled,
}

/// An edge into a task: the short form is the upstream's id alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "an upstream task's id, or {task, on, when, handles}")]
pub enum NeedDoc {
    /// Taken when the upstream succeeded.
    Task(String),
    /// The long form.
    Edge(EdgeDoc),
}

/// The long form of an edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EdgeDoc {
    /// The upstream task.
    pub task: String,
    /// The outcomes that take the edge: `succeeded` (default), `failed`, `skipped`, `cancelled`, a case of a switch, or `always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<OneOrMany>,
    /// An expression that narrows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether taking the edge on a failure counts as handling that failure.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub handles: bool,
}

impl NeedDoc {
    /// The upstream task.
    #[must_use]
    pub fn task(&self) -> &str {
        match self {
            Self::Task(task) => task,
            Self::Edge(edge) => &edge.task,
        }
    }

    /// The outcomes that take the edge, as written; `succeeded` if nothing is.
    #[must_use]
    pub fn on(&self) -> Vec<&str> {
        match self {
            Self::Edge(EdgeDoc { on: Some(on), .. }) => on.as_slice().iter().map(String::as_str).collect(),
            _ => vec!["succeeded"],
        }
    }

    /// The expression that narrows it.
    #[must_use]
    pub fn when(&self) -> Option<&str> {
        match self {
            Self::Edge(edge) => edge.when.as_deref(),
            Self::Task(_) => None,
        }
    }

    /// Whether taking it on a failure counts as handling that failure.
    #[must_use]
    pub fn handles(&self) -> bool {
        match self {
            Self::Edge(edge) => edge.handles,
            Self::Task(_) => true,
        }
    }
}

/// One word or a list of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "a word or a list of words")]
pub enum OneOrMany {
    /// One word.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of them.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Many(words) => words,
        }
    }
}

/// A limit on how many runs of the flow are at work at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConcurrencyDoc {
    /// How many.
    pub limit: u32,
    /// Runs of the same key share the limit; without it all runs of the flow do. Expressions see `inputs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What happens to a run that finds no place.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strategy: Strategy,
}

/// What happens to a run that finds no place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// It waits for one, in the order of the starts.
    #[default]
    Queue,
    /// The newest wins: older runs are cancelled, and it begins when their end is over.
    CancelRunning,
    /// It ends at once as cancelled.
    Skip,
}

/// A standing order: a run for each run of another flow that ends so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AfterDoc {
    /// The other flow's id.
    pub flow: String,
    /// The ends that count: `succeeded` (default), `failed`, `cancelled`, or `always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<OneOrMany>,
    /// The inputs of its runs. Expressions see `trigger.name`, `trigger.flow`, `trigger.run`, `trigger.outcome` and `trigger.outputs`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
}

impl AfterDoc {
    /// Whether a run that ended so counts.
    #[must_use]
    pub fn covers(&self, outcome: &str) -> bool {
        match &self.on {
            None => outcome == "succeeded",
            Some(on) => on
                .as_slice()
                .iter()
                .any(|word| word == outcome || word == "always"),
        }
    }
}

/// A standing order: a run for each time a cron pattern is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScheduleDoc {
    /// Minute, hour, day of month, month, day of week; or six fields with the second first; or `@daily` and its like.
    pub cron: String,
    /// Whose clocks the pattern is about, such as `Europe/Berlin`; `UTC` if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What happens to a time of day that the clocks skip. Unless given: `skip` for patterns of every hour, else `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// What happens to a time of day that the clocks show twice. Unless given: `both` for patterns of every hour, else `first`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubled: Option<Doubled>,
    /// What happens to fires that were due while no server was at work.
    #[serde(default, skip_serializing_if = "is_default")]
    pub missed: Missed,
    /// What happens to a fire while the run of the one before is at work.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overlap: Overlap,
    /// Each fire comes up to so much later, the same each time it is computed: many schedules of one minute do not come at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<HumanDuration>,
    /// The inputs of its runs. Expressions see `trigger.at`, the time it was due, and `trigger.name`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
}

/// An address at which others start runs of the flow. Who calls it shows that he knows a secret: by the secret itself (`token`) or by
/// signing the body with it (`signature`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WebhookDoc {
    /// The secret that callers send, as `{{ secrets.name }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The secret that callers sign the body with (HMAC-SHA256, in hexadecimal digits or base64, also behind `sha256=`), as
    /// `{{ secrets.name }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The header in which token or signature come: `authorization` (also behind `Bearer`) and `x-hub-signature-256` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The header in which the time of signing comes, in seconds since 1970. With it what is signed is `{timestamp}.{body}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<String>,
    /// What is signed, if it is something else: a text with `{timestamp}` and `{body}` in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
    /// How far the time of signing may be from now: 5 minutes unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<HumanDuration>,
    /// The inputs of its runs. Expressions see `body`, `headers` (names in lower case) and `query`. Without it those fields of the body
    /// become inputs that the flow has as inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Map<String, Value>>,
    /// What tells a repeated delivery: an expression over `body`, `headers` and `query`. The same key finds the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// How it answers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub respond: Respond,
    /// How long it waits for the output at most: 30 seconds unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<HumanDuration>,
    /// Bytes of a body at most: 1 MiB unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body: Option<u64>,
}

/// How a webhook answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Respond {
    /// At once, with the run's id.
    #[default]
    Run,
    /// When the run has ended, with its output.
    Output,
}

/// Whom the engine tells of what. The engine itself judges: it needs no run of the flow for that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NotifyDoc {
    /// A run that fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failure: bool,
    /// A run that is not finished so long after it was accepted; with `schedule`, so long after it was due, started or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<HumanDuration>,
    /// The schedule whose fires `late` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// No run that succeeded for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<HumanDuration>,
    /// Tells it by mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<NotifyMailDoc>,
    /// Tells it by a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<NotifyWebhookDoc>,
}

/// A mail to be sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NotifyMailDoc {
    /// To whom: addresses separated by commas.
    pub to: String,
    /// Who writes; what `smtp` says unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The mail server, as `{{ secrets.name }}`.
    pub smtp: String,
}

/// A call to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NotifyWebhookDoc {
    /// Where to: an address, or `{{ secrets.name }}`.
    pub url: String,
    /// What the call is signed with, as `{{ secrets.name }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// What happens to fires that were due while no server was at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// They are left out.
    Skip,
    /// The last of them is made up for.
    #[default]
    One,
    /// The last hundred of them are made up for.
    All,
}

/// What happens to a fire while the run of the one before is at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Both runs are at work side by side.
    #[default]
    Allow,
    /// It is left out.
    Skip,
}

/// What becomes of a fire whose time of day the clocks skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// There is none that day.
    Skip,
    /// It comes at the moment the clocks jump.
    After,
}

/// What becomes of a fire whose time of day the clocks show twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Doubled {
    /// It comes the first time.
    First,
    /// It comes the second time.
    Second,
    /// It comes both times.
    Both,
}

/// The longest pause between attempts unless a document says otherwise.
const LONGEST_PAUSE: HumanDuration = HumanDuration::from_millis(60_000);

/// What happens after a failed attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RetryDoc {
    /// How many attempts at most, the first included.
    pub max_attempts: u32,
    /// How the pause grows.
    pub backoff: Backoff,
    /// The pause after the first failed attempt.
    pub first: HumanDuration,
    /// The longest pause; 1m unless given, or `first` if that is longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<HumanDuration>,
    /// How much chance is mixed into the pause.
    pub jitter: Jitter,
    /// What happens to an attempt lost with its worker or server.
    pub on_lost: OnLost,
    /// The kinds of failure that are tried again, such as `timeout`; all, unless these or `exit_codes` are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<OneOrMany>,
    /// The exit codes that are tried again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exit_codes: Vec<u8>,
}

impl RetryDoc {
    /// The longest pause.
    #[must_use]
    pub fn longest(&self) -> HumanDuration {
        self.max.unwrap_or_else(|| self.first.max(LONGEST_PAUSE))
    }

    /// Whether a failure of this kind, with this exit code, is one to be tried again.
    #[must_use]
    pub fn covers(&self, kind: &str, exit_code: Option<i32>) -> bool {
        let is_open = self.on.is_none() && self.exit_codes.is_empty();
        let kinds = self.on.iter().flat_map(OneOrMany::as_slice);
        is_open
            || kinds.into_iter().any(|covered| covered == kind)
            || exit_code.is_some_and(|code| self.exit_codes.iter().any(|covered| i32::from(*covered) == code))
    }
}

impl Default for RetryDoc {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff: Backoff::Exponential,
            first: HumanDuration::from_millis(1000),
            max: None,
            jitter: Jitter::Full,
            on_lost: OnLost::Retry,
            on: None,
            exit_codes: Vec::new(),
        }
    }
}

/// How the pause between attempts grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// Always the first pause.
    Fixed,
    /// First, twice the first, three times the first …
    Linear,
    /// Twice as long after each attempt.
    #[default]
    Exponential,
}

/// How much chance is mixed into a pause, so that many retries do not come at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Jitter {
    /// None: the pause is exact.
    None,
    /// Half of the pause is fixed, half is chance.
    Equal,
    /// Anything from zero to the pause.
    #[default]
    Full,
}

/// What happens to an attempt lost with its worker or server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnLost {
    /// Another attempt, not counted against `max_attempts`.
    #[default]
    Retry,
    /// The task fails: its work is begun at most once.
    Fail,
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_yes(value: &bool) -> bool {
    *value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
