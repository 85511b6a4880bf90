//! Names, retries, durations, positions: what can be judged field by field.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::{Check, Group, check_priority, is_template};
use crate::doc::{ForEachDoc, OnItemFailure, RetryDoc, TaskDoc};
use crate::ids::{RESERVED_FLOW_IDS, is_slug};
use crate::limits;
use crate::looping::LOOP;
use crate::parse::join;
use crate::plan::Light;
use crate::secrets;
use crate::time::HumanDuration;

pub(super) fn check(check: &mut Check<'_>) {
    flow(check);
    ids(check);
    for (group, id, task) in check.tasks() {
        let path = group.path(id);
        bounds(check, &path, task.retry.as_ref(), task.timeout);
        no_zero(check, &join(&path, "start_timeout"), task.start_timeout);
        lanes(check, &path, task);
        if let Some(each) = &task.for_each {
            for_each(check, &join(&path, "for_each"), each);
        }
        if task.is_loop() {
            repeats(check, &path, task);
        }
        if let Some(undo) = &task.undo {
            bounds(check, &join(&path, "undo"), undo.retry.as_ref(), undo.timeout);
            if undo.task_type == LOOP {
                let message = "what takes a task back cannot be a loop; put the loop into a flow of its own and run that by `subflow`";
                check.error("nested_loop", join(&path, "undo"), message);
            }
        }
    }
}

fn flow(check: &mut Check<'_>) {
    let doc = check.doc;
    if RESERVED_FLOW_IDS.contains(&doc.flow.as_str()) {
        check.error(
            "reserved_id",
            "flow",
            format!(
                "`{}` is an address of the application's own; give the flow another id",
                doc.flow
            ),
        );
    } else if !is_slug(&doc.flow) {
        let hint = slug_hint(&doc.flow);
        check.error(
            "bad_id",
            "flow",
            format!(
                "`{}` cannot be a flow's id: {RULE}{hint}",
                doc.flow.escape_debug()
            ),
        );
    }
    if doc.tasks.is_empty() {
        check.error("no_tasks", "tasks", "a flow needs at least one task in `tasks`");
    }
    no_zero(check, "timeout", doc.timeout);
    priority(check, "priority", doc.priority);
}

fn priority(check: &mut Check<'_>, field: &str, priority: Option<i32>) {
    if let Some(Err(message)) = priority.map(check_priority) {
        check.error("bad_priority", field, message);
    }
}

/// Queue, priority and cache of a task.
fn lanes(check: &mut Check<'_>, path: &str, task: &TaskDoc) {
    let work = task.unrolled();
    priority(check, &join(path, "priority"), task.priority);
    if let Some(queue) = task.queue.as_deref().filter(|queue| !is_slug(queue)) {
        let hint = slug_hint(queue);
        let message = format!(
            "`{}` cannot be a queue's name: {RULE}{hint}",
            queue.escape_debug()
        );
        check.error("bad_queue", join(path, "queue"), message);
    }
    let field = join(path, "cache");
    if let Some(cache) = &task.cache {
        let max = limits::CACHE_TTL_MAX;
        if cache.ttl.as_millis() == 0 || cache.ttl.as_duration() > max {
            let message = format!(
                "a result holds for more than 0s and at most {}d",
                max.as_secs() / 86_400
            );
            check.error("bad_duration", join(&field, "ttl"), message);
        }
        if !secrets::uses(&work.with).is_empty() {
            let message = "its arguments name a secret, so its results are neither kept nor taken";
            check.warning("no_cache", field, message);
        }
    }
    if Light::of(&work).is_none() {
        return;
    }
    for (name, is_set) in [
        ("queue", task.queue.is_some()),
        ("queue_key", task.queue_key.is_some()),
        ("priority", task.priority.is_some()),
        ("cache", task.cache.is_some()),
    ] {
        if is_set {
            let message = format!(
                "`{}` needs no worker, so `{name}` changes nothing here",
                work.task_type
            );
            check.warning("no_effect", join(path, name), message);
        }
    }
}

const RULE: &str =
    "ids have lower case letters, digits, `-` and `_`, begin with a letter or digit and are at most 64 long";

fn slug_hint(text: &str) -> String {
    let slug = to_slug(text);
    if slug.is_empty() {
        String::new()
    } else {
        format!("; `{slug}` would do")
    }
}

