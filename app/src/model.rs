//! What server functions carry between server and browser, beside `flow::view`.

pub mod board;
pub mod edit;

use std::collections::BTreeMap;

use flow::doc::{InputDoc, InputType};
use flow::run::Snapshot;
use flow::view::{QueuedView, RunSummary, WhyView};
use flow::{FlowDoc, RunId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::values::Part;

/// Which runs to list. Empty fields do not filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunListQuery {
    /// Of this flow.
    pub flow: Option<String>,
    /// In one of these states.
    pub states: Vec<String>,
    /// With this text in id, flow, label or error.
    pub text: Option<String>,
    /// The page.
    pub cursor: Option<String>,
}

/// Everything the run page shows at first: a live page goes on from it by folding events into the snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPage {
    /// The run as lists show it, as of the snapshot's last event. What its tasks show is made from the snapshot.
    pub summary: RunSummary,
    /// What it was given.
    pub inputs: Value,
    /// What it gave, once it has succeeded.
    pub outputs: Option<Value>,
    /// The document of the version the run is pinned to.
    pub document: FlowDoc,
    /// The run's state, to be continued with events after `snapshot.last_seq()`.
    pub snapshot: Snapshot,
    /// The server's clock when it answered: elapsed times are counted from it, not from the browser's clock.
    pub server_now: flow::Timestamp,
    /// How long runs of this flow usually take, if any has succeeded.
    pub usual: Option<Usual>,
    /// The moment that was asked for, if it is an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<PastView>,
    /// Other runs to look at.
    #[serde(default)]
    pub relatives: Relatives,
}

/// A run as it was after one of its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastView {
    /// As lists showed it then.
    pub summary: RunSummary,
    /// Its state then.
    pub snapshot: Snapshot,
}

/// Runs that have to do with a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relatives {
    /// The newest run of the flow that succeeded, another one.
    pub last_success: Option<RunId>,
    /// The newest runs that were made from it.
    pub made: Vec<RunId>,
}

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// One.
    pub a: RunSummary,
    /// The other.
    pub b: RunSummary,
    /// The inputs that differ, as texts.
    pub inputs: BTreeMap<String, [Option<String>; 2]>,
    /// The task that differs and was decided first.
    pub first: Option<String>,
    /// All tasks of either.
    pub tasks: Vec<Compared>,
}

/// A task in two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Its id.
    pub path: String,
    /// Its name.
    pub name: String,
    /// In one run, if its flow has it.
    pub a: Option<TaskSide>,
    /// In the other.
    pub b: Option<TaskSide>,
    /// What is not the same, in words; durations always differ, and do not count.
    pub differs: Vec<String>,
}

/// A task in one of two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSide {
    /// Its state.
    pub state: flow::view::TaskStatus,
    /// How that looks.
    pub look: String,
    /// The word for it.
    pub word: String,
    /// The case it took.
    pub case: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// How long it took.
    pub took_ms: Option<u64>,
    /// When it was decided, since the run began.
    pub ended_ms: Option<u64>,
    /// Attempts.
    pub attempts: u32,
    /// How its items stand.
    pub parts: Option<flow::view::TaskCounts>,
}

/// How long runs of a flow usually take: half of its last succeeded runs took less, half more. One run that hung for a night, or
/// one that was cancelled at once, does not move it, as it would a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usual {
    /// The median, in milliseconds.
    pub ms: u64,
    /// Of how many runs.
    pub n_runs: u32,
    /// What 95 of a hundred did not exceed, in milliseconds: a run beyond it is late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_ms: Option<u64>,
}

impl Usual {
    /// The median of these durations in milliseconds; none of none.
    #[must_use]
    pub fn of(mut durations: Vec<u64>) -> Option<Self> {
        durations.sort_unstable();
        let middle = durations.len() / 2;
        let ms = match durations.len() {
            0 => return None,
            n if n % 2 == 1 => durations[middle],
            _ => u64::midpoint(durations[middle - 1], durations[middle]),
        };
        Some(Self {
            ms,
            n_runs: u32::try_from(durations.len()).unwrap_or(u32::MAX),
            late_ms: None,
        })
    }

    /// Whether a run that has been at work for so long, in milliseconds, is late. A few runs do not say what usual is.
    #[must_use]
    pub fn is_late(self, elapsed: u64) -> bool {
        const RUNS_MIN: u32 = 3;
        self.n_runs >= RUNS_MIN && self.late_ms.is_some_and(|late| elapsed > late.max(self.ms))
    }
}

/// Why a run or its tasks are not running, with what only the server knows: who has the places, which queue has no worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasons {
    /// What the run itself waits for, before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<QueuedView>,
    /// What its unfinished task runs wait for.
    #[serde(default)]
    pub items: Vec<WhyView>,
}

/// What an approval asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// In words.
    pub title: Option<String>,
    /// What a yes has to say, by name, in the order of the form.
    pub fields: Vec<(String, InputDoc)>,
}

