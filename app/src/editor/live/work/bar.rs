//! What stands in the bar: where the work is kept, and what can be done with it.

use editor::actions::Command;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::super::desk::{Desk, Saving};
use super::super::{is_mac, titled};
use crate::icons::Icon;
use crate::parts::Clock;

/// The version, and where what was changed since is kept.
#[component]
pub(in super::super) fn State(desk: Desk) -> impl IntoView {
    let clock = expect_context::<Clock>();
    let work = desk.work();
    let version = move || {
        desk.track(|session| match session.version {
            0 => "Not published".to_owned(),
            version => format!("Version {version}"),
        })
    };
    let newer = move || {
        let newest = work.newest.get();
        desk.track(|session| newest > session.version)
            .then(|| format!("Version {newest} was published meanwhile"))
    };
    let words = move || {
        let now = clock.now.get().map_or(0, |now| now.as_millis());
        work.keeping.with(|keeping| keeping.words(now))
    };
    view! {
        <span class="muted num ed-state">{version}</span>
        <span class="ed-keeping" data-state=move || work.keeping.with(|keeping| keeping.look()) role="status">{words}</span>
        {move || newer().map(|newer| {
            let take = move |_| match desk.with(|session| session.is_dirty()) {
                true => desk.run(Command::Save),
                // There is nothing of one's own to be put together with.
                false => drop(window().location().reload()),
            };
            view! {
                <button type="button" class="button quiet small ed-keeping" data-state="attention" title="Take its changes over" on:click=take>
                    <Icon name="s-attention"/>
                    {newer}
                </button>
            }
        })}
    }
}

/// What can be done with the flow.
#[component]
pub(in super::super) fn Actions(desk: Desk) -> impl IntoView {
    let work = desk.work();
    let is_busy = move || desk.saving.get() == Saving::OnTheWay;
    view! {
        {move || match work.is_running.get() {
            true => view! {
                <button type="button" class="button small ed-go" title=move || titled(desk, "Stop the run", Command::StopRun) on:click=move |_| desk.run(Command::StopRun)>
                    <Icon name="u-stop"/>
                    "Stop"
                </button>
            }
            .into_any(),
            false => view! {
                <button type="button" class="button small ed-go" title=move || titled(desk, "Run what is on the canvas, without publishing it", Command::Run) on:click=move |_| desk.run(Command::Run)>
                    <Icon name="u-play"/>
                    "Run"
                </button>
            }
            .into_any(),
        }}
        <button
            type="button"
            class="button primary small"
            title=move || titled(desk, "Publish as a new version", Command::Save)
            aria-disabled=move || {
                let is_busy = is_busy();
                desk.track(|session| is_busy || !session.is_dirty()).to_string()
            }
            on:click=move |_| desk.run(Command::Save)
        >
            <Icon name="u-check"/>
            "Publish"
        </button>
        <More desk/>
    }
}

/// The commands of the menu.
const MORE: [Command; 12] = [
    Command::RunHere,
    Command::RunTask,
    Command::Pin,
    Command::Simulate,
    Command::BackTest,
    Command::History,
    Command::Import,
    Command::Templates,
    Command::Export,
    Command::ExportJson,
    Command::Discard,
    Command::Restore,
];

/// Everything else.
#[component]
fn More(desk: Desk) -> impl IntoView {
    let work = desk.work();
    let list = NodeRef::<leptos::html::Ul>::new();
    Effect::new(move |_| {
        let first = list
            .get()
            .and_then(|list| list.query_selector("button:not([disabled])").ok().flatten());
        if let Some(first) = first {
            let _ = first.unchecked_ref::<web_sys::HtmlElement>().focus();
        }
    });
    let items = move || {
        MORE.map(|command| {
            let action = editor::actions::of(command);
            let keys = desk.keymap.with(|keymap| keymap.shown(command, is_mac()));
            let is_off = !desk.selection.with(|selection| action.when.holds(selection));
            view! {
                <li role="none">
                    <button
                        type="button"
                        role="menuitem"
                        disabled=is_off
                        on:click=move |_| {
                            work.more.set(false);
                            desk.run(command);
                        }
                    >
                        <span class="grow">{action.label}</span>
                        <kbd>{keys.first().cloned()}</kbd>
                    </button>
                </li>
            }
        })
        .collect_view()
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape" {
            work.more.set(false);
            event.prevent_default();
            event.stop_propagation();
        }
    };
    view! {
        <div class="ed-more" on:keydown=on_key>
            <button
                type="button"
                class="button quiet small"
                aria-haspopup="menu"
                aria-expanded=move || work.more.get().to_string()
                on:click=move |_| work.more.update(|is_open| *is_open = !*is_open)
            >
                "More"
                <Icon name="u-list"/>
            </button>
            {move || work.more.get().then(|| view! {
                <div class="ed-veil" on:click=move |_| work.more.set(false)></div>
                <ul class="ed-menu" role="menu" aria-label="More" node_ref=list>{items}</ul>
            })}
        </div>
    }
}
