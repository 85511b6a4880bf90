//! What a list holds: types, tasks, commands, flows, steps, groups and notes, the best first.

use editor::actions::{self, Command};
use editor::find::find;
use editor::fuzzy;
use editor::geometry::Port;
use editor::legal::{Fixed, Legal};
use editor::scene::Card;
use leptos::prelude::*;

use super::super::desk::{Ask, Desk};
use super::super::habits::Lately;
use super::super::known::get;
use super::super::palette::matching;
use super::super::{groups, is_mac};
use crate::{format, icons};

/// One of the list.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Item {
    /// What is chosen with it.
    pub(super) key: String,
    pub(super) icon: String,
    pub(super) label: String,
    pub(super) detail: String,
    /// Why it cannot be chosen.
    pub(super) reason: Option<String>,
    /// What stands above it, if something new begins with it.
    pub(super) head: Option<&'static str>,
}

/// A flow by its id and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    id: String,
    name: String,
}

/// So many are listed.
const LISTED: usize = 60;

/// What is listed for what was asked, by what was typed.
pub(super) fn items(desk: Desk, ask: &Ask, text: &str, port: &Port, flows: &[Named]) -> Vec<Item> {
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
pub(super) fn fetch_flows(desk: Desk, flows: RwSignal<Vec<Named>>) {
    let own = desk.with(|session| session.flow.clone());
    leptos::task::spawn_local(async move {
        let answer = get("/api/v1/flows?limit=200").await;
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
                    detail: format!("{word} {}", format::count(step.n as u64, "step", "steps")),
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
