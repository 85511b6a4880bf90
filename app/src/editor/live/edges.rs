//! The edges of the panels beside the canvas, by which they are made as wide as one likes.

use editor::widths::{Panel, Widths};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::{Element, HtmlElement, PointerEvent};

use super::desk::Desk;
use super::later::{self, Part};

/// Under which name widths are kept.
const NAME: &str = "editor-widths";

fn widths() -> Widths {
    let storage = window().local_storage().ok().flatten();
    let kept = storage.and_then(|storage| storage.get_item(NAME).ok().flatten());
    kept.map_or_else(Widths::default, |kept| Widths::read(&kept))
}

/// The widths that were chosen before, for the style sheet.
pub(super) fn chosen() -> String {
    widths().css()
}

fn keep(panel: Panel, width: Option<u32>) {
    let mut kept = widths();
    kept.set(panel, width);
    if let Ok(Some(storage)) = window().local_storage() {
        // A browser that keeps nothing forgets it with the page.
        let _ = storage.set_item(NAME, &kept.write());
    }
}

/// The edge of the inspector. Its code comes when the editor is at rest.
#[component]
pub(super) fn SideEdge(desk: Desk) -> impl IntoView {
    let part = RwSignal::new_local(None::<Part>);
    later::at_rest(move || {
        spawn_local(async move {
            if let Ok(code) = side_edge().await {
                // The editor may be gone meanwhile.
                part.try_set(Some(code));
            }
        });
    });
    move || part.get().map(|part| part(desk))
}

#[wasm_split(panels, fallible)]
fn side_edge() -> Result<Part, SplitLoaderError> {
    Ok(|desk| (move || desk.inspector.get().then(|| view! { <Edge panel=Panel::Side/> })).into_any())
}

/// The panel as it stands on the page.
fn element(panel: Panel) -> Option<Element> {
    let selector = match panel {
        Panel::List => ".ed-outline",
        Panel::Text => ".ed-text",
        Panel::Side => ".ed-side",
    };
    document().query_selector(selector).ok().flatten()
}

fn window_width() -> u32 {
    let width = window().inner_width().ok().and_then(|width| width.as_f64());
    width.unwrap_or(1280.0) as u32
}

/// How wide it is now.
fn measured(panel: Panel) -> u32 {
    element(panel).map_or(0, |panel| panel.get_bounding_client_rect().width().round() as u32)
}

/// Shows it so wide, or as wide as it usually is.
fn show(panel: Panel, width: Option<u32>) {
    let editor = document().query_selector(".ed").ok().flatten();
    if let Some(editor) = editor.and_then(|editor| editor.dyn_into::<HtmlElement>().ok()) {
        let name = format!("--ed-{}", panel.name());
        // A style sheet takes any value of a property of one's own.
        let _ = match width {
            Some(width) => editor.style().set_property(&name, &format!("{width}px")),
            None => editor.style().remove_property(&name).map(drop),
        };
    }
}

/// An edge that is dragged, or moved by keys; two clicks give the panel the width it usually has.
#[component]
pub(super) fn Edge(panel: Panel) -> impl IntoView {
    let now = RwSignal::new((0, 0));
    let look = move || {
        now.try_set((measured(panel), panel.most(window_width())));
    };
    // The panel stands beside it with the next turn of the page.
    request_animation_frame(look);
    // Where it was taken hold of, and how wide the panel was.
    let held = StoredValue::new(None::<(i32, u32)>);
    let put = move |width: Option<u32>| {
        show(panel, width);
        look();
    };
    let down = move |event: PointerEvent| {
        if event.button() != 0 {
            return;
        }
        if let Some(edge) = event
            .current_target()
            .and_then(|edge| edge.dyn_into::<HtmlElement>().ok())
        {
            // A pointer that is gone by now cannot be captured, which does no harm.
            let _ = edge.set_pointer_capture(event.pointer_id());
            let _ = edge.focus();
        }
        event.prevent_default();
        held.set_value(Some((event.client_x(), measured(panel))));
    };
    let moved = move |event: PointerEvent| {
        if let Some((x, width)) = held.get_value() {
            put(Some(panel.dragged(width, event.client_x() - x, window_width())));
        }
    };
    let let_go = move |_: PointerEvent| {
        if let Some((_, before)) = held.try_update_value(Option::take).flatten() {
            let width = measured(panel);
            // A click alone is no wish for a width.
            if width != before {
                keep(panel, Some(width));
            }
        }
    };
    let reset = move |_: web_sys::MouseEvent| {
        put(None);
        keep(panel, None);
    };
    let pressed = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let width = panel.by_key(&event.key(), event.shift_key(), measured(panel), window_width());
        if let Some(width) = width {
            event.prevent_default();
            event.stop_propagation();
            put(Some(width));
            keep(panel, Some(width));
        }
    };
    view! {
        <div
            class="ed-edge"
            data-panel=panel.name()
            role="separator"
            tabindex="0"
            aria-orientation="vertical"
            aria-label=format!("Width of {}", panel.words())
            aria-valuemin=panel.least()
            aria-valuemax=move || now.get().1
            aria-valuenow=move || now.get().0
            aria-valuetext=move || format!("{} pixels", now.get().0)
            title="Drag, or use the arrow keys; double-click resets"
            on:pointerdown=down
            on:pointermove=moved
            on:pointerup=let_go
            on:pointercancel=let_go
            on:dblclick=reset
            on:keydown=pressed
            on:focus=move |_| look()
        ></div>
    }
    .into_any()
}
