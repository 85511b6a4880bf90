//! What the editor and the history of a flow carry.

use std::collections::BTreeMap;

use flow::trial::Scope;
use flow::view::{FlowVersionView, RunStatus, TaskStatus};
use flow::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::values::Part;

/// A draft that is kept on the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftView {
    /// The version it was begun from; 0 if there was none.
    pub base: u32,
    /// The text.
    pub source: String,
    /// When it was saved.
    pub saved_at: Timestamp,
}

/// A draft that was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftKept {
    /// When.
    pub saved_at: Timestamp,
    /// The newest version of its flow: somebody may have saved one meanwhile.
    pub newest: u32,
}

/// A draft to be saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAsk {
    /// The flow it is of; none for one that has never been saved.
    pub flow: Option<String>,
    /// The version it was begun from.
    pub base: u32,
    /// The text.
    pub source: String,
    /// When this tab saved it last.
    pub after: Option<Timestamp>,
}

/// A document to be saved as a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishAsk {
    /// The text.
    pub source: String,
    /// The version it was made from, which must be the newest still; 0 if the flow must be new.
    pub base: u32,
    /// What its author says of it.
    pub message: String,
    /// The name by which it is to be remembered; empty for none.
    #[serde(default)]
    pub name: String,
}

/// A document to be tried out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialAsk {
    /// The text.
    pub source: String,
    /// The texts of the form with the run's inputs, by input name.
    pub fields: Vec<(String, String)>,
    /// How much of it runs.
    pub scope: Scope,
    /// Whether results of earlier runs that still hold are taken.
    pub is_reusing: bool,
    /// Outputs that tasks give instead of running.
    pub outputs: BTreeMap<String, Value>,
}

/// A trial that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialView {
    /// Its run.
    pub run: RunId,
    /// Tasks whose results are of an earlier run.
    pub reused: Vec<String>,
    /// Tasks before the one that runs alone of which nothing is known: they give null.
    pub unknown: Vec<String>,
}

/// What a task gives that the one reads which is to run alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenView {
    /// The task.
    pub task: String,
    /// What it gives, as far as a page is sent it.
    pub part: Part,
    /// Where that is from.
    pub from: GivenFrom,
}

/// Where an output is from that a task gives without running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenFrom {
    /// The document pins it.
    Pin,
    /// It gave this in an earlier run.
    Run(RunId),
    /// Nothing is known of it: it gives null.
    Nowhere,
}

/// The newest run in which a task did something itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastView {
    /// The run.
    pub run: RunId,
    /// The flow version that it is of; it may be of a document that was tried out.
    pub version: u32,
    /// When the task was ready to begin.
    pub at: Option<Timestamp>,
    /// What became of it.
    pub status: TaskStatus,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a flow's tasks did in the last run that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedView {
    /// The run.
    pub run: RunId,
    /// What it was given.
    pub inputs: Value,
    /// Its tasks by their keys.
    pub tasks: BTreeMap<String, RecordedTaskView>,
}

/// What a task did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedTaskView {
    /// How it ended.
    pub status: TaskStatus,
    /// What it gave; none if nothing, or more than a page is sent.
    pub output: Option<Value>,
    /// Whether it gave more than a page is sent.
    pub is_large: bool,
}

/// What a recorded run would have done with the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRow {
    /// The run.
    pub run: RunId,
    /// When it was created.
    pub at: Timestamp,
    /// How it ended.
    pub was: RunStatus,
    /// How it would have; none if it would not.
    pub is: Option<RunStatus>,
    /// Where it would have gone another way first.
    pub turn: Option<TurnView>,
    /// Tasks that would have run and of which nothing is recorded.
    pub guessed: Vec<String>,
    /// Why it could not have begun.
    pub refused: Option<String>,
}

/// Where a run would have gone another way first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnView {
    /// The task.
    pub task: String,
    /// What became of it; none if it was not there.
    pub was: Option<String>,
    /// What would have; none if it is not there any more.
    pub is: Option<String>,
}

/// The history of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The flow's id.
    pub flow: String,
    /// Its name.
    pub name: String,
    /// Its versions, newest first.
    pub versions: Vec<FlowVersionView>,
    /// Two of them side by side; none of a flow with one version.
    pub diff: Option<DiffView>,
}

/// Two versions side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffView {
    /// The older one.
    pub from: u32,
    /// The newer one.
    pub to: u32,
    /// Both in one drawing, as text that a page takes as it is.
    pub drawing: String,
    /// Tasks that came, went or changed.
    pub tasks: Vec<TaskChangeView>,
    /// Edges that came, went or changed, each as a sentence.
    pub edges: Vec<LineView>,
    /// Fields of the flow itself.
    pub fields: Vec<FieldView>,
    /// Whether places, notes or groups differ.
    pub is_drawn_differently: bool,
}

/// A task that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskChangeView {
    /// Its id.
    pub id: String,
    /// `added`, `removed`, `changed` or `renamed`.
    pub kind: String,
    /// Its id before, if it was renamed.
    pub before: Option<String>,
    /// Its fields that differ.
    pub fields: Vec<FieldView>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldView {
    /// Where.
    pub path: String,
    /// What stood there, readably.
    pub old: Option<String>,
    /// What stands there.
    pub new: Option<String>,
}

/// A line of a list of differences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineView {
    /// `added`, `removed` or `changed`.
    pub kind: String,
    /// What.
    pub text: String,
}
