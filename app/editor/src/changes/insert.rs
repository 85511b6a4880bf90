//! New tasks, alone or on an edge, and tasks that become something else.

use flow::ids::is_slug;
use flow::limits;
use flow::parse::pieces::Piece;
use serde_json::{Map, Value};

use super::{edges, path, places, section_in, section_of, task_ids};
use crate::change::NewTask;
use crate::model::{Edge, Section};
use crate::refusal::Refusal;
use crate::text::draft::Draft;

pub(super) const fn section_name(section: Section) -> &'static str {
    match section {
        Section::Tasks => "tasks",
        Section::Finally => "finally",
        Section::OnFailure => "on_failure",
    }
}

/// Whether a new task may be called that.
pub(super) fn check_id(draft: &Draft, id: &str) -> Result<(), Refusal> {
    if !is_slug(id) {
        return Err(Refusal::new(
            "bad_id",
            format!(
                "`{id}` cannot be the id of a task: ids have lower case letters, digits, `-` and `_`, begin with a letter or digit, and have at most {} characters",
                limits::ID_BYTES_MAX
            ),
        ));
    }
    if let Some(section) = section_in(draft.value(), id) {
        let message = format!("there is a task `{id}` already, in `{section}`; choose another id");
        return Err(Refusal::new("duplicate_id", message));
    }
    Ok(())
}

/// New tasks of one section without edges or places, behind all others of it.
pub(super) fn add_all(draft: &mut Draft, tasks: &[&NewTask]) -> Result<(), Refusal> {
    let mut made: Vec<(String, Value)> = Vec::with_capacity(tasks.len());
    let mut seen = rustc_hash::FxHashSet::default();
    for task in tasks {
        check_id(draft, &task.id)?;
        if !seen.insert(&task.id) {
            let message = format!("there are two new tasks `{}`; choose another id for one", task.id);
            return Err(Refusal::new("duplicate_id", message));
        }
        made.push((task.id.clone(), Value::Object(with_needs(task)?)));
    }
    check_room(draft, tasks.len())?;
    let map = path(&[tasks.first().map_or("tasks", |task| section_name(task.section))]);
    let n_there = draft.root().find(&map).map_or(0, |piece| piece.entries().len());
    match draft.get(&map) {
        Some(_) => draft.insert(&map, n_there, &made),
        None => draft.set(&map, &Value::Object(made.into_iter().collect())),
    }
}

/// Whether so many more tasks may stand in the flow.
fn check_room(draft: &Draft, n_new: usize) -> Result<(), Refusal> {
    if task_ids(draft.value()).count() + n_new > limits::TASKS_MAX {
        let message = format!(
            "a flow has at most {} tasks, more are not allowed; let one task work on a list of items instead",
            limits::TASKS_MAX
        );
        return Err(Refusal::new("too_many_tasks", message));
    }
    Ok(())
}

pub(super) fn add(draft: &mut Draft, task: &NewTask) -> Result<(), Refusal> {
    check_id(draft, &task.id)?;
    check_room(draft, 1)?;
    let section = section_name(task.section);
    for edge in &task.upstream {
        if section_of(draft, &edge.from)? != section {
            let message = format!(
                "`{}` does not stand in `{section}`, so `{}` cannot wait for it",
                edge.from, task.id
            );
            return Err(Refusal::new("other_section", message));
        }
    }
    let fields = with_needs(task)?;
    put(draft, section, task, fields)
}

/// Puts a task behind the last of its upstreams, and its box where it should stand.
fn put(draft: &mut Draft, section: &str, task: &NewTask, fields: Map<String, Value>) -> Result<(), Refusal> {
    let map = path(&[section]);
    let entries = draft.root().find(&map).map_or(&[][..], Piece::entries);
    let behind = entries
        .iter()
        .rposition(|entry| task.upstream.iter().any(|edge| edge.from == entry.key.text));
    let at = behind.map_or(entries.len(), |behind| behind + 1);
    let made = (task.id.clone(), Value::Object(fields));
    if draft.get(&map).is_some() {
        draft.insert(&map, at, &[made])?;
    } else {
        draft.set(&path(&[section, &task.id]), &made.1)?;
    }
    match task.at {
        Some(point) => places::move_to(draft, &[(task.id.clone(), Some(point))]),
        None => Ok(()),
    }
}

/// The fields of a new task with its edges in their place.
fn with_needs(task: &NewTask) -> Result<Map<String, Value>, Refusal> {
    if !task.fields.get("type").is_some_and(Value::is_string) {
        let message = format!("`{}` has no `type`; a task says what it does", task.id);
        return Err(Refusal::new("no_type", message));
    }
    let mut fields = task.fields.clone();
    if task.upstream.is_empty() {
        return Ok(fields);
    }
    fields.shift_remove("needs");
    let needs = Value::Array(task.upstream.iter().map(edges::need).collect());
    let at = fields
        .keys()
        .rposition(|key| matches!(key.as_str(), "name" | "type" | "description" | "labels"))
        .map_or(0, |at| at + 1);
    let mut rest = fields.split_off_at(at);
    fields.insert("needs".to_owned(), needs);
    fields.append(&mut rest);
    Ok(fields)
}

trait SplitOff {
    fn split_off_at(&mut self, at: usize) -> Self;
}

impl SplitOff for Map<String, Value> {
    fn split_off_at(&mut self, at: usize) -> Self {
        let mut entries = std::mem::take(self).into_iter();
        *self = entries.by_ref().take(at).collect();
        entries.collect()
    }
}

pub(super) fn insert_on(draft: &mut Draft, edge: &Edge, task: &NewTask) -> Result<(), Refusal> {
    let to = edge.to.as_str();
    let section = section_of(draft, to)?;
    let Some(&at) = edges::positions(draft, section, edge).first() else {
        return Err(edges::no_edge(edge));
    };
    let old = edges::needs(draft, section, to)[at].clone();
    check_id(draft, &task.id)?;
    // The new task takes the edge as it is; from it on goes the usual one.
    let task = NewTask {
        section: super::SECTIONS
            .iter()
            .find(|(name, _)| *name == section)
            .map_or(Section::Tasks, |(_, section)| *section),
        upstream: vec![Edge {
            from: edge.from.clone(),
            to: task.id.clone(),
            ..Edge::default()
        }],
        ..task.clone()
    };
    let mut fields = with_needs(&task)?;
    fields["needs"] = Value::Array(vec![old]);
    draft.set(
        &path(&[section, to, "needs", &at.to_string()]),
        &Value::from(task.id.as_str()),
    )?;
    put(draft, section, &task, fields)
}

pub(super) fn retype(
    draft: &mut Draft,
    task: &str,
    task_type: &str,
    known: &[String],
) -> Result<(), Refusal> {
    let section = section_of(draft, task)?;
    draft.set(&path(&[section, task, "type"]), &Value::from(task_type))?;
    let with = draft
        .get(&path(&[section, task, "with"]))
        .and_then(Value::as_object);
    let dropped: Vec<String> = with
        .into_iter()
        .flat_map(|with| with.keys().filter(|name| !known.contains(name)).cloned())
        .collect();
    for name in dropped {
        draft.prune(&path(&[section, task, "with", &name]), 3)?;
    }
    Ok(())
}
