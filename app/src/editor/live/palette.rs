//! What tasks can do: to be dragged onto the stage, or clicked to stand beside what is selected.

use editor::adding::Template;
use editor::fuzzy::{self, Recent};
use flow::view::TaskTypeView;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::desk::Desk;
use super::habits::Lately;
use crate::icons::{self, Icon};

/// So many types that were used lately stand at the top.
const RECENT_SHOWN: usize = 4;

/// The palette.
#[component]
pub(super) fn Palette(desk: Desk) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let aside = NodeRef::<leptos::html::Aside>::new();
    let left = RwSignal::new(());
    // With each change one more may have been used; but nothing moves away under the pointer.
    let recent = Memo::new(move |before: Option<&Recent>| {
        left.track();
        desk.track(|_| ());
        let is_over = aside
            .get_untracked()
            .is_some_and(|aside| aside.matches(":hover").unwrap_or_default());
        match before {
            Some(before) if is_over => before.clone(),
            _ => Lately::Types.read(),
        }
    });
    let groups = move || {
        let types = desk.with(|session| session.types.clone());
        let found = matching(&types, &text.read());
        let mut categories: Vec<&str> = found
            .iter()
            .map(|task_type| task_type.category.as_str())
            .collect();
        categories.dedup();
        let mut seen: Vec<&str> = Vec::new();
        for category in categories {
            if !seen.contains(&category) {
                seen.push(category);
            }
        }
        let mut lately = found.clone();
        let n_recent = recent.with(|recent| recent.sort(&mut lately, |task_type| &task_type.key));
        let lately = (n_recent > 0 && text.with(String::is_empty)).then(|| {
            let items = lately.iter().take(n_recent.min(RECENT_SHOWN));
            let items = items.map(|task_type| item(desk, task_type)).collect_view();
            view! { <section><h3>"Recently used"</h3><ul>{items}</ul></section> }
        });
        let all = seen
            .into_iter()
            .map(|category| {
                let items = found
                    .iter()
                    .filter(|task_type| task_type.category == category)
                    .map(|task_type| item(desk, task_type))
                    .collect_view();
                view! { <section><h3>{title(category)}</h3><ul>{items}</ul></section> }
            })
            .collect_view();
        let none = found
            .is_empty()
            .then(|| view! { <p class="muted">"No type of task has such a name."</p> });
        view! { {lately} {all} {none} }
    };
    view! {
        <aside class="ed-palette" aria-label="Task types" node_ref=aside on:pointerleave=move |_| left.set(())>
            <input
                type="search"
                placeholder="Search tasks"
                aria-label="Search task types"
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            />
            <div class="ed-types">
                {groups}
            </div>
        </aside>
    }
    .into_any()
}

/// What is pressed is dragged once the pointer has gone some way, wherever that is on the page.
pub(super) fn moved(desk: Desk, event: &web_sys::PointerEvent) {
    let far = |x: i32, y: i32| (event.client_x() - x).abs().max((event.client_y() - y).abs()) > 4;
    let dragged = desk.kept.try_update_value(|kept| match &kept.pressed {
        Some((_, x, y)) if far(*x, *y) => kept.pressed.take(),
        _ => None,
    });
    if let Some((task_type, _, _)) = dragged.flatten() {
        Lately::Types.used(&task_type);
        desk.stage(|stage| stage.take(Template::of(&task_type), event));
    }
}

fn item(desk: Desk, task_type: &TaskTypeView) -> impl IntoView + use<> {
    let key = task_type.key.clone();
    let held = key.clone();
    let summary = task_type.summary.clone();
    view! {
        <li>
            <button
                type="button"
                title=summary
                on:pointerdown=move |event: web_sys::PointerEvent| {
                    // A finger scrolls the list; with it types are tapped.
                    if event.button() == 0 && event.pointer_type() != "touch" {
                        let pressed = Some((held.clone(), event.client_x(), event.client_y()));
                        desk.kept.update_value(|kept| kept.pressed = pressed);
                        release(&event);
                    }
                }
                on:click=move |_| {
                    Lately::Types.used(&key);
                    desk.add(&key);
                }
            >
                <Icon name=icons::of_task_type(&task_type.key) large=true/>
                <span class="cut">{task_type.title.clone()}</span>
            </button>
        </li>
    }
}

/// Pens are captured by what they press; the list has to see where they go.
fn release(event: &web_sys::PointerEvent) {
    if let Some(target) = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        && target.has_pointer_capture(event.pointer_id())
    {
        let _ = target.release_pointer_capture(event.pointer_id());
    }
}

fn title(category: &str) -> &str {
    match category {
        "control" => "Control",
        "data" => "Data",
        "io" => "In and out",
        "worker" => "By workers",
        other => other,
    }
}

/// The types that fit what was typed, the best first: in their names before their summaries.
pub(super) fn matching<'t>(types: &'t [TaskTypeView], text: &str) -> Vec<&'t TaskTypeView> {
    fuzzy::best(types.iter().collect(), text, |task_type| {
        vec![
            task_type.title.clone(),
            task_type.key.clone(),
            task_type.summary.clone(),
            task_type.category.clone(),
        ]
    })
}
