//! The flow simulated in the browser: the state machine that decides real runs, on a clock that jumps, with what tasks are told to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use editor::trying::{Ends, Told, stub, usual};
use flow::Timestamp;
use flow::simulate::{Progress, Scenario, Simulation};
use leptos::prelude::*;
use serde_json::Value;

use super::super::desk::Desk;
use super::PanelHead;
use super::running::shown;
use super::trial::{NotRight, document};
use crate::format;
use crate::icons::Icon;
use crate::look;
use crate::parts::Badge;

/// How long a moment is shown while the simulation plays.
const MOMENT: Duration = Duration::from_millis(450);

/// What is set up and how far it has come.
#[derive(Clone, Copy)]
struct Bench {
    desk: Desk,
    simulation: StoredValue<Option<Simulation>, LocalStorage>,
    /// What tasks are told, by their ids.
    told: RwSignal<BTreeMap<String, Told>>,
    /// What the run is given, as JSON.
    inputs: RwSignal<String>,
    wrong: RwSignal<Option<String>>,
    progress: RwSignal<Option<Progress>>,
    is_playing: RwSignal<bool>,
    /// Counts moments.
    moment: RwSignal<u32>,
    /// The document that is simulated, as it was counted.
    rev: RwSignal<u64>,
}

/// The panel.
#[component]
pub(super) fn Simulate(desk: Desk) -> impl IntoView {
    let bench = Bench {
        desk,
        simulation: StoredValue::new_local(None),
        told: RwSignal::default(),
        inputs: RwSignal::default(),
        wrong: RwSignal::new(None),
        progress: RwSignal::new(None),
        is_playing: RwSignal::new(false),
        moment: RwSignal::new(0),
        rev: RwSignal::new(0),
    };
    // What the last run was given, until somebody types something else.
    let is_typed = RwSignal::new(false);
    Effect::new(move |_| {
        // Only of inputs that the flow still has.
        let recorded = desk.work().recorded.with(|recorded| {
            let mut inputs = recorded.as_ref()?.inputs.clone();
            if let Some(inputs) = inputs.as_object_mut() {
                desk.with(|session| {
                    let own = session.value().get("inputs");
                    inputs.retain(|name, _| own.and_then(|own| own.get(name)).is_some());
                });
            }
            Some(inputs.to_string())
        });
        if !is_typed.get_untracked() {
            bench.inputs.set(recorded.unwrap_or_else(|| "{}".to_owned()));
        }
    });
    on_cleanup(move || desk.hide_states());
    let is_stale = move || {
        let rev = desk.rev.get();
        bench.progress.with(Option::is_some) && rev != bench.rev.get()
    };
    let play = move |_| match bench.is_playing.get_untracked() {
        true => bench.is_playing.set(false),
        false => bench.play(),
    };
    view! {
        <section class="ed-drawer ed-panel" aria-label="Simulate">
            <PanelHead desk title="Simulate">
                <span class="grow muted cut">"Nothing is done: tasks give what they gave in the last run, or what you say."</span>
                <button type="button" class="button small" on:click=play>
                    <Icon name=Signal::derive(move || if bench.is_playing.get() { "u-pause".to_owned() } else { "u-play".to_owned() })/>
                    {move || if bench.is_playing.get() { "Pause" } else { "Play" }}
                </button>
                <button type="button" class="button small" on:click=move |_| bench.step_once()>"Step"</button>
                <button type="button" class="button small" on:click=move |_| bench.to_the_end()>"To the end"</button>
                <button type="button" class="button quiet small" on:click=move |_| bench.stop()>
                    <Icon name="u-again"/>
                    "Reset"
                </button>
            </PanelHead>
            <div class="ed-panel-body ed-simulate">
                <div>
                    <Outcome bench/>
                    {move || is_stale().then(|| view! { <p class="note" data-state="attention"><Icon name="s-attention"/> <span class="grow">"The flow has changed since this began. Reset and play it again."</span></p> })}
                    {move || bench.wrong.get().map(|why| match why.as_str() {
                        "" => view! { <NotRight desk/> }.into_any(),
                        why => view! { <p class="note" data-state="failed" role="alert"><Icon name="s-failed"/> <span class="grow">{why.to_owned()}</span></p> }.into_any(),
                    })}
                    <label for="sim-inputs">"Inputs, as JSON"</label>
                    <textarea
                        id="sim-inputs"
                        class="code"
                        rows="2"
                        spellcheck="false"
                        prop:value=move || bench.inputs.get()
                        on:input=move |event| {
                            is_typed.set(true);
                            bench.inputs.set(event_target_value(&event));
                        }
                    ></textarea>
                </div>
                <Telling bench/>
            </div>
        </section>
    }
}

impl Bench {
    /// Sets it up as it was told. False if it cannot be.
    fn begin(self) -> bool {
        self.wrong.set(None);
        match self.scenario() {
            Ok((doc, scenario)) => {
                self.simulation
                    .set_value(Some(Simulation::start(Arc::new(doc), scenario)));
                self.progress.set(Some(Progress::Going));
                self.rev.set(self.desk.rev.get_untracked());
                self.show();
                true
            }
            Err(why) => {
                self.wrong.set(Some(why));
                false
            }
        }
    }

