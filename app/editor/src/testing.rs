//! What tests of several modules share.

mod drawn;

pub(crate) use drawn::{model, say};

use std::fmt::Write as _;
use std::sync::LazyLock;

use flow::layout::Point;
use serde_json::{Value, json};

use crate::change::{Change, NewTask, Patch};
use crate::model::{Edge, Section};
use crate::text::{Source, patch};

/// The lines two texts differ in, `-` before and `+` after. A carriage return is written as `\\r`: as it is, it would be invisible, and
/// formatters take it out of expected texts.
pub(crate) fn diff(old: &str, new: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    // The longest common lines, by dynamic programming: tests are small.
    let mut longest = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i][j] = if a[i] == b[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut shown) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (j == b.len() || longest[i + 1][j] >= longest[i][j + 1]) {
            let _ = writeln!(shown, "-{}", a[i]);
            i += 1;
        } else {
            let _ = writeln!(shown, "+{}", b[j]);
            j += 1;
        }
    }
    shown.replace('\r', "\\r")
}

/// What a change does to a text, as changed lines, or why it is refused.
pub(crate) fn made(text: &str, change: &Change) -> String {
    let mut source = Source::guess(text);
    match source.apply(change) {
        Err(refusal) => format!("refused: {refusal}\n"),
        Ok(step) => {
            assert_eq!(
                patch::apply(source.text(), &step.inverse),
                text,
                "the inverse leads back"
            );
            let notes: String = step.notes.iter().map(|note| format!("note: {note}\n")).collect();
            format!("{}\n{}{notes}", step.label, diff(text, source.text()))
        }
    }
}

pub(crate) fn strings(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

pub(crate) fn set(path: &str, value: Value) -> Change {
    Change::Set {
        path: strings(path),
        value: Some(value),
    }
}

pub(crate) fn unset(path: &str) -> Change {
    Change::Set {
        path: strings(path),
        value: None,
    }
}

/// `a -> b` or `a -failed,skipped-> b`, and `if …` behind it.
pub(crate) fn edge(written: &str) -> Edge {
    let (arrow, when) = match written.split_once(" if ") {
        Some((arrow, when)) => (arrow, Some(when.to_owned())),
        None => (written, None),
    };
    let (left, to) = arrow.split_once("->").expect("an edge has an arrow");
    let (from, on) = left.split_once(" -").unwrap_or((left, ""));
    Edge {
        from: from.trim().to_owned(),
        to: to.trim().to_owned(),
        on: on
            .split(',')
            .map(str::trim)
            .filter(|on| !on.is_empty())
            .map(str::to_owned)
            .collect(),
        when,
    }
}

pub(crate) fn connect(written: &str) -> Change {
    Change::Connect(edge(written))
}

pub(crate) fn task(id: &str, fields: Value, upstream: &[&str]) -> NewTask {
    NewTask {
        id: id.to_owned(),
        section: Section::Tasks,
        fields: fields.as_object().cloned().unwrap_or_default(),
        at: None,
        upstream: upstream
            .iter()
            .map(|from| Edge {
                from: (*from).to_owned(),
                to: id.to_owned(),
                ..Edge::default()
            })
            .collect(),
    }
}

pub(crate) fn add(id: &str, upstream: &[&str]) -> Change {
    Change::Add(task(id, json!({ "type": "noop" }), upstream))
}

pub(crate) fn rename(from: &str, to: &str) -> Change {
    Change::Rename {
        task: from.to_owned(),
        to: to.to_owned(),
    }
}

pub(crate) fn remove(tasks: &[&str], heal: bool) -> Change {
    Change::Remove {
        tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
        heal,
    }
}

pub(crate) fn move_to(task: &str, x: f64, y: f64) -> Change {
    Change::Move(vec![(task.to_owned(), Some(Point { x, y }))])
}

pub(crate) fn typed(start: usize, end: usize, text: &str) -> Change {
    Change::Type(vec![Patch::new(start, end, text)])
}

/// The task types of the tests: what examples use, without arguments that are checked.
pub(crate) struct Types;

impl flow::validate::TypeCatalog for Types {
    fn input_schema(&self, task_type: &str) -> Option<&Value> {
        // Anything may stand in them, references to secrets as well.
        static ANY: LazyLock<Value> = LazyLock::new(|| json!({ "x-secret": true }));
        TYPES.contains(&task_type).then_some(&*ANY)
    }

    fn known(&self) -> Vec<&str> {
        TYPES.to_vec()
    }
}

const TYPES: [&str; 18] = [
    "noop",
    "log",
    "fail",
    "transform",
    "switch",
    "wait",
    "delay",
    "approval",
    "signal",
    "subflow",
    "loop",
    "shell",
    "http.request",
    "mail.send",
    "store_data",
    "script",
    "process_data",
    "fetch_data",
];
