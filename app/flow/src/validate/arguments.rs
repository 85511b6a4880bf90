//! The types of tasks and their arguments.
//!
//! A text with an expression is accepted wherever an argument stands: what it will be is known only when the task starts.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::{Check, TypeCatalog, has_expression, is_template, secrets};
use crate::doc::TaskDoc;
use crate::fit::{Fit, Misfit, MisfitKind};
use crate::limits;
use crate::parse::join;
use crate::plan::DEFAULT_QUEUE;
use crate::problem::Problem;

/// What does not fit is told of so many places at most.
const MISFITS_TOLD_MAX: usize = 3;

pub(super) fn check(check: &mut Check<'_>, types: &dyn TypeCatalog) {
    let mut validators: FxHashMap<String, Option<Fit>> = FxHashMap::default();
    let known = types.known();
    for (group, id, task) in check.tasks() {
        let path = group.path(id);
        worked_on(check, types, &path, task);
        waits_for_itself(check, &path, task);
        one(
            check,
            types,
            &known,
            &mut validators,
            &path,
            &task.task_type,
            &task.with,
        );
        if let Some(inner) = task.loop_with().and_then(|written| written.task) {
            let path = join(&join(&path, "with"), "do");
            let (key, with) = (&inner.task_type, &inner.with);
            one(check, types, &known, &mut validators, &path, key, with);
        }
        if let Some(undo) = &task.undo {
            one(
                check,
                types,
                &known,
                &mut validators,
                &join(&path, "undo"),
                &undo.task_type,
                &undo.with,
            );
        }
    }
}

/// A type that only workers do is done only in their queues.
fn worked_on(check: &mut Check<'_>, types: &dyn TypeCatalog, path: &str, task: &TaskDoc) {
    let of_undo = task
        .undo
        .as_ref()
        .map(|undo| (join(path, "undo"), &undo.task_type));
    for (path, task_type) in std::iter::once((path.to_owned(), &task.task_type)).chain(of_undo) {
        let queue = task.queue.as_deref().unwrap_or(DEFAULT_QUEUE);
        let Some(queues) = types.queues(task_type) else {
            continue;
        };
        if !queues.contains(&queue) {
            let message = format!(
                "`{task_type}` is done by workers of {}; none of the queue `{queue}` has declared it",
                queues.join(", ")
            );
            check.warning("no_worker", join(&path, "type"), message);
        }
    }
}

/// A run that holds the place which the run it waits for would need.
fn waits_for_itself(check: &mut Check<'_>, path: &str, task: &TaskDoc) {
    let is_this = task.task_type == "subflow"
        && task.with.get("flow").and_then(Value::as_str) == Some(&*check.doc.flow)
        && task.with.get("wait") != Some(&Value::Bool(false));
    if is_this && check.doc.concurrency.is_some() {
        let message = "the run would wait for one of its own flow, which may have to wait for the place that this run has by \
                       `concurrency`; give the two different keys, or the inner one a flow of its own";
        check.warning("waits_for_itself", format!("{path}.with.flow"), message);
    }
}

/// Whether a value fits a schema, such as that of a worker's type. A schema that is none lets everything pass.
///
/// # Errors
/// What does not fit, with its places.
pub fn check_fit(schema: &Value, value: &Value) -> Result<(), String> {
    let Ok(fit) = Fit::of(schema) else {
        return Ok(());
    };
    let told: Vec<String> = fit
        .misfits(value, MISFITS_TOLD_MAX)
        .iter()
        .map(|misfit| {
            let what = sentence(misfit, value, schema);
            match field_path("", &misfit.pointer) {
                place if place.is_empty() => what,
                place => format!("{place}: {what}"),
            }
        })
        .collect();
    if told.is_empty() {
        Ok(())
    } else {
        Err(told.join("; "))
    }
}

