//! What lies over fields with expressions: a line below each part that is at fault, and beside the part that the mouse or the cursor is
//! at, what it gives.
//!
//! A field shows one text in one colour. So its text stands over it once more, seen by nobody, and with its parts as elements: they know
//! where they are.

use std::time::Duration;

use editor::complete::{Says, marks};
use editor::text::offset;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::desk::Desk;
use super::{assist, on_document};
use crate::format::escape;

/// How long after the last key what is at fault is marked: half a name is no mistake.
const REST: Duration = Duration::from_millis(500);

/// Fields in which expressions may be written.
const FIELDS: &str = ".ed-side .ed-assisted > :is(input, textarea)";

/// What of a field's look its text depends on.
const LOOKS: [&str; 9] = [
    "font-family",
    "font-size",
    "font-weight",
    "font-variant-ligatures",
    "letter-spacing",
    "line-height",
    "padding",
    "tab-size",
    "text-indent",
];

/// What is said beside a part of an expression.
#[derive(Clone, PartialEq)]
struct Hint {
    text: String,
    is_wrong: bool,
    /// Where, in whole pixels of the window.
    at: (i32, i32),
}

/// Watches the fields of the inspector.
#[component]
pub(super) fn Hints(desk: Desk) -> impl IntoView {
    let hint = RwSignal::new(None::<Hint>);
    let told = move |new: Option<Hint>| {
        if hint.with_untracked(|old| *old != new) {
            hint.set(new);
        }
    };
    Effect::new(move |_| {
        desk.rev.track();
        desk.known.track();
        desk.selection.track();
        desk.inspector.track();
        // The fields stand there with the next turn of the page.
        request_animation_frame(move || draw_all(desk));
    });
    let round = StoredValue::new(0_u32);
    on_document("input", false, move |event: web_sys::Event| {
        let Some(field) = field_of(event.target()) else {
            return;
        };
        told(None);
        // What stood there is not what stands there now.
        clear(&field);
        let n = round.try_update_value(|round| {
            *round += 1;
            *round
        });
        let again = move || {
            if round.try_get_value() == n {
                draw_all(desk);
            }
        };
        set_timeout(again, REST);
    });
    on_document("pointermove", false, move |event: web_sys::PointerEvent| {
        let at = (f64::from(event.client_x()), f64::from(event.client_y()));
        let part = field_of(event.target()).and_then(|field| part_at(&field, at));
        told(part.map(|part| hint_of(&part)));
    });
    on_document("keyup", false, move |event: web_sys::KeyboardEvent| {
        let is_way = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
        let field = field_of(event.target()).filter(|_| is_way.contains(&event.key().as_str()));
        let part = field.and_then(|field| part_of_cursor(&field));
        told(part.map(|part| hint_of(&part)));
    });
    // What is scrolled away takes its marks along.
    on_document("scroll", true, move |event: web_sys::Event| {
        told(None);
        if let Some(field) = field_of(event.target()) {
            follow(&field);
        }
    });
    on_document("focusout", false, move |_: web_sys::Event| told(None));
    on_cleanup(|| fields().iter().for_each(clear));
    move || {
        hint.get().map(
            |Hint {
                 text,
                 is_wrong,
                 at: (x, y),
             }| {
                let class = if is_wrong { "ed-hint wrong" } else { "ed-hint" };
                view! { <p class=class role="status" style=format!("left:{x}px;top:{y}px")>{text}</p> }
            },
        )
    }
}

fn field_of(target: Option<web_sys::EventTarget>) -> Option<Element> {
    let target: Element = target?.dyn_into().ok()?;
    target.matches(FIELDS).ok()?.then_some(target)
}

fn fields() -> Vec<Element> {
    let Ok(all) = document().query_selector_all(FIELDS) else {
        return Vec::new();
    };
    let all = (0..all.length()).filter_map(|at| all.item(at)?.dyn_into().ok());
    all.collect()
}

/// What lies over a field, if something does.
fn over(field: &Element) -> Option<HtmlElement> {
    let host = field.parent_element()?;
    let over = host.query_selector(":scope > .ed-marks").ok().flatten()?;
    over.dyn_into().ok()
}

