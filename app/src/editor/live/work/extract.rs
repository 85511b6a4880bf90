//! Selected tasks become a flow of their own: it is published, and one task that runs it stands in their place.

use editor::adding::free_id;
use editor::extract::{Extracted, Wanted};
use editor::geometry::{Rect, snapped};
use editor::select::Selection;
use editor::{Refusal, Source};
use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::{Value, json};

use super::super::desk::Desk;
use super::super::later::Engine;
use super::Sheet;
use crate::fns::draft::publish;
use crate::format;
use crate::icons::Icon;
use crate::model::edit::PublishAsk;

/// What would become of it.
fn work_out(
    desk: Desk,
    engine: Engine,
    tasks: &[String],
    flow: &str,
) -> Result<(Extracted, String), Refusal> {
    desk.with(|session| {
        let cards = tasks.iter().filter_map(|id| session.scene.card(id));
        let around = Rect::around(cards.map(|card| card.rect));
        let task = free_id(&session.scene, flow);
        let wanted = Wanted {
            tasks,
            flow,
            task: &task,
            at: around.map(|rect| snapped(rect.corner())),
        };
        let extracted = (engine.extract)(session.editor().source(), session.value(), &wanted)?;
        Ok((extracted, task))
    })
}

/// The names below a field of a document.
fn names(document: &Value, field: &str) -> String {
    let names = document.get(field).and_then(Value::as_object);
    let names: Vec<&str> = names
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

/// The dialog.
#[component]
pub(super) fn Extract(desk: Desk) -> impl IntoView {
    let tasks = StoredValue::new(desk.meant());
    let usual = desk.with(|session| {
        let flow = session
            .value()
            .get("flow")
            .and_then(Value::as_str)
            .unwrap_or("flow");
        format!("{flow}-part")
    });
    let id = RwSignal::new(usual);
    let wrong = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let input = NodeRef::<Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            let _ = input.focus();
            input.select();
        }
    });
    let found = Memo::new_with_compare(
        move |_| {
            let engine = desk.engine()?;
            let id = id.get();
            let id = id.trim();
            if !flow::ids::is_slug(id) {
                let message = "An id has lower case letters, digits, - and _.".to_owned();
                return Some(Err(message));
            }
            let found = tasks.with_value(|tasks| work_out(desk, engine, tasks, id));
            Some(found.map_err(|refusal| format!("Not possible: {refusal}.")))
        },
        |_, _| true,
    );
    let send = move || {
        let Some(Some(Ok((extracted, task)))) = found.try_get() else {
            return;
        };
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        wrong.set(None);
        let from = desk.with(|session| session.flow.clone());
        let flow_id = id.get_untracked().trim().to_owned();
        let ask = PublishAsk {
            source: extracted.document.text().to_owned(),
            base: 0,
            message: from.map_or_else(String::new, |flow| format!("Taken out of {flow}")),
            name: String::new(),
        };
        spawn_local(async move {
            let published = publish(json!(ask).to_string()).await;
            if is_busy.is_disposed() {
                return;
            }
            is_busy.set(false);
            match published {
                Ok(_) => {
                    let n = tasks.with_value(Vec::len) as u64;
                    let label = format!("Make {} the flow {flow_id}", format::count(n, "task", "tasks"));
                    desk.work().dialog.set(None);
                    desk.change_as(&label, &extracted.change, Some(Selection::one(&task)));
                    if !extracted.notes.is_empty() {
                        desk.note(&extracted.notes);
                    }
                }
                Err(refused) if refused.status == 412 => {
                    wrong.set(Some(format!(
                        "There is a flow {flow_id} already. Choose another id."
                    )));
                }
                Err(refused) => {
                    let problem = refused.problems.first().map(|problem| problem.message.clone());
                    wrong.set(Some(format!(
                        "Not published: {}",
                        problem.unwrap_or(refused.message)
                    )));
                }
            }
        });
    };
    let told = move || {
        match found.get() {
        None => view! { <p class="muted">"Reading the expressions…"</p> }.into_any(),
        Some(Err(why)) => view! {
            <p class="note" data-state="failed" role="alert"><Icon name="s-failed"/> <span class="grow">{why}</span></p>
        }
        .into_any(),
        Some(Ok((extracted, _))) => {
            let value = value_of(&extracted.document);
            let notes = extracted.notes.into_iter();
            let notes = notes.map(|note| view! { <li>{note}</li> }).collect_view();
            view! {
                <dl class="ed-pairs">
                    <dt>"Inputs"</dt>
                    <dd class="mono">{names(&value, "inputs")}</dd>
                    <dt>"Outputs"</dt>
                    <dd class="mono">{names(&value, "outputs")}</dd>
                </dl>
                <ul class="ed-notes">{notes}</ul>
            }
            .into_any()
        }
    }
    };
    let title = tasks.with_value(|tasks| {
        format!(
            "{} become a flow of their own. It is published, and one task that runs it stands in their place. Undo brings the tasks back; the new flow stays.",
            format::count(tasks.len() as u64, "task", "tasks")
        )
    });
    let is_off = move || is_busy.get() || !matches!(found.get(), Some(Ok(_)));
    view! {
        <Sheet desk title="Make a flow of these tasks">
            <form
                class="ed-form"
                on:submit=move |event| {
                    event.prevent_default();
                    send();
                }
            >
                <p>{title}</p>
                {move || wrong.get().map(|why| view! {
                    <p class="note" data-state="failed" role="alert"><Icon name="s-failed"/> <span class="grow">{why}</span></p>
                })}
                <label for="extract-id">"Id of the new flow"</label>
                <input
                    id="extract-id"
                    node_ref=input
                    autofocus=true
                    class="mono"
                    type="text"
                    spellcheck="false"
                    autocomplete="off"
                    prop:value=move || id.get()
                    on:input=move |event| id.set(event_target_value(&event))
                />
                {told}
                <div class="tools">
                    <button class="button primary" type="submit" disabled=is_off>"Publish it"</button>
                    <button class="button" type="button" on:click=move |_| desk.work().dialog.set(None)>"Cancel"</button>
                </div>
            </form>
        </Sheet>
    }
    .into_any()
}

/// What a text says.
fn value_of(source: &Source) -> Value {
    flow::parse::parse(source.text().as_bytes(), source.format())
        .ok()
        .and_then(|parsed| serde_json::to_value(parsed.doc).ok())
        .unwrap_or_default()
}
