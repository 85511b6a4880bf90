//! Tasks that go, with or without closing the gap.

use rustc_hash::FxHashSet;
use serde_json::{Map, Value};

use super::refs::{Expression, Reader, memberships, need};
use super::{SECTIONS, edges, expressions, path, section_of, task_ids};
use crate::refusal::Refusal;
use crate::text::draft::Draft;

pub(super) fn remove(
    draft: &mut Draft,
    tasks: &[String],
    heal: bool,
    reader: Option<Reader>,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    for task in tasks {
        section_of(draft, task)?;
    }
    if heal || tasks.len() == 1 {
        for task in tasks {
            if let Ok(section) = section_of(draft, task) {
                remove_one(draft, section, task, heal)?;
            }
        }
    } else {
        remove_many(draft, tasks)?;
    }
    let named = |expression: &Expression| expression.may_name(tasks.iter().map(String::as_str));
    for expression in expressions(draft.value()).into_iter().filter(named) {
        for used in expression
            .uses(need(reader)?)
            .into_iter()
            .flatten()
            .filter(|used| tasks.contains(&used.task))
        {
            let note = format!("`{}` still names `{}`.", expression.path.join("."), used.task);
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    Ok(())
}

/// Many tasks at once: the text is read as often for all of them as for one.
fn remove_many(draft: &mut Draft, tasks: &[String]) -> Result<(), Refusal> {
    let gone: FxHashSet<&str> = tasks.iter().map(String::as_str).collect();
    let mut paths: Vec<Vec<String>> = Vec::new();
    let mut is_bare = false;
    for (section, _) in SECTIONS {
        let Some(all) = draft.get(&path(&[section])).and_then(Value::as_object) else {
            continue;
        };
        if !all.is_empty() && all.keys().all(|id| gone.contains(id.as_str())) {
            // A flow keeps its `tasks`, be they none.
            is_bare |= section == "tasks";
            if section != "tasks" {
                paths.push(path(&[section]));
            }
            continue;
        }
        for (id, task) in all {
            if gone.contains(id.as_str()) {
                paths.push(path(&[section, id]));
                continue;
            }
            let needs = task.get("needs").and_then(Value::as_array);
            let is_gone = |need: &Value| edges::upstream(need).is_some_and(|up| gone.contains(up));
            paths.extend(items_gone(&[section, id, "needs"], needs, is_gone));
        }
    }
    for (name, fields) in [("layout", false), ("groups", true)] {
        let Some(all) = draft.get(&path(&[name])).and_then(Value::as_object) else {
            continue;
        };
        let is_gone = |member: &Value| member.as_str().is_some_and(|id| gone.contains(id));
        let members = |group: &Value| group.get("tasks").and_then(Value::as_array).cloned();
        let goes = |id: &String, value: &Value| {
            if fields {
                members(value).is_some_and(|all| !all.is_empty() && all.iter().all(is_gone))
            } else {
                gone.contains(id.as_str())
            }
        };
        let n_gone = all.iter().filter(|(id, value)| goes(id, value)).count();
        if n_gone > 0 && n_gone == all.len() {
            paths.push(path(&[name]));
            continue;
        }
        for (id, value) in all {
            if goes(id, value) {
                paths.push(path(&[name, id]));
            } else if fields {
                paths.extend(items_gone(&[name, id, "tasks"], members(value).as_ref(), is_gone));
            }
        }
    }
    draft.remove_all(&paths)?;
    if is_bare {
        draft.set(&path(&["tasks"]), &Value::Object(Map::new()))?;
    }
    Ok(())
}

/// The paths of the items of a list that go, or of the list if all of them do.
fn items_gone(
    list: &[&str],
    items: Option<&Vec<Value>>,
    is_gone: impl Fn(&Value) -> bool,
) -> Vec<Vec<String>> {
    let items = items.map_or(&[][..], Vec::as_slice);
    let gone: Vec<usize> = (0..items.len()).filter(|at| is_gone(&items[*at])).collect();
    if !gone.is_empty() && gone.len() == items.len() {
        return vec![path(list)];
    }
    let item = |at: &usize| {
        let mut item = path(list);
        item.push(at.to_string());
        item
    };
    gone.iter().map(item).collect()
}

fn remove_one(draft: &mut Draft, section: &str, task: &str, heal: bool) -> Result<(), Refusal> {
    let ups = edges::needs(draft, section, task).to_vec();
    let downs: Vec<String> = task_ids(draft.value())
        .filter(|(other, id)| *other == section && *id != task)
        .map(|(_, id)| id.clone())
        .collect();
    for down in downs {
        // From the last on, so that the numbers of the others stay right.
        for at in (0..edges::needs(draft, section, &down).len()).rev() {
            let needs = edges::needs(draft, section, &down);
            let need = &needs[at];
            if edges::upstream(need) != Some(task) {
                continue;
            }
            let joined: Vec<Value> = if heal && is_usual(need) {
                ups.iter().filter(|up| !is_there(needs, up)).cloned().collect()
            } else {
                Vec::new()
            };
            let entry = path(&[section, &down, "needs", &at.to_string()]);
            match joined.split_first() {
                None => draft.prune(&entry, 3)?,
                Some((first, rest)) => {
                    draft.set(&entry, first)?;
                    for (behind, up) in rest.iter().enumerate() {
                        edges::add(draft, section, &down, Some(at + 1 + behind), up)?;
                    }
                }
            }
        }
    }
    let keep = if section == "tasks" { 2 } else { 1 };
    draft.prune(&path(&[section, task]), keep)?;
    draft.prune(&path(&["layout", task]), 1)?;
    draft.prune(&path(&["pins", task]), 1)?;
    leave_groups(draft, task)
}

/// An edge that is taken because the work was done: it goes on from what was before.
fn is_usual(need: &Value) -> bool {
    let is_success = |word: &Value| matches!(word.as_str(), Some("succeeded" | "always"));
    match need.get("on") {
        None => true,
        Some(Value::Array(words)) => words.iter().any(is_success),
        Some(word) => is_success(word),
    }
}

fn is_there(needs: &[Value], up: &Value) -> bool {
    needs.iter().any(|need| {
        edges::upstream(need) == edges::upstream(up)
            && need.get("on") == up.get("on")
            && need.get("when") == up.get("when")
    })
}

fn leave_groups(draft: &mut Draft, task: &str) -> Result<(), Refusal> {
    // From the last on, so that the numbers of the others stay right.
    for member in memberships(draft.value(), task).into_iter().rev() {
        if member.n_tasks == 1 {
            draft.prune(&member.path[..2], 1)?;
        } else {
            draft.remove(&member.path)?;
        }
    }
    Ok(())
}
