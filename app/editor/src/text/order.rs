//! Where a new field stands among those that are there: where the documentation has it.

use flow::parse::pieces::Entry;

use super::values::Path;

const FLOW: &[&str] = &[
    "flow",
    "name",
    "description",
    "labels",
    "inputs",
    "concurrency",
    "timeout",
    "ending_timeout",
    "fail_fast",
    "priority",
    "schedules",
    "after",
    "webhooks",
    "tasks",
    "finally",
    "on_failure",
    "outputs",
    "notify",
    "layout",
    "notes",
    "groups",
];

const TASK: &[&str] = &[
    "name",
    "type",
    "description",
    "disabled",
    "labels",
    "needs",
    "join",
    "when",
    "for_each",
    "with",
    "loop",
    "retry",
    "timeout",
    "start_timeout",
    "queue",
    "queue_key",
    "priority",
    "cache",
    "undo",
];

const EDGE: &[&str] = &["task", "on", "when", "handles"];

/// The number of the entry before which a new key of the mapping at a path stands.
pub(super) fn place(path: &Path, key: &str, entries: &[Entry]) -> usize {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let order = match path.as_slice() {
        [] => FLOW,
        ["tasks" | "finally" | "on_failure", _] => TASK,
        ["tasks" | "finally" | "on_failure", _, "needs", _] => EDGE,
        _ => return entries.len(),
    };
    let rank = |key: &str| order.iter().position(|known| *known == key);
    let Some(own) = rank(key) else {
        return entries.len();
    };
    let before = entries
        .iter()
        .rposition(|entry| rank(&entry.key.text).is_some_and(|rank| rank < own));
    before.map_or(0, |before| before + 1)
}