    /// No text: the document is not right.
    fn scenario(self) -> Result<(flow::FlowDoc, Scenario), String> {
        let doc = document(self.desk).ok_or_else(String::new)?;
        let inputs: Value = serde_json::from_str(&self.inputs.get_untracked())
            .map_err(|error| format!("the inputs are not JSON: {error}"))?;
        let inputs = flow::inputs::resolve(&doc, inputs).map_err(|problems| {
            problems
                .first()
                .map_or_else(String::new, |problem| problem.message.clone())
        })?;
        let recorded = self.desk.work().recorded.with_untracked(|recorded| {
            let tasks = recorded.iter().flat_map(|recorded| &recorded.tasks);
            let given = tasks.filter_map(|(task, did)| Some((task.clone(), did.output.clone()?)));
            given.collect::<BTreeMap<String, Value>>()
        });
        let told = self.told.get_untracked();
        let mut stubs = BTreeMap::new();
        let sections = [&doc.tasks, &doc.finally, &doc.on_failure];
        for (id, task) in sections.into_iter().flatten() {
            let usual = self.desk.with(|session| {
                let schema = session
                    .type_of(&task.task_type)
                    .map(|known| known.output_schema.clone());
                usual(id, &recorded, schema.as_ref())
            });
            let asked = told.get(id).cloned().unwrap_or_default();
            let usual = match task.task_type.as_str() {
                // What it gave tells the whole answer; the form's values are in it.
                "approval" => usual.and_then(|usual| usual.get("values").cloned()),
                _ => usual,
            };
            stubs.insert(
                id.clone(),
                stub(&asked, usual).map_err(|why| format!("{id}: {why}"))?,
            );
        }
        let is_told = |id: &String| told.get(id).is_none_or(|told| *told == Told::default());
        let pinned = doc.pins.iter().filter(|(id, _)| is_told(id));
        let scenario = Scenario {
            inputs,
            pinned: pinned.map(|(id, output)| (id.clone(), output.clone())).collect(),
            stubs,
            seed: 1,
            at: Timestamp::from_millis(js_sys::Date::now() as i64),
            ..Scenario::default()
        };
        Ok((doc, scenario))
    }

    fn is_going(self) -> bool {
        self.progress
            .with_untracked(|progress| *progress == Some(Progress::Going))
    }

    /// A moment goes by, unseen.
    fn advance(self) {
        let progress = self
            .simulation
            .try_update_value(|simulation| simulation.as_mut().map(Simulation::step))
            .flatten();
        self.progress.set(progress);
    }

    fn step(self) {
        self.advance();
        self.show();
    }

    fn step_once(self) {
        self.is_playing.set(false);
        if !self.is_going() {
            self.begin();
        } else {
            self.step();
        }
    }

    fn to_the_end(self) {
        /// A flow that goes on for longer is told to.
        const MOMENTS_MAX: usize = 20_000;
        self.is_playing.set(false);
        if self.is_going() || self.begin() {
            for _ in 0..MOMENTS_MAX {
                if !self.is_going() {
                    break;
                }
                self.advance();
            }
            self.show();
        }
    }

    fn play(self) {
        if self.is_going() || self.begin() {
            self.is_playing.set(true);
            self.next();
        }
    }

    /// The next moment, after a while.
    fn next(self) {
        set_timeout(
            move || {
                if self.is_playing.is_disposed() || !self.is_playing.get_untracked() {
                    return;
                }
                self.step();
                if self.is_going() {
                    self.next();
                } else {
                    self.is_playing.set(false);
                }
            },
            MOMENT,
        );
    }

    fn stop(self) {
        self.is_playing.set(false);
        self.simulation.set_value(None);
        self.progress.set(None);
        self.desk.hide_states();
    }

    fn show(self) {
        self.moment.update(|moment| *moment += 1);
        let found = self.simulation.with_value(|simulation| {
            simulation
                .as_ref()
                .map(|simulation| shown(simulation.state(), simulation.now()))
        });
        if let Some((cards, outputs)) = found {
            self.desk.show_states(cards, outputs);
        }
        if let Some(words) = self.words() {
            self.desk.say(words);
        }
    }

    /// What would come of the run, once that is known.
    fn words(self) -> Option<String> {
        let progress = self.progress.get_untracked()?;
        self.simulation.with_value(|simulation| {
            let simulation = simulation.as_ref()?;
            let summary = simulation.state().summary();
            let took = format::duration(format::span(summary.created_at, simulation.now()));
            Some(match progress {
                Progress::Going => return None,
                Progress::TooLong => "It would go on for ever, or nearly so.".to_owned(),
                Progress::Stuck(lacks) => {
                    let lacks: Vec<_> = lacks
                        .iter()
                        .take(3)
                        .map(|(task, why)| format!("{task}: {why}"))
                        .collect();
                    format!("It would wait for ever. {}", lacks.join(" "))
                }
                Progress::Ended => {
                    let why = summary.error.map_or_else(String::new, |error| {
                        let task = error.task.map_or_else(String::new, |task| format!("{task}: "));
                        format!(" {task}{}.", error.message.trim_end_matches('.'))
                    });
                    format!(
                        "The run would have {} after {took}.{why}",
                        look::run(summary.state).word
                    )
                }
            })
        })
    }
}