/// A run to be made from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryAsk {
    /// The other run.
    pub run: RunId,
    /// The path of the task from which on all runs again; without one, what had not succeeded does.
    pub from: Option<String>,
    /// What the new run is given, as JSON; the same unless given.
    pub inputs: Option<String>,
    /// The path of the task or item that does not run but counts as succeeded.
    pub mark: Option<String>,
    /// What it is said to give, as JSON; null unless given.
    pub output: Option<String>,
}

/// A task run's input or output as the inspector shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueView {
    /// As much of it as is shown.
    pub part: Part,
    /// Bytes of the whole value's JSON.
    pub bytes: u64,
    /// Whether nothing of it is there because it was too large for the file the run is read from.
    pub is_absent: bool,
    /// Of an output: the tasks whose expressions read it.
    pub used_by: Vec<String>,
    /// The fields that such a value has, as the task's type describes them.
    pub schema: Vec<SchemaRow>,
}

/// A field of a value, as it is described.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaRow {
    /// Its name; of one inside another with that one's before it.
    pub name: String,
    /// What it is, in a few words.
    pub kind: String,
    /// Whether it has to be there.
    pub is_required: bool,
    /// What it is for.
    pub about: String,
}

impl SchemaRow {
    /// The inputs of a flow as rows.
    #[must_use]
    pub fn of_inputs<'i>(inputs: impl IntoIterator<Item = (&'i String, &'i InputDoc)>) -> Vec<Self> {
        let row = |(name, doc): (&String, &InputDoc)| Self {
            name: name.clone(),
            kind: match doc.input_type {
                InputType::String | InputType::Text => "text",
                InputType::Integer => "whole number",
                InputType::Number => "number",
                InputType::Boolean => "yes or no",
                InputType::Date => "day",
                InputType::Datetime => "moment",
                InputType::Duration => "duration",
                InputType::Object => "object",
                InputType::Array => "list",
                InputType::Any => "anything",
            }
            .to_owned(),
            is_required: doc.required,
            about: doc
                .description
                .clone()
                .or_else(|| doc.title.clone())
                .unwrap_or_default(),
        };
        inputs.into_iter().map(row).collect()
    }
}

impl ValueView {
    /// A view of this value, of which nobody knows who reads it.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        Self {
            part: Part::of(value),
            bytes: value.to_string().len() as u64,
            ..Self::default()
        }
    }
}

/// A piece of a task run's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// Its lines.
    pub lines: Vec<LogLine>,
    /// Give it as `after` to get what follows.
    pub next: Option<String>,
    /// How much the whole log is, attempt by attempt; nothing if nobody counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<LogPart>,
    /// How much it was at the moment that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_then: Vec<LogPart>,
    /// The groups of the whole log, in order, if they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<LogGroup>,
}

/// Lines of an attempt that belong together, as its task said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGroup {
    /// The line that begins it, with its number and its title; cut if it is long.
    pub line: LogLine,
    /// The number of its last line; none as long as nothing has ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Whether its last line says nothing but that it is over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_ended: bool,
}

/// What an attempt has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart {
    /// From 1.
    pub attempt: u32,
    /// Its lines.
    pub n_lines: u64,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// From 1.
    pub attempt: u32,
    /// Its number within the attempt, from 1; 0 if nobody counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n: u64,
    /// When it was written.
    pub at: flow::Timestamp,
    /// `stdout`, `stderr` or `engine`.
    pub stream: String,
    /// Its text, without the newline; may hold ANSI colour codes.
    pub text: String,
}

/// Lines of all task runs of a run, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLogPage {
    /// The lines.
    pub lines: Vec<RunLogLine>,
    /// Whether there are lines before these.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_earlier: bool,
    /// Whether there are lines behind these.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_later: bool,
    /// How many lines of the run fit, if those were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_lines: Option<u64>,
    /// Where the stream of lines goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A line of a run's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLogLine {
    /// The task run's path.
    pub task: String,
    /// Where it stands among the lines of the run. No two have the same place; give it back as it is to get what is before or behind.
    pub place: String,
    /// The line. Its number is 0 if nobody counted.
    pub line: LogLine,
}

/// The signature is serde's.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_false(is: &bool) -> bool {
    !*is
}

/// The signature is serde's.
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Lines of a log that hold what was searched for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFound {
    /// How many there are.
    pub n_lines: u64,
    /// Where the first [`crate::log::FOUND_MAX`] are: attempt and number.
    pub places: Vec<(u32, u64)>,
}

#[cfg(test)]
mod tests {
    use super::Usual;

    #[test]
    fn the_usual_time_is_the_middle_one() {
        let ms = |durations: &[u64]| Usual::of(durations.to_vec()).map(|usual| (usual.ms, usual.n_runs));
        assert_eq!(ms(&[]), None);
        assert_eq!(ms(&[9]), Some((9, 1)));
        assert_eq!(ms(&[900_000, 10, 12]), Some((12, 3)));
        assert_eq!(ms(&[4, 1, 3, 2]), Some((2, 4)));
        let usual = Usual {
            ms: 100,
            n_runs: 3,
            late_ms: Some(150),
        };
        assert_eq!([150, 151].map(|elapsed| usual.is_late(elapsed)), [false, true]);
        let few = Usual { n_runs: 2, ..usual };
        assert!(!few.is_late(1_000));
    }
}
