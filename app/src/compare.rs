//! Two runs side by side: where they went apart first, and what differs of each task.

use std::collections::BTreeMap;

use flow::run::{RunState, TaskState};
use flow::view::TaskStatus;
use flow::{Payload, TaskIx};

use crate::look;
use crate::model::{Compared, Comparison, TaskSide};
use crate::timeline::millis;

/// What differs between two runs. Tasks are told by their ids: the runs may be of different versions, or flows.
#[must_use]
pub fn compare(a: &RunState, b: &RunState) -> Comparison {
    let mut keys: Vec<&str> = a.plan().tasks.iter().map(|task| &*task.key).collect();
    keys.extend(
        b.plan()
            .tasks
            .iter()
            .map(|task| &*task.key)
            .filter(|key| a.plan().find(key).is_none()),
    );
    let tasks: Vec<Compared> = keys.into_iter().map(|key| task(a, b, key)).collect();
    let first = tasks
        .iter()
        .filter(|task| !task.differs.is_empty())
        .min_by_key(|task| earliest(task))
        .map(|task| task.path.clone());
    Comparison {
        a: a.summary(),
        b: b.summary(),
        inputs: inputs(a, b),
        first,
        tasks,
    }
}

/// When the first of the two was decided: what differs earliest may be why the rest differs.
fn earliest(task: &Compared) -> u64 {
    let sides = [&task.a, &task.b].into_iter().flatten();
    sides.filter_map(|side| side.ended_ms).min().unwrap_or(u64::MAX)
}

fn task(a: &RunState, b: &RunState, key: &str) -> Compared {
    let (in_a, in_b) = (a.plan().find(key), b.plan().find(key));
    let name = in_a.map_or_else(
        || in_b.map(|ix| b.plan().name_of(ix)),
        |ix| Some(a.plan().name_of(ix)),
    );
    let mut differs = Vec::new();
    match (in_a, in_b) {
        (Some(one), Some(two)) => {
            let (left, right) = (side(a, one), side(b, two));
            let mut note = |is: bool, what: &str| is.then(|| differs.push(what.to_owned()));
            note(left.state != right.state, "state");
            note(left.case != right.case, "case");
            note(left.error != right.error, "error");
            note(left.parts != right.parts, "items");
            note(left.attempts != right.attempts, "attempts");
            note(a.plan().task(one).doc != b.plan().task(two).doc, "definition");
            // What was taken over from another run was not made ready in this one, and has no input of its own.
            let is_taken_over = a.task_view(one).is_reused || b.task_view(two).is_reused;
            note(!is_taken_over && a.task(one).input != b.task(two).input, "input");
            note(output(a, one) != output(b, two), "output");
            Compared {
                path: key.to_owned(),
                name: name.unwrap_or_default(),
                a: Some(left),
                b: Some(right),
                differs,
            }
        }
        (one, two) => Compared {
            path: key.to_owned(),
            name: name.unwrap_or_default(),
            a: one.map(|ix| side(a, ix)),
            b: two.map(|ix| side(b, ix)),
            differs: vec!["is only in one of them".to_owned()],
        },
    }
}

fn side(run: &RunState, ix: TaskIx) -> TaskSide {
    let view = run.task_view(ix);
    let start = run
        .summary()
        .started_at
        .unwrap_or_else(|| run.summary().created_at);
    let took = view.started_at.zip(view.finished_at);
    let look = look::task(&view);
    TaskSide {
        state: view.state,
        look: look.key.to_owned(),
        word: look.word.to_owned(),
        case: view.case,
        error: view.error.map(|error| error.message),
        took_ms: took.map(|(from, to)| millis(from, to)),
        ended_ms: view.finished_at.map(|at| millis(start, at)),
        attempts: if view.state == TaskStatus::Skipped {
            0
        } else {
            view.attempt
        },
        parts: view.parts,
    }
}

/// What a task gave; null is nothing.
fn output(run: &RunState, ix: TaskIx) -> Option<&Payload> {
    let given = match &run.task(ix).state {
        TaskState::Succeeded { output, .. } => Some(output),
        TaskState::Failed { output, .. } => output.as_ref(),
        _ => None,
    };
    given.filter(|payload| payload.inline().is_none_or(|value| !value.is_null()))
}

