//! What a document says of a task: its work, what it needs, what is kept and undone of it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ForEachDoc, LoopDoc, OneOrMany, RetryDoc, is_default, is_template, is_yes, yes};
use crate::time::HumanDuration;

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
    /// Switched off: it does nothing and succeeds at once with the output null, unless it is skipped; what comes after it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub disabled: bool,
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
    /// The cases of a switch; none if they are known only when it runs, or the task is no switch.
    #[must_use]
    pub fn cases(&self) -> Option<Vec<&str>> {
        if self.task_type != "switch" {
            return None;
        }
        let mut cases: Vec<&str> = match self.with.get("cases") {
            None => Vec::new(),
            Some(Value::Object(cases)) => cases.keys().map(String::as_str).collect(),
            Some(_) => return None,
        };
        match self.with.get("default") {
            None | Some(Value::Null) => {}
            Some(Value::String(default)) if !is_template(default) => cases.push(default),
            Some(_) => return None,
        }
        Some(cases)
    }

    /// The task as a switched-off one is run: it keeps its place between others and what decides whether it is reached, and does nothing.
    #[must_use]
    pub fn switched_off(self) -> Self {
        Self {
            name: self.name,
            description: self.description,
            disabled: true,
            labels: self.labels,
            needs: self.needs,
            join: self.join,
            when: self.when.filter(|_| self.for_each.is_none()),
            ..Self::of_type("noop")
        }
    }

    /// A task of `task_type` with nothing else said.
    #[must_use]
    pub fn of_type(task_type: &str) -> Self {
        Self {
            task_type: task_type.to_owned(),
            name: None,
            description: None,
            disabled: false,
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