/// The slug nearest to a text; empty if nothing of it can stay.
pub(crate) fn to_slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if slug.len() == limits::ID_BYTES_MAX {
            break;
        }
        if c.is_ascii_lowercase() || c.is_ascii_digit() || (c == '_' && !slug.is_empty()) {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

fn ids(check: &mut Check<'_>) {
    let mut seen: FxHashMap<&str, Group> = FxHashMap::default();
    for (group, id, _) in check.tasks() {
        if !is_slug(id) {
            let hint = slug_hint(id);
            check.error(
                "bad_id",
                group.path(id),
                format!("`{}` cannot be a task's id: {RULE}{hint}", id.escape_debug()),
            );
        }
        if let Some(first) = seen.get(id) {
            let message = format!(
                "`{id}` is already a task of `{}`; all tasks of a flow need ids of their own",
                first.field()
            );
            check.error("duplicate_id", group.path(id), message);
        } else {
            seen.insert(id, group);
        }
    }
}

fn no_zero(check: &mut Check<'_>, field: &str, timeout: Option<HumanDuration>) {
    if timeout.is_some_and(|timeout| timeout.as_millis() == 0) {
        check.error(
            "bad_duration",
            field,
            "a timeout of 0s would end everything at once; leave it out for none",
        );
    }
}

/// The bounds of a task or of its undo.
fn bounds(check: &mut Check<'_>, path: &str, retry: Option<&RetryDoc>, timeout: Option<HumanDuration>) {
    no_zero(check, &join(path, "timeout"), timeout);
    let Some(retry) = retry else { return };
    let max = limits::ATTEMPTS_MAX;
    if !(1..=max).contains(&retry.max_attempts) {
        let message = format!(
            "`max_attempts` counts the first attempt too, so it is 1 to {max}, not {}",
            retry.max_attempts
        );
        check.error("bad_retry", format!("{path}.retry.max_attempts"), message);
    }
    let longest = retry.longest();
    if retry.first > longest {
        let message = format!(
            "the first pause ({}) is longer than the longest ({longest}); raise `max` or shorten `first`",
            retry.first
        );
        check.error("bad_retry", format!("{path}.retry"), message);
    }
}

fn for_each(check: &mut Check<'_>, path: &str, each: &ForEachDoc) {
    let items = join(path, "items");
    match &each.items {
        Value::Array(list) if list.len() > limits::ITEMS_MAX => {
            let message = format!(
                "{} items are too many; at most {} are run",
                list.len(),
                limits::ITEMS_MAX
            );
            check.error("too_many_items", items, message);
        }
        Value::Array(_) => {}
        Value::String(text) if is_template(text) => {}
        _ => check.error(
            "bad_items",
            items,
            "`items` is a list, or an expression that gives one: `{{ tasks.fetch.output }}`",
        ),
    }
    let max = limits::PARALLEL_ITEMS_MAX;
    if each.max_parallel.is_some_and(|n| !(1..=max).contains(&n)) {
        let message = format!("how many items may be at work at once is 1 to {max}");
        check.error("bad_for_each", join(path, "max_parallel"), message);
    }
    if let OnItemFailure::Tolerate(share) = &each.on_item_failure
        && share.percent().is_none()
    {
        let message = format!(
            "`{}` is no share; write it like `10%`, from 0% to 100%",
            share.tolerate.escape_debug()
        );
        check.error("bad_share", format!("{path}.on_item_failure.tolerate"), message);
    }
}

fn repeats(check: &mut Check<'_>, path: &str, task: &TaskDoc) {
    let written = task.loop_with();
    let (field, max_iterations) = match (&task.repeat, &written) {
        (Some(repeat), _) => (join(path, "loop"), repeat.max_iterations),
        (None, Some(written)) => (join(path, "with"), written.max_iterations),
        (None, None) => (join(path, "with"), None),
    };
    if task.for_each.is_some() {
        let message = "a task has `for_each` or `loop`, not both; put one of them into a flow of its own and run that as a subflow";
        check.error("for_each_and_loop", field.clone(), message);
    }
    if task.repeat.is_some() && task.task_type == LOOP {
        let message = "a task of the type `loop` has its condition in `with`; leave the field `loop` out";
        check.error("nested_loop", field.clone(), message);
    }
    let max = limits::ITERATIONS_MAX;
    if max_iterations.is_some_and(|n| !(1..=max).contains(&n)) {
        let message = format!("how many iterations there may be is 1 to {max}");
        check.error("bad_loop", join(&field, "max_iterations"), message);
    }
    if let Some(inner) = written.and_then(|written| written.task) {
        let inner_path = join(&field, "do");
        bounds(check, &inner_path, inner.retry.as_ref(), inner.timeout);
        if inner.task_type == LOOP {
            let message = "a loop cannot do a loop; put the inner one into a flow of its own and let the outer one run that (`flow`)";
            check.error("nested_loop", join(&inner_path, "type"), message);
        }
    }
}
