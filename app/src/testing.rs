//! Runs for tests, written as lines.

use std::sync::Arc;

use flow::run::{Event, RunState};
use flow::{FlowDoc, Plan, Timestamp};
use serde_json::{Map, Value, json};

/// The graph of a document, written as JSON.
pub(crate) fn plan(document: &Value) -> Arc<Plan> {
    let document: FlowDoc = serde_json::from_value(document.clone()).expect("a flow document");
    Arc::new(Plan::new(Arc::new(document)))
}

/// Events from lines `MILLIS KIND [TASK] [NAME=JSON…]`. The run's creation and start stand in front of them, at 0; what an event of
/// its kind must have and is not said is filled in.
pub(crate) fn events(lines: &str) -> Vec<Event> {
    let first = [
        r#"0 run_created run="run_01k9w3zq5r8v2m4x6c7d9e0f1g" flow="f" version=1 inputs={"value":{}} trigger="api""#,
        "0 run_started",
    ];
    let lines = first.into_iter().chain(lines.lines());
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    lines
        .enumerate()
        .map(|(at, line)| event(at as u64 + 1, line))
        .collect()
}

fn event(seq: u64, line: &str) -> Event {
    let mut words = line.split(' ');
    let millis: i64 = words.next().and_then(|ms| ms.parse().ok()).expect("milliseconds");
    let kind = words.next().expect("a kind of event");
    let mut fields = Map::new();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
                fields.insert(name.to_owned(), value);
            }
            None => {
                fields.insert("task".to_owned(), word.into());
            }
        }
    }
    let at = Timestamp::from_millis(millis);
    let usual = match kind {
        "task_scheduled" => json!({"attempt": 1, "token": "att_01k9w3zq5r8v2m4x6c7d9e0f1g"}),
        "attempt_started" => json!({"attempt": 1, "worker": "local"}),
        "attempt_failed" => {
            json!({"attempt": 1, "error": {"kind": "failed", "message": "no"}, "retry_at": Timestamp::from_millis(millis + 100)})
        }
        "attempt_lost" => json!({"attempt": 1}),
        "task_succeeded" => json!({"output": {"value": null}}),
        "task_failed" => json!({"error": {"kind": "failed", "message": "no"}}),
        "task_cancelled" => json!({"reason": "the run was cancelled"}),
        "task_skipped" => json!({"reason": {"kind": "when"}}),
        "task_waiting" => json!({"waits_for": "approval"}),
        "run_ending" | "run_finished" => json!({"outcome": "succeeded"}),
        _ => json!({}),
    };
    let mut whole = json!({"seq": seq, "at": at, "actor": "engine", "type": kind});
    let Value::Object(all) = &mut whole else {
        unreachable!("an object was written")
    };
    for (name, value) in usual
        .as_object()
        .cloned()
        .unwrap_or_default()
        .into_iter()
        .chain(fields)
    {
        all.insert(name, value);
    }
    serde_json::from_value(whole).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// A run as these events make it.
pub(crate) fn run(document: &Value, lines: &str) -> RunState {
    RunState::replay(plan(document), &events(lines)).expect("a whole log")
}

/// A run that lists `n` items, works on one after the other and ends: its document and events.
pub(crate) fn fan(n: u32) -> (Value, Vec<Event>) {
    let document = json!({"flow": "f", "tasks": {
        "list": {"type": "shell"},
        "each": {"type": "shell", "needs": ["list"], "for_each": {"items": "{{ tasks.list.output }}", "max_parallel": 2}},
        "done": {"type": "noop", "needs": ["each"]},
    }});
    let mut lines = format!(
        "10 task_scheduled list\n20 attempt_started list\n120 task_succeeded list\n130 items_listed each n={n}\n"
    );
    for item in 0..n {
        let at = 140 + item * 30;
        lines.push_str(&format!(
            "{at} task_scheduled each[{item}]\n{} attempt_started each[{item}]\n{} task_succeeded each[{item}]\n",
            at + 5,
            at + 25
        ));
    }
    let end = 150 + n * 30;
    lines.push_str(&format!(
        "{end} task_succeeded each\n{end} task_succeeded done\n{end} run_ending\n{end} run_finished\n"
    ));
    (document, events(&lines))
}
