//! What is known of the selected task, to be changed: its name, its arguments by the schema of its type, how it is run.

use editor::change::Change;
use editor::form::{Field, Form, form};
use editor::geometry::Port;
use editor::model::Edge;
use leptos::html::Input;
use leptos::prelude::*;
use serde_json::Value;

use super::assist::{Assisted, Look};
use super::desk::{Ask, Desk};
use super::drawn::{GroupPart, NotePart};
use super::fields::Fields;
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
    let shown = Memo::new(move |_| {
        desk.rev.track();
        desk.selection.with(|selection| {
            if let Some(note) = selection.note() {
                return Shown::Note(note.to_owned());
            }
            if let Some(group) = selection.group() {
                return Shown::Group(group.to_owned());
            }
            match (selection.tasks().len(), selection.primary(), selection.edge()) {
                (1, Some(id), _) => Shown::Task(id.to_owned()),
                (0, _, Some(edge)) => Shown::Edge(edge.clone()),
                (0, _, None) => Shown::Flow,
                (n, _, _) => Shown::Many(n),
            }
        })
    });
    move || {
        desk.inspector.get().then(|| {
            let inside = match shown.get() {
                Shown::Task(id) => view! { <Task desk id/> }.into_any(),
                Shown::Edge(edge) => view! { <EdgePart desk edge/> }.into_any(),
                Shown::Note(id) => view! { <NotePart desk id/> }.into_any(),
                Shown::Group(id) => view! { <GroupPart desk id/> }.into_any(),
                Shown::Flow => view! { <FlowPart desk/> }.into_any(),
                Shown::Many(n) => view! { <Many desk n/> }.into_any(),
            };
            view! {
                <aside class="ed-side" aria-label="Inspector">
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
    Edge(Edge),
    Note(String),
    Group(String),
    Many(usize),
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
                desk.change(&Change::Rename { task: id.clone(), to });
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
        </header>
        <div class="ed-form">
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
            <h3>"Arguments"</h3>
            <Fields desk form=arguments path/>
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
fn EdgePart(desk: Desk, edge: Edge) -> impl IntoView {
    let (from, to) = (edge.from.clone(), edge.to.clone());
    let edge = Memo::new(move |_| {
        desk.track(|session| {
            let there = session.scene.track(&edge)?;
            Some(session.scene.tracks[there].edge.clone())
        })
    });
    let set = move |on: Vec<String>, when: Option<String>| {
        if let Some(old) = edge.get_untracked() {
            desk.change(&Change::Reconnect {
                old: old.clone(),
                new: Edge { on, when, ..old },
            });
        }
    };
    let source = from.clone();
    let words = move || {
        let cases = desk
            .track(|session| session.scene.card(&source).map(|card| card.ports.clone()))
            .unwrap_or_default();
        let mut words: Vec<String> = ["succeeded", "failed", "skipped", "cancelled", "always"]
            .map(str::to_owned)
            .to_vec();
        for port in cases {
            if let Port::Case(case) = port
                && !words.contains(&case)
            {
                words.push(case);
            }
        }
        let on = edge.get().map(|edge| edge.on).unwrap_or_default();
        let is_on = move |word: &str| {
            if on.is_empty() {
                word == "succeeded"
            } else {
                on.iter().any(|other| other == word)
            }
        };
        words
            .into_iter()
            .map(|word| {
                let checked = is_on(&word);
                let own = word.clone();
                view! {
                    <label class="ed-check">
                        <input
                            type="checkbox"
                            prop:checked=checked
                            on:change=move |event| {
                                let Some(edge) = edge.get_untracked() else { return };
                                let mut on = if edge.on.is_empty() { vec!["succeeded".to_owned()] } else { edge.on.clone() };
                                on.retain(|other| *other != own);
                                if event_target_checked(&event) {
                                    on.push(own.clone());
                                }
                                if on == ["succeeded"] {
                                    on.clear();
                                }
                                set(on, edge.when);
                            }
                        />
                        {word}
                    </label>
                }
            })
            .collect_view()
    };
    let when = move || edge.get().and_then(|edge| edge.when).unwrap_or_default();
    let path = desk.with(|session| {
        let section = session.task(&to).map_or("tasks", |(section, _)| section);
        // Any entry of `needs` is read in the same way.
        [section, &to, "needs", "0", "when"].map(str::to_owned).to_vec()
    });
    view! {
        <header>
            <Icon name="t-switch" large=true/>
            <div class="grow">
                <h2 class="cut">{format!("{from} → {to}")}</h2>
                <p class="muted">"An edge: what has to have happened before the next task may start."</p>
            </div>
        </header>
        <div class="ed-form">
            <fieldset class="ed-field">
                <legend class="name">"Taken when the upstream"</legend>
                {words}
            </fieldset>
            <div class="ed-field">
                <label class="name" for="edge-when">"And only if"</label>
                <Assisted
                    desk
                    path
                    look=Look { id: "edge-when".to_owned(), label: Some("And only if"), rows: None, class: "mono", mode: "text", hint: "inputs.go".to_owned() }
                    text=Signal::derive(when)
                    is_wrong=false
                    live=RwSignal::new(String::new())
                    give=Callback::new(move |text: String| {
                        let edge = edge.get_untracked();
                        let before = edge.as_ref().and_then(|edge| edge.when.clone());
                        let when = (!text.trim().is_empty()).then_some(text);
                        if when != before {
                            set(edge.map(|edge| edge.on).unwrap_or_default(), when);
                        }
                    })
                />
                <span class="help">"An expression; without it the outcome alone decides."</span>
            </div>
            <button type="button" class="button danger" on:click=move |_| desk.run(editor::actions::Command::Delete)>"Delete the edge"</button>
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

#[component]
fn Many(desk: Desk, n: usize) -> impl IntoView {
    use editor::actions::Command as C;
    let buttons = [
        C::AlignLeft,
        C::AlignCentre,
        C::AlignRight,
        C::AlignTop,
        C::AlignMiddle,
        C::AlignBottom,
        C::DistributeAcross,
        C::DistributeDown,
        C::Tidy,
        C::Delete,
    ];
    let buttons = buttons
        .into_iter()
        .filter(|command| n > 2 || !matches!(command, C::DistributeAcross | C::DistributeDown))
        .map(|command| {
            let label = if command == C::Tidy { "Tidy these" } else { editor::actions::of(command).label };
            view! { <button type="button" class="button small" on:click=move |_| desk.run(command)>{label}</button> }
        })
        .collect_view();
    view! {
        <header>
            <Icon name="u-list" large=true/>
            <h2 class="grow">{format!("{n} tasks")}</h2>
        </header>
        <div class="ed-form"><div class="ed-many">{buttons}</div></div>
    }
    .into_any()
}

/// The field of a form at a path, however deep.
pub(super) fn at_path(form: &Form, path: &[String]) -> Option<Field> {
    use editor::form::Kind;
    for field in form.fields.iter().chain(&form.unknown) {
        if field.path == path {
            return Some(field.clone());
        }
        if path.starts_with(&field.path) {
            return match field.plain_kind() {
                Kind::Group(inner) => at_path(inner, path),
                Kind::List(fields) | Kind::Map(fields) => {
                    let inner = Form {
                        fields: fields.clone(),
                        ..Form::default()
                    };
                    at_path(&inner, path)
                }
                _ => None,
            };
        }
    }
    None
}
