//! What expressions see: `inputs`, `vars`, `tasks`, `run` and `upstream`, inside a `for_each` `item` and `item_index`,
//! inside a `loop` `iteration` and `last`, inside a `wait` `now`.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object};
use minijinja::{Value, value::ObjectRepr};
use rustc_hash::FxHashMap;
use serde_json::Value as Json;

use super::error::{listed, shorten};
use super::json::share;
use super::meter::{METER, Meter, Missed};

/// The fields of `tasks.X`.
pub(super) const TASK_FIELDS: &[&str] = &["output", "state", "error", "exit_code", "attempts", "case"];
/// The fields of `run`.
pub(super) const RUN_FIELDS: &[&str] = &[
    "id",
    "flow",
    "version",
    "started_at",
    "labels",
    "outcome",
    "error",
];
/// The fields of `upstream`.
pub(super) const TRIGGER_FIELDS: &[&str] = &["at", "name"];
/// Of one that is another flow's end.
pub(super) const AFTER_FIELDS: &[&str] = &["name", "flow", "run", "outcome", "outputs"];

pub(super) const UPSTREAM_FIELDS: &[&str] = &["n_succeeded", "n_failed", "n_skipped"];

/// What expressions know about the run itself.
#[derive(Clone, Debug, Default)]
pub struct RunFacts {
    /// The run's id.
    pub id: String,
    /// The flow's id.
    pub flow: String,
    /// The number of the flow version it is pinned to.
    pub version: u32,
    /// When it started, as RFC 3339.
    pub started_at: String,
    /// Its labels.
    pub labels: IndexMap<String, String>,
    /// How it ends, once that is known: `succeeded`, `failed` or `cancelled`; null before.
    pub outcome: Option<&'static str>,
    /// Why it failed; null otherwise.
    pub error: Option<String>,
}

/// What expressions know about a task.
#[derive(Clone, Debug, Default)]
pub struct TaskFacts {
    /// What it gave; null if it gave nothing, did not succeed or has not ended.
    pub output: Option<Arc<Json>>,
    /// The state of its task run, as a word.
    pub state: &'static str,
    /// Why it failed; null otherwise.
    pub error: Option<TaskError>,
    /// The exit code of its process; null if there was none.
    pub exit_code: Option<i32>,
    /// How many attempts it has had.
    pub attempts: u32,
    /// The case a switch took; null otherwise.
    pub case: Option<String>,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskError {
    /// The kind of failure, for example `timeout` or `lost`.
    pub kind: String,
    /// The sentence people read.
    pub message: String,
}

/// What came to a webhook.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// The body: JSON as a value, a form as an object of texts, anything else as a text.
    pub body: Arc<Json>,
    /// The headers, names in lower case: texts.
    pub headers: Arc<Json>,
    /// What stood behind the `?`: texts, or a list of them where a name came several times.
    pub query: Arc<Json>,
}

/// How many upstreams of a task ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamCounts {
    /// Those that succeeded.
    pub n_succeeded: u64,
    /// Those that failed.
    pub n_failed: u64,
    /// Those that were skipped.
    pub n_skipped: u64,
}

/// What expressions see. A clone shares everything.
#[derive(Clone, Debug)]
pub struct Scope {
    inputs: Arc<Json>,
    vars: Arc<Json>,
    run: Arc<RunFacts>,
    tasks: Arc<FxHashMap<Arc<str>, Arc<TaskFacts>>>,
    upstream: Option<UpstreamCounts>,
    local: Option<Arc<Local>>,
}

/// What is there only in the expressions of one task run.
#[derive(Clone, Debug, Default)]
struct Local {
    item: Option<(Arc<Json>, u32)>,
    trigger: Option<Arc<Json>>,
    delivery: Option<Delivery>,
    iteration: Option<(u32, Arc<Json>)>,
    now: Option<Arc<str>>,
}

