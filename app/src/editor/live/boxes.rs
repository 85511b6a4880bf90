//! Notes and groups on the stage: few, so they are written anew as a whole whenever one of them is another.

use std::fmt::Write as _;

use editor::boxes::{GroupBox, TITLE};
use editor::geometry::Rect;
use editor::gesture::Overlay;
use editor::scene::Scene;
use editor::select::Selection;
use editor::standing;
use rustc_hash::FxHashMap;

use super::cards::Marks;
use super::later::Marking;
use crate::format::{count, escape};
use crate::graph::state::CardState;

/// So many states of a group are shown; all of them are told.
const SHARES_MAX: usize = 4;

/// The texts of notes as they are drawn: they are made once, not with every frame.
#[derive(Default)]
pub(super) struct Texts {
    /// What makes them, once its code is there. Until then they are shown as they were written.
    pub(super) marking: Option<Marking>,
    /// What was written in each note, and what was made of it.
    made: Vec<(String, String)>,
}

impl Texts {
    /// The text of the note of this number.
    fn put(&mut self, out: &mut String, ix: usize, text: &str) {
        let (class, made) = match self.marking {
            _ if text.trim().is_empty() => ("says", "Empty note"),
            None => ("says plain", &*escape(text)),
            Some(marking) => {
                if self.made.len() <= ix {
                    self.made.resize_with(ix + 1, Default::default);
                }
                let (written, made) = &mut self.made[ix];
                if written != text {
                    (*written, *made) = (text.to_owned(), (marking.html)(text));
                }
                ("says", made.as_str())
            }
        };
        // Who cannot see it is told by the option; links are found in the inspector, for in an option there are none.
        let _ = write!(out, "<div class=\"{class}\" aria-hidden=\"true\">{made}</div>");
    }
}

/// What is known of tasks beside the document.
pub(super) struct Told<'t> {
    /// What is wrong with them.
    pub(super) problems: &'t Marks,
    /// What they do in a trial or a simulation.
    pub(super) states: &'t FxHashMap<String, CardState>,
}

/// All of them as elements.
pub(super) fn html(
    scene: &Scene,
    selection: &Selection,
    overlay: &Overlay,
    told: &Told<'_>,
    texts: &mut Texts,
) -> String {
    let mut out = String::new();
    for (ix, group) in scene.groups.iter().enumerate() {
        if group.members.is_empty() {
            continue;
        }
        let is_chosen = selection.group() == Some(&group.group.id);
        if group.group.is_collapsed {
            whole(&mut out, scene, group, selection, led(overlay, ix, group), told);
        } else {
            let _ = write!(
                out,
                "<div class=\"ed-group-box{}{}\" data-colour=\"{}\" style=\"{}\"><b role=\"option\" id=\"group-{}\" aria-selected=\"{is_chosen}\" style=\"height:{TITLE}px\">{}</b></div>",
                chosen(is_chosen),
                if overlay.group == Some(ix) { " wanted" } else { "" },
                colour(group.group.colour.as_deref()),
                place(group.rect),
                escape(&group.group.id),
                escape(&group.group.title),
            );
        }
    }
    for (ix, note) in scene.notes.iter().enumerate() {
        let is_chosen = selection.note() == Some(&note.note.id);
        let text = match note.note.text.trim() {
            "" => "Empty note",
            _ => &note.note.text,
        };
        let _ = write!(
            out,
            "<div class=\"ed-note{}\" data-colour=\"{}\" style=\"{}\"><div id=\"note-{}\" role=\"option\" aria-selected=\"{is_chosen}\" aria-label=\"Note: {}\"></div>",
            chosen(is_chosen),
            colour(note.note.colour.as_deref()),
            place(note.rect),
            escape(&note.note.id),
            escape(text),
        );
        texts.put(&mut out, ix, &note.note.text);
        out.push_str("</div>");
    }
    out
}

/// How a box is marked while an edge is drawn, as cards are.
fn led(overlay: &Overlay, ix: usize, group: &GroupBox) -> &'static str {
    let Some(targets) = &overlay.targets else {
        return if overlay.group == Some(ix) { " wanted" } else { "" };
    };
    let is_legal = |card: &usize| targets.binary_search(card).is_ok();
    match (overlay.group == Some(ix), overlay.verdict) {
        (true, Some(true)) => " wanted",
        (true, _) => " refused",
        _ if group.members.iter().any(is_legal) => " legal",
        _ => " dim",
    }
}

/// A group drawn as one box, with what is in it.
fn whole(
    out: &mut String,
    scene: &Scene,
    group: &GroupBox,
    selection: &Selection,
    led: &str,
    told: &Told<'_>,
) {
    let holds = |id: &str| selection.has(id);
    let members = group.members.iter().map(|card| &scene.cards[*card]);
    let n_wrong = members
        .clone()
        .filter(|card| told.problems.contains_key(&card.id))
        .count();
    let is_chosen = selection.group() == Some(&group.group.id);
    let is_held = is_chosen || members.clone().any(|card| holds(&card.id));
    let tasks = count(group.members.len() as u64, "task", "tasks");
    let wrong = match n_wrong {
        0 => String::new(),
        n => format!(" · {}", count(n as u64, "with a problem", "with problems")),
    };
    let states = members.clone().filter_map(|card| told.states.get(&card.id));
    let shares = standing::shares(states.map(|state| state.key));
    let (mut stands, mut doing) = (String::new(), String::new());
    if let Some(first) = shares.first() {
        stands = format!(", {}", standing::words(&shares));
        let _ = write!(
            doing,
            "<i class=\"stands\" data-state=\"{}\" title=\"{}\">",
            first.key,
            &stands[2..]
        );
        for share in shares.iter().take(SHARES_MAX) {
            let _ = write!(
                doing,
                "<i data-state=\"{0}\"><svg class=\"i\" aria-hidden=\"true\"><use href=\"#s-{0}\"/></svg>{1}</i>",
                share.key, share.n
            );
        }
        doing.push_str("</i>");
    }
    let _ = write!(
        out,
        "<div id=\"group-{}\" class=\"ed-group-box whole{}{led}\" role=\"option\" aria-selected=\"{is_chosen}\" aria-label=\"Group {}, {tasks}{wrong}{stands}\" data-colour=\"{}\" data-wrong=\"{}\" style=\"{}\"><b>{}</b><span>{tasks}{wrong}</span>{doing}</div>",
        escape(&group.group.id),
        chosen(is_held),
        escape(&group.group.title),
        colour(group.group.colour.as_deref()),
        n_wrong > 0,
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
