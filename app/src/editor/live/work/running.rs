//! A trial at work: watched on the canvas, its numbers in the panel.

use std::collections::BTreeMap;
use std::rc::Rc;

use editor::outputs;
use editor::standing::{self, Summary};
use flow::run::{Event, RunState};
use flow::view::{RunStatus, TaskStatus};
use flow::{RunId, TaskIx, trial};
use leptos::prelude::*;
use leptos::task::spawn_local;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::super::desk::Desk;
use super::super::known;
use super::Given;
use crate::fns;
use crate::format;
use crate::graph::state;
use crate::icons::Icon;
use crate::live::frames;
use crate::live::run::LiveRun;
use crate::live::stream::{Batch, Source, Stream, keep};
use crate::look;
use crate::model::RunPage;
use crate::model::edit::TrialView;
use crate::parts::{Badge, Clock, Counts, Tree};
use crate::values::Part;

/// A trial at work: its states are on the canvas, its numbers here.
#[component]
pub(super) fn Running(desk: Desk, started: TrialView, page: RunPage) -> impl IntoView {
    let id = started.run;
    let Some(run) = LiveRun::new(page) else {
        return view! { <p class="ed-none">"This page was made by another version of Pointwork. Load it again."</p> }
            .into_any();
    };
    let clock = expect_context::<Clock>();
    follow(id, run, clock);
    ask_for_output(desk, id, run);
    let work = desk.work();
    let summary = StoredValue::new(Summary::default());
    Effect::new(move |_| {
        let status = run.status();
        run.changed.track();
        let is_over = status.is_final();
        if !is_over {
            clock.now.track();
        }
        work.is_running.set(!is_over);
        let (cards, outputs) = run.with(|state| shown(state, untrack(|| run.now(clock))));
        if !is_over {
            let shares = standing::shares(cards.values().map(|card| card.key));
            let said = summary.try_update_value(|summary| summary.say(&shares, super::super::desk::now()));
            if let Some(text) = said.flatten() {
                desk.say(format!("Running: {text}."));
            }
        }
        desk.show_states(cards, outputs);
    });
    Effect::new(move |before: Option<RunStatus>| {
        let status = run.status();
        if before != Some(status) && status.is_final() {
            desk.tell(format!("The run {}.", look::run(status).word));
            // What its tasks gave is what fields show from now on.
            spawn_local(known::learn_run(desk, id.to_string()));
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
        view! { <p class="muted">{format!("{n} of earlier runs taken: {}", started.reused.join(", "))}</p> }
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
            <Output desk id run/>
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
        given.update_untracked(|given| drop(given.insert(task.clone(), Given::OnTheWay)));
        spawn_local(async move {
            let url = format!("/api/v1/runs/{id}/tasks/{}/output", format::url_part(&task));
            let output = known::get(&url).await.map_or(Given::Lost, Given::Here);
            given.try_update(|given| given.insert(task, output));
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

/// How the selected task stands in the run.
#[derive(Clone, PartialEq)]
struct Stands {
    task: String,
    /// None if the run does not know it.
    in_run: Option<InRun>,
}

#[derive(Clone, PartialEq)]
struct InRun {
    name: String,
    status: TaskStatus,
    error: Option<String>,
    /// Whether what it gave is at hand, which does not change any more; none if nothing was given yet.
    has_given: Option<bool>,
}

/// What the selected task gave.
#[component]
fn Output(desk: Desk, id: RunId, run: LiveRun) -> impl IntoView {
    let given = desk.work().given;
    // What one has opened in the tree stays open while others go on.
    let stands = Memo::new(move |_| {
        run.changed.track();
        let task = desk
            .selection
            .with(|selection| selection.primary().map(str::to_owned))?;
        let in_run = run.plan().find(&task).map(|ix| {
            let view = run.task(ix);
            InRun {
                name: view.name,
                status: view.state,
                error: view.error.map(|error| error.message),
                has_given: match run.with(|state| output_of(state, ix).is_some()) {
                    true => Some(true),
                    false => given.with(|given| match given.get(&task) {
                        Some(Given::Here(_)) => Some(true),
                        Some(Given::Lost) => Some(false),
                        Some(Given::OnTheWay) | None => None,
                    }),
                },
            }
        });
        Some(Stands { task, in_run })
    });
    move || {
        let Some(Stands { task, in_run }) = stands.get() else {
            return view! { <p class="muted">"Select a task to see what it gave."</p> }.into_any();
        };
        let Some(in_run) = in_run else {
            return view! { <p class="muted">{format!("{task} is not part of this run.")}</p> }.into_any();
        };
        let error = in_run
            .error
            .map(|error| view! { <p class="ed-none" data-state="failed">{error}</p> });
        // Of the run itself: what pinning takes is put by only after this was asked.
        let output = run
            .with(|state| {
                let ix = state.plan().find(&task)?;
                output_of(state, ix).map(Part::of)
            })
            .or_else(|| {
                given.with_untracked(|given| match given.get(&task) {
                    Some(Given::Here(output)) if !output.is_null() => Some(Part::of(output)),
                    _ => None,
                })
            });
        let lost = (in_run.has_given == Some(false)).then(|| {
            let url = format!("/api/v1/runs/{id}/tasks/{}/output", format::url_part(&task));
            let file = format!("{task}-output.json");
            view! {
                <p class="ed-run-line">
                    <span class="muted">"What it gave is too large to be shown here."</span>
                    <a class="button quiet small" href=url download=file rel="external"><Icon name="u-download"/> "Download"</a>
                </p>
            }
        });
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
        let given = output.map(|part| {
            let is_cut = !part.more.is_empty();
            let more = is_cut.then(
                || view! { <p class="muted">"Not all of it is shown: open the run to see the rest."</p> },
            );
            view! { <Tree part root=outputs::reference(&task) label="Output"/> {more} }
        });
        view! {
            <div class="ed-run-line"><strong>{in_run.name}</strong> <span class="muted">{look::status(in_run.status).word}</span> {pin}</div>
            {error} {given} {lost}
        }
        .into_any()
    }
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
            let text = match view.given_by.as_deref() {
                Some(trial::UNKNOWN) => "unknown: null",
                _ if is_pinned => "pinned",
                None | Some(trial::RECORDED) => "reused",
                Some(_) => "given",
            };
            card.text = text.to_owned();
            if text == "unknown: null" {
                card.title = "nothing is known of it: null was given".to_owned();
            }
        }
        cards.insert(key, card);
        // Taking a task back has no card of its own.
        let undone = state.plan().task(ix).key.strip_suffix(".undo").map(str::to_owned);
        if let Some(card) = undone.and_then(|task| cards.get_mut(&task))
            && view.state == TaskStatus::Failed
        {
            let why = view
                .error
                .map_or_else(String::new, |error| format!(": {}", error.message));
            card.title = format!("{}; it could not be taken back{why}", card.title);
            "not taken back".clone_into(&mut card.text);
        }
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
