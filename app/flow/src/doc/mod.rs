//! The flow document: one serde model for YAML and JSON.
//!
//! These types say what a document *can* hold; [`mod@crate::validate`] says whether it makes sense. Unknown fields are errors
//! everywhere, so that a misspelt `timout` is told and not ignored.

mod canvas;
mod each;
mod notify;
mod retry;
mod starts;
mod task;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::HumanDuration;

pub use self::canvas::{Colour, GroupDoc, NoteDoc};
pub use self::each::{ForEachDoc, ItemFailureWord, LoopDoc, OnItemFailure, TolerateDoc};
pub use self::notify::{NotifyDoc, NotifyMailDoc, NotifyWebhookDoc};
pub use self::retry::{Backoff, Jitter, OnLost, RetryDoc};
pub use self::starts::{AfterDoc, Doubled, Missed, Missing, Overlap, Respond, ScheduleDoc, WebhookDoc};
pub use self::task::{CacheDoc, EdgeDoc, Join, NeedDoc, TaskDoc, UndoDoc};

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
    /// Notes on the canvas, by ids of one's own. Apart from meaning, as `layout` is.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub notes: IndexMap<String, NoteDoc>,
    /// Tasks drawn as one box, by ids of one's own. Apart from meaning, as `layout` is.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub groups: IndexMap<String, GroupDoc>,
    /// Outputs that tasks give when the flow is tried out in the editor, by task id, instead of being run. Any other run ignores them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub pins: Map<String, Value>,
}

impl FlowDoc {
    /// The name people see.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.flow)
    }

    /// Whether both mean the same to a run: they differ in what is drawn at most.
    #[must_use]
    pub fn means_the_same(&self, other: &Self) -> bool {
        let meaning = |doc: &Self| Self {
            layout: IndexMap::new(),
            notes: IndexMap::new(),
            groups: IndexMap::new(),
            pins: Map::new(),
            ..doc.clone()
        };
        meaning(self) == meaning(other)
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

/// Whether a text holds an expression.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
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
