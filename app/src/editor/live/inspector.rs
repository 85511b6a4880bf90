//! What is known of the selected task, to be changed: its name, its arguments by the schema of its type, how it is run.

use editor::change::Change;
use editor::form::{Form, form};
use leptos::html::Input;
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen::JsCast;

use super::desk::{Ask, Desk};
use super::fields::Fields;
use super::later::{Fetched, Later};
use super::panels::{before_it, last_run, others, pinned};
use super::work::is_pinned;
use crate::icons::{self, Icon};

/// Fields of a task that have a place of their own, or that edges say.
const ELSEWHERE: [&str; 5] = ["type", "name", "description", "with", "needs"];

/// Fields of a flow that have a place of their own, or that are drawn.
const OF_THE_FLOW: [&str; 9] = [
    "flow",
    "name",
    "description",
    "tasks",
    "finally",
    "on_failure",
    "layout",
    "notes",
    "groups",
];

/// The inspector.
#[component]
pub(super) fn Inspector(desk: Desk) -> impl IntoView {
    // A task that is gone is not shown any longer.
    Effect::new(move |_| {
        let is_gone = |id: &String| desk.track(|session| session.scene.card(id).is_none());
        if desk.pinned.with(|pinned| pinned.as_ref().is_some_and(is_gone)) {
            desk.pinned.set(None);
        }
    });
    let shown = Memo::new(move |_| {
        desk.rev.track();
        if let Some(pinned) = desk.pinned.get() {
            return Shown::Task(pinned);
        }
        desk.selection
            .with(|selection| match (selection.tasks().len(), selection.primary()) {
                (1, Some(id)) => Shown::Task(id.to_owned()),
                (0, _) if selection.is_empty() => Shown::Flow,
                _ => Shown::Other,
            })
    });
    let aside = NodeRef::<leptos::html::Aside>::new();
    // What is shown anew is shown from its beginning.
    Effect::new(move |_| {
        shown.track();
        if let Some(aside) = aside.get_untracked() {
            aside.set_scroll_top(0);
        }
    });
    move || {
        desk.inspector.get().then(|| {
            let inside = match shown.get() {
                Shown::Task(id) => view! { <Task desk id/> }.into_any(),
                Shown::Flow => view! { <FlowPart desk/> }.into_any(),
                Shown::Other => {
                    view! { <Later desk name="the inspector" wanted=Signal::stored(true) fetch=|| Box::pin(others())/> }
                        .into_any()
                }
            };
            view! {
                <aside class="ed-side" aria-label="Inspector" node_ref=aside on:focusin=move |event| remember(desk, &event)>
                    <button type="button" class="button small ed-back-to" on:click=move |_| desk.inspector.set(false)>
                        <Icon name="u-before"/>
                        "Back to the flow"
                    </button>
                    {inside}
                </aside>
            }
        })
    }
}

#[derive(Clone, PartialEq)]
enum Shown {
    Flow,
    Task(String),
    /// An edge, a note, a group or several tasks.
    Other,
}

/// The field that has the focus, for what is put into it from beside it.
fn remember(desk: Desk, event: &web_sys::FocusEvent) {
    let target: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
    let field = target.and_then(|target| target.closest("[data-path]").ok().flatten());
    if let Some(path) = field.and_then(|field| field.get_attribute("data-path")) {
        desk.kept.update_value(|kept| kept.field = Some(path));
    }
}

