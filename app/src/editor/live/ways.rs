//! Ways to and from places: the task that the address names, links to tasks and to the flows they start, and back and forth through the
//! places one has been to.

use editor::select::Selection;
use editor::text::offset;
use editor::visits::Place;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::assist::read;
use super::chooser;
use super::desk::Desk;
use crate::format::url_part;
use crate::parts::clipboard as system;

/// How long a selection stands before the address names it: browsers refuse addresses that change with every key.
const NAMED_AFTER: std::time::Duration = std::time::Duration::from_millis(300);

/// Opens what the address names, and from then on names there what is selected.
pub(super) fn follow_address(desk: Desk) {
    let query = use_query_map().get_untracked();
    if let Some(id) = query.get("node")
        && desk.with(|session| session.scene.card(&id).is_some())
    {
        desk.select(Selection::one(&id));
    }
    let mut name = debounce(NAMED_AFTER, move |task: Option<String>| {
        if !desk.selection.is_disposed() {
            name_in_address(task.as_deref());
        }
    });
    Effect::new(move |before: Option<Option<String>>| {
        let task = desk
            .selection
            .with(|selection| selection.primary().map(str::to_owned));
        if before.is_some_and(|before| before != task) {
            name(task.clone());
        }
        task
    });
}

/// The address names this task, and nothing else of it changes. Nobody is told: the page is the same.
fn name_in_address(task: Option<&str>) {
    let location = window().location();
    let (Ok(path), Ok(search), Ok(history)) = (location.pathname(), location.search(), window().history())
    else {
        return;
    };
    let Ok(query) = web_sys::UrlSearchParams::new_with_str(&search) else {
        return;
    };
    match task {
        Some(task) => query.set("node", task),
        None => query.delete("node"),
    }
    let query = String::from(query.to_string());
    let mark = if query.is_empty() { "" } else { "?" };
    let to = format!("{path}{mark}{query}");
    // Where a browser refuses, the address stays as it was.
    let state = history.state().unwrap_or(wasm_bindgen::JsValue::NULL);
    let _ = history.replace_state_with_url(&state, "", Some(&to));
}

impl Desk {
    fn here(self) -> Place {
        let mut here = Place {
            selection: self.selection.get_untracked(),
            ..Place::default()
        };
        self.stage(|stage| here.camera = stage.camera());
        here
    }

    /// One is about to jump away from here.
    pub(super) fn leave(self) {
        let here = self.here();
        self.kept.update_value(|kept| kept.visits.leave(here));
    }

    /// Goes back to the place before (`true`), or forth again.
    pub(super) fn turn(self, is_back: bool) {
        let here = self.here();
        let to = self.kept.try_update_value(|kept| match is_back {
            true => kept.visits.back(here),
            false => kept.visits.forth(here),
        });
        let Some(Some(to)) = to else {
            let word = if is_back { "previous" } else { "next" };
            return self.tell(format!("There is no {word} place."));
        };
        // What was there may be gone meanwhile.
        self.select(self.with(|session| to.selection.kept(&session.scene, None)));
        self.stage(|stage| stage.look(to.camera));
    }

    /// Copies the address of the selected task.
    pub(super) fn copy_link(self) {
        let Some(id) = self.primary() else { return };
        let Some(flow) = self.with(|session| session.flow.clone()) else {
            return self.refuse("This flow has no address yet. Publish it first.".to_owned());
        };
        let origin = window().location().origin().unwrap_or_default();
        let link = format!("{origin}/flows/{}/edit?node={}", url_part(&flow), url_part(&id));
        leptos::task::spawn_local(async move {
            match system::put(&link).await {
                true => self.tell(format!("Copied a link to {id}.")),
                false => self.refuse("The browser did not let the page write to the clipboard.".to_owned()),
            }
        });
    }

    /// The address of the editor of the flow that a task starts; none if it starts none, or an expression says which.
    pub(super) fn flow_of(self, task: &str) -> Option<String> {
        self.with(|session| {
            let (_, value) = session.task(task)?;
            let flow = value
                .get("with")
                .filter(|_| value.get("type").is_some_and(|kind| kind == "subflow"))?
                .get("flow")?
                .as_str()
                .filter(|flow| !flow.is_empty() && !flow.contains("{{"))?;
            // The way back leads to the task.
            let from = session.flow.as_ref();
            let from = from.map(|from| format!("?from={}", url_part(&format!("{from}/{task}"))));
            Some(format!(
                "/flows/{}/edit{}",
                url_part(flow),
                from.unwrap_or_default()
            ))
        })
    }

    /// Opens the flow that the selected task starts.
    pub(super) fn open_flow(self) {
        let Some(id) = self.primary() else { return };
        match self.flow_of(&id) {
            // As a link would: who has something to lose is asked.
            Some(to) => drop(window().location().set_href(&to)),
            None => self.refuse(format!(
                "`{id}` starts no flow by its name: only a subflow task does, whose `flow` is an id."
            )),
        }
    }

    /// Goes to the task that is named where the cursor stands, in whatever field.
    pub(super) fn go_to_cursor(self) {
        let element = document().active_element();
        let (text, units) = element.as_ref().map(read).unwrap_or_default();
        let at = offset::byte(&text, units as usize);
        let Some(task) = editor::reference::task_at(&text, at).map(str::to_owned) else {
            return self.tell("No task is named at the cursor.".to_owned());
        };
        // With the other task the field goes: what was typed is taken before.
        chooser::back_to_stage();
        self.go_to_task(&task);
    }

    fn go_to_task(self, task: &str) {
        match self.with(|session| session.scene.card(task).is_some()) {
            true => self.jump(task),
            false => self.tell(format!("There is no task `{task}`.")),
        }
    }

    /// The task that an expression names at a byte of it is selected and in the middle; whether there is such a task.
    pub(super) fn go_to_named(self, text: &str, at: usize) -> bool {
        let Some(task) = editor::reference::task_at(text, at) else {
            return false;
        };
        self.go_to_task(task);
        true
    }
}

/// The flow one came from, by the address: its id, and the task that starts this one.
#[component]
pub(super) fn CameFrom() -> impl IntoView {
    let from = use_query_map().get_untracked().get("from")?;
    let (flow, task) = from.split_once('/').unwrap_or((&from, ""));
    let (flow, task) = (flow.to_owned(), task.to_owned());
    let href = match task.is_empty() {
        true => format!("/flows/{}/edit", url_part(&flow)),
        false => format!("/flows/{}/edit?node={}", url_part(&flow), url_part(&task)),
    };
    let title = format!("Back to {flow}, which starts this flow");
    Some(view! {
        <nav class="ed-from" aria-label="Came from">
            <a class="cut" href=href title=title>{flow}</a>
            <span aria-hidden="true">"▸"</span>
        </nav>
    })
}
