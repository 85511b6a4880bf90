//! Two versions of a flow side by side: what differs, as a page shows it, and both in one drawing.

use std::sync::Arc;

use editor::diff::{Diff, EdgeDiff, FieldDiff, TaskChange};
use editor::model::Edge;
use flow::{FlowDoc, Plan};
use serde_json::Value;

use crate::format;
use crate::graph::state::CardState;
use crate::graph::{self, svg};
use crate::model::edit::{DiffView, FieldView, LineView, TaskChangeView};
use crate::readable::readable;

/// Characters of a value that are shown.
const VALUE_CHARS_SHOWN: usize = 2_000;

/// What leads from one version to another.
#[must_use]
pub fn between(from: (u32, &FlowDoc), to: (u32, &FlowDoc)) -> DiffView {
    let value = |doc: &FlowDoc| serde_json::to_value(doc).unwrap_or_default();
    let (old, new) = (value(from.1), value(to.1));
    let diff = Diff::between(&old, &new);
    DiffView {
        from: from.0,
        to: to.0,
        drawing: drawing(from.1, to.1, &diff),
        edges: diff.edges.iter().map(edge).collect(),
        fields: diff.fields.iter().map(field).collect(),
        is_drawn_differently: diff.is_drawn_differently,
        tasks: diff
            .tasks
            .into_iter()
            .map(|task| {
                let (kind, before, fields) = match task.change {
                    TaskChange::Added => ("added", None, Vec::new()),
                    TaskChange::Removed => ("removed", None, Vec::new()),
                    TaskChange::Changed(fields) => ("changed", None, fields),
                    TaskChange::Renamed { from, fields } => ("renamed", Some(from), fields),
                };
                TaskChangeView {
                    id: task.id,
                    kind: kind.to_owned(),
                    before,
                    fields: fields.iter().map(field).collect(),
                }
            })
            .collect(),
    }
}

fn field(diff: &FieldDiff) -> FieldView {
    let path = match diff.path.is_empty() {
        true => "section".to_owned(),
        false => diff.path.join("."),
    };
    FieldView {
        path,
        old: diff.old.as_ref().map(shown),
        new: diff.new.as_ref().map(shown),
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => readable(other),
    };
    match text.char_indices().nth(VALUE_CHARS_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn edge(diff: &EdgeDiff) -> LineView {
    let words = |edge: &Edge| {
        let on = edge.on.join(", ");
        let when = edge
            .when
            .as_ref()
            .map_or_else(String::new, |when| format!(" if {when}"));
        match on.is_empty() || on == "succeeded" {
            true => format!("{} → {}{when}", edge.from, edge.to),
            false => format!("{} → {} on {on}{when}", edge.from, edge.to),
        }
    };
    let (kind, text) = match (&diff.old, &diff.new) {
        (None, Some(new)) => ("added", words(new)),
        (Some(old), None) => ("removed", words(old)),
        (Some(old), Some(new)) => ("changed", format!("{}, was {}", words(new), words(old))),
        (None, None) => ("changed", String::new()),
    };
    LineView {
        kind: kind.to_owned(),
        text,
    }
}

/// The newer version with what went from the older one; each card says what became of it.
fn drawing(old: &FlowDoc, new: &FlowDoc, diff: &Diff) -> String {
    let mut both = new.clone();
    let find = |id: &str| {
        diff.tasks
            .iter()
            .find(|task| task.id == id)
            .map(|task| &task.change)
    };
    for (from, to) in [
        (&old.tasks, &mut both.tasks),
        (&old.finally, &mut both.finally),
        (&old.on_failure, &mut both.on_failure),
    ] {
        for (id, task) in from {
            if matches!(find(id), Some(TaskChange::Removed)) {
                to.entry(id.clone()).or_insert_with(|| task.clone());
            }
        }
    }
    // What went may have come after something that has another name now.
    let known: Vec<String> = both.tasks.keys().cloned().collect();
    for task in both.tasks.values_mut() {
        task.needs.retain(|need| known.iter().any(|id| id == need.task()));
    }
    let touched = |id: &str| {
        diff.edges
            .iter()
            .any(|edge| edge.new.as_ref().is_some_and(|new| new.to == id))
    };
    let plan = Plan::new(Arc::new(both));
    let view = graph::view(&plan);
    let cards = plan.tasks.iter().map(|task| {
        let (key, text, what) = match find(&task.key) {
            Some(TaskChange::Added) => ("added", "new".to_owned(), "new"),
            Some(TaskChange::Removed) => ("removed", "removed".to_owned(), "removed"),
            Some(TaskChange::Changed(fields)) => (
                "changed",
                format::count(fields.len() as u64, "change", "changes"),
                "changed",
            ),
            Some(TaskChange::Renamed { from, .. }) => ("changed", format!("was {}", short(from)), "renamed"),
            None if touched(&task.key) => ("changed", "edges".to_owned(), "its edges have changed"),
            None => ("same", String::new(), "the same"),
        };
        CardState {
            key,
            text,
            title: format!("{}: {what}", task.key),
            bar: None,
        }
    });
    let cards: Vec<CardState> = cards.collect();
    let label = "Both versions in one graph";
    svg::svg(
        &view,
        &svg::Drawing {
            label,
            cards: &cards,
            ..svg::Drawing::default()
        },
    )
}

fn short(id: &str) -> String {
    const CHARS: usize = 10;
    match id.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", &id[..at]),
        None => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use flow::parse::{Format, parse};

    #[test]
    fn what_differs_is_told_and_drawn() {
        let read = |text: &str| parse(text.as_bytes(), Format::Yaml).expect("a flow").doc;
        let old = read(
            "flow: f\ntasks:\n  a: { type: log, with: { message: hi } }\n  b: { type: noop, needs: [a] }\n  c: { type: noop, needs: [b] }\n",
        );
        let new = read(
            "flow: f\nname: F\ntasks:\n  a: { type: log, with: { message: ho } }\n  c: { type: noop, needs: [{ task: a, on: failed }] }\n  d: { type: log, needs: [c], with: { message: '<b>' } }\nlayout: { a: [0, 0] }\n",
        );
        let view = between((1, &old), (2, &new));
        let mut shown = String::new();
        for task in &view.tasks {
            shown += &format!("{} {}", task.kind, task.id);
            for field in &task.fields {
                shown += &format!(" {}: {:?} -> {:?}", field.path, field.old, field.new);
            }
            shown.push('\n');
        }
        for line in &view.edges {
            shown += &format!("{} {}\n", line.kind, line.text);
        }
        for field in &view.fields {
            shown += &format!("flow {}: {:?} -> {:?}\n", field.path, field.old, field.new);
        }
        shown += &format!("drawn {}\n", view.is_drawn_differently);
        for state in ["added", "removed", "changed", "same"] {
            let n = view.drawing.matches(&format!("data-state=\"{state}\"")).count();
            shown += &format!("{n} {state}\n");
        }
        expect![[r#"
            changed a with.message: Some("hi") -> Some("ho")
            added d
            removed b
            added a → c on failed
            added c → d
            removed a → b
            removed b → c
            flow name: None -> Some("F")
            drawn true
            1 added
            1 removed
            2 changed
            0 same
        "#]]
        .assert_eq(&shown);
    }
}
