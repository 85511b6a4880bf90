//! A run in a file: everything the page of a run shows, to be kept, sent to somebody, and looked at without its server.
//!
//! Secrets are not in it: events hold references to them, and what workers report has been masked before it was kept. Tokens of
//! attempts are left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use flow::plan::Spot;
use flow::run::{Event, EventKind, RunState};
use flow::view::TaskStatus;
use flow::{FlowDoc, Payload, Plan, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::error::Category;

use crate::log::group::Groups;
use crate::log::needle::Needle;
use crate::model::{LogLine, LogPage, Relatives, RunLogLine, RunLogPage, RunPage, ValueView};
use crate::timeline::history::{ItemHistory, ItemRows};

/// What the file says it is.
pub const FORMAT: &str = "pointwork.run";

/// The version of the format that this build writes. Fields are added, never renamed: a reader of a version reads all before it.
pub const VERSION: u32 = 1;

/// The file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Capsule {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`] of the writer.
    pub version: u32,
    /// The run.
    pub run: RunId,
    /// When the file was written.
    pub exported_at: Timestamp,
    /// The version of Pointwork that wrote it.
    pub pointwork: String,
    /// The flow version that the run is pinned to.
    pub document: FlowDoc,
    /// The run's events, oldest first. Inputs and outputs stand in them, but for large ones.
    pub events: Vec<Event>,
    /// Large values, by the SHA-256 that events name.
    #[serde(default)]
    pub values: BTreeMap<String, Value>,
    /// The logs of task runs, by path.
    #[serde(default)]
    pub logs: BTreeMap<String, Vec<LogLine>>,
    /// What did not fit, as sentences.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// The beginning of a file, read before all else.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

impl Capsule {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("The file is empty.".to_owned());
        }
        let head: Head = serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Eof => "The file is not complete: it ends in the middle. Download it again.".to_owned(),
            Category::Syntax | Category::Io => format!(
                "This is no file of a run: it is no JSON (line {}, column {}).",
                error.line(),
                error.column()
            ),
            Category::Data => "This is no file of a run: it says neither “format” nor “version”.".to_owned(),
        })?;
        if head.format != FORMAT {
            return Err(format!(
                "This is a file of the format `{}`, not `{FORMAT}`.",
                head.format
            ));
        }
        if head.version > VERSION {
            return Err(format!(
                "The file has version {} of its format; this server reads up to {VERSION}. Open it with a newer Pointwork.",
                head.version
            ));
        }
        let capsule: Self =
            serde_json::from_str(text).map_err(|error| format!("The file is damaged: {error}."))?;
        capsule.replay()?;
        Ok(capsule)
    }

    fn replay(&self) -> Result<RunState, String> {
        let plan = Arc::new(Plan::new(Arc::new(self.document.clone())));
        RunState::replay(plan, &self.events)
            .map_err(|error| format!("The file's events are damaged: {error}."))
    }

    /// What the page of the run shows at first.
    ///
    /// # Errors
    /// A sentence, if the events do not fit together.
    pub fn page(&self) -> Result<RunPage, String> {
        let state = self.replay()?;
        let detail = state.detail(0);
        let inputs = match self.events.first().map(|event| &event.kind) {
            Some(EventKind::RunCreated { inputs, .. }) => self.whole(inputs).unwrap_or_default(),
            _ => Value::Null,
        };
        Ok(RunPage {
            summary: detail.summary,
            inputs,
            outputs: detail.outputs,
            document: self.document.clone(),
            snapshot: state.viewer_snapshot(),
            server_now: self.exported_at.max(state.last_at()),
            usual: None,
            past: None,
            relatives: Relatives::default(),
        })
    }

    /// A value, if the file has it.
    fn whole(&self, payload: &Payload) -> Option<Value> {
        match payload {
            Payload::Inline(value) => Some(Value::clone(value)),
            Payload::Blob(blob) => self.values.get(&blob.sha256).cloned(),
        }
    }

    /// A task run's output (`true`) or input, as the inspector shows it.
    #[must_use]
    pub fn value(&self, path: &str, output: bool) -> Option<ValueView> {
        let of_this = self
            .events
            .iter()
            .filter(|event| event.kind.task().is_some_and(|task| **task == *path));
        let found = of_this.rev().find_map(|event| match (&event.kind, output) {
            (EventKind::TaskSucceeded { output, .. }, true) => Some(output),
            (EventKind::TaskFailed { output, .. }, true) => output.as_ref(),
            (EventKind::TaskScheduled { input, .. } | EventKind::TaskWaiting { input, .. }, false) => {
                input.as_ref()
            }
            (EventKind::ChildRequested { inputs, .. }, false) => Some(inputs),
            _ => None,
        })?;
        let view = self.whole(found).map(|value| ValueView::of(&value));
        Some(view.unwrap_or_else(|| ValueView {
            bytes: found.blob().map_or(0, |blob| blob.bytes),
            is_absent: true,
            ..ValueView::default()
        }))
    }

    /// The log of a task run, or of one attempt at it.
    #[must_use]
    pub fn log(&self, path: &str, attempt: Option<u32>) -> LogPage {
        let lines = self.logs.get(path).into_iter().flatten();
        let lines: Vec<LogLine> = lines
            .filter(|line| attempt.is_none_or(|attempt| line.attempt == attempt))
            .cloned()
            .collect();
        LogPage {
            groups: Groups::of(&lines).into(),
            lines,
            ..LogPage::default()
        }
    }

    /// The logs of all task runs as one: all lines, or those that fit.
    #[must_use]
    pub fn run_log(&self, needle: Option<&Needle>) -> RunLogPage {
        let mut lines: Vec<(&String, LogLine)> = Vec::new();
        for (path, log) in &self.logs {
            let (mut attempt, mut n) = (0, 0);
            for line in log {
                if line.attempt != attempt {
                    (attempt, n) = (line.attempt, 0);
                }
                n += 1;
                if needle.is_none_or(|needle| needle.fits(&line.stream, &line.text)) {
                    lines.push((path, LogLine { n, ..line.clone() }));
                }
            }
        }
        // Those of one instant stay in the order of their tasks.
        lines.sort_by_key(|(_, line)| line.at);
        let n_lines = needle.map(|_| lines.len() as u64);
        let placed = lines
            .into_iter()
            .enumerate()
            .map(|(at, (path, line))| RunLogLine {
                task: path.clone(),
                place: at.to_string(),
                line,
            });
        RunLogPage {
            lines: placed.collect(),
            n_lines,
            ..RunLogPage::default()
        }
    }

    /// What the items of a task did when.
    #[must_use]
    pub fn item_rows(&self, plan: &Plan, task: &str) -> ItemRows {
        item_rows(plan, task, &self.events)
    }
}

