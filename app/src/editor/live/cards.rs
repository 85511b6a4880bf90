//! The cards that are in the page: those that are seen, and the one that is looked at. An element changes only in what is another on it.

use editor::camera::Sight;
use editor::geometry::{Point, Port};
use editor::gesture::Overlay;
use editor::scene::{Card, Scene};
use editor::select::Selection;
use editor::space::Cells;
use leptos::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::work::is_pinned;
use crate::format::escape;
use crate::graph::state::CardState;
use crate::icons;

/// What is wrong with tasks: of each whether it is an error, and what it says.
pub(super) type Marks = FxHashMap<String, (bool, String)>;

/// So many cards are made for one frame.
const NEW_MAX: usize = 40;

/// A card that is in the page, and what it shows.
struct Shown {
    element: HtmlElement,
    /// Everything its inside is made from.
    inside: String,
    at: Point,
    marks: String,
    /// What it does.
    state: Option<&'static str>,
}

/// What is to be seen.
pub(super) struct Look<'l> {
    pub(super) scene: &'l Scene,
    pub(super) selection: &'l Selection,
    pub(super) overlay: &'l Overlay,
    pub(super) sight: &'l Sight,
    pub(super) problems: &'l Marks,
    /// What tasks do in a trial or a simulation.
    pub(super) states: &'l FxHashMap<String, CardState>,
    /// The document, which says whose output is pinned.
    pub(super) document: &'l Value,
}

/// The cards in the page.
pub(super) struct Cards {
    host: HtmlElement,
    world: HtmlElement,
    shown: FxHashMap<String, Shown>,
    /// The squares whose cards are in the page.
    cells: Option<Cells>,
    /// Cards may be other ones, or other things be marked on them.
    is_stale: bool,
}

impl Cards {
    pub(super) fn new(host: HtmlElement, world: HtmlElement) -> Self {
        Self {
            host,
            world,
            shown: FxHashMap::default(),
            cells: None,
            is_stale: true,
        }
    }

    /// They have to be looked at again, whatever is seen.
    pub(super) fn stale(&mut self) {
        self.is_stale = true;
    }

    /// Brings the cards in sight into the page, and takes others out of it; whether all of them are there. Many do not come at once: a
    /// frame has other things to do.
    pub(super) fn mount(&mut self, look: &Look<'_>) -> bool {
        let (scene, selection) = (look.scene, look.selection);
        let detail = look.sight.detail;
        let host = self.host.clone();
        if host.get_attribute("data-detail").as_deref() != Some(detail.key()) {
            let _ = host.set_attribute("data-detail", detail.key());
            self.is_stale = true;
        }
        let cells = Cells::of(look.sight.area);
        let marks_targets = look.overlay.targets.is_some();
        let is_same = self.cells.replace(cells) == Some(cells);
        if !std::mem::replace(&mut self.is_stale, marks_targets) && is_same && !marks_targets {
            return true;
        }
        let mut seen = look.sight.cards.clone();
        let primary = selection.primary().and_then(|id| scene.number(id));
        let is_drawn = |card: &usize| !scene.cards[*card].is_hidden && !seen.contains(card);
        let primary = primary.filter(|card| !scene.cards[*card].is_hidden);
        if let Some(primary) = primary.filter(is_drawn) {
            seen.insert(0, primary);
        }
        let ids: FxHashSet<&str> = seen.iter().map(|card| scene.cards[*card].id.as_str()).collect();
        self.shown.retain(|id, card| {
            let stays = ids.contains(id.as_str());
            if !stays {
                card.element.remove();
            }
            stays
        });
        let mut n_new = 0;
        for card in seen {
            let is_new = !self.shown.contains_key(&scene.cards[card].id);
            n_new += usize::from(is_new);
            if !is_new || n_new <= NEW_MAX {
                self.put(look, card);
            }
        }
        let is_whole = n_new <= NEW_MAX;
        self.is_stale |= !is_whole;
        match primary {
            Some(card) => {
                drop(host.set_attribute("aria-activedescendant", &element_id(&scene.cards[card].id)))
            }
            None => match (selection.group(), selection.note()) {
                (Some(group), _) => {
                    drop(host.set_attribute("aria-activedescendant", &format!("group-{group}")))
                }
                (_, Some(note)) => drop(host.set_attribute("aria-activedescendant", &format!("note-{note}"))),
                _ => drop(host.remove_attribute("aria-activedescendant")),
            },
        }
        is_whole
    }

