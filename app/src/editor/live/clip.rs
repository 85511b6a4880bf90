//! Copies: through the system's clipboard, as text. Pastes come as the browser's own event, which needs nobody's leave; asked for by
//! name instead of by key, the browser asks the person first.

use editor::Refusal;
use editor::change::Change;
use editor::clipboard::{self, Paste, Pasted};
use editor::geometry::{CARD_HEIGHT, CARD_WIDTH, pt, snapped};
use editor::select::Selection;
use js_sys::Reflect;
use wasm_bindgen::JsCast;

use super::desk::Desk;
use super::later::paster;
use crate::format::count;
use crate::parts::clipboard as system;

impl Desk {
    /// The tasks that a command is about: the selected ones, or those of the selected group.
    pub(super) fn meant(self) -> Vec<String> {
        self.with(|session| match session.selection.group() {
            Some(group) => session
                .scene
                .group(group)
                .map_or_else(Vec::new, |group| group.group.tasks.clone()),
            None => session.selection.ids(),
        })
    }

    pub(super) fn copy(self, is_cut: bool) {
        let tasks = self.meant();
        if tasks.is_empty() {
            return self.tell("Nothing to copy: choose tasks first.".to_owned());
        }
        let text = self.with(|session| clipboard::copy(session.value(), &tasks, &session.catalog()));
        let what = named(&tasks);
        leptos::task::spawn_local(async move {
            if !system::put(&text).await {
                return self.refuse("The browser did not let the page write to the clipboard.".to_owned());
            }
            if is_cut {
                let change = Change::Remove { tasks, heal: false };
                self.change_as(&format!("Cut {what}"), &change, None);
            } else {
                self.tell(format!("Copied {what}."));
            }
        });
    }

    /// Pastes what the clipboard holds, once the browser lets the page read it.
    pub(super) fn paste_asked(self, links: bool) {
        leptos::task::spawn_local(async move {
            match system::read().await {
                Some(text) => self.paste(&text, links),
                None => self.refuse(
                    "The browser does not let the page read the clipboard; press Ctrl+V instead.".to_owned(),
                ),
            }
        });
    }

    /// Pastes a text at the pointer, or in the middle of what is seen.
    pub(super) fn paste(self, text: &str, links: bool) {
        if text.trim().is_empty() {
            return self.refuse("The clipboard holds no text.".to_owned());
        }
        let mut at = None;
        self.stage(|stage| {
            let (w, h) = stage.size();
            let place = stage.last_seen().unwrap_or_else(|| pt(w / 2.0, h / 2.0));
            let place = stage.camera().canvas(place);
            at = Some(snapped(pt(
                place.x - CARD_WIDTH / 2.0,
                place.y - CARD_HEIGHT / 2.0,
            )));
        });
        let (text, how) = (text.to_owned(), Paste { at, links });
        leptos::task::spawn_local(async move {
            match paster().await {
                Ok(paste) => self.pasted(self.with(|session| paste(session, &text, how))),
                Err(_) => self.refuse(
                    "Not pasted: what reads pasted text could not be fetched from the server. Try again."
                        .to_owned(),
                ),
            }
        });
    }

    fn pasted(self, pasted: Result<Pasted, Refusal>) {
        match pasted {
            Ok(pasted) => {
                let label = format!("Paste {}", named(&pasted.tasks));
                let chosen = Selection::of(pasted.tasks.iter().cloned());
                self.change_as(&label, &self.pinned(pasted.change), Some(chosen));
                if !pasted.notes.is_empty() {
                    self.note(&pasted.notes);
                }
                self.show_primary();
            }
            Err(refusal) => self.refuse(format!("Not pasted: {refusal}.")),
        }
    }

    pub(super) fn duplicate(self) {
        let tasks = self.meant();
        self.with_engine("Not duplicated", move |engine| {
            let copies =
                self.with(|session| (engine.duplicate)(&placed(session), &tasks, &session.catalog()));
            match copies {
                Ok(copies) => {
                    let chosen = Selection::of(copies.tasks.iter().cloned());
                    let label = format!("Duplicate {}", named(&tasks));
                    self.change_as(&label, &self.pinned(copies.change), Some(chosen));
                    self.show_primary();
                }
                Err(refusal) => self.refuse(refusal.to_string()),
            }
        });
    }

    /// With the places of all cards that have none: else they would be laid out around what has one.
    fn pinned(self, change: Change) -> Change {
        let places = self.with(|session| editor::arrange::kept(&session.scene, &[]));
        if places.is_empty() {
            return change;
        }
        match change {
            Change::All(mut all) => {
                all.push(Change::Move(places));
                Change::All(all)
            }
            change => Change::All(vec![change, Change::Move(places)]),
        }
    }
}

/// The document with the places of all cards as they are seen, so that a copy stands beside what it is one of.
fn placed(session: &editor::Session) -> serde_json::Value {
    let mut document = session.value().clone();
    for card in session.scene.cards.iter().filter(|card| !card.is_placed) {
        document["layout"][&card.id] = serde_json::json!([card.rect.x, card.rect.y]);
    }
    document
}

fn named(tasks: &[String]) -> String {
    match tasks {
        [one] => one.clone(),
        many => count(many.len() as u64, "task", "tasks"),
    }
}

/// What a paste event brings.
pub(super) fn brought(event: &web_sys::Event) -> Option<String> {
    let data = Reflect::get(event, &"clipboardData".into()).ok()?;
    let data: web_sys::DataTransfer = data.dyn_into().ok()?;
    data.get_data("text/plain").ok()
}
