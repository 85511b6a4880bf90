//! What can be done with what is under the pointer.

use editor::actions::Command;
use editor::scene::Hit;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::desk::Desk;
use super::is_mac;

/// What can be done with what is under the pointer.
#[component]
pub(super) fn Menu(desk: Desk) -> impl IntoView {
    let node = NodeRef::<leptos::html::Ul>::new();
    Effect::new(move |_| {
        if desk.menu.with(Option::is_some)
            && let Some(first) = node
                .get()
                .and_then(|list| list.query_selector("button").ok().flatten())
        {
            let _ = first.unchecked_ref::<web_sys::HtmlElement>().focus();
        }
    });
    move || {
        let (at, hit) = desk.menu.get()?;
        let starts = desk.primary().is_some_and(|id| desk.flow_of(&id).is_some());
        let is_grouped = desk.with(|session| {
            let mut groups = session.scene.groups.iter();
            let tasks: Vec<&str> = session.selection.tasks().collect();
            groups.any(|group| {
                group
                    .group
                    .tasks
                    .iter()
                    .any(|task| tasks.contains(&task.as_str()))
            }) || session.selection.group().is_some()
        });
        let applies = |command: &Command| match command {
            Command::OpenFlow => starts,
            Command::TakeOut | Command::Ungroup => is_grouped,
            _ => true,
        };
        let commands: Vec<(bool, Command)> = commands(hit)
            .iter()
            .flat_map(|part| {
                let part = part.iter().copied().filter(applies).enumerate();
                part.map(|(at, command)| (at == 0, command))
            })
            .collect();
        let n_parts = commands.iter().filter(|(is_first, _)| *is_first).count();
        let items = commands
            .iter()
            .map(|(is_first, command)| {
                let action = editor::actions::of(*command);
                let keys = desk.keymap.with(|keymap| keymap.shown(*command, is_mac()));
                view! {
                    <li role="none" class:apart=*is_first>
                        <button
                            type="button"
                            role="menuitem"
                            on:click=move |event: web_sys::MouseEvent| {
                                let is_held = desk.kept.with_value(|kept| kept.menu_held);
                                if is_held && event.detail() > 0 {
                                    return;
                                }
                                desk.menu.set(None);
                                desk.run(action.command);
                            }
                        >
                            <span class="grow">{action.label}</span>
                            <kbd>{keys.first().cloned()}</kbd>
                        </button>
                    </li>
                }
            })
            .collect_view();
        // All of it is on the stage.
        let mut style = String::new();
        let floats = document().query_selector(".ed-floats").ok().flatten();
        if let Some(floats) = floats {
            let (w, h) = (
                f64::from(floats.client_width()),
                f64::from(floats.client_height()),
            );
            let row = if super::is_narrow() { 46.0 } else { 28.0 };
            let height = 30.0 + row * commands.len() as f64 + 9.0 * n_parts as f64;
            let (x, y) = (at.x.min(w - 328.0).max(4.0), at.y.min(h - height).max(4.0));
            style = format!("left:{x:.0}px;top:{y:.0}px");
        }
        Some(view! {
            <ul class="ed-menu" role="menu" aria-label="What to do" node_ref=node style=style on:pointerdown=move |_| desk.kept.update_value(|kept| kept.menu_held = false) on:keydown=move |event| walked(&event)>
                {items}
            </ul>
        })
    }
}

/// The commands for what was hit, in parts that belong together.
const fn commands(hit: Hit) -> &'static [&'static [Command]] {
    use Command as C;
    match hit {
        Hit::Card(_) | Hit::Entry(_) | Hit::Port { .. } => &[
            &[C::Open, C::OpenFlow, C::Rename, C::Retype],
            &[C::Connect, C::ConnectFrom, C::QuickAdd],
            &[C::RunHere, C::RunTask, C::Pin, C::Toggle],
            &[C::Copy, C::Cut, C::Duplicate, C::CopyLink],
            &[C::Group, C::PutInGroup, C::TakeOut, C::Ungroup, C::Extract],
            &[C::Downstream, C::Upstream],
            &[C::Delete, C::DeleteAndHeal],
        ],
        Hit::Canvas => &[
            &[C::QuickAdd, C::AddAtEnd, C::AddOnFailure, C::Note],
            &[C::Paste, C::PasteWithLinks],
            &[C::SelectAll, C::Tidy, C::FitAll, C::Find],
        ],
        Hit::Note(_) | Hit::Grip(_) => &[&[C::Open], &[C::Delete]],
        Hit::Group(_) => &[
            &[C::Open, C::Collapse],
            &[C::Copy, C::Duplicate],
            &[C::Extract, C::Ungroup],
        ],
        _ => &[&[C::Open, C::InsertOnEdge], &[C::Delete]],
    }
}

/// The arrow keys go from one entry to the next.
fn walked(event: &web_sys::KeyboardEvent) {
    let by: isize = match event.key().as_str() {
        "ArrowDown" => 1,
        "ArrowUp" => -1,
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    let Some(list) = event
        .current_target()
        .and_then(|list| list.dyn_into::<web_sys::Element>().ok())
    else {
        return;
    };
    let Ok(buttons) = list.query_selector_all("button") else {
        return;
    };
    let active = document().active_element();
    let n = buttons.length() as isize;
    let at = (0..buttons.length())
        .position(|ix| buttons.item(ix).as_ref() == active.as_ref().map(AsRef::as_ref))
        .map_or(-1, |at| at as isize);
    if n > 0
        && let Some(next) = buttons.item((at + by).rem_euclid(n) as u32)
    {
        let _ = next.unchecked_into::<web_sys::HtmlElement>().focus();
    }
}
