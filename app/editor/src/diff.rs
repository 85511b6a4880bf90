//! What two documents differ in, as a person would say it: tasks, fields and edges. Where boxes stand is no difference.

use serde_json::{Map, Value};

use crate::changes::{SECTIONS, section_in, task_ids};
use crate::model::{Edge, Model};

/// What two documents differ in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Tasks that came, went or changed, in the order of the newer document; those that went stand last.
    pub tasks: Vec<TaskDiff>,
    /// Edges that came, went or changed.
    pub edges: Vec<EdgeDiff>,
    /// Fields of the flow itself.
    pub fields: Vec<FieldDiff>,
    /// Whether places, notes or groups differ.
    pub is_drawn_differently: bool,
}

/// A task that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskDiff {
    /// Its id; in the newer document if it is there.
    pub id: String,
    /// What became of it.
    pub change: TaskChange,
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskChange {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// These fields of it differ; its edges are told apart from them.
    Changed(Vec<FieldDiff>),
    /// It had another id, and these fields of it differ.
    Renamed {
        /// Its id before.
        from: String,
        /// What else differs.
        fields: Vec<FieldDiff>,
    },
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDiff {
    /// Where, from the task or the flow.
    pub path: Vec<String>,
    /// What stood there, if anything did.
    pub old: Option<Value>,
    /// What stands there.
    pub new: Option<Value>,
}

/// An edge that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeDiff {
    /// As it was, if it was there.
    pub old: Option<Edge>,
    /// As it is, if it is there.
    pub new: Option<Edge>,
}

impl Diff {
    /// What leads from one document to another.
    #[must_use]
    pub fn between(old: &Value, new: &Value) -> Self {
        let renamed = renamed(old, new);
        let mut diff = Self {
            edges: edges(old, new, &renamed),
            ..Self::default()
        };
        let name_before = |id: &str| {
            let pair = renamed.iter().find(|(_, to)| to == id);
            pair.map(|(from, _)| from.clone())
        };
        for (section, id) in task_ids(new) {
            let from = name_before(id);
            let before = from.as_deref().unwrap_or(id);
            let change = match section_in(old, before) {
                None => TaskChange::Added,
                Some(was_in) => {
                    let mut fields = Vec::new();
                    if was_in != section {
                        fields.push(FieldDiff {
                            path: Vec::new(),
                            old: Some(Value::from(was_in)),
                            new: Some(Value::from(section)),
                        });
                    }
                    let (old, new) = (&old[was_in][before], &new[section][id]);
                    compare(Some(&bare(old)), Some(&bare(new)), &mut Vec::new(), &mut fields);
                    match from {
                        Some(from) => TaskChange::Renamed { from, fields },
                        None if fields.is_empty() => continue,
                        None => TaskChange::Changed(fields),
                    }
                }
            };
            diff.tasks.push(TaskDiff {
                id: id.clone(),
                change,
            });
        }
        for (_, id) in task_ids(old) {
            let is_kept = section_in(new, id).is_some() || renamed.iter().any(|(from, _)| from == id);
            if !is_kept {
                let change = TaskChange::Removed;
                diff.tasks.push(TaskDiff {
                    id: id.clone(),
                    change,
                });
            }
        }
        let (drawn, meant) = (rest(old, true), rest(old, false));
        compare(
            Some(&meant),
            Some(&rest(new, false)),
            &mut Vec::new(),
            &mut diff.fields,
        );
        diff.is_drawn_differently = drawn != rest(new, true);
        diff
    }

    /// Whether both mean the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.edges.is_empty() && self.fields.is_empty()
    }
}

/// The fields of a flow that are no tasks: those that are drawn, or those that mean something.
fn rest(document: &Value, is_drawn: bool) -> Value {
    let fields = document.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| !SECTIONS.iter().any(|(section, _)| section == name));
    let fields =
        fields.filter(|(name, _)| matches!(name.as_str(), "layout" | "notes" | "groups") == is_drawn);
    Value::Object(
        fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

/// A task without its edges.
fn bare(task: &Value) -> Value {
    let mut task = task.clone();
    if let Value::Object(fields) = &mut task {
        fields.shift_remove("needs");
    }
    task
}

/// The differences of two values: mappings field by field, everything else as a whole.
fn compare(old: Option<&Value>, new: Option<&Value>, path: &mut Vec<String>, found: &mut Vec<FieldDiff>) {
    let missing = Map::new();
    match (old, new) {
        (old, new) if old == new => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in b.keys().chain(a.keys().filter(|key| !b.contains_key(*key))) {
                path.push(key.clone());
                compare(a.get(key), b.get(key), path, found);
                path.pop();
            }
        }
        // A mapping that comes or goes is told by its fields if it has some.
        (None, Some(Value::Object(b))) if !b.is_empty() && !path.is_empty() => {
            compare(
                Some(&Value::Object(missing)),
                Some(&Value::Object(b.clone())),
                path,
                found,
            );
        }
        (old, new) => found.push(FieldDiff {
            path: path.clone(),
            old: old.cloned(),
            new: new.cloned(),
        }),
    }
}

