//! The document tried out as it stands: asked for its inputs, run on the server, and watched on the same canvas, which stays open to changes.

use std::collections::BTreeMap;
use std::rc::Rc;

use flow::doc::InputDoc;
use flow::run::{Event, RunState};
use flow::trial::Scope;
use flow::view::{RunStatus, TaskStatus};
use flow::{FlowDoc, RunId, TaskIx};
use leptos::html::Form;
use leptos::prelude::*;
use leptos::task::spawn_local;
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::super::desk::Desk;
use super::super::known;
use super::{Panel, PanelHead};
use crate::error::AppError;
use crate::fns;
use crate::format;
use crate::graph::state;
use crate::icons::Icon;
use crate::live::frames;
use crate::live::run::LiveRun;
use crate::live::stream::{Batch, Source, Stream, keep};
use crate::look;
use crate::model::RunPage;
use crate::model::edit::{TrialAsk, TrialView};
use crate::parts::fields::{Elsewhere, Field, given};
use crate::parts::{Badge, Clock, Counts};
use crate::readable::readable;

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
    let is_reusing = RwSignal::new(scope != Scope::Whole);
    let form = NodeRef::<Form>::new();
    let inputs = StoredValue::new(inputs_of(desk));
    let scoped = StoredValue::new(scope.clone());
    let start = move |fields: Vec<(String, String)>| {
        error.set(None);
        stage.set(Stage::Starting);
        let ask = TrialAsk {
            source: desk.with(|session| session.text().to_owned()),
            fields,
            scope: scoped.get_value(),
            is_reusing: is_reusing.get_untracked(),
            outputs: BTreeMap::new(),
        };
        spawn_local(async move {
            let started = start(&ask).await;
            if stage.is_disposed() {
                return;
            }
            match started {
                Ok(running) => stage.set(Stage::Running(Box::new(running))),
                Err(refused) => {
                    desk.say(format!("Not started: {}", refused.message));
                    error.set(Some(refused));
                    stage.set(Stage::Asking);
                }
            }
        });
    };
    // Nothing to be asked: it starts at once.
    Effect::new(move |before: Option<()>| {
        desk.work().asked.track();
        if before.is_some() {
            inputs.set_value(inputs_of(desk));
            stage.set(Stage::Asking);
        }
        if inputs.with_value(Vec::is_empty) {
            start(Vec::new());
        }
    });
    let title = match &scope {
        Scope::Whole => "Run",
        Scope::To(_) => "Run to here",
        Scope::One(_) => "Run one task",
    };
    let about = match scope.task() {
        None => "The document as it is on the canvas, not published.".to_owned(),
        Some(task) => format!("Up to {task}, as it is on the canvas, not published."),
    };
    let has_parts = scope != Scope::Whole;
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
                    let given = given(&name, &input, None);
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
                    {fields}
                    <Elsewhere error=error.into() names refused="Not started"/>
                    {has_parts.then(|| view! {
                        <label class="check">
                            <input
                                type="checkbox"
                                prop:checked=move || is_reusing.get()
                                on:change=move |event| is_reusing.set(event_target_checked(&event))
                            />
                            "Take results of the last run that still hold"
                        </label>
                    })}
                    <div class="tools">
                        <button class="button primary" type="submit"><Icon name="u-play"/> "Start"</button>
                    </div>
                </form>
            }
            .into_any()
        }
    };
    let again = move || {
        matches!(stage.get(), Stage::Running(_)).then(|| {
            view! {
                <button type="button" class="button quiet small" on:click=move |_| {
                    if inputs.with_value(Vec::is_empty) { start(Vec::new()) } else { stage.set(Stage::Asking) }
                }>
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

/// A trial at work: its states are on the canvas, its numbers here.
#[component]
fn Running(desk: Desk, started: TrialView, page: RunPage) -> impl IntoView {
    let id = started.run;
    let Some(run) = LiveRun::new(page) else {
        return view! { <p class="ed-none">"This page was made by another version of Pointwork. Load it again."</p> }
            .into_any();
    };
    let clock = expect_context::<Clock>();
    follow(id, run, clock);
    ask_for_output(desk, id, run);
    let work = desk.work();
    Effect::new(move |_| {
        let status = run.status();
        run.changed.track();
        let is_over = status.is_final();
        if !is_over {
            clock.now.track();
        }
        work.is_running.set(!is_over);
        let (cards, outputs) = run.with(|state| shown(state, untrack(|| run.now(clock))));
        desk.show_states(cards, outputs);
    });
    Effect::new(move |before: Option<RunStatus>| {
        let status = run.status();
        if before != Some(status) && status.is_final() {
            desk.say(format!("The run {}.", look::run(status).word));
        }
        status
    });
    // Whoever asked before this one began did not mean it.
    let asked = work.stops.get_untracked();
    Effect::new(move |_| {
        if work.stops.get() != asked && !run.is_over.get_untracked() {
            spawn_local(async move {
                // One that has ended meanwhile is as it was wanted.
                let _ = fns::cancel_run(id, false, None).await;
            });
        }
    });
    on_cleanup(move || {
        work.is_running.try_set(false);
        desk.hide_states();
    });
    let took = move || {
        let summary = run.summary.get();
        let start = summary.started_at?;
        Some(match summary.finished_at {
            Some(end) => format::duration(format::span(start, end)),
            None => format::ticking(format::span(start, run.now(clock))),
        })
    };
    let why = move || {
        let error = run.summary.get().error?;
        let task = error.task.map_or_else(String::new, |task| format!("{task}: "));
        Some(
            view! { <p class="note" data-state="failed"><Icon name="s-failed"/> <span class="grow">{task} {error.message}</span></p> },
        )
    };
    let reused = (!started.reused.is_empty()).then(|| {
        let n = format::count(started.reused.len() as u64, "result", "results");
        view! { <p class="muted">{format!("{n} of the last run taken: {}", started.reused.join(", "))}</p> }
    });
    let unknown = (!started.unknown.is_empty()).then(|| {
        view! {
            <p class="note" data-state="attention">
                <Icon name="s-attention"/>
                <span class="grow">{format!("Nothing is known of {}: null was given. Pin their outputs to give something else.", started.unknown.join(", "))}</span>
            </p>
        }
    });
    view! {
        <div class="ed-run" data-run=id.to_string()>
            <div class="ed-run-line">
                <Badge look=Signal::derive(move || look::run(run.status()))/>
                <span class="num">{took}</span>
                <Counts counts=Signal::derive(move || {
                    run.changed.track();
                    run.with(RunState::counts)
                })/>
                <a class="button quiet small" href=format!("/runs/{id}") target="_blank">"Open the run"</a>
            </div>
            {why} {reused} {unknown}
            <Output desk run/>
        </div>
    }
    .into_any()
}

/// Asks for what the selected task gave, if it had ended before the run was followed: what a page begins with has no values.
fn ask_for_output(desk: Desk, id: RunId, run: LiveRun) {
    let given = desk.work().given;
    given.set(BTreeMap::new());
    Effect::new(move |_| {
        run.changed.track();
        let selected = desk
            .selection
            .with(|selection| selection.primary().map(str::to_owned));
        let Some(task) = selected.filter(|task| given.with_untracked(|given| !given.contains_key(task)))
        else {
            return;
        };
        let is_bare = run.with(|state| {
            state.plan().find(&task).is_some_and(|ix| {
                state.task_view(ix).state == TaskStatus::Succeeded && output_of(state, ix).is_none()
            })
        });
        if !is_bare {
            return;
        }
        given.update_untracked(|given| drop(given.insert(task.clone(), Value::Null)));
        spawn_local(async move {
            let url = format!("/api/v1/runs/{id}/tasks/{}/output", format::url_part(&task));
            if let Some(output) = known::get(&url).await {
                given.try_update(|given| given.insert(task, output));
            }
        });
    });
}

/// What a task gave, as far as the run as it is followed says it.
fn output_of(state: &RunState, ix: TaskIx) -> Option<&Value> {
    state
        .output(ix)
        .and_then(|output| output.inline())
        .map(|output| &**output)
        .filter(|output| !output.is_null())
}

/// What the selected task gave.
#[component]
fn Output(desk: Desk, run: LiveRun) -> impl IntoView {
    move || {
        run.changed.track();
        let id = desk
            .selection
            .with(|selection| selection.primary().map(str::to_owned));
        let Some(id) = id else {
            return view! { <p class="muted">"Select a task to see what it gave."</p> }.into_any();
        };
        let Some(ix) = run.plan().find(&id) else {
            return view! { <p class="muted">{format!("{id} is not part of this run.")}</p> }.into_any();
        };
        let task = run.task(ix);
        let error = task
            .error
            .map(|error| view! { <p class="ed-none" data-state="failed">{error.message}</p> });
        // Of the run itself: what pinning takes is put by only after this was asked.
        let asked = desk.work().given.with(|given| given.get(&id).map(cut));
        let output = run.with(|state| output_of(state, ix).map(cut)).or(asked);
        let pin = output.is_some().then(|| {
            view! {
                <button type="button" class="button quiet small" title="Pin this output (P)" on:click=move |_| desk.run(editor::actions::Command::Pin)>
                    <Icon name="u-pin"/>
                    {move || desk.track(|session| match super::is_pinned(session.value(), desk.primary().as_deref().unwrap_or_default()) {
                        true => "Unpin",
                        false => "Pin this output",
                    })}
                </button>
            }
        });
        let given = output.map(|output| view! { <pre class="ed-output" tabindex="0">{output}</pre> });
        view! {
            <div class="ed-run-line"><strong>{task.name}</strong> <span class="muted">{look::status(task.state).word}</span> {pin}</div>
            {error} {given}
        }
        .into_any()
    }
}

/// Characters of an output that are shown.
const OUTPUT_SHOWN: usize = 64 * 1024;

fn cut(value: &Value) -> String {
    let mut text = readable(value);
    text.truncate(text.floor_char_boundary(OUTPUT_SHOWN));
    text
}

/// How tasks show on their cards, and what they gave, as far as it is at hand.
pub(super) fn shown(
    state: &RunState,
    now: flow::Timestamp,
) -> (FxHashMap<String, state::CardState>, BTreeMap<String, Value>) {
    const CARD_HEIGHT: f64 = 64.0;
    let mut cards = FxHashMap::default();
    let mut outputs = BTreeMap::new();
    for ix in 0..state.tasks().len() as TaskIx {
        let key = state.plan().task(ix).key.to_string();
        let view = state.task_view(ix);
        if let Some(output) = output_of(state, ix) {
            outputs.insert(key.clone(), output.clone());
        }
        let mut card = state::card(&view, now, CARD_HEIGHT);
        if view.is_reused && view.state.is_final() {
            let is_pinned = state.plan().doc.pins.contains_key(&key);
            card.text = if is_pinned { "pinned" } else { "reused" }.to_owned();
        }
        cards.insert(key, card);
    }
    (cards, outputs)
}

/// Follows the run until its end.
fn follow(id: RunId, run: LiveRun, clock: Clock) {
    if run.is_over.get_untracked() {
        return;
    }
    let batch = Batch::new(move |events: Vec<Event>| {
        if run.apply(&events) {
            refetch(id, run);
        }
    });
    let stream: Rc<Stream> = Stream::open(Source {
        topic: format!("run:{id}"),
        from: run.position().seq.to_string(),
        frame: Box::new(move |frame| frames::take(&frame, run, clock, &batch, || refetch(id, run))),
        link: None,
    });
    keep(stream);
}

/// Events are missing between: a whole snapshot takes the place of what is there.
fn refetch(id: RunId, run: LiveRun) {
    spawn_local(async move {
        if let Ok(page) = fns::run(id.to_string(), None).await
            && !run.instant.is_disposed()
        {
            run.reset(page);
        }
    });
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