impl Scope {
    /// A scope with the run's inputs and facts and no task yet.
    #[must_use]
    pub fn new(inputs: Arc<Json>, run: RunFacts) -> Self {
        Self {
            inputs,
            vars: Arc::new(Json::Object(serde_json::Map::new())),
            run: Arc::new(run),
            tasks: Arc::default(),
            upstream: None,
            local: None,
        }
    }

    /// Lets expressions see variables: an object.
    pub fn vars(&mut self, vars: Arc<Json>) -> &mut Self {
        if vars.is_object() {
            self.vars = vars;
        }
        self
    }

    /// Lets expressions see a task. Outputs are shared, never copied.
    pub fn task(&mut self, key: &str, facts: TaskFacts) -> &mut Self {
        Arc::make_mut(&mut self.tasks).insert(key.into(), Arc::new(facts));
        self
    }

    /// Lets a task's own `when` see how its upstreams ended.
    pub fn upstream(&mut self, counts: UpstreamCounts) -> &mut Self {
        self.upstream = Some(counts);
        self
    }

    /// Lets the expressions of an item see it and its number.
    pub fn item(&mut self, item: Arc<Json>, index: u32) -> &mut Self {
        self.local_mut().item = Some((item, index));
        self
    }

    /// A scope for the inputs that something gives to the runs it starts: `trigger` alone.
    #[must_use]
    pub fn of_trigger(facts: Arc<Json>) -> Self {
        let mut scope = Self::new(Arc::new(Json::Null), RunFacts::default());
        scope.local_mut().trigger = Some(facts);
        scope
    }

    /// A scope for what a webhook makes of a delivery: `body`, `headers` and `query` alone.
    #[must_use]
    pub fn of_delivery(delivery: Delivery) -> Self {
        let mut scope = Self::new(Arc::new(Json::Null), RunFacts::default());
        scope.local_mut().delivery = Some(delivery);
        scope
    }

    /// Lets the expressions of a loop see the number of an iteration and what the last one gave.
    pub fn iteration(&mut self, number: u32, last: Arc<Json>) -> &mut Self {
        self.local_mut().iteration = Some((number, last));
        self
    }

    /// Lets the expressions of a `wait` see the time, as RFC 3339.
    pub fn now(&mut self, now: String) -> &mut Self {
        self.local_mut().now = Some(now.into());
        self
    }

    fn local_mut(&mut self) -> &mut Local {
        Arc::make_mut(self.local.get_or_insert_default())
    }

    /// The root of all names, for one rendering.
    pub(super) fn root(&self, meter: &Arc<Meter>) -> Value {
        Value::from_object(Root {
            scope: self.clone(),
            meter: Arc::clone(meter),
        })
    }

    pub(super) fn facts(&self, key: &str) -> Option<&TaskFacts> {
        self.tasks.get(key).map(Arc::as_ref)
    }
}

