//! What the selected task did last, and what its output is pinned to.

use editor::outputs;
use flow::RunId;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;

use super::desk::Desk;
use super::known;
use super::work::is_pinned;
use crate::error::AppError;
use crate::fns;
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::model::ValueView;
use crate::model::edit::LastView;
use crate::parts::{Badge, Moment, Tree, clipboard};

/// What a task did last, with what it was given and gave.
#[derive(Clone)]
struct Told {
    last: LastView,
    input: Option<ValueView>,
    output: Option<ValueView>,
}

/// What the selected task did in the newest run in which it did something itself.
#[component]
pub(super) fn LastRun(desk: Desk) -> impl IntoView {
    let Some(id) = desk.primary() else {
        return ().into_any();
    };
    let told = RwSignal::new(None::<Result<Option<Told>, AppError>>);
    let round = StoredValue::new(0_u32);
    let own = id.clone();
    Effect::new(move |_| {
        // A trial that has ended is the last run.
        desk.work().is_running.track();
        let n = round.try_update_value(|round| {
            *round += 1;
            *round
        });
        let flow = desk.with(|session| {
            let flow = session.value().get("flow").and_then(Value::as_str);
            flow.unwrap_or_default().to_owned()
        });
        let task = own.clone();
        spawn_local(async move {
            let last = ask(flow, task).await;
            // The inspector may show another task, or have asked again.
            if round.try_get_value() == n {
                told.set(Some(last));
            }
        });
    });
    (move || {
        let id = id.clone();
        match told.get() {
            None => view! { <p class="muted" role="status">"Looking it up…"</p> }.into_any(),
            Some(Err(error)) => {
                view! { <p class="ed-none" data-state="failed">{error.message}</p> }.into_any()
            }
            Some(Ok(None)) => {
                view! { <p class="muted">"It has not run yet. Shift+Enter runs it alone."</p> }.into_any()
            }
            Some(Ok(Some(told))) => view! { <Values desk id told/> }.into_any(),
        }
    })
    .into_any()
}

async fn ask(flow: String, task: String) -> Result<Option<Told>, AppError> {
    let Some(last) = fns::draft::last_of_task(flow, task.clone()).await? else {
        return Ok(None);
    };
    let output = fns::task_value(last.run, task.clone(), true).await?;
    let input = fns::task_value(last.run, task, false).await?;
    Ok(Some(Told { last, input, output }))
}

#[component]
fn Values(desk: Desk, id: String, told: Told) -> impl IntoView {
    let Told { last, input, output } = told;
    let run = last.run;
    let href = format!("/runs/{run}?task={}", format::url_part(&id));
    let is_trial = flow::trial::is_trial(last.version);
    let error = last.error.map(|error| {
        view! { <p class="note" data-state="failed"><Icon name="s-failed"/> <span class="grow">{error}</span></p> }
    });
    let root = outputs::reference(&id);
    view! {
        <div class="ed-last">
            <p class="ed-run-line">
                <Badge look=Signal::stored(look::status(last.status))/>
                {last.at.map(|at| view! { <Moment at/> })}
                <a href=href target="_blank">{if is_trial { "Open the trial" } else { "Open the run" }}</a>
            </p>
            {error}
            <One desk id=id.clone() run title="Output" value=output root/>
            <One desk id run title="Input" value=input root=String::new()/>
        </div>
    }
    .into_any()
}

