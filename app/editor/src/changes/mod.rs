//! What each change does to the document, in edits of its values.

mod edges;
mod insert;
mod places;
mod refs;
mod remove;
mod rename;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::change::Change;
use crate::model::{Edge, Section};
use crate::refusal::Refusal;
use crate::text::draft::Draft;

pub(crate) use edges::upstream;
pub(crate) use places::number;
pub(crate) use refs::{Expression, expressions, named};
pub use refs::{Reader, UNREAD};

/// The sections of a document in which tasks stand.
pub(crate) const SECTIONS: [(&str, Section); 3] = [
    (Section::Tasks.key(), Section::Tasks),
    (Section::Finally.key(), Section::Finally),
    (Section::OnFailure.key(), Section::OnFailure),
];

/// Makes a change. Notes tell what it could not take along.
pub(crate) fn make(
    draft: &mut Draft,
    change: &Change,
    reader: Option<Reader>,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    match change {
        Change::Add(task) => insert::add(draft, task),
        Change::Remove { tasks, heal } => remove::remove(draft, tasks, *heal, reader, notes),
        Change::Rename { task, to } => rename::rename(draft, task, to, reader, notes),
        Change::Retype {
            task,
            task_type,
            known,
        } => insert::retype(draft, task, task_type, known),
        Change::Connect(edge) => edges::connect(draft, edge, true),
        Change::Disconnect(edge) => edges::disconnect(draft, edge),
        Change::Reconnect { old, new } => edges::reconnect(draft, old, new),
        Change::InsertOn { edge, task } => insert::insert_on(draft, edge, task),
        Change::Set { path, value } => set(draft, path, value.as_ref()),
        Change::Swap { path, at } => draft.swap(path, *at),
        Change::Move(moves) => places::move_to(draft, moves),
        Change::Type(patches) => draft.type_in(patches),
        Change::All(changes) => make_all(draft, changes, reader, notes),
    }
}

/// Several changes. New tasks that follow each other go in at once: the text is read once for all of them.
fn make_all(
    draft: &mut Draft,
    changes: &[Change],
    reader: Option<Reader>,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    let new = |change: &Change| match change {
        Change::Add(task) if task.upstream.is_empty() && task.at.is_none() => Some(task.section),
        _ => None,
    };
    let mut at = 0;
    while let Some(change) = changes.get(at) {
        let section = new(change);
        let n_same = changes[at..]
            .iter()
            .take_while(|change| section.is_some() && new(change) == section)
            .count();
        if n_same > 1 {
            let tasks = changes[at..at + n_same].iter().filter_map(|change| match change {
                Change::Add(task) => Some(task),
                _ => None,
            });
            insert::add_all(draft, &tasks.collect::<Vec<_>>())?;
        } else {
            make(draft, change, reader, notes)?;
        }
        at += n_same.max(1);
    }
    Ok(())
}

/// Mappings and lists that nobody misses when they are empty.
const PRUNED: [&str; 16] = [
    "with",
    "needs",
    "labels",
    "layout",
    "notes",
    "groups",
    "pins",
    "inputs",
    "outputs",
    "finally",
    "on_failure",
    "schedules",
    "webhooks",
    "after",
    "notify",
    "undo",
];

fn set(draft: &mut Draft, path: &[String], value: Option<&Value>) -> Result<(), Refusal> {
    if path.is_empty() {
        return Err(Refusal::new(
            "no_path",
            "a change names the field it is about; this one names none",
        ));
    }
    match value {
        Some(value) => draft.set(path, value),
        None => {
            let parent = path.len().checked_sub(2).and_then(|at| path.get(at));
            let is_pruned = parent.is_some_and(|parent| PRUNED.contains(&parent.as_str()));
            let keep = if is_pruned { path.len() - 1 } else { path.len() };
            draft.prune(path, keep)
        }
    }
}

/// The section a task stands in.
///
/// # Errors
/// There is no such task.
pub(crate) fn section_of(draft: &Draft, task: &str) -> Result<&'static str, Refusal> {
    section_in(draft.value(), task).ok_or_else(|| {
        let message = format!("there is no task `{task}`; it may have been renamed or removed meanwhile");
        Refusal::new("unknown_task", message)
    })
}

/// The section a task of a document stands in.
pub(crate) fn section_in(document: &Value, task: &str) -> Option<&'static str> {
    SECTIONS
        .iter()
        .map(|(name, _)| *name)
        .find(|name| document.get(name).and_then(|tasks| tasks.get(task)).is_some())
}