    fn put(&mut self, look: &Look<'_>, number: usize) {
        let (scene, selection) = (look.scene, look.selection);
        let card = &scene.cards[number];
        let problem = look.problems.get(&card.id);
        let state = look.states.get(&card.id);
        let mut inside = inside(scene, card, problem);
        inside.push_str(&about(look.document, card));
        inside.push_str(&doing(state, is_pinned(look.document, &card.id)));
        let corner = card.rect.corner();
        let marks = marks(look, number);
        let key = state.map(|state| state.key);
        if let Some(there) = self.shown.get_mut(&card.id) {
            if there.inside != inside {
                there.element.set_inner_html(&inside);
                there.inside = inside;
                shape(&there.element, card);
                name(&there.element, card, problem, state);
            }
            if there.at != corner {
                place(&there.element, corner);
                there.at = corner;
            }
            if there.state != key {
                told(&there.element, state);
                there.state = key;
            }
            if there.marks != marks {
                there.element.set_class_name(&format!("ed-card{marks}"));
                let is_selected = if selection.has(&card.id) { "true" } else { "false" };
                let _ = there.element.set_attribute("aria-selected", is_selected);
                there.marks = marks;
            }
            return;
        }
        let element = document()
            .create_element("div")
            .ok()
            .and_then(|made| made.dyn_into::<HtmlElement>().ok());
        let Some(element) = element else { return };
        element.set_inner_html(&inside);
        element.set_class_name(&format!("ed-card{marks}"));
        element.set_id(&element_id(&card.id));
        let is_selected = if selection.has(&card.id) { "true" } else { "false" };
        for (name, value) in [
            ("role", "option"),
            ("data-n", &card.id),
            ("aria-selected", is_selected),
        ] {
            let _ = element.set_attribute(name, value);
        }
        shape(&element, card);
        name(&element, card, problem, state);
        told(&element, state);
        place(&element, corner);
        if self.world.append_child(&element).is_ok() {
            self.shown.insert(
                card.id.clone(),
                Shown {
                    element,
                    inside,
                    at: corner,
                    marks,
                    state: key,
                },
            );
        }
    }
}

/// The classes that say how a card is marked.
fn marks(look: &Look<'_>, number: usize) -> String {
    let (card, overlay) = (&look.scene.cards[number], look.overlay);
    let mut marks = String::new();
    if look.selection.has(&card.id) {
        marks.push_str(" selected");
    }
    if overlay.target == Some(number) {
        marks.push_str(if overlay.verdict == Some(true) {
            " wanted"
        } else {
            " refused"
        });
    } else if let Some(targets) = &overlay.targets {
        // In order, so that it is found by halving.
        marks.push_str(if targets.binary_search(&number).is_ok() {
            " legal"
        } else {
            " dim"
        });
    }
    marks
}

/// The id of a card's element.
pub(super) fn element_id(task: &str) -> String {
    format!("card-{task}")
}

fn shape(element: &HtmlElement, card: &Card) {
    let style = element.style();
    let _ = style.set_property("width", &format!("{}px", card.rect.w));
    let _ = style.set_property("height", &format!("{}px", card.rect.h));
    let _ = element.set_attribute("data-type", &card.task_type);
    let _ = element.toggle_attribute_with_force("data-each", card.is_each);
    let _ = element.toggle_attribute_with_force("data-off", card.is_off);
}

fn place(element: &HtmlElement, at: Point) {
    let _ = element
        .style()
        .set_property("transform", &format!("translate({}px,{}px)", at.x, at.y));
}