/// Tasks that have only another id: the same type and the same fields, apart from edges and expressions that follow.
fn renamed(old: &Value, new: &Value) -> Vec<(String, String)> {
    let mut gone: Vec<(&str, &String)> = task_ids(old)
        .filter(|(_, id)| section_in(new, id).is_none())
        .collect();
    let mut pairs = Vec::new();
    for (section, id) in task_ids(new).filter(|(_, id)| section_in(old, id).is_none()) {
        let task = bare(&new[section][id]);
        let is_telling = task.as_object().is_some_and(|fields| fields.len() > 1);
        let same = gone.iter().position(|(was_in, before)| {
            *was_in == section && is_telling && bare(&old[*was_in][*before]) == task
        });
        if let Some(at) = same {
            pairs.push((gone.remove(at).1.clone(), id.clone()));
        }
    }
    pairs
}

fn edges(old: &Value, new: &Value, renamed: &[(String, String)]) -> Vec<EdgeDiff> {
    let now = |id: &mut String| {
        if let Some((_, to)) = renamed.iter().find(|(from, _)| from == id) {
            id.clone_from(to);
        }
    };
    let mut before = Model::of_document(old).edges;
    for edge in &mut before {
        now(&mut edge.from);
        now(&mut edge.to);
    }
    let mut after = Model::of_document(new).edges;
    after.retain(|edge| match before.iter().position(|old| old == edge) {
        Some(at) => {
            before.remove(at);
            false
        }
        None => true,
    });
    let mut found = Vec::new();
    for edge in after {
        let same = before
            .iter()
            .position(|old| (&old.from, &old.to) == (&edge.from, &edge.to));
        found.push(EdgeDiff {
            old: same.map(|at| before.remove(at)),
            new: Some(edge),
        });
    }
    found.extend(before.into_iter().map(|edge| EdgeDiff {
        old: Some(edge),
        new: None,
    }));
    found
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use flow::parse::Format;
    use flow::parse::pieces::outline;

    use super::*;

    fn check(old: &str, new: &str, expected: Expect) {
        let read = |text: &str| outline(text, Format::Yaml).expect("it can be read").value;
        let diff = Diff::between(&read(old), &read(new));
        let mut shown = String::new();
        let fields = |into: &mut String, fields: &[FieldDiff]| {
            for field in fields {
                let value =
                    |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
                let _ = writeln!(
                    into,
                    "  {}: {} => {}",
                    field.path.join("."),
                    value(&field.old),
                    value(&field.new)
                );
            }
        };
        for task in &diff.tasks {
            match &task.change {
                TaskChange::Added => drop(writeln!(shown, "{} added", task.id)),
                TaskChange::Removed => drop(writeln!(shown, "{} removed", task.id)),
                TaskChange::Changed(changed) => {
                    let _ = writeln!(shown, "{} changed", task.id);
                    fields(&mut shown, changed);
                }
                TaskChange::Renamed {
                    from,
                    fields: changed,
                } => {
                    let _ = writeln!(shown, "{} was {from}", task.id);
                    fields(&mut shown, changed);
                }
            }
        }
        for edge in &diff.edges {
            let one = |edge: &Option<Edge>| {
                edge.as_ref().map_or_else(
                    || "-".to_owned(),
                    |edge| format!("{} -{}-> {}", edge.from, edge.on.join(","), edge.to),
                )
            };
            let _ = writeln!(shown, "edge {} => {}", one(&edge.old), one(&edge.new));
        }
        fields(&mut shown, &diff.fields);
        if diff.is_drawn_differently {
            shown.push_str("drawn differently\n");
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn differences_are_those_of_the_flow_not_of_the_text() {
        let old = "\
flow: f
tasks:
  a: { type: log, with: { message: one, level: info } }
  b: { type: shell, needs: [a], with: { command: ls } }
  c: { type: noop, needs: [b, { task: a, on: failed }] }
  d: { type: noop }
layout: { a: [0, 0] }
";
        check(
            old,
            "\
# The same, moved.
layout: { a: [5, 5] }
tasks:
  d: { type: noop }
  c: { needs: [b, { task: a, on: failed }], type: noop }
  b: { with: { command: ls }, needs: [a], type: shell }
  a: { type: log, with: { message: one, level: info } }
flow: f
",
            expect![[r#"
                drawn differently
            "#]],
        );
        check(
            old,
            "\
flow: f
name: New
tasks:
  a: { type: log, with: { message: two, level: info }, retry: { first: 1s } }
  list: { type: shell, needs: [a], with: { command: ls } }
  c: { type: noop, needs: [list, { task: a, on: [failed, skipped] }] }
  e: { type: noop, needs: [c] }
finally:
  d: { type: noop }
",
            expect![[r#"
                a changed
                  with.message: "one" => "two"
                  retry.first: - => "1s"
                list was b
                e added
                d changed
                  : "tasks" => "finally"
                edge a -failed-> c => a -failed,skipped-> c
                edge - => c --> e
                  name: - => "New"
                drawn differently
            "#]],
        );
    }
}
