//! Keys and pastes anywhere on the page: which are the editor's, and which belong to what has the focus.

use editor::actions::Command;
use editor::focus::Way;
use editor::keys::{Chord, Pressed};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::desk::{Desk, now};
use super::{chooser, clip};

/// Where one types.
const FIELDS: &str = "input:not([type=checkbox]), textarea, select, [contenteditable]";

/// A key was pressed somewhere on the page.
pub(super) fn pressed(desk: Desk, event: &web_sys::KeyboardEvent) {
    if event.is_composing() || event.default_prevented() {
        return;
    }
    let key = event.key();
    let chord = Chord::of(
        &key,
        event.ctrl_key() || event.meta_key(),
        event.alt_key(),
        event.shift_key(),
    );
    let target: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
    let is = |selector: &str| {
        target
            .as_ref()
            .is_some_and(|target| target.closest(selector).ok().flatten().is_some())
    };
    // A dialog has its own keys.
    if is("dialog") {
        // That of the browser would save the page.
        if chord.ctrl && key.eq_ignore_ascii_case("s") {
            event.prevent_default();
        }
        return;
    }
    // A list was asked for and is not there yet: what is typed is meant for it.
    let is_coming = desk.asked.with_untracked(Option::is_some)
        && document().query_selector(".ed-choose").ok().flatten().is_none();
    if is_coming && key != "Escape" {
        event.prevent_default();
        if key.chars().count() == 1 && !chord.ctrl && !chord.alt {
            desk.kept.update_value(|kept| kept.ahead.push_str(&key));
        }
        return;
    }
    let is_field = is(FIELDS);
    let is_stage = is(".ed-stage")
        || is("body:focus")
        || target.as_ref().is_some_and(|target| target.tag_name() == "BODY");
    // The text of the document has no history of its own.
    let is_way = chord.ctrl && (chord.key == "Z" || chord.key == "Y") && is(".ed-code");
    if is_field && chord.is_typing() && !is_way {
        return;
    }
    // The browser brings what is pasted by an event of its own.
    if chord.ctrl && !chord.alt && chord.key == "V" && !is_field {
        desk.kept.update_value(|kept| kept.links = chord.shift);
        return;
    }
    // What is marked on the page is copied as ever.
    if chord.ctrl && (chord.key == "C" || chord.key == "X") && !is_field && has_marked() {
        return;
    }
    // From a field one comes back to the stage; only from there is anything deselected.
    if is_field && key == "Escape" && !is(".ed-choose") {
        event.prevent_default();
        return chooser::back_to_stage();
    }
    // Buttons and links have their own keys, as have lists of choices.
    if !is_stage && !is_field && ((key == "Enter" && !chord.ctrl) || key == " " || key.starts_with("Arrow")) {
        return;
    }
    if is_stage && key == " " {
        event.prevent_default();
        desk.stage(|stage| stage.give(editor::gesture::Input::Space(true)));
        return;
    }
    let is_plain = !chord.ctrl && !chord.alt && !chord.shift;
    if is_stage
        && is_plain
        && let Some(way) = Way::from_key(&key)
    {
        event.prevent_default();
        desk.go(way);
        return;
    }
    let pressed = desk
        .keymap
        .try_update_untracked(|keymap| keymap.press(chord, now()));
    match pressed {
        Some(Pressed::Runs(command)) => {
            event.prevent_default();
            desk.run(command);
            if command == Command::Close
                && let Some(stage) = document().query_selector(".ed-stage").ok().flatten()
            {
                let _ = stage.unchecked_ref::<web_sys::HtmlElement>().focus();
            }
        }
        Some(Pressed::Waits) => event.prevent_default(),
        _ => {}
    }
}

/// Something is pasted somewhere on the page: where one types it belongs to the field.
pub(super) fn pasted(desk: Desk, event: &web_sys::Event) {
    let target: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
    let is_field = target.is_some_and(|target| target.closest(FIELDS).ok().flatten().is_some());
    if is_field {
        return;
    }
    if let Some(text) = clip::brought(event) {
        event.prevent_default();
        let links = desk.kept.try_update_value(|kept| std::mem::take(&mut kept.links));
        desk.paste(&text, links == Some(true));
    }
}

/// Whether text of the page is marked.
fn has_marked() -> bool {
    let marked = window().get_selection().ok().flatten();
    marked.is_some_and(|marked| marked.type_() == "Range")
}
