//! All keys, as the registry has them: to be looked up, and to be chosen otherwise.

use editor::actions::{ACTIONS, Action, Area};
use editor::keys::Chord;
use editor::own_keys::{OwnKeys, Recorded, Refused};
use leptos::html::{Dialog, Input};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::desk::Desk;
use super::{chooser, is_mac, own_keys};
use crate::icons::Icon;
use crate::parts::{self, keys};

const AREAS: [Area; 9] = [
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

/// All keys, if they are to be seen.
#[component]
pub(super) fn Sheet(desk: Desk) -> impl IntoView {
    move || desk.sheet.get().then(|| view! { <Open desk/> })
}

/// What the rows share.
#[derive(Clone, Copy)]
struct Keys {
    desk: Desk,
    own: RwSignal<OwnKeys>,
    /// What is looked for.
    text: RwSignal<String>,
    /// The action whose keys are being chosen, or that could not be reset without others.
    changing: RwSignal<Option<&'static str>>,
    is_reset: RwSignal<bool>,
    recorded: RwSignal<Recorded>,
    refused: RwSignal<Option<Refused>>,
    /// For those who do not see it: nothing outside of the dialog is read to them.
    said: RwSignal<String>,
}

#[component]
fn Open(desk: Desk) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get().filter(|dialog| !dialog.open()) {
            // It is in the page, so it can be shown.
            let _ = dialog.show_modal();
        }
    });
    // Whoever closes it goes on where they were.
    on_cleanup(chooser::back_to_stage);
    let (own, notes) = own_keys::chosen();
    let keys = Keys {
        desk,
        own: RwSignal::new(own),
        text: RwSignal::default(),
        changing: RwSignal::default(),
        is_reset: RwSignal::new(false),
        recorded: RwSignal::default(),
        refused: RwSignal::default(),
        said: RwSignal::default(),
    };
    let notes = (!notes.is_empty()).then(|| {
        view! {
            <p class="note" data-state="attention"><Icon name="s-attention"/> <span class="grow">{notes.join(" ")}</span></p>
        }
    });
    let groups = AREAS
        .into_iter()
        .map(|area| {
            let actions = ACTIONS.iter().filter(move |action| action.area == area);
            let is_none = move || !actions.clone().any(|action| keys.fits(action));
            let rows = ACTIONS
                .iter()
                .filter(|action| action.area == area)
                .map(|action| view! { <Row keys action/> })
                .collect_view();
            view! { <section hidden=is_none><h3>{area.title()}</h3><dl>{rows}</dl></section> }
        })
        .collect_view();
    let is_none = move || !ACTIONS.iter().any(|action| keys.fits(action));
    let is_off = RwSignal::new(keys::are_off());
    view! {
        <dialog class="ed-sheet" node_ref=dialog aria-label="Keyboard shortcuts" on:close=move |_| if parts::is_closed(dialog) { desk.sheet.set(false) }>
            <header>
                <h2 class="grow">"Keyboard shortcuts"</h2>
                <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| desk.sheet.set(false)>
                    <Icon name="u-close"/>
                </button>
            </header>
            <div class="ed-keys-tools">
                <input
                    type="search"
                    autofocus=true
                    autocomplete="off"
                    placeholder="Name or key, such as Ctrl+Z"
                    aria-label="Search shortcuts"
                    prop:value=move || keys.text.get()
                    on:input=move |event| keys.text.set(event_target_value(&event))
                />
                <label class="ed-check">
                    <input
                        type="checkbox"
                        prop:checked=move || is_off.get()
                        on:change=move |event| {
                            is_off.set(event_target_checked(&event));
                            keys::keep_off(is_off.get_untracked());
                            keys.keep("");
                        }
                    />
                    "Switch off keys that are a single letter"
                </label>
                <label class="ed-check">
                    <input
                        type="checkbox"
                        prop:checked=move || desk.work().wheel_zooms.get()
                        on:change=move |event| desk.swap_wheel(event_target_checked(&event))
                    />
                    "The wheel zooms, and moves the canvas with Ctrl"
                </label>
                <button
                    type="button"
                    class="button small"
                    aria-disabled=move || keys.own.with(OwnKeys::is_empty).to_string()
                    on:click=move |_| keys.reset_all()
                >
                    "Reset all"
                </button>
            </div>
            {notes}
            <div class="ed-keys">{groups}</div>
            <p class="muted" hidden=move || !is_none()>"No shortcut has such a name or key."</p>
            <p class="sr" role="status" aria-live="polite">{move || keys.said.get()}</p>
        </dialog>
    }
    .into_any()
}

impl Keys {
    /// Whether an action is looked for, by its name or by its keys.
    fn fits(self, action: &Action) -> bool {
        let text = self.text.read().trim().to_lowercase();
        let label = action.label.to_lowercase();
        text.split_whitespace().all(|word| label.contains(word))
            || self
                .shown(action)
                .iter()
                .any(|keys| keys.to_lowercase().contains(&text))
    }

    fn shown(self, action: &Action) -> Vec<String> {
        self.desk
            .keymap
            .with(|keymap| keymap.shown(action.command, is_mac()))
    }

    fn begin(self, action: &'static Action) {
        self.recorded.set(Recorded::default());
        self.refused.set(None);
        self.is_reset.set(false);
        self.changing.set(Some(action.id));
    }

    /// Nothing is chosen any more; the focus is where it was.
    fn end(self, action: &Action) {
        self.changing.set(None);
        let button = document().get_element_by_id(&format!("keys-of-{}", action.id));
        if let Some(button) = button {
            let _ = button.unchecked_ref::<web_sys::HtmlElement>().focus();
        }
    }

