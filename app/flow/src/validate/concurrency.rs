//! What starts and holds back whole runs: the limit on runs at work, and starts by other flows' ends.

use super::{Check, has_expression};
use crate::ids::is_slug;
use crate::inputs;
use crate::limits;
use crate::parse::join;
use serde_json::{Map, Value};

/// The ends that may be named.
const ENDS: [&str; 4] = ["succeeded", "failed", "cancelled", "always"];

pub(super) fn check(check: &mut Check<'_>) {
    let doc = check.doc;
    if let Some(limit) = &doc.concurrency {
        let max = limits::CONCURRENCY_MAX;
        if !(1..=max).contains(&limit.limit) {
            let message = format!("how many runs may be at work at once is 1 to {max}");
            check.error("bad_concurrency", "concurrency.limit", message);
        }
    }
    if doc.after.len() > limits::FOLLOWS_PER_FLOW_MAX {
        let message = format!(
            "{} starts by other flows' ends are too many; a flow has at most {}",
            doc.after.len(),
            limits::FOLLOWS_PER_FLOW_MAX
        );
        check.error("too_many_follows", "after", message);
    }
    for name in doc.after.keys() {
        one(check, name);
    }
}

fn one(check: &mut Check<'_>, name: &str) {
    let doc = check.doc;
    let path = join("after", name);
    let after = &doc.after[name];
    if !is_slug(name) {
        let message = format!(
            "`{}` cannot be a name here: names have lower case letters, digits, `-` and `_`",
            name.escape_debug()
        );
        check.error("bad_id", path.clone(), message);
    }
    if after.flow == doc.flow {
        let message = "a flow that starts after itself would never end; use a loop or a schedule";
        check.error("self_after", join(&path, "flow"), message);
    } else if !is_slug(&after.flow) {
        let message = format!("`{}` is no flow's id", after.flow.escape_debug());
        check.error("bad_id", join(&path, "flow"), message);
    }
    for word in after.on.iter().flat_map(|on| on.as_slice()) {
        if !ENDS.contains(&word.as_str()) {
            let guess = check.suggester.did_you_mean(word, ENDS);
            let message = format!(
                "`{}` is no end of a run{guess}; there are {}",
                word.escape_debug(),
                ENDS.join(", ")
            );
            check.error("unknown_on", join(&path, "on"), message);
        }
    }
    given(check, &path, &after.inputs);
}

/// Values that are known now are judged now; what expressions will give is judged when it is there.
pub(super) fn given(check: &mut Check<'_>, path: &str, given: &Map<String, Value>) {
    let known: Map<String, Value> = given
        .iter()
        .filter(|(_, value)| !has_expression(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let Err(problems) = inputs::resolve(check.doc, Value::Object(known)) else {
        return;
    };
    for problem in problems {
        let field = problem.field.unwrap_or_default();
        let will_be_given = field
            .strip_prefix("inputs.")
            .is_some_and(|name| given.get(name).is_some_and(has_expression));
        if !will_be_given {
            check.error(&problem.code, format!("{path}.{field}"), problem.message);
        }
    }
}
