//! One list to choose from, for everything that is chosen by typing: a type for a new task, what a task leads to, a task to go to,
//! something to do.

use editor::actions::{self, Command};
use editor::adding::{self, Template};
use editor::change::Change;
use editor::find::find;
use editor::fuzzy;
use editor::geometry::Port;
use editor::legal::{Fixed, Legal};
use editor::links;
use editor::model::Section;
use editor::scene::Card;
use editor::select::Selection;
use leptos::html::Input;
use leptos::prelude::*;

use super::desk::{Ask, Desk};
use super::habits::Lately;
use super::palette::matching;
use super::{groups, is_mac};
use crate::format::url_part;
use crate::icons::{self, Icon};

/// One of the list.
#[derive(Clone, Default, PartialEq)]
struct Item {
    /// What is chosen with it.
    key: String,
    icon: String,
    label: String,
    detail: String,
    /// Why it cannot be chosen.
    reason: Option<String>,
    /// What stands above it, if something new begins with it.
    head: Option<&'static str>,
}

/// A flow by its id and name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    id: String,
    name: String,
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

fn items(desk: Desk, ask: &Ask, text: &str, port: &Port, flows: &[Named]) -> Vec<Item> {
    match ask {
        Ask::Type(_) | Ask::Retype(_) => desk.with(|session| {
            let mut found = matching(&session.types, text);
            if let Ask::Type(pick) = ask {
                found.retain(|task_type| pick.suits(&task_type.key));
            }
            let mut items: Vec<Item> = found
                .into_iter()
                .map(|task_type| Item {
                    key: task_type.key.clone(),
                    icon: icons::of_task_type(&task_type.key).to_owned(),
                    label: task_type.title.clone(),
                    detail: task_type.key.clone(),
                    ..Item::default()
                })
                .collect();
            lately_first(&mut items, Lately::Types, text, "All types");
            items
        }),
        Ask::Target(id) => ends(desk, id, true, port, text),
        Ask::Source(id) => ends(desk, id, false, port, text),
        Ask::Into(choose) => {
            let text = text.trim().to_lowercase();
            desk.with(|session| {
                let cards = choose.cards(&session.scene).into_iter();
                let cards = cards.map(|card| &session.scene.cards[card]);
                cards
                    .filter(|card| is_named(card, &text))
                    .map(|card| of_card(card, None))
                    .collect()
            })
        }
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
                        ..Item::default()
                    }
                });
                tasks.chain(drawn(&session.scene, text)).collect()
            })
        }
        Ask::Step => steps(desk, text),
        Ask::Group => {
            let found = desk
                .with(|session| groups::found(session.drawn(), text))
                .into_iter();
            let items = found.map(|(key, label, detail)| Item {
                key,
                icon: "t-subflow".to_owned(),
                label,
                detail,
                ..Item::default()
            });
            items.collect()
        }
        Ask::Command => to_do(desk, text, flows),
    }
}

/// Commands, tasks of this flow, and other flows, the best first; with nothing typed the commands, those of late first.
fn to_do(desk: Desk, text: &str, flows: &[Named]) -> Vec<Item> {
    let selection = desk.selection.get_untracked();
    let shown = |action: &actions::Action| {
        let keys = desk.keymap.with(|keymap| keymap.shown(action.command, is_mac()));
        Item {
            key: action.id.to_owned(),
            label: action.label.to_owned(),
            detail: keys.into_iter().next().unwrap_or_default(),
            ..Item::default()
        }
    };
    // This list is open already.
    let found = actions::search(text, &selection).into_iter();
    let found = found.filter(|action| action.command != Command::Commands);
    let mut items: Vec<Item> = found.map(shown).collect();
    if text.trim().is_empty() {
        lately_first(&mut items, Lately::Commands, text, "All commands");
        return items;
    }
    // No action has such a key as theirs, with a colon in it.
    desk.with(|session| {
        items.extend(session.scene.cards.iter().map(|card| Item {
            key: format!("task:{}", card.id),
            icon: icons::of_task_type(&card.task_type).to_owned(),
            label: card.title.clone(),
            detail: match card.title == card.id {
                true => "task".to_owned(),
                false => format!("task {}", card.id),
            },
            ..Item::default()
        }));
    });
    items.extend(flows.iter().map(|flow| Item {
        key: format!("flow:{}", flow.id),
        icon: "u-flows".to_owned(),
        label: flow.name.clone(),
        detail: match flow.name == flow.id {
            true => "flow".to_owned(),
            false => format!("flow {}", flow.id),
        },
        ..Item::default()
    }));
    let mut items = fuzzy::best(items, text, |item| {
        let id = item.key.split_once(':').map_or(&*item.key, |(_, id)| id);
        vec![item.label.clone(), id.replace('-', " ")]
    });
    items.truncate(LISTED);
    items
}

/// With nothing typed, what was chosen lately stands first, under a heading of its own.
fn lately_first(items: &mut [Item], lately: Lately, text: &str, others: &'static str) {
    if !text.trim().is_empty() {
        return;
    }
    let n_recent = lately.read().sort(items, |item| &item.key);
    if n_recent > 0 {
        items[0].head = Some("Recently used");
        if let Some(next) = items.get_mut(n_recent) {
            next.head = Some(others);
        }
    }
}

