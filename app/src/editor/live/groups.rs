//! Tasks are put into groups and taken out of them by name: the canvas has its own way, by dragging.

use editor::drawn::Drawn;
use editor::select::Selection;
use leptos::prelude::*;

use super::desk::{Ask, Desk};
use crate::format::count;

/// No group has such an id.
pub(super) const NONE: &str = "";
pub(super) const NEW: &str = "+";

impl Desk {
    /// Asks into which group the selected tasks are to be put.
    pub(super) fn ask_for_group(self) {
        match self.with(|session| session.drawn().groups.is_empty()) {
            true => self.group(),
            false => self.ask(Ask::Group),
        }
    }

    /// The selected tasks leave their group.
    pub(super) fn take_out(self) {
        let tasks = self.selection.with_untracked(Selection::ids);
        self.put_in_group(&tasks, NONE);
    }

    /// Tasks come into a group, into a new one, or into none.
    pub(super) fn put_in_group(self, tasks: &[String], group: &str) {
        let group = match group {
            NEW => return self.group_these(tasks, None),
            NONE => None,
            id => Some(id),
        };
        let made = self.with(|session| {
            let drawn = session.drawn();
            let change = drawn.put_in(tasks, group)?;
            Some((drawn.put_words(tasks, group), change))
        });
        match (made, group) {
            (Some((label, change)), _) => self.change_as(&label, &change, None),
            (None, Some(_)) => self.say("What is selected is in that group already.".to_owned()),
            (None, None) => self.say("What is selected stands in no group.".to_owned()),
        }
    }

    /// A new group around the selected tasks, which is selected then.
    pub(super) fn group(self) {
        let tasks = self.selection.with_untracked(Selection::ids);
        let id = self.with(|session| session.drawn().new_group_id());
        self.group_these(&tasks, Some(Selection::of_group(&id)));
    }

    fn group_these(self, tasks: &[String], chosen: Option<Selection>) {
        let change = self.with(|session| session.drawn().group(tasks));
        let label = format!("Group {}", count(tasks.len() as u64, "task", "tasks"));
        self.change_as(&label, &change, chosen);
    }
}

/// In which group the task stands that the inspector shows, to be changed.
#[component]
pub(super) fn InGroup(desk: Desk) -> impl IntoView {
    let shown = Memo::new(move |_| desk.inspected());
    let own = Memo::new(move |_| {
        let id = shown.get();
        desk.track(|session| {
            let group = session.drawn().group_of(id.as_deref()?)?;
            Some(group.id.clone())
        })
        .unwrap_or_default()
    });
    let groups = Memo::new(move |_| {
        desk.track(|session| {
            let groups = session.drawn().groups.iter();
            groups
                .map(|group| (group.id.clone(), group.title.clone()))
                .collect::<Vec<_>>()
        })
    });
    let options = move || {
        let own = own.get();
        let none = (NONE.to_owned(), "None".to_owned());
        let new = (NEW.to_owned(), "New group…".to_owned());
        let all = std::iter::once(none).chain(groups.get()).chain([new]);
        all.map(|(id, title)| {
            let is_own = id == own;
            view! { <option value=id selected=is_own>{title}</option> }
        })
        .collect_view()
    };
    let choose = move |event: leptos::ev::Event| {
        if let Some(id) = shown.get_untracked() {
            desk.put_in_group(&[id], &event_target_value(&event));
        }
    };
    view! {
        <label class="ed-field">
            <span class="name">"Group"</span>
            <select on:change=choose>{options}</select>
        </label>
    }
    .into_any()
}

/// The groups to choose from, by a part of their title: ids, titles and how many tasks they have.
pub(super) fn found(drawn: &Drawn, text: &str) -> Vec<(String, String, String)> {
    let groups = drawn.groups.iter().map(|group| {
        let tasks = count(group.tasks.len() as u64, "task", "tasks");
        (group.id.clone(), group.title.clone(), tasks)
    });
    let new = (NEW.to_owned(), "New group".to_owned(), String::new());
    let text = text.trim().to_lowercase();
    groups
        .chain([new])
        .filter(|(_, title, _)| title.to_lowercase().contains(&text))
        .collect()
}
