//! Another id for a task: edges, places, groups and expressions follow.

use super::refs::memberships;
use super::{edges, expressions, insert, named, path, section_of, task_ids};
use crate::refusal::Refusal;
use crate::text::draft::{Draft, Splice};

pub(super) fn rename(
    draft: &mut Draft,
    task: &str,
    to: &str,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    let section = section_of(draft, task)?;
    if task == to {
        return Ok(());
    }
    insert::check_id(draft, to)?;
    let mut splices = in_expressions(draft, &|name| (name == task).then(|| to.to_owned()), notes);
    splices.extend(in_lists(draft, task, to));
    if !splices.is_empty() {
        draft.splice(&splices)?;
    }
    draft.rename_key(&path(&[section, task]), to)?;
    for field in ["layout", "pins"] {
        let place = path(&[field, task]);
        if draft.get(&place).is_some() && draft.get(&path(&[field, to])).is_none() {
            draft.rename_key(&place, to)?;
        }
    }
    Ok(())
}

/// The pieces of expressions that name tasks which are called something else from now on.
pub(super) fn in_expressions(
    draft: &Draft,
    renamed: &dyn Fn(&str) -> Option<String>,
    notes: &mut Vec<String>,
) -> Vec<Splice> {
    let mut splices = Vec::new();
    for expression in expressions(draft.value()) {
        let Some(uses) = expression.uses() else {
            let is_named = task_ids(draft.value())
                .any(|(_, id)| renamed(id).is_some() && expression.text.contains(id.as_str()));
            if is_named {
                notes.push(expression.left_alone());
            }
            continue;
        };
        let edits: Vec<_> = uses
            .iter()
            .filter_map(|used| {
                let step = &expression.text[used.step.clone()];
                Some((used.step.clone(), named(step, &renamed(&used.task)?)))
            })
            .collect();
        if !edits.is_empty() {
            splices.push((expression.path, edits));
        }
    }
    splices
}

/// The entries of `needs` and of groups that name a task.
fn in_lists(draft: &Draft, task: &str, to: &str) -> Vec<Splice> {
    let mut splices = Vec::new();
    let whole = || vec![(0..task.len(), to.to_owned())];
    for (section, id) in task_ids(draft.value()) {
        for (at, need) in edges::needs(draft, section, id).iter().enumerate() {
            if edges::upstream(need) == Some(task) {
                let mut entry = path(&[section, id, "needs", &at.to_string()]);
                if need.is_object() {
                    entry.push("task".to_owned());
                }
                splices.push((entry, whole()));
            }
        }
    }
    let entries = memberships(draft.value(), task).into_iter();
    splices.extend(entries.map(|member| (member.path, whole())));
    splices
}
