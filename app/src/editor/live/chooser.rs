//! One list to choose from, for everything that is chosen by typing: a type for a new task, what a task leads to, a task to go to,
//! something to do.

use editor::actions;
use editor::adding::{self, Template};
use editor::change::Change;
use editor::find::find;
use editor::legal::{Fixed, Legal};
use leptos::html::Input;
use leptos::prelude::*;

use super::commands::usual_port;
use super::desk::{Ask, Desk};
use super::is_mac;
use super::palette::matching;
use crate::icons::{self, Icon};

/// One of the list.
#[derive(Clone, PartialEq)]
struct Item {
    /// What is chosen with it.
    key: String,
    icon: String,
    label: String,
    detail: String,
    /// Why it cannot be chosen.
    reason: Option<String>,
}

/// So many are listed.
const LISTED: usize = 60;

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
    let text = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
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
        Ask::Find => ("Find a task", "Name, type, id, text, note, or “has error”"),
        Ask::Command => ("All commands", "What to do"),
    };
    let style = match &ask {
        Ask::Type(pick) => {
            let mut style = String::new();
            desk.stage(|stage| {
                let (w, h) = stage.size();
                let (x, y) = (
                    (pick.at.x).clamp(8.0, (w - 328.0).max(8.0)),
                    pick.at.y.clamp(8.0, (h - 300.0).max(8.0)),
                );
                style = format!("left:{x:.0}px;top:{y:.0}px;margin:0");
            });
            style
        }
        _ => String::new(),
    };
    let asked = ask.clone();
    let items = Memo::new(move |_| items(desk, &asked, &text.read()));
    let asked = ask;
    let choose = move |key: String| {
        desk.asked.set(None);
        chosen(desk, &asked, &key, &text.get_untracked());
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
                    on_enter(item.key);
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
                    <li
                        id=format!("choice-{ix}")
                        role="option"
                        aria-selected=move || (at.get() == ix).to_string()
                        aria-disabled=is_off.to_string()
                        on:pointerdown=move |event| event.prevent_default()
                        on:click=move |_| {
                            if !is_off {
                                choose(key.clone());
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
            <ul id="choices" role="listbox" aria-label=title>{rows}</ul>
            {move || items.with(Vec::is_empty).then(|| view! { <p class="muted">"Nothing found."</p> })}
        </div>
    }
    .into_any()
}

fn items(desk: Desk, ask: &Ask, text: &str) -> Vec<Item> {
    match ask {
        Ask::Type(_) | Ask::Retype(_) => desk.with(|session| {
            let found = matching(&session.types, text).into_iter().map(|task_type| Item {
                key: task_type.key.clone(),
                icon: icons::of_task_type(&task_type.key).to_owned(),
                label: task_type.title.clone(),
                detail: task_type.key.clone(),
                reason: None,
            });
            found.collect()
        }),
        Ask::Target(id) => targets(desk, id, text),
        Ask::Find => {
            let problems = desk.problems.get_untracked();
            desk.with(|session| {
                let found = find(session.model(), Some(session.value()), &problems, text).into_iter();
                let tasks = found.take(LISTED).map(|found| {
                    let card = session.scene.card(&found.task);
                    Item {
                        icon: card
                            .map_or("t-box", |card| icons::of_task_type(&card.task_type))
                            .to_owned(),
                        label: card.map_or_else(|| found.task.clone(), |card| card.title.clone()),
                        detail: match found.place.as_str() {
                            "name" => found.task.clone(),
                            place => format!("{place}: {}", found.excerpt),
                        },
                        key: found.task,
                        reason: None,
                    }
                });
                tasks.chain(drawn(&session.scene, text)).collect()
            })
        }
        Ask::Command => {
            let selection = desk.selection.get_untracked();
            let found = actions::search(text, &selection).into_iter();
            found
                .map(|action| Item {
                    key: action.id.to_owned(),
                    icon: String::new(),
                    label: action.label.to_owned(),
                    detail: desk
                        .keymap
                        .with_value(|keymap| keymap.shown(action.command, is_mac()))
                        .into_iter()
                        .next()
                        .unwrap_or_default(),
                    reason: None,
                })
                .collect()
        }
    }
}

/// Groups and notes in which a text stands. No task has such a key as theirs, with a colon in it.
fn drawn(scene: &editor::Scene, text: &str) -> Vec<Item> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Vec::new();
    }
    let is_in = |place: &str| place.to_lowercase().contains(&text);
    let groups = scene
        .groups
        .iter()
        .filter(|group| is_in(&group.group.title) || is_in("group"));
    let groups = groups.map(|group| Item {
        key: format!("group:{}", group.group.id),
        icon: "t-subflow".to_owned(),
        label: group.group.title.clone(),
        detail: "group".to_owned(),
        reason: None,
    });
    let notes = scene
        .notes
        .iter()
        .filter(|note| is_in(&note.note.text) || is_in("note"));
    let notes = notes.map(|note| Item {
        key: format!("note:{}", note.note.id),
        icon: "u-edit".to_owned(),
        label: note.note.text.lines().next().unwrap_or_default().to_owned(),
        detail: "note".to_owned(),
        reason: None,
    });
    groups.chain(notes).collect()
}

