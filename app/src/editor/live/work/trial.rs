//! The document tried out as it stands: asked for its inputs, run on the server, and watched on the same canvas, which stays open to changes.

use std::collections::BTreeMap;

use flow::FlowDoc;
use flow::doc::InputDoc;
use flow::trial::Scope;
use leptos::html::{Button, Form};
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::{Value, json};

use super::super::desk::Desk;
use super::given::{Given, GivenFields};
use super::running::Running;
use super::{Panel, PanelHead};
use crate::error::AppError;
use crate::fns;
use crate::icons::Icon;
use crate::model::RunPage;
use crate::model::edit::{TrialAsk, TrialView};
use crate::parts::fields::{Elsewhere, Field};

/// What stands in the panel.
#[derive(Clone)]
enum Stage {
    /// The inputs are asked for.
    Asking,
    /// It is on its way to the server.
    Starting,
    /// It runs, or has.
    Running(Box<(TrialView, RunPage)>),
}

/// The panel.
#[component]
pub(super) fn Trial(desk: Desk, scope: Scope) -> impl IntoView {
    let stage = RwSignal::new(Stage::Asking);
    let error = RwSignal::new(None::<AppError>);
    let is_reusing = desk.work().reusing(&scope);
    let form = NodeRef::<Form>::new();
    let button = NodeRef::<Button>::new();
    let inputs = StoredValue::new(inputs_of(desk));
    let scoped = StoredValue::new(scope.clone());
    let is_alone = matches!(scope, Scope::One(_));
    let given = Given::new();
    let ask = move |fields: Vec<(String, String)>, outputs: BTreeMap<String, Value>| TrialAsk {
        source: desk.with(|session| session.text().to_owned()),
        fields,
        scope: scoped.get_value(),
        is_reusing: is_reusing.get_untracked(),
        outputs,
    };
    let start = move |fields: Vec<(String, String)>| {
        let Some(outputs) = given.outputs() else {
            return desk.tell("Not started: see the marked fields.".to_owned());
        };
        error.set(None);
        stage.set(Stage::Starting);
        let ask = ask(fields, outputs);
        spawn_local(async move {
            let started = start(&ask).await;
            if stage.is_disposed() {
                return;
            }
            match started {
                Ok(running) => stage.set(Stage::Running(Box::new(running))),
                Err(refused) => {
                    desk.tell(format!("Not started: {}", refused.message));
                    error.set(Some(refused));
                    stage.set(Stage::Asking);
                }
            }
        });
    };
    let has_inputs = move || !inputs.with_value(Vec::is_empty);
    // What is to be asked is asked; with nothing it starts at once.
    let begin = move || {
        inputs.set_value(inputs_of(desk));
        if !is_alone {
            return match has_inputs() {
                true => stage.set(Stage::Asking),
                false => start(Vec::new()),
            };
        }
        stage.set(Stage::Asking);
        error.set(None);
        let asked = ask(Vec::new(), BTreeMap::new());
        spawn_local(async move {
            let told = fns::draft::trial_outputs(json!(asked).to_string()).await;
            if stage.is_disposed() {
                return;
            }
            match told {
                Ok(told) => {
                    given.put(told);
                    if !has_inputs() && given.is_empty() {
                        return start(Vec::new());
                    }
                    // As it is, Enter starts it. A long form begins at its beginning.
                    request_animation_frame(move || {
                        if let Some(button) = button.try_get_untracked().flatten().filter(|_| !has_inputs()) {
                            let _ = button.focus();
                        }
                    });
                }
                Err(refused) => {
                    desk.tell(format!("Not started: {}", refused.message));
                    error.set(Some(refused));
                }
            }
        });
    };
    Effect::new(move |_| {
        desk.work().asked.track();
        untrack(begin);
    });
    let title = match &scope {
        Scope::Whole => "Run",
        Scope::To(_) => "Run to here",
        Scope::One(_) => "Run one task",
    };
    let about = match scope.task() {
        None => "The document as it is on the canvas, not published.".to_owned(),
        Some(task) if is_alone => {
            format!("{task} alone, as it is on the canvas, not published.")
        }
        Some(task) => format!("Up to {task}, as it is on the canvas, not published."),
    };
    let switch = move || {
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=move || is_reusing.get()
                    on:change=move |event| {
                        is_reusing.set(event_target_checked(&event));
                        // What is shown there is of the runs that may be taken.
                        if is_alone && matches!(stage.get_untracked(), Stage::Asking) {
                            begin();
                        }
                    }
                />
                {match is_alone {
                    true => "Take what the tasks before it gave last",
                    false => "Take results of the last run that still hold",
                }}
            </label>
        }
    };
    let body = move || match stage.get() {
        Stage::Starting => view! { <p class="ed-none muted">"Starting…"</p> }.into_any(),
        Stage::Running(running) => {
            let (started, page) = *running;
            view! { <Running desk started page/> }.into_any()
        }
        Stage::Asking => {
            let fields = inputs
                .get_value()
                .into_iter()
                .map(|(name, input)| {
                    let given = crate::parts::fields::given(&name, &input, None);
                    view! { <Field name input given error=error.into()/> }
                })
                .collect_view();
            let names: Vec<String> =
                inputs.with_value(|inputs| inputs.iter().map(|(name, _)| name.clone()).collect());
            let send = move |event: leptos::ev::SubmitEvent| {
                event.prevent_default();
                start(form.get().map(|form| texts_of(&form)).unwrap_or_default());
            };
            view! {
                <form class="start ed-inputs" node_ref=form on:submit=send>
                    {is_alone.then(|| view! { <GivenFields given/> })}
                    {fields}
                    <Elsewhere error=error.into() names refused="Not started"/>
                    {switch()}
                    <div class="tools">
                        <button class="button primary" type="submit" node_ref=button><Icon name="u-play"/> "Start"</button>
                    </div>
                </form>
            }
            .into_any()
        }
    };
    let again = move || {
        matches!(stage.get(), Stage::Running(_)).then(|| {
            // Where nothing is asked, this is where it can be said.
            let here = (!is_alone && !has_inputs()).then(switch);
            view! {
                {here}
                <button type="button" class="button quiet small" on:click=move |_| begin()>
                    <Icon name="u-again"/>
                    "Run again"
                </button>
            }
        })
    };
    view! {
        <section class="ed-drawer ed-panel" aria-label=title>
            <PanelHead desk title><span class="grow muted cut">{about}</span> {again}</PanelHead>
            <div class="ed-panel-body">{body}</div>
        </section>
    }
}

