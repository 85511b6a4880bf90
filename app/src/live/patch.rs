//! HTML from the server put in place of what stands there, part by part, without moving anything under a pointer or the focus.
//!
//! A part is an element with `data-part`. One that has not changed is left alone. In a part of rows (`data-rows`) rows change in place;
//! as long as a pointer is over it or the focus in it, or always if it has `data-hold`, rows neither come nor go nor move: a button
//! (`data-pill`) tells how many would, and does it.

use std::cell::RefCell;
use std::collections::HashMap;

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, Event, HtmlElement, NodeList};

use crate::format;
use crate::parts::localised;

/// What keeps the parts of an element up to date.
pub struct Patch {
    root: Element,
    /// What the server last said of each part, and of each row of it.
    last: RefCell<HashMap<String, String>>,
    _on_click: Closure<dyn FnMut(Event)>,
}

fn all(root: &Element, selector: &str) -> Vec<Element> {
    let list: Option<NodeList> = root.query_selector_all(selector).ok();
    let nodes = list
        .into_iter()
        .flat_map(|list| (0..list.length()).filter_map(move |at| list.get(at)));
    nodes.filter_map(|node| node.dyn_into().ok()).collect()
}

/// Moments in the reader's zone and habit.
fn localise(root: &Element) {
    for time in all(root, "time[datetime]") {
        if let Some(at) = time.get_attribute("datetime").and_then(|at| at.parse().ok()) {
            time.set_text_content(Some(&localised(at)));
        }
    }
}

impl Patch {
    /// Of what the server wrote into this element.
    #[must_use]
    pub fn new(root: Element) -> Self {
        let last = RefCell::default();
        for part in all(&root, "[data-part]") {
            note(&last, &part);
        }
        localise(&root);
        let inside = root.clone();
        // What is shown after a click on a pill was put by for it.
        let on_click = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            let target = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok());
            let pill = target.and_then(|target| target.closest("[data-pill]").ok().flatten());
            let part = pill.and_then(|pill| pill.closest("[data-part]").ok().flatten());
            if let Some(part) = part
                && let Some(html) = part.get_attribute("data-next")
            {
                part.set_inner_html(&html);
                let _ = part.remove_attribute("data-next");
                localise(&inside);
            }
        });
        // Adding a listener fails for no name.
        let _ = root.add_event_listener_with_callback("click", on_click.as_ref().unchecked_ref());
        Self {
            root,
            last,
            _on_click: on_click,
        }
    }

    /// Puts in place what has changed.
    pub fn take(&self, html: &str) {
        let Ok(fresh) = document().create_element("div") else {
            return;
        };
        fresh.set_inner_html(html);
        for part in all(&fresh, "[data-part]") {
            let name = part.get_attribute("data-part").unwrap_or_default();
            let html = part.inner_html();
            let is_same = self.last.borrow().get(&name) == Some(&html);
            let here = self.root.query_selector(&format!("[data-part=\"{name}\"]"));
            let (false, Ok(Some(here))) = (is_same, here) else {
                continue;
            };
            let is_touched = here.matches(":hover, :focus-within").unwrap_or(false);
            let has_rows = here.has_attribute("data-rows");
            if has_rows && (is_touched || here.has_attribute("data-hold")) {
                self.change_rows(&here, &part, &html);
            } else if is_touched && here.matches(":focus-within").unwrap_or(false) {
                // The focus would be lost; the next time will do.
                continue;
            } else {
                here.set_inner_html(&html);
            }
            note(&self.last, &part);
            localise(&here);
        }
    }

    /// Rows that are there and still are change in place; for the others there is the pill.
    fn change_rows(&self, here: &Element, fresh: &Element, html: &str) {
        let part = here.get_attribute("data-part").unwrap_or_default();
        let mut old: HashMap<String, Element> = all(here, "[data-key]")
            .into_iter()
            .filter_map(|row| Some((row.get_attribute("data-key")?, row)))
            .collect();
        if old.is_empty() {
            here.set_inner_html(html);
            return;
        }
        let mut n_new = 0_u64;
        for row in all(fresh, "[data-key]") {
            let key = row.get_attribute("data-key").unwrap_or_default();
            let inner = row.inner_html();
            match old.remove(&key) {
                None => n_new += 1,
                Some(shown) => {
                    if self.last.borrow().get(&format!("{part} {key}")) != Some(&inner) {
                        shown.set_inner_html(&inner);
                    }
                }
            }
        }
        let _ = here.set_attribute("data-next", html);
        let is_list = here.has_attribute("data-hold");
        let text = match (n_new, is_list) {
            (0, true) => None,
            (0, false) if old.is_empty() => None,
            (0, false) => Some("Show what has changed".to_owned()),
            (n, true) => Some(format::count(n, "new run", "new runs")),
            (n, false) => Some(format::count(n, "more needs you", "more need you")),
        };
        if let Ok(Some(pill)) = here.query_selector("[data-pill]")
            && let Some(text) = text
        {
            pill.set_text_content(Some(&text));
            if let Some(pill) = pill.dyn_ref::<HtmlElement>() {
                pill.set_hidden(false);
            }
        }
    }
}

fn note(last: &RefCell<HashMap<String, String>>, part: &Element) {
    let name = part.get_attribute("data-part").unwrap_or_default();
    let mut last = last.borrow_mut();
    for row in all(part, "[data-key]") {
        let key = row.get_attribute("data-key").unwrap_or_default();
        last.insert(format!("{name} {key}"), row.inner_html());
    }
    last.insert(name, part.inner_html());
}
