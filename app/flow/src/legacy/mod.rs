//! The predecessor's documents, translated into ordinary flows.
//!
//! There, tasks run one after another: after each its condition compares what became of it with `outcome` and names the next
//! task. Here that is a graph of edges on `succeeded` and `failed`, of which a run takes one way: a failure that leads to a task
//! is handled, one that leads to the end fails the run, tasks off the way are skipped.

mod document;
mod names;
mod route;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashSet;
use serde_json::{Map, Value};

use crate::doc::{Backoff, EdgeDoc, FlowDoc, Jitter, Join, NeedDoc, OneOrMany, RetryDoc, TaskDoc};
use crate::limits;
use crate::parse::shape::{Shape, Walk};
use crate::parse::{self, Format, Places, join};
use crate::problem::{Problem, Severity};
use crate::suggest::Suggester;
use crate::time::HumanDuration;
use crate::validate::{TypeCatalog, is_template, shorten, validate};
use document::{Document, Flow, Task};
pub use names::{ID_LABEL, LegacyNames, flow_id};
use route::{Next, Route};

/// Attempts of a task whose failure leads to itself and that says no `retry_count`.
const RETRIED_ATTEMPTS: u32 = 3;

/// The pause between the attempts: short, for callers wait on the line.
const RETRY_PAUSE: HumanDuration = HumanDuration::from_millis(200);

/// Tasks before a task whose results it is given: the nearest ones.
const RESULTS_MAX: usize = 50;

/// The argument that holds the results of the tasks before: a mapping from task name to output, null for those that gave none.
const RESULTS: &str = "results";

/// A translated document.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The flow.
    pub doc: FlowDoc,
    /// Its names, there and here.
    pub names: LegacyNames,
    /// What its author would want to know.
    pub warnings: Vec<Problem>,
}

/// Translates a JSON document `{"flow": {id, name, start_task, tasks, conditions}}`.
///
/// Task types are those of `types`. A type whose arguments include `results` is given the outputs of the tasks before it.
///
/// # Errors
/// Everything wrong with the document, with the fields' paths in it, lines and columns.
pub fn translate(text: &[u8], types: &dyn TypeCatalog) -> Result<Translated, Vec<Problem>> {
    let reading = parse::read(text, Format::Json);
    let mut problems = reading.problems;
    let mut doc = None;
    if let Some(root) = &reading.root {
        let suggester = Suggester::default();
        let mut walk = Walk {
            problems: Vec::new(),
            is_yaml: true,
            suggester: &suggester,
        };
        let value = walk.value(root, &Shape::Struct(&document::DOCUMENT), "");
        // The predecessor took no notice of fields it did not know.
        let tolerated = walk
            .problems
            .into_iter()
            .map(|problem| match problem.code.as_str() {
                "unknown_field" => Problem {
                    severity: Severity::Warning,
                    ..problem
                },
                _ => problem,
            });
        problems.extend(tolerated);
        if let Some(document) = value.and_then(|value| serde_json::from_value::<Document>(value).ok()) {
            doc = flow(&document.flow, types, &mut problems);
        }
    }
    Places::new(reading.root).locate(&mut problems);
    problems.sort_by_key(|problem| (problem.line, problem.column));
    shorten(&mut problems);
    match doc.filter(|_| {
        problems
            .iter()
            .all(|problem| problem.severity == Severity::Warning)
    }) {
        Some(doc) => {
            let names = LegacyNames::of(&doc).unwrap_or_default();
            Ok(Translated {
                doc,
                names,
                warnings: problems,
            })
        }
        None => Err(problems),
    }
}

