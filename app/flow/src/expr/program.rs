//! All expressions of a flow version.

use std::sync::{Arc, OnceLock};

use minijinja::Environment;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value as Json};

use super::check::{Checker, Place, Variables};
use super::code;
use super::refs::Refs;
use super::template::{Condition, Template};
use crate::doc::{FlowDoc, NeedDoc, TaskDoc, UndoDoc};
use crate::parse::join;
use crate::problem::Problem;

/// All expressions of a flow version, read once and shared.
#[derive(Debug)]
pub struct Program {
    /// Made when something is evaluated first: who only reads expressions, as the editor does, never needs the engine and all filters.
    env: OnceLock<Environment<'static>>,
    tasks: FxHashMap<Arc<str>, TaskProgram>,
    outputs: Template,
    schedules: FxHashMap<String, Template>,
    webhooks: FxHashMap<String, WebhookProgram>,
    variables: Variables,
    after: FxHashMap<String, Template>,
    concurrency_key: Option<Template>,
}

/// The expressions of a webhook.
#[derive(Debug)]
pub struct WebhookProgram {
    /// The inputs of its runs, if it says some.
    pub inputs: Option<Template>,
    /// What tells a repeated delivery, if it says so.
    pub idempotency_key: Option<Template>,
}

/// The expressions of one task.
#[derive(Debug)]
pub struct TaskProgram {
    /// The arguments of its type. The cases of a switch are not among them.
    pub with: Template,
    /// Its own condition, judged last before the start.
    pub when: Option<Condition>,
    /// The conditions of its edges, in the order of `needs`.
    pub needs_when: Vec<Option<Condition>>,
    /// The cases of a switch, in order; the first that holds is taken. Empty for all other types.
    pub cases: Vec<(String, Condition)>,
    /// What a `wait` waits for, judged again and again; it is not among the arguments.
    pub awaited: Option<Box<Condition>>,
    /// The list its items come from, if it has some.
    pub items: Option<Box<Template>>,
    /// What ends its loop, if it has one.
    pub until: Option<Box<Condition>>,
    /// Whose share of its queue it takes, if it says so.
    pub queue_key: Option<Box<Template>>,
    /// What tells task runs with the same result, if it says so.
    pub cache_key: Option<Box<Template>>,
    /// What decides when it may start: its own condition and those of its edges.
    pub start_refs: Refs,
    /// What its arguments and cases need.
    pub work_refs: Refs,
}

impl Program {
    /// Reads every expression of a document. The problems say which task and field they are in; with an error among them the
    /// program must not be run.
    #[must_use]
    pub fn compile(doc: &FlowDoc) -> (Self, Vec<Problem>) {
        let mut checker = Checker::new(doc);
        let mut tasks = FxHashMap::default();
        for (group, name) in [
            (&doc.tasks, "tasks"),
            (&doc.finally, "finally"),
            (&doc.on_failure, "on_failure"),
        ] {
            for (key, task) in group {
                let path = join(name, key);
                tasks.insert(
                    Arc::from(key.as_str()),
                    TaskProgram::read(task, key, &path, &mut checker),
                );
                if let Some(undo) = &task.undo {
                    let program = TaskProgram::read_undo(undo, key, &format!("{path}.undo"), &mut checker);
                    tasks.insert(Arc::from(format!("{key}.undo")), program);
                }
            }
        }
        checker.enter(Place::Outputs);
        let outputs = Template::read(&Json::Object(doc.outputs.clone()), "outputs", &mut checker);
        checker.enter(Place::Trigger);
        let schedules = doc.schedules.iter().map(|(name, schedule)| {
            let path = format!("{}.inputs", join("schedules", name));
            let inputs = Template::read(&Json::Object(schedule.inputs.clone()), &path, &mut checker);
            (name.clone(), inputs)
        });
        let schedules = schedules.collect();
        checker.enter(Place::After);
        let after = doc.after.iter().map(|(name, after)| {
            let path = format!("{}.inputs", join("after", name));
            let inputs = Template::read(&Json::Object(after.inputs.clone()), &path, &mut checker);
            (name.clone(), inputs)
        });
        let after = after.collect();
        checker.enter(Place::Start);
        let key = doc.concurrency.as_ref().and_then(|limit| limit.key.as_ref());
        let concurrency_key =
            key.map(|key| Template::read(&Json::String(key.clone()), "concurrency.key", &mut checker));
        checker.enter(Place::Webhook);
        let webhooks = doc.webhooks.iter().map(|(name, webhook)| {
            let path = join("webhooks", name);
            let mut read = |json: Json, field| Template::read(&json, &join(&path, field), &mut checker);
            let inputs = webhook.inputs.clone().map(Json::Object);
            let key = webhook.idempotency_key.clone().map(Json::String);
            let program = WebhookProgram {
                inputs: inputs.map(|inputs| read(inputs, "inputs")),
                idempotency_key: key.map(|key| read(key, "idempotency_key")),
            };
            (name.clone(), program)
        });
        let webhooks = webhooks.collect();
        let (variables, problems) = checker.into_problems();
        let program = Self {
            env: OnceLock::new(),
            tasks,
            outputs,
            schedules,
            after,
            concurrency_key,
            webhooks,
            variables,
        };
        (program, problems)
    }

