//! Notes and groups on the stage: few, so they are written anew as a whole whenever one of them is another.

use std::fmt::Write as _;

use editor::boxes::{GroupBox, TITLE};
use editor::geometry::Rect;
use editor::scene::Scene;
use editor::select::Selection;

use super::cards::Marks;
use crate::format::{count, escape};

/// All of them as elements.
pub(super) fn html(scene: &Scene, selection: &Selection, problems: &Marks) -> String {
    let mut out = String::new();
    for group in scene.groups.iter().filter(|group| !group.members.is_empty()) {
        let is_chosen = selection.group() == Some(&group.group.id);
        if group.group.is_collapsed {
            whole(&mut out, scene, group, selection, problems);
        } else {
            let _ = write!(
                out,
                "<div class=\"ed-group-box{}\" data-colour=\"{}\" style=\"{}\"><b role=\"option\" id=\"group-{}\" aria-selected=\"{is_chosen}\" style=\"height:{TITLE}px\">{}</b></div>",
                chosen(is_chosen),
                colour(group.group.colour.as_deref()),
                place(group.rect),
                escape(&group.group.id),
                escape(&group.group.title),
            );
        }
    }
    for note in &scene.notes {
        let is_chosen = selection.note() == Some(&note.note.id);
        let text = if note.note.text.trim().is_empty() {
            "Empty note"
        } else {
            &note.note.text
        };
        let _ = write!(
            out,
            "<div id=\"note-{}\" class=\"ed-note{}\" role=\"option\" aria-selected=\"{is_chosen}\" aria-label=\"Note: {}\" data-colour=\"{}\" style=\"{}\">{}</div>",
            escape(&note.note.id),
            chosen(is_chosen),
            escape(text),
            colour(note.note.colour.as_deref()),
            place(note.rect),
            escape(text),
        );
    }
    out
}

/// A group drawn as one box, with what is in it.
fn whole(out: &mut String, scene: &Scene, group: &GroupBox, selection: &Selection, problems: &Marks) {
    let holds = |id: &str| selection.has(id);
    let members = group.members.iter().map(|card| &scene.cards[*card]);
    let n_wrong = members
        .clone()
        .filter(|card| problems.contains_key(&card.id))
        .count();
    let is_chosen = selection.group() == Some(&group.group.id);
    let is_held = is_chosen || members.clone().any(|card| holds(&card.id));
    let tasks = count(group.members.len() as u64, "task", "tasks");
    let wrong = match n_wrong {
        0 => String::new(),
        n => format!(" · {}", count(n as u64, "with a problem", "with problems")),
    };
    let _ = write!(
        out,
        "<div id=\"group-{}\" class=\"ed-group-box whole{}\" role=\"option\" aria-selected=\"{is_chosen}\" aria-label=\"Group {}, {tasks}{wrong}\" data-colour=\"{}\" style=\"{}\"><b>{}</b><span>{tasks}{wrong}</span></div>",
        escape(&group.group.id),
        chosen(is_held),
        escape(&group.group.title),
        colour(group.group.colour.as_deref()),
        place(group.rect),
        escape(&group.group.title),
    );
}

const fn chosen(is_chosen: bool) -> &'static str {
    if is_chosen { " selected" } else { "" }
}

/// Only names of the palette reach the page.
fn colour(name: Option<&str>) -> &'static str {
    let known = editor::drawn::Drawn::COLOURS.into_iter();
    known
        .into_iter()
        .find(|known| Some(*known) == name)
        .unwrap_or("grey")
}

fn place(rect: Rect) -> String {
    format!(
        "transform:translate({}px,{}px);width:{}px;height:{}px",
        rect.x, rect.y, rect.w, rect.h
    )
}