fn flow(flow: &Flow, types: &dyn TypeCatalog, problems: &mut Vec<Problem>) -> Option<FlowDoc> {
    if flow.tasks.len() > limits::TASKS_MAX {
        problems.push(parse::too_many_tasks(flow.tasks.len()).at("flow.tasks"));
        return None;
    }
    let has_errors =
        |problems: &[Problem]| problems.iter().any(|problem| problem.severity == Severity::Error);
    let route = route::route(flow, problems);
    let ids = names::task_ids(flow.tasks.iter().map(|task| task.name.as_str()));
    let mut doc = FlowDoc {
        flow: flow_id(&flow.id),
        name: flow.name.clone(),
        description: flow.description.clone(),
        labels: [(ID_LABEL.to_owned(), flow.id.clone())].into_iter().collect(),
        ..empty()
    };
    let upstreams = route.as_ref().filter(|_| !has_errors(problems)).map(upstreams);
    for (at, task) in flow.tasks.iter().enumerate() {
        let mut made = self::task(task, at, types, problems);
        if let (Some(route), Some(upstreams)) = (&route, &upstreams) {
            place(&mut made, at, route, upstreams, &ids, problems);
            results(&mut made, at, flow, upstreams, &ids, types);
        }
        doc.tasks.insert(ids[at].clone(), made);
    }
    let told = validate(&doc, types).into_iter();
    // Without a valid way there are no edges yet, so only the tasks themselves can be judged.
    let told = told.filter(|problem| {
        upstreams.is_some()
            || problem
                .field
                .as_deref()
                .is_some_and(|field| !field.contains(".needs"))
    });
    let told = told.map(|problem| at_origin(problem, flow, &ids));
    let known: FxHashSet<String> = problems
        .iter()
        .filter_map(|problem| problem.field.clone())
        .collect();
    problems.extend(told.filter(|problem| problem.field.as_ref().is_none_or(|field| !known.contains(field))));
    Some(doc)
}

fn empty() -> FlowDoc {
    FlowDoc {
        flow: String::new(),
        name: None,
        description: None,
        labels: Default::default(),
        inputs: Default::default(),
        timeout: None,
        ending_timeout: None,
        fail_fast: false,
        priority: None,
        tasks: Default::default(),
        finally: Default::default(),
        on_failure: Default::default(),
        outputs: Map::new(),
        concurrency: None,
        after: Default::default(),
        schedules: Default::default(),
        webhooks: Default::default(),
        notify: Default::default(),
        layout: Default::default(),
        notes: Default::default(),
        groups: Default::default(),
        pins: Map::new(),
    }
}

/// A task without its edges.
fn task(task: &Task, at: usize, types: &dyn TypeCatalog, problems: &mut Vec<Problem>) -> TaskDoc {
    let mut with = Map::new();
    let known = types
        .input_schema(&task.task_type)
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object);
    for (name, value) in task.parameters.iter().filter(|(name, _)| *name != "retry_count") {
        // There, a parameter nobody reads did no harm.
        if known.is_some_and(|known| !known.contains_key(name)) {
            let message = format!(
                "`{}` does not read the parameter `{}`; it is left out",
                task.task_type,
                name.escape_debug()
            );
            problems.push(
                Problem::warning("unknown_argument", message)
                    .at(join(&format!("flow.tasks[{at}].parameters"), name)),
            );
        } else {
            with.insert(name.clone(), literal(value));
        }
    }
    TaskDoc {
        name: Some(task.name.clone()),
        description: task.description.clone(),
        with,
        retry: retry_count(task, at, problems).map(attempts),
        ..TaskDoc::of_type(&task.task_type)
    }
}