    fn save(self, action: &'static Action, replaces: bool) {
        let keys = self.recorded.with_untracked(Recorded::text);
        let is_reset = self.is_reset.get_untracked();
        let done = self.own.try_update(|own| match is_reset {
            true => own.reset(action, replaces),
            false => own.choose(action, &keys, replaces),
        });
        match done {
            Some(Err(why)) => {
                self.refused.set(Some(why));
                self.changing.set(Some(action.id));
            }
            _ => self.done(action),
        }
    }

    fn done(self, action: &Action) {
        self.keep(&match &self.shown_now(action)[..] {
            [] => format!("{} has no keys now.", action.label),
            keys => format!("{} has {} now.", action.label, keys.join(" and ")),
        });
        self.end(action);
    }

    fn shown_now(self, action: &Action) -> Vec<String> {
        let keymap = self.own.with_untracked(|own| own.keymap(!keys::are_off()));
        keymap.shown(action.command, is_mac())
    }

    fn reset(self, action: &'static Action) {
        self.begin(action);
        self.changing.set(None);
        self.is_reset.set(true);
        self.save(action, false);
    }

    fn reset_all(self) {
        self.changing.set(None);
        self.own.update(OwnKeys::reset_all);
        self.keep("All actions have the keys they came with.");
    }

    /// Keeps what was chosen, and says what has come of it.
    fn keep(self, said: &str) {
        let is_kept = self.own.with_untracked(|own| own_keys::keep(self.desk, own));
        self.said.set(match is_kept {
            true => said.to_owned(),
            false => format!("{said} This browser does not keep it beyond this page."),
        });
    }
}

#[component]
fn Row(keys: Keys, action: &'static Action) -> impl IntoView {
    let shown = move || {
        let shown = keys.shown(action);
        match shown.is_empty() {
            true => view! { <span class="muted">"none"</span> }.into_any(),
            false => shown
                .into_iter()
                .map(|keys| view! { <kbd>{keys}</kbd> })
                .collect_view()
                .into_any(),
        }
    };
    let reset = move || {
        let is_changed = keys.own.with(|own| own.is_changed(action));
        is_changed.then(|| {
            view! {
                <button
                    type="button"
                    class="button quiet square"
                    title="Reset"
                    aria-label=format!("Reset the keys of “{}”", action.label)
                    on:click=move |_| keys.reset(action)
                >
                    <Icon name="u-undo"/>
                </button>
            }
        })
    };
    view! {
        <div hidden=move || !keys.fits(action)>
            <dt>{action.label}</dt>
            <dd>
                {shown}
                {reset}
                <button
                    type="button"
                    class="button quiet square"
                    id=format!("keys-of-{}", action.id)
                    title="Change"
                    aria-label=format!("Change the keys of “{}”", action.label)
                    on:click=move |_| keys.begin(action)
                >
                    <Icon name="u-edit"/>
                </button>
            </dd>
            {move || (keys.changing.get() == Some(action.id)).then(|| view! { <Choosing keys action/> })}
        </div>
    }
    .into_any()
}

/// Where other keys are pressed, and where it is told why they cannot be had.
#[component]
fn Choosing(keys: Keys, action: &'static Action) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    let pressed = move |event: web_sys::KeyboardEvent| {
        let (key, is_held) = (
            event.key(),
            event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key(),
        );
        let has_some = keys.recorded.with_untracked(|recorded| !recorded.is_empty());
        match key.as_str() {
            // The focus can always leave.
            "Tab" => return,
            "Escape" if !is_held => keys.end(action),
            "Enter" if !is_held && has_some => keys.save(action, false),
            _ => {
                let (ctrl, alt) = (event.ctrl_key() || event.meta_key(), event.alt_key());
                keys.refused.set(None);
                keys.recorded
                    .update(|recorded| recorded.press(Chord::of(&key, ctrl, alt, event.shift_key())));
            }
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let refused = move || {
        let why = keys.refused.get()?;
        let (text, can_replace) = match why {
            Refused::Never(why) => (why, false),
            Refused::Taken(by) => (format!("Taken by: {}.", by.join(", ")), true),
        };
        let replace = can_replace.then(|| {
            view! {
                <button type="button" class="button small" on:click=move |_| keys.save(action, true)>
                    "Replace"
                </button>
            }
        });
        Some(view! { <p class="ed-wrong" role="alert">{text}</p> {replace} })
    };
    view! {
        <dd class="ed-choosing">
            <div hidden=move || keys.is_reset.get()>
                <input
                    node_ref=field
                    readonly=true
                    class="mono"
                    placeholder="Press one key or two"
                    aria-label=format!("New keys of “{}”", action.label)
                    aria-describedby="keys-how"
                    prop:value=move || keys.recorded.with(|recorded| recorded.show(is_mac()))
                    on:keydown=pressed
                />
                <p class="muted" id="keys-how">"Enter saves, Esc leaves them as they are."</p>
            </div>
            {refused}
            <button type="button" class="button small" hidden=move || keys.is_reset.get() || keys.recorded.with(Recorded::is_empty) on:click=move |_| keys.save(action, false)>
                "Save"
            </button>
            <button
                type="button"
                class="button small"
                hidden=move || keys.is_reset.get()
                on:click=move |_| {
                    keys.own.update(|own| own.clear(action));
                    keys.done(action);
                }
            >
                "No keys"
            </button>
            <button type="button" class="button small" on:click=move |_| keys.end(action)>"Cancel"</button>
        </dd>
    }
    .into_any()
}