/// Asks for the other flows there are.
fn fetch_flows(desk: Desk, flows: RwSignal<Vec<Named>>) {
    let own = desk.with(|session| session.flow.clone());
    leptos::task::spawn_local(async move {
        let answer = super::known::get("/api/v1/flows?limit=200").await;
        let items = answer.as_ref().and_then(|answer| answer.get("items")?.as_array());
        let text = |item: &serde_json::Value, field: &str| item.get(field)?.as_str().map(str::to_owned);
        let named = items.into_iter().flatten().filter_map(|item| {
            let id = text(item, "id")?;
            let name = text(item, "name").unwrap_or_else(|| id.clone());
            Some(Named { id, name })
        });
        let others = named.filter(|flow| Some(&flow.id) != own.as_ref());
        // The list may be closed meanwhile.
        flows.try_set(others.collect());
    });
}

/// Goes to what was found, and remembers what else was.
fn found(desk: Desk, key: &str, text: &str) {
    if let Some((kind, id)) = key.split_once(':') {
        return desk.jump_to_drawn(kind == "note", id);
    }
    let problems = desk.problems.get_untracked();
    let all: Vec<String> = desk.with(|session| {
        let found = find(session.model(), Some(session.value()), &problems, text);
        found.into_iter().map(|found| found.task).collect()
    });
    let at = all.iter().position(|id| id == key).unwrap_or(0);
    desk.kept.update_value(|kept| kept.found = (all, at));
    desk.jump(key);
}

/// The steps there are, the newest first, by what going there does.
fn steps(desk: Desk, text: &str) -> Vec<Item> {
    let text = text.trim().to_lowercase();
    desk.with(|session| {
        let listed = session.editor().history().listed().into_iter();
        let found = listed.filter(|step| step.label.to_lowercase().contains(&text));
        found
            .map(|step| {
                let (sign, word) = if step.is_done {
                    ("-", "undo")
                } else {
                    ("+", "redo")
                };
                Item {
                    key: format!("{sign}{}", step.n),
                    icon: format!("u-{word}"),
                    label: step.label.to_owned(),
                    detail: format!("{word} {}", crate::format::count(step.n as u64, "step", "steps")),
                    ..Item::default()
                }
            })
            .collect()
    })
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
        ..Item::default()
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
        ..Item::default()
    });
    groups.chain(notes).collect()
}

/// Tasks an edge from a task can lead to, or one to it can come from, first; the others with the reason why it cannot.
fn ends(desk: Desk, id: &str, is_from: bool, port: &Port, text: &str) -> Vec<Item> {
    let text = text.trim().to_lowercase();
    desk.with(|session| {
        let scene = &session.scene;
        let Some(own) = scene.number(id) else {
            return Vec::new();
        };
        let fixed = if is_from { Fixed::From(own) } else { Fixed::To(own) };
        let legal = Legal::new(scene, fixed, &port.edge("", ""), None);
        let others = scene.cards.iter().enumerate().filter(|(ix, _)| *ix != own);
        let mut items: Vec<Item> = others
            .filter(|(_, card)| is_named(card, &text))
            .map(|(ix, card)| of_card(card, legal.reason(scene, ix)))
            .collect();
        items.sort_by_key(|item| item.reason.is_some());
        items.truncate(LISTED);
        items
    })
}

/// Whether a text stands in what a card is called.
fn is_named(card: &Card, text: &str) -> bool {
    format!("{} {} {}", card.title, card.id, card.task_type)
        .to_lowercase()
        .contains(text)
}

/// A task, with the reason why it cannot be chosen.
fn of_card(card: &Card, reason: Option<String>) -> Item {
    Item {
        key: card.id.clone(),
        icon: icons::of_task_type(&card.task_type).to_owned(),
        label: card.title.clone(),
        detail: card.task_type.clone(),
        reason,
        head: None,
    }
}

fn chosen(desk: Desk, ask: &Ask, key: &str, text: &str, port: &Port) {
    let change = match ask {
        Ask::Command => {
            match key.split_once(':') {
                Some(("task", id)) => {
                    desk.jump(id);
                    back_to_stage();
                }
                // As a link would: who has something to lose is asked.
                Some(("flow", id)) => {
                    let _ = window()
                        .location()
                        .set_href(&format!("/flows/{}/edit", url_part(id)));
                }
                _ => {
                    if let Some(action) = actions::ACTIONS.iter().find(|action| action.id == key) {
                        Lately::Commands.used(key);
                        desk.run(action.command);
                    }
                }
            }
            return;
        }
        Ask::Group => {
            let tasks = desk.selection.with_untracked(Selection::ids);
            desk.put_in_group(&tasks, key);
            back_to_stage();
            return;
        }
        Ask::Step => {
            if let Some(n) = key.get(1..).and_then(|n| n.parse().ok()) {
                desk.steps(key.starts_with('-'), n);
            }
            back_to_stage();
            return;
        }
        Ask::Find => {
            found(desk, key, text);
            back_to_stage();
            return;
        }
        Ask::Type(pick) => Some(desk.with(|session| pick.change(&session.scene, &Template::of(key)))),
        Ask::Target(id) => desk.with(|session| {
            let (from, to) = (session.scene.number(id)?, session.scene.number(key)?);
            adding::connect(&session.scene, from, port, to)
        }),
        Ask::Source(id) => desk.with(|session| {
            let (from, to) = (session.scene.number(key)?, session.scene.number(id)?);
            adding::connect(&session.scene, from, port, to)
        }),
        Ask::Into(choose) => desk.with(|session| choose.change(&session.scene, key)),
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
        if matches!(ask, Ask::Type(_) | Ask::Retype(_)) {
            Lately::Types.used(key);
        }
        desk.command(&change);
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