/// What the items of a task did when, or one of them, by a run's events.
#[must_use]
pub fn item_rows(plan: &Plan, task: &str, events: &[Event]) -> ItemRows {
    let Some(spot) = plan.spot(task) else {
        return ItemRows::new();
    };
    let mut history = ItemHistory::new(plan, spot);
    events.iter().for_each(|event| history.take(event));
    history.rows()
}

/// The paths of all task runs that may have written a log: those that began, and those that are decided by the engine.
#[must_use]
pub fn paths_with_logs(state: &RunState) -> Vec<String> {
    let plan = state.plan();
    let mut paths = Vec::new();
    for ix in 0..state.tasks().len() as flow::TaskIx {
        let has_begun = |status: TaskStatus| !matches!(status, TaskStatus::Blocked | TaskStatus::Skipped);
        if has_begun(state.task(ix).state.status()) {
            paths.push(plan.path(ix.into()).to_string());
        }
        if let Some(parts) = state.parts(ix) {
            let begun = parts
                .numbers()
                .filter(|part| parts.status(*part).is_some_and(has_begun));
            paths.extend(begun.map(|part| plan.path(Spot::part(ix, part)).to_string()));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::log::needle::Stream;
    use crate::testing::fan;

    fn file() -> Value {
        let (document, events) = fan(3);
        json!({
            "format": FORMAT,
            "version": VERSION,
            "run": "run_01k9w3zq5r8v2m4x6c7d9e0f1g",
            "exported_at": "2026-01-31T12:00:00Z",
            "pointwork": "0.1.0",
            "document": document,
            "events": events,
            "logs": {"list": [{"attempt": 1, "at": "2026-01-31T12:00:00Z", "stream": "stdout", "text": "3 orders"}]},
            "of a later version": true,
        })
    }

    #[test]
    fn a_file_is_the_run_again() {
        let capsule = Capsule::read(&file().to_string()).expect("is whole");
        let page = capsule.page().expect("is whole");
        assert_eq!(page.summary.state.key(), "succeeded");
        assert_eq!(page.summary.counts.succeeded, 3);
        assert_eq!(capsule.log("list", None).lines[0].text, "3 orders");
        assert!(capsule.log("each[0]", None).lines.is_empty());
        let told = |needle: Option<Needle>| {
            let page = capsule.run_log(needle.as_ref());
            let line = |line: RunLogLine| format!("{} {}:{}", line.task, line.line.n, line.line.text);
            (page.n_lines, page.lines.into_iter().map(line).collect::<Vec<_>>())
        };
        assert_eq!(told(None), (None, vec!["list 1:3 orders".to_owned()]));
        assert_eq!(told(Needle::new("none", Stream::All)), (Some(0), Vec::new()));
        assert_eq!(
            capsule.value("list", true).map(|value| value.part.value),
            Some(Value::Null)
        );
        assert_eq!(capsule.value("list", false), None);
        let plan = Plan::new(Arc::new(capsule.document.clone()));
        assert_eq!(capsule.item_rows(&plan, "each").len(), 3);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let refusal = |file: Value| Capsule::read(&file.to_string()).err().unwrap_or_default();
        let with = |name: &str, value: Value| {
            let mut file = file();
            file[name] = value;
            refusal(file)
        };
        assert_eq!(
            refusal(json!([1])),
            "This is no file of a run: it says neither “format” nor “version”."
        );
        let unread = |text: &str| Capsule::read(text).err().unwrap_or_default();
        assert_eq!(unread(" \n"), "The file is empty.");
        assert_eq!(
            unread(&file().to_string()[..200]),
            "The file is not complete: it ends in the middle. Download it again."
        );
        assert_eq!(
            unread("PK\u{3}\u{4}"),
            "This is no file of a run: it is no JSON (line 1, column 1)."
        );
        assert_eq!(
            with("format", json!("zip")),
            "This is a file of the format `zip`, not `pointwork.run`."
        );
        assert_eq!(
            with("version", json!(7)),
            "The file has version 7 of its format; this server reads up to 1. Open it with a newer Pointwork."
        );
        assert_eq!(
            with("events", json!([])),
            "The file's events are damaged: the log does not begin with run_created."
        );
        assert!(with("document", json!(3)).starts_with("The file is damaged: "));
        let mut gap = file();
        gap["events"].as_array_mut().expect("are there").remove(4);
        assert_eq!(
            refusal(gap),
            "The file's events are damaged: event 6 stands where 5 should."
        );
    }
}
