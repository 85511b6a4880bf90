//! One list to choose from, for everything that is chosen by typing: a type for a new task, what a task leads to, a task to go to,
//! something to do.

use editor::geometry::Port;
use editor::links;
use editor::model::Section;
use leptos::html::Input;
use leptos::prelude::*;

use self::chosen::{chosen, found};
use self::listed::{Named, fetch_flows, items};
use super::desk::{Ask, Desk};
use crate::icons::Icon;

mod chosen;
mod listed;

/// The list, where something asks for it.
#[component]
pub(super) fn Chooser(desk: Desk) -> impl IntoView {
    move || {
        let ask = desk.asked.get()?;
        Some(view! { <Open desk ask/> })
    }
}

#[component]
fn Open(desk: Desk, ask: Ask) -> impl IntoView {
    // What was typed before this list was there.
    let ahead = desk.kept.try_update_value(|kept| std::mem::take(&mut kept.ahead));
    let text = RwSignal::new(ahead.unwrap_or_default());
    let at = RwSignal::new(match &ask {
        // The last step that is done, whatever was taken back after it.
        Ask::Step => desk.with(|session| {
            let history = session.editor().history();
            let n_done = history.done().count();
            if n_done == 0 { 0 } else { history.undone().count() }
        }),
        _ => 0,
    });
    let flows = RwSignal::new(Vec::<Named>::new());
    if ask == Ask::Command {
        fetch_flows(desk, flows);
    }
    let input = NodeRef::<Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    let (title, hint) = match &ask {
        Ask::Type(_) => ("Add a task", "Type of task"),
        Ask::Retype(_) => ("Change the type", "Type of task"),
        Ask::Target(_) => ("Connect to", "Name of a task"),
        Ask::Source(_) => ("Connect from", "Name of a task"),
        Ask::Into(choose) if choose.is_target => ("Connect to", "Name of a task in the group"),
        Ask::Into(_) => ("Connect from", "Name of a task in the group"),
        Ask::Group => ("Put into a group", "Title of a group"),
        Ask::Step => ("Undo or redo several steps", "Name of a step"),
        Ask::Find => ("Find a task", "Name, type, id, text, note, or “has error”"),
        Ask::Command => ("Commands, tasks and flows", "What to do, or where to go"),
    };
    let place = match &ask {
        Ask::Type(pick) => Some(pick.at),
        Ask::Into(choose) => Some(choose.at),
        _ => None,
    };
    let mut style = String::new();
    if let Some(at) = place {
        desk.stage(|stage| {
            let (w, h) = stage.size();
            let (x, y) = (
                at.x.clamp(8.0, (w - 328.0).max(8.0)),
                at.y.clamp(8.0, (h - 300.0).max(8.0)),
            );
            style = format!("left:{x:.0}px;top:{y:.0}px;margin:0");
        });
    }
    let ways = StoredValue::new(ways(desk, &ask));
    let way = RwSignal::new(0_usize);
    // A task that comes between two others runs when they do.
    let section = match &ask {
        Ask::Type(pick) if pick.on.is_none() => Some(RwSignal::new(pick.section)),
        _ => None,
    };
    let port = move |way: usize| ways.with_value(|ways| ways.get(way).cloned().unwrap_or(Port::Succeeded));
    let asked = ask.clone();
    let items =
        Memo::new(move |_| flows.with(|flows| items(desk, &asked, &text.read(), &port(way.get()), flows)));
    let asked = ask;
    let choose = move |key: String, is_by_key: bool| {
        let typed = text.get_untracked();
        // Of several matches Enter goes on to the next one, as long as one looks for the same.
        let n_items = items.with_untracked(Vec::len);
        if asked == Ask::Find && n_items > 1 && is_by_key {
            found(desk, &key, &typed);
            return at.update(|at| *at = (*at + 1) % n_items);
        }
        desk.asked.set(None);
        let asked = match (&asked, section) {
            (Ask::Type(pick), Some(section)) => {
                let section = section.get_untracked();
                Ask::Type(desk.with(|session| pick.clone().in_section(&session.scene, section)))
            }
            _ => asked.clone(),
        };
        chosen(desk, &asked, &key, &typed, &port(way.get_untracked()));
    };
    let on_enter = choose.clone();
    let typed = move |event: web_sys::KeyboardEvent| {
        let last = items.with(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => at.update(|at| *at = if *at >= last { 0 } else { *at + 1 }),
            "ArrowUp" => at.update(|at| *at = if *at == 0 { last } else { *at - 1 }),
            "Enter" => {
                let item = items.with(|items| items.get(at.get_untracked()).cloned());
                if let Some(item) = item.filter(|item| item.reason.is_none()) {
                    on_enter(item.key, true);
                }
            }
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let rows = move || {
        items
            .get()
            .into_iter()
            .enumerate()
            .map(|(ix, item)| {
                let choose = choose.clone();
                let key = item.key.clone();
                let is_off = item.reason.is_some();
                view! {
                    {item.head.map(|head| view! { <li class="head" role="presentation">{head}</li> })}
                    <li
                        id=format!("choice-{ix}")
                        role="option"
                        aria-selected=move || (at.get() == ix).to_string()
                        aria-disabled=is_off.to_string()
                        on:pointerdown=move |event| event.prevent_default()
                        on:click=move |_| {
                            if !is_off {
                                choose(key.clone(), false);
                            }
                        }
                    >
                        {(!item.icon.is_empty()).then(|| view! { <Icon name=item.icon.clone()/> })}
                        <span class="cut">{item.label}</span>
                        <span class="muted cut grow">{item.reason.unwrap_or(item.detail)}</span>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <div class="ed-choose" role="dialog" aria-label=title style=style>
            <input
                node_ref=input
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="choices"
                aria-activedescendant=move || format!("choice-{}", at.get())
                aria-label=title
                placeholder=hint
                autocomplete="off"
                prop:value=move || text.get()
                on:input=move |event| {
                    at.set(0);
                    text.set(event_target_value(&event));
                }
                on:keydown=typed
            />
            {section.map(|section| sections(section, input))}
            {ways.with_value(|ways| (ways.len() > 1).then(|| outcomes(ways, way, input)))}
            <ul id="choices" role="listbox" aria-label=title>{rows}</ul>
            {move || items.with(Vec::is_empty).then(|| view! { <p class="muted">"Nothing found."</p> })}
        </div>
    }
    .into_any()
}

/// What the edge can be taken on, if an edge is asked for.
fn ways(desk: Desk, ask: &Ask) -> Vec<Port> {
    match ask {
        Ask::Target(id) => desk.with(|session| {
            let card = session.scene.number(id);
            card.map(|card| links::ways(&session.scene, card))
                .unwrap_or_default()
        }),
        Ask::Source(_) => vec![Port::Succeeded, Port::Failed, Port::Always],
        _ => Vec::new(),
    }
}

/// The outcomes to choose from. Enter leads back to the tasks.
fn outcomes(ways: &[Port], way: RwSignal<usize>, input: NodeRef<Input>) -> impl IntoView + use<> {
    let options = ways.iter().enumerate().map(|(ix, port)| {
        let label = port.label().unwrap_or_else(|| "on success".to_owned());
        view! { <option value=ix.to_string()>{label}</option> }
    });
    let options = options.collect_view();
    view! {
        <label class="ed-way">
            <span class="muted">"Taken"</span>
            <select on:keydown=move |event| to_list(&event, input) on:change=move |event| way.set(event_target_value(&event).parse().unwrap_or(0))>{options}</select>
        </label>
    }
}

/// When the task is to run. Enter leads back to the types.
fn sections(section: RwSignal<Section>, input: NodeRef<Input>) -> impl IntoView {
    let options = Section::ALL.map(|other| {
        let is_so = other == section.get_untracked();
        view! { <option value=other.key() selected=is_so>{other.words()}</option> }
    });
    let change = move |event: leptos::ev::Event| {
        let key = event_target_value(&event);
        if let Some(chosen) = Section::ALL.into_iter().find(|other| other.key() == key) {
            section.set(chosen);
        }
    };
    view! {
        <label class="ed-way">
            <span class="muted">"When"</span>
            <select on:keydown=move |event| to_list(&event, input) on:change=change>{options}</select>
        </label>
    }
}

/// From a choice beside the list Enter leads back to the list.
fn to_list(event: &web_sys::KeyboardEvent, input: NodeRef<Input>) {
    if event.key() == "Enter" {
        event.prevent_default();
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    }
}

/// The stage takes the focus.
pub(super) fn back_to_stage() {
    use wasm_bindgen::JsCast;
    if let Some(stage) = document().query_selector(".ed-stage").ok().flatten() {
        let _ = stage.unchecked_ref::<web_sys::HtmlElement>().focus();
    }
}
