//! Another id for a task: edges, places, groups and expressions follow.

use super::refs::{Expression, Reader, memberships, need};
use super::{edges, expressions, insert, named, path, section_of, task_ids};
use crate::refusal::Refusal;
use crate::text::draft::{Draft, Splice};

pub(super) fn rename(
    draft: &mut Draft,
    task: &str,
    to: &str,
    reader: Option<Reader>,
    notes: &mut Vec<String>,
) -> Result<(), Refusal> {
    let section = section_of(draft, task)?;
    if task == to {
        return Ok(());
    }
    insert::check_id(draft, to)?;
    let mut splices = in_expressions(draft, (task, to), reader, notes)?;
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

/// The pieces of expressions that name a task which is called something else from now on.
fn in_expressions(
    draft: &Draft,
    (task, to): (&str, &str),
    reader: Option<Reader>,
    notes: &mut Vec<String>,
) -> Result<Vec<Splice>, Refusal> {
    let mut splices = Vec::new();
    let may_name = |expression: &Expression| expression.may_name([task].into_iter());
    for expression in expressions(draft.value()).into_iter().filter(may_name) {
        let Some(uses) = expression.uses(need(reader)?) else {
            if expression.text.contains(task) {
                notes.push(expression.left_alone());
            }
            continue;
        };
        let uses = uses.into_iter().filter(|used| used.task == task);
        let edits: Vec<_> = uses
            .map(|used| (used.step.clone(), named(&expression.text[used.step], to)))
            .collect();
        if !edits.is_empty() {
            splices.push((expression.path, edits));
        }
    }
    Ok(splices)
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