/// Where the simulation is.
#[component]
fn Outcome(bench: Bench) -> impl IntoView {
    move || {
        bench.moment.track();
        let progress = bench.progress.get();
        if progress.is_none() {
            return view! { <p class="muted">"Play it, or go step by step. Select a task to say what it does."</p> }.into_any();
        }
        let state = bench.simulation.with_value(|simulation| {
            let simulation = simulation.as_ref()?;
            let summary = simulation.state().summary();
            Some((
                summary.state,
                format::duration(format::span(summary.created_at, simulation.now())),
            ))
        });
        let Some((status, time)) = state else {
            return ().into_any();
        };
        let words = bench.words();
        view! {
            <div class="ed-run-line" data-outcome=status.key()>
                <Badge look=Signal::derive(move || look::run(status))/>
                <span class="num">{time} " on its clock"</span>
            </div>
            {words.map(|words| view! { <p><strong>{words}</strong></p> })}
        }
        .into_any()
    }
}

/// What the selected task is told to do.
#[component]
fn Telling(bench: Bench) -> impl IntoView {
    let desk = bench.desk;
    let id = Memo::new(move |_| {
        desk.selection
            .with(|selection| selection.primary().map(str::to_owned))
    });
    let others = move || {
        let told = bench.told.get();
        let told = told.into_iter().filter(|(_, told)| *told != Told::default());
        let rows = told
            .map(|(task, told)| {
                let (to, from) = (task.clone(), task.clone());
                view! {
                    <li>
                        <button type="button" class="button quiet small" on:click=move |_| desk.jump(&to)>{task}</button>
                        <span class="grow">{told.ends.words()} {(!told.takes.is_empty()).then(|| format!(" after {}", told.takes))}</span>
                        <button
                            type="button"
                            class="button quiet square"
                            aria-label=format!("Tell {from} nothing")
                            on:click=move |_| bench.told.update(|told| drop(told.remove(&from)))
                        >
                            <Icon name="u-close"/>
                        </button>
                    </li>
                }
            })
            .collect_view();
        view! { <ul class="ed-told">{rows}</ul> }
    };
    let form = move || {
        let Some(id) = id.get() else {
            return view! { <p class="muted">"Select a task on the canvas to let it fail, time out, or give something else."</p> }.into_any();
        };
        let told = bench
            .told
            .with_untracked(|told| told.get(&id).cloned().unwrap_or_default());
        let change = {
            let id = id.clone();
            move |change: &dyn Fn(&mut Told)| {
                bench
                    .told
                    .update(|told| change(told.entry(id.clone()).or_default()));
            }
        };
        let ends = RwSignal::new(told.ends);
        let typed = |part: fn(&mut Told) -> &mut String| {
            let change = change.clone();
            move |event: web_sys::Event| {
                let text = event_target_value(&event);
                change(&|told| part(told).clone_from(&text));
            }
        };
        let (on_output, on_takes, on_error) = (
            typed(|told| &mut told.output),
            typed(|told| &mut told.takes),
            typed(|told| &mut told.error),
        );
        let choices = Ends::ALL
            .map(|choice| view! { <option value=choice.key() selected=choice == told.ends>{choice.words()}</option> });
        let sample = move || match desk.with(|session| super::is_pinned(session.value(), &id)) {
            true => "as it is pinned",
            false => "as in the last run, or as its type gives",
        };
        let hint = sample();
        view! {
            <div class="ed-telling">
                <label for="sim-ends">"The task"</label>
                <select
                    id="sim-ends"
                    on:change=move |event| {
                        let chosen = Ends::from_key(&event_target_value(&event));
                        ends.set(chosen);
                        change(&|told| told.ends = chosen);
                    }
                >
                    {choices}
                </select>
                <label for="sim-takes">"after"</label>
                <input
                    id="sim-takes"
                    type="text"
                    placeholder="1s"
                    autocomplete="off"
                    value=told.takes
                    on:input=on_takes
                />
                <label for="sim-output" hidden=move || ends.get() != Ends::Succeeds>"with this output"</label>
                <textarea
                    id="sim-output"
                    class="code"
                    rows="2"
                    spellcheck="false"
                    placeholder=hint
                    hidden=move || ends.get() != Ends::Succeeds
                    prop:value=told.output
                    on:input=on_output
                ></textarea>
                <label for="sim-error" hidden=move || ends.get() != Ends::Fails>"because"</label>
                <input
                    id="sim-error"
                    type="text"
                    placeholder="it was told to fail"
                    autocomplete="off"
                    hidden=move || ends.get() != Ends::Fails
                    value=told.error
                    on:input=on_error
                />
            </div>
        }
        .into_any()
    };
    view! {
        <div>
            <h3>{move || id.get().map_or_else(|| "What tasks do".to_owned(), |id| format!("What {id} does"))}</h3>
            {form}
            {others}
        </div>
    }
}