/// Tasks an edge can lead to first, the others with the reason why it cannot.
fn targets(desk: Desk, id: &str, text: &str) -> Vec<Item> {
    let text = text.trim().to_lowercase();
    desk.with(|session| {
        let scene = &session.scene;
        let Some(from) = scene.number(id) else {
            return Vec::new();
        };
        let legal = Legal::new(
            scene,
            Fixed::From(from),
            &usual_port(scene, from).edge(id, ""),
            None,
        );
        let others = scene.cards.iter().enumerate().filter(|(ix, _)| *ix != from);
        let mut items: Vec<Item> = others
            .filter(|(_, card)| {
                format!("{} {} {}", card.title, card.id, card.task_type)
                    .to_lowercase()
                    .contains(&text)
            })
            .map(|(ix, card)| Item {
                key: card.id.clone(),
                icon: icons::of_task_type(&card.task_type).to_owned(),
                label: card.title.clone(),
                detail: card.task_type.clone(),
                reason: legal.reason(scene, ix),
            })
            .collect();
        items.sort_by_key(|item| item.reason.is_some());
        items.truncate(LISTED);
        items
    })
}

fn chosen(desk: Desk, ask: &Ask, key: &str, text: &str) {
    let change = match ask {
        Ask::Command => {
            if let Some(action) = actions::ACTIONS.iter().find(|action| action.id == key) {
                desk.run(action.command);
            }
            return;
        }
        Ask::Find if key.contains(':') => {
            if let Some((kind, id)) = key.split_once(':') {
                desk.jump_to_drawn(kind == "note", id);
            }
            back_to_stage();
            return;
        }
        Ask::Find => {
            let problems = desk.problems.get_untracked();
            let all: Vec<String> = desk.with(|session| {
                let found = find(session.model(), Some(session.value()), &problems, text);
                found.into_iter().map(|found| found.task).collect()
            });
            let at = all.iter().position(|id| id == key).unwrap_or(0);
            desk.kept.update_value(|kept| kept.found = (all, at));
            desk.jump(key);
            back_to_stage();
            return;
        }
        Ask::Type(pick) => Some(desk.with(|session| pick.change(&session.scene, &Template::of(key)))),
        Ask::Target(id) => desk.with(|session| {
            let (from, to) = (session.scene.number(id)?, session.scene.number(key)?);
            adding::connect(&session.scene, from, usual_port(&session.scene, from), to)
        }),
        Ask::Retype(id) => Some(desk.with(|session| {
            let known = session
                .type_of(key)
                .and_then(|known| known.input_schema.get("properties")?.as_object());
            Change::Retype {
                task: id.clone(),
                task_type: key.to_owned(),
                known: known
                    .into_iter()
                    .flat_map(serde_json::Map::keys)
                    .cloned()
                    .collect(),
            }
        })),
    };
    if let Some(change) = change {
        desk.change(&change);
        desk.show_primary();
    }
    back_to_stage();
}

/// The stage takes the focus.
pub(super) fn back_to_stage() {
    use wasm_bindgen::JsCast;
    if let Some(stage) = document().query_selector(".ed-stage").ok().flatten() {
        let _ = stage.unchecked_ref::<web_sys::HtmlElement>().focus();
    }
}
