//! Keys of a run's page that work wherever the focus is on it: `e` goes to the next task run that failed.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;

use super::run::stay;
use super::run_shared::Shared;

/// Listens as long as the page is there.
pub fn listen(shared: Shared) {
    let navigate = use_navigate();
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        let is_chord = event.ctrl_key() || event.meta_key() || event.alt_key();
        if event.key() != "e" || is_chord || event.default_prevented() || is_typing(&event) {
            return;
        }
        if let Some(address) = untrack(|| next_failed(shared)) {
            event.prevent_default();
            navigate(&address, stay());
        }
    });
    on_cleanup(move || listener.remove());
}

/// The address with the next failure open.
fn next_failed(shared: Shared) -> Option<String> {
    let after = shared.selected.get();
    let path = shared.run.with(|state| {
        let spot = crate::rows::next_failed(state, after)?;
        Some(state.plan().path(spot).to_string())
    })?;
    Some(shared.address(Some(&path)))
}

/// What is typed into a field is text.
fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
    target.is_some_and(|element| {
        let name = element.tag_name();
        matches!(name.as_str(), "TEXTAREA" | "SELECT")
            || (name == "INPUT" && !is_slider(&element))
            || element.is_content_editable()
    })
}

fn is_slider(element: &web_sys::HtmlElement) -> bool {
    element.get_attribute("type").as_deref() == Some("range")
}