/// A part of the inspector that is folded at first, and whose code comes when it is opened.
#[component]
fn Fold(
    desk: Desk,
    title: &'static str,
    /// As a reader would say it, with "the" before it.
    name: &'static str,
    open: RwSignal<bool>,
    fetch: fn() -> Fetched,
) -> impl IntoView {
    let turned = move |event: web_sys::Event| {
        let details = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        open.set(details.is_some_and(|details| details.has_attribute("open")));
    };
    view! {
        <details class="ed-fold" open=move || open.get() on:toggle=turned>
            <summary><Icon name="u-turn"/>{title}</summary>
            <Later desk name wanted=open.into() fetch/>
        </details>
    }
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[component]
fn Task(desk: Desk, id: String) -> impl IntoView {
    let task = {
        let id = id.clone();
        Memo::new(move |_| {
            desk.track(|session| session.task(&id).map(|(section, task)| (section, task.clone())))
        })
    };
    let Some((section, first)) = task.get_untracked() else {
        return ().into_any();
    };
    let key = Memo::new(move |_| {
        task.with(|task| {
            task.as_ref()
                .map_or_else(String::new, |(_, task)| text_of(task.get("type")))
        })
    });
    let known = Memo::new(move |_| desk.with(|session| session.type_of(&key.read()).cloned()));
    let arguments = {
        let id = id.clone();
        Memo::new(move |_| {
            let schema = known.with(|known| known.as_ref().map(|known| known.input_schema.clone()));
            let with = task.with(|task| task.as_ref().and_then(|(_, task)| task.get("with").cloned()));
            form(
                &schema.unwrap_or(Value::Bool(true)),
                with.as_ref(),
                &[section, &id, "with"],
            )
        })
    };
    let running = {
        let id = id.clone();
        Memo::new(move |_| {
            let value = task.with(|task| task.as_ref().map(|(_, task)| task.clone()));
            let whole = desk.with(|session| form(&session.task_schema, value.as_ref(), &[section, &id]));
            Form {
                fields: whole
                    .fields
                    .into_iter()
                    .filter(|field| {
                        field
                            .path
                            .last()
                            .is_none_or(|name| !ELSEWHERE.contains(&name.as_str()))
                    })
                    .collect(),
                ..whole
            }
        })
    };
    let has_more = first
        .as_object()
        .is_some_and(|fields| fields.keys().any(|name| !ELSEWHERE.contains(&name.as_str())));
    let name_input = NodeRef::<Input>::new();
    desk.when_opened(move || {
        name_input.get().is_some_and(|input| {
            input.select();
            input.focus().is_ok()
        })
    });
    let set = {
        let id = id.clone();
        move |field: &str, text: &str| {
            let value = (!text.trim().is_empty()).then(|| Value::String(text.to_owned()));
            desk.change(&Change::Set {
                path: vec![section.to_owned(), id.clone(), field.to_owned()],
                value,
            });
        }
    };
    let (set_name, set_about) = (set.clone(), set);
    let rename = {
        let id = id.clone();
        move |to: String| {
            let to = to.trim().to_owned();
            if to != id && !to.is_empty() {
                let is_pinned = desk.pinned.get_untracked().as_ref() == Some(&id);
                desk.change(&Change::Rename {
                    task: id.clone(),
                    to: to.clone(),
                });
                if is_pinned && desk.with(|session| session.scene.card(&to).is_some()) {
                    desk.pinned.set(Some(to));
                }
            }
        }
    };
    let name = move || {
        task.with(|task| {
            task.as_ref()
                .map_or_else(String::new, |(_, task)| text_of(task.get("name")))
        })
    };
    let about = move || {
        task.with(|task| {
            task.as_ref()
                .map_or_else(String::new, |(_, task)| text_of(task.get("description")))
        })
    };
    let retyped = id.clone();
    let own = id.clone();
    let starts = Memo::new(move |_| {
        task.track();
        desk.flow_of(&own)
    });
    let own = id.clone();
    let has_pin = Memo::new(move |_| desk.track(|session| is_pinned(session.value(), &own)));
    let path = vec![section.to_owned(), id.clone(), "with".to_owned()];
    view! {
        <header>
            <Icon name=Signal::derive(move || icons::of_task_type(&key.read()).to_owned()) large=true/>
            <div class="grow">
                <h2 class="cut">{move || match known.get() {
                    Some(known) => known.title,
                    None if key.with(String::is_empty) => "A task without a type".to_owned(),
                    None => key.get(),
                }}</h2>
                <p class="muted">{move || known.get().map(|known| known.summary)}</p>
            </div>
            <button type="button" class="button quiet small" on:click=move |_| desk.ask(Ask::Retype(retyped.clone()))>"Change type"</button>
            <button
                type="button"
                class="button quiet square"
                title=move || if desk.pinned.get().is_some() { "Kept on this task: let it follow the selection" } else { "Keep the inspector on this task" }
                aria-label="Keep the inspector on this task"
                aria-pressed=move || desk.pinned.get().is_some().to_string()
                on:click=move |_| desk.run(editor::actions::Command::KeepShown)
            >
                <Icon name="u-pin"/>
            </button>
        </header>
        <div class="ed-form">
            {move || starts.get().map(|href| view! { <a class="button small" href=href rel="external"><Icon name="t-subflow"/> "Open its flow"</a> })}
            <label class="ed-field">
                <span class="name">"Name"</span>
                <input
                    node_ref=name_input
                    placeholder=id.clone()
                    prop:value=name
                    on:change=move |event| set_name("name", &event_target_value(&event))
                />
            </label>
            <label class="ed-field">
                <span class="name">"Id"</span>
                <input class="mono" spellcheck="false" prop:value=id.clone() on:change=move |event| rename(event_target_value(&event))/>
            </label>
            <Fold desk title="Values from before" name="the values from before" open=desk.work().before fetch=|| Box::pin(before_it())/>
            <h3>"Arguments"</h3>
            <Fields desk form=arguments path/>
            <Later desk name="the pinned output" wanted=has_pin.into() fetch=|| Box::pin(pinned())/>
            <Fold desk title="Last run" name="the last run" open=desk.work().last fetch=|| Box::pin(last_run())/>
            <super::links::Links desk/>
            <details open=has_more>
                <summary><Icon name="u-turn"/>"How it is run"</summary>
                <Fields desk form=running path=vec![section.to_owned(), id]/>
            </details>
            <label class="ed-field">
                <span class="name">"Description"</span>
                <textarea rows="3" prop:value=about on:change=move |event| set_about("description", &event_target_value(&event))></textarea>
            </label>
        </div>
    }
    .into_any()
}

#[component]
fn FlowPart(desk: Desk) -> impl IntoView {
    let field = move |name: &'static str| move || desk.track(|session| text_of(session.value().get(name)));
    let set = move |name: &str, text: String| {
        let value = (!text.trim().is_empty()).then_some(Value::String(text));
        desk.change(&Change::Set {
            path: vec![name.to_owned()],
            value,
        });
    };
    let whole = Memo::new(move |_| desk.track(|session| session.flow_form(&OF_THE_FLOW)));
    let counts = move || {
        desk.track(|session| {
            let (n_tasks, n_edges) = (
                session.scene.cards.len() as u64,
                session.scene.tracks.len() as u64,
            );
            format!(
                "{}, {}",
                crate::format::count(n_tasks, "task", "tasks"),
                crate::format::count(n_edges, "edge", "edges")
            )
        })
    };
    view! {
        <header>
            <Icon name="u-flows" large=true/>
            <div class="grow">
                <h2>"The flow"</h2>
                <p class="muted">{counts}</p>
            </div>
        </header>
        <div class="ed-form">
            <label class="ed-field">
                <span class="name">"Id"<i class="must">"*"</i></span>
                <input class="mono" spellcheck="false" prop:value=field("flow") on:change=move |event| set("flow", event_target_value(&event))/>
            </label>
            <label class="ed-field">
                <span class="name">"Name"</span>
                <input prop:value=field("name") on:change=move |event| set("name", event_target_value(&event))/>
            </label>
            <label class="ed-field">
                <span class="name">"Description"</span>
                <textarea rows="4" prop:value=field("description") on:change=move |event| set("description", event_target_value(&event))></textarea>
            </label>
            <Fields desk form=whole path=Vec::new()/>
        </div>
    }
    .into_any()
}