async fn start(ask: &TrialAsk) -> Result<(TrialView, RunPage), AppError> {
    let started = fns::draft::start_trial(json!(ask).to_string()).await?;
    let page = fns::run(started.run.to_string(), None).await?;
    Ok((started, page))
}

/// The inputs of the document on the canvas, as far as it says them rightly.
fn inputs_of(desk: Desk) -> Vec<(String, InputDoc)> {
    let inputs = desk.with(|session| session.value().get("inputs").cloned());
    let inputs = inputs
        .as_ref()
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let read = |(name, input): (String, Value)| Some((name, serde_json::from_value(input).ok()?));
    inputs.into_iter().filter_map(read).collect()
}

/// The texts of a form's fields, by input name. Check boxes that are off are said to be so.
fn texts_of(form: &web_sys::HtmlFormElement) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let Ok(data) = web_sys::FormData::new_with_form(form) else {
        return texts;
    };
    let elements = form.elements();
    for at in 0..elements.length() {
        let Some(element) = elements.item(at) else {
            continue;
        };
        let Some(field) = element.get_attribute("name") else {
            continue;
        };
        let Some(name) = field
            .strip_prefix("fields[")
            .and_then(|rest| rest.strip_suffix(']'))
        else {
            continue;
        };
        let is_box = element.get_attribute("type").as_deref() == Some("checkbox");
        match data.get(&field).as_string() {
            Some(text) => texts.push((name.to_owned(), text)),
            None if is_box => texts.push((name.to_owned(), "false".to_owned())),
            None => {}
        }
    }
    texts
}

/// The document on the canvas, if it is right.
pub(super) fn document(desk: Desk) -> Option<FlowDoc> {
    desk.with(|session| {
        let text = session.text().as_bytes();
        let checked = flow::validate::check(text, flow::parse::Format::guess(text), &session.catalog());
        let is_right = checked
            .problems
            .iter()
            .all(|problem| problem.severity != flow::Severity::Error);
        checked.doc.filter(|_| is_right)
    })
}

/// What is said where a document has to be right first.
#[component]
pub(super) fn NotRight(desk: Desk) -> impl IntoView {
    view! {
        <p class="note" data-state="failed">
            <Icon name="s-failed"/>
            <span class="grow">"The document has errors, so it cannot be run."</span>
            <button type="button" class="button small" on:click=move |_| {
                desk.work().panel.set(Panel::Shut);
                desk.drawer.set(super::super::desk::Drawer::Problems);
            }>"Show them"</button>
        </p>
    }
}