/// The inputs that are not the same, as short texts; nothing stands for one that was not given. Inputs that lie in the blob store
/// are told as a whole.
fn inputs(a: &RunState, b: &RunState) -> BTreeMap<String, [Option<String>; 2]> {
    let (one, two) = (a.inputs(), b.inputs());
    if one == two {
        return BTreeMap::new();
    }
    let fields = |payload: &Payload| payload.inline().and_then(|value| value.as_object().cloned());
    let (Some(one), Some(two)) = (fields(one), fields(two)) else {
        return BTreeMap::from([(
            "all".to_owned(),
            [Some("large".to_owned()), Some("large".to_owned())],
        )]);
    };
    let names: std::collections::BTreeSet<&String> = one.keys().chain(two.keys()).collect();
    names
        .into_iter()
        .filter(|name| one.get(*name) != two.get(*name))
        .map(|name| (name.clone(), [one.get(name).map(short), two.get(name).map(short)]))
        .collect()
}

fn short(value: &serde_json::Value) -> String {
    const CHARS_MAX: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::run;

    #[test]
    fn the_first_divergence_comes_before_what_it_caused() {
        let document = json!({"flow": "f", "tasks": {
            "fetch": {"type": "shell"},
            "size": {"type": "switch", "needs": ["fetch"], "with": {"cases": {"big": "true"}}},
            "mail": {"type": "shell", "needs": [{"task": "size", "on": "big"}]},
        }});
        let well = "0 task_scheduled fetch\n5 attempt_started fetch\n20 task_succeeded fetch output={\"value\":[1,2]}\n\
                    20 task_succeeded size case=\"big\"\n20 task_scheduled mail\n25 attempt_started mail\n60 task_succeeded mail\n\
                    60 run_ending\n60 run_finished";
        let other = "0 task_scheduled fetch\n5 attempt_started fetch\n30 task_succeeded fetch output={\"value\":[]}\n\
                     30 task_succeeded size case=\"small\"\n30 task_skipped mail\n30 run_ending\n30 run_finished";
        let (a, b) = (run(&document, well), run(&document, other));
        let told = |comparison: &Comparison| {
            let rows = comparison.tasks.iter().map(|task| {
                let word = |side: &Option<TaskSide>| {
                    side.as_ref()
                        .map_or_else(|| "–".to_owned(), |side| side.word.clone())
                };
                format!(
                    "{}: {}/{} [{}]",
                    task.path,
                    word(&task.a),
                    word(&task.b),
                    task.differs.join(" ")
                )
            });
            rows.collect::<Vec<_>>().join("\n")
        };
        let found = compare(&a, &b);
        assert_eq!(found.first.as_deref(), Some("fetch"));
        assert_eq!(
            told(&found),
            "fetch: succeeded/succeeded [output]\nsize: succeeded/succeeded [case]\nmail: succeeded/skipped [state attempts]"
        );
        let same = compare(&a, &a);
        assert_eq!(same.first, None);
        assert!(same.tasks.iter().all(|task| task.differs.is_empty()));

        // What was taken over is the same, though nothing was made ready for it.
        let worked = "0 task_scheduled fetch input={\"value\":{\"n\":1}}\n5 attempt_started fetch\n20 task_succeeded fetch output={\"value\":[1]}";
        let took =
            "0 task_reused fetch output={\"value\":[1]}\n20 task_succeeded fetch output={\"value\":[1]}";
        let found = compare(&run(&document, worked), &run(&document, took));
        assert_eq!(found.tasks[0].differs, Vec::<String>::new());

        let newer = json!({"flow": "f", "tasks": {"fetch": {"type": "shell"}, "more": {"type": "noop"}}});
        let found = compare(
            &a,
            &run(
                &newer,
                "0 task_scheduled fetch\n5 attempt_started fetch\n6 attempt_failed fetch",
            ),
        );
        assert_eq!(
            told(&found),
            "fetch: succeeded/retrying [state error output]\nsize: succeeded/– [is only in one of them]\n\
             mail: succeeded/– [is only in one of them]\nmore: –/blocked [is only in one of them]"
        );
    }
}