fn clear(field: &Element) {
    if let Some(over) = over(field) {
        over.remove();
    }
}

fn draw_all(desk: Desk) {
    if !desk.known.is_disposed() {
        desk.learn_document();
        fields().iter().for_each(|field| draw(desk, field));
    }
}

fn draw(desk: Desk, field: &Element) {
    let path = field.closest("[data-path]").ok().flatten();
    let Some(path) = path.and_then(|path| path.get_attribute("data-path")) else {
        return;
    };
    let steps: Vec<String> = path.split('\n').map(str::to_owned).collect();
    let (text, _) = assist::read(field);
    let found = desk.with(|session| desk.with_known(|known| marks(session.value(), &steps, &text, known)));
    if found.is_empty() {
        return clear(field);
    }
    let (mut html, mut at) = (String::from("<span>"), 0);
    for mark in found {
        let (class, says) = match &mark.says {
            Says::Gives(value) => ("gives", format!("= {value}")),
            Says::Unknown(why) => ("unknown", why.clone()),
            Says::Wrong(why) => ("wrong", why.clone()),
        };
        let (Some(before), Some(part)) = (text.get(at..mark.range.start), text.get(mark.range.clone()))
        else {
            continue;
        };
        html.push_str(&escape(before));
        html.push_str(&format!(
            "<i class=\"{class}\" data-says=\"{}\" data-from=\"{}\" data-to=\"{}\">{}</i>",
            escape(&says),
            mark.range.start,
            mark.range.end,
            escape(part)
        ));
        at = mark.range.end;
    }
    html.push_str(&escape(text.get(at..).unwrap_or_default()));
    html.push_str("</span>");
    let Some(over) = over(field).or_else(|| lay_over(field)) else {
        return;
    };
    over.set_inner_html(&html);
    follow(field);
}

/// An element over a field, with its text where that has it.
fn lay_over(field: &Element) -> Option<HtmlElement> {
    let made: HtmlElement = document().create_element("div").ok()?.dyn_into().ok()?;
    let is_line = field.tag_name() == "INPUT";
    made.set_class_name(if is_line { "ed-marks line" } else { "ed-marks" });
    // For readers the field itself says what is wrong with it.
    made.set_attribute("aria-hidden", "true").ok()?;
    let look = window().get_computed_style(field).ok().flatten()?;
    for name in LOOKS {
        let value = look.get_property_value(name).unwrap_or_default();
        made.style().set_property(name, &value).ok()?;
    }
    field.parent_element()?.append_child(&made).ok()?;
    Some(made)
}

fn follow(field: &Element) {
    if let Some(over) = over(field) {
        over.set_scroll_top(field.scroll_top());
        over.set_scroll_left(field.scroll_left());
    }
}

fn parts(field: &Element) -> Vec<Element> {
    let all = over(field).and_then(|over| over.query_selector_all("i").ok());
    let Some(all) = all else { return Vec::new() };
    let all = (0..all.length()).filter_map(|at| all.item(at)?.dyn_into().ok());
    all.collect()
}

fn part_at(field: &Element, (x, y): (f64, f64)) -> Option<Element> {
    let is_here = |part: &Element| {
        let rect = part.get_bounding_client_rect();
        rect.left() <= x && x <= rect.right() && rect.top() <= y && y <= rect.bottom()
    };
    parts(field).into_iter().find(is_here)
}

fn part_of_cursor(field: &Element) -> Option<Element> {
    let (text, units) = assist::read(field);
    let cursor = offset::byte(&text, units as usize);
    let number = |part: &Element, name: &str| part.get_attribute(name)?.parse::<usize>().ok();
    let is_here = |part: &Element| {
        let range = number(part, "data-from").zip(number(part, "data-to"));
        range.is_some_and(|(from, to)| (from..=to).contains(&cursor))
    };
    parts(field).into_iter().find(is_here)
}

fn hint_of(part: &Element) -> Hint {
    let rect = part.get_bounding_client_rect();
    Hint {
        text: part.get_attribute("data-says").unwrap_or_default(),
        is_wrong: part.class_name() == "wrong",
        at: (rect.left() as i32, rect.bottom() as i32 + 4),
    }
}
