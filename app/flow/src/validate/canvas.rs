//! What is drawn: places of boxes, notes and groups. Slips here are warnings, for a run does not care.

use rustc_hash::FxHashMap;

use super::{Check, Named};
use crate::limits;
use crate::parse::join;

pub(super) fn check(check: &mut Check<'_>) {
    let doc = check.doc;
    for id in doc.layout.keys() {
        if let Some(guess) = unknown(check, id) {
            let message = format!("`layout` places `{}`, which is no task{guess}", id.escape_debug());
            check.warning("unknown_task", join("layout", id), message);
        }
    }
    for id in doc.pins.keys() {
        if let Some(guess) = unknown(check, id) {
            let message = format!(
                "`pins` has an output of `{}`, which is no task{guess}",
                id.escape_debug()
            );
            check.warning("unknown_task", join("pins", id), message);
        }
    }
    notes(check);
    groups(check);
}

fn notes(check: &mut Check<'_>) {
    let doc = check.doc;
    let of = Named {
        field: "notes",
        max: limits::NOTES_MAX,
        many: "notes",
        code: "too_many_notes",
        be: "be the id of a note",
    };
    check.names(&of, doc.notes.keys());
    for (id, note) in &doc.notes {
        let n_chars = note.text.chars().count();
        if n_chars > limits::NOTE_CHARS_MAX {
            let message = format!(
                "the note has {n_chars} characters, at most {} are allowed; put longer texts where they are read",
                limits::NOTE_CHARS_MAX
            );
            check.error("note_too_long", format!("{}.text", join("notes", id)), message);
        }
        if note
            .size
            .is_some_and(|(width, height)| width <= 0.0 || height <= 0.0)
        {
            let message =
                "a note is larger than nothing: write its size as [width, height], such as [240, 120]";
            check.error("bad_size", format!("{}.size", join("notes", id)), message);
        }
    }
}

fn groups(check: &mut Check<'_>) {
    let doc = check.doc;
    let of = Named {
        field: "groups",
        max: limits::GROUPS_MAX,
        many: "groups",
        code: "too_many_groups",
        be: "be the id of a group",
    };
    check.names(&of, doc.groups.keys());
    let mut owners: FxHashMap<&str, &str> = FxHashMap::default();
    for (id, group) in &doc.groups {
        for (at, task) in group.tasks.iter().enumerate() {
            let field = format!("{}.tasks[{at}]", join("groups", id));
            if let Some(guess) = unknown(check, task) {
                let message = format!(
                    "the group `{id}` holds `{}`, which is no task{guess}",
                    task.escape_debug()
                );
                check.warning("unknown_task", field, message);
            } else if let Some(owner) = owners.insert(task, id) {
                let message =
                    format!("`{task}` stands in the group `{owner}` already; a task is drawn in one group");
                check.warning("grouped_twice", field, message);
            }
        }
    }
}

/// A hint at what may have been meant, if there is no task of this id.
fn unknown(check: &Check<'_>, id: &str) -> Option<String> {
    let doc = check.doc;
    let is_known = [&doc.tasks, &doc.finally, &doc.on_failure]
        .iter()
        .any(|group| group.contains_key(id));
    let guess = || {
        check
            .suggester
            .did_you_mean(id, doc.tasks.keys().map(String::as_str))
    };
    (!is_known).then(guess)
}