/// The ids of all tasks, in the order of the document.
pub(crate) fn task_ids(document: &Value) -> impl Iterator<Item = (&'static str, &String)> {
    SECTIONS.iter().flat_map(move |(name, _)| {
        let tasks = document.get(name).and_then(Value::as_object);
        tasks
            .into_iter()
            .flat_map(move |tasks| tasks.keys().map(move |id| (*name, id)))
    })
}

/// The path of a task or of a field of it.
pub(crate) fn path(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// What a change does, in words.
pub(crate) fn label(change: &Change) -> String {
    let arrow = |from: &str, to: &str| format!("{from} → {to}");
    let tasks = |ids: Vec<&String>| match ids.as_slice() {
        [one] => (*one).clone(),
        many => format!("{} tasks", many.len()),
    };
    match change {
        Change::Add(task) => format!("Add {}", task.id),
        Change::Remove { tasks: ids, heal } => {
            let closed = if *heal { " and close the gap" } else { "" };
            format!("Remove {}{closed}", tasks(ids.iter().collect()))
        }
        Change::Rename { task, to } => format!("Rename {}", arrow(task, to)),
        Change::Retype { task, task_type, .. } => format!("Make {task} a {task_type}"),
        Change::Connect(edge) => format!("Connect {}", arrow(&edge.from, &edge.to)),
        Change::Disconnect(edge) => format!("Disconnect {}", arrow(&edge.from, &edge.to)),
        Change::Reconnect { old, new } if (&old.from, &old.to) == (&new.from, &new.to) => {
            format!("Change edge {}", arrow(&new.from, &new.to))
        }
        Change::Reconnect { new, .. } => format!("Reconnect {}", arrow(&new.from, &new.to)),
        Change::InsertOn { edge, task } => format!("Insert {} on {}", task.id, arrow(&edge.from, &edge.to)),
        Change::Set { path, value } => {
            let is_drawn = path.len() == 3 && matches!(path[0].as_str(), "notes" | "groups");
            let verb = if value.is_some() || is_drawn {
                "Change"
            } else {
                "Remove"
            };
            match path.as_slice() {
                [section, task, field @ ..]
                    if SECTIONS.iter().any(|(name, _)| name == section) && !field.is_empty() =>
                {
                    format!("{verb} {} of {task}", field.join("."))
                }
                [drawn, id, ..] if matches!(drawn.as_str(), "notes" | "groups") => {
                    format!("{verb} {} {id}", drawn.trim_end_matches('s'))
                }
                path => format!("{verb} {}", path.join(".")),
            }
        }
        Change::Swap { path, .. } => match path.as_slice() {
            [_, task, field @ ..] if !field.is_empty() => {
                format!("Change the order of {} of {task}", field.join("."))
            }
            path => format!("Change the order of {}", path.join(".")),
        },
        Change::Move(moves) if moves.iter().all(|(_, at)| at.is_none()) => "Tidy".to_owned(),
        Change::Move(moves) => format!("Move {}", tasks(moves.iter().map(|(id, _)| id).collect())),
        Change::Type(_) => "Type".to_owned(),
        Change::All(changes) => {
            // Where boxes stand is told only if nothing else is done.
            let is_told = |change: &&Change| !matches!(change, Change::Move(_));
            let mut told = changes.iter().filter(is_told);
            match (told.next(), told.count(), changes.first()) {
                (Some(one), 0, _) => label(one),
                (Some(first), n_more, _) => format!("{} and {n_more} more", label(first)),
                (None, _, Some(first)) => label(first),
                (None, _, None) => "Nothing".to_owned(),
            }
        }
    }
}

/// What makes two changes that follow each other one step.
pub(crate) fn key(change: &Change) -> Option<String> {
    match change {
        Change::Type(_) => Some("type".to_owned()),
        Change::Set { path, value: Some(_) } => Some(format!("set {}", path.join("\u{1}"))),
        Change::Move(moves) if moves.iter().any(|(_, at)| at.is_some()) => {
            let ids: Vec<&str> = moves.iter().map(|(id, _)| id.as_str()).collect();
            Some(format!("move {}", ids.join("\u{1}")))
        }
        // Boxes that keep their places beside those that move make no other step of it.
        Change::All(changes) if changes.iter().all(|change| matches!(change, Change::Move(_))) => {
            changes.first().and_then(key)
        }
        _ => None,
    }
}

/// An edge as a person names it.
pub(crate) fn shown(edge: &Edge) -> String {
    format!("`{}` → `{}`", edge.from, edge.to)
}