    /// The expressions of a task, by the key it has in the plan.
    #[must_use]
    pub fn task(&self, key: &str) -> Option<&TaskProgram> {
        self.tasks.get(key)
    }

    /// The outputs of the flow.
    #[must_use]
    pub fn outputs(&self) -> &Template {
        &self.outputs
    }

    /// The inputs of a schedule's runs.
    #[must_use]
    pub fn schedule(&self, name: &str) -> Option<&Template> {
        self.schedules.get(name)
    }

    /// The expressions of a webhook.
    #[must_use]
    pub fn webhook(&self, name: &str) -> Option<&WebhookProgram> {
        self.webhooks.get(name)
    }

    /// The variables its expressions name, by name: a run keeps their values as they are when it starts.
    pub fn variables(&self) -> impl Iterator<Item = &Arc<str>> {
        self.variables.keys()
    }

    /// The variables it cannot do without, each with a field that needs it.
    pub(crate) fn variables_needed(&self) -> impl Iterator<Item = (&Arc<str>, &str)> {
        let needed = self.variables.iter();
        needed.filter_map(|(name, field)| Some((name, field.as_deref()?)))
    }

    /// The inputs of the runs that another flow's end starts.
    #[must_use]
    pub fn after(&self, name: &str) -> Option<&Template> {
        self.after.get(name)
    }

    /// The key by which runs share a limit, if there is one.
    #[must_use]
    pub fn concurrency_key(&self) -> Option<&Template> {
        self.concurrency_key.as_ref()
    }

    pub(super) fn env(&self) -> &Environment<'static> {
        self.env.get_or_init(code::environment)
    }
}