/// A value with what can be done with it.
#[component]
fn One(
    desk: Desk,
    id: String,
    run: RunId,
    title: &'static str,
    value: Option<ValueView>,
    /// How expressions call it; empty if they cannot.
    root: String,
) -> impl IntoView {
    let is_output = title == "Output";
    let said = match &value {
        Some(value) if !value.part.value.is_null() => None,
        Some(_) if is_output => Some("It gave nothing."),
        Some(_) => Some("It was given nothing."),
        None if is_output => Some("It gave nothing, or not yet."),
        // What the engine does itself leaves no more behind than what it gave.
        None => Some("The input of such a task is not kept."),
    };
    let Some(value) = value.filter(|_| said.is_none()) else {
        return view! { <section><h4>{title}</h4><p class="muted">{said}</p></section> }.into_any();
    };
    let is_cut = !value.part.more.is_empty();
    let word = title.to_lowercase();
    let url = format!("/api/v1/runs/{run}/tasks/{}/{word}", format::url_part(&id));
    let file = format!("{id}-{word}.json");
    let shown = StoredValue::new(value.part.value.clone());
    let address = StoredValue::new(url.clone());
    // Of a large value only a part is here.
    let whole = move || async move {
        match is_cut {
            false => Some(shown.get_value()),
            true => known::get(&address.get_value()).await,
        }
    };
    let copy = move |_| {
        spawn_local(async move {
            let said = match whole().await {
                None => format!(
                    "The {} is too large to be copied: download it.",
                    title.to_lowercase()
                ),
                Some(value) => match clipboard::put(&outputs::text(&value)).await {
                    true => format!("Copied the {}.", title.to_lowercase()),
                    false => "The browser did not let the page write to the clipboard.".to_owned(),
                },
            };
            if !desk.said.is_disposed() {
                desk.note(std::slice::from_ref(&said));
                desk.say(said);
            }
        });
    };
    let pinned = id.clone();
    let pin = move |_| {
        let id = pinned.clone();
        spawn_local(async move {
            let output = whole().await;
            if desk.said.is_disposed() {
                return;
            }
            match output {
                Some(output) => desk.pin_to(&format!("Pin {id}"), &id, output),
                None => desk.refuse(
                    "The output is too large to be pinned. Pin a part of it, or simulate the flow."
                        .to_owned(),
                ),
            }
        });
    };
    let pins = is_output.then(|| {
        let edit = {
            let id = id.clone();
            let is_pinned = Memo::new(move |_| desk.track(|session| is_pinned(session.value(), &id)));
            move || {
                is_pinned.get().then(|| {
                    view! {
                        <button type="button" class="button quiet small" on:click=move |_| desk.run(editor::actions::Command::EditPin)>
                            "Edit the pin"
                        </button>
                    }
                })
            }
        };
        view! {
            <button type="button" class="button quiet small" on:click=pin><Icon name="u-pin"/> "Pin this"</button>
            {edit}
        }
    });
    view! {
        <section>
            <h4>
                {title}
                <span class="muted num">{format::bytes(value.bytes)}</span>
            </h4>
            <Tree part=value.part root label=title/>
            {is_cut.then(|| view! { <p class="muted">"Not all of it is shown: download it to see the rest."</p> })}
            <div class="tools">
                {pins}
                <button type="button" class="button quiet small" on:click=copy>"Copy"</button>
                <a class="button quiet small" href=url download=file rel="external"><Icon name="u-download"/> "Download"</a>
            </div>
        </section>
    }
    .into_any()
}

/// What the output of the selected task is pinned to, to be changed.
#[component]
pub(super) fn Pinned(desk: Desk) -> impl IntoView {
    let Some(id) = desk.primary() else {
        return ().into_any();
    };
    let task = StoredValue::new(id.clone());
    let pin = Memo::new(move |_| {
        desk.track(|session| {
            let pins = session.value().get("pins")?;
            task.with_value(|task| pins.get(task).cloned())
        })
    });
    let text = RwSignal::new(String::new());
    let problem = RwSignal::new(None::<String>);
    // As the document says, also when that is taken back.
    Effect::new(move |_| {
        text.set(pin.get().as_ref().map(outputs::text).unwrap_or_default());
        problem.set(None);
    });
    let give = move |typed: String| {
        text.set(typed.clone());
        match outputs::read(&typed) {
            Ok(output) => {
                problem.set(None);
                if pin.get_untracked().as_ref() != Some(&output) {
                    let task = task.get_value();
                    desk.pin_to(&format!("Edit the pin of {task}"), &task, output);
                }
            }
            Err(mistake) => problem.set(Some(mistake.to_string())),
        }
    };
    let about = format!("f-pins-{id}-told");
    let is_there = Memo::new(move |_| pin.with(Option::is_some));
    (move || {
        let (id, about) = (format!("f-pins-{id}"), about.clone());
        is_there.get().then(|| {
            view! {
                <div class="ed-field ed-pin" class:wrong=move || problem.with(Option::is_some)>
                    <div class="top">
                        <label class="name grow" for=id.clone()><Icon name="u-pin"/> "Pinned output"</label>
                        <button type="button" class="button quiet small" on:click=move |_| desk.run(editor::actions::Command::Pin)>"Unpin"</button>
                    </div>
                    <textarea
                        id=id
                        class="mono grows"
                        rows="3"
                        spellcheck="false"
                        autocomplete="off"
                        aria-describedby=about.clone()
                        aria-invalid=move || problem.with(Option::is_some).to_string()
                        prop:value=move || text.get()
                        on:change=move |event| give(event_target_value(&event))
                    ></textarea>
                    {move || problem.get().map(|problem| view! { <span class="problem" role="alert">{problem}</span> })}
                    <span class="help" id=about>"Trials take this instead of running the task. Other runs do not."</span>
                </div>
            }
        })
    })
    .into_any()
}
