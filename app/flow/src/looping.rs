//! A loop as a task type: the same as the field `loop`, written as arguments.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::doc::{LoopDoc, RetryDoc, TaskDoc};
#[cfg(feature = "author")]
use crate::parse::join;
use crate::time::HumanDuration;

/// The task type whose `with` says what is done again and again.
pub(crate) const LOOP: &str = "loop";

/// The arguments of a task of the type `loop`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LoopWith {
    /// What each iteration does: a task in short.
    #[serde(default, rename = "do", skip_serializing_if = "Option::is_none")]
    pub task: Option<DoDoc>,
    /// The flow that each iteration runs, instead of a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    /// What that flow's runs are given.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
    /// That flow's version; the newest unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Value>,
    /// Judged after each iteration that succeeded: true ends the loop. It sees `iteration` (from 1) and `last`, its output.
    pub until: String,
    /// How many iterations at most: 100 unless given. With the condition still false after them, the task fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_iterations: Option<u32>,
    /// How long to wait between two iterations; no worker is held meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<HumanDuration>,
}

/// What each iteration of a loop does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DoDoc {
    /// The task type, for example `http.request`.
    #[serde(rename = "type")]
    pub task_type: String,
    /// The arguments of its type; they see `iteration` (from 1) and `last`, the output of the iteration before.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub with: Map<String, Value>,
    /// What happens after a failed attempt; that of the loop unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryDoc>,
    /// How long one attempt may take; as the loop says unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<HumanDuration>,
}

impl TaskDoc {
    /// Whether it is done again and again.
    #[must_use]
    pub fn is_loop(&self) -> bool {
        self.repeat.is_some() || self.task_type == LOOP
    }

    /// The arguments of a task of the type `loop`; none if it is of another type or they are not well formed, which validation tells.
    #[must_use]
    pub fn loop_with(&self) -> Option<LoopWith> {
        if self.task_type != LOOP {
            return None;
        }
        serde_json::from_value(Value::Object(self.with.clone())).ok()
    }

    /// The task as it is run: one of the type `loop` becomes what it does, with the field `loop`. All others stay as they are.
    #[must_use]
    pub fn unrolled(&self) -> Cow<'_, Self> {
        let Some(written) = self.loop_with() else {
            return Cow::Borrowed(self);
        };
        let mut task = self.clone();
        match written.task {
            Some(inner) => {
                task.task_type = inner.task_type;
                task.with = inner.with;
                task.retry = inner.retry.or(task.retry);
                task.timeout = inner.timeout.or(task.timeout);
            }
            None => {
                task.task_type = "subflow".to_owned();
                let kept = ["flow", "inputs", "version"];
                task.with.retain(|name, _| kept.contains(&name.as_str()));
            }
        }
        task.repeat = Some(Box::new(LoopDoc {
            until: written.until,
            max_iterations: written.max_iterations,
            pause: written.pause,
        }));
        Cow::Owned(task)
    }

    /// Where the arguments of what it does stand, and the condition that ends its loop; `path` is the task's place.
    #[cfg(feature = "author")]
    #[must_use]
    pub(crate) fn places(&self, path: &str) -> (String, String) {
        let with = join(path, "with");
        if self.task_type != LOOP {
            return (with, format!("{path}.loop.until"));
        }
        let until = join(&with, "until");
        if self.with.contains_key("do") {
            (format!("{with}.do.with"), until)
        } else {
            (with, until)
        }
    }
}