fn one(
    check: &mut Check<'_>,
    types: &dyn TypeCatalog,
    known: &[&str],
    validators: &mut FxHashMap<String, Option<Fit>>,
    path: &str,
    task_type: &str,
    with: &Map<String, Value>,
) {
    let Some(schema) = types.input_schema(task_type) else {
        let guess = check.suggester.did_you_mean(task_type, known.iter().copied());
        let list = known.join(", ");
        let message = format!(
            "there is no task type `{}`{guess}; the types are {list}",
            task_type.escape_debug()
        );
        check.error("unknown_type", join(path, "type"), message);
        return;
    };
    if task_type == "shell"
        && with
            .get("command")
            .and_then(Value::as_str)
            .is_some_and(is_template)
    {
        let message = "an expression inside a command lets its value run as code; put it into `env` and write \"$NAME\" here";
        check.warning("shell_injection", format!("{path}.with.command"), message);
    }
    match task_type {
        "switch" => switch(check, path, with),
        "approval" => approval(check, path, with),
        "signal" => signal(check, path, with),
        _ => {}
    }
    secrets::arguments(check, types, (task_type, schema), (&join(path, "with"), with));
    if !validators.contains_key(task_type) {
        validators.insert(task_type.to_owned(), Fit::of(schema).ok());
    }
    let Some(Some(fit)) = validators.get(task_type) else {
        let message =
            format!("the argument schema of `{task_type}` is not valid, so the arguments are not checked");
        check.warning("bad_schema", join(path, "type"), message);
        return;
    };
    let with = Value::Object(with.clone());
    let with_path = join(path, "with");
    if fit.is_met_by(&with) {
        return;
    }
    for misfit in fit.misfits(&with, usize::MAX) {
        tell(check, &misfit, (&with, schema), task_type, &with_path);
    }
}

/// Warns of needed arguments that are an empty text, which is what a form leaves behind that nobody filled in. Comes after all else:
/// what is wrong with them already need not be told again.
pub(super) fn blank(check: &mut Check<'_>, types: &dyn TypeCatalog) {
    for (group, id, task) in check.tasks() {
        let path = group.path(id);
        let inner = task.loop_with().and_then(|written| written.task);
        let all = [
            Some((path.clone(), &task.task_type, &task.with)),
            inner
                .as_ref()
                .map(|inner| (format!("{path}.with.do"), &inner.task_type, &inner.with)),
            task.undo
                .as_ref()
                .map(|undo| (join(&path, "undo"), &undo.task_type, &undo.with)),
        ];
        for (path, task_type, with) in all.into_iter().flatten() {
            let Some(schema) = types.input_schema(task_type) else {
                continue;
            };
            for name in empty(with, schema) {
                let field = join(&join(&path, "with"), name);
                let is_told = |problem: &Problem| problem.field.as_deref() == Some(&*field);
                if !check.problems.iter().any(is_told) {
                    let message = format!("`{task_type}` needs a `{name}`, and this one is empty");
                    check.warning("empty_argument", field, message);
                }
            }
        }
    }
}

/// The needed arguments that are an empty text, or no more than a scheme: what a form leaves behind that nobody filled in.
fn empty<'a>(with: &'a Map<String, Value>, schema: &'a Value) -> impl Iterator<Item = &'a str> {
    let required = schema.get("required").and_then(Value::as_array);
    required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|name| {
            // A scheme alone is where a new address begins.
            let text = with.get(*name).and_then(Value::as_str);
            text.is_some_and(|text| text.is_empty() || text.ends_with("://"))
        })
}

/// Cases that are named like an outcome could never be told from it.
fn switch(check: &mut Check<'_>, path: &str, with: &Map<String, Value>) {
    let cases = with.get("cases").and_then(Value::as_object);
    let default = with.get("default").and_then(Value::as_str);
    let names = cases
        .into_iter()
        .flatten()
        .map(|(case, _)| (case.as_str(), join(&format!("{path}.with.cases"), case)));
    for (case, field) in names.chain(default.map(|default| (default, format!("{path}.with.default")))) {
        if super::edges::STATES.contains(&case) {
            let message = format!(
                "a case cannot be called `{case}`: on edges that word names an outcome of the task itself"
            );
            check.error("reserved_case", field, message);
        }
    }
}

