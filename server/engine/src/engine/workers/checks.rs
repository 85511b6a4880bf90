//! Whether what a worker says can be meant.

use flow::Problem;
use flow::ids::is_slug;
use flow::validate::check_schema;

use super::{LeaseCall, OfferedType};
use crate::error::{EngineError, EngineResult};

/// Attempts given out in one call: more are asked for by another.
const LEASES_PER_CALL_MAX: usize = 100;

/// Queues and types that one worker may name.
const NAMES_PER_WORKER_MAX: usize = 100;

/// Bytes of one declared schema.
const SCHEMA_BYTES_MAX: usize = 64 * 1024;

/// Characters of a name, a title, a message of progress.
const TEXT_MAX: usize = 500;

pub(super) fn refuse(problems: Vec<Problem>) -> EngineResult<()> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(EngineError::Invalid(problems))
    }
}

pub(super) fn check_text(problems: &mut Vec<Problem>, field: &str, text: &str) {
    if text.trim().is_empty() || text.chars().count() > TEXT_MAX || text.chars().any(char::is_control) {
        let message = format!("`{field}` is a text of one line, not empty, of at most {TEXT_MAX} characters");
        problems.push(Problem::error("bad_text", message).at(field));
    }
}

pub(super) fn check_queues(problems: &mut Vec<Problem>, queues: &[String]) {
    if queues.is_empty() || queues.len() > NAMES_PER_WORKER_MAX {
        let message = format!("name from 1 to {NAMES_PER_WORKER_MAX} queues");
        problems.push(Problem::error("bad_queues", message).at("queues"));
    }
    for (at, queue) in queues.iter().enumerate().filter(|(_, queue)| !is_slug(queue)) {
        let shown: String = queue.chars().take(80).collect();
        let message = format!("`{}` cannot be a queue's name", shown.escape_debug());
        problems.push(Problem::error("bad_queue", message).at(format!("queues[{at}]")));
    }
}

pub(super) fn check_call(call: &LeaseCall) -> EngineResult<()> {
    let mut problems = Vec::new();
    check_text(&mut problems, "worker", &call.worker);
    if call.worker == "local" {
        let message = "`local` is what this server's own workers are called";
        problems.push(Problem::error("bad_text", message).at("worker"));
    }
    check_queues(&mut problems, &call.queues);
    if !(1..=LEASES_PER_CALL_MAX).contains(&call.n_max) {
        let message = format!("`max` is from 1 to {LEASES_PER_CALL_MAX}");
        problems.push(Problem::error("bad_max", message).at("max"));
    }
    if call.types.is_empty() || call.types.len() > NAMES_PER_WORKER_MAX {
        let message = format!("name from 1 to {NAMES_PER_WORKER_MAX} task types");
        problems.push(Problem::error("bad_types", message).at("types"));
    }
    for (at, offered) in call.types.iter().enumerate() {
        check_type(&mut problems, &format!("types[{at}]"), offered);
    }
    refuse(problems)
}

pub(super) fn check_type(problems: &mut Vec<Problem>, path: &str, offered: &OfferedType) {
    let is_key = offered.key.len() <= flow::limits::ID_BYTES_MAX && offered.key.split('.').all(is_slug);
    if !is_key {
        let message = "a type's key is words of lower case letters, digits, `-` and `_` with dots between them, at most 64 long";
        problems.push(Problem::error("bad_type", message).at(format!("{path}.key")));
    }
    for (field, text) in [("title", &offered.title), ("summary", &offered.summary)] {
        if let Some(text) = text {
            check_text(problems, &format!("{path}.{field}"), text);
        }
    }
    for (field, schema) in [
        ("input_schema", &offered.input_schema),
        ("output_schema", &offered.output_schema),
    ] {
        let Some(schema) = schema else { continue };
        let wrong = if crate::dispatch::exceeds(schema, SCHEMA_BYTES_MAX) {
            Some(format!("a schema has at most {} KiB", SCHEMA_BYTES_MAX / 1024))
        } else {
            check_schema(schema)
                .err()
                .map(|error| format!("this is no JSON Schema: {error}"))
        };
        if let Some(message) = wrong {
            problems.push(Problem::error("bad_schema", message).at(format!("{path}.{field}")));
        }
    }
}