/// Braces meant nothing there: a text that holds them becomes an expression that gives this very text.
fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) if is_template(text) || text.contains("{#") => {
            Value::String(format!("{{{{ {} }}}}", Value::from(text.as_str())))
        }
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), literal(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// How often `parameters.retry_count` allows the task to be tried, the first attempt included.
fn retry_count(task: &Task, at: usize, problems: &mut Vec<Problem>) -> Option<u32> {
    let written = task
        .parameters
        .get("retry_count")
        .filter(|count| !count.is_null())?;
    let count = written
        .as_u64()
        .or_else(|| written.as_str().and_then(|text| text.trim().parse().ok()));
    match count
        .filter(|count| *count < u64::from(limits::ATTEMPTS_MAX))
        .and_then(|count| u32::try_from(count).ok())
    {
        Some(0) => None,
        Some(count) => Some(count + 1),
        None => {
            let message = format!(
                "`retry_count` is a whole number from 0 to {}",
                limits::ATTEMPTS_MAX - 1
            );
            problems.push(
                Problem::error("bad_retry", message).at(format!("flow.tasks[{at}].parameters.retry_count")),
            );
            None
        }
    }
}

fn attempts(max_attempts: u32) -> RetryDoc {
    RetryDoc {
        max_attempts,
        backoff: Backoff::Fixed,
        first: RETRY_PAUSE,
        max: Some(RETRY_PAUSE),
        jitter: Jitter::None,
        ..RetryDoc::default()
    }
}

/// For each task those it may follow, with the outcomes that lead from there to it.
type Upstreams = Vec<Vec<(usize, Vec<&'static str>)>>;

fn upstreams(route: &Route) -> Upstreams {
    let mut upstreams: Upstreams = vec![Vec::new(); route.next.len()];
    for (from, next) in route
        .next
        .iter()
        .enumerate()
        .filter(|(from, _)| route.is_reached[*from])
    {
        let Next {
            on_success,
            on_failure,
            ..
        } = next;
        match (on_success, on_failure) {
            (Some(to), Some(same)) if to == same => upstreams[*to].push((from, vec!["succeeded", "failed"])),
            _ => {
                for (to, word) in [(on_success, "succeeded"), (on_failure, "failed")] {
                    if let Some(to) = to {
                        upstreams[*to].push((from, vec![word]));
                    }
                }
            }
        }
    }
    upstreams
}

/// Gives a task its place on the way.
fn place(
    task: &mut TaskDoc,
    at: usize,
    route: &Route,
    upstreams: &Upstreams,
    ids: &[String],
    problems: &mut Vec<Problem>,
) {
    if route.next[at].is_retried && task.retry.is_none() {
        task.retry = Some(attempts(RETRIED_ATTEMPTS));
    }
    if !route.is_reached[at] {
        let name = task.name.as_deref().unwrap_or_default();
        let message = format!(
            "no condition leads from the start to `{}`, so it is always skipped",
            name.escape_debug()
        );
        problems.push(Problem::warning("never_starts", message).at(format!("flow.tasks[{at}]")));
        task.when = Some("false".to_owned());
        return;
    }
    task.needs = upstreams[at]
        .iter()
        .map(|(from, on)| need(&ids[*from], on))
        .collect();
    if task.needs.len() > 1 {
        task.join = Join::Any;
    }
}

fn need(from: &str, on: &[&str]) -> NeedDoc {
    let on = match on {
        ["succeeded"] => return NeedDoc::Task(from.to_owned()),
        [word] => OneOrMany::One((*word).to_owned()),
        words => OneOrMany::Many(words.iter().copied().map(str::to_owned).collect()),
    };
    NeedDoc::Edge(EdgeDoc {
        task: from.to_owned(),
        on: Some(on),
        when: None,
        handles: true,
    })
}

/// Hands a task the results of the tasks before it, if its type asks for them.
fn results(
    task: &mut TaskDoc,
    at: usize,
    flow: &Flow,
    upstreams: &Upstreams,
    ids: &[String],
    types: &dyn TypeCatalog,
) {
    let asks = types
        .input_schema(&task.task_type)
        .is_some_and(|schema| schema["properties"].get(RESULTS).is_some());
    if !asks || task.with.contains_key(RESULTS) {
        return;
    }
    let mut before = vec![at];
    let mut next = 0;
    while let Some(&task) = before.get(next)
        && before.len() <= RESULTS_MAX
    {
        next += 1;
        for (up, _) in &upstreams[task] {
            if !before.contains(up) {
                before.push(*up);
            }
        }
    }
    let mut before = before.split_off(1);
    before.truncate(RESULTS_MAX);
    before.sort_unstable();
    let results = before.iter().map(|&up| {
        let output = format!("{{{{ tasks[{}].output }}}}", Value::from(ids[up].as_str()));
        (flow.tasks[up].name.clone(), Value::String(output))
    });
    task.with
        .insert(RESULTS.to_owned(), Value::Object(results.collect()));
}

/// A problem of the translation, told of the field it came from.
fn at_origin(problem: Problem, flow: &Flow, ids: &[String]) -> Problem {
    let Some(task) = problem
        .task
        .as_deref()
        .and_then(|id| ids.iter().position(|known| known == id))
    else {
        let field = if problem.field.as_deref() == Some("flow") {
            "flow.id"
        } else {
            "flow.tasks"
        };
        return problem.at(field);
    };
    let base = join("tasks", &ids[task]);
    let rest = problem
        .field
        .as_deref()
        .and_then(|field| field.strip_prefix(&base))
        .unwrap_or_default();
    let field = match rest.strip_prefix(".with") {
        Some(inside) => format!("flow.tasks[{task}].parameters{inside}"),
        None if rest == ".type" => format!("flow.tasks[{task}].task_type"),
        None => format!("flow.tasks[{task}]"),
    };
    problem.at(field).of_task(&flow.tasks[task].name)
}
