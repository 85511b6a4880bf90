//! Two versions of a flow side by side: what differs, as a page shows it, and both in one drawing.

use std::sync::Arc;

use editor::diff::{Diff, EdgeDiff, FieldDiff, TaskChange, TaskDiff};
use editor::model::Edge;
use flow::doc::{EdgeDoc, NeedDoc, OneOrMany, TaskDoc};
use flow::plan::PlanEdge;
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

/// The newer version with what went from the older one, tasks and edges; each card and each edge says what became of it.
fn drawing(old: &FlowDoc, new: &FlowDoc, diff: &Diff) -> String {
    let find = |id: &str| {
        diff.tasks
            .iter()
            .find(|task| task.id == id)
            .map(|task| &task.change)
    };
    let touched = |id: &str| {
        diff.edges.iter().any(|edge| {
            edge.new
                .as_ref()
                .or(edge.old.as_ref())
                .is_some_and(|edge| edge.to == id)
        })
    };
    let plan = Plan::new(Arc::new(both(old, new, diff)));
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
    let taken: Vec<&str> = plan.edges.iter().map(|edge| became(&plan, edge, diff)).collect();
    let label = "Both versions in one graph";
    svg::svg(
        &view,
        &svg::Drawing {
            label,
            cards: &cards,
            taken: &taken,
            ..svg::Drawing::default()
        },
    )
}

/// The newer document with the tasks that went, and with the edges that went as the last ones of their tasks.
fn both(old: &FlowDoc, new: &FlowDoc, diff: &Diff) -> FlowDoc {
    let mut both = new.clone();
    for (from, to) in [
        (&old.tasks, &mut both.tasks),
        (&old.finally, &mut both.finally),
        (&old.on_failure, &mut both.on_failure),
    ] {
        let went = |id: &str| {
            let is_it = |task: &TaskDiff| task.id == id && task.change == TaskChange::Removed;
            diff.tasks.iter().any(is_it)
        };
        for (id, task) in from.iter().filter(|(id, _)| went(id)) {
            // The edges into it are among those that went, by the names that tasks have now.
            let task = TaskDoc {
                needs: Vec::new(),
                ..task.clone()
            };
            to.entry(id.clone()).or_insert(task);
        }
        for edge in diff.edges.iter().filter_map(gone) {
            if let Some(task) = to.get_mut(&edge.to) {
                task.needs.push(NeedDoc::Edge(EdgeDoc {
                    task: edge.from.clone(),
                    on: (!edge.on.is_empty()).then(|| OneOrMany::Many(edge.on.clone())),
                    when: edge.when.clone(),
                    handles: true,
                }));
            }
        }
    }
    both
}

/// The edge that went, if that is what became of it.
fn gone(diff: &EdgeDiff) -> Option<&Edge> {
    diff.old.as_ref().filter(|_| diff.new.is_none())
}

/// What became of an edge: the `data-taken` of its track.
fn became(plan: &Plan, edge: &PlanEdge, diff: &Diff) -> &'static str {
    let to = plan.task(edge.to);
    let Some(need) = to.doc.needs.get(edge.need as usize) else {
        return "same";
    };
    let drawn = Edge {
        from: need.task().to_owned(),
        to: to.key.to_string(),
        on: need.on().into_iter().map(str::to_owned).collect(),
        when: need.when().map(str::to_owned),
    };
    let found = diff.edges.iter().find_map(|diff| match (&diff.old, &diff.new) {
        (None, Some(new)) if new.is_same(&drawn) => Some("added"),
        (Some(_), Some(new)) if new.is_same(&drawn) => Some("changed"),
        (Some(old), None) if old.is_same(&drawn) => Some("removed"),
        _ => None,
    });
    found.unwrap_or("same")
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
        shown += &edges(&view.drawing);
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
            failed edge added
            succeeded edge removed
            succeeded edge added
            succeeded edge removed
        "#]]
        .assert_eq(&shown);
    }

    /// What became of each edge that is drawn, in the order of the tasks it enters.
    fn edges(drawing: &str) -> String {
        let lines = drawing.split("<g class=\"e\"").skip(1);
        let value = |line: &str, name: &str| {
            let start = line.find(&format!(" {name}=\"")).expect("it is there") + name.len() + 3;
            line[start..].split('"').next().expect("it ends").to_owned()
        };
        // Labels say it too.
        let lines = lines.filter(|line| line.contains("class=\"l\""));
        lines
            .map(|line| {
                format!(
                    "{} edge {}\n",
                    value(line, "data-kind"),
                    value(line, "data-taken")
                )
            })
            .collect()
    }

    #[test]
    fn edges_that_went_are_drawn_between_what_is_left() {
        let read = |text: &str| parse(text.as_bytes(), Format::Yaml).expect("a flow").doc;
        let drawn = |old: &str, new: &str| {
            let drawing = between((1, &read(old)), (2, &read(new))).drawing;
            edges(&drawing)
        };
        // `load` has another name now; one edge turns round, one is narrowed, one stays.
        let old = "flow: f\ntasks:\n  load: { type: log, with: { message: hi } }\n  a: { type: noop, needs: [{ task: load, on: failed }] }\n  b: { type: noop, needs: [a, load] }\n  c: { type: noop, needs: [b] }\n";
        let new = "flow: f\ntasks:\n  fetch: { type: log, with: { message: hi } }\n  b: { type: noop, needs: [fetch] }\n  a: { type: noop, needs: [b] }\n  c: { type: noop, needs: [{ task: b, on: always }] }\n";
        expect![[r#"
            succeeded edge same
            succeeded edge removed
            succeeded edge added
            failed edge removed
            always edge changed
        "#]]
        .assert_eq(&drawn(old, new));
        // Between sections there is no way to draw one: it is listed only.
        let old =
            "flow: f\ntasks:\n  a: { type: noop }\n  b: { type: noop, needs: [{ task: a, on: failed }] }\n";
        let new = "flow: f\ntasks:\n  a: { type: noop }\nfinally:\n  b: { type: noop }\n";
        expect![[""]].assert_eq(&drawn(old, new));
    }
}