#[derive(Debug)]
struct Root {
    scope: Scope,
    meter: Arc<Meter>,
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "inputs" => Some(share(&self.scope.inputs, &self.meter)),
            "vars" => Some(share(&self.scope.vars, &self.meter)),
            "tasks" => Some(Value::from_object(Tasks {
                all: Arc::clone(&self.scope.tasks),
                meter: Arc::clone(&self.meter),
            })),
            "run" => Some(Value::from_object(Run(Arc::clone(&self.scope.run)))),
            "upstream" => self
                .scope
                .upstream
                .map(|counts| Value::from_object(Upstream(counts))),
            "item" => {
                let (item, _) = self.scope.local.as_ref()?.item.as_ref()?;
                Some(share(item, &self.meter))
            }
            "item_index" => {
                let (_, index) = self.scope.local.as_ref()?.item.as_ref()?;
                Some(Value::from(*index))
            }
            "trigger" => Some(share(self.scope.local.as_ref()?.trigger.as_ref()?, &self.meter)),
            "body" | "headers" | "query" => {
                let delivery = self.scope.local.as_ref()?.delivery.as_ref()?;
                let part = match key {
                    "body" => &delivery.body,
                    "headers" => &delivery.headers,
                    _ => &delivery.query,
                };
                Some(share(part, &self.meter))
            }
            "iteration" => {
                let (number, _) = self.scope.local.as_ref()?.iteration.as_ref()?;
                Some(Value::from(*number))
            }
            "last" => {
                let (_, last) = self.scope.local.as_ref()?.iteration.as_ref()?;
                Some(share(last, &self.meter))
            }
            "now" => self.scope.local.as_ref()?.now.clone().map(Value::from),
            METER => Some(Value::from_dyn_object(Arc::clone(&self.meter))),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Tasks {
    all: Arc<FxHashMap<Arc<str>, Arc<TaskFacts>>>,
    meter: Arc<Meter>,
}

impl Object for Tasks {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let Some(facts) = self.all.get(key).cloned() else {
            let mut keys: Vec<&str> = self.all.keys().map(Arc::as_ref).collect();
            keys.sort_unstable();
            self.meter.miss(Missed {
                key: shorten(key),
                there: listed(keys.len(), keys.into_iter()),
            });
            return None;
        };
        Some(Value::from_object(Task {
            facts,
            meter: Arc::clone(&self.meter),
        }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if let Err(error) = self.meter.charge_items(self.all.len()) {
            return Enumerator::Values(vec![Value::from(error)]);
        }
        let mut keys: Vec<&Arc<str>> = self.all.keys().collect();
        keys.sort_unstable();
        Enumerator::Values(keys.into_iter().map(|key| Value::from(Arc::clone(key))).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.all.len())
    }
}

#[derive(Debug)]
struct Task {
    facts: Arc<TaskFacts>,
    meter: Arc<Meter>,
}

impl Object for Task {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let facts = &self.facts;
        Some(match key {
            "output" => facts
                .output
                .as_ref()
                .map_or_else(null, |output| share(output, &self.meter)),
            "state" => Value::from(facts.state),
            "error" => facts.error.as_ref().map_or_else(null, |error| {
                Value::from_pairs([
                    ("kind", Value::from(error.kind.as_str())),
                    ("message", Value::from(error.message.as_str())),
                ])
            }),
            "exit_code" => facts.exit_code.map_or_else(null, Value::from),
            "attempts" => Value::from(facts.attempts),
            "case" => facts.case.as_deref().map_or_else(null, Value::from),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(TASK_FIELDS)
    }
}

#[derive(Debug)]
struct Run(Arc<RunFacts>);

impl Object for Run {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let run = &self.0;
        Some(match key.as_str()? {
            "id" => Value::from(run.id.as_str()),
            "flow" => Value::from(run.flow.as_str()),
            "version" => Value::from(run.version),
            "started_at" => Value::from(run.started_at.as_str()),
            "labels" => Value::from_object(Labels(Arc::clone(run))),
            "outcome" => run.outcome.map_or_else(null, Value::from),
            "error" => run.error.as_deref().map_or_else(null, Value::from),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(RUN_FIELDS)
    }
}

#[derive(Debug)]
struct Labels(Arc<RunFacts>);

impl Object for Labels {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0
            .labels
            .get(key.as_str()?)
            .map(|label| Value::from(label.as_str()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.0
                .labels
                .keys()
                .map(|key| Value::from(key.as_str()))
                .collect(),
        )
    }
}

#[derive(Debug)]
struct Upstream(UpstreamCounts);

impl Object for Upstream {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(Value::from(match key.as_str()? {
            "n_succeeded" => self.0.n_succeeded,
            "n_failed" => self.0.n_failed,
            "n_skipped" => self.0.n_skipped,
            _ => return None,
        }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(UPSTREAM_FIELDS)
    }
}

fn null() -> Value {
    Value::from(())
}