/// What a card is called by who does not see it: what it is, where it leads or how it does, and what is wrong with it.
fn name(element: &HtmlElement, card: &Card, problem: Option<&(bool, String)>, state: Option<&CardState>) {
    let mut name = format!("{}, {}", card.title, card.task_type);
    if card.is_off {
        name.push_str(", switched off");
    }
    match state {
        Some(state) => {
            name.push_str(", ");
            name.push_str(&state.title);
        }
        None => {
            let n = crate::format::count(card.out.len() as u64, "task", "tasks");
            name.push_str(", leads to ");
            name.push_str(&n);
        }
    }
    if let Some((is_error, message)) = problem {
        name.push_str(if *is_error { ", error: " } else { ", warning: " });
        name.push_str(message);
    }
    let _ = element.set_attribute("aria-label", &name);
}

/// What a task does stands on its card as long as there is a trial or a simulation.
fn told(element: &HtmlElement, state: Option<&CardState>) {
    let _ = match state {
        Some(state) => element.set_attribute("data-state", state.key),
        None => element.remove_attribute("data-state"),
    };
}

/// That something is written about a task, and what.
fn about(document: &Value, card: &Card) -> String {
    let task = document
        .get(card.section.key())
        .and_then(|tasks| tasks.get(&card.id));
    let text = task.and_then(|task| task.get("description")?.as_str());
    text.filter(|text| !text.trim().is_empty())
        .map_or_else(String::new, |text| {
            format!(
                "<i class=\"about\" title=\"{}\"><svg class=\"i\" aria-hidden=\"true\"><use href=\"#u-docs\"/></svg></i>",
                escape(text)
            )
        })
}

/// The state of a task in a trial or a simulation, and whether its output is pinned.
fn doing(state: Option<&CardState>, is_pinned: bool) -> String {
    let mut out = String::new();
    if is_pinned {
        out.push_str(
            "<i class=\"pinned\" title=\"Its output is pinned: trials take it, other runs do not\"><svg class=\"i\" aria-hidden=\"true\"><use href=\"#u-pin\"/></svg></i>",
        );
    }
    if let Some(state) = state {
        out.push_str(&format!(
            "<i class=\"doing\" title=\"{}\"><svg class=\"i\" aria-hidden=\"true\"><use href=\"#s-{}\"/></svg>{}</i>",
            escape(&state.title),
            state.key,
            escape(&state.text)
        ));
    }
    out
}

/// What stands in a card. Every text that a person wrote is escaped.
fn inside(scene: &Scene, card: &Card, problem: Option<&(bool, String)>) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let _ = write!(
        out,
        "<i class=\"mark\"></i><svg class=\"i i-20\" aria-hidden=\"true\"><use href=\"#{}\"/></svg><b>{}</b><span>{}</span><i class=\"in\"></i>",
        icons::of_task_type(&card.task_type),
        escape(&card.title),
        escape(&card.task_type)
    );
    if card.is_off {
        out.push_str(
            "<i class=\"off\" title=\"Switched off: it does nothing, and what comes after it runs\">off</i>",
        );
    }
    for (at, port) in card.ports.iter().enumerate() {
        let y = card.port(at).y - card.rect.y;
        let is_used = card.out.iter().any(|track| scene.tracks[*track].port == at);
        let used = if is_used { " used" } else { "" };
        let title = port.label().unwrap_or_else(|| "on success".to_owned());
        let _ = write!(
            out,
            "<i class=\"port{used}\" data-kind=\"{}\" title=\"{}\" style=\"top:{y}px\"></i>",
            port.key(),
            escape(&title)
        );
        if let (Port::Case(case), false) = (port, is_used) {
            let _ = write!(out, "<em style=\"top:{y}px\">{}</em>", escape(case));
        }
    }
    if let Some((is_error, message)) = problem {
        let state = if *is_error { "failed" } else { "attention" };
        let _ = write!(
            out,
            "<i class=\"issue\" data-state=\"{state}\" title=\"{}\"><svg class=\"i\" aria-hidden=\"true\"><use href=\"#s-{state}\"/></svg></i>",
            escape(message)
        );
    }
    out
}