/// A form is a JSON Schema, and one that somebody must fill in is not approved by the clock.
fn approval(check: &mut Check<'_>, path: &str, with: &Map<String, Value>) {
    let Some(form) = with.get("form").filter(|form| !has_expression(form)) else {
        return;
    };
    let field = format!("{path}.with.form");
    let fit = match Fit::of(form) {
        Ok(fit) => fit,
        Err(error) => {
            let message = format!("the form is no JSON Schema: {error}");
            check.error("bad_form", field, message);
            return;
        }
    };
    let by_the_clock = with.get("on_timeout").and_then(Value::as_str) == Some("approve");
    if by_the_clock && !fit.is_met_by(&Value::Object(Map::new())) {
        let message = "the form has fields that must be filled in, which nobody does when time approves; give `on_timeout` another value or require none";
        check.error("bad_form", field, message);
    }
}

fn signal(check: &mut Check<'_>, path: &str, with: &Map<String, Value>) {
    let Some(name) = with.get("name").and_then(Value::as_str) else {
        return;
    };
    let max = limits::SIGNAL_NAME_CHARS_MAX;
    let is_fit = !name.is_empty() && name.chars().count() <= max && !name.chars().any(char::is_control);
    if !is_template(name) && !is_fit {
        let message = format!("a signal's name has 1 to {max} characters on one line");
        check.error("bad_signal", format!("{path}.with.name"), message);
    }
}

fn tell(
    check: &mut Check<'_>,
    misfit: &Misfit,
    (with, schema): (&Value, &Value),
    task_type: &str,
    with_path: &str,
) {
    let field = field_path(with_path, &misfit.pointer);
    match &misfit.kind {
        MisfitKind::Unexpected(unexpected) => {
            for name in unexpected {
                let known = known_arguments(schema, misfit.pointer.is_empty());
                let guess = check.suggester.did_you_mean(name, known.iter().copied());
                let mut message = format!("`{task_type}` has no argument `{}`{guess}", name.escape_debug());
                if !known.is_empty() {
                    let _ = write!(message, "; its arguments are {}", known.join(", "));
                }
                check.error("unknown_argument", join(&field, name), message);
            }
        }
        MisfitKind::Missing(name) => {
            check.error(
                "missing_argument",
                join(&field, name),
                format!("`{task_type}` needs the argument `{name}`"),
            );
        }
        _ if with.pointer(&misfit.pointer).is_some_and(has_expression) => {}
        _ => {
            let message = sentence(misfit, with, schema);
            check.error("bad_argument", field, message);
        }
    }
}

/// What does not fit as a sentence, with the names of the arguments of which one is needed.
fn sentence(misfit: &Misfit, with: &Value, schema: &Value) -> String {
    let mut names = match misfit.kind {
        MisfitKind::NoAlternative | MisfitKind::Alternatives if misfit.pointer.is_empty() => {
            alternatives(schema)
        }
        _ => Vec::new(),
    };
    if misfit.kind == MisfitKind::Alternatives {
        names.retain(|name| with.get(name).is_some());
    }
    match (&misfit.kind, names.as_slice()) {
        (_, []) => misfit.sentence(with),
        (MisfitKind::Alternatives, names) => {
            format!("{} exclude each other; keep one of them", quoted(names))
        }
        (_, names) => format!("write one of {}", quoted(names)),
    }
}

/// The arguments of which one is needed, if a type's alternatives differ by that.
fn alternatives(schema: &Value) -> Vec<&str> {
    let branches = ["oneOf", "anyOf"]
        .iter()
        .filter_map(|word| schema.get(word)?.as_array());
    branches
        .flatten()
        .filter_map(|branch| branch.get("required")?.get(0)?.as_str())
        .collect()
}

fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The names of a type's arguments; of those inside an argument only its schema could tell.
fn known_arguments(schema: &Value, at_top: bool) -> Vec<&str> {
    let properties = if at_top {
        schema.get("properties").and_then(Value::as_object)
    } else {
        None
    };
    properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect()
}

/// A JSON pointer below `path`, as a path.
pub(super) fn field_path(path: &str, pointer: &str) -> String {
    pointer.split('/').skip(1).fold(path.to_owned(), |path, step| {
        let step = step.replace("~1", "/").replace("~0", "~");
        match step.parse::<usize>() {
            Ok(index) => format!("{path}[{index}]"),
            Err(_) => join(&path, &step),
        }
    })
}
