//! What choosing does.

use editor::actions;
use editor::adding::{self, Template};
use editor::change::Change;
use editor::find::find;
use editor::geometry::Port;
use editor::select::Selection;
use leptos::prelude::*;

use super::super::desk::{Ask, Desk};
use super::super::habits::Lately;
use super::back_to_stage;
use crate::format::url_part;

/// Does what was chosen: `key` is that of the item, `text` what was typed, `port` what an edge is taken on.
pub(super) fn chosen(desk: Desk, ask: &Ask, key: &str, text: &str, port: &Port) {
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

/// Goes to what was found, and remembers what else was.
pub(super) fn found(desk: Desk, key: &str, text: &str) {
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
