//! All keys, as the registry has them.

use editor::actions::{ACTIONS, Area};
use leptos::prelude::*;

use super::desk::Desk;
use super::is_mac;
use crate::icons::Icon;

/// All keys.
#[component]
pub(super) fn Sheet(desk: Desk) -> impl IntoView {
    move || {
        desk.sheet.get().then(|| {
            let areas = [
                Area::General,
                Area::View,
                Area::Add,
                Area::Move,
                Area::Edit,
                Area::Clipboard,
                Area::History,
                Area::Arrange,
                Area::Flow,
            ];
            let groups = areas
                .into_iter()
                .map(|area| {
                    let rows = ACTIONS
                        .iter()
                        .filter(|action| action.area == area)
                        .map(|action| {
                            let keys = desk.keymap.with_value(|keymap| keymap.shown(action.command, is_mac()));
                            view! {
                                <div>
                                    <dt>{action.label}</dt>
                                    <dd>{keys.into_iter().map(|keys| view! { <kbd>{keys}</kbd> }).collect_view()}</dd>
                                </div>
                            }
                        })
                        .collect_view();
                    view! { <section><h3>{area.title()}</h3><dl>{rows}</dl></section> }
                })
                .collect_view();
            view! {
                <div class="ed-sheet" role="dialog" aria-label="Keyboard shortcuts">
                    <header>
                        <h2 class="grow">"Keyboard shortcuts"</h2>
                        <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| desk.sheet.set(false)>
                            <Icon name="u-close"/>
                        </button>
                    </header>
                    <div class="ed-keys">{groups}</div>
                </div>
            }
        })
    }
}
