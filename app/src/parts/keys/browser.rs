//! Listening to keys, and looking for what was typed.

use std::pin::Pin;
use std::time::Duration;

use leptos::ev;
use leptos::html::{Dialog, Input};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::{use_location, use_navigate};
use wasm_bindgen::JsCast;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::{PAGES, Place, Sheet, rank};
use crate::format;
use crate::model::board::RunListAsk;

/// How long two keys of one shortcut may lie apart.
const TOGETHER_MS: f64 = 1000.0;
/// How long a text must stand before it is looked for.
const TYPING: Duration = Duration::from_millis(150);
/// Flows and runs that are offered.
const FOUND_MAX: usize = 6;
const OFF: &str = "single-keys-off";

/// Whether keys that are a single letter are switched off.
pub(crate) fn are_off() -> bool {
    let storage = window().local_storage().ok().flatten();
    storage.is_some_and(|storage| matches!(storage.get_item(OFF), Ok(Some(_))))
}

/// Switches them off, or on again.
pub(crate) fn keep_off(is_off: bool) {
    if let Ok(Some(storage)) = window().local_storage() {
        // A browser that keeps nothing forgets it with the page.
        let _ = match is_off {
            true => storage.set_item(OFF, ""),
            false => storage.remove_item(OFF),
        };
    }
}

pub(super) fn listen(sheet: RwSignal<Option<Sheet>>, dialog: NodeRef<Dialog>) {
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if sheet.get().is_some() {
            if !dialog.open() {
                // It is in the page and closed, so it opens.
                let _ = dialog.show_modal();
            }
        } else {
            dialog.close();
        }
    });
    let before = StoredValue::new((String::new(), 0.0));
    let navigate = use_navigate();
    let handle = window_event_listener(ev::keydown, move |event| {
        if event.default_prevented() || event.is_composing() {
            return;
        }
        let key = event.key();
        let has_command = (event.ctrl_key() || event.meta_key()) && !event.alt_key();
        if has_command && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            sheet.set(Some(Sheet::Goto));
            return;
        }
        if !is_free(&event) || sheet.get_untracked().is_some() || are_off() {
            return;
        }
        // When they were pressed, not when a busy page gets to them.
        let now = event.time_stamp();
        let (last, at) = before.get_value();
        before.set_value((key.clone(), now));
        let page = PAGES.iter().find(|(letter, _)| *letter == key);
        if let Some((_, href)) = page.filter(|_| last == "g" && now - at < TOGETHER_MS) {
            event.prevent_default();
            navigate(href, Default::default());
        } else if key == "?" {
            event.prevent_default();
            sheet.set(Some(Sheet::Keys));
        } else if press(&key) {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
    let clicks = window_event_listener(ev::click, move |event| {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|element| matches!(element.closest("[data-opens=goto]"), Ok(Some(_)))) {
            sheet.set(Some(Sheet::Goto));
        }
    });
    on_cleanup(move || clicks.remove());
    // Wherever it led, the sheet has done its work.
    let at = use_location();
    Effect::new(move |_| {
        at.pathname.track();
        at.search.track();
        at.hash.track();
        sheet.set(None);
    });
}

/// Nobody is typing, and no modifier makes it another key.
fn is_free(event: &KeyboardEvent) -> bool {
    let typing =
        "input:not([type=checkbox],[type=radio],[type=range]),textarea,select,[contenteditable],dialog";
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok());
    let is_typing = target.is_some_and(|element| matches!(element.closest(typing), Ok(Some(_))));
    !is_typing && !event.ctrl_key() && !event.meta_key() && !event.alt_key()
}

/// Clicks what has this key, or puts the cursor into it; false if nothing has it.
fn press(key: &str) -> bool {
    let key = key.replace(['"', '\\'], "");
    let find = |rest: &str| {
        let selector = format!("[data-keys=\"{key}\"]{rest}");
        document().query_selector(&selector).ok().flatten()
    };
    // Of several the one that leads elsewhere: a key changes between two views.
    let found = find(":not([aria-current])").or_else(|| find(""));
    let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) else {
        return false;
    };
    if element.tag_name() == "INPUT" {
        // What can be seen can have the focus.
        let _ = element.focus();
    } else {
        element.click();
    }
    true
}

/// Goes where Enter leads.
pub(super) fn click_chosen() {
    let chosen = document().query_selector(".key-sheet [aria-selected=true]");
    if let Ok(Some(element)) = chosen
        && let Some(link) = element.dyn_ref::<HtmlElement>()
    {
        link.click();
    }
}

/// Looks for flows and runs with a text, once it stands still.
pub(super) fn find(text: RwSignal<String>, found: RwSignal<Vec<Place>>, field: NodeRef<Input>) {
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let mut look = debounce(TYPING, move |typed: String| {
        spawn_local(async move {
            // Without this code the pages are there all the same.
            let Ok(places) = places().await else { return };
            let places = places(typed.clone()).await;
            // What was typed meanwhile has its own answer.
            if text.try_get_untracked() == Some(typed) {
                found.try_set(places);
            }
        });
    });
    Effect::new(move |_| look(text.get()));
}

/// Looks for places by a name.
type Places = fn(String) -> Pin<Box<dyn Future<Output = Vec<Place>>>>;

/// The code of [`places_of`]: it reads what two lists of the server say, and few ask for that on their first visit.
#[wasm_split(goto, fallible)]
fn places() -> Result<Places, SplitLoaderError> {
    Ok(|typed| Box::pin(places_of(typed)))
}

/// What the server knows by such a name. What cannot be had is left out: the pages are there without it.
async fn places_of(typed: String) -> Vec<Place> {
    let wanted = Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty());
    let ask = RunListAsk {
        q: wanted.clone().unwrap_or_default(),
        ..RunListAsk::default()
    };
    let flows = crate::fns::flows(wanted, None).await;
    let runs = crate::fns::board::list_runs(ask).await;
    // The server looks into descriptions too.
    let mut flows: Vec<_> = flows.into_iter().flat_map(|page| page.items).collect();
    flows.sort_by_key(|flow| rank(&flow.name, &typed));
    let flows = flows.into_iter().take(FOUND_MAX);
    let flows = flows.map(|flow| Place {
        kind: "flow".to_owned(),
        href: format!("/flows/{}", format::url_part(&flow.id)),
        name: flow.name,
    });
    let runs = runs.into_iter().flat_map(|list| list.page.items).take(FOUND_MAX);
    let runs = runs.map(|run| Place {
        // Where the name is cut, this is not.
        kind: format!("run {}", format::short_id(&run.id.to_string())),
        name: run.flow_name,
        href: format!("/runs/{}", run.id),
    });
    flows.chain(runs).collect()
}