impl TaskProgram {
    fn read(task: &TaskDoc, key: &str, path: &str, checker: &mut Checker<'_>) -> Self {
        checker.enter(Place::Needs(key));
        let needs_when = task
            .needs
            .iter()
            .enumerate()
            .map(|(ix, need)| read_need(need, &format!("{path}.needs[{ix}].when"), checker));
        let needs_when: Vec<_> = needs_when.collect();
        checker.enter(Place::When(key));
        let when = task
            .when
            .as_deref()
            .map(|text| Condition::read(text, &format!("{path}.when"), checker));
        checker.enter(Place::With(key));
        let (with_path, until_path) = task.places(path);
        let task = &*task.unrolled();
        let Arguments { with, cases, awaited } =
            Arguments::read(&task.task_type, &task.with, &with_path, checker);
        let mut key_of = |value: Option<Json>, field: &str| {
            value.map(|value| Box::new(Template::read(&value, &format!("{path}.{field}"), checker)))
        };
        let queue_key = key_of(task.queue_key.clone().map(Json::String), "queue_key");
        let cache_key = key_of(
            task.cache.as_ref().and_then(|cache| cache.key.clone()),
            "cache.key",
        );
        checker.enter(Place::Items(key));
        let items = task.for_each.as_ref().map(|each| {
            Box::new(Template::read(
                &each.items,
                &format!("{path}.for_each.items"),
                checker,
            ))
        });
        checker.enter(Place::Until(key));
        let until = task
            .repeat
            .as_ref()
            .map(|repeat| Box::new(Condition::read(&repeat.until, &until_path, checker)));
        let start_refs = Refs::union(
            when.iter()
                .chain(needs_when.iter().flatten())
                .map(Condition::refs),
        );
        let work_refs = Refs::union(
            [with.refs()]
                .into_iter()
                .chain(items.iter().map(|items| items.refs()))
                .chain(until.iter().map(|until| until.refs()))
                .chain(awaited.iter().map(|awaited| awaited.refs()))
                .chain(cases.iter().map(|(_, condition)| condition.refs())),
        );
        Self {
            with,
            when,
            needs_when,
            cases,
            awaited,
            items,
            until,
            queue_key,
            cache_key,
            start_refs,
            work_refs,
        }
    }

    fn read_undo(undo: &UndoDoc, key: &str, path: &str, checker: &mut Checker<'_>) -> Self {
        checker.enter(Place::Undo(key));
        let Arguments { with, cases, awaited } =
            Arguments::read(&undo.task_type, &undo.with, &join(path, "with"), checker);
        let work_refs = Refs::union(
            [with.refs()]
                .into_iter()
                .chain(awaited.iter().map(|awaited| awaited.refs()))
                .chain(cases.iter().map(|(_, condition)| condition.refs())),
        );
        Self {
            with,
            when: None,
            needs_when: Vec::new(),
            cases,
            awaited,
            items: None,
            until: None,
            queue_key: None,
            cache_key: None,
            start_refs: Refs::default(),
            work_refs,
        }
    }
}

/// The arguments of a task: those that are conditions apart from the others.
struct Arguments {
    with: Template,
    cases: Vec<(String, Condition)>,
    awaited: Option<Box<Condition>>,
}

impl Arguments {
    fn read(task_type: &str, with: &Map<String, Json>, path: &str, checker: &mut Checker<'_>) -> Self {
        let mut rest = with.clone();
        let mut read = Self {
            cases: Vec::new(),
            awaited: None,
            with: Template::read(&Json::Null, path, checker),
        };
        match task_type {
            "switch" => {
                if let Some(Json::Object(cases)) = with.get("cases") {
                    rest.shift_remove("cases");
                    read.cases = read_cases(cases, &join(path, "cases"), checker);
                }
            }
            "wait" => {
                if let Some(when) = rest.shift_remove("when") {
                    read.awaited = Some(Box::new(read_condition(&when, &join(path, "when"), checker)));
                }
            }
            _ => {}
        }
        read.with = Template::read(&Json::Object(rest), path, checker);
        read
    }
}

fn read_condition(json: &Json, path: &str, checker: &mut Checker<'_>) -> Condition {
    match json {
        Json::String(text) => Condition::read(text, path, checker),
        Json::Bool(constant) => Condition::constant(*constant, path),
        _ => {
            let sentence = "Here stands an expression that gives true or false.";
            checker.problem(path, "expression", sentence);
            Condition::constant(false, path)
        }
    }
}

fn read_need(need: &NeedDoc, path: &str, checker: &mut Checker<'_>) -> Option<Condition> {
    need.when().map(|text| Condition::read(text, path, checker))
}

fn read_cases(cases: &Map<String, Json>, path: &str, checker: &mut Checker<'_>) -> Vec<(String, Condition)> {
    let mut read = Vec::with_capacity(cases.len());
    for (name, case) in cases {
        let path = join(path, name);
        let condition = read_condition(case, &path, checker);
        read.push((name.clone(), condition));
    }
    read
}
